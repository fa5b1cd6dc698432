"""sqlite_dbpage, which the oracle does not have."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import turso_wasm


def test_pages() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)

    def rows(sql: str) -> list[tuple[object, ...]]:
        return db.execute(sql).fetchall()

    assert rows("SELECT * FROM sqlite_dbpage") == []
    db.execute("PRAGMA page_size = 1024")
    db.execute("CREATE TABLE t(a)")
    db.execute("INSERT INTO t VALUES (zeroblob(3000))")
    image = db.serialize()
    pages = [(number + 1, image[at : at + 1024]) for number, at in enumerate(range(0, len(image), 1024))]
    assert rows("SELECT * FROM sqlite_dbpage") == pages
    assert rows("SELECT * FROM sqlite_dbpage WHERE pgno = '2'") == pages[1:2]
    assert rows("SELECT pgno, rowid FROM sqlite_dbpage ORDER BY pgno DESC LIMIT 1") == [(len(pages), len(pages))]
    for missing in ("0", "99", "NULL", "1.5", "'x'"):
        assert rows(f"SELECT pgno FROM sqlite_dbpage WHERE pgno = {missing}") == []
    assert rows("SELECT count(*) FROM (VALUES (1), (2), (77)) v JOIN sqlite_dbpage ON pgno = v.column1") == [(2,)]
    assert rows("SELECT pgno FROM sqlite_dbpage('temp')") == rows("SELECT pgno FROM sqlite_dbpage('nodb')") == []


# What the answers are to is SQLite 3.54.1 of @sqlite.org/sqlite-wasm.
REFUSED = {
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES (0, zeroblob(1024))": "bad page number",
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES ('x', zeroblob(1024))": "bad page number",
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES (4294967303, zeroblob(1024))": "bad page number",
    "INSERT INTO sqlite_dbpage(data) VALUES (zeroblob(1024))": "bad page number",
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES (3, zeroblob(1023))": "bad page value",
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES (3, 5)": "bad page value",
    "INSERT INTO sqlite_dbpage(pgno, data) VALUES (1, NULL)": "bad page value",
    "INSERT INTO sqlite_dbpage(pgno, data, schema) VALUES (3, NULL, 'nosuch')": "no such schema",
    "INSERT INTO sqlite_dbpage(pgno, data, schema) VALUES (0, NULL, 7)": "no such schema",
    "INSERT INTO sqlite_dbpage(pgno, data, schema) VALUES (3, zeroblob(1024), 'temp')": "bad page number",
    "UPDATE sqlite_dbpage SET rowid = 6 WHERE pgno = 5": "cannot insert",
    "UPDATE sqlite_dbpage SET data = NULL WHERE pgno = 1": "bad page value",
    "UPDATE sqlite_dbpage SET data = data RETURNING 1": "UPDATE RETURNING is not available on virtual tables",
    "DELETE FROM sqlite_dbpage WHERE pgno = 3": "cannot delete",
    "INSERT INTO sqlite_dbpage VALUES (3, zeroblob(1024)) ON CONFLICT DO NOTHING": "UPSERT not implemented",
    "SELECT * FROM seen": 'unsafe use of virtual table "sqlite_dbpage"',
    "INSERT INTO u VALUES (1)": 'unsafe use of virtual table "sqlite_dbpage"',
    "PRAGMA query_only = 1; UPDATE sqlite_dbpage SET data = data": "attempt to write a readonly database",
}


def connect(rows: int = 20, where: str = ":memory:") -> turso_wasm.Connection:
    """A database of pages of 1024 bytes, with a table t that has so many rows, one a page."""
    db = turso_wasm.connect(where, isolation_level=None)
    db.executescript("PRAGMA page_size = 1024; CREATE TABLE t(a); CREATE TABLE u(b)")
    db.executemany("INSERT INTO t VALUES (?)", [(bytes([n % 255 + 1]) * 900,) for n in range(rows)])
    return db


def one(db: turso_wasm.Connection, sql: str, *values: object) -> object:
    return db.execute(sql, values).fetchone()[0]


@pytest.mark.parametrize(("sql", "message"), REFUSED.items())
def test_what_is_refused(sql: str, message: str) -> None:
    db = connect()
    db.execute("CREATE VIEW seen AS SELECT * FROM sqlite_dbpage")
    db.execute("CREATE TRIGGER tr AFTER INSERT ON u BEGIN DELETE FROM sqlite_dbpage; END")
    before = db.serialize()
    with pytest.raises(turso_wasm.Error, match=re.escape(message)):
        db.executescript(sql)
    db.execute("PRAGMA query_only = 0")
    assert db.serialize() == before


def test_writing() -> None:
    db = connect()
    db.execute("UPDATE sqlite_dbpage SET data = data")
    assert one(db, "SELECT changes()") == one(db, "PRAGMA page_count")
    assert one(db, "PRAGMA integrity_check") == "ok"
    db.execute("UPDATE sqlite_dbpage SET pgno = 9, data = zeroblob(1024) WHERE pgno = '5'")
    assert one(db, "SELECT group_concat(pgno) FROM sqlite_dbpage WHERE data = zeroblob(1024)") == "5"
    written = (
        "INSERT INTO sqlite_dbpage(pgno, data, schema) VALUES ('6x', zeroblob(1024), 'Main') RETURNING pgno, rowid"
    )
    assert db.execute(written).fetchall() == [("6x", -1)]
    assert db.execute("SELECT changes(), last_insert_rowid()").fetchall() == [(1, 0)]
    assert one(db, "SELECT group_concat(pgno) FROM sqlite_dbpage WHERE data = zeroblob(1024)") == "5,6"


def test_a_cursor_that_is_open_sees_what_is_written() -> None:
    db = connect(200)
    rows = db.execute("SELECT a FROM t")
    next(rows)
    changed = "CAST(replace(data, x'6363', x'6464') AS BLOB)"
    db.execute(f"UPDATE sqlite_dbpage SET data = {changed} WHERE instr(data, x'6363')")
    assert one(db, "SELECT changes()") == 1
    assert [a for (a,) in rows] == [bytes([0x64 if n == 0x63 else n]) * 900 for n in range(2, 201)]


def test_how_many_pages_there_are() -> None:
    for values, count in (("(20, NULL)", 19), ("(20, NULL), (10, NULL)", 9), ("(99, NULL)", 43)):
        db = connect(40)
        assert one(db, "PRAGMA page_count") == 43
        db.execute("BEGIN")
        db.execute(f"INSERT INTO sqlite_dbpage(pgno, data) VALUES {values}")
        assert one(db, "PRAGMA page_count") == one(db, "SELECT count(*) FROM sqlite_dbpage") == 43
        db.execute("ROLLBACK")
        assert one(db, "PRAGMA page_count") == 43
        db.execute(f"INSERT INTO sqlite_dbpage(pgno, data) VALUES {values}")
        assert one(db, "PRAGMA page_count") == count
    db = connect(40)
    db.execute("INSERT INTO sqlite_dbpage(pgno, data) VALUES (20, NULL), (30, zeroblob(1024)), (60, zeroblob(1024))")
    assert one(db, "PRAGMA page_count") == 43  # as page 1 says
    db.execute("CREATE TABLE more AS SELECT zeroblob(9000)")
    assert one(db, "PRAGMA integrity_check(more)") == "ok"


@pytest.mark.parametrize("mode", ["wal", "delete", "memory"])
@pytest.mark.parametrize("order", ["", "DESC"])
@pytest.mark.parametrize("size", [3, 300])
def test_a_copy_page_by_page(mode: str, order: str, size: int, tmp_path: Path) -> None:
    """SQLite reads it, with as many pages as the original has."""
    source, path = connect(60), tmp_path / "copy.db"
    copy = connect(size, str(path))
    copy.execute(f"PRAGMA journal_mode = {mode}")
    pages = source.execute(f"SELECT pgno, data FROM sqlite_dbpage ORDER BY pgno {order}").fetchall()
    for end in ("ROLLBACK", "COMMIT"):
        copy.execute("BEGIN")
        copy.executemany("INSERT INTO sqlite_dbpage(pgno, data) VALUES (?, ?)", pages)
        copy.execute("INSERT INTO sqlite_dbpage(pgno, data) VALUES (?, NULL)", (len(pages) + 1,))
        copy.execute(end)
        assert one(copy, "SELECT count(*) FROM t") == (60 if end == "COMMIT" else size)
    copy.execute("INSERT INTO u VALUES (7)")
    assert one(copy, "PRAGMA integrity_check") == "ok"
    assert one(copy, "PRAGMA journal_mode") == mode
    copy.close()
    with closing(apsw.Connection(str(path))) as other:
        asked = "SELECT count(*), (SELECT b FROM u), (SELECT * FROM pragma_page_count), integrity_check FROM t, "
        assert other.execute(asked + "pragma_integrity_check").fetchall() == [(60, 7, len(pages), "ok")]


def test_a_page_that_is_no_header() -> None:
    db = connect()
    with pytest.raises(turso_wasm.DatabaseError, match="file is not a database"):
        db.execute("UPDATE sqlite_dbpage SET data = zeroblob(1024) WHERE pgno = 1")
    assert one(db, "SELECT count(*) FROM t") == 20
