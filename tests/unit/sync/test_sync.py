"""Pull and push, one thing at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from faults import Server

import turso_wasm
from turso_wasm import sync

Opened = Callable[..., sync.SyncConnection]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(str(tmp_path / "server.db"))
    yield server
    server.close()


@pytest.fixture
def there(server: Server, tmp_path: Path) -> Iterator[Callable[[str], list[Any]]]:
    """Asks the server's file, or changes it as others do who come by the server."""
    db = turso_wasm.connect(tmp_path / "server.db", isolation_level=None)
    db.execute("PRAGMA capture_data_changes_conn('full')")
    yield lambda sql: db.execute(sql).fetchall()
    db.close()


@pytest.fixture
def opened(server: Server, tmp_path: Path) -> Iterator[Opened]:
    made: list[sync.SyncConnection] = []

    def open_one(name: str, **options: Any) -> sync.SyncConnection:
        db = sync.connect(tmp_path / f"{name}.db", "http://server", **{"fetch": server.fetch, **options})
        db.isolation_level = None
        made.append(db)
        return db

    yield open_one
    for db in made:
        db.close()


def test_rows_go_from_one_client_to_another(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    one, two = opened("one"), opened("two")
    one.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)")
    one.execute("INSERT INTO t VALUES (1, 2.5, x'00ff'), (2, NULL, 'é'), (9223372036854775807, 1e300, '')")
    assert one.stats().local_changes == 4
    assert one.push() is True
    assert one.stats().local_changes == 0
    assert one.push() is False
    assert two.pull() is True
    assert two.pull() is False
    rows = one.execute("SELECT *, typeof(a), typeof(b) FROM t").fetchall()
    assert two.execute("SELECT *, typeof(a), typeof(b) FROM t").fetchall() == rows
    assert there("SELECT *, typeof(a), typeof(b) FROM t") == rows
    two.execute("UPDATE t SET a = 'new' WHERE id = 1")
    two.execute("DELETE FROM t WHERE id = 2")
    assert two.stats().local_changes == 2
    two.push()
    one.pull()
    assert one.execute("SELECT id, a FROM t").fetchall() == [(1, "new"), (9223372036854775807, 1e300)]


def test_what_the_server_had_before_comes_at_the_first_pull(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    there("CREATE TABLE t(a, b GENERATED ALWAYS AS (a + 1), PRIMARY KEY(a)) WITHOUT ROWID")
    there("INSERT INTO t VALUES (1), (2)")
    there("CREATE INDEX i ON t(b)")
    there("CREATE VIEW v AS SELECT sum(b) AS total FROM t")
    there("CREATE TABLE log(x)")
    there("CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END")
    db = opened("one")
    assert db.execute("SELECT total FROM v").fetchall() == [(5,)]
    db.execute("INSERT INTO t VALUES (7)")  # fires the trigger here; there its row comes as a row
    db.push()
    assert there("SELECT x FROM log") == db.execute("SELECT x FROM log").fetchall() == [(7,)]
    assert there("SELECT total FROM v") == [(13,)]


def test_offline_changes_are_made_again_over_what_came(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    there("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    there("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    db = opened("one")
    db.execute("UPDATE t SET a = 'mine' WHERE id = 1")
    there("UPDATE t SET a = 'theirs' WHERE id = 2")
    there("INSERT INTO t VALUES (3, 'new')")
    db.pull()
    assert db.execute("SELECT a FROM t").fetchall() == [("mine",), ("theirs",), ("new",)]
    assert there("SELECT a FROM t WHERE id = 1") == [("x",)]
    assert db.stats().local_changes == 1
    db.push()
    assert there("SELECT a FROM t") == [("mine",), ("theirs",), ("new",)]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("local", "mine"),
        ("remote", "theirs"),
        (lambda conflict: {**conflict.local, "a": f"{conflict.before['a']}:{conflict.remote['a']}"}, "x:theirs"),
        (lambda conflict: None, None),
    ],
)
def test_rows_that_both_have_changed(
    opened: Opened, there: Callable[[str], list[Any]], rule: Any, wanted: str | None
) -> None:
    there("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    there("INSERT INTO t VALUES (1, 'x')")
    db = opened("one", conflict=rule)
    db.execute("UPDATE t SET a = 'mine'")
    there("UPDATE t SET a = 'theirs'")
    db.push()
    assert db.execute("SELECT a FROM t").fetchall() == there("SELECT a FROM t") == ([(wanted,)] if wanted else [])


def test_rows_without_a_key_are_all_kept(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    there("CREATE TABLE t(a)")
    one, two = opened("one"), opened("two")
    one.execute("INSERT INTO t VALUES ('same'), ('one')")
    two.execute("INSERT INTO t VALUES ('same'), ('two')")
    two.execute("UPDATE t SET a = 'two!' WHERE a = 'two'")
    one.push()
    two.push()
    one.pull()
    for rows in (there("SELECT a FROM t"), one.execute("SELECT a FROM t").fetchall()):
        assert sorted(rows) == [("one",), ("same",), ("same",), ("two!",)]


def test_a_change_that_breaks_a_constraint_there_is_kept_aside(
    opened: Opened, there: Callable[[str], list[Any]]
) -> None:
    there("CREATE TABLE t(id INTEGER PRIMARY KEY, name UNIQUE)")
    db = opened("one")
    db.execute("INSERT INTO t VALUES (1, 'n')")
    there("INSERT INTO t VALUES (2, 'n')")
    assert db.push() is False
    assert db.execute("SELECT * FROM t").fetchall() == there("SELECT * FROM t") == [(2, "n")]
    assert db.stats().refused == 1
    kept = db.execute("SELECT table_name, id, reason FROM turso_sync_refused").fetchall()
    assert kept == [("t", 1, "UNIQUE constraint failed: t.name")]


def test_tables_that_the_server_alters_come_anew(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    there("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)")
    there("INSERT INTO t VALUES (1, 'a', 'b')")
    db = opened("one")
    db.execute("INSERT INTO t VALUES (2, 'c', 'd')")
    there("ALTER TABLE t ADD COLUMN c DEFAULT 5")
    there("ALTER TABLE t DROP COLUMN a")
    there("CREATE INDEX i ON t(c)")
    db.push()
    assert db.execute("SELECT * FROM t").fetchall() == there("SELECT * FROM t") == [(1, "b", 5), (2, "d", None)]
    there("ALTER TABLE t RENAME TO u")
    db.pull()
    assert db.execute("SELECT name FROM sqlite_schema WHERE tbl_name = 'u' ORDER BY 1").fetchall() == [("i",), ("u",)]
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 't'").fetchall() == [(0,)]


def test_tables_dropped_here_and_there(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    there("CREATE TABLE t(a); ")
    there("CREATE TABLE u(a)")
    there("INSERT INTO t VALUES (1)")
    there("INSERT INTO u VALUES (1)")
    db = opened("one")
    db.execute("DROP TABLE t")
    there("DROP TABLE u")
    db.push()
    assert there("SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')") == []
    assert db.execute("SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')").fetchall() == []


def test_what_is_refused_says_why(opened: Opened, there: Callable[[str], list[Any]], tmp_path: Path) -> None:
    there("CREATE TABLE t(a)")
    db = opened("one")
    db.execute("BEGIN")
    with pytest.raises(turso_wasm.ProgrammingError, match=r"pull\(\) in a transaction"):
        db.pull()
    db.execute("ROLLBACK")
    db.execute("ALTER TABLE t ADD COLUMN b")
    with pytest.raises(sync.SyncError, match="table t was altered here: alter tables at the server"):
        db.push()
    there("INSERT INTO t VALUES (1)")  # nobody is kept from writing
    with pytest.raises(ValueError, match="a synchronized database is a file"):
        sync.connect(":memory:", "http://server")
    with pytest.raises(ValueError, match="conflict must be 'local', 'remote' or a function, not 'mine'"):
        opened("two", conflict="mine")
    with apsw.Connection(str(tmp_path / "old.db")) as old:
        old.execute("CREATE TABLE t(a)")
    with pytest.raises(sync.SyncError, match="table t was made without sync"):
        opened("old")
    with pytest.raises(sync.SyncError, match=r"no answer from http://127\.0\.0\.1:9"):
        sync.connect(tmp_path / "none.db", "http://127.0.0.1:9")


def test_a_server_without_sync_is_told_apart(tmp_path: Path) -> None:
    from functools import partial

    from turso_wasm.runtime.uri import Location
    from turso_wasm.server.stream import Stream

    server = Server(str(tmp_path / "plain.db"))
    server.streams.opened = partial(Stream, Location(str(tmp_path / "other.db")))
    with pytest.raises(sync.SyncError, match="the server keeps no changes: it must be served with --sync"):
        sync.connect(tmp_path / "one.db", "http://server", fetch=server.fetch)
    server.close()


def test_it_begins_and_goes_on_offline(server: Server, opened: Opened, there: Callable[[str], list[Any]]) -> None:
    def offline(*_: object) -> bytes:
        raise OSError("offline")

    db = opened("one", fetch=offline, bootstrap_if_empty=False)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    db.execute("INSERT INTO t VALUES (1, 'x')")
    with pytest.raises(sync.SyncError, match="offline"):
        db.push()
    db.close()
    db = opened("one")
    db.push()
    assert there("SELECT * FROM t") == [(1, "x")]


def test_repair_brings_back_what_was_changed_behind_its_back(
    opened: Opened, there: Callable[[str], list[Any]], tmp_path: Path
) -> None:
    there("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    there("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    db = opened("one")
    db.execute("INSERT INTO t VALUES (3, 'mine')")
    with apsw.Connection(str(tmp_path / "one.db")) as other:
        other.execute("DELETE FROM t WHERE id = 1; UPDATE t SET a = 'damaged' WHERE id = 2")
    db.repair()
    assert db.execute("SELECT * FROM t").fetchall() == [(1, "x"), (2, "y"), (3, "mine")]
    assert db.stats().local_changes == 1


def test_tables_with_types_of_ours_are_refused(opened: Opened, there: Callable[[str], list[Any]]) -> None:
    db = opened("one")
    db.execute("CREATE TABLE t(a uuid) STRICT")
    db.execute("INSERT INTO t VALUES ('00000000-0000-0000-0000-000000000001')")
    with pytest.raises(
        sync.SyncError, match="table t has columns of types of ours: such tables cannot be synchronized"
    ):
        db.push()
    assert there("SELECT count(*) FROM sqlite_schema WHERE name = 't'") == [(0,)]
