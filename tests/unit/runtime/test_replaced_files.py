"""Schemas go with what a file contains, never with what it is called (runtime/schema.py)."""

from __future__ import annotations

import gc
from pathlib import Path

import apsw
import pytest

import turso_wasm
from turso_wasm.runtime import engine
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.schema import Environment, library_of
from turso_wasm.runtime.uri import Location

FIRST = "CREATE TABLE t(x, y)"
SECOND = "CREATE TABLE t(y UNIQUE, x)"


def oracle(path: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    try:
        return [row for sql in statements for row in connection.execute(sql)]
    finally:
        connection.close()


@pytest.mark.parametrize("keep", ["closed", "cursor", "forgotten"])
def test_another_file_at_the_same_path_has_its_own_schema(tmp_path: Path, keep: str) -> None:
    path = tmp_path / "a.db"
    first = turso_wasm.connect(str(path))
    first.execute(FIRST)
    first.execute("INSERT INTO t VALUES ('x1', 'y1')")
    first.commit()
    cursor = first.execute("SELECT x, y FROM t")
    assert cursor.fetchall() == [("x1", "y1")]
    first.close()
    if keep == "forgotten":
        del first, cursor
    path.unlink()
    oracle(path, SECOND, "INSERT INTO t VALUES ('y2', 'x2')")
    second = turso_wasm.connect(str(path))
    assert second.execute("SELECT x, y FROM t").fetchall() == [("x2", "y2")]
    second.execute("INSERT INTO t(x, y) VALUES ('x3', 'y3')")
    with pytest.raises(turso_wasm.IntegrityError, match=r"UNIQUE constraint failed: t\.y"):
        second.execute("INSERT INTO t(x, y) VALUES ('x4', 'y2')")
    second.commit()
    second.close()
    assert oracle(path, "PRAGMA integrity_check", "SELECT y FROM t INDEXED BY sqlite_autoindex_t_1 WHERE y > ''") == [
        ("ok",),
        ("y2",),
        ("y3",),
    ]


def test_a_copy_of_a_database_shares_its_programs(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.db", "b.db", "c.db")]
    for path, sql in zip(paths, (FIRST, FIRST, SECOND), strict=True):
        oracle(path, sql)
    connections = [HostConnection(engine.host(), Location(str(path))) for path in paths]
    same, again, other = (connection.prepare("SELECT x FROM t") for connection in connections)
    assert same is not None and again is not None and other is not None
    assert same.program is again.program
    assert same.program is not other.program
    for connection in connections:
        connection.close()


def test_files_of_an_old_format_are_not_those_of_a_new_one(tmp_path: Path) -> None:
    """The same rows in sqlite_schema, and an index in another order."""
    paths = [tmp_path / "new.db", tmp_path / "old.db"]
    for path, old in zip(paths, (False, True), strict=True):
        setup = ["PRAGMA legacy_file_format = ON"] if old else []
        connection = apsw.Connection(str(path))
        connection.config(apsw.SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, int(old))
        for sql in (*setup, "CREATE TABLE t(a)", "CREATE INDEX i ON t(a DESC)", "INSERT INTO t VALUES (1), (3), (2)"):
            connection.execute(sql)
        connection.close()
    for path in paths:
        db = turso_wasm.connect(str(path))
        assert db.execute("SELECT a FROM t WHERE a >= 2 ORDER BY a DESC").fetchall() == [(3,), (2,)]
        assert db.execute("SELECT a FROM t WHERE a < 3 ORDER BY a").fetchall() == [(1,), (2,)]
        db.execute("INSERT INTO t VALUES (5)")
        db.commit()
        db.close()
        assert oracle(path, "PRAGMA integrity_check") == [("ok",)]


def test_prepared_statements_follow_a_change_that_was_taken_back() -> None:
    """After the rollback the cookie counts the same numbers again, for another schema."""
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    db.execute("INSERT INTO t VALUES (1)")
    for column in ("b", "c"):
        db.execute("BEGIN")
        db.execute(f"ALTER TABLE t ADD COLUMN {column} DEFAULT '{column}'")
        assert db.execute("SELECT * FROM t").fetchall() == [(1, column)]
        db.execute("ROLLBACK")
        assert db.execute("SELECT * FROM t").fetchall() == [(1,)]
    db.execute("SAVEPOINT s")
    db.execute("ALTER TABLE t RENAME COLUMN a TO z")
    assert db.execute("SELECT z FROM t").fetchall() == [(1,)]
    db.execute("ROLLBACK TO s")
    assert db.execute("SELECT a FROM t").fetchall() == [(1,)]
    db.execute("RELEASE s")
    db.execute("DROP TABLE t")
    with pytest.raises(turso_wasm.OperationalError, match="no such table: t"):
        db.execute("SELECT a FROM t")
    db.execute("CREATE TABLE t(q, a)")
    assert db.execute("SELECT a FROM t").fetchall() == []
    db.close()


def test_a_backup_is_seen_by_the_other_connections_of_its_target(tmp_path: Path) -> None:
    """Both databases count their schema changes alike."""
    first, other, source = (turso_wasm.connect(str(tmp_path / name)) for name in ("a.db", "a.db", "b.db"))
    for db, sql in ((first, FIRST), (source, SECOND)):
        db.execute(sql)
        db.execute("INSERT INTO t(x, y) VALUES ('x', 'y')")
        db.commit()
    query = "SELECT x, y FROM t"
    assert other.execute(query).fetchall() == [("x", "y")]
    source.backup(first)
    for db in (other, first):
        assert db.execute(query).fetchall() == [("x", "y")]
        assert [row[0] for row in db.execute("SELECT * FROM t")] == ["y"]
    other.execute("INSERT INTO t(x, y) VALUES ('x2', 'y2')")
    other.commit()
    for db in (first, other, source):
        db.close()
    assert oracle(tmp_path / "a.db", "PRAGMA integrity_check", "SELECT y FROM t WHERE y > 'y'") == [("ok",), ("y2",)]


def test_unused_schemas_are_forgotten() -> None:
    library = library_of(engine.host())
    for i in range(100):
        db = turso_wasm.connect(":memory:")
        db.execute(f"CREATE TABLE t{i}(a)")
        db.execute(f"SELECT * FROM t{i}")
        db.close()
        del db
    gc.collect()
    assert len(library._used) < 40
    assert library.schema(Environment()) is library.schema(Environment())
