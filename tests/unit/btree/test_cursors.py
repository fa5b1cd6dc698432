"""Cursors keep their place while the tree changes under them."""

from __future__ import annotations

import pytest

from tests.harness.btree import SEEK_GE, Corrupt, KernelError, Tree, Trees, record

PADDING = "padding so that a page of 512 bytes holds few rows"


@pytest.fixture
def db() -> Trees:
    return Trees.create("CREATE TABLE t(a, b); CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID", 512)


def row(key: int) -> bytes:
    return record((key, PADDING))


def filled(db: Trees, kind: str) -> Tree:
    """A tree with the keys 0, 10, 20 … 990, on several levels."""
    tree = db.table("t") if kind == "table" else db.index("w", 0)
    for key in range(0, 1000, 10):
        put(tree, key)
    return tree


def put(tree: Tree, key: int) -> None:
    tree.insert(*(() if tree.flags else (key,)), row(key))


def seek(tree: Tree, key: int) -> bool:
    return tree.seek((key,) if tree.flags else key, SEEK_GE) and tree.column(0) == key


def other_cursor(tree: Tree) -> Tree:
    return Tree(tree.db, tree.root, tree.flags)


def here(tree: Tree) -> object:
    return tree.column(0)


both = pytest.mark.parametrize("kind", ("table", "index"))


@both
def test_a_scan_sees_every_row_once_while_others_are_inserted(db: Trees, kind: str) -> None:
    writer = filled(db, kind)
    scan = other_cursor(writer)
    seen = []
    on = scan.first()
    while on:
        key = here(scan)
        assert isinstance(key, int)
        seen.append(key)
        if key % 10 == 0:
            put(writer, key + 5)  # in front of the scan: seen
            put(writer, key - 5)  # behind it: not seen
        on = scan.next()
    assert seen == sorted(range(0, 1000, 5))


@both
def test_a_scan_goes_on_when_its_row_is_deleted(db: Trees, kind: str) -> None:
    writer = filled(db, kind)
    scan = other_cursor(writer)
    seen = []
    on = scan.first()
    while on:
        key = here(scan)
        assert isinstance(key, int)
        seen.append(key)
        assert seek(writer, key)
        writer.delete()
        assert here(scan) is None  # the row is gone: NULL
        on = scan.next()
    assert seen == list(range(0, 1000, 10))
    assert writer.count() == 0


@both
def test_a_backward_scan_goes_on_when_its_row_is_deleted(db: Trees, kind: str) -> None:
    writer = filled(db, kind)
    scan = other_cursor(writer)
    seen = []
    on = scan.last()
    while on:
        seen.append(here(scan))
        assert seek(writer, seen[-1])  # type: ignore[arg-type]
        writer.delete()
        on = scan.prev()
    assert seen == list(range(990, -1, -10))


@both
def test_a_deleted_row_that_comes_back_is_not_seen_again(db: Trees, kind: str) -> None:
    """An UPDATE that deletes and inserts the same key during a scan."""
    writer = filled(db, kind)
    scan = other_cursor(writer)
    seen = []
    on = scan.first()
    while on:
        key = here(scan)
        assert isinstance(key, int)
        seen.append(key)
        assert seek(writer, key)
        writer.delete()
        put(writer, key)
        on = scan.next()
    assert seen == list(range(0, 1000, 10))


@both
def test_after_a_delete_through_the_cursor_itself_both_neighbours_are_reached(db: Trees, kind: str) -> None:
    tree = filled(db, kind)
    for key in range(10, 980, 30):
        assert seek(tree, key)
        tree.delete()
        assert tree.next() and here(tree) == key + 10
        assert tree.prev() and here(tree) == key - 10
        assert seek(tree, key + 10)
        tree.delete()
        assert tree.prev() and here(tree) == key - 10
        assert tree.next() and here(tree) == key + 20


@both
def test_a_gap_is_kept_when_another_cursor_fills_it(db: Trees, kind: str) -> None:
    """A cursor that deleted an entry stands before the next one, whatever is inserted in between."""
    tree = filled(db, kind)
    other = other_cursor(tree)
    assert seek(tree, 500)
    tree.delete()
    put(other, 500)
    put(other, 505)
    assert tree.next() and here(tree) == 510
    assert seek(tree, 990)
    tree.delete()
    put(other, 995)
    assert not tree.next()


@both
def test_delete_without_an_entry_does_nothing(db: Trees, kind: str) -> None:
    tree = filled(db, kind)
    assert seek(tree, 500)
    tree.delete()
    tree.delete()
    assert tree.count() == 99


@both
def test_moving_off_the_ends(db: Trees, kind: str) -> None:
    tree = filled(db, kind)
    assert tree.last() and not tree.next() and not tree.field("valid")
    assert tree.column(0) is None
    assert tree.first() and not tree.prev() and tree.column(0) is None
    tree.clear()
    tree = other_cursor(tree)
    assert not tree.first() and not tree.last() and not tree.next() and not tree.prev()


def test_cursors_on_a_cleared_tree_have_no_position(db: Trees) -> None:
    tree = filled(db, "table")
    other = other_cursor(tree)
    assert other.first() and tree.clear() == 100
    assert not other.next() and other.column(0) is None
    db.verify()


def test_new_rowids(db: Trees) -> None:
    tree = db.table("t")
    assert tree.call("table_new_rowid") == 1
    tree.insert(-5, row(1))
    assert tree.call("table_new_rowid") == -4
    tree.insert(2**63 - 1, row(2))
    new = tree.call("table_new_rowid")
    assert 0 < new < 2**63 - 1 and not tree.seek(new)
    assert tree.seek(-5) and tree.seek(2**63 - 1)


def test_extreme_rowids(db: Trees) -> None:
    tree = db.table("t")
    rowids = [-(2**63), -(2**62), -1, 0, 1, 127, 128, 16383, 16384, 2**21 - 1, 2**21, 2**56, 2**62, 2**63 - 1]
    for _ in range(2):
        for rowid in reversed(rowids):
            tree.insert(rowid, row(1))
    assert [rowid for rowid, _ in tree.scan()] == rowids
    for rowid in rowids:
        assert tree.seek(rowid) and tree.rowid == rowid
        assert tree.seek(rowid - 1 if rowid > -(2**63) else rowid, SEEK_GE)
    db.verify()


def test_cursors_survive_a_savepoint_rollback(db: Trees) -> None:
    tree = filled(db, "table")
    db.call("cursors_save_all", db.pager)
    assert tree.field("depth") == -1
    assert tree.first() and tree.rowid == 0
    db.call("cursors_save_all", db.pager)
    assert tree.next() and tree.rowid == 10
    db.call("cursors_forget_all", db.pager)
    assert not tree.next()


def test_closing_cursors_in_any_order(db: Trees) -> None:
    cursors = [db.table("t") for _ in range(5)]
    for i in (2, 0, 4, 3, 1):
        cursors[i].close()
    assert db.table("t").count() == 0


def test_a_root_that_is_no_b_tree(db: Trees) -> None:
    tree = db.table("t")
    tree.insert(1, record((bytes(5000),)))
    for root in (3, 4, 99, 0):
        with pytest.raises((Corrupt, KernelError)):
            Tree(db, root, ()).first()
    with pytest.raises(Corrupt):
        Tree(db, 2, (0,)).first()


def test_a_database_without_pages() -> None:
    """An empty file: its schema table reads as empty, and there is nothing to complain about."""
    db = Trees(b"", write=False)
    schema = db.table(1)
    assert db.page_count == 0
    assert not schema.first() and not schema.last() and not schema.next() and not schema.seek(1)
    assert not schema.seek(1, SEEK_GE) and schema.count() == 0 and schema.scan() == []
    assert db.integrity([1]) == ""
    with pytest.raises(Corrupt):
        db.table(2).first()


SWEEPING = ("turso_wasm.kernel.btree.sweep",)


@pytest.mark.parametrize("step", (2, 3, 30))
@pytest.mark.parametrize("pause", (1, 7, 50))
def test_what_is_doomed_goes_when_the_scan_leaves_its_leaf_or_pauses(step: int, pause: int) -> None:
    """A pause on any row: it stays the current one, what was doomed before is gone for everybody."""
    db = Trees.create("CREATE TABLE t(a, b)", 512, modules=SWEEPING)
    tree = filled(db, "table")
    other = other_cursor(tree)
    numbers = {key: number for number, key in enumerate(range(0, 1000, 10))}
    on, seen = tree.first(), list[int]()
    while on:
        seen.append(tree.rowid)
        if len(seen) % pause == 0:
            db.call("cursors_sweep", db.statement)
            assert tree.entry() == (seen[-1], row(seen[-1]))
            gone = {key for key in seen[:-1] if numbers[key] % step == 0}
            assert [key for key, _ in other.scan()] == [key for key in numbers if key not in gone]
        if numbers[seen[-1]] % step == 0:
            tree.call("cursor_doom")
        on = bool(tree.call("sweep_next"))
    tree.call("cursor_sweep")
    assert seen == list(numbers)
    assert [key for key, _ in tree.scan()] == [key for key in numbers if numbers[key] % step]
    db.verify()
