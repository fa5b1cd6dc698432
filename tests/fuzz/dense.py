"""Scripts about one thing, in which nearly every statement meets what the others have made.

Names, keys and values are few, so that rows are in each other's way. Each kind makes a schema and then changes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import ClassVar, Protocol

TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s")


class Dense(Protocol):
    """A kind of scripts; equal seeds make equal ones."""

    def __init__(self, random: Random) -> None: ...

    def schema(self) -> Iterator[str]:
        """What a script begins with."""

    def statement(self) -> str:
        """Any of the statements that follow."""


class Triggers:
    """Three tables with foreign keys to each other, triggers and generated columns."""

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

    def __init__(self, random: Random) -> None:
        self.random = random

    def schema(self) -> Iterator[str]:
        """Three tables that refer to each other, and triggers on them."""
        choice = self.random.choice
        yield f"PRAGMA foreign_keys = {self.random.randrange(3) > 0:d}"
        yield f"PRAGMA recursive_triggers = {self.random.randrange(3) == 0:d}"
        for name in self.TABLES:
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
        return f"REFERENCES {self.random.choice(self.TABLES)}(k){self.random.choice(self.ACTIONS)}"

    def trigger(self, number: int) -> str:
        """Of two statements at most, so that errors are told apart by them."""
        choice = self.random.choice
        event = choice(("INSERT", "UPDATE", "DELETE", "UPDATE OF n", "UPDATE OF k"))
        rows = ["new"] if event == "INSERT" else ["old"] if event == "DELETE" else ["old", "new"]
        when = f" WHEN {choice(rows)}.n {choice('<>')} {self.random.randrange(6)}" if self.random.random() < 0.4 else ""
        row, table = choice(rows), choice(self.TABLES)
        bodies = (
            f"INSERT INTO log VALUES ('{number}' || ifnull({row}.k, '-') || ifnull({row}.n, '-') || changes())",
            f"UPDATE {table} SET n = n + 1 WHERE k = {row}.r",
            f"DELETE FROM {table} WHERE n > 20 AND k <> {row}.k",
            f"INSERT {choice(self.CONFLICTS)}INTO {table}(k, n) VALUES ({row}.k + 1, {row}.n)",
            f"SELECT RAISE({choice(('IGNORE', 'ABORT, 1', 'FAIL, {row}.n', 'ROLLBACK, 3')).format(row=row)})"
            f" WHERE {row}.n = {self.random.randrange(9)}",
            f"UPDATE {table} SET r = (SELECT max(k) FROM {choice(self.TABLES)}) WHERE n = {row}.n",
        )
        steps = "; ".join(choice(bodies) for _ in range(self.random.randrange(1, 3)))
        time = choice(("BEFORE", "AFTER"))
        return f"CREATE TRIGGER t{number} {time} {event} ON {choice(self.TABLES)}{when} BEGIN {steps}; END"

    def statement(self) -> str:
        """A change of one of the tables, or of the transaction."""
        choice, number = self.random.choice, self.random.randrange(12)
        table, conflict = choice(self.TABLES), choice(self.CONFLICTS)
        returning = choice(("", "", " RETURNING k, n, r"))
        return choice(
            (
                f"INSERT {conflict}INTO {table}(k, n, r) VALUES ({number}, {number % 5}, {number % 7}){returning}",
                f"INSERT {conflict}INTO {table}(k, r) VALUES ({number}, NULL), ({number + 1}, {number}){returning}",
                f"INSERT INTO {table}(k, n) VALUES ({number}, 5) ON CONFLICT (k) DO UPDATE SET n = n + 10{returning}",
                f"INSERT {conflict}INTO {table}(k, n, r) SELECT k + 1, n, r FROM {choice(self.TABLES)}",
                f"UPDATE {conflict}{table} SET k = k + 1 WHERE +n < {number}{returning}",
                f"UPDATE {conflict}{table} SET n = n + 1, r = {number} WHERE k = {number}{returning}",
                f"DELETE FROM {table} WHERE k > {number}{returning}",
                f"DELETE FROM {table} WHERE k = {number} OR r = {number}",
                choice(TRANSACTIONS),
            )
        )


class Bulk:
    """Changes of many rows at once: records that keep their size and records that do not, on leaves and overflow pages;
    indexes that are unique, partial, descending, on expressions; statements that fail amid their rows.
    """

    CONFLICTS = ("", "", "", "", "OR IGNORE ", "OR FAIL ", "OR REPLACE ", "OR ROLLBACK ")
    COLUMNS = ("n", "s", "r", "x")
    VALUES: ClassVar = {
        "n": ("n + 1", "-n", "n * 300", "n % 7", "id", "n", "NULL", "CASE WHEN id % 9 THEN n ELSE n * 100000 END", "s"),
        "s": (
            "upper(s)",
            "s || '.'",
            "substr(s, 2)",
            "replace(s, 'a', 'b')",
            "x",
            "n",
            "NULL",
            "hex(zeroblob(n % 900))",
        ),
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

    def __init__(self, random: Random) -> None:
        self.random = random

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
            yield f"CREATE {choice(('', '', 'UNIQUE ')) if at == 0 else ''}INDEX i{at} ON t({choice(self.INDEXES)}"
        yield f"INSERT OR IGNORE INTO u {self.source()}"

    def where(self) -> str:
        low = self.random.randrange(-5, 400)
        return self.random.choice(self.WHERES).format(low=low, high=low + self.random.randrange(300))

    def source(self) -> str:
        choice = self.random.choice
        text = choice(self.SOURCES) if self.random.random() < 0.5 else self.SOURCES[0]
        return text.format(
            size=choice((3, 40, 400, 900)),
            low=self.random.randrange(100),
            key=choice(("i", "i", "NULL", "i * 37 % 1009", "1000 - i")),
            copy=choice(("NULL", "id + 1000", "-id", "id")),
        )

    def statement(self) -> str:
        """A change of many rows, or of the schema or transaction."""
        choice = self.random.choice
        conflict = choice(self.CONFLICTS)
        kind = self.random.random()
        if kind < 0.3:
            return f"INSERT {conflict}INTO t(id, n, s, r, x) {self.source()}"
        if kind < 0.65:
            columns = self.random.sample(self.COLUMNS, choice((1, 1, 1, 2, 3)))
            changes = ", ".join(f"{column} = {choice(self.VALUES[column])}" for column in columns)
            return f"UPDATE {conflict}t SET {changes}{self.where()}"
        if kind < 0.7:
            return f"UPDATE {conflict}t SET id = id + {choice((1, -1, 1000))}{self.where()}"
        if kind < 0.85:
            return f"DELETE FROM t{self.where()}"
        return choice(
            (
                "ALTER TABLE t ADD COLUMN z DEFAULT 'added'",
                f"CREATE INDEX j ON t({choice(self.INDEXES)}",
                "DROP INDEX IF EXISTS j",
                *TRANSACTIONS,
                f"UPDATE t SET n = u.n FROM u WHERE u.id = t.id AND u.id < {self.random.randrange(300)}",
                # What is read of t stays as it is: the order in which rows are changed is the planner's.
                f"UPDATE t SET n = (SELECT max(o.id) FROM t AS o WHERE o.id < t.id){self.where()}",
                f"UPDATE t SET n = (SELECT count(*) FROM u WHERE u.n = t.n){self.where()}",
                f"UPDATE t SET n = n + 1{self.where()} RETURNING id, n",
            )
        )
