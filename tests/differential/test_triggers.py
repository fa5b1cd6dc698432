"""Random schemas with triggers, foreign keys and generated columns beside SQLite: rows, errors, counters and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

TABLES = ("a", "b", "c")
ACTIONS = (
    "",
    " ON DELETE CASCADE",
    " ON DELETE CASCADE ON UPDATE CASCADE",
    " ON DELETE RESTRICT",
    " ON DELETE SET DEFAULT",
    " DEFERRABLE INITIALLY DEFERRED",
    " ON UPDATE CASCADE",
)
CONFLICTS = ("", "", "", "OR IGNORE ", "OR REPLACE ", "OR FAIL ", "OR ABORT ")


class Maker:
    """Makes schemas and statements; equal seeds make equal ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def schema(self) -> Iterator[str]:
        """Three tables that refer to each other, and triggers on them."""
        choice = self.random.choice
        yield f"PRAGMA foreign_keys = {self.random.randrange(3) > 0:d}"
        yield f"PRAGMA recursive_triggers = {self.random.randrange(3) == 0:d}"
        for name in TABLES:
            key = choice(("INTEGER PRIMARY KEY", "INT PRIMARY KEY", "TEXT UNIQUE"))
            rowid = " WITHOUT ROWID" if "PRIMARY" in key and self.random.random() < 0.25 else ""
            parent = self.parent() if self.random.random() < 0.7 else ""
            more = choice(("", ", g AS (k || n)", ", g AS (n * 2) STORED", ", g AS (n) UNIQUE", ", CHECK (n <> 7)"))
            yield f"CREATE TABLE {name}(k {key}, n DEFAULT 3, r DEFAULT 1 {parent}{more}){rowid}"
            if self.random.random() < 0.4:
                yield f"CREATE INDEX i{name} ON {name}({choice(('r', 'n', 'r, n', 'n DESC'))})"
        yield "CREATE TABLE log(x)"
        for number in range(self.random.randrange(4)):
            yield self.trigger(number)

    def parent(self) -> str:
        """A foreign key. (Not with SET NULL: SQLite does not look for the parent of a new row when the last program it
        has compiled for the statement is such an action.)
        """
        return f"REFERENCES {self.random.choice(TABLES)}(k){self.random.choice(ACTIONS)}"

    def trigger(self, number: int) -> str:
        """Of two statements at most, so that errors are told apart by them."""
        choice = self.random.choice
        event = choice(("INSERT", "UPDATE", "DELETE", "UPDATE OF n", "UPDATE OF k"))
        rows = ["new"] if event == "INSERT" else ["old"] if event == "DELETE" else ["old", "new"]
        when = f" WHEN {choice(rows)}.n {choice('<>')} {self.random.randrange(6)}" if self.random.random() < 0.4 else ""
        row, table = choice(rows), choice(TABLES)
        bodies = (
            f"INSERT INTO log VALUES ('{number}' || ifnull({row}.k, '-') || ifnull({row}.n, '-') || changes())",
            f"UPDATE {table} SET n = n + 1 WHERE k = {row}.r",
            f"DELETE FROM {table} WHERE n > 20 AND k <> {row}.k",
            f"INSERT {choice(CONFLICTS)}INTO {table}(k, n) VALUES ({row}.k + 1, {row}.n)",
            f"SELECT RAISE({choice(('IGNORE', 'ABORT, 1', 'FAIL, {row}.n', 'ROLLBACK, 3')).format(row=row)})"
            f" WHERE {row}.n = {self.random.randrange(9)}",
            f"UPDATE {table} SET r = (SELECT max(k) FROM {choice(TABLES)}) WHERE n = {row}.n",
        )
        steps = "; ".join(choice(bodies) for _ in range(self.random.randrange(1, 3)))
        time = choice(("BEFORE", "AFTER"))
        return f"CREATE TRIGGER t{number} {time} {event} ON {choice(TABLES)}{when} BEGIN {steps}; END"

    def statement(self) -> str:
        """A change of one of the tables, or of the transaction."""
        choice, number = self.random.choice, self.random.randrange(12)
        table, conflict = choice(TABLES), choice(CONFLICTS)
        returning = choice(("", "", " RETURNING k, n, r"))
        return choice(
            (
                f"INSERT {conflict}INTO {table}(k, n, r) VALUES ({number}, {number % 5}, {number % 7}){returning}",
                f"INSERT {conflict}INTO {table}(k, r) VALUES ({number}, NULL), ({number + 1}, {number}){returning}",
                f"INSERT INTO {table}(k, n) VALUES ({number}, 5) ON CONFLICT (k) DO UPDATE SET n = n + 10{returning}",
                f"INSERT {conflict}INTO {table}(k, n, r) SELECT k + 1, n, r FROM {choice(TABLES)}",
                f"UPDATE {conflict}{table} SET k = k + 1 WHERE +n < {number}{returning}",
                f"UPDATE {conflict}{table} SET n = n + 1, r = {number} WHERE k = {number}{returning}",
                f"DELETE FROM {table} WHERE k > {number}{returning}",
                f"DELETE FROM {table} WHERE k = {number} OR r = {number}",
                choice(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s")),
            )
        )


def answer(engine: apsw.Connection | turso_wasm.Connection, sql: str) -> object:
    """The rows, in any order, or the error's words; with the counters that statements see."""
    try:
        rows: object = sorted(map(repr, map(tuple, engine.execute(sql))))
    except (apsw.Error, turso_wasm.Error) as error:
        rows = str(error)
    counters = engine.execute("SELECT changes(), total_changes(), last_insert_rowid()").fetchone()
    return rows, tuple(counters)


def contents(engine: apsw.Connection | turso_wasm.Connection) -> list[object]:
    """All rows of all tables."""
    found = engine.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return [sorted(map(repr, map(tuple, engine.execute(f"SELECT * FROM {name}")))) for (name,) in found]


@pytest.mark.parametrize("seed", range(3000 if HEAVY else 40))
def test_changes_set_off_what_they_do_in_sqlite(seed: int, tmp_path: Path) -> None:
    """Statement by statement; then SQLite checks the file."""
    maker = Maker(seed)
    path = str(tmp_path / "x.db")
    theirs = apsw.Connection(":memory:")
    ours = turso_wasm.connect(path, isolation_level=None)
    script = [*maker.schema(), *(maker.statement() for _ in range(40))]
    for at, sql in enumerate(script):
        expected, found = answer(theirs, sql), answer(ours, sql)
        assert found == expected, ";\n".join(script[: at + 1])
        assert contents(ours) == contents(theirs), ";\n".join(script[: at + 1])
    ours.close()
    file = apsw.Connection(path)
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file.close()
