"""Rows with very long overflow chains: one operation goes through thousands of pages, but relies on a few only, and the
pages that others rely on grow no older by it (kernel/pager/storage.py S3)."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from tests.harness.btree import Tree, Trees, record
from turso_wasm.kernel.abi import DB_CACHE_SIZE
from turso_wasm.kernel.pager.storage import Pager

SCHEMA = "CREATE TABLE t(a, b); CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID"
CHAIN = 2000  # pages
RELIED_ON = 64  # the most pages that one step of balancing uses
CACHE = 40
SETTINGS = ("turso_wasm.kernel.session.settings",)

both = pytest.mark.parametrize("kind", ("table", "index"))
vacuums = pytest.mark.parametrize("auto_vacuum", (0, 2))


def aged(db: Trees, operation: Callable[[], object]) -> int:
    """How much older the pages in memory are after an operation, in gets."""
    before = db.kernel.get_global("gets")
    operation()
    return int(db.kernel.get_global("gets") - before)


def long_row(key: str, page_size: int) -> bytes:
    """A row whose first field, the key, differs from other keys only at the end of its chain."""
    return record(("x" * (CHAIN * (page_size - 4)) + key, 1))


def long_key(key: str, page_size: int) -> tuple[str]:
    return ("x" * (CHAIN * (page_size - 4)) + key,)


@both
@vacuums
@pytest.mark.parametrize("page_size", (512, 4096))
def test_no_operation_ages_other_pages(kind: str, auto_vacuum: int, page_size: int) -> None:
    db = Trees.create(SCHEMA, page_size, auto_vacuum)
    tree = db.table("t") if kind == "table" else db.index("w", 0)
    rows = [long_row(key, page_size) for key in "abcde"]
    for number, row in enumerate(rows):
        key = () if tree.flags else (number,)
        assert aged(db, lambda key=key, row=row: tree.insert(*key, row)) < RELIED_ON
    place = long_key("c", page_size) if tree.flags else 2
    assert aged(db, lambda: tree.seek(place)) < RELIED_ON
    assert tree.payload() == rows[2]
    assert aged(db, tree.payload) < RELIED_ON
    assert aged(db, lambda: tree.insert(*(() if tree.flags else (2,)), rows[2])) < RELIED_ON  # replaces
    tree.seek(place)
    assert aged(db, tree.delete) < RELIED_ON
    assert tree.scan() == [row if tree.flags else (i, row) for i, row in enumerate(rows) if i != 2]
    db.verify()


@both
def test_reading_a_long_row_does_not_fill_memory(kind: str) -> None:
    db = Trees.create(SCHEMA)
    tree = db.table("t") if kind == "table" else db.index("w", 0)
    row = long_row("a", 4096)
    tree.insert(*(() if tree.flags else (1,)), row)
    db.commit()
    db = Trees(bytes(db.files.content), modules=SETTINGS)
    db.call("database_set", db.statement, 0, DB_CACHE_SIZE, CACHE)
    database = struct.unpack("<I", db.kernel.read(db.pager + Pager.offset("database"), 4))[0]
    tree = Tree(db, tree.root, tree.flags)
    for _ in range(3):
        assert tree.scan() == [row if tree.flags else (1, row)]
        assert db.call("cache_pages", database) < 2 * CACHE
