"""Rowid b-trees against a sorted dict: random inserts, replacements, deletes, seeks and scans, on every page size.

After each batch SQLite reads the pages: PRAGMA integrity_check must be ok and the rows must be the model's.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right

import pytest

from tests.harness.btree import SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT, Tree, Trees, record
from tests.harness.effort import HEAVY

PAGE_SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536) if HEAVY else (512, 1024, 4096, 65536)
OPERATIONS = 100_000 if HEAVY else 600


class Model:
    """A table's rows, and the rowids in order."""

    def __init__(self) -> None:
        self.rows: dict[int, bytes] = {}
        self.rowids: list[int] = []

    def put(self, rowid: int, row: bytes) -> None:
        if rowid not in self.rows:
            self.rowids.insert(bisect_left(self.rowids, rowid), rowid)
        self.rows[rowid] = row

    def remove(self, rowid: int) -> None:
        del self.rows[rowid]
        del self.rowids[bisect_left(self.rowids, rowid)]

    def find(self, rowid: int, op: int) -> int | None:
        """The rowid a seek finds."""
        at = {
            SEEK_GE: bisect_left(self.rowids, rowid),
            SEEK_GT: bisect_right(self.rowids, rowid),
            SEEK_LE: bisect_right(self.rowids, rowid) - 1,
            SEEK_LT: bisect_left(self.rowids, rowid) - 1,
        }[op]
        return self.rowids[at] if 0 <= at < len(self.rowids) else None


def random_row(rnd: random.Random, rowid: int, page_size: int) -> bytes:
    """Mostly small rows; some around the size where overflow begins, some of several pages."""
    kind = rnd.random()
    if kind < 0.85:
        size = rnd.randrange(120)
    elif kind < 0.95:
        size = max(0, page_size - 35 - rnd.randrange(30))
    else:
        size = rnd.randrange(page_size * 3)
    return record((rowid, rnd.randbytes(size)))


def random_rowid(rnd: random.Random, model: Model, n: int) -> int:
    kind = rnd.random()
    if kind < 0.3 and model.rowids:
        return rnd.choice(model.rowids)
    if kind < 0.5 and model.rowids:
        return min(model.rowids[-1] + 1, 2**63 - 1) if model.rowids[-1] < 2**62 else rnd.randrange(n)
    return rnd.randrange(-n, n) if kind < 0.95 else rnd.choice((-1, 1)) * rnd.randrange(2 ** rnd.randrange(8, 61))


def step(tree: Tree, model: Model, rnd: random.Random, page_size: int) -> None:
    """One random operation on both."""
    rowid = random_rowid(rnd, model, 4 * OPERATIONS)
    action = rnd.random()
    if action < 0.5:
        row = random_row(rnd, rowid, page_size)
        tree.insert(rowid, row)
        model.put(rowid, row)
        if rnd.random() < 0.2:
            assert (tree.rowid, tree.payload()) == (rowid, row)
    elif action < 0.75:
        assert tree.seek(rowid) == (rowid in model.rows)
        if rowid in model.rows:
            assert tree.payload() == model.rows[rowid]
            tree.delete()
            model.remove(rowid)
            forward = rnd.random() < 0.5
            neighbour = model.find(rowid, SEEK_GT if forward else SEEK_LT)
            assert (tree.next() if forward else tree.prev()) == (neighbour is not None)
            assert neighbour is None or tree.rowid == neighbour
    elif action < 0.95:
        op = rnd.randrange(4)
        found = model.find(rowid, op)
        assert tree.seek(rowid, op) == (found is not None)
        if found is not None:
            assert (tree.rowid, tree.payload()) == (found, model.rows[found])
    else:
        largest = model.rowids[-1] if model.rowids else 0
        assert tree.call("table_new_rowid") == (largest + 1 if model.rowids else 1)


def compare(db: Trees, tree: Tree, model: Model) -> None:
    """The tree, and what SQLite makes of it, equal the model."""
    rows = [(rowid, model.rows[rowid]) for rowid in model.rowids]
    assert tree.scan() == rows
    assert tree.scan(backward=True) == rows[::-1]
    assert tree.count() == len(rows)
    db.verify()
    assert [(rowid, record((rowid, b))) for rowid, b in db.query("SELECT rowid, b FROM t ORDER BY rowid")] == rows
    db.verify_structure()


@pytest.mark.parametrize("auto_vacuum", (0, 1, 2))
@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_random_operations(page_size: int, auto_vacuum: int) -> None:
    rnd = random.Random(page_size + auto_vacuum)
    db = Trees.create("CREATE TABLE t(a, b)", page_size, auto_vacuum)
    model = Model()
    for _ in range(2):
        tree = db.table("t")
        for _ in range(OPERATIONS // 2):
            step(tree, model, rnd, page_size)
        compare(db, tree, model)
        if auto_vacuum == 2:
            db.call("incremental_vacuum", db.statement, 0, rnd.randrange(1, 5))
            compare(db, tree, model)
        db.commit()
    rnd.shuffle(model.rowids)
    tree = db.table("t")
    for rowid in model.rowids:
        assert tree.seek(rowid)
        tree.delete()
    assert tree.scan() == [] and tree.count() == 0
    if auto_vacuum == 2:
        db.call("incremental_vacuum", db.statement, 0, 0)
    db.commit()
    db.verify()
    # Nothing is left but the root pages and the pointer map.
    free = db.query("PRAGMA freelist_count")[0][0]
    assert db.page_count - free == (2 if auto_vacuum == 0 else 3)
    assert auto_vacuum == 0 or free == 0


@pytest.mark.parametrize("reserved", (8, 32))
@pytest.mark.parametrize("page_size", (512, 4096))
def test_reserved_bytes(page_size: int, reserved: int) -> None:
    rnd = random.Random(reserved)
    db = Trees.create("CREATE TABLE t(a, b)", page_size, 1, reserved)
    assert db.files.content[20] == reserved
    tree, model = db.table("t"), Model()
    for _ in range(500):
        step(tree, model, rnd, page_size)
    compare(db, tree, model)
