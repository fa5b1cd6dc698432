"""Statements that change many rows at once beside SQLite: rows, errors, counters and files.

What is tried: records that keep their size and records that do not, on leaves and overflow pages; indexes that are
unique, partial, descending, on expressions; every conflict clause; statements that fail amid their rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

CONFLICTS = ("", "", "", "", "OR IGNORE ", "OR FAIL ", "OR REPLACE ", "OR ROLLBACK ")
COLUMNS = ("n", "s", "r", "x")
VALUES = {
    "n": ("n + 1", "-n", "n * 300", "n % 7", "id", "n", "NULL", "CASE WHEN id % 9 THEN n ELSE n * 100000 END", "s"),
    "s": ("upper(s)", "s || '.'", "substr(s, 2)", "replace(s, 'a', 'b')", "x", "n", "NULL", "hex(zeroblob(n % 900))"),
    "r": ("r + 0.5", "n", "r * 2", "id / 4", "NULL", "-r"),
    "x": ("n", "s", "x", "zeroblob(abs(n) % 50)", "r", "printf('%0700d', n)", "NULL", "CAST(x AS BLOB)"),
}
WHERES = (
    "",
    " WHERE id % 2 = 0",
    " WHERE id BETWEEN {low} AND {high}",
    " WHERE id > {low}",
    " WHERE id = {low}",
    " WHERE n < {low}",
    " WHERE s LIKE '%a%' AND id < {high}",
    " WHERE id IN (SELECT id + 1 FROM t WHERE n % 3 = 0)",
    " WHERE x IS NOT NULL",
)
SOURCES = (
    "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {size}) "
    "SELECT {key}, i * 7919 % 1009, 'name ' || (i * 31 % 97), i * 31 % 64 / 8.0, i % 5 FROM i",
    "SELECT {copy}, n + {low}, s || 'a', r, x FROM t",
    "SELECT {copy}, id, x, n, s FROM u LIMIT {size}",
)
INDEXES = (
    "n)",
    "s)",
    "r DESC, n)",
    "x)",
    "n) WHERE n % 2 = 0",
    "lower(s))",
    "s COLLATE NOCASE, id)",
    "x, s) WHERE r > 2",
)


class Maker:
    """Makes schemas and statements; equal seeds make equal ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def schema(self) -> Iterator[str]:
        """A table that is changed, and one to read from."""
        choice = self.random.choice
        yield f"PRAGMA page_size = {choice((512, 512, 1024, 4096))}"
        yield f"PRAGMA auto_vacuum = {choice((0, 0, 1, 2))}"
        yield f"PRAGMA secure_delete = {choice((0, 0, 0, 1))}"
        yield f"PRAGMA encoding = '{choice(('UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'))}'"
        key, rowid = choice(
            (("id INTEGER PRIMARY KEY", ""),) * 4 + (("id INT PRIMARY KEY", " WITHOUT ROWID"), ("id", ""))
        )
        more = choice(("", "", ", CHECK (n IS NOT 77)", ", g AS (n * 2)", ", g AS (n || s) STORED", ", UNIQUE (n, s)"))
        number = choice(("INT", "INT", "INTEGER NOT NULL", "INT UNIQUE", "INT NOT NULL ON CONFLICT IGNORE"))
        yield f"CREATE TABLE t({key}, n {number}, s TEXT, r REAL, x{more}){rowid}"
        yield "CREATE TABLE u(id INTEGER PRIMARY KEY, n, s, r, x)"
        for at in range(self.random.randrange(4)):
            yield f"CREATE {choice(('', '', 'UNIQUE ')) if at == 0 else ''}INDEX i{at} ON t({choice(INDEXES)}"
        yield f"INSERT OR IGNORE INTO u {self.source()}"

    def where(self) -> str:
        low = self.random.randrange(-5, 400)
        return self.random.choice(WHERES).format(low=low, high=low + self.random.randrange(300))

    def source(self) -> str:
        choice = self.random.choice
        text = choice(SOURCES) if self.random.random() < 0.5 else SOURCES[0]
        return text.format(
            size=choice((3, 40, 400, 900)),
            low=self.random.randrange(100),
            key=choice(("i", "i", "NULL", "i * 37 % 1009", "1000 - i")),
            copy=choice(("NULL", "id + 1000", "-id", "id")),
        )

    def statement(self) -> str:
        """A change of many rows, or of the schema or transaction."""
        choice = self.random.choice
        conflict = choice(CONFLICTS)
        kind = self.random.random()
        if kind < 0.3:
            return f"INSERT {conflict}INTO t(id, n, s, r, x) {self.source()}"
        if kind < 0.65:
            columns = self.random.sample(COLUMNS, choice((1, 1, 1, 2, 3)))
            changes = ", ".join(f"{column} = {choice(VALUES[column])}" for column in columns)
            return f"UPDATE {conflict}t SET {changes}{self.where()}"
        if kind < 0.7:
            return f"UPDATE {conflict}t SET id = id + {choice((1, -1, 1000))}{self.where()}"
        if kind < 0.85:
            return f"DELETE FROM t{self.where()}"
        return choice(
            (
                "ALTER TABLE t ADD COLUMN z DEFAULT 'added'",
                f"CREATE INDEX j ON t({choice(INDEXES)}",
                "DROP INDEX IF EXISTS j",
                *("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"),
                f"UPDATE t SET n = u.n FROM u WHERE u.id = t.id AND u.id < {self.random.randrange(300)}",
                # What is read of t stays as it is: the order in which rows are changed is the planner's.
                f"UPDATE t SET n = (SELECT max(o.id) FROM t AS o WHERE o.id < t.id){self.where()}",
                f"UPDATE t SET n = (SELECT count(*) FROM u WHERE u.n = t.n){self.where()}",
                f"UPDATE t SET n = n + 1{self.where()} RETURNING id, n",
            )
        )


def answer(engine: apsw.Connection | turso_wasm.Connection, sql: str) -> object:
    """The rows in any order, or the error's words; and the counters."""
    try:
        rows: object = sorted(map(repr, map(tuple, engine.execute(sql))))
    except (apsw.Error, turso_wasm.Error) as error:
        rows = str(error)
    counters = engine.execute("SELECT changes(), total_changes(), last_insert_rowid()").fetchone()
    return rows, tuple(counters)


@pytest.mark.parametrize("seed", range(4000 if HEAVY else 60))
def test_bulk_changes(seed: int, tmp_path: Path) -> None:
    """Statement by statement, and then SQLite checks the file."""
    maker = Maker(seed)
    path = str(tmp_path / "x.db")
    theirs = apsw.Connection(":memory:")
    ours = turso_wasm.connect(path, isolation_level=None)
    script = [*maker.schema(), *(maker.statement() for _ in range(25))]
    for at, sql in enumerate(script):
        expected, found = answer(theirs, sql), answer(ours, sql)
        assert found == expected, ";\n".join(script[: at + 1])
        if "pragma" not in sql.lower():
            rows = "SELECT * FROM t NOT INDEXED"
            if at >= 5:
                assert answer(ours, rows) == answer(theirs, rows), ";\n".join(script[: at + 1])
    ours.close()
    file = apsw.Connection(path)
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)], ";\n".join(script)
    file.close()
