"""The two-level Program cache: what may be shared, and what must not (runtime/schema.py C1, C2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from turso_wasm.base.errors import SqlError
from turso_wasm.runtime import connection as connection_module
from turso_wasm.runtime import engine
from turso_wasm.runtime import schema as schema_module
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.uri import Location


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostConnection]:
    monkeypatch.setattr(schema_module, "_libraries", WeakKeyDictionary())  # nothing that another test has compiled
    connection = HostConnection(engine.host(), Location(":memory:"))
    run(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT)")
    run(connection, "INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, 30, 'z')")
    yield connection
    connection.close()


def run(connection: HostConnection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    prepared = connection.prepare(sql)
    assert prepared is not None
    statement, rows = connection.execute(prepared, values)
    found = []
    while rows is not None:
        found += rows
        rows = None if statement.finished else statement.step()
    connection.release(statement)
    return found


def names(connection: HostConnection, sql: str) -> list[str]:
    prepared = connection.prepare(sql)
    assert prepared is not None
    return [column.name for column in prepared.program.columns]


def test_the_same_text_is_compiled_once(db: HostConnection, compiled: list[str]) -> None:
    for _ in range(3):
        assert run(db, "SELECT a FROM t WHERE id = ?", 2) == [(20,)]
    assert len(compiled) == 1


def test_texts_that_differ_in_literals_share_a_program(db: HostConnection, compiled: list[str]) -> None:
    for i in (1, 2, 3):
        assert run(db, f"SELECT a FROM t WHERE id = {i} AND b <> 'no{i}'") == [(10 * i,)]
    assert run(db, "select  a\nfrom t -- comment\n where id=3 and b<>'q'") == [(30,)]
    assert len(compiled) == 1


def test_literals_that_the_plan_depends_on_are_not_shared(db: HostConnection) -> None:
    assert run(db, "SELECT a FROM t ORDER BY 1 DESC LIMIT 1") == [(30,)]
    assert run(db, "SELECT a, id FROM t ORDER BY 2 DESC LIMIT 2") == [(30, 3), (20, 2)]
    assert run(db, "SELECT a, id FROM t ORDER BY 1 LIMIT 1") == [(10, 1)]
    assert run(db, "SELECT a, count(*) FROM t GROUP BY 1 ORDER BY 1 LIMIT 1") == [(10, 1)]
    with pytest.raises(Exception, match="ORDER BY term"):
        run(db, "SELECT a, id FROM t ORDER BY 5 LIMIT 1")


def test_kinds_of_literals_are_not_mixed_up(db: HostConnection) -> None:
    assert run(db, "SELECT typeof(1)") == [("integer",)]
    assert run(db, "SELECT typeof(1.0)") == [("real",)]
    assert run(db, "SELECT typeof('1')") == [("text",)]
    assert run(db, "SELECT typeof(x'31')") == [("blob",)]
    assert run(db, "SELECT 5 / 2") == [(2,)]
    assert run(db, "SELECT 5 / 2.0") == [(2.5,)]
    assert run(db, "SELECT -9223372036854775808, 9223372036854775808") == [(-(2**63), 2.0**63)]


def test_columns_are_named_by_their_own_text(db: HostConnection) -> None:
    assert names(db, "SELECT id+1, 5 FROM t") == ["id+1", "5"]
    assert names(db, "SELECT id + 1, 5 FROM t") == ["id + 1", "5"]
    assert names(db, "SELECT id+2, 6 FROM t") == ["id+2", "6"]
    assert names(db, "SELECT id+0x1, 5.0 FROM t") == ["id+0x1", "5.0"]
    assert names(db, "SELECT id AS 'one' FROM t") == ["one"]
    assert names(db, "SELECT id AS 'two' FROM t") == ["two"]


def test_bulk_inserts_of_one_width_share_a_program(db: HostConnection, compiled: list[str]) -> None:
    run(db, "INSERT INTO t(a, b) VALUES (1, 'a'), (2, 'b')")
    run(db, "INSERT INTO t(a, b) VALUES (3.5, NULL), ('c', x'00'), (-4, 'd')")
    assert len(compiled) == 1
    run(db, "INSERT INTO t(id, a, b) VALUES (100, 1, 'a'), (101, 2, 'b')")
    assert len(compiled) == 2
    assert run(db, "SELECT a, b FROM t WHERE id BETWEEN 4 AND 99 ORDER BY id") == [
        (1, "a"), (2, "b"), (3.5, None), ("c", b"\0"), (-4, "d"),
    ]  # fmt: skip


def test_schema_texts_are_stored_as_written(db: HostConnection) -> None:
    run(db, "CREATE TABLE one(a DEFAULT 1)")
    run(db, "CREATE TABLE two  ( a DEFAULT 2 )")
    run(db, "DROP TABLE one")
    run(db, "CREATE TABLE  one(a  DEFAULT 7)")
    found = run(db, "SELECT sql FROM sqlite_master WHERE name IN ('one', 'two') ORDER BY name")
    assert found == [("CREATE TABLE one(a  DEFAULT 7)",), ("CREATE TABLE two  ( a DEFAULT 2 )",)]


def test_a_changed_schema_is_seen_by_prepared_texts(db: HostConnection) -> None:
    assert run(db, "SELECT * FROM t WHERE id = 1") == [(1, 10, "x")]
    run(db, "DROP TABLE t")
    run(db, "CREATE TABLE t(other)")
    run(db, "INSERT INTO t VALUES ('o')")
    assert run(db, "SELECT * FROM t") == [("o",)]


def test_a_rolled_back_schema_is_forgotten_with_its_programs(db: HostConnection) -> None:
    """After the rollback another change gives the same schema cookie to another schema."""
    run(db, "BEGIN")
    run(db, "CREATE TABLE u(x, y)")
    run(db, "INSERT INTO u VALUES (1, 2)")
    assert run(db, "SELECT * FROM u") == [(1, 2)]
    run(db, "ROLLBACK")
    run(db, "CREATE TABLE v(p)")
    run(db, "CREATE INDEX tb ON t(b)")
    with pytest.raises(Exception, match="no such table: u"):
        run(db, "SELECT * FROM u")
    assert run(db, "SELECT count(*) FROM v") == [(0,)]


def test_a_schema_rolled_back_to_a_savepoint(db: HostConnection) -> None:
    run(db, "BEGIN")
    run(db, "SAVEPOINT s")
    run(db, "CREATE TABLE u(x)")
    run(db, "ROLLBACK TO s")
    run(db, "CREATE TABLE u(x, y, z)")
    run(db, "INSERT INTO u VALUES (1, 2, 3)")
    run(db, "COMMIT")
    assert run(db, "SELECT * FROM u") == [(1, 2, 3)]


def test_connections_of_a_file_share_programs(tmp_path: Path, compiled: list[str]) -> None:
    one, two = (HostConnection(engine.host(), Location(str(tmp_path / "x.db"))) for _ in range(2))
    run(one, "CREATE TABLE t(a)")
    run(one, "INSERT INTO t VALUES (5)")
    assert run(one, "SELECT a FROM t") == run(two, "SELECT a FROM t") == [(5,)]
    assert compiled.count("SELECT a FROM t") == 1
    run(two, "CREATE TABLE u(b)")
    assert run(one, "SELECT a FROM t, u") == []
    one.close()
    two.close()


def test_statements_in_use_are_not_reused(db: HostConnection) -> None:
    prepared = db.prepare("SELECT id FROM t ORDER BY id")
    assert prepared is not None
    one, two = db.acquire(prepared), db.acquire(prepared)
    assert one.address != two.address
    db.release(one)
    assert db.acquire(prepared) is one
    for statement in (one, two):
        db.release(statement)


def test_many_different_statements_do_not_pile_up(db: HostConnection) -> None:
    for i in range(90):
        run(db, f"SELECT {', '.join(f'a + {j}' for j in range(i % 75 + 1))}, '{i}' FROM t LIMIT 1")
    assert db._n_idle <= connection_module.MAX_IDLE
    assert sum(len(pool) for pool in db._idle.values()) == db._n_idle


def test_large_parameters_are_given_back(db: HostConnection) -> None:
    used = engine.host().function("memory_used")
    before = used()
    run(db, "SELECT length(?)", b"x" * 10_000_000)
    assert run(db, "SELECT length(?)", b"y" * 5) == [(5,)]
    assert used() < before + 2_000_000


@pytest.mark.parametrize(
    ("sql", "member"),
    [
        ("SELECT id FROM t WHERE a IN (%s)", "%d"),
        ("SELECT id FROM t WHERE b NOT IN (%s) ORDER BY id", "'text %d'"),
        ("SELECT id FROM t WHERE id IN (%s) AND a > 5", "%d.5"),
        ("DELETE FROM t WHERE a IN (%s)", "x'%02x'"),
        ("UPDATE t SET b = a IN (%s)", "%d"),
    ],
)
def test_a_list_of_literals_of_any_length_is_one_program(
    db: HostConnection, compiled: list[str], sql: str, member: str
) -> None:
    for length in range(2, 61):
        run(db, sql % ", ".join(member % n for n in range(length)))
    assert len(compiled) == 1


def test_lists_of_different_kinds_are_different_programs_and_right(db: HostConnection, compiled: list[str]) -> None:
    sql = "SELECT id FROM t WHERE a IN (%s) ORDER BY id"
    kinds = {
        "integers": [("10, 20", [1, 2]), ("30, 10, 30, 5", [1, 3]), ("-1, +20, 0x1e", [2, 3])],
        "numbers": [("10.0, 20", [1, 2]), ("30, 10.5", [3])],
        "texts": [("'10', 'x'", []), ("'x', 'y', 'z'", [])],
        "mixed": [("10, 'x'", [1]), ("NULL, 20, 30.0", [2, 3]), ("NULL, NULL", [])],
    }
    for n, lists in enumerate(kinds.values(), 1):
        for values, found in lists:
            assert run(db, sql % values) == [(id_,) for id_ in found]
        assert len(compiled) == n


def test_what_depends_on_a_list_is_compiled_for_it(db: HostConnection, compiled: list[str]) -> None:
    run(db, "CREATE INDEX part ON t(b) WHERE a IN (10, 20)")
    compiled.clear()
    assert names(db, "SELECT a IN (1, 2) FROM t") == ["a IN (1, 2)"]
    assert names(db, "SELECT a IN (1, 3) FROM t") == ["a IN (1, 3)"]
    grouped = "SELECT count(*) FROM t GROUP BY a IN (10, 20), a IN (%s) ORDER BY a IN (%s)"
    assert run(db, grouped % ("10, 30", "10, 30")) == [(1,), (1,), (1,)]
    partial = "SELECT id FROM t INDEXED BY part WHERE a IN (%s) AND b > ''"
    assert run(db, partial % "10, 20") == [(1,), (2,)]
    with pytest.raises(SqlError, match="no query solution"):
        run(db, partial % "10, 30")
    with pytest.raises(SqlError, match="no query solution"):
        run(db, partial % "10.0, 20")
