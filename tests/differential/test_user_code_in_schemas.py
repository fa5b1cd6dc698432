"""Functions and collations of the user's in the schema: generated columns, indexes, CHECKs, as in SQLite."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import apsw

import turso_wasm

STATEMENTS = [
    "CREATE TABLE g1(a, b AS (impure(a)))",
    "CREATE TABLE g2(a, b AS (pure(a)) STORED, c AS (pure(b)), d TEXT COLLATE backwards AS (a || 'x'))",
    "INSERT INTO g2(a) VALUES (1), (2), ('z')",
    "SELECT * FROM g2 ORDER BY d",
    "CREATE INDEX i1 ON g2(c)",
    "CREATE INDEX i2 ON g2(d)",
    "CREATE INDEX i3 ON g2(impure(a))",
    "SELECT a FROM g2 WHERE c = 8",
    "UPDATE g2 SET a = a + 1",
    "SELECT * FROM g2 ORDER BY d",
    "CREATE INDEX i4 ON g2(a REGEXP '1')",
    "CREATE INDEX i5 ON g2(a MATCH '1')",
    "CREATE INDEX i6 ON g2(a) WHERE pure(a) > 2",
    "SELECT a FROM g2 WHERE a REGEXP '3'",
    "CREATE TABLE c(a CHECK (impure(a) > 0), b CHECK (b LIKE '1%'))",
    "INSERT INTO c VALUES (1, 1)",
    "INSERT INTO c VALUES (0, 1)",
    "CREATE VIEW v AS SELECT impure(a) AS x FROM c",
    "SELECT * FROM v",
    "PRAGMA integrity_check",
]


def outcome(db: Any, sql: str) -> Any:
    try:
        return list(db.execute(sql))
    except (turso_wasm.Error, apsw.Error) as error:
        return str(error)


def test_schemas() -> None:
    ours, theirs = turso_wasm.connect(":memory:", isolation_level=None), apsw.Connection(":memory:")
    functions: dict[str, Any] = {
        "pure": lambda x: (x or 0) * 2,
        "regexp": lambda pattern, text: int(str(pattern) in str(text)),
    }
    for name, function in functions.items():
        n = 1 if name == "pure" else 2
        ours.create_function(name, n, function, deterministic=True)
        theirs.create_scalar_function(name, function, n, deterministic=True)
    ours.create_function("impure", 1, lambda x: x)
    theirs.create_scalar_function("impure", lambda x: x, 1)
    for db in (ours, theirs):
        db.create_collation("backwards", lambda x, y: (x < y) - (x > y))
    for sql in STATEMENTS:
        assert outcome(ours, sql) == outcome(theirs, sql), sql
    ours.close()


LACKING = [
    "ALTER TABLE t ADD COLUMN n1",
    "ALTER TABLE t ADD COLUMN n2 CHECK (lacking(n2))",
    "ALTER TABLE t ADD COLUMN n3 AS (lacking(a))",
    "ALTER TABLE t RENAME COLUMN a TO aa",
    "ALTER TABLE t RENAME TO tt",
    "ALTER TABLE tt DROP COLUMN n1",
    "SELECT sql FROM sqlite_schema",
    "SELECT aa, b FROM tt",
    "SELECT count(*) FROM tt",
    "INSERT INTO tt(aa) VALUES (1)",
    "SELECT * FROM w",
    "UPDATE w SET a = 3",
    "ALTER TABLE w RENAME COLUMN a TO b",
    "REINDEX w",
    "CREATE INDEX j ON tt(aa)",
    "DROP INDEX i",
    "DROP TABLE tt",
    "SELECT type, name FROM sqlite_schema",
    "PRAGMA integrity_check",
]


def test_what_a_connection_lacks_stands_in_the_way_of_nothing_else(tmp_path: Path) -> None:
    """Functions and collations in a schema that the connection does not have."""
    path = tmp_path / "theirs.db"
    maker = apsw.Connection(str(path))
    maker.create_scalar_function("pure", lambda x: 1, 1, deterministic=True)
    maker.create_collation("backwards", lambda x, y: (x < y) - (x > y))
    for sql in (
        "CREATE TABLE t(a, b COLLATE backwards, c DEFAULT (pure(1)), CHECK (pure(a)))",
        "CREATE INDEX i ON t(pure(a)) WHERE pure(b)",
        "CREATE TABLE w(a UNIQUE)",
        "CREATE TRIGGER tr AFTER INSERT ON w BEGIN UPDATE w SET a = pure(a); END",
        "INSERT INTO t(a, b) VALUES (1, 'x')",
        "INSERT INTO w VALUES (1)",
    ):
        maker.execute(sql)
    maker.close()
    copy = shutil.copy(path, tmp_path / "ours.db")
    ours, theirs = turso_wasm.connect(copy, isolation_level=None), apsw.Connection(str(path))
    for sql in LACKING:
        assert outcome(ours, sql) == outcome(theirs, sql), sql
    ours.close()
