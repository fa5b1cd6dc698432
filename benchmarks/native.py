"""One engine in CPython: requests come as lines of JSON on standard input, answers go to standard output.

    python -m benchmarks.native <engine> <database file>

Engines: turso_wasm, sqlite3 (the standard library's), turso (pyturso), duckdb. Their interface is PEP 249, in
autocommit mode. DuckDB reads SQLite's files by an extension that is not on PyPI: it has a copy of the tables, in
memory, in its columns.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import values

Trial = dict[str, Any]


class Bench:
    """Runs trials on one connection."""

    def __init__(self, engine: str, path: str) -> None:
        os.environ["TURSO_WASM_PROGRAMS"] = "0"  # what was never seen before was not seen by an earlier run either
        self.db = (
            _columns(path)
            if engine == "duckdb"
            else importlib.import_module(engine).connect(path, isolation_level=None)
        )
        self.n_unseen = 0
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def run(self, trial: Trial) -> dict[str, Any]:
        """One repetition of a trial: {"ms", "cpu": processor time, "answer"}."""
        for sql in trial.get("before", ()):
            self.db.execute(sql)
        work = self._work(trial)
        processor, start = time.process_time(), time.perf_counter()
        answer = work()
        ms, cpu = (time.perf_counter() - start) * 1000, (time.process_time() - processor) * 1000
        if "rows" in trial:
            answer = _summary(answer)  # to free rows is no part of fetching them
        if "check" in trial:
            answer = self.db.execute(trial["check"]).fetchone()
        for sql in trial.get("after", ()):
            self.db.execute(sql)
        return {"ms": ms, "cpu": cpu, "answer": answer}

    def _work(self, trial: Trial) -> Callable[[], Any]:
        if "unseen" in trial:
            return lambda: self._run_unseen(trial["unseen"], trial["n"])
        if "run" in trial:
            return lambda: self.db.execute(trial["run"]).close()
        if "rows" in trial:
            return lambda: self.db.execute(trial["rows"]).fetchall()
        key = f"{trial['name']} {trial['n']}"
        if key not in self._rows:
            self._rows[key] = list(values.rows(trial["params"], trial["n"], values.SEED + 1))
        rows = self._rows[key]
        if "get" in trial:
            return lambda: self._get_all(trial["get"], rows)
        return lambda: self._run_all(trial["each"], rows, trial.get("transaction", False))

    def _run_unseen(self, sql: str, n: int) -> None:
        """Statements that were never prepared before: `…` is another sum of columns in each."""
        for _ in range(n):
            self.n_unseen += 1
            terms = " + ".join("be"[int(digit)] for digit in f"{self.n_unseen:b}")
            self.db.execute(sql.replace("…", terms), (1,)).fetchall()

    def _get_all(self, sql: str, rows: list[tuple[Any, ...]]) -> tuple[int, int]:
        execute = self.db.execute
        found = total = 0
        for row in rows:
            answer = execute(sql, row).fetchone()
            if answer is not None:
                found += 1
                total += answer[0] or 0
        return found, total

    def _run_all(self, sql: str, rows: list[tuple[Any, ...]], transaction: bool) -> None:
        if transaction:
            self.db.execute("BEGIN")
            self.db.cursor().executemany(sql, rows)
            self.db.execute("COMMIT")
            return
        for row in rows:
            self.db.execute(sql, row)


def _columns(path: str) -> Any:
    """The tables of a file, in DuckDB."""
    import sqlite3

    import duckdb
    import pyarrow

    db = duckdb.connect(":memory:")
    source = sqlite3.connect(path)
    for (name,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        rows = source.execute(f"SELECT * FROM {name}")
        names = [column[0] for column in rows.description]
        table = pyarrow.table(dict(zip(names, zip(*rows, strict=True), strict=True)))
        db.register("given", table)
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        db.unregister("given")
    return db


def _summary(rows: list[tuple[Any, ...]]) -> tuple[int, Any, Any]:
    return len(rows), rows[0] if rows else None, rows[-1] if rows else None


def _version(engine: str, db: Any) -> str:
    if engine == "sqlite3":
        return str(importlib.import_module("sqlite3").sqlite_version)
    from importlib.metadata import version

    try:
        return version({"turso": "pyturso"}.get(engine, engine))
    except ImportError:
        return "work tree"


def main(engine: str, path: str) -> None:
    """Answer requests until the input ends."""
    bench: Bench | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "open":
                bench = Bench(engine, path)
                answer: Any = {"version": _version(engine, bench.db)}
            else:
                assert bench is not None
                answer = bench.run(request["trial"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
