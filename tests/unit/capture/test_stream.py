"""Captured changes as objects: Connection.changes, and that of asyncio."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import turso_wasm
from turso_wasm import aio
from turso_wasm.dbapi import Change


@pytest.fixture
def db() -> turso_wasm.Connection:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript("""
        CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);
        CREATE TABLE w(k, n, v, PRIMARY KEY (n, k)) WITHOUT ROWID;
        PRAGMA capture_data_changes_conn('full');
    """)
    return connection


def told(change: Change) -> tuple[object, ...]:
    return change.type, change.key, change.before, change.after, change.assigned, change.replaced


def test_changes_have_names(db: turso_wasm.Connection) -> None:
    db.execute("INSERT INTO t VALUES (1, 'x')")
    db.execute("UPDATE t SET a = x'00ff' WHERE id = 1")
    db.execute("REPLACE INTO t VALUES (1, NULL)")
    db.execute("INSERT INTO w VALUES ('k', 2, 0.5)")
    found = list(db.changes(since=0))
    assert [told(change) for change in found if change.type != "commit"] == [
        ("insert", 1, None, {"id": 1, "a": "x"}, None, False),
        ("update", 1, {"id": 1, "a": "x"}, {"id": 1, "a": b"\0\xff"}, ("a",), False),
        ("delete", 1, {"id": 1, "a": b"\0\xff"}, None, None, True),
        ("insert", 1, None, {"id": 1, "a": None}, None, False),
        ("insert", (2, "k"), None, {"k": "k", "n": 2, "v": 0.5}, None, False),
    ]
    assert [(change.id, change.transaction) for change in found if change.type == "commit"] == [
        (2, 1),
        (4, 3),
        (7, 5),
        (9, 8),
    ]


def test_reading_goes_on_behind_a_change(db: turso_wasm.Connection) -> None:
    db.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    first = next(iter(db.changes(since=0)))
    assert [change.key for change in db.changes(since=first.id)] == [2, None]
    later = db.changes()
    assert list(later) == []
    assert list(db.changes(since=3)) == []


def test_names_are_those_of_the_time_of_the_change(db: turso_wasm.Connection) -> None:
    db.execute("INSERT INTO t VALUES (1, 'x')")
    db.execute("ALTER TABLE t RENAME COLUMN a TO b")
    db.execute("INSERT INTO t VALUES (2, 'y')")
    db.execute("ALTER TABLE t ADD COLUMN c DEFAULT 7")
    db.execute("INSERT INTO t VALUES (3, 'z', 8)")
    db.execute("ALTER TABLE t DROP COLUMN b")
    db.execute("INSERT INTO t VALUES (4, 9)")
    db.execute("DROP TABLE t")
    assert [change.after for change in db.changes(since=0) if change.table == "t"] == [
        {"id": 1, "a": "x"},
        {"id": 2, "b": "y"},
        {"id": 3, "b": "z", "c": 8},
        {"id": 4, "c": 9},
    ]


def test_what_is_not_committed_is_not_read(db: turso_wasm.Connection) -> None:
    db.execute("BEGIN")
    db.execute("INSERT INTO t VALUES (1, 'x')")
    assert list(db.changes(since=0)) == []
    db.execute("COMMIT")
    assert [change.type for change in db.changes(since=0)] == ["insert", "commit"]


def test_misuse(db: turso_wasm.Connection) -> None:
    db.execute("PRAGMA capture_data_changes_keep = 2")
    with pytest.raises(turso_wasm.OperationalError, match="there is no change 5 yet: the last one is 0"):
        db.changes(since=5)
    with pytest.raises(turso_wasm.OperationalError, match=r"no such table: main\.nope"):
        db.changes(table="nope")
    with pytest.raises(TypeError, match="since: an integer or None, not str"):
        db.changes(since="1")  # type: ignore[arg-type]
    for number in range(5):
        db.execute("INSERT INTO t VALUES (?, '')", (number,))
    with pytest.raises(turso_wasm.OperationalError, match="the changes behind 3 are gone: the first that is kept is 9"):
        list(db.changes(since=3))
    db.execute("DELETE FROM turso_cdc")
    with pytest.raises(
        turso_wasm.OperationalError, match="the changes behind 3 are gone: the first that is kept is 11"
    ):
        list(db.changes(since=3))
    assert list(db.changes(since=10)) == []


def test_asyncio_follows_another_connection(tmp_path: Path) -> None:
    path = str(tmp_path / "followed.db")

    async def follow() -> list[tuple[str, object]]:
        async with aio.connect(path, isolation_level=None) as writer, aio.connect(path, isolation_level=None) as reader:
            await writer.execute("PRAGMA capture_data_changes_conn('after')")
            found = []
            stream = reader.changes(since=0, interval=0.01)
            await writer.execute("CREATE TABLE t(a)")
            for number in range(3):
                await writer.execute("INSERT INTO t VALUES (?)", (number,))
            async for change in stream:
                if change.table == "t":
                    found.append((change.type, change.after))
                    if len(found) == 3:
                        await writer.execute("UPDATE t SET a = 9 WHERE a = 2")
                    elif len(found) == 4:
                        break
            await stream.aclose()
            return found

    assert asyncio.run(follow()) == [
        ("insert", {"a": 0}),
        ("insert", {"a": 1}),
        ("insert", {"a": 2}),
        ("update", {"a": 9}),
    ]
