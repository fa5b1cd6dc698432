"""A million rows of five numbers as arrays, beside sqlite3 and NumPy; inserted from a frame, and queried in place.

    python -m benchmarks.frames [rows]

Seconds of processor time, the best of five that take turns. NumPy and pyarrow are needed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import turso_wasm

QUERY = "SELECT a, b, c, d, e FROM t"
INSERT = "INSERT INTO t VALUES (?, ?, ?, ?, ?)"
REPEATED = 5


def made(module: Any, rows: list[tuple[Any, ...]]) -> Any:
    connection = module.connect(":memory:")
    connection.execute("CREATE TABLE t(a INTEGER, b INTEGER, c REAL, d INTEGER, e REAL)").close()
    with connection:
        connection.executemany(INSERT, rows)
    return connection


def seconds(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return after.user + after.system - before.user - before.system


def inserted(connection: Any, rows: Any) -> None:
    connection.execute("DELETE FROM t").close()
    connection.executemany(INSERT, rows)
    connection.rollback()


def main(n: int) -> None:
    rows = [(i, i * 3, i * 0.25, i % 1000, i / 7) for i in range(n)]
    theirs, ours = made(sqlite3, rows), made(turso_wasm, rows)
    table = ours.execute(QUERY).fetch_arrow()
    ours.register("frame", table)

    def converted() -> dict[str, Any]:
        columns = zip(*theirs.execute(QUERY).fetchall(), strict=True)
        return {name: np.array(column) for name, column in zip("abcde", columns, strict=True)}

    def fetched() -> dict[str, Any]:
        found: dict[str, Any] = ours.execute(QUERY).fetch_numpy()
        return found

    first, second = converted(), fetched()
    assert all((first[name] == second[name]).all() for name in "abcde")
    trials: dict[str, Callable[[], object]] = {
        "sqlite3, np.array": converted,
        "fetch_numpy": fetched,
        "fetch_arrow": lambda: ours.execute(QUERY).fetch_arrow(),
        "sqlite3, executemany of rows": lambda: inserted(theirs, rows),
        "executemany of a frame": lambda: inserted(ours, table),
        "sum over a registered frame": lambda: ours.execute("SELECT sum(a + e) FROM frame").fetchone(),
    }
    taken: dict[str, list[float]] = {name: [] for name in trials}
    for _ in range(REPEATED):
        for name, work in trials.items():
            taken[name].append(seconds(work))
    best = {name: min(times) for name, times in taken.items()}
    for name, took in best.items():
        print(f"{name:32}{took:8.3f} s")
    print(f"fetch_numpy is {best['sqlite3, np.array'] / best['fetch_numpy']:.1f} times as fast")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
