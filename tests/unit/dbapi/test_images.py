"""serialize, deserialize and backup, also in exchange with SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import turso_wasm

FILL = "CREATE TABLE t(a, b); CREATE INDEX ta ON t(a); INSERT INTO t VALUES (1, 'x'), (2, 'y')"


def filled(module: Any, path: str | Path = ":memory:", rows: int = 500) -> Any:
    db = module.connect(path)
    db.executescript(FILL)
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, "text " * (i % 50)) for i in range(rows)])
    db.commit()
    return db


def content(db: Any) -> list[Any]:
    rows: list[Any] = db.execute("SELECT a, b FROM t ORDER BY a, b").fetchall()
    return rows


def test_a_fork_is_on_its_own(tmp_path: Path) -> None:
    db = filled(turso_wasm, tmp_path / "forked.db")
    fork = db.fork(isolation_level=None)
    assert content(fork) == content(db)
    fork.execute("DELETE FROM t")
    assert len(content(db)) == 502
    db.execute("INSERT INTO t VALUES (0, 0)")
    with pytest.raises(turso_wasm.OperationalError, match="cannot fork within a transaction"):
        db.fork()
    assert turso_wasm.connect(":memory:").fork().execute("SELECT * FROM sqlite_schema").fetchall() == []


def test_serialize_is_a_database_file(tmp_path: Path) -> None:
    db = filled(turso_wasm)
    path = tmp_path / "x.db"
    path.write_bytes(db.serialize())
    theirs = sqlite3.connect(path)
    assert content(theirs) == content(db)
    assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    theirs.close()
    db.close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_serialize_of_a_file_sees_what_the_connection_sees(tmp_path: Path, mode: str) -> None:
    db = filled(turso_wasm, tmp_path / "x.db")
    assert db.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
    db.execute("INSERT INTO t VALUES ('uncommitted', 1)")
    copy = turso_wasm.connect(":memory:")
    copy.deserialize(db.serialize())
    assert content(copy) == content(db)
    db.rollback()
    assert content(copy) != content(db)
    for one in (db, copy):
        one.close()


def test_deserialize_what_sqlite_serialized(tmp_path: Path) -> None:
    for page_size in (512, 4096, 65536):
        theirs = sqlite3.connect(":memory:")
        theirs.execute(f"PRAGMA page_size = {page_size}")
        theirs.executescript(FILL)
        theirs.commit()
        db = turso_wasm.connect(tmp_path / f"{page_size}.db")
        db.deserialize(theirs.serialize())
        assert content(db) == content(theirs)
        db.execute("INSERT INTO t VALUES (3, 'z')")
        db.commit()
        assert not (tmp_path / f"{page_size}.db").stat().st_size, "it is in memory now"
        db.close()


def test_deserialize_nothing_gives_an_empty_database() -> None:
    db = filled(turso_wasm)
    db.deserialize(b"")
    db.execute("CREATE TABLE t(fresh)")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.close()


def test_deserialize_refuses_what_is_no_database() -> None:
    db = turso_wasm.connect(":memory:")
    for data in (b"x", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(1000), b"no database" * 1000):
        with pytest.raises(turso_wasm.DatabaseError):
            db.deserialize(data)
            db.execute("SELECT * FROM sqlite_master").fetchall()
    db.close()


def test_backup_replaces_the_target(tmp_path: Path) -> None:
    source, target = filled(turso_wasm, tmp_path / "a.db"), filled(turso_wasm, tmp_path / "b.db", rows=3000)
    reader = turso_wasm.connect(tmp_path / "b.db")
    assert len(content(reader)) == 3002
    seen: list[tuple[int, int, int]] = []
    source.backup(target, progress=lambda *state: seen.append(state))
    assert content(target) == content(source) == content(reader)
    assert len(seen) == 1 and seen[0][:2] == (101, 0)
    target.execute("INSERT INTO t VALUES ('only here', 1)")
    target.commit()
    assert len(content(target)) == len(content(source)) + 1
    for db in (source, target, reader):
        db.close()
    theirs = sqlite3.connect(tmp_path / "b.db")
    assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    theirs.close()


def test_backup_from_memory_to_a_new_file(tmp_path: Path) -> None:
    source, target = filled(turso_wasm), turso_wasm.connect(tmp_path / "new.db")
    source.backup(target)
    assert content(target) == content(source)
    for db in (source, target):
        db.close()


def test_backup_wants_another_connection_outside_a_transaction() -> None:
    source, target = filled(turso_wasm), turso_wasm.connect(":memory:")
    with pytest.raises(ValueError, match="target cannot be the same connection instance"):
        source.backup(source)
    target.execute("BEGIN")
    with pytest.raises(turso_wasm.OperationalError, match="target is in transaction"):
        source.backup(target)
    with pytest.raises(turso_wasm.OperationalError, match="unable to serialize 'nope'"):
        source.serialize(name="nope")
    for db in (source, target):
        db.close()
