"""Histories of concurrent transactions, and the judge of them.

A history is a few connections to one file that run transactions at the same time, statement by statement in a random
order. The judge runs those that were committed one after the other, in the order of their commits, in SQLite: every
statement must give what it gave then, and the tables must be equal in the end. That is what serializable means, and it
holds for triggers, cascades and constraints as for lists that are appended to.

A transaction that has changed nothing stands where it began: it is not checked when it commits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

import turso_wasm

SCHEMA = """
CREATE TABLE register(k INTEGER PRIMARY KEY, v INT NOT NULL CHECK (v > -50));
CREATE TABLE list(k INTEGER PRIMARY KEY, items TEXT NOT NULL);
CREATE TABLE pair(a INT, b TEXT COLLATE NOCASE, c INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE INDEX pair_c ON pair(c DESC);
CREATE TABLE named(id INTEGER PRIMARY KEY, name TEXT UNIQUE, grp INT);
CREATE INDEX named_grp ON named(grp, name) WHERE grp > 1;
CREATE TABLE parent(id INTEGER PRIMARY KEY, size INT);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, n INT);
CREATE INDEX child_parent ON child(parent);
CREATE TABLE total(grp INTEGER PRIMARY KEY, n INT);
CREATE TABLE log(what TEXT);
CREATE TRIGGER named_new AFTER INSERT ON named BEGIN
  INSERT INTO total VALUES (new.grp, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  INSERT INTO log SELECT 'new ' || new.name WHERE new.grp = 3;
END;
CREATE TRIGGER named_gone AFTER DELETE ON named BEGIN UPDATE total SET n = n - 1 WHERE grp = old.grp; END;
"""
FILL = """
INSERT INTO register VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0);
INSERT INTO list VALUES (0, ''), (1, ''), (2, ''), (3, ''), (4, '');
INSERT INTO parent VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0);
"""
TABLES = {
    "register": "*",
    "list": "*",
    "pair": "*",
    "named": "*",
    "parent": "*",
    "child": "*",
    "total": "*",
    "log": "what",
}
# `?id` is a rowid that is not given: the judge gives the one that was found.
STATEMENTS = [
    "SELECT v FROM register WHERE k = {k}",
    "SELECT sum(v) FROM register",
    "SELECT k, v FROM register WHERE k BETWEEN {k} AND {k} + 1",
    "SELECT max(k) FROM register WHERE v >= {v}",
    "UPDATE register SET v = v + 1 WHERE k = {k}",
    "UPDATE register SET v = {v} WHERE k = {k}",
    "UPDATE register SET v = v - {v} WHERE k = {k} AND (SELECT sum(v) FROM register) > 10",
    "UPDATE register SET v = (SELECT v FROM register WHERE k = {k}) + 1 WHERE k = {j}",
    "INSERT OR REPLACE INTO register VALUES ({k} + 3, {v})",
    "DELETE FROM register WHERE k = {k} + 3",
    "SELECT items FROM list WHERE k = {k}",
    "UPDATE list SET items = items || '{n},' WHERE k = {k}",
    "UPDATE list SET items = items || '{n},' WHERE k = {k} RETURNING items",
    "UPDATE list SET items = '' WHERE length(items) > 60 AND k = {k}",
    "SELECT * FROM pair WHERE a = {k}",
    "SELECT a, b FROM pair WHERE c > {v} ORDER BY c",
    "SELECT a, b, c FROM pair WHERE a = {k} AND b = '{name}'",
    "INSERT INTO pair VALUES ({k}, '{name}', {v})",
    "INSERT INTO pair VALUES ({k}, '{name}', {v}) ON CONFLICT DO UPDATE SET c = c + excluded.c",
    "UPDATE pair SET c = c + 1 WHERE c = {v}",
    "UPDATE pair SET a = {j} WHERE a = {k} AND b = '{name}'",
    "DELETE FROM pair WHERE a = {k} AND c < {v}",
    "DELETE FROM pair WHERE b = '{name}'",
    "INSERT INTO named VALUES (?id, '{name}', {k})",
    "INSERT INTO named VALUES (?id, '{name}{n}', {k})",
    "INSERT OR REPLACE INTO named VALUES (?id, '{name}', {k})",
    "INSERT OR IGNORE INTO named VALUES (?id, '{name}', {k})",
    "SELECT * FROM named WHERE name = '{name}'",
    "SELECT count(*) FROM named",
    "SELECT name FROM named WHERE grp = {k} AND grp > 1 ORDER BY name DESC",
    "SELECT id FROM named WHERE name >= '{name}' ORDER BY name LIMIT 1",
    "SELECT n FROM total WHERE grp = {k}",
    "DELETE FROM named WHERE grp = {k}",
    "DELETE FROM named WHERE length(name) > 3",
    "UPDATE named SET grp = {j} WHERE name = '{name}'",
    "UPDATE OR REPLACE named SET name = '{name}' WHERE grp = {k}",
    "DELETE FROM named",
    "INSERT INTO child VALUES (?id, {k}, {v})",
    "SELECT parent, count(*) FROM child GROUP BY parent",
    "SELECT p.id, c.n FROM parent p JOIN child c ON c.parent = p.id WHERE p.id = {k}",
    "DELETE FROM parent WHERE id = {k}",
    "INSERT OR IGNORE INTO parent VALUES ({k}, {v})",
    "UPDATE parent SET id = {j} WHERE id = {k}",
    "UPDATE parent SET size = (SELECT count(*) FROM child WHERE parent = parent.id)",
    "DELETE FROM child WHERE n < {v}",
    "SELECT count(*) FROM log",
    "DELETE FROM log",
]
LISTS = [
    "SELECT items FROM list WHERE k = {k}",
    "UPDATE list SET items = items || '{n},' WHERE k = {k}",
]
SKEW = [
    "SELECT v FROM register WHERE k = {k}",
    "SELECT sum(v) FROM register WHERE k < 3",
    "UPDATE register SET v = {v} WHERE k = {k}",
    "UPDATE register SET v = v - 1 WHERE k = {k} AND (SELECT sum(v) FROM register WHERE k < 3) > 0",
]
WORKLOADS = {"all": STATEMENTS, "lists": LISTS, "skew": SKEW}


@dataclass
class Step:
    """A statement and what it gave."""

    sql: str
    rows: list[Any] | None = None  # None: it failed
    rowid: int | None = None


@dataclass
class Transaction:
    """A transaction of one connection."""

    mode: str
    steps: list[Step] = field(default_factory=list)


@dataclass
class Count:
    """What became of transactions."""

    committed: int = 0
    conflicts: int = 0
    rolled_back: int = 0
    busy: int = 0


class Histories:
    """Connections to a file, and the model that those transactions are repeated in that were committed."""

    def __init__(self, path: Path, seed: int, connections: int = 3, pragmas: str = "") -> None:
        self.random = random.Random(seed)
        self.path = path
        self.count = Count()
        self.number = 0
        self.events: list[tuple[str, Transaction]] = []
        self.connections = [self._open() for _ in range(connections)]
        self.model = apsw.Connection(":memory:")
        self.model.execute(SCHEMA + FILL + "PRAGMA foreign_keys = on")
        first = self.connections[0]
        for text in ("PRAGMA journal_mode = wal", *filter(None, pragmas.split(";"))):
            first.execute(text).fetchall()
        first.executescript(SCHEMA + FILL)

    def _open(self) -> turso_wasm.Connection:
        connection = turso_wasm.connect(self.path, isolation_level=None, timeout=0)
        connection.execute("PRAGMA foreign_keys = on")
        return connection

    def close(self) -> None:
        """Close the connections."""
        for connection in self.connections:
            connection.close()

    def run(self, workload: str = "all") -> None:
        """One history, and the judge's look at it."""
        running = [self._client(connection, workload) for connection in self.connections]
        self.random.shuffle(running)
        while running:
            client = self.random.choice(running)
            if next(client, None) is None:
                running.remove(client)
        self._judge()

    # --- running ---------------------------------------------------------------------------------------------------

    def _client(self, connection: turso_wasm.Connection, workload: str) -> Iterator[int]:
        """Transactions of one connection, a statement at a time."""
        pick = self.random
        for _ in range(pick.randint(1, 2)):
            mode = pick.choices(["CONCURRENT", "IMMEDIATE", ""], [8, 1, 1])[0]
            transaction = Transaction(mode)
            statements = [self._statement(workload) for _ in range(pick.randint(1, 5))]
            if mode and pick.random() < 0.2:
                at = pick.randint(0, len(statements))
                statements[at:at] = ["SAVEPOINT s"]
                end = pick.choice(["ROLLBACK TO s", "RELEASE s"])
                statements.insert(pick.randint(at + 1, len(statements)), end)
            try:
                if mode:
                    connection.execute(f"BEGIN {mode}")
                    self.events.append(("begin", transaction))
                    yield 1
                else:
                    statements = statements[:1]
                    self.events.append(("begin", transaction))
                for sql in statements:
                    transaction.steps.append(self._step(connection, sql))
                    if mode:
                        yield 1
                if mode and pick.random() < 0.1:
                    connection.execute("ROLLBACK")
                    self.count.rolled_back += 1
                    continue
                if mode:
                    connection.execute("COMMIT")
                self.events.append(("commit", transaction))
                self.count.committed += 1
            except turso_wasm.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != apsw.SQLITE_BUSY:
                    raise
                if connection.in_transaction:
                    self.count.busy += 1
                    connection.execute("ROLLBACK")
                else:
                    self.count.conflicts += error.sqlite_errorcode == apsw.SQLITE_BUSY_SNAPSHOT
                    self.count.busy += error.sqlite_errorcode == apsw.SQLITE_BUSY
            yield 1

    def _statement(self, workload: str) -> str:
        pick = self.random
        self.number += 1
        few = 3 if workload == "skew" else 6
        values = {"k": pick.randrange(few), "j": pick.randrange(few), "v": pick.randrange(8), "n": self.number}
        return pick.choice(WORKLOADS[workload]).format(name=pick.choice(["a", "b", "c", "D", "d"]), **values)

    def _step(self, connection: turso_wasm.Connection, sql: str) -> Step:
        step = Step(sql)
        try:
            cursor = connection.execute(sql.replace("?id", "NULL"))
            step.rows = sorted(map(repr, cursor.fetchall()))
            step.rowid = cursor.lastrowid if "?id" in sql and cursor.rowcount == 1 else None
        except turso_wasm.IntegrityError:
            pass
        return step

    # --- judging ---------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        """Repeat what was committed, in order. Raises AssertionError."""
        committed = {id(transaction) for what, transaction in self.events if what == "commit"}
        harmless: set[int] = set()
        for what, transaction in self.events:
            if id(transaction) not in committed:
                continue
            if what == "begin":
                if self._is_harmless(transaction):
                    harmless.add(id(transaction))
                continue
            if id(transaction) not in harmless:
                with self.model:
                    wrong = self._repeat(transaction)
                assert not wrong, self._story(transaction, wrong)
        self.events.clear()
        for table, columns in TABLES.items():
            query = f"SELECT {columns} FROM {table}"
            mine = sorted(map(repr, self.connections[0].execute(query).fetchall()))
            theirs = sorted(map(repr, self.model.execute(query).fetchall()))
            assert mine == theirs, f"{table}: {mine} is not {theirs}"

    def _is_harmless(self, transaction: Transaction) -> bool:
        """It gives the same at its beginning, and changes nothing there."""
        if transaction.mode != "CONCURRENT":
            return False
        self.model.execute("SAVEPOINT judge")
        before = self._state()
        wrong = self._repeat(transaction)
        after = self._state()
        self.model.execute("ROLLBACK TO judge; RELEASE judge")
        return not wrong and before == after

    def _state(self) -> list[Any]:
        return [self.model.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]

    def _repeat(self, transaction: Transaction) -> str:
        """Run it in the model; what differs, if anything does."""
        for step in transaction.steps:
            given = "NULL" if step.rowid is None else str(step.rowid)
            rows: list[Any] | None
            try:
                rows = sorted(map(repr, self.model.execute(step.sql.replace("?id", given)).fetchall()))
            except apsw.ConstraintError:
                rows = None
            if rows != step.rows:
                return f"{step.sql}: {step.rows} is not {rows}"
        return ""

    def _story(self, transaction: Transaction, wrong: str) -> str:
        lines = [wrong, "of", *(step.sql for step in transaction.steps), "in"]
        for what, each in self.events:
            lines += [f"{what} {id(each) % 1000} {each.mode}", *(f"  {s.sql}" for s in each.steps if what == "commit")]
        return "\n".join(lines)
