"""Functions and collations of the user's in the schema: generated columns, indexes, CHECKs, as in SQLite."""

from __future__ import annotations

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
