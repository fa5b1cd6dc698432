"""Statements with tokens dropped, doubled, replaced or swapped: our parser says what SQLite says, at the same place."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from tests.oracle.parser import MetLater, our_refusal, sqlite_refusal
from turso_wasm.sql.keywords import KEYWORDS
from turso_wasm.sql.lexer import tokenize

N_MUTATIONS = int(os.environ.get("TURSO_SQL_MUTATIONS", "2000"))
HERE = Path(__file__).parents[2] / "unit" / "sql"
CORPUS = [
    line
    for file in ("accepted.txt", "rejected.txt")
    for line in (HERE / file).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
WORDS = sorted({text for sql in CORPUS for text in tokenize(sql).texts if 0 < len(text) < 20} | KEYWORDS)
OURS = re.compile(
    r"(update|delete)\b.*\b(order|limit)\b|explain\s+code|begin\s+concurrent|0x\w{17}"
    r"|(create|drop)\s+(type|domain|sequence)\b|values\b.*\bdefault\b",
    re.I | re.S,
)
"""Our extensions; and too big a hexadecimal number, which SQLite only sees where it is used."""


def mutated(sql: str, rng: random.Random) -> str:
    tokens = tokenize(sql)
    if not tokens.count:
        return sql
    a, b = sorted((rng.randrange(tokens.count), rng.randrange(tokens.count)))
    start, end = tokens.starts[a], tokens.ends[a]
    match rng.randrange(5):
        case 0:
            return sql[:start] + sql[end:]
        case 1:
            return sql[:end] + " " + sql[start:]
        case 2:
            return sql[:start] + rng.choice(WORDS) + sql[end:]
        case 3:
            return sql[:start] + rng.choice(WORDS) + " " + sql[start:]
        case _ if a < b:
            other, last = tokens.starts[b], tokens.ends[b]
            return sql[:start] + sql[other:last] + sql[end:other] + sql[start:end] + sql[last:]
    return sql


@pytest.mark.parametrize("seed", range(4))
def test_mutated_statements_are_refused_like_sqlite_does(seed: int) -> None:
    rng = random.Random(seed)
    n_compared = 0
    for _ in range(N_MUTATIONS):
        sql = rng.choice(CORPUS)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            sql = mutated(sql, rng)
        if OURS.search(sql):
            continue
        try:
            expected = sqlite_refusal(sql)
        except MetLater:
            our_refusal(sql)  # must not crash either
            continue
        n_compared += 1
        assert our_refusal(sql) == expected, sql
    assert n_compared > N_MUTATIONS * 0.8
