"""ALTER TABLE: the texts that our plan leaves in sqlite_schema are those that SQLite leaves there."""

from __future__ import annotations

import apsw
import pytest

from tests.oracle.planner import catalogs_of, oracle, our_answer, plan_of
from turso_wasm.bind import bound
from turso_wasm.plan import nodes

TABLES = [
    "CREATE TABLE t(a, b , UNIQUE(a)  )",
    "CREATE TABLE t(a /* x */ , b -- foo\n )",
    'CREATE TABLE t(a, "b" int, [c], CHECK(b>1 OR "b"<3 OR [b]=1))',
    "CREATE TABLE t(a PRIMARY KEY, b CHECK (t.b <> a)) WITHOUT ROWID",
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b DEFAULT 'b', FOREIGN KEY(b) REFERENCES t(a))",
    "CREATE TABLE t(a UNIQUE REFERENCES t, b)",
]
OTHERS = [
    "CREATE INDEX i ON t(a, b DESC) WHERE t.b > 1 OR b < 5",
    "CREATE TABLE u(z REFERENCES t(a), y)",
    "CREATE VIEW v AS SELECT t.a, t.b AS b2, x.b FROM t AS x, t WHERE t.b = 1 ORDER BY x.a",
    "CREATE VIEW w AS SELECT a FROM main.t WHERE b IN (SELECT t.b FROM u, t)",
]
CHANGES = [
    "ALTER TABLE t RENAME TO s",
    'ALTER TABLE t RENAME TO "new t"',
    "ALTER TABLE t RENAME COLUMN b TO zz",
    'ALTER TABLE t RENAME b TO "x y"',
    "ALTER TABLE t RENAME a TO [select]",
    "ALTER TABLE t ADD COLUMN n",
    "ALTER TABLE t ADD n TEXT DEFAULT  -5 /* c */ ;",
    "ALTER TABLE t DROP COLUMN b",
    "ALTER TABLE t DROP COLUMN c",
]

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"


def altered(connection: apsw.Connection, sql: str) -> set[tuple[object, ...]]:
    """The rows of sqlite_schema after our plan."""
    plan = plan_of(sql, catalogs_of(connection)).plan
    assert isinstance(plan, nodes.Ddl)
    rows = {(row[0], row[1]): row for row in connection.execute(SCHEMA)}
    for step in plan.steps:
        if (
            not isinstance(step, nodes.RunStatement)
            or not isinstance(step.plan, nodes.Update)
            or step.plan.table.root != 1
        ):
            continue
        child = step.plan.child
        assert isinstance(child, nodes.Filter)
        key = tuple(part.right.value for part in (child.predicate.left, child.predicate.right))  # type: ignore[attr-defined]
        new = [expr.value if isinstance(expr, bound.Constant) else None for expr in step.plan.values]
        rows[key] = tuple(n if n is not None else o for n, o in zip((*new[:3], new[4]), rows[key], strict=True))
    return set(rows.values())


@pytest.mark.parametrize("sql", CHANGES)
@pytest.mark.parametrize("table", TABLES)
def test_the_stored_texts_are_those_of_sqlite(table: str, sql: str) -> None:
    connection = oracle([table, *OTHERS])
    catalogs = catalogs_of(connection)
    ours = altered(connection, sql) if not isinstance(our_answer(catalogs, sql), str) else our_answer(catalogs, sql)
    try:
        connection.execute(sql).fetchall()
    except apsw.Error as error:
        assert ours == str(error)
        return
    assert ours == set(connection.execute(SCHEMA))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("n NOT NULL", "Cannot add a NOT NULL column with default value NULL"),
        ("n DEFAULT (1 + 1)", "Cannot add a column with non-constant default"),
        ("n INT DEFAULT 3 CHECK (n > 5)", "CHECK constraint failed"),
    ],
)
def test_rows_that_are_there_must_suit_a_new_column(column: str, message: str) -> None:
    connection = oracle(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"])
    sql = f"ALTER TABLE t ADD COLUMN {column}"
    plan = plan_of(sql, catalogs_of(connection)).plan
    assert isinstance(plan, nodes.Ddl)
    assert [step.message for step in plan.steps if isinstance(step, nodes.RaiseOnRow)] == [message]
    with pytest.raises(apsw.Error, match=message):
        connection.execute(sql).fetchall()
