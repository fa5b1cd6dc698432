"""Index b-trees against a sorted list: ordinary indexes and WITHOUT ROWID tables, every collation, DESC.

A second cursor walks the tree while the first one changes it: it must neither repeat nor omit an entry.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from tests.harness.btree import (
    SEEK_GE,
    SEEK_GT,
    SEEK_LE,
    Trees,
    Value,
    compare_values,
    key_order,
    record,
)
from tests.harness.effort import HEAVY
from turso_wasm.kernel.abi import BINARY, KEY_DESC, NOCASE, RTRIM

PAGE_SIZES = (512, 1024, 4096, 65536) if HEAVY else (512, 4096)
OPERATIONS = 100_000 if HEAVY else 600


class Shape(NamedTuple):
    """What the b-tree is for: its key fields come first in its records."""

    sql: str
    name: str
    flags: tuple[int, ...]
    order_by: str

    @property
    def is_index(self) -> bool:
        """An index on t(a): its records are (a, rowid)."""
        return self.name == "i"


SHAPES = (
    Shape("CREATE TABLE t(a, b); CREATE INDEX i ON t(a)", "i", (BINARY, BINARY), "a"),
    Shape("CREATE TABLE t(a, b); CREATE INDEX i ON t(a DESC)", "i", (KEY_DESC, BINARY), "a DESC"),
    Shape("CREATE TABLE t(a, b); CREATE INDEX i ON t(a COLLATE NOCASE)", "i", (NOCASE, BINARY), "a COLLATE NOCASE"),
    Shape("CREATE TABLE t(a, b); CREATE INDEX i ON t(a COLLATE RTRIM)", "i", (RTRIM, BINARY), "a COLLATE RTRIM"),
    Shape("CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID", "t", (BINARY,), "a"),
    Shape("CREATE TABLE t(a, b, c, PRIMARY KEY(a DESC, b)) WITHOUT ROWID", "t", (KEY_DESC, BINARY), "a DESC, b"),
)


def random_value(rnd: random.Random, page_size: int) -> Value:
    """Few distinct values, so that keys meet; all storage classes; sometimes longer than a page."""
    kind = rnd.random()
    if kind < 0.35:
        return rnd.choice((rnd.randrange(-200, 200), rnd.randrange(-1000, 1000) / 4, rnd.randrange(-(2**63), 2**63)))
    if kind < 0.8:
        return rnd.choice(("", "a", "B", "ab ", "Ab", "x")) + str(rnd.randrange(300)) * rnd.randrange(1, 8)
    if kind < 0.83:
        return "q" * rnd.randrange(page_size) + str(rnd.randrange(50))
    return rnd.randbytes(rnd.randrange(60))


class Walk:
    """The model, a sorted list of rows, with the two cursors."""

    def __init__(self, db: Trees, shape: Shape, rnd: random.Random) -> None:
        self.db, self.shape, self.rnd = db, shape, rnd
        self.order = key_order(shape.flags)
        self.rows: list[tuple[Value, ...]] = []
        self.appended = 0
        self.open()

    def open(self) -> None:
        """Open both cursors."""
        self.tree = self.db.index(self.shape.name, *self.shape.flags)
        self.walker = self.db.index(self.shape.name, *self.shape.flags)
        self.walked: tuple[Value, ...] | None = None

    def place(self, key: Sequence[Value]) -> tuple[int, bool]:
        """Where the key is or would be, and whether it is there."""
        at = bisect_left(self.rows, self.order(key), key=self.order)
        return at, at < len(self.rows) and self.order(self.rows[at]) == self.order(key)

    def random_row(self) -> tuple[Value, ...]:
        rnd, page_size = self.rnd, self.db.page_size
        first: Value = None
        if rnd.random() < 0.25:
            # Greater than all before: the end of an ascending index.
            self.appended += 1
            first = b"\xff" + self.appended.to_bytes(4, "big") + bytes(rnd.choice((0, 0, 30, page_size)))
        elif rnd.random() < 0.95 or not self.shape.is_index:
            first = random_value(rnd, page_size)
        if self.shape.is_index:
            return first, rnd.randrange(2 * OPERATIONS)
        keys = (first, *(random_value(rnd, page_size) for _ in self.shape.flags[1:]))
        return (*keys, rnd.randbytes(rnd.randrange(50) if rnd.random() < 0.95 else page_size * 2))

    def insert(self) -> None:
        row = self.random_row()
        at, present = self.place(row)
        if present and self.shape.is_index:
            return
        self.tree.insert(record(row))
        self.rows[at : at + present] = [row]

    def delete(self) -> None:
        if not self.rows:
            return
        row = self.rnd.choice(self.rows) if self.rnd.random() < 0.8 else self.random_row()
        key = row[: len(self.shape.flags)]
        at, present = self.place(key)
        if self.rnd.random() < 0.3:
            assert self.tree.delete_key(key) == present
            del self.rows[at : at + present]
        else:
            assert self.tree.seek(key) == (at < len(self.rows))
            if present:
                self.delete_here(at)

    def delete_here(self, at: int) -> None:
        """Delete through the cursor, then go to a neighbour."""
        assert self.tree.payload() == record(self.rows[at])
        self.tree.delete()
        del self.rows[at]
        if self.rnd.random() < 0.5:
            moved, at = self.tree.next(), at
        else:
            moved, at = self.tree.prev(), at - 1
        assert moved == (0 <= at < len(self.rows))
        assert not moved or self.tree.payload() == record(self.rows[at])

    def seek(self) -> None:
        op = self.rnd.randrange(4)
        flags = self.shape.flags[: self.rnd.randrange(1, len(self.shape.flags) + 1)]
        probe = self.random_row()[: len(flags)]
        order = key_order(flags)
        side = bisect_left if op in (SEEK_GE, 3) else bisect_right
        at = side(self.rows, order(probe), key=order) - (0 if op in (SEEK_GE, SEEK_GT) else 1)
        assert self.tree.seek(probe, op) == (0 <= at < len(self.rows)), (op, SEEK_LE, probe)
        if 0 <= at < len(self.rows):
            row = self.rows[at]
            assert self.tree.payload() == record(row)
            sign = next((c for a, b, f in zip(row, probe, flags, strict=False) if (c := compare_values(a, b, f))), 0)
            found = self.tree.call("cursor_compare_key", self.tree.probe(probe), len(flags))
            assert found == (sign > 0) - (sign < 0)
            assert not self.shape.is_index or self.tree.call("cursor_index_rowid") == row[-1]

    def walk(self) -> None:
        """Move the other cursor by one entry."""
        if self.walked is None:
            if self.rows:
                self.walked = self.rnd.choice(self.rows)
                assert self.walker.seek(self.walked[: len(self.shape.flags)])
            return
        at, present = self.place(self.walked)
        if self.rnd.random() < 0.5:
            moved, at = self.walker.next(), at + present
        else:
            moved, at = self.walker.prev(), at - 1
        assert moved == (0 <= at < len(self.rows))
        self.walked = self.rows[at] if moved else None
        assert self.walked is None or self.walker.payload() == record(self.walked)

    def step(self) -> None:
        kind = self.rnd.random()
        if kind < 0.5:
            self.insert()
        elif kind < 0.75:
            self.delete()
        elif kind < 0.85:
            self.seek()
        else:
            self.walk()

    def compare(self) -> None:
        """Our cursors, our checks and SQLite see the model."""
        rows = [record(row) for row in self.rows]
        assert self.tree.scan() == rows
        assert self.tree.scan(backward=True) == rows[::-1]
        assert self.tree.count() == len(rows)
        self.db.verify_structure()
        if self.shape.is_index:
            self.fill_table()
        self.db.verify()
        found = self.db.query(f"SELECT * FROM t ORDER BY {self.shape.order_by}")
        if self.shape.is_index:
            assert len(found) == len(self.rows)
            self.db.table("t").clear()
        else:
            assert [record(row) for row in found] == rows

    def fill_table(self) -> None:
        """Give the table the rows of the index; one entry per rowid stays in the index."""
        table = self.db.table("t")
        seen = set()
        for row in list(self.rows):
            if row[1] in seen:
                assert self.tree.delete_key(row)
                self.rows.remove(row)
            else:
                table.insert(row[1], record((row[0], None)))
            seen.add(row[1])


@pytest.mark.parametrize("auto_vacuum", (0, 1, 2))
@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.name} {shape.order_by}")
def test_random_operations(shape: Shape, page_size: int, auto_vacuum: int) -> None:
    rnd = random.Random(page_size + auto_vacuum)
    db = Trees.create(shape.sql, page_size, auto_vacuum)
    walk = Walk(db, shape, rnd)
    for _ in range(2):
        for _ in range(OPERATIONS // 2):
            walk.step()
        walk.compare()
        if auto_vacuum == 2:
            db.call("incremental_vacuum", db.statement, 0, rnd.randrange(1, 5))
            db.verify_structure()
        db.commit()
        walk.open()
    assert walk.tree.clear() == len(walk.rows)
    assert not walk.tree.first()
    db.commit()
    db.verify()
    free: Any = db.query("PRAGMA freelist_count")[0][0]
    assert auto_vacuum != 1 or free == 0
