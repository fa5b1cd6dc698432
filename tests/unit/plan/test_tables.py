"""CREATE TABLE and CREATE INDEX: the objects that the catalog builds from the stored text are those SQLite has."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.oracle.planner import catalogs_of, listed, oracle, our_answer, plan_of, sqlite_answer
from turso_wasm.base.errors import SqlError
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.plan import nodes

HERE = Path(__file__).parent
TABLES = listed(HERE / "tables.txt")[1]

INDEXES = [
    "CREATE INDEX i ON t(a)",
    "CREATE INDEX i ON t(b DESC, a COLLATE NOCASE)",
    "CREATE UNIQUE INDEX i ON t(a, a)",
    "CREATE INDEX i ON t(lower(c), b)",
    "CREATE INDEX i ON t(c) WHERE b > 1",
    'CREATE INDEX i ON t("c")',
]


def table_columns(table: Table) -> list[tuple[object, ...]]:
    """As PRAGMA table_xinfo tells it."""
    return [
        (
            at,
            column.name,
            column.decltype or "",
            int(column.not_null),
            column.default_text,
            column.primary_key,
            column.hidden,
        )
        for at, column in enumerate(table.columns)
    ]


def index_fields(table: Table, fields: tuple[IndexColumn, ...], n_key: int) -> list[tuple[object, ...]]:
    """As PRAGMA index_xinfo tells it."""
    return [
        (
            at,
            f.shown,
            table.columns[f.shown].name if f.shown >= 0 else None,
            int(f.desc),
            f.collation,
            int(at < n_key),
        )
        for at, f in enumerate(fields)
    ]


def sqlite_indexes(connection: apsw.Connection, table: str) -> dict[str, tuple[object, ...]]:
    found = {}
    for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
        fields = connection.execute(f'PRAGMA index_xinfo("{name}")').fetchall()
        folded = [(*field[:4], field[4].upper(), field[5]) for field in fields]
        found[name] = (unique, origin, partial, folded)
    return found


def our_indexes(table: Table) -> dict[str, tuple[object, ...]]:
    found = {}
    for index in table.indexes:
        fields = index_fields(table, index.columns + index.suffix, len(index.columns))
        found[index.name] = (int(index.unique), index.origin, int(index.where is not None), fields)
    return found


@pytest.mark.parametrize("sql", TABLES)
def test_a_table_has_the_columns_and_indexes_that_sqlite_gives_it(sql: str) -> None:
    connection = oracle([])
    try:
        connection.execute(sql)
    except apsw.Error as error:
        assert our_answer(catalogs_of(connection), sql) == str(error)
        return
    catalogs = catalogs_of(connection)
    table = catalogs.find_table("t")
    assert table is not None
    assert table_columns(table) == connection.execute("PRAGMA table_xinfo(t)").fetchall()
    expected = sqlite_indexes(connection, "t")
    if table.without_rowid:  # its primary key is no index of ours
        key = next(name for name, index in expected.items() if index[1] == "pk")
        fields = expected.pop(key)[3]
        rest = table.storage_order[len(table.primary_key) :]
        ours = (*table.primary_key, *(IndexColumn(at, table.columns[at].collation) for at in rest))
        assert [field[1] for field in fields] == [field.column for field in ours]
        assert [field[4] for field in fields][: len(table.primary_key)] == [f.collation for f in table.primary_key]
    assert our_indexes(table) == expected
    assert [index.name for index in table.indexes] == list(expected)


@pytest.mark.parametrize("sql", INDEXES)
@pytest.mark.parametrize(
    "table", ["t(a, b, c)", "t(a INTEGER PRIMARY KEY, b, c)", "t(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID"]
)
def test_an_index_has_the_fields_that_sqlite_gives_it(table: str, sql: str) -> None:
    connection = oracle([f"CREATE TABLE {table}", sql])
    found = catalogs_of(connection).find_table("t")
    assert found is not None
    assert our_indexes(found)["i"] == sqlite_indexes(connection, "t")["i"]


# --- the steps of CREATE ------------------------------------------------------------------------------------------

STORED = [
    "CREATE TABLE t(a)",
    "create temporary table t ( a , b )",
    "create table if not exists main . [t x] (a /* c */, b)  ",
    "create table t(a primary key) without rowid  /* c */ ;",
    "create table t(a int) strict ;",
    "create table t(id integer primary key autoincrement, u unique)",
    "create view v(x) as  select 1  -- c",
    "create table t as select 1 as a, 'x' as \"b c\", 1+1",
    "create table t as select cast(1 as text) as a, cast(1 as real) as \"select\", cast(1 as int) as c, x'00' as d",
]


@pytest.mark.parametrize("sql", STORED)
def test_the_schema_rows_are_those_that_sqlite_writes(sql: str) -> None:
    connection = oracle([])
    catalogs = catalogs_of(connection)
    plan = plan_of(sql, catalogs).plan
    assert isinstance(plan, nodes.Ddl)
    connection.execute(sql).fetchall()
    schema = "sqlite_temp_schema" if "temporary" in sql else "sqlite_schema"
    expected = connection.execute(f"SELECT type, name, tbl_name, sql FROM {schema}").fetchall()
    rows = [step for step in plan.steps if isinstance(step, nodes.AddSchemaRow)]
    assert [(row.type, row.name, row.table_name, row.sql) for row in rows] == expected


@pytest.mark.parametrize("tail", ["", ";", " ;", " -- c", " WHERE a > 1  ;"])
def test_an_index_is_stored_up_to_the_semicolon(tail: str) -> None:
    connection = oracle(["CREATE TABLE t(a)"])
    sql = f"create unique  index if not exists main.i on t ( a ){tail}"
    plan = plan_of(sql, catalogs_of(connection)).plan
    assert isinstance(plan, nodes.Ddl)
    connection.execute(sql)
    ((stored,),) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'i'").fetchall()
    assert [step.sql for step in plan.steps if isinstance(step, nodes.AddSchemaRow)] == [stored]


# --- a schema that makes no sense -----------------------------------------------------------------------------------

MALFORMED = [
    (("table", "t", "t", 2, "create table t(a"), "malformed database schema (t) - incomplete input"),
    (("table", "t", "t", 2, "create tabel t(a)"), 'malformed database schema (t) - near "tabel": syntax error'),
    (("table", "t", "t", 2, "select 1"), "malformed database schema (t)"),
    (("table", "t", "t", 2, None), "malformed database schema (t) - orphan index"),
    (("table", None, "t", 2, "create table t(a)"), "malformed database schema (?)"),
    (("table", "t", "t", 2, "create table u(a)"), "malformed database schema (t)"),
    (("table", "t", "t", 2, "create table t(a,a)"), "malformed database schema (t) - duplicate column name: a"),
    (("index", "i", "good", 2, "create index i on good(zz)"), "malformed database schema (i) - no such column: zz"),
    (
        ("index", "i", "nope", 2, "create index i on nope(zz)"),
        "malformed database schema (i) - no such table: main.nope",
    ),
    (("index", "i", "good", 1, "create index i on good(a)"), "malformed database schema (i) - invalid rootpage"),
    (
        ("table", "good", "good", 2, "create table good(a)"),
        "malformed database schema (good) - table good already exists",
    ),
    (("foo", "t", "t", 2, "create table t(a)"), "malformed database schema (t)"),
]


@pytest.mark.parametrize(("row", "message"), MALFORMED)
def test_a_malformed_schema_is_refused(row: tuple[object, ...], message: str) -> None:
    good = ("table", "good", "good", 3, "create table good(a)")
    with pytest.raises(SqlError, match="malformed") as caught:
        Catalog(rows=[good, row]).check_all()  # type: ignore[list-item]
    assert caught.value.message == message
    assert caught.value.name == "SQLITE_CORRUPT"


def test_tables_are_looked_up_in_temp_then_main() -> None:
    connection = oracle(["CREATE TABLE t(a)", "CREATE TEMP TABLE t(b)", "CREATE TABLE u(c)"])
    catalogs = catalogs_of(connection)
    found = [
        catalogs.find_table("t"),
        catalogs.find_table("T", "main"),
        catalogs.find_table("u"),
        catalogs.find_table("x"),
    ]
    assert [table and table.columns[0].name for table in found] == ["b", "a", "c", None]
    assert sqlite_answer(connection, "select * from t") == our_answer(catalogs, "select * from t")


def test_statistics_belong_to_their_index() -> None:
    connection = oracle(
        ["CREATE TABLE t(a, b)", "CREATE INDEX i ON t(a, b)", "INSERT INTO t VALUES (1, 1), (1, 2), (2, 3)", "ANALYZE"]
    )
    table = catalogs_of(connection).find_table("t")
    assert table is not None
    assert table.row_estimate == 3
    assert [index.stat for index in table.indexes if isinstance(index, Index)] == [(3, 2, 1)]
