"""What a half-read cursor gives when its table is emptied, changed or dropped under it: as in SQLite.

Rows that were in the buffer when the table changed are given all the same; SQLite has no buffer. So what is compared
here is either undone again, or refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import apsw
import pytest

import turso_wasm

ROWS = 3000

QUERIES = (
    "SELECT id, a FROM t",
    "SELECT id, a FROM t ORDER BY id DESC",
    "SELECT a FROM t ORDER BY a",
    "SELECT a, b FROM t WHERE a > 5 ORDER BY a",
    "SELECT a, (SELECT max(a) FROM u) FROM t",
    "SELECT count(*), a FROM t GROUP BY a",
    "SELECT id FROM t ORDER BY b",
    "SELECT t.id FROM u, t",
    "SELECT id FROM w WHERE id > 3",
    "SELECT id FROM t WHERE a IN (SELECT id FROM w)",
)
SCRIPTS = (
    "BEGIN; DELETE FROM t; ROLLBACK",
    "BEGIN; DELETE FROM t; DELETE FROM w; ROLLBACK",
    "BEGIN; DELETE FROM t WHERE id > 0; ROLLBACK",
    "BEGIN; DELETE FROM t; INSERT INTO t SELECT a, a, a FROM u; ROLLBACK",
    "BEGIN; UPDATE t SET a = a + 100000; ROLLBACK",
    "BEGIN; REPLACE INTO t SELECT id, a, 'other' FROM t; ROLLBACK",
    "SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE s",
    "SAVEPOINT s; DELETE FROM t WHERE id > 100; INSERT INTO t VALUES (200, 5, 5); ROLLBACK TO s; RELEASE s",
    "BEGIN; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; DELETE FROM w; ROLLBACK",
    "DELETE FROM u",
    "DROP TABLE t",
    "DROP TABLE u",
    "DROP INDEX i",
    "BEGIN; INSERT INTO u VALUES (2); DROP TABLE t; COMMIT",
    "BEGIN; DROP TABLE u; ROLLBACK",
    "CREATE TABLE v(a)",
    "ALTER TABLE u ADD COLUMN z",
)


class Database(Protocol):
    def run(self, sql: str) -> list[Any]: ...
    def rows(self, sql: str) -> Iterator[Any]: ...
    def close(self) -> None: ...


class Ours:
    def __init__(self, path: Path) -> None:
        self.connection = turso_wasm.connect(path, isolation_level=None, timeout=0)

    def run(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()

    def rows(self, sql: str) -> Iterator[Any]:
        return iter(self.connection.execute(sql))

    def close(self) -> None:
        self.connection.close()


class Sqlite:
    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))

    def run(self, sql: str) -> list[Any]:
        return list(self.connection.cursor().execute(sql))

    def rows(self, sql: str) -> Iterator[Any]:
        return self.connection.cursor().execute(sql)

    def close(self) -> None:
        self.connection.close(True)


def message(error: Exception) -> str:
    return str(error).rpartition(": ")[2]


def outcome(db: Database, query: str, script: str) -> list[Any]:
    """What each statement of the script said, the rows of the query around it, and what is left."""
    rows = db.rows(query)
    got = [next(rows) for _ in range(10)]
    said = []
    for sql in script.split(";"):
        try:
            said.append(db.run(sql))
        except (turso_wasm.Error, apsw.Error) as error:
            said.append([message(error)])
    try:
        got += rows
    except (turso_wasm.Error, apsw.Error) as error:
        got.append(message(error))
    return [said, got, [db.run(f"SELECT count(*), sum(a) FROM {table}") for table in ("t", "u", "w")]]


@pytest.fixture(scope="module", params=["delete", "wal", "incremental"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as SQLite makes it."""
    path = tmp_path_factory.mktemp("cursors") / f"{request.param}.db"
    db = Sqlite(path)
    db.run("PRAGMA auto_vacuum = incremental" if request.param == "incremental" else "PRAGMA auto_vacuum = none")
    db.run(f"PRAGMA journal_mode = {'wal' if request.param == 'wal' else 'delete'}")
    db.run("CREATE TABLE u(a); INSERT INTO u VALUES (1)")
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t(a)")
    db.run("CREATE TABLE w(id PRIMARY KEY, a) WITHOUT ROWID")
    numbers = f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {ROWS})"
    db.run(f"{numbers} INSERT INTO t SELECT x, x, 'row ' || x FROM c")
    db.run(f"{numbers} INSERT INTO w SELECT x, 'w' || x FROM c")
    db.close()
    return path


@pytest.mark.parametrize("query", QUERIES)
def test_as_sqlite(file: Path, tmp_path: Path, query: str) -> None:
    content = file.read_bytes()
    for n, script in enumerate(SCRIPTS):
        outcomes = []
        for kind in (Ours, Sqlite):
            path = tmp_path / f"{kind.__name__}{n}.db"
            path.write_bytes(content)
            db = kind(path)
            outcomes.append(outcome(db, query, script))
            assert db.run("PRAGMA integrity_check") == [("ok",)]
            db.close()
        assert outcomes[0] == outcomes[1], script


def test_a_table_that_is_emptied_for_good() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(ROWS)])
    rows = iter(db.execute("SELECT id FROM t"))
    got = [next(rows) for _ in range(10)]
    db.execute("DELETE FROM t")
    db.execute("INSERT INTO t VALUES (100000)")
    got += rows
    assert got == [(i,) for i in range(len(got) - 1)] + [(100000,)]
    db.close()
