"""ATTACH as a user of Python meets it: file names and URIs, several connections, statements that run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm
from turso_wasm.runtime import engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where relative names lead."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def db(folder: Path) -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect("main.db", isolation_level=None, timeout=0)
    yield connection
    connection.close()


def rows(connection: turso_wasm.Connection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = connection.execute(sql, parameters).fetchall()
    return found


def test_sqlite_reads_what_was_attached(db: turso_wasm.Connection, folder: Path) -> None:
    db.execute("ATTACH ? AS ?", ("other.db", "o"))
    db.execute("CREATE TABLE o.t AS SELECT 1 AS a")
    db.close()
    assert sqlite3.connect(folder / "other.db").execute("SELECT a FROM t").fetchall() == [(1,)]


def test_paths_are_absolute_and_lead_through_links(db: turso_wasm.Connection, folder: Path) -> None:
    (folder / "link.db").symlink_to(folder / "there.db")
    db.execute("ATTACH 'link.db' AS a")
    db.execute("ATTACH ':memory:' AS m")
    assert rows(db, "PRAGMA database_list") == [
        (0, "main", str(folder / "main.db")),
        (2, "a", str(folder / "there.db")),
        (3, "m", ""),
    ]


def test_uris(folder: Path) -> None:
    sqlite3.connect("other.db").executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    plain = turso_wasm.connect("main.db", isolation_level=None)
    plain.execute("ATTACH 'file:x?mode=ro' AS o")  # a name like any other
    plain.close()
    assert (folder / "file:x?mode=ro").exists()
    db = turso_wasm.connect("main.db", uri=True, isolation_level=None)
    db.execute("ATTACH 'file:other.db?mode=ro' AS o")
    assert rows(db, "SELECT a FROM t") == [(1,)]
    with pytest.raises(turso_wasm.OperationalError, match="attempt to write a readonly database"):
        db.execute("INSERT INTO t VALUES (2)")
    for uri, message in {
        "file:missing.db?mode=rw": "unable to open database: file:missing.db[?]mode=rw",
        "file:other.db?mode=x": "no such access mode: x",
        "file:other.db?vfs=x": "no such vfs: x",
        "file://host/x.db": "invalid uri authority: host",
    }.items():
        with pytest.raises(turso_wasm.OperationalError, match=message):
            db.execute("ATTACH ? AS x", (uri,))
    assert len(rows(db, "PRAGMA database_list")) == 2
    db.close()


def test_who_only_reads_attaches_to_read(folder: Path) -> None:
    for name in ("main.db", "other.db"):
        sqlite3.connect(name).executescript("CREATE TABLE t(a)")
    db = turso_wasm.connect("file:main.db?mode=ro", uri=True, isolation_level=None)
    db.execute("ATTACH 'other.db' AS o")
    with pytest.raises(turso_wasm.OperationalError, match="attempt to write a readonly database"):
        db.execute("INSERT INTO o.t VALUES (1)")
    with pytest.raises(turso_wasm.OperationalError, match=r"unable to open database: new.db"):
        db.execute("ATTACH 'new.db' AS n")
    db.execute("CREATE TEMP TABLE own(a)")
    db.execute("INSERT INTO own VALUES (1)")
    db.close()


def test_a_shared_database_in_memory_lasts_as_long_as_somebody_has_it() -> None:
    shared = "file:attached?mode=memory&cache=shared"
    one = turso_wasm.connect(":memory:", uri=True, isolation_level=None)
    one.execute("ATTACH ? AS s", (shared,))
    one.execute("CREATE TABLE s.t AS SELECT 5 AS a")
    two = turso_wasm.connect(shared, uri=True, isolation_level=None)
    assert rows(two, "SELECT a FROM t") == [(5,)]
    two.close()
    assert rows(one, "SELECT a FROM t") == [(5,)]
    one.execute("DETACH s")
    three = turso_wasm.connect(shared, uri=True, isolation_level=None)
    assert rows(three, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    three.close()
    one.close()


def test_eleven_are_too_many(db: turso_wasm.Connection) -> None:
    for number in range(10):
        db.execute(f"ATTACH ':memory:' AS m{number}")
    with pytest.raises(turso_wasm.OperationalError, match=r"^too many attached databases - max 10$"):
        db.execute("ATTACH ':memory:' AS m10")
    db.execute("DETACH m4")
    db.execute("ATTACH ':memory:' AS m10")


def test_no_database_stays_behind_when_a_file_is_none(db: turso_wasm.Connection, folder: Path) -> None:
    (folder / "garbage.db").write_bytes(b"this is not a database, and never was one" * 100)
    for _ in range(20):
        with pytest.raises(turso_wasm.DatabaseError, match="file is not a database"):
            db.execute("ATTACH 'garbage.db' AS g")
    assert len(rows(db, "PRAGMA database_list")) == 1
    db.execute("ATTACH ':memory:' AS g")


def test_detach_while_a_statement_reads(db: turso_wasm.Connection) -> None:
    db.execute("ATTACH ':memory:' AS a")
    db.execute("ATTACH ':memory:' AS b")
    db.execute("CREATE TABLE a.t(x)")
    db.executemany("INSERT INTO a.t VALUES (?)", [(i,) for i in range(500)])
    reading = db.execute("SELECT x FROM t")
    assert reading.fetchone() == (0,)
    with pytest.raises(turso_wasm.OperationalError, match=r"^database a is locked$"):
        db.execute("DETACH a")
    db.execute("DETACH b")  # another one may go meanwhile
    assert len(reading.fetchall()) == 499
    db.execute("DETACH a")


def test_programs_belong_to_the_databases_they_were_compiled_for(db: turso_wasm.Connection) -> None:
    query = "SELECT * FROM x.t"
    for number in range(3):
        db.execute(f"ATTACH ':memory:' AS x{number}")
    for number in range(6):
        db.execute("ATTACH ':memory:' AS x")
        columns = ", ".join(f"c{i}" for i in range(number + 1))
        db.execute(f"CREATE TABLE x.t({columns})")
        db.execute(f"INSERT INTO x.t(c0) VALUES ({number})")
        assert rows(db, query) == [(number, *[None] * number)]
        if number < 3:
            db.execute(f"DETACH x{number}")
        db.execute("DETACH x")
        with pytest.raises(turso_wasm.OperationalError, match=r"no such table: x.t"):
            db.execute(query)


def test_another_connection_changes_the_schema(db: turso_wasm.Connection, folder: Path) -> None:
    db.execute("ATTACH 'other.db' AS o")
    db.execute("CREATE TABLE o.t(a)")
    db.execute("INSERT INTO t VALUES (1)")
    other = turso_wasm.connect("other.db", isolation_level=None)
    other.execute("ALTER TABLE t ADD COLUMN b DEFAULT 2")
    assert rows(db, "SELECT * FROM t") == [(1, 2)]
    other.execute("DROP TABLE t")
    with pytest.raises(turso_wasm.OperationalError, match="no such table: t"):
        db.execute("SELECT * FROM t")
    other.close()
    outside = sqlite3.connect("other.db")
    outside.executescript("CREATE TABLE t(z); INSERT INTO t VALUES (9)")
    outside.close()
    assert rows(db, "SELECT * FROM t") == [(9,)]


def test_begin_immediate_locks_every_file(db: turso_wasm.Connection, folder: Path) -> None:
    db.execute("ATTACH 'other.db' AS o")
    db.execute("CREATE TABLE o.t(a)")
    db.execute("CREATE TABLE m(a)")
    other = turso_wasm.connect("other.db", isolation_level=None, timeout=0)
    db.execute("BEGIN IMMEDIATE")
    with pytest.raises(turso_wasm.OperationalError, match="database is locked"):
        other.execute("INSERT INTO t VALUES (1)")
    db.execute("COMMIT")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(turso_wasm.OperationalError, match="database is locked"):
        db.execute("BEGIN EXCLUSIVE")
    db.execute("INSERT INTO m VALUES (1)")  # main alone is free
    other.execute("COMMIT")
    other.close()


def test_what_is_busy_at_commit_commits_nothing(db: turso_wasm.Connection, folder: Path) -> None:
    db.execute("ATTACH 'other.db' AS o")
    for name in ("main", "o"):
        db.execute(f"CREATE TABLE {name}.t(a)")
    reader = turso_wasm.connect("other.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    db.execute("BEGIN")
    db.execute("INSERT INTO main.t VALUES (1)")
    db.execute("INSERT INTO o.t VALUES (1)")
    with pytest.raises(turso_wasm.OperationalError, match="database is locked"):
        db.execute("COMMIT")
    assert db.in_transaction
    (folder / "copy.db").write_bytes((folder / "main.db").read_bytes())  # main.db itself is locked until then
    assert sqlite3.connect("copy.db").execute("SELECT count(*) FROM t").fetchone() == (0,)
    reader.execute("COMMIT")
    reader.close()
    db.execute("COMMIT")
    assert rows(db, "SELECT * FROM main.t, o.t") == [(1, 1)]
    assert not [path.name for path in folder.iterdir() if "-mj" in path.name or "journal" in path.name]


def test_a_failed_statement_is_undone_in_all_files(db: turso_wasm.Connection) -> None:
    db.execute("ATTACH ':memory:' AS o")
    db.execute("CREATE TABLE main.t(a UNIQUE)")
    db.execute("CREATE TABLE o.log(a UNIQUE)")
    db.execute("CREATE TEMP TRIGGER tr AFTER INSERT ON main.t BEGIN INSERT INTO log VALUES (new.a % 3); END")
    for begin, end in (("BEGIN", "COMMIT"), ("SAVEPOINT s", "RELEASE s")):
        db.execute(begin)
        with pytest.raises(turso_wasm.IntegrityError, match=r"UNIQUE constraint failed: log.a"):
            db.execute("INSERT INTO t VALUES (1), (2), (4)")
        assert rows(db, "SELECT count(*) FROM t") == rows(db, "SELECT count(*) FROM log") == [(0,)]
        db.execute(end)
    with pytest.raises(turso_wasm.IntegrityError):
        db.execute("INSERT INTO t VALUES (1), (2), (4)")
    assert rows(db, "SELECT count(*) FROM t") == rows(db, "SELECT count(*) FROM log") == [(0,)]


def test_a_database_that_is_attached_twice(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE t(a)")
    db.execute("ATTACH 'main.db' AS self")
    db.execute("INSERT INTO main.t VALUES (1)")
    assert rows(db, "SELECT * FROM self.t") == [(1,)]
    db.execute("BEGIN")
    db.execute("INSERT INTO main.t VALUES (2)")
    with pytest.raises(turso_wasm.OperationalError, match="database is locked"):
        db.execute("INSERT INTO self.t VALUES (3)")
    db.execute("ROLLBACK")


def test_journal_modes_are_each_files_own(db: turso_wasm.Connection, folder: Path) -> None:
    db.execute("ATTACH 'other.db' AS o")
    db.execute("CREATE TABLE o.t(a)")
    assert rows(db, "PRAGMA o.journal_mode = wal") == [("wal",)]
    assert rows(db, "PRAGMA main.journal_mode") == [("delete",)]
    assert rows(db, "PRAGMA journal_mode = persist") == [("persist",)]
    assert rows(db, "PRAGMA o.journal_mode") == [("persist",)]
    db.execute("BEGIN")
    db.execute("CREATE TABLE main.t(a)")
    db.execute("INSERT INTO o.t VALUES (1)")
    db.execute("COMMIT")
    assert sorted(path.stat().st_size for path in folder.glob("*-journal")) == [0, 0]  # cut off: they named another


def test_nothing_is_left_open(folder: Path) -> None:
    host: Any = engine.host()
    before = len(host.files.files)
    db = turso_wasm.connect("main.db", isolation_level=None)
    db.execute("ATTACH 'one.db' AS one")
    db.execute("ATTACH 'two.db' AS two")
    db.execute("CREATE TEMP TABLE t(a)")
    db.execute("CREATE TABLE two.u(a)")
    db.execute("DETACH one")
    db.close()
    assert len(host.files.files) == before


def test_images_of_attached_databases(db: turso_wasm.Connection) -> None:
    db.execute("ATTACH ':memory:' AS o")
    db.execute("CREATE TABLE o.t AS SELECT 7 AS a")
    copy = turso_wasm.connect(":memory:")
    db.backup(copy, name="O")
    assert rows(copy, "SELECT a FROM t") == [(7,)]
    again = turso_wasm.connect(":memory:")
    again.deserialize(db.serialize(name="o"))
    assert rows(again, "SELECT a FROM t") == [(7,)]
    with pytest.raises(turso_wasm.OperationalError, match="unable to serialize 'x'"):
        db.serialize(name="x")
    with pytest.raises(turso_wasm.OperationalError, match="unknown database nowhere"):
        db.backup(copy, name="nowhere")
    db.execute("CREATE TEMP TABLE tt AS SELECT 8 AS b")
    db.backup(copy, name="temp")
    assert rows(copy, "SELECT b FROM tt") == [(8,)]
