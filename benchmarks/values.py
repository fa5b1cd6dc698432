"""The values of the trials: the same numbers and texts as benchmarks/browser/values.js makes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SEED = 42


def numbers(seed: int) -> Iterator[int]:
    """Pseudo-random numbers below 2^31, the same in every language."""
    x = seed
    while True:
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        yield x


def rows(kinds: list[str], n: int, seed: int = SEED) -> Iterator[tuple[Any, ...]]:
    """`n` rows of values. kinds: "row", "random N" (1 to N), "text", "real"."""
    random = numbers(seed)
    makers: list[Callable[[int], Any]] = [_maker(kind, random) for kind in kinds]
    return (tuple(make(i) for make in makers) for i in range(n))


def _maker(kind: str, random: Iterator[int]) -> Callable[[int], Any]:
    name, _, limit = kind.partition(" ")
    if name == "row":
        return lambda i: i + 1
    if name == "random":
        most = int(limit)
        return lambda i: 1 + (next(random) >> 7) % most
    if name == "text":
        return lambda i: f"name {next(random) >> 7}"
    if name == "real":
        return lambda i: (next(random) >> 7) / 1024 + 0.25 / 1024
    raise ValueError(f"unknown kind of value: {kind}")


def make_base(path: Path, base: dict[str, Any]) -> None:
    """Write the database file of the memory and native trials, with the standard library's SQLite."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    db = sqlite3.connect(partial, isolation_level=None)
    db.execute("PRAGMA journal_mode = off")
    db.execute("BEGIN")
    for table in base["tables"]:
        db.execute(table["sql"])
        name = table["sql"].split("(")[0].split()[-1]
        marks = ", ".join("?" * len(table["values"]))
        db.executemany(f"INSERT INTO {name} VALUES ({marks})", rows(table["values"], table["rows"]))
    for sql in base["after"]:
        db.execute(sql)
    db.execute("COMMIT")
    db.close()
    partial.rename(path)
