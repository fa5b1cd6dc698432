"""ALTER TABLE … RENAME and views: what names in them mean decides what is renamed, and they must stay sound."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.plan.test_alter import SCHEMA, altered
from turso_wasm.base.errors import SqlError

TABLES = (
    "CREATE TABLE t(a, b); CREATE TABLE u(z, b); CREATE TABLE t2(q); CREATE TABLE q(q);"
    "CREATE VIEW first AS SELECT a, b FROM t"
)
VIEWS = [
    "SELECT x.b FROM (SELECT b AS b FROM t) x",
    "SELECT x.b FROM (SELECT b FROM t) x",
    "SELECT b FROM (SELECT * FROM t)",
    "SELECT * FROM (SELECT b AS c FROM t) WHERE c > 1",
    "WITH q(b) AS (SELECT b FROM t) SELECT b FROM q",
    "WITH q AS (SELECT b FROM t) SELECT b FROM q",
    "WITH q AS (SELECT b AS b FROM t) SELECT q.b FROM q",
    "WITH t AS (SELECT 1 AS b) SELECT b FROM t",
    "SELECT b FROM t JOIN u USING(b)",
    "SELECT t.b FROM t JOIN u USING(b)",
    "SELECT * FROM t NATURAL JOIN u",
    "SELECT a FROM t WHERE a IN q",
    "SELECT a FROM t WHERE a IN t2",
    "SELECT z FROM u WHERE (1,2) IN t",
    "SELECT b FROM t, u",
    "SELECT u.b, t.b FROM t, u",
    "SELECT b AS b FROM t ORDER BY b",
    "SELECT b FROM t ORDER BY b",
    "SELECT b AS x FROM t ORDER BY x, b",
    "SELECT a AS b FROM t ORDER BY b",
    "SELECT a AS b FROM t WHERE b > 1",
    "SELECT b FROM t GROUP BY b HAVING b > 1",
    "SELECT count(b) AS b FROM t",
    "SELECT (SELECT b) FROM t",
    "SELECT (SELECT b FROM u) FROM t",
    "SELECT (SELECT t.b FROM u) FROM t",
    "SELECT z FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.b = u.b)",
    "SELECT b FROM t UNION SELECT b FROM u ORDER BY b",
    "SELECT z FROM u UNION SELECT b FROM t ORDER BY z",
    "SELECT t.* FROM t",
    "SELECT tt.b, tt.a FROM t AS tt",
    "SELECT t.b FROM t AS t",
    'SELECT "b" FROM t',
    "SELECT [b] FROM t",
    "SELECT main.t.b FROM main.t",
    "SELECT 'b', \"zz\", b FROM t",
    "SELECT T.B FROM T",
    "SELECT x.b FROM t x, t y WHERE y.b = 1",
    "SELECT vb FROM (SELECT b AS vb FROM first)",
    "SELECT b FROM first",
    "SELECT max(b) FROM (SELECT b FROM t UNION ALL SELECT b FROM u)",
    "SELECT CASE WHEN b THEN t.b END FROM t",
    "SELECT b FROM (t JOIN u USING(z0))",
    "SELECT b FROM (t)",
    "SELECT b FROM (SELECT b FROM t ORDER BY b LIMIT 1) ORDER BY b",
    "SELECT z AS t FROM u",
    "SELECT t.z FROM u AS t",
    "SELECT t FROM (SELECT b AS t FROM t)",
    "WITH a AS (SELECT b FROM t), c AS (SELECT b FROM a) SELECT b FROM c",
    "SELECT b FROM t WHERE b IN (SELECT b FROM u WHERE b = t.b)",
    "VALUES ((SELECT b FROM t))",
    "SELECT b, b AS b2, b+1 FROM t WHERE +b",
    "SELECT rowid, b FROM t WHERE oid > b",
    "SELECT * FROM t LEFT JOIN u ON t.b = u.b WHERE b2 IS NULL",
    "SELECT DISTINCT b FROM t LIMIT (SELECT b FROM t)",
]
CHANGES = [
    "ALTER TABLE t RENAME COLUMN b TO zz",
    "ALTER TABLE t RENAME TO s",
    "ALTER TABLE u RENAME TO w",
    "ALTER TABLE u RENAME COLUMN b TO zz",
    "ALTER TABLE t RENAME COLUMN a TO z9",
    "ALTER TABLE t RENAME b TO a1",
]


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_renamed_as_sqlite_does(view: str) -> None:
    for change in CHANGES:
        connection = apsw.Connection(":memory:")
        connection.execute(TABLES)
        connection.execute(f"CREATE VIEW v AS {view}")
        ours: object
        try:
            ours = altered(connection, change)
        except SqlError as error:
            ours = error.message
        wanted: object
        try:
            connection.execute(change)
            wanted = set(connection.execute(SCHEMA))
        except apsw.SQLError as error:
            wanted = str(error)
        assert ours == wanted, change
        connection.close()


def test_strings_in_double_quotes_become_real_ones() -> None:
    for change in ("ALTER TABLE t RENAME COLUMN a TO z", "ALTER TABLE u RENAME z TO y"):
        connection = apsw.Connection(":memory:")
        connection.execute('CREATE TABLE t(a CHECK (a <> "it\'s"), b); CREATE TABLE u(z)')
        connection.execute('CREATE INDEX i ON t(a) WHERE b <> "none"')
        connection.execute('CREATE VIEW v AS SELECT "b", "no column", \'s\' FROM t')
        ours = altered(connection, change)
        connection.execute(change)
        assert ours == set(connection.execute(SCHEMA)), change
        connection.close()
