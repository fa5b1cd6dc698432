"""How pages fill: like SQLite's for ascending rowids, never less than a third full, freed pages are used again."""

from __future__ import annotations

import random
import struct

import apsw
import pytest

from tests.harness.btree import Trees, make_file, record


def leaves(content: bytes, root: int, page_size: int) -> list[int]:
    """The number of cells of each leaf of a table, in key order."""

    def walk(pgno: int) -> list[int]:
        page = content[(pgno - 1) * page_size : pgno * page_size]
        n = struct.unpack(">H", page[3:5])[0]
        if page[0] == 13:
            return [n]
        pointers = struct.unpack(f">{n}H", page[12 : 12 + 2 * n])
        children = [struct.unpack(">I", page[at : at + 4])[0] for at in pointers]
        return [count for child in [*children, struct.unpack(">I", page[8:12])[0]] for count in walk(child)]

    return walk(root)


@pytest.mark.parametrize("page_size", (512, 1024, 4096, 65536))
def test_ascending_rowids_fill_pages_as_sqlite_does(page_size: int) -> None:
    rnd = random.Random(page_size)
    rows = [(i + 1, rnd.randbytes(rnd.randrange(60))) for i in range(20 * min(page_size, 16384) // 40)]
    inserts = "".join(f"INSERT INTO t VALUES ({a}, x'{b.hex()}');" for a, b in rows)
    wanted = make_file("CREATE TABLE t(a, b); BEGIN;" + inserts + "COMMIT", page_size)
    db = Trees(make_file("CREATE TABLE t(a, b)", page_size))
    tree = db.table("t")
    for a, b in rows:
        tree.insert(a, record((a, b)))
    assert leaves(db.content(), 2, page_size) == leaves(wanted, 2, page_size)
    db.verify()


@pytest.mark.parametrize("order", ("ascending", "descending", "random"))
def test_pages_stay_well_filled(order: str) -> None:
    """At most a tenth more pages than SQLite's own for the same inserts into an index."""
    keys = list(range(10_000, 14_000))
    if order == "descending":
        keys.reverse()
    if order == "random":
        random.Random(1).shuffle(keys)
    schema = "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID;"
    inserts = "".join(f"INSERT INTO t VALUES ({key}, 'abcdefghijkl');" for key in keys)
    wanted = len(make_file(schema + "BEGIN;" + inserts + "COMMIT", 1024)) // 1024
    db = Trees(make_file(schema, 1024))
    tree = db.index("t", 0)
    for key in keys:
        tree.insert(record((key, "abcdefghijkl")))
    db.verify()
    assert db.page_count <= wanted * 1.1
    if order == "ascending":
        assert db.page_count * 1024 < 1.1 * 20 * len(keys)  # a cell and its pointer are 20 bytes


def test_pages_that_empty_are_merged() -> None:
    db = Trees.create("CREATE TABLE t(a)", 512)
    tree = db.table("t")
    for i in range(2000):
        tree.insert(i, record(("some text to fill the page", i)))
    pages = db.page_count
    for i in range(2000):
        if i % 10:
            assert tree.seek(i)
            tree.delete()
    free = struct.unpack(">I", db.page(1)[36:40])[0]
    assert pages - free < pages / 4
    db.verify()
    for i in range(0, 2000, 10):
        assert tree.seek(i)
        tree.delete()
    # The root alone is left, an empty leaf.
    assert db.page(2)[0] == 13
    assert struct.unpack(">I", db.page(1)[36:40])[0] == db.page_count - 2


def test_free_pages_are_used_before_the_file_grows() -> None:
    db = Trees.create("CREATE TABLE t(a)", 512)
    tree = db.table("t")
    blob = record((bytes(100_000),))
    tree.insert(1, blob)
    pages = db.page_count
    for i in range(5):
        assert tree.seek(1)
        tree.delete()
        db.verify()
        tree.insert(i % 2 + 1 if i < 4 else 1, blob)
        if tree.rowid == 2:
            tree.insert(1, blob[:-50_000] + bytes(50_000))
            assert tree.seek(2)
            tree.delete()
    assert db.page_count <= 2 * pages
    db.verify()


@pytest.mark.parametrize("page_size", (512, 65536))
def test_smallest_cells(page_size: int) -> None:
    """Cells shorter than four bytes take four: freeblocks need them."""
    db = Trees.create("CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID; CREATE TABLE r(a)", page_size)
    index, table = db.index("t", 0), db.table("r")
    for value in ("", b"", 0, 1):
        index.insert(record((value,)))
    for i in range(120):
        table.insert(i, record((None,)))
    for i in range(0, 120, 3):
        assert table.seek(i)
        table.delete()
    assert index.delete_key(("",)) and index.delete_key((1,))
    db.verify()
    assert db.query("SELECT a FROM t") == [(0,), (b"",)]
    assert db.query("SELECT count(*) FROM r") == [(80,)]


@pytest.mark.parametrize("page_size", (512, 1024, 4096, 65536))
def test_payload_sizes_around_the_limits(page_size: int) -> None:
    """Every payload size near the largest local one, and near multiples of an overflow page."""
    db = Trees.create("CREATE TABLE t(a); CREATE TABLE w(k, v, PRIMARY KEY(k)) WITHOUT ROWID", page_size, 1)
    table, index = db.table("t"), db.index("w", 0)
    leaf_limit, index_limit = page_size - 35, (page_size - 12) * 64 // 255 - 23
    sizes = {base + d for base in (leaf_limit, index_limit, page_size - 4, 2 * (page_size - 4)) for d in range(-8, 9)}
    for n, size in enumerate(sorted(sizes)):
        table.insert(n, record((bytes(size),)))
        index.insert(record((n, bytes(size))))
    db.verify()
    db.verify_structure()
    assert db.query("SELECT length(a) FROM t ORDER BY rowid") == [(size,) for size in sorted(sizes)]
    assert db.query("SELECT length(v) FROM w ORDER BY k") == [(size,) for size in sorted(sizes)]


def test_changes_of_size_in_place() -> None:
    """Replacing a row by one of any other size, small and with overflow pages."""
    rnd = random.Random(3)
    db = Trees.create("CREATE TABLE t(a, b); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID", 512, 2)
    table, index = db.table("t"), db.index("w", 0)
    now: dict[int, int] = {}
    for _ in range(600):
        key, size = rnd.randrange(40), rnd.choice((0, 1, 5, 50, 90, 91, 92, 470, 480, 1000, 3000))
        table.insert(key, record((key, bytes(size))))
        index.insert(record((key, bytes(size))))
        now[key] = size
    db.verify()
    want = sorted(now.items())
    assert db.query("SELECT rowid, length(b) FROM t") == want
    assert db.query("SELECT k, length(v) FROM w") == want


def test_a_database_sqlite_goes_on_with() -> None:
    """SQLite inserts into and deletes from what we wrote, and we from what it wrote, in turn."""
    rnd = random.Random(5)
    content = make_file("CREATE TABLE t(a, b); CREATE INDEX i ON t(b)", 512, 1)
    rows: dict[int, int] = {}
    for _ in range(4):
        db = Trees(content)
        table, index = db.table("t"), db.index("i", 0, 0)
        for _ in range(150):
            rowid = rnd.randrange(1000)
            if rowid in rows:
                assert table.seek(rowid) and index.delete_key((rows.pop(rowid), rowid))
                table.delete()
            else:
                rows[rowid] = rnd.randrange(50)
                table.insert(rowid, record((None, rows[rowid])))
                index.insert(record((rows[rowid], rowid)))
        db.commit()
        content = bytes(db.files.content)
        connection = apsw.Connection(":memory:")
        connection.deserialize("main", content)
        for _ in range(150):
            rowid = rnd.randrange(1000)
            if rows.pop(rowid, None) is None:
                rows[rowid] = rnd.randrange(50)
                connection.execute("INSERT INTO t(rowid, b) VALUES (?, ?)", (rowid, rows[rowid]))
            else:
                connection.execute("DELETE FROM t WHERE rowid = ?", (rowid,))
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
        content = connection.serialize("main")
    db = Trees(content)
    assert [rowid for rowid, _ in db.table("t").scan()] == sorted(rows)


def test_the_schema_table_on_page_1() -> None:
    """The root that begins at offset 100: it grows several levels and becomes a single leaf again."""
    db = Trees.create("CREATE TABLE t(a)", 512, 1)
    schema = db.table(1)
    for i in range(2, 202):
        sql = f"CREATE VIEW view_number_{i} AS SELECT {i} AS x" + " " * (i % 7 * 40)
        schema.insert(i, record(("view", f"view_number_{i}", f"view_number_{i}", 0, sql)))
    db.verify()
    assert db.page(1)[100] == 5
    assert db.query("SELECT count(*), sum(rowid) FROM sqlite_schema") == [(201, sum(range(202)))]
    assert db.query("SELECT x FROM view_number_77") == [(77,)]
    for i in range(201, 1, -1):
        assert schema.seek(i)
        schema.delete()
    db.commit()
    db.verify()
    assert db.page(1)[100] == 13 and db.page_count == 3


def test_a_long_row_in_the_schema_table() -> None:
    """Overflow pages come from the freelist, whose fields are on the very page that is being changed."""
    db = Trees.create("CREATE TABLE t(a)", 512, 0)
    table = db.table("t")
    table.insert(1, record((bytes(20_000),)))
    assert table.seek(1)
    table.delete()
    schema = db.table(1)
    for i in range(2, 8):
        sql = f"CREATE VIEW v{i} AS SELECT {i} AS x, '{'y' * 3000}'"
        schema.insert(i, record(("view", f"v{i}", f"v{i}", 0, sql)))
        schema.insert(i, record(("view", f"v{i}", f"v{i}", 0, sql.replace("y", "z"))))
    db.verify()
    assert db.query("SELECT * FROM v5") == [(5, "z" * 3000)]
