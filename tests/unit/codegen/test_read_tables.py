"""Program.reads: which tables a statement reads, for who wants to know when its rows may be others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import turso_wasm
from turso_wasm.codegen.program import Program

SCHEMA = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b);
    CREATE TABLE u(x, y);
    CREATE INDEX by_y ON u(y);
    CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
    CREATE VIEW both AS SELECT * FROM t JOIN u ON a = x;
    CREATE VIRTUAL TABLE docs USING fts5(body);
    CREATE VIRTUAL TABLE words USING fts5vocab(docs, row);
    CREATE TEMP TABLE own(d);
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[turso_wasm.Connection]:
    opened = turso_wasm.connect(":memory:", isolation_level=None)
    opened.executescript(SCHEMA)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM T", ["t"]),
        ("SELECT count(*) FROM t", ["t"]),
        ("SELECT * FROM t WHERE rowid = 3", ["t"]),
        ("SELECT y FROM u WHERE y > 3", ["u"]),
        ("SELECT DISTINCT y FROM u", ["u"]),
        ("SELECT max(y) FROM u", ["u"]),
        ("SELECT * FROM both", ["t", "u"]),
        ("SELECT (SELECT max(y) FROM u)", ["u"]),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM t WHERE b IN (SELECT y FROM u))", ["t", "u"]),
        ("SELECT a FROM t UNION SELECT x FROM u ORDER BY 1", ["t", "u"]),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT v FROM n LEFT JOIN w ON k = i", ["w"]),
        ("SELECT sum(b) OVER (ORDER BY a) FROM t", ["t"]),
        ("VALUES (1), ((SELECT a FROM t))", ["t"]),
        ("SELECT name FROM sqlite_schema", ["sqlite_master"]),
        ("SELECT name FROM pragma_table_info('t')", []),
        ("SELECT b FROM t, json_each(t.b)", ["t"]),
        ("INSERT INTO t SELECT * FROM u", []),
    ],
)
def test_tables(connection: turso_wasm.Connection, sql: str, reads: list[str]) -> None:
    prepared = connection._runtime.prepare(sql)
    assert prepared is not None
    program = prepared.program
    assert program.reads == tuple((0, name) for name in reads)
    assert Program.from_bytes(program.to_bytes()).reads == program.reads


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM docs WHERE docs MATCH 'a'", "SELECT * FROM docs", "SELECT * FROM words"]
)
def test_of_virtual_tables_they_are_the_shadow_tables(connection: turso_wasm.Connection, sql: str) -> None:
    prepared = connection._runtime.prepare(sql)
    assert prepared is not None and prepared.program.reads
    assert all(name.split("_")[0] == "docs" for _, name in prepared.program.reads)


def test_a_temporary_table_has_another_slot(connection: turso_wasm.Connection) -> None:
    prepared = connection._runtime.prepare("SELECT * FROM own")
    assert prepared is not None and prepared.program.reads == ((1, "own"),)
