"""Auto-vacuum: the pointer map is right after everything, roots stay in front, files get shorter."""

from __future__ import annotations

import struct

import pytest

from tests.harness.btree import Tree, Trees, make_file, record
from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE

THREE_TABLES = "CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE c(x)"


def fill(tree: Tree, n: int, size: int) -> None:
    for i in range(n):
        tree.insert(i, record((bytes(size),)))


def free_pages(db: Trees) -> int:
    count: int = struct.unpack(">I", db.page(1)[36:40])[0]
    return count


def largest_root(db: Trees) -> int:
    root: int = struct.unpack(">I", db.page(1)[52:56])[0]
    return root


@pytest.mark.parametrize("page_size", (512, 1024, 65536))
def test_full_auto_vacuum_leaves_no_free_page(page_size: int) -> None:
    db = Trees.create(THREE_TABLES, page_size, 1)
    pages = db.page_count
    for name in "abc":
        fill(db.table(name), 60, page_size // 3)
    fill(db.table("b"), 10, page_size * 5)
    db.commit()
    db.verify()
    full = db.page_count
    db.table("a").clear()
    assert free_pages(db) > 0
    db.commit()
    assert free_pages(db) == 0 and pages < db.page_count < full
    assert len(db.files.content) == db.page_count * page_size
    db.verify()
    assert len(db.table("b").scan()) == 60
    db.table("b").clear()
    db.table("c").clear()
    db.commit()
    assert db.page_count == pages
    db.verify()


def test_incremental_vacuum_gives_back_as_many_pages_as_asked() -> None:
    db = Trees.create(THREE_TABLES, 512, 2)
    for name in "abc":
        fill(db.table(name), 60, 300)
    db.table("a").clear()
    free, pages = free_pages(db), db.page_count
    assert free > 30
    for wanted in (1, 10, 0):
        db.call("incremental_vacuum", db.statement, 0, wanted)
        left = free - wanted if wanted else 0
        assert free_pages(db) == left
        # A pointer-map page at the end of the file goes with the pages it was for.
        assert pages - db.page_count >= free - left
        free, pages = left, db.page_count
        db.verify()
    db.commit()
    assert len(db.table("b").scan()) == 60
    db.verify()


def test_incremental_vacuum_of_other_databases_does_nothing() -> None:
    db = Trees.create(THREE_TABLES, 512, 0)
    fill(db.table("a"), 60, 300)
    db.table("a").clear()
    pages = db.page_count
    db.call("incremental_vacuum", db.statement, 0, 0)
    assert db.page_count == pages
    db.verify()


def test_creating_a_tree_moves_what_is_behind_the_roots() -> None:
    db = Trees.create(THREE_TABLES, 512, 1)
    fill(db.table("a"), 60, 300)
    fill(db.table("b"), 5, 3000)
    want = [db.table(name).scan() for name in "ab"]
    roots = [db.call("btree_create", db.statement, 0, kind) for kind in (TABLE_BTREE, INDEX_BTREE, TABLE_BTREE)]
    assert roots == [6, 7, 8]
    assert largest_root(db) == 8
    for root in roots:
        assert (Tree(db, root, (0,)) if root == 7 else Tree(db, root, ())).count() == 0
    assert [db.table(name).scan() for name in "ab"] == want
    assert db.integrity([1, 3, 4, 5, *roots]) == ""


def test_dropping_a_tree_moves_the_last_root() -> None:
    db = Trees.create(THREE_TABLES, 512, 1)
    for name in "abc":
        fill(db.table(name), 40, 300)
    scan = db.table("c")
    want = scan.scan()
    assert scan.first()
    assert db.call("btree_drop", db.statement, 0, 3) == 5
    assert largest_root(db) == 4
    assert Tree(db, 3, ()).scan() == want
    assert db.integrity([1, 3, 4]) == ""
    assert db.call("btree_drop", db.statement, 0, 4) == 0
    assert db.call("btree_drop", db.statement, 0, 3) == 0
    assert largest_root(db) == 1
    assert db.integrity([1]) == ""


def test_dropping_a_tree_without_auto_vacuum() -> None:
    db = Trees.create(THREE_TABLES, 512, 0)
    fill(db.table("a"), 40, 900)
    assert db.call("btree_drop", db.statement, 0, 2) == 0
    assert free_pages(db) == db.page_count - 3
    assert db.integrity([1, 3, 4]) == ""
    assert db.call("btree_create", db.statement, 0, TABLE_BTREE) <= db.page_count
    assert free_pages(db) == db.page_count - 4


@pytest.mark.parametrize("auto_vacuum", (1, 2))
def test_many_pointer_map_pages(auto_vacuum: int) -> None:
    """A pointer-map page every 103 pages of 512 bytes; trees and chains cross them, the tail moves over them."""
    db = Trees.create(THREE_TABLES, 512, auto_vacuum)
    for name, size in (("a", 200), ("b", 4000), ("c", 100)):
        fill(db.table(name), 150, size)
    db.commit()
    db.verify()
    pages = db.page_count
    assert pages > 5 * 103
    tree = db.table("b")
    for i in range(0, 150, 2):
        assert tree.seek(i)
        tree.delete()
    db.call("incremental_vacuum", db.statement, 0, 0)
    db.commit()
    assert free_pages(db) == 0 and db.page_count < pages * 0.7
    db.verify()
    assert [rowid for rowid, _ in db.table("b").scan()] == list(range(1, 150, 2))


def test_sqlite_goes_on_with_the_pointer_map() -> None:
    content = make_file(THREE_TABLES, 1024, 1)
    db = Trees(content)
    for name in "abc":
        fill(db.table(name), 100, 700)
    answers = db.query("DROP TABLE a", "PRAGMA integrity_check", "DELETE FROM b", "PRAGMA integrity_check")
    assert answers[1] == answers[3] == [("ok",)]
