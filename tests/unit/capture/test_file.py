"""A file with captured changes is SQLite's: SQLite reads and writes it, and capturing goes on afterwards."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm

CHANGES = "SELECT change_id, change_type, table_name, id FROM turso_cdc"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "captured.db")


def test_sqlite_reads_and_writes_the_file_and_is_not_captured(path: str) -> None:
    with turso_wasm.connect(path, isolation_level=None) as ours:
        ours.executescript("PRAGMA capture_data_changes_conn('full'); CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    ours.close()

    theirs = apsw.Connection(path)
    assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert theirs.execute(f"{CHANGES} WHERE change_type <> 2").fetchall() == [
        (1, 1, "sqlite_schema", 5),
        (3, 1, "t", 1),
    ]
    theirs.execute("INSERT INTO t VALUES (2); DELETE FROM turso_cdc WHERE change_id < 3; ALTER TABLE t ADD COLUMN b")
    theirs.close()

    ours = turso_wasm.connect(path, isolation_level=None)
    assert ours.execute("PRAGMA capture_data_changes_conn").fetchall() == [("off", None, None)]
    ours.execute("PRAGMA capture_data_changes_conn('full')")
    ours.execute("UPDATE t SET b = a")
    assert ours.execute(CHANGES).fetchall() == [
        (3, 1, "t", 1),
        (4, 2, None, None),
        (5, 0, "t", 1),
        (6, 0, "t", 2),
        (7, 2, None, None),
    ]
    assert ours.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_sqlite_drops_the_table_of_changes(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.executescript("CREATE TABLE t(a); PRAGMA capture_data_changes_conn('full'); INSERT INTO t VALUES (1)")
    theirs = apsw.Connection(path)
    theirs.execute("DROP TABLE turso_cdc")
    theirs.close()
    with pytest.raises(
        turso_wasm.OperationalError, match=r"no such table: turso_cdc \(see PRAGMA capture_data_changes"
    ):
        ours.execute("INSERT INTO t VALUES (2)")
    assert ours.execute("SELECT * FROM t").fetchall() == [(1,)]
    ours.execute("PRAGMA capture_data_changes_conn('full')")  # makes it anew
    ours.execute("INSERT INTO t VALUES (2)")
    assert ours.execute("SELECT table_name, id FROM turso_cdc WHERE change_type = 1").fetchall() == [("t", 2)]


def test_a_statement_that_was_prepared_before_captures_too(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.execute("CREATE TABLE t(a)")
    for sql in ("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"):
        ours.execute(sql)
    ours.execute("PRAGMA capture_data_changes_conn('id')")
    for sql in ("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"):
        ours.execute(sql)
    assert [row[1] for row in ours.execute(CHANGES)] == [1, 2]
    ours.execute("PRAGMA capture_data_changes_conn('off')")
    for sql in ("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"):
        ours.execute(sql)
    assert [row[1] for row in ours.execute(CHANGES)] == [1, 2]


def test_a_commit_that_fails_leaves_no_commit_row(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.executescript("""
        PRAGMA foreign_keys = on;
        CREATE TABLE p(id INTEGER PRIMARY KEY);
        CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED);
        PRAGMA capture_data_changes_conn('id');
        BEGIN;
        INSERT INTO c VALUES (1);
    """)
    with pytest.raises(turso_wasm.IntegrityError):
        ours.execute("COMMIT")
    ours.execute("INSERT INTO p VALUES (1)")
    ours.execute("COMMIT")
    assert [row[1:3] for row in ours.execute(CHANGES)] == [(1, "c"), (1, "p"), (2, None)]


def test_a_commit_that_waits_for_readers_leaves_one_commit_row(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None, timeout=0)
    ours.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (0); PRAGMA capture_data_changes_conn('id')")
    reader = apsw.Connection(path)
    rows = reader.execute("SELECT * FROM t")
    next(rows)
    ours.execute("BEGIN")
    ours.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(turso_wasm.OperationalError, match="locked"):
        ours.execute("COMMIT")
    ours.execute("INSERT INTO t VALUES (2)")
    rows.close()
    ours.execute("COMMIT")
    assert [row[1] for row in ours.execute(CHANGES)] == [1, 1, 2]


def test_an_authorizer_and_functions_of_the_users_do_not_matter(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.create_function("conn_txn_id", 1, lambda _: 77)
    ours.execute("CREATE TABLE t(a)")
    ours.execute("PRAGMA capture_data_changes_conn('id')")
    asked: list[object] = []
    ours.set_authorizer(lambda *what: asked.append(what[1]) or 0)
    ours.execute("INSERT INTO t VALUES (1)")
    ours.set_authorizer(None)
    assert "turso_cdc" not in asked
    assert [row[1] for row in ours.execute(CHANGES)] == [1, 2]
    assert ours.execute("SELECT DISTINCT change_txn_id FROM turso_cdc").fetchall() == [(1,)]


def test_executemany_and_blobs_are_captured(path: str) -> None:
    ours = turso_wasm.connect(path)
    ours.execute("CREATE TABLE t(a BLOB)")
    ours.execute("PRAGMA capture_data_changes_conn('full')")
    ours.executemany("INSERT INTO t VALUES (?)", [(b"1",), (b"2",)])
    ours.commit()
    with ours.blobopen("t", "a", 1) as blob:
        blob.write(b"x")
    ours.commit()
    found = ours.execute("SELECT change_type, id, after FROM turso_cdc").fetchall()
    assert [row[:2] for row in found] == [(1, 1), (1, 2), (2, None), (0, 1), (2, None)]
    assert found[3][2].endswith(b"x")


def test_auto_vacuum_may_move_the_table_of_changes(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.execute("PRAGMA auto_vacuum = full")
    ours.executescript("CREATE TABLE t(a); CREATE TABLE u(a); PRAGMA capture_data_changes_conn('full')")
    ours.execute("DROP TABLE t")
    ours.execute("INSERT INTO u VALUES (1)")
    assert [row[1:3] for row in ours.execute(CHANGES)] == [
        (-1, "sqlite_schema"),
        (2, None),
        (1, "u"),
        (2, None),
    ]
    assert ours.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_changes_of_several_statements_that_run_at_once_have_one_commit_row(path: str) -> None:
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.executescript("CREATE TABLE t(a); PRAGMA capture_data_changes_conn('id')")
    ours.execute("INSERT INTO t VALUES (1)")
    assert ours.execute("SELECT changes(), total_changes(), last_insert_rowid()").fetchall() == [(1, 1, 1)]
    assert ours.execute("DELETE FROM t").rowcount == 1
    assert ours.execute("UPDATE t SET a = 1").rowcount == 0
