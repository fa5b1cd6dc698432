"""ALTER TABLE … ALTER COLUMN a TO <definition>, which SQLite does not have: what it leaves is what SQLite makes of the
changed CREATE TABLE and of an INSERT of the old rows, and SQLite reads the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

ROWS = (
    "INSERT INTO t(a, b, c) VALUES ('1', 'x', 1.5), (2, '7', NULL), ('y', 'X', '0x10'), (-3.0, 'z', x'00'), (9, '5', 3)"
)
PLAIN = "CREATE TABLE t(a, b TEXT, c)"
KEYED = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a COLLATE nocase /* ! */, b TEXT UNIQUE, c)"
CLUSTERED = "CREATE TABLE t(a INT, b TEXT, c, PRIMARY KEY (b, a)) WITHOUT ROWID"
COMPUTED = "CREATE TABLE t(a NOT NULL, b, c, g AS (a || b), h AS (c || a) STORED UNIQUE, CHECK (a IS NOT 'q'))"

# the table; the change; the text that remains; the columns with values of their own then, and now
CHANGES = (
    (PLAIN, "a TO a TEXT", "CREATE TABLE t(a TEXT, b TEXT, c)", "a, b, c", "a, b, c"),
    (PLAIN, "a TO z INTEGER DEFAULT 5", "CREATE TABLE t(z INTEGER DEFAULT 5, b TEXT, c)", "z, b, c", "a, b, c"),
    (PLAIN, "c TO d REAL CHECK (d > 1)", "CREATE TABLE t(a, b TEXT, d REAL CHECK (d > 1))", "a, b, d", "a, b, c"),
    (PLAIN, "c TO d AS (b || 'x')", "CREATE TABLE t(a, b TEXT, d AS (b || 'x'))", "a, b", "a, b"),
    (PLAIN, "b TO b INT AS (a) STORED", "CREATE TABLE t(a, b INT AS (a) STORED, c)", "a, c", "a, c"),
    (
        KEYED,
        'A TO "a a" REAL COLLATE rtrim',
        'CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, "a a" REAL COLLATE rtrim /* ! */, b TEXT UNIQUE, c)',
        'id, "a a", b, c',
        "id, a, b, c",
    ),
    (CLUSTERED, "a TO n", "CREATE TABLE t(n, b TEXT, c, PRIMARY KEY (b, n)) WITHOUT ROWID", "n, b, c", "a, b, c"),
    (
        COMPUTED,
        "a TO k INT",
        "CREATE TABLE t(k INT, b, c, g AS (k || b), h AS (c || k) STORED UNIQUE, CHECK (k IS NOT 'q'))",
        "k, b, c",
        "a, b, c",
    ),
    (
        COMPUTED,
        "g TO g INT",
        "CREATE TABLE t(a NOT NULL, b, c, g INT, h AS (c || a) STORED UNIQUE, CHECK (a IS NOT 'q'))",
        "a, b, c, g",
        "a, b, c, g",
    ),
)
REFUSED = (
    ("CREATE TABLE t(a)", "a TO b PRIMARY KEY", "Cannot add a PRIMARY KEY column"),
    ("CREATE TABLE t(a)", "a TO b UNIQUE", "Cannot add a UNIQUE column"),
    ("CREATE TABLE t(a, b)", "a TO b", "error in table t after rename: duplicate column name: b"),
    ("CREATE TABLE t(a)", "z TO b", 'no such column: "z"'),
    ("CREATE TABLE t(a)", "a TO rowid", "cannot rename to rowid alias: rowid"),
    ("CREATE TABLE t(a INTEGER PRIMARY KEY)", "a TO a INTEGER", 'cannot alter PRIMARY KEY column: "a"'),
    ("CREATE TABLE t(a INTEGER, PRIMARY KEY (a))", "a TO a TEXT", 'cannot alter PRIMARY KEY column: "a"'),
    ("CREATE TABLE t(a UNIQUE)", "a TO a", 'cannot alter UNIQUE column: "a"'),
    ("CREATE TABLE t(a)", "a TO a AS (1)", "error in table t after change: must have at least one"),
    ("CREATE TABLE t(a, b AS (a), c)", "a TO a AS (b)", "generated column loop"),
    ("CREATE TABLE t(a INT) STRICT", "a TO b FOO", 'error in table t after change: unknown datatype for t.b: "FOO"'),
    ("CREATE TABLE t(a INT) STRICT; INSERT INTO t VALUES (NULL)", "a TO a INT NOT NULL", "NOT NULL constraint failed"),
    ("CREATE TABLE t(a ANY) STRICT; INSERT INTO t VALUES ('x')", "a TO a INT", "cannot store TEXT value in INT column"),
    ("CREATE TABLE t(a); INSERT INTO t VALUES (1)", "a TO b CHECK (b > 1)", "CHECK constraint failed: b > 1"),
    ("CREATE TABLE t(a, UNIQUE (a)); INSERT INTO t VALUES (1), ('1')", "a TO b INT", "UNIQUE constraint failed: t.b"),
    ("CREATE TABLE x(a); CREATE VIEW t AS SELECT a FROM x", "a TO b", 'cannot rename columns of view "t"'),
    ("CREATE TABLE t(a); CREATE VIEW v AS SELECT a, b FROM t", "a TO b", "error in view v: no such column: b"),
)  # fmt: skip


def rows(connection: Any, sql: str) -> list[Any]:
    return list(connection.execute(sql))


@pytest.mark.parametrize(("table", "change", "changed", "to", "source"), CHANGES)
def test_what_is_left_is_what_a_new_table_has(
    table: str, change: str, changed: str, to: str, source: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    with turso_wasm.connect(str(path), isolation_level=None) as ours:
        for sql in (table, "CREATE INDEX i ON t(b, c) WHERE b IS NOT 3", ROWS, "PRAGMA journal_mode = delete"):
            ours.execute(sql)
    ours.close()
    theirs = apsw.Connection(":memory:")
    theirs.execute("ATTACH ? AS old", (str(path),))
    theirs.execute(changed)
    theirs.execute(f"INSERT OR IGNORE INTO t({to}) SELECT {source} FROM old.t")
    expected = rows(theirs, "SELECT * FROM t ORDER BY 1, 2")
    theirs.close()
    ours = turso_wasm.connect(str(path), isolation_level=None)
    try:
        ours.execute(f"ALTER TABLE t ALTER COLUMN {change}")
    except turso_wasm.IntegrityError:
        assert len(expected) < 5
        return
    assert rows(ours, "SELECT changes(), total_changes(), last_insert_rowid()") == [(0, 0, 0)]
    ours.close()
    theirs = apsw.Connection(str(path))
    assert rows(theirs, "SELECT * FROM t ORDER BY 1, 2") == expected
    assert len(expected) == 5
    assert rows(theirs, "SELECT sql FROM sqlite_schema WHERE name = 't'") == [(changed,)]
    assert rows(theirs, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(("script", "change", "message"), REFUSED)
def test_refusals(script: str, change: str, message: str) -> None:
    with turso_wasm.connect(":memory:") as ours:
        ours.executescript(script)
        before = rows(ours, "SELECT sql FROM sqlite_schema"), rows(ours, "SELECT * FROM t")
        with pytest.raises(turso_wasm.Error) as caught:
            ours.execute(f"ALTER TABLE t ALTER COLUMN {change}")
        assert str(caught.value).startswith(message)
        assert (rows(ours, "SELECT sql FROM sqlite_schema"), rows(ours, "SELECT * FROM t")) == before


def test_the_name_changes_wherever_it_is_used() -> None:
    with turso_wasm.connect(":memory:") as ours:
        ours.executescript(
            """CREATE TABLE t(a, b);
            CREATE TABLE u(x REFERENCES t(a));
            CREATE INDEX i ON t(a + 1);
            CREATE VIEW v AS SELECT a AS n FROM t;
            CREATE TRIGGER r AFTER UPDATE OF a ON t BEGIN SELECT new.a; END;
            ALTER TABLE t ALTER a TO 'c' INT"""
        )
        assert [sql for (sql,) in rows(ours, "SELECT sql FROM sqlite_schema")] == [
            "CREATE TABLE t('c' INT, b)",
            'CREATE TABLE u(x REFERENCES t("c"))',
            'CREATE INDEX i ON t("c" + 1)',
            'CREATE VIEW v AS SELECT "c" AS n FROM t',
            'CREATE TRIGGER r AFTER UPDATE OF "c" ON t BEGIN SELECT new."c"; END',
        ]


def test_rows_that_have_no_such_field_keep_the_default_they_had() -> None:
    with turso_wasm.connect(":memory:") as ours:
        ours.executescript(
            """CREATE TABLE t(a); INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN b DEFAULT 5;
            ALTER TABLE t ALTER COLUMN b TO c DEFAULT 9; INSERT INTO t(a) VALUES (2)"""
        )
        assert rows(ours, "SELECT * FROM t") == [(1, 5), (2, 9)]
