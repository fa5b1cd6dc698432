"""The mechanism of virtual tables, through a module that uses all of it (echo.py)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm

sys.path.insert(0, str(Path(__file__).parent))
from echo import echo_module


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    with echo_module():
        connection = turso_wasm.connect(":memory:", isolation_level=None)
        connection.execute("CREATE VIRTUAL TABLE t USING echo(a, b)")
        connection.execute("INSERT INTO t(rowid, a, b) VALUES (1, 'x', 10), (2, 'y', 20)")
        yield connection
        connection.close()


def rows(db: turso_wasm.Connection, sql: str, *args: object) -> list[tuple[object, ...]]:
    return db.execute(sql, args).fetchall()


def message(db: turso_wasm.Connection, sql: str) -> str:
    with pytest.raises(turso_wasm.Error) as caught:
        db.execute(sql)
    return str(caught.value)


def test_shadow_tables_are_made_and_filled(db: turso_wasm.Connection) -> None:
    assert rows(db, "SELECT name, rootpage, sql FROM sqlite_schema") == [
        ("t", 0, "CREATE VIRTUAL TABLE t USING echo(a, b)"),
        ("t_rows", 2, 'CREATE TABLE "t_rows"(id INTEGER PRIMARY KEY, c0, c1)'),
    ]
    assert rows(db, "SELECT * FROM t_rows") == [(1, "x", 10), (2, "y", 20), (100, "first", "first")]


def test_star_leaves_hidden_columns_out(db: turso_wasm.Connection) -> None:
    assert rows(db, "SELECT *, t, rowid FROM t WHERE rowid = 2") == [("y", 20, None, 2)]


def test_match_is_a_condition_of_the_module(db: turso_wasm.Connection) -> None:
    assert rows(db, "SELECT rowid FROM t WHERE t MATCH ?", "y") == [(2,)]
    assert rows(db, "SELECT rowid FROM t('y')") == [(2,)]
    assert rows(db, "SELECT z.rowid FROM (SELECT 'x' AS k) JOIN t AS z ON z.a MATCH k") == [(1,)]
    assert "MATCH" in message(db, "SELECT * FROM t WHERE NOT t MATCH 'y'")
    assert message(db, "SELECT * FROM t(1, 2)") == "too many arguments on t() - max 1"


def test_functions_of_a_row_are_columns(db: turso_wasm.Connection) -> None:
    assert rows(db, "SELECT shout(t) FROM t ORDER BY shout(t) DESC") == [("Y",), ("X",), ("FIRST",)]
    assert rows(db, "SELECT shout(t), count(*) FROM t GROUP BY 1 HAVING shout(t) < 'G'") == [("FIRST", 1)]
    assert rows(db, "SELECT s FROM (SELECT shout(t) AS s, rowid AS r FROM t) WHERE r = 1") == [("X",)]
    assert rows(db, "SELECT (SELECT shout(t)) FROM t WHERE rowid = 1") == [("X",)]
    assert rows(db, "SELECT shout(u.a) FROM (SELECT 9 AS k) LEFT JOIN t AS u ON u.rowid = k") == [(None,)]
    assert message(db, "SELECT shout('x')") == "unable to use function shout in the requested context"


def test_rows_are_changed(db: turso_wasm.Connection) -> None:
    db.execute("UPDATE t SET b = b + 1, rowid = rowid + 50 WHERE a < 'y' AND rowid < 100")
    assert rows(db, "SELECT changes()") == [(1,)]
    db.execute("DELETE FROM t WHERE rowid = 100")
    assert rows(db, "SELECT rowid, a, b FROM t") == [(2, "y", 20), (51, "x", 11)]
    db.execute("INSERT INTO t SELECT a, b FROM t")
    assert rows(db, "SELECT rowid, a FROM t WHERE rowid > 51") == [(52, "y"), (53, "x")]
    assert rows(db, "SELECT last_insert_rowid()") == [(53,)]
    assert rows(db, "INSERT INTO t VALUES ('n', 1) RETURNING a, rowid") == [("n", -1)]


def test_a_statement_that_fails_leaves_nothing(db: turso_wasm.Connection) -> None:
    before = rows(db, "SELECT rowid, * FROM t")
    assert message(db, "INSERT INTO t(rowid, a) VALUES (3, 'n'), (1, 'again')") == "taken"
    assert rows(db, "SELECT rowid, * FROM t") == before
    db.execute("INSERT OR IGNORE INTO t(rowid, a) VALUES (3, 'n'), (1, 'again')")
    assert rows(db, "SELECT a FROM t WHERE rowid < 10") == [("x",), ("y",), ("n",)]


def test_rollback(db: turso_wasm.Connection) -> None:
    db.execute("BEGIN")
    db.execute("DELETE FROM t")
    db.execute("SAVEPOINT s")
    db.execute("INSERT INTO t VALUES ('n', 1)")
    db.execute("ROLLBACK TO s")
    assert rows(db, "SELECT count(*) FROM t") == [(0,)]
    db.execute("ROLLBACK")
    assert rows(db, "SELECT count(*) FROM t") == [(3,)]


def test_triggers_write_to_it(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE log(x)")
    db.execute("CREATE TRIGGER w AFTER INSERT ON log BEGIN INSERT INTO t VALUES (new.x, 0); END")
    db.execute("INSERT INTO log VALUES ('p'), ('q')")
    assert rows(db, "SELECT a FROM t WHERE b = 0") == [("p",), ("q",)]


def test_rename_and_drop_take_shadow_tables_along(db: turso_wasm.Connection) -> None:
    db.execute("CREATE VIEW v AS SELECT t.a FROM t")
    db.execute("ALTER TABLE t RENAME TO u")
    assert rows(db, "SELECT sql FROM sqlite_schema") == [
        ('CREATE VIRTUAL TABLE "u" USING echo(a, b)',),
        ('CREATE TABLE "u_rows"(id INTEGER PRIMARY KEY, c0, c1)',),
        ('CREATE VIEW v AS SELECT "u".a FROM "u"',),
    ]
    assert rows(db, "SELECT count(*) FROM v") == [(3,)]
    assert rows(db, "SELECT type FROM pragma_table_list WHERE name LIKE 'u%' ORDER BY 1") == [("shadow",), ("virtual",)]
    db.execute("DROP TABLE u")
    assert rows(db, "SELECT name FROM sqlite_schema") == [("v",)]


def test_a_missing_module_fails_alone(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE plain AS SELECT 1 AS one")
    image = db.serialize()
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'echo(a, b)', 'gone(a, b)')")
    image = db.serialize()
    other = turso_wasm.connect(":memory:", isolation_level=None)
    other.deserialize(image)
    assert other.execute("SELECT * FROM plain").fetchall() == [(1,)]
    for sql in ("SELECT * FROM t", "INSERT INTO t VALUES (1)", "DROP TABLE t", "ALTER TABLE t RENAME TO u"):
        assert message(other, sql) == "no such module: gone"


def test_what_virtual_tables_cannot(db: turso_wasm.Connection) -> None:
    assert message(db, "UPDATE t SET a = 1 RETURNING *") == "UPDATE RETURNING is not available on virtual tables"
    assert message(db, "DELETE FROM t RETURNING *") == "DELETE RETURNING is not available on virtual tables"
    assert message(db, "INSERT INTO t VALUES (1, 2) ON CONFLICT DO NOTHING") == (
        'UPSERT not implemented for virtual table "t"'
    )
    assert message(db, "CREATE VIRTUAL TABLE n USING echo") == "echo has no columns"
    assert message(db, "CREATE VIRTUAL TABLE n USING nope(x)") == "no such module: nope"
    assert message(db, "CREATE INDEX i ON t(a)") == "virtual tables may not be indexed"
    assert message(db, "ALTER TABLE t ADD COLUMN c") == "virtual tables may not be altered"
