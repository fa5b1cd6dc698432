"""Functions in FROM: what is declared of PRAGMAs, generate_series, and what is kept for whom."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm.dbapi as turso
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.own import TableFunction
from turso_wasm.catalog.table_functions import TABLE_FUNCTIONS
from turso_wasm.runtime.pragmas import compile_pragma
from turso_wasm.sql import ast

PRAGMAS = [function for function in TABLE_FUNCTIONS.values() if function.pragma is not None]


@pytest.fixture
def db() -> Iterator[turso.Connection]:
    connection = turso.connect(":memory:")
    connection.executescript("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4)")
    yield connection
    connection.close()


def rows(db: turso.Connection, sql: str, *values: object) -> list[tuple[object, ...]]:
    return db.execute(sql, values).fetchall()


@pytest.mark.parametrize("function", PRAGMAS, ids=lambda function: function.name)
def test_a_pragma_has_the_columns_that_are_declared(function: TableFunction, db: turso.Connection) -> None:
    assert function.pragma is not None
    answer = compile_pragma(ast.Pragma(function.pragma), Catalogs([Catalog(0, "main", [])]))
    assert answer.columns in (function.columns, ())
    assert answer.readonly
    assert db.execute(f"SELECT * FROM {function.name}").fetchall() == db.execute(f"PRAGMA {function.pragma}").fetchall()


def test_arguments_of_a_series(db: turso.Connection) -> None:
    assert rows(db, "SELECT value, start, stop, step, rowid FROM generate_series(5, 9, 3)") == [
        (5, 5, 9, 3, 1),
        (8, 5, 9, 3, 2),
    ]
    assert rows(db, "SELECT * FROM generate_series(?, ?, ?)", "10", 7.9, -2) == [(10,), (8,)]
    assert rows(db, "SELECT value, step FROM generate_series(1, 2, 0)") == [(1, 1), (2, 1)]
    assert rows(db, "SELECT stop FROM generate_series(7) LIMIT 1") == [(4294967295,)]
    assert (
        rows(db, "SELECT * FROM generate_series(NULL, 2)") == rows(db, "SELECT * FROM generate_series(1, NULL)") == []
    )
    assert rows(db, "SELECT * FROM generate_series WHERE start = 1 AND stop = 2") == [(1,), (2,)]
    with pytest.raises(turso.OperationalError, match=r'first argument to "generate_series\(\)" missing or unusable'):
        rows(db, "SELECT * FROM generate_series")
    with pytest.raises(turso.OperationalError, match=r"too many arguments on generate_series\(\) - max 3"):
        rows(db, "SELECT * FROM generate_series(1, 2, 3, 4)")


def test_arguments_come_from_other_tables(db: turso.Connection) -> None:
    expected = [(1, 1), (1, 2), (3, 3), (3, 4)]
    assert rows(db, "SELECT a, value FROM t, generate_series(a, b)") == expected
    assert rows(db, "SELECT a, value FROM generate_series(t.a, t.b), t") == expected
    assert rows(db, "SELECT a, value FROM t LEFT JOIN generate_series(a, 2)") == [(1, 1), (1, 2), (3, None)]
    assert rows(db, "SELECT a, (SELECT sum(value) FROM generate_series(a, b)) FROM t") == [(1, 3), (3, 7)]
    assert rows(db, "SELECT value FROM t RIGHT JOIN generate_series(3, 4) ON value = a") == [(3,), (4,)]
    assert rows(db, "SELECT a, value FROM t FULL JOIN generate_series(t.a, 4)") == [
        *((1, value) for value in range(1, 5)),
        (3, 3),
        (3, 4),
    ]
    with pytest.raises(turso.OperationalError, match="no query solution"):
        rows(db, "SELECT * FROM generate_series(h.value, 3) g, generate_series(g.value, 2) h")
    with pytest.raises(turso.OperationalError, match="table-function argument references tables to its right"):
        rows(db, "SELECT * FROM t LEFT JOIN generate_series(u.a, 2) LEFT JOIN t u")


def test_an_argument_is_computed_once_for_a_visit(db: turso.Connection) -> None:
    sql = "SELECT count(*), count(DISTINCT start) FROM generate_series(abs(random() % 1000), 5000)"
    ((count, starts),) = rows(db, sql)
    assert count >= 4000 and starts == 1  # type: ignore[operator]


def test_names_of_files_are_told_to_nobody_else(tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / name
        connection = turso.connect(path)
        for sql in ("SELECT file FROM pragma_database_list", "SELECT file FROM pragma_database_list WHERE seq = 0"):
            assert connection.execute(sql).fetchall() == [(str(path),)]
        connection.close()


def test_a_schema_that_changes_is_seen(db: turso.Connection) -> None:
    sql = "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c"
    assert rows(db, sql) == [("t", "a"), ("t", "b")]
    db.execute("ALTER TABLE t ADD COLUMN c")
    assert rows(db, sql) == [("t", "a"), ("t", "b"), ("t", "c")]
    assert rows(db, "SELECT count(*) FROM pragma_table_info('T')") == [(3,)]


# --- carray, unnest ---------------------------------------------------------------------------------------------------

TYPES = {
    "int8": ("b", [1, -128]), "uint8": ("B", [0, 255]), "int16": ("h", [1, -300]), "uint16": ("H", [65535]),
    "int32": ("i", [-(2**31), 7]), "uint32": ("I", [2**32 - 1]), "int64": ("q", [-(2**63), 5]),
    "float": ("f", [1.5, -0.25]), "double": ("d", [3.25, float("inf")]),
}  # fmt: skip


@pytest.mark.parametrize("ctype", TYPES)
def test_arrays_of_numbers(ctype: str) -> None:
    db = turso.connect(":memory:")
    code, values = TYPES[ctype]
    found = db.execute("SELECT value, rowid FROM carray(?, NULL, ?)", (array(code, values), ctype)).fetchall()
    assert found == [(value, number) for number, value in enumerate(values, 1)]
    assert {type(value) for value, _ in found} == {type(values[0])}
    given = memoryview(array(code, values)).cast("B")
    assert db.execute("SELECT count(*) FROM carray(?, 1, ?)", (given, ctype)).fetchone() == (1,)


def test_arrays_as_json() -> None:
    db = turso.connect(":memory:")
    given = json.dumps([1, "é", 2.5, None, [1]])
    expected = [(1, 1), ("é", 2), (2.5, 3), (None, 4), ("[1]", 5)]
    assert db.execute("SELECT value, rowid FROM carray(?)", (given,)).fetchall() == expected
    assert db.execute("SELECT value, rowid FROM unnest(jsonb(?))", (given,)).fetchall() == expected
    assert db.execute("SELECT value, rowid FROM carray(?, 2)", (given,)).fetchall() == expected[:2]
    assert db.execute("SELECT count(*) FROM generate_series(1, 9) WHERE value IN carray(?)", (given,)).fetchone() == (
        1,
    )
    assert db.execute("SELECT count(*) FROM carray(?, -1), carray(NULL), unnest(NULL)", (given,)).fetchone() == (0,)


@pytest.mark.parametrize("number", ["1", "1.5", "1, 2", "1, NULL, 'int8'", "?"])
def test_a_number_is_no_array(number: str) -> None:
    db = turso.connect(":memory:")
    assert db.execute(f"SELECT value FROM carray({number})", (7,) * number.count("?")).fetchall() == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM carray(1, 2, 'nope')", "unknown datatype: 'nope'"),
        ("SELECT * FROM carray(1, 2, 3, 4)", r"too many arguments on carray\(\) - max 3"),
        ("SELECT * FROM unnest('[1')", "malformed JSON"),
    ],
)
def test_arrays_that_are_none(sql: str, message: str) -> None:
    with pytest.raises(turso.OperationalError, match=message):
        turso.connect(":memory:").execute(sql).fetchall()


# --- what is told of statements, and of what may be typed -------------------------------------------------------------


def test_bytecode_is_what_explain_shows(db: turso.Connection) -> None:
    sql = "SELECT a FROM t WHERE b > 1 ORDER BY a"
    found = db.execute(f"SELECT addr, opcode, p1, p2, p3, p4, p5, comment FROM bytecode('{sql}')").fetchall()
    assert found == db.execute(f"EXPLAIN {sql}").fetchall()
    assert db.execute("SELECT * FROM bytecode('') UNION ALL SELECT * FROM bytecode").fetchall() == []


def test_tables_used(db: turso.Connection) -> None:
    db.executescript("CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT x.b FROM t AS x, sqlite_schema")
    cases = {
        "SELECT * FROM v": [("table", "main", "sqlite_master", 0), ("table", "main", "t", 0)],
        "INSERT INTO t VALUES (5, 6)": [("index", "main", "i", 1), ("table", "main", "t", 1)],
        "DELETE FROM t WHERE a = 1": [
            ("index", "main", "i", 0), ("index", "main", "i", 1), ("table", "main", "t", 0), ("table", "main", "t", 1)
        ],
        "SELECT 1": [],
    }  # fmt: skip
    for sql, expected in cases.items():
        found = db.execute(f"SELECT type, schema, name, wr FROM tables_used('{sql}')").fetchall()
        assert sorted(found) == expected, sql
    db.execute("CREATE TEMP TABLE t(z)")
    assert db.execute("SELECT schema FROM tables_used('SELECT * FROM t')").fetchall() == [("temp",)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM bytecode('SELECT nope')", "no such column: nope"),
        ("SELECT * FROM bytecode('SELEC 1')", 'near "SELEC": syntax error'),
        ("SELECT b.* FROM sqlite_schema, bytecode(sql) AS b", "not supported yet: bytecode"),
        ("SELECT * FROM tables_used('SELECT 1', 2)", r"too many arguments on tables_used\(\) - max 1"),
    ],
)
def test_statements_nothing_can_be_told_of(db: turso.Connection, sql: str, message: str) -> None:
    with pytest.raises(turso.OperationalError, match=message):
        db.execute(sql)


def test_completion(db: turso.Connection) -> None:
    db.executescript("CREATE TABLE seller(selling)")

    def words(arguments: str, *values: str) -> list[str]:
        return [word for (word,) in db.execute(f"SELECT candidate FROM completion({arguments})", values)]

    assert words("'sel'") == words("?", "SEL") == words("NULL, 'INSERT INTO x sel'") == ["SELECT", "seller", "selling"]
    assert words("'zzz'") == []
    assert "json_tree" not in words("'json_t'") and words("'json_ty'") == ["json_type"]
    assert db.execute("SELECT phase FROM completion('selling')").fetchall() == [(9,)]
