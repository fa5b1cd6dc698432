"""Indexes that are no b-trees: statements of ours keep them up, what SQLite writes into the file is noted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import turso_wasm

TERMS = '"__turso_index_i_terms"'
TABLE = "CREATE TABLE t(id INTEGER PRIMARY KEY, title TEXT, body TEXT); INSERT INTO t VALUES (1, 'one', 'red fox')"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "derived.db")


@pytest.fixture
def ours(path: str) -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(path, isolation_level=None)
    connection.executescript(f"{TABLE}; CREATE INDEX i ON t USING fts (title, body)")
    yield connection
    connection.close()


def kept(connection: turso_wasm.Connection, word: str) -> list[int]:
    """The ids that the index itself gives."""
    return [row[0] for row in connection.execute(f"SELECT rowid FROM {TERMS} WHERE {TERMS} MATCH ?", (word,))]


def pending(connection: turso_wasm.Connection) -> list[int]:
    return [row[0] for row in connection.execute('SELECT id FROM "__turso_index_i_pending"')]


def theirs(path: str, sql: str) -> None:
    connection = apsw.Connection(path)
    connection.execute(sql)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("INSERT INTO t VALUES (2, 'two', 'red')", [1, 2]),
        ("INSERT INTO t(title) SELECT 'red' FROM t", [1, 2]),
        ("UPDATE t SET body = 'blue'", []),
        ("UPDATE t SET id = 7", [7]),
        ("UPDATE t SET title = 'red'", [1]),
        ("DELETE FROM t", []),
        ("DELETE FROM t WHERE body LIKE 'red%'", []),
        ("REPLACE INTO t VALUES (1, 'a', 'b')", []),
        ("INSERT INTO t VALUES (1, '', '') ON CONFLICT(id) DO UPDATE SET body = 'was ' || body", [1]),
        ("UPDATE OR REPLACE t SET id = 1", [1]),
    ],
)
def test_a_statement_of_ours_keeps_the_index_up(ours: turso_wasm.Connection, change: str, found: list[int]) -> None:
    ours.execute(change)
    assert kept(ours, "red") == found
    assert pending(ours) == []


def test_what_is_rolled_back_is_not_in_the_index(ours: turso_wasm.Connection) -> None:
    ours.execute("BEGIN")
    ours.execute("INSERT INTO t VALUES (2, 'two', 'red')")
    assert kept(ours, "red") == [1, 2]
    ours.execute("ROLLBACK")
    assert kept(ours, "red") == [1]
    with pytest.raises(turso_wasm.IntegrityError):
        ours.execute("INSERT INTO t VALUES (3, 'three', 'red'), (1, 'again', 'red')")
    assert kept(ours, "red") == [1]


def test_triggers_and_foreign_keys_keep_it_up(ours: turso_wasm.Connection) -> None:
    ours.executescript("""
        PRAGMA foreign_keys = on;
        CREATE TABLE author(id INTEGER PRIMARY KEY);
        INSERT INTO author VALUES (1);
        CREATE TABLE book(id INTEGER PRIMARY KEY, author REFERENCES author ON DELETE CASCADE, name TEXT);
        CREATE INDEX b ON book USING fts (name);
        CREATE TRIGGER copies AFTER INSERT ON t BEGIN INSERT INTO book VALUES (new.id, 1, new.body); END;
        INSERT INTO t VALUES (5, '', 'green');
    """)
    terms = '"__turso_index_b_terms"'
    assert ours.execute(f"SELECT rowid FROM {terms} WHERE {terms} MATCH 'green'").fetchall() == [(5,)]
    ours.execute("DELETE FROM author")
    assert ours.execute(f"SELECT rowid FROM {terms} WHERE {terms} MATCH 'green'").fetchall() == []


def test_what_sqlite_writes_is_noted_and_caught_up_with(ours: turso_wasm.Connection, path: str) -> None:
    theirs(
        path,
        """
        INSERT INTO t VALUES (2, 'two', 'red'), (3, 'three', 'red'), (4, 'four', 'red');
        INSERT OR FAIL INTO t VALUES (5, 'five', 'red');
        UPDATE OR ROLLBACK t SET id = 6 WHERE id = 5;
        UPDATE OR ABORT t SET body = 'blue' WHERE id IN (3, 6);
        DELETE FROM t WHERE id = 2;
        REPLACE INTO t VALUES (1, 'one', 'yellow');
        """,
    )
    assert pending(ours) == [1, 2, 3, 4, 5, 6]
    ours.execute("INSERT INTO t VALUES (9, 'nine', 'red')")
    assert pending(ours) == []
    assert kept(ours, "red") == [4, 9]
    assert kept(ours, "blue") == [3, 6]
    assert kept(ours, "yellow") == [1]


def test_optimize_catches_up_and_so_does_reindex(ours: turso_wasm.Connection, path: str) -> None:
    for upkeep in ("OPTIMIZE INDEX i", "OPTIMIZE INDEX", "OPTIMIZE INDEX main.i", "REINDEX i", "REINDEX t", "REINDEX"):
        theirs(path, "INSERT INTO t(body) VALUES ('red')")
        assert len(pending(ours)) == 1
        ours.execute(upkeep)
        assert pending(ours) == []
        assert kept(ours, "red") == [row[0] for row in ours.execute("SELECT id FROM t")]


def test_sqlite_renames_the_table_and_a_column(ours: turso_wasm.Connection, path: str) -> None:
    theirs(path, 'ALTER TABLE t RENAME TO "u v"; ALTER TABLE "u v" RENAME COLUMN title TO "the ""title"""')
    ours.execute("INSERT INTO \"u v\" VALUES (2, 'red', '')")
    assert kept(ours, "red") == [1, 2]
    ours.execute('ALTER TABLE "u v" RENAME TO w')
    ours.execute('ALTER TABLE w RENAME COLUMN "the ""title""" TO title')
    ours.execute("UPDATE w SET title = 'green'")
    assert kept(ours, "green") == [1, 2]
    assert pending(ours) == []
    with pytest.raises(turso_wasm.OperationalError, match="error in view __turso_index_i after drop column"):
        ours.execute("ALTER TABLE w DROP COLUMN title")
    with pytest.raises(apsw.SQLError, match=r"no such column: w\.title"):
        theirs(path, "ALTER TABLE w DROP COLUMN title")


def test_an_index_without_its_triggers_is_void_until_it_is_made_anew(ours: turso_wasm.Connection, path: str) -> None:
    theirs(path, "DROP TRIGGER \"__turso_index_i_update\"; UPDATE t SET body = 'blue'")
    with pytest.raises(turso_wasm.OperationalError, match="index i does not belong to its table any more"):
        ours.execute("OPTIMIZE INDEX i")
    ours.execute("UPDATE t SET title = 'two'")
    assert kept(ours, "blue") == []
    ours.execute("REINDEX i")
    assert kept(ours, "blue") == [1]
    ours.execute("UPDATE t SET body = 'green'")
    assert kept(ours, "green") == [1]


def test_rows_keep_their_ids_through_vacuum(ours: turso_wasm.Connection, path: str) -> None:
    ours.executescript("""
        CREATE TABLE plain(words);
        INSERT INTO plain VALUES ('a'), ('b'), ('c');
        DELETE FROM plain WHERE words = 'b';
        CREATE INDEX p ON plain USING fts (words);
    """)
    theirs(path, "VACUUM")
    assert ours.execute("SELECT rowid, words FROM plain").fetchall() == [(1, "a"), (3, "c")]
    ours.execute("VACUUM")
    assert ours.execute("SELECT rowid, words FROM plain").fetchall() == [(1, "a"), (3, "c")]
    ours.execute("DROP INDEX p")
    ours.execute("VACUUM")
    assert ours.execute("SELECT rowid, words FROM plain").fetchall() == [(1, "a"), (2, "c")]


def test_nothing_is_left_of_an_index_that_is_dropped(ours: turso_wasm.Connection, path: str) -> None:
    own = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%turso%'"
    ours.execute("DROP INDEX i")
    assert ours.execute(own).fetchone() == (0,)
    ours.execute("DROP INDEX IF EXISTS i")
    ours.execute("CREATE INDEX i ON t USING fts (title)")
    ours.execute("CREATE INDEX IF NOT EXISTS i ON t USING fts (body)")
    ours.execute("DROP TABLE t")
    assert ours.execute(own).fetchone() == (0,)
    assert ours.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ours.executescript(f"{TABLE}; CREATE INDEX i ON t USING fts (title, body)")
    theirs(path, "DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, title, body); INSERT INTO t VALUES (1, '', 'x')")
    ours.execute("INSERT INTO t VALUES (2, '', 'red')")
    assert kept(ours, "red") == [1], "it belongs to another table"
    ours.execute("DROP INDEX i")
    assert ours.execute(own).fetchone() == (0,)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE INDEX i ON t USING fts (title)", "index i already exists"),
        ("CREATE INDEX i ON t (title)", "index i already exists"),
        ("CREATE INDEX j ON t USING nix (title)", "no such index method: nix"),
        ("CREATE INDEX j ON nix USING fts (title)", "no such table: main.nix"),
        ("CREATE INDEX j ON t USING fts (nix)", "no such column: nix"),
        ("CREATE INDEX j ON t USING fts (title, Title)", "a column is indexed twice: j"),
        ("CREATE INDEX j ON t USING fts (title DESC)", "without expressions or an order"),
        ("CREATE INDEX j ON t USING fts (lower(title))", "without expressions or an order"),
        ("CREATE INDEX j ON t USING fts (title) WITH (nix = 1)", "unknown option of an index USING fts: nix"),
        ("CREATE INDEX j ON t USING fts (title) WITH (nix = 1 + 1)", "the value of option nix is no literal"),
        ("CREATE INDEX j ON t USING fts (title) WHERE id > 1", 'near "WHERE": syntax error'),
        ("CREATE UNIQUE INDEX j ON t USING fts (title)", 'near "USING": syntax error'),
        ("CREATE INDEX j ON k USING fts (v)", "WITHOUT ROWID table k may not be indexed USING fts"),
        ("CREATE INDEX j ON r USING fts (oid)", "no name means its rowid"),
        ("DROP INDEX nix", "no such index: nix"),
        ("OPTIMIZE INDEX nix", "no such index: nix"),
        ("OPTIMIZE INDEX plain", "index plain is a b-tree"),
        ("OPTIMIZE nix", 'near "OPTIMIZE": syntax error'),
    ],
)
def test_misuse_is_told(ours: turso_wasm.Connection, statement: str, message: str) -> None:
    ours.executescript("""
        CREATE TABLE k(v PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE r(rowid, _rowid_, oid);
        CREATE INDEX plain ON t(title);
    """)
    with pytest.raises(turso_wasm.Error) as caught:
        ours.execute(statement)
    assert message in str(caught.value)
