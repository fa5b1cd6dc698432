"""The schema's texts are SQLite's to parse, whatever was written; upserts on columns of types."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm


@pytest.fixture
def db(tmp_path: Path) -> turso_wasm.Connection:
    connection = turso_wasm.connect(str(tmp_path / "schema.db"), isolation_level=None)
    connection.executescript(
        """
        CREATE TYPE cents BASE integer ENCODE value * 100 DECODE value / 100;
        CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT[], b ANY, n ANY) STRICT;
        CREATE TABLE log(x, y);
        INSERT INTO t VALUES (1, '{p,q}', 7, 8);
        """
    )
    return connection


def sqlites_schema(db: turso_wasm.Connection) -> list[str]:
    path = db.execute("PRAGMA database_list").fetchone()[2]
    with apsw.Connection(path) as sqlite:
        return [sql for (sql,) in sqlite.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a[1] AS x", "p"),
        ("t.a[1]AS x", "p"),
        ("a[2:] AS x", "{q}"),
        ("a @> ARRAY['p'] AS x", 1),
        ("a && ARRAY['q', 'z'] OR b AS x", 1),
        ("ARRAY[b, n + 1] AS x", "{7,9}"),
        ("array_get(a, 1) || a[2] AS x", "pq"),
    ],
)
@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_of_arrays_are_calls_in_the_schema(
    db: turso_wasm.Connection, kind: str, expression: str, value: object
) -> None:
    db.execute(f"CREATE {kind} v AS SELECT {expression} FROM t WHERE NOT a @> '{{zz}}'")
    assert db.execute("SELECT x FROM v").fetchall() == [(value,)]
    assert any("array_contains_all(a, '{zz}')" in sql for sql in sqlites_schema(db))


def test_triggers_of_arrays_are_calls_in_the_schema(db: turso_wasm.Connection) -> None:
    db.execute(
        "CREATE TRIGGER r AFTER INSERT ON t WHEN new.a && ARRAY['p'] BEGIN "
        "UPDATE t SET a[2] = 'new' || new.id, b = new.a[1] WHERE id = new.id; "
        "INSERT INTO log VALUES (new.a[1], new.a[1:1]); END"
    )
    sqlites_schema(db)
    db.execute("INSERT INTO t(id, a) VALUES (2, '{p,q,r}'), (3, '{r}')")
    assert db.execute("SELECT id, a, b FROM t WHERE id > 1").fetchall() == [(2, "{p,new2,r}", "p"), (3, "{r}", None)]
    assert db.execute("SELECT * FROM log").fetchall() == [("p", "{p}")]


def test_tables_with_expressions_of_arrays(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE u(x TEXT DEFAULT (ARRAY[1, 2]), y AS (x @> '{1}'), CHECK (x[1] > 0))")
    db.execute("ALTER TABLE u ADD COLUMN z AS (x[2])")
    db.execute("INSERT INTO u DEFAULT VALUES")
    assert db.execute("SELECT * FROM u").fetchall() == [("{1,2}", 1, 2)]
    sqlites_schema(db)


def test_default_among_the_values_of_a_trigger_is_refused(db: turso_wasm.Connection) -> None:
    with pytest.raises(turso_wasm.OperationalError, match="DEFAULT among values cannot be part of the schema"):
        db.execute("CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1, DEFAULT); END")
    sqlites_schema(db)


@pytest.mark.parametrize(
    ("type_", "value", "other"),
    [
        ("uuid", "550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440001"),
        ("cents", 4, 5),
        ("numeric(8,2)", "4.00", "5.00"),
        ("TEXT[]", "{p}", "{q}"),
        ("date", "2026-01-01", "2026-01-02"),
    ],
)
@pytest.mark.parametrize(
    "key", ["v {} PRIMARY KEY) STRICT", "v {} UNIQUE) STRICT", "v {} PRIMARY KEY) STRICT, WITHOUT ROWID"]
)
def test_upserts_on_columns_of_types(
    db: turso_wasm.Connection, type_: str, value: object, other: object, key: str
) -> None:
    db.execute(f"CREATE TABLE k(n INTEGER DEFAULT 1, {key.format(type_)}")
    upsert = "INSERT INTO k(v) VALUES (?) ON CONFLICT (v) DO UPDATE SET n = n + 1, v = excluded.v RETURNING n, v"
    found = [db.execute(upsert, (each,)).fetchall() for each in (value, other, value)]
    assert found == [[(1, value)], [(1, other)], [(2, value)]]
    assert db.execute("SELECT n, v FROM k ORDER BY n").fetchall() == [(1, other), (2, value)]


def test_upserts_on_several_columns_of_types(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE k(n cents, v uuid, m INTEGER DEFAULT 1, UNIQUE (n, v)) STRICT")
    upsert = (
        "INSERT INTO k(n, v) VALUES (3, x'00112233445566778899aabbccddeeff') ON CONFLICT (v, n) DO UPDATE SET m = 2"
    )
    assert [db.execute(f"{upsert} RETURNING m").fetchone() for _ in range(2)] == [(1,), (2,)]


def test_a_domain_has_a_default_and_is_not_null(db: turso_wasm.Connection) -> None:
    db.execute("CREATE DOMAIN seven AS integer DEFAULT 3 + 4 NOT NULL CHECK (value <> 13)")
    db.execute("CREATE TABLE k(n INTEGER, v seven) STRICT")
    assert db.execute("INSERT INTO k(n) VALUES (1) RETURNING v").fetchall() == [(7,)]
    with pytest.raises(turso_wasm.IntegrityError, match=r"NOT NULL constraint failed: k\.v"):
        db.execute("INSERT INTO k VALUES (1, NULL)")
