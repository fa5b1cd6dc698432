"""The lexer of the compiler and that of the JavaScript host agree: statements, keys and literals (web/lexer.js L1)."""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from turso_wasm.sql.keywords import KEYWORDS
from turso_wasm.sql.lexer import END, normalize, tokenize

HERE = Path(__file__).parent
SCRIPTS = (
    "SELECT 1; SELECT 'a;b' -- c;\n; /* ; */ ;; SELECT \"x;\"",
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; DELETE FROM u; END; SELECT 2",
    "CREATE TEMP TRIGGER r BEGIN SELECT CASE WHEN 1 THEN 2 END; END; SELECT 2;",
    "EXPLAIN QUERY PLAN CREATE TRIGGER r BEGIN SELECT 1; END; SELECT 3",
    "EXPLAIN CODE CREATE TRIGGER r BEGIN SELECT 1;",
    "INSERT INTO t VALUES (1, 'it''s', x'00Ff', -2.5e3, NULL), (+ 3, '', x'', .5, null);SELECT 1",
    "SELECT x IN /* ( */(1, 2), y IN -- (\n(NULL, 'a'); VALUES/* x */(1), -- (\n/**/(2), /* y */ (3)",
    "VALUES (1), (2) , (3) UNION VALUES (1), (2, 3); VALUES (1), (x)",
    "SELECT 9223372036854775807, 9223372036854775808, -9223372036854775808, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF",
    "VALUES (9223372036854775808, -9223372036854775808), (- 0x8000000000000000, 1); VALUES (0x8000000000000000), (-0)",
    "SELECT 1_000, 1__0, 0x_1, 0x1_f, 1_., 1e5_0, 12345678901234567890123, 1e999, 0x10000000000000000",
    "SELECT sum(x) FILTER (WHERE x) OVER (ORDER BY y), over, filter FROM window WINDOW w AS (x)",
    "SELECT $a, :b, @c, #d, ?, ?12, $a::b(c), $x(a b), $y(, :1, $::z, $ a, @",
    "SELECT 'open", "SELECT \"open", "SELECT [open", "SELECT x'1", "SELECT x'1g'", "SELECT 1a, 1.5x, 0xg", "/* open",
    "/*",
    "SELECT 1 \0 ; SELECT 2", "SELECT 'a\0b'", "", " ; ;; -- x", "SELECT été, \ufeff 1, ſelect, 'ü', \U0001f98a",
    "SELECT a->b, a->>'$.c', a||b, a|b, a<>b, a!=b, a==b, a<<2, a>=b, a.b, .5, 5., a!b",
)  # fmt: skip
PIECES = (
    *sorted(KEYWORDS), *" \t\n\r\f,;()[]{}*=+~&%-/<>|.!?$@:#'\"`\\\0^_", "--", "/*", "*/", "::", "0x", "x'", "X'ab'",
    "1e", "1_0", "a", "t", "é", "\ufeff", "\U0001f98a", "\x85", "\x1c", "'a'", "''", '"b"', "[c]", "`d`", "VALUES",
    "(1,2),(3,4)", "VALUES(1),(2)", " over ", " FILTER(", ") over (", ") OVER w", "window w AS", "CREATE TRIGGER ",
    " BEGIN ", "END;", "END", "-0.0", "1.5", "9223372036854775808", "0x8000000000000000", "-", "NULL", "null,", "$a(",
    "?7", ":x", "1.", ".5e-3", "IN (1, 2)", "in('a')",
)  # fmt: skip


def spelled(literal: Any) -> Any:
    match literal:
        case tuple():
            return [[spelled(value) for value in row] for row in literal]
        case bytes():
            return f"b{literal.hex()}"
        case int():
            return f"i{literal}"
        case float():
            return f"r{struct.pack('>d', literal).hex()}"
        case None:
            return "n"
    return f"t{literal}"


def statements(sql: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    at = 0
    while True:
        tokens = tokenize(sql, at)
        while tokens.kinds[0] == ";":
            tokens = tokenize(sql, tokens.end)
        if tokens.kinds[0] == END:
            return found
        key, literals = normalize(tokens)
        tail = tokens.end < len(sql) and tokenize(sql, tokens.end).kinds[0] != END
        end = len(sql[: tokens.end].encode("utf-16-le", "surrogatepass")) // 2
        found.append([key, [spelled(literal) for literal in literals], end, tail])
        at = tokens.end


def compare(texts: list[str]) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    command = [node, str(HERE / "lexer.mjs")]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    for sql, theirs in zip(texts, json.loads(done.stdout), strict=True):
        assert statements(sql) == theirs, sql


def recorded() -> Iterable[str]:
    for path in sorted((HERE.parent / "sql").glob("*.test")):
        yield path.read_text("utf-8")
        yield from path.read_text("utf-8").splitlines()


def test_they_agree_on_what_is_written_down() -> None:
    compare([*SCRIPTS, *recorded()])


def test_they_agree_on_nonsense() -> None:
    chance = random.Random(7)
    compare(["".join(chance.choices(PIECES, k=chance.randrange(1, 14))) for _ in range(20_000)])


def test_they_agree_on_nonsense_between_words() -> None:
    chance = random.Random(8)
    compare([" ".join(chance.choices(PIECES, k=chance.randrange(1, 30))) for _ in range(10_000)])
