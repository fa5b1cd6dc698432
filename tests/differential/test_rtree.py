"""R*Trees written in turns by SQLite and by us: both find the same entries, and SQLite's rtreecheck finds no fault."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

KINDS = [
    ("rtree", 1, 0, 4096),
    ("rtree", 2, 2, 1024),
    ("rtree", 3, 0, 512),
    ("rtree", 5, 1, 512),
    ("rtree_i32", 2, 0, 512),
    ("rtree_i32", 4, 3, 4096),
]


def columns(dimensions: int, auxiliary: int) -> str:
    names = ["id", *(f"{side}{d}" for d in range(dimensions) for side in "ab"), *(f"+z{at}" for at in range(auxiliary))]
    return ", ".join(names)


class Workload:
    """Statements that both engines can run, on entries of a known number."""

    def __init__(self, seed: int, dimensions: int, auxiliary: int, scale: float) -> None:
        self.random = random.Random(seed)
        self.dimensions, self.auxiliary, self.scale = dimensions, auxiliary, scale

    def box(self) -> list[float]:
        found: list[float] = []
        for _ in range(self.dimensions):
            low = self.random.uniform(-self.scale, self.scale)
            if self.random.random() < 0.1:
                low = float(round(low))
            found += [low, low + self.random.choice([0.0, 1e-3, 1.0, self.random.uniform(0, self.scale / 10)])]
        return found

    def other(self) -> list[Any]:
        values = (None, 1, "text", b"blob" * 30, 2.5)
        return [self.random.choice(values) for _ in range(self.auxiliary)]

    def statement(self, entries: int) -> tuple[str, list[Any]]:
        rowid = self.random.randrange(1, entries)
        chance = self.random.random()
        if chance < 0.55:
            values = [rowid, *self.box(), *self.other()]
            return f"INSERT OR REPLACE INTO t VALUES ({','.join('?' * len(values))})", values
        if chance < 0.75:
            return "DELETE FROM t WHERE id = ?", [rowid]
        if chance < 0.85:
            return "UPDATE OR REPLACE t SET a0 = ?, b0 = ? WHERE id = ?", [*self.box()[:2], rowid]
        if chance < 0.9 and self.auxiliary:
            return "UPDATE t SET z0 = ? WHERE id = ?", [self.random.choice(["x", 7, None]), rowid]
        if chance < 0.95:
            low = self.random.uniform(-self.scale, self.scale)
            return "DELETE FROM t WHERE a0 > ? AND b0 < ?", [low, low + self.scale / 10]
        return "UPDATE OR REPLACE t SET id = ? WHERE id = ?", [self.random.randrange(1, entries), rowid]

    def query(self) -> tuple[str, list[Any]]:
        names = [f"{side}{d}" for d in range(self.dimensions) for side in "ab"]
        terms, values = [], []
        for _ in range(self.random.randrange(1, 4)):
            terms.append(f"{self.random.choice(names)} {self.random.choice(['<', '<=', '>', '>=', '='])} ?")
            value = self.random.uniform(-self.scale, self.scale)
            values.append(self.random.choice([value, int(value)]))
        return f"SELECT * FROM t WHERE {' AND '.join(terms)} ORDER BY id", values


def run_all(connection: Any, work: list[tuple[str, list[Any]]]) -> None:
    connection.execute("BEGIN")
    for sql, values in work:
        connection.execute(sql, values)
    connection.execute("COMMIT")


@pytest.mark.parametrize(("module", "dimensions", "auxiliary", "page_size"), KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_files_are_exchanged(
    tmp_path: Path, module: str, dimensions: int, auxiliary: int, page_size: int, seed: int
) -> None:
    """The same statements run on SQLite alone, and in turns on one file."""
    work = Workload(seed, dimensions, auxiliary, 1000.0 if module == "rtree" else 1e5)
    path = tmp_path / "shared.db"
    create = f"CREATE VIRTUAL TABLE t USING {module}({columns(dimensions, auxiliary)})"
    model = apsw.Connection(":memory:")
    model.execute(create)
    makers: list[Any] = [
        lambda: turso_wasm.connect(str(path), isolation_level=None),
        lambda: apsw.Connection(str(path)),
    ]
    random.Random(seed).shuffle(makers)
    first = makers[0]()
    first.execute(f"PRAGMA page_size = {page_size}")
    first.execute(create)
    first.close()
    for turn in range(6):
        statements = [work.statement(600) for _ in range(300)]
        run_all(model, statements)
        connection = makers[turn % 2]()
        run_all(connection, statements)
        for sql, values in [("SELECT * FROM t ORDER BY id", []), *(work.query() for _ in range(20))]:
            expected = list(model.execute(sql, values))
            assert [tuple(row) for row in connection.execute(sql, values)] == expected, (turn, sql, values)
        connection.close()
        judge = apsw.Connection(str(path))
        assert list(judge.execute("SELECT rtreecheck('t')")) == [("ok",)], turn
        assert list(judge.execute("PRAGMA integrity_check")) == [("ok",)], turn
        judge.close()
