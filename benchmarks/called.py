"""What is called in queries, beside sqlite3 and apsw: JSON, full-text search, R-Trees, code of the user's.

    python -m benchmarks.called [--match TEXT] [--repetitions 5]

Seconds of processor time, the quickest of several repetitions, in which the engines take turns in one process; for
each peer its time over ours, ✗ where that is less than the target. Every engine must give the same answer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TURSO_WASM_PROGRAMS", "0")

import apsw

import turso_wasm

DOCUMENTS, SHORT_DOCUMENTS, BOXES, CALLS = 200_000, 100_000, 100_000, 100_000
SEED = 11


@dataclass
class Trial:
    """A statement, executed `times` over; target: the ratio to reach, which holds for every peer.

    parameters: of each execution, in turn; many: executemany of what it gives, rolled back.
    """

    name: str
    sql: str
    target: float
    times: int = 1
    parameters: tuple[tuple[Any, ...], ...] = ((),)
    many: Callable[[], list[tuple[Any, ...]]] | None = None


JSON_TRIALS = [
    Trial("json_extract, 200k", "SELECT sum(json_extract(j, '$.n')) FROM d", 2),
    Trial("json_extract of a nested text, 200k", "SELECT max(json_extract(j, '$.o.name')) FROM d", 2),
    Trial("->> of two members, 200k", "SELECT count(*) FROM d WHERE j ->> 'n' > 500 AND j ->> '$.tags[1]' > 'm'", 2),
    Trial("json_extract of JSONB, 200k", "SELECT sum(json_extract(b, '$.n')) FROM d", 2),
    Trial("json_each of an array, 200k", "SELECT count(*) FROM d, json_each(j, '$.tags') WHERE value > 'm'", 2),
    Trial("json_each of an object, 200k", "SELECT count(*), max(key) FROM d, json_each(j)", 2),
    Trial("json_tree, 200k", "SELECT count(*), max(fullkey) FROM d, json_tree(j)", 2),
    Trial("json_each of one array of 500k", "SELECT sum(value) FROM big, json_each(a)", 2),
    Trial("json_each of JSONB, 200k", "SELECT count(*) FROM d, json_each(b, '$.tags') WHERE value > 'm'", 2),
]

INDEXING = "INSERT INTO g(rowid, body) VALUES (?, ?)"
FTS_TRIALS = [
    Trial("FTS5: indexing of 100k documents", INDEXING, 1, many=lambda: list(enumerate(texts(SHORT_DOCUMENTS)))),
    Trial(
        "FTS5: a rare word",
        "SELECT rowid FROM f WHERE f MATCH ?",
        2,
        20,
        tuple((f"w{n}",) for n in (3001, 3500, 4444, 4999)),
    ),
    Trial("FTS5: a rare word, with its text", "SELECT rowid, body FROM f WHERE f MATCH ?", 2, 20, (("w4001",),)),
    Trial("FTS5: a phrase", "SELECT rowid FROM f WHERE f MATCH ?", 2, 1, (('"w1 w2"',), ('"w3 w5"',))),
    Trial("FTS5: AND", "SELECT rowid FROM f WHERE f MATCH ?", 2, 1, (("w3 w7",), ("w10 w2",), ("w64 w1",))),
    Trial("FTS5: OR", "SELECT rowid FROM f WHERE f MATCH ?", 2, 1, (("w3 OR w7",), ("w10 OR w20",))),
    Trial("FTS5: NEAR", "SELECT rowid FROM f WHERE f MATCH ?", 2, 1, (("NEAR(w3 w7, 4)",),)),
    Trial("FTS5: a prefix", "SELECT rowid FROM f WHERE f MATCH ?", 2, 1, (("w12*",),)),
    Trial("FTS5: count", "SELECT count(*) FROM f WHERE f MATCH ?", 2, 2, (("w1",), ("w4",), ("w20",))),
    Trial("FTS5: count of an AND", "SELECT count(*) FROM f WHERE f MATCH ?", 2, 2, (("w1 w2",), ("w4 w8",))),
    Trial("FTS5: count of a phrase", "SELECT count(*) FROM f WHERE f MATCH ?", 2, 2, (('"w1 w2"',),)),
    Trial(
        "FTS5: ORDER BY rank LIMIT 10, a word",
        "SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 10",
        2,
        1,
        (("w2",), ("w20",)),
    ),
    Trial(
        "FTS5: ORDER BY rank LIMIT 10, OR",
        "SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 10",
        2,
        1,
        (("w5 OR w40",), ("w100 OR w3 OR w9",)),
    ),
    Trial("FTS5: snippets", "SELECT snippet(f, 0, '[', ']', '…', 8) FROM f WHERE f MATCH ?", 1, 1, (("w20 w3",),)),
]

RTREE_TRIALS = [
    Trial("R-Tree: 100k boxes inserted", "INSERT INTO s VALUES (?, ?, ?, ?, ?)", 1, many=lambda: list(boxes(BOXES))),
    Trial(
        "R-Tree: 2000 windows",
        "SELECT count(*) FROM r WHERE x0 <= ?1 + 10 AND x1 >= ?1 AND y0 <= ?2 + 10 AND y1 >= ?2",
        1,
        1,
        tuple((i * 7 % 1000, i * 13 % 1000) for i in range(2000)),
    ),
    Trial("R-Tree: a large window", "SELECT count(*), sum(id) FROM r WHERE x0 < 500 AND y0 < 800", 1, 5),
]

CALL_TRIALS = [
    Trial("a function, 100k", "SELECT sum(f1(n)) FROM c", 1),
    Trial("a function of a text, 100k", "SELECT max(f2(t)) FROM c", 1),
    Trial("a function in WHERE, 100k", "SELECT count(*) FROM c WHERE f1(n) > 500", 1),
    Trial(
        "a function in a subquery, 100k",
        "SELECT (SELECT sum(f1(n)) FROM c), (SELECT count(*) FROM c WHERE f1(n) > 3)",
        1,
    ),
    Trial("a function in UPDATE, 100k", "UPDATE c SET m = f1(n)", 1),
    Trial("a function in INSERT, 100k", "INSERT INTO e SELECT f1(n) FROM c", 1),
    Trial("an aggregate, 100k", "SELECT a1(n) FROM c", 1),
    Trial("a window function, running, 100k", "SELECT sum(x) FROM (SELECT w1(n) OVER (ORDER BY n) AS x FROM c)", 1),
    Trial(
        "a window function, moving frame, 100k",
        "SELECT sum(x) FROM (SELECT w1(n) OVER (ORDER BY n ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS x FROM c)",
        1,
    ),
    Trial(
        "a window function, partitions, 100k",
        "SELECT sum(x) FROM (SELECT w1(n) OVER (PARTITION BY n % 100) AS x FROM c)",
        1,
    ),
]


def texts(n: int) -> Iterator[str]:
    """Texts of 8 to 24 words: w1 is the most frequent, w5000 the rarest, as in a language."""
    made = random.Random(SEED)
    words = [f"w{k}" for k in range(1, 5001)]
    weights = [1 / k for k in range(1, 5001)]
    for _ in range(n):
        yield " ".join(made.choices(words, weights, k=made.randrange(8, 25)))


def documents(n: int) -> Iterator[str]:
    """JSON texts of six members."""
    made = random.Random(SEED)
    for i in range(n):
        tags = [made.choice("abcdefghijklmnopqrstuvwxyz") * 5 for _ in range(made.randrange(2, 7))]
        inner = {"name": f"name {i % 1000}", "ok": i % 2 == 0, "at": [i, i * 0.5, None]}
        yield json.dumps({"id": i, "title": f"document {i}", "tags": tags, "o": inner, "n": i % 1000, "z": i / 3})


def boxes(n: int) -> Iterator[tuple[float, ...]]:
    """Boxes of a plane."""
    made = random.Random(SEED)
    for i in range(n):
        x, y = made.random() * 1000, made.random() * 1000
        yield i, x, x + made.random() * 5, y, y + made.random() * 5


class Sum:
    """Of integers, as an aggregate and as a window function."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: int) -> None:
        """A row comes."""
        self.total += value

    def inverse(self, value: int) -> None:
        """A row goes."""
        self.total -= value

    def value(self) -> int:
        """What it is now."""
        return self.total

    finalize = value


class Engine:
    """One connection, with a common interface."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "apsw":
            self.db: Any = apsw.Connection(":memory:")
            self._register_apsw()
        else:
            module: Any = sqlite3 if name == "sqlite3" else turso_wasm
            self.db = module.connect(":memory:", isolation_level=None)
            self._register()

    def _register(self) -> None:
        self.db.create_function("f1", 1, lambda n: n * 3 % 1000, deterministic=True)
        self.db.create_function("f2", 1, lambda t: t.upper(), deterministic=True)
        self.db.create_aggregate("a1", 1, Sum)
        self.windows = hasattr(self.db, "create_window_function")
        if self.windows:
            self.db.create_window_function("w1", 1, Sum)

    def _register_apsw(self) -> None:
        self.db.create_scalar_function("f1", lambda n: n * 3 % 1000, 1, deterministic=True)
        self.db.create_scalar_function("f2", lambda t: t.upper(), 1, deterministic=True)
        self.db.create_aggregate_function("a1", lambda: (Sum(), Sum.step, Sum.finalize), 1)
        self.db.create_window_function("w1", lambda: (Sum(), Sum.step, Sum.finalize, Sum.value, Sum.inverse), 1)
        self.windows = True

    def fill(self, kind: str) -> None:
        """Make the tables of some trials."""
        execute = self.db.execute
        if kind == "json":
            execute("CREATE TABLE d(id INTEGER PRIMARY KEY, j TEXT, b BLOB)")
            self.many("INSERT INTO d VALUES (?, ?, NULL)", list(enumerate(documents(DOCUMENTS))))
            if self.name != "sqlite3":
                execute("UPDATE d SET b = jsonb(j)")
            execute("CREATE TABLE big(a TEXT)")
            execute("INSERT INTO big VALUES (?)", (json.dumps(list(range(500_000))),))
        elif kind == "fts":
            execute("CREATE VIRTUAL TABLE f USING fts5(body)")
            self.many("INSERT INTO f(rowid, body) VALUES (?, ?)", list(enumerate(texts(SHORT_DOCUMENTS))))
            execute("CREATE VIRTUAL TABLE g USING fts5(body)")
        elif kind == "rtree":
            execute("CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1)")
            self.many("INSERT INTO r VALUES (?, ?, ?, ?, ?)", list(boxes(BOXES)))
            execute("CREATE VIRTUAL TABLE s USING rtree(id, x0, x1, y0, y1)")
        else:
            execute("CREATE TABLE c(n INTEGER, t TEXT, m)")
            self.many("INSERT INTO c VALUES (?, ?, NULL)", [(i, f"text {i}") for i in range(CALLS)])
            execute("CREATE TABLE e(x)")

    def many(self, sql: str, rows: list[tuple[Any, ...]], end: str = "COMMIT") -> None:
        """Execute a statement for each row, in a transaction that ends so."""
        self.db.execute("BEGIN")
        (self.db.cursor() if self.name != "apsw" else self.db).executemany(sql, rows)
        self.db.execute(end)

    def run(self, trial: Trial, rows: list[tuple[Any, ...]]) -> tuple[float, Any]:
        """Seconds of a trial, and its last answer."""
        answer: Any = None
        execute = self.db.execute
        before = time.process_time()
        for _ in range(trial.times):
            if trial.many:
                self.many(trial.sql, rows, "COMMIT")
            else:
                for values in trial.parameters:
                    answer = execute(trial.sql, values).fetchall()
        took = time.process_time() - before
        if trial.many:
            table = trial.sql.split()[2].split("(")[0]
            answer = execute(f"SELECT count(*) FROM {table}").fetchall()
            execute(f"DELETE FROM {table}")
        elif trial.sql.startswith("INSERT"):
            execute("DELETE FROM e")
        return took, answer

    def can(self, trial: Trial) -> bool:
        """Whether the engine, which may be old, has what the trial needs."""
        return ("w1(" not in trial.sql or self.windows) and (self.name != "sqlite3" or "JSONB" not in trial.name)


KINDS = {"json": JSON_TRIALS, "fts": FTS_TRIALS, "rtree": RTREE_TRIALS, "calls": CALL_TRIALS}


def measure(engines: list[Engine], trial: Trial, repetitions: int) -> None:
    """Run a trial and print its line."""
    rows = trial.many() if trial.many else []
    able = [engine for engine in engines if engine.can(trial)]
    best: dict[str, float] = {}
    answers: dict[str, Any] = {}
    for _ in range(repetitions):
        for engine in able:
            took, answers[engine.name] = engine.run(trial, rows)
            best[engine.name] = min(took, best.get(engine.name, took))
    ours = best["turso_wasm"]
    ratios = {name: took / ours for name, took in best.items() if name != "turso_wasm"}
    cells = "".join(f"{f'{ratios[name]:.2f}' if name in ratios else '–':>9}" for name in ("sqlite3", "apsw"))
    missed = " ✗" if min(ratios.values()) < trial.target else ""
    print(f"{trial.name:42}{ours * 1000:9.1f} ms{cells}   ≥ {trial.target:g}{missed}", flush=True)
    expected = answers["apsw"]
    for name, answer in answers.items():
        if [tuple(row) for row in answer or ()] != [tuple(row) for row in expected or ()]:
            print(f"    {name} answers otherwise: {str(answer)[:80]} instead of {str(expected)[:80]}")


def main(arguments: list[str]) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.called", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--match", default="", help="only trials whose name contains this")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args(arguments)
    print(
        f"SQLite {sqlite3.sqlite_version} (sqlite3), {apsw.sqlite_lib_version()} (apsw); load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':42}{'ours':>9}   {'sqlite3':>9}{'apsw':>9}   target")
    for kind, trials in KINDS.items():
        chosen = [trial for trial in trials if options.match in trial.name]
        if chosen:
            engines = [Engine(name) for name in ("turso_wasm", "sqlite3", "apsw")]
            for engine in engines:
                engine.fill(kind)
            for trial in chosen:
                measure(engines, trial, options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
