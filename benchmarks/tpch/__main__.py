"""The queries beside sqlite3."""

from __future__ import annotations

import argparse
import math
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import turso_wasm
from benchmarks.tpch import QUERIES, create

Rows = list[tuple[Any, ...]]


def main() -> int:
    """Print a line for each query; 1 if rows differ."""
    parser = argparse.ArgumentParser(description="TPC-H's queries on this engine and on sqlite3")
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--queries", type=lambda text: [int(number) for number in text.split(",")], default=[*QUERIES])
    parser.add_argument("--file", type=Path, help="where the data lies, or is put")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="turso-tpch-") as folder:
        path = options.file or Path(folder) / "tpch.db"
        if not path.exists():
            connection = sqlite3.connect(path, isolation_level=None)
            create(connection, options.scale)
            connection.close()
        return _compare(path, options.queries, options.runs)


def _compare(path: Path, numbers: list[int], runs: int) -> int:
    engines = [sqlite3.connect(path), turso_wasm.connect(path)]
    ratios, differences = [], 0
    for number in numbers:
        (theirs, expected), (ours, found) = (_time(engine, QUERIES[number], runs) for engine in engines)
        same = equal(expected, found)
        differences += not same
        ratios.append(theirs / ours)
        verdict = "" if same else "  ROWS DIFFER"
        print(
            f"Q{number:<2} sqlite3 {theirs * 1000:9.1f} ms  ours {ours * 1000:9.1f} ms  {theirs / ours:7.2f}{verdict}"
        )
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}")
    return 1 if differences else 0


def _time(connection: Any, sql: str, runs: int) -> tuple[float, Rows]:
    best, rows = math.inf, Rows()
    for _ in range(runs):
        start = time.process_time()
        rows = connection.execute(sql).fetchall()
        best = min(best, time.process_time() - start)
    return best, rows


def equal(expected: Rows, found: Rows) -> bool:
    """The same rows; doubles may differ as the order of additions does."""
    if len(expected) != len(found):
        return False
    pairs = [pair for rows in zip(expected, found, strict=True) for pair in zip(*rows, strict=True)]
    return all(
        math.isclose(one, other, rel_tol=1e-9) if isinstance(one, float) and isinstance(other, float) else one == other
        for one, other in pairs
    )


if __name__ == "__main__":
    raise SystemExit(main())
