"""The same random statements on two files, ours and SQLite's; now and then the files are compared, and change hands.

A `Workload` knows which names exist, so that its statements mostly do something; equal seeds make equal ones. It
speaks of the tables

  rows(id INTEGER PRIMARY KEY, name, number, data)     an ordinary table, with up to four indexes
  keys(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID       with an index
  heap(x UNIQUE, y)                                    a rowid nobody names
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw

import turso_wasm

Statement = tuple[str, tuple[Any, ...]]

SCHEMA = (
    "CREATE TABLE rows(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, number REAL, data BLOB)",
    "CREATE INDEX rows_name ON rows(name, number DESC)",
    "CREATE TABLE keys(a TEXT, b INT, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
    "CREATE INDEX keys_c ON keys(c DESC)",
    "CREATE TABLE heap(x UNIQUE, y)",
)
INDEXES = ("number", "data", "id, name", "name DESC, id")
ENCODINGS = ("UTF-8", "UTF-16le", "UTF-16be")
SUFFIXES = ("", "-wal", "-journal", "-shm")


class Workload:
    """See the module docstring. `budget`: rows that the tables hold at most, roughly."""

    def __init__(self, seed: int, page_size: int, budget: int = 3000) -> None:
        self.random = Random(seed)
        self.page_size = page_size
        self.budget = budget
        self.n_rows = 0
        self.indexes: list[str] = []
        self.n_names = 0

    def operations(self, n: int) -> Iterator[Statement]:
        """Statements of `n` operations; no transaction is open at the end."""
        while n > 0:
            if self.random.random() < 0.7:
                size = min(n, self.random.randint(1, 120))
                n -= size
                yield from self.transaction(size)
            else:
                n -= 1
                yield self.operation(autocommit=True)

    def transaction(self, size: int) -> Iterator[Statement]:
        before = self.n_rows, list(self.indexes)
        yield "BEGIN", ()
        for _ in range(size):
            if self.random.random() < 0.02:
                yield "SAVEPOINT s", ()
                inner = list(self.indexes)
                yield self.operation()
                if self.random.random() < 0.5:
                    yield "ROLLBACK TO s", ()
                    self.indexes = inner
                yield "RELEASE s", ()
            else:
                yield self.operation()
        if self.random.random() < 0.9:
            yield "COMMIT", ()
        else:
            yield "ROLLBACK", ()
            self.n_rows, self.indexes = before

    def operation(self, autocommit: bool = False) -> Statement:
        random = self.random
        luck = random.random()
        if self.n_rows > self.budget or luck < 0.008:
            self.n_rows = self.n_rows * 2 // 3
            return "DELETE FROM rows WHERE id % 3 = ?", (random.randrange(3),)
        if luck < 0.012:
            return self.definition()
        if luck < 0.015 and autocommit:
            return random.choice(("PRAGMA incremental_vacuum(7)", "PRAGMA incremental_vacuum")), ()
        if luck < 0.02 and autocommit:
            return self.upkeep(), ()
        return self.change()

    def upkeep(self) -> str:
        """The file is built anew, or will be, in another form."""
        size, kind = self.random.choice((512, 1024, 4096, 16384)), self.random.randrange(3)
        return self.random.choice(
            (
                "VACUUM",
                "VACUUM",
                "REINDEX",
                "ANALYZE",
                "ANALYZE rows",
                f"PRAGMA page_size = {size}",
                f"PRAGMA auto_vacuum = {kind}",
            )
        )

    def definition(self) -> Statement:
        """An index comes or goes."""
        if len(self.indexes) > 2 or (self.indexes and self.random.random() < 0.4):
            return f"DROP INDEX {self.indexes.pop(self.random.randrange(len(self.indexes)))}", ()
        self.n_names += 1
        self.indexes.append(f"i{self.n_names}")
        return f"CREATE INDEX i{self.n_names} ON rows({self.random.choice(INDEXES)})", ()

    def change(self) -> Statement:
        random, at = self.random, self.random.randint(1, max(1, self.n_rows))
        match random.randrange(20):
            case 0 | 1 | 2 | 3 | 4 | 5:
                self.n_rows += 1
                return "INSERT INTO rows(name, number, data) VALUES (?, ?, ?)", (
                    self.word(),
                    self.number(),
                    self.blob(),
                )
            case 6:
                self.n_rows += 1
                return "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (
                    random.choice((at, at * 1000, -at, 2**40 + at)), self.word(), self.number(), self.blob(),
                )  # fmt: skip
            case 7 | 8:
                return "UPDATE rows SET name = ?, number = ? WHERE id = ?", (self.word(), self.number(), at)
            case 9:
                return "UPDATE rows SET data = ? WHERE id BETWEEN ? AND ?", (self.blob(), at, at + 2)
            case 10:
                return "DELETE FROM rows WHERE id BETWEEN ? AND ?", (at, at + random.randint(0, 5))
            case 11:
                return "UPDATE OR IGNORE rows SET id = id + ? WHERE id = ?", (random.randint(1, 5000), at)
            case 12 | 13:
                return "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", (self.word(), at % 50, self.blob())
            case 14:
                return "DELETE FROM keys WHERE a BETWEEN ? AND ?", tuple(sorted((self.word(), self.word()))[:1] * 2)
            case 15:
                return "UPDATE OR REPLACE keys SET b = b + 1, c = ? WHERE a = ?", (self.number(), self.word())
            case 16 | 17:
                return "INSERT OR IGNORE INTO heap VALUES (?, ?)", (random.choice((at, self.word(), self.number())), at)
            case 18:
                return "DELETE FROM heap WHERE rowid % 29 = ?", (at % 29,)
            case _:
                return "UPDATE heap SET y = y || ? WHERE x > ?", (self.word(), self.number())

    def word(self) -> str:
        length = self.random.choice((1, 2, 2, 3, 8, 30))
        return "".join(self.random.choice("abcdeABCDE é日") for _ in range(length))

    def number(self) -> float | int | None:
        return self.random.choice(
            (None, self.random.randint(-5, 5), self.random.randint(-(2**62), 2**62), self.random.random())
        )

    def blob(self) -> bytes | None:
        """Mostly small; now and then larger than a page, or than several."""
        luck = self.random.random()
        if luck < 0.05:
            return None
        size = self.random.randint(0, 60)
        if luck > 0.93:
            size = self.random.randint(self.page_size // 5, min(6 * self.page_size, 40_000))
        return self.random.randbytes(size)


def content(connection: Any) -> list[object]:
    """Everything a database contains."""

    def query(sql: str) -> list[Any]:
        return list(connection.execute(sql))

    schema = sorted(query("SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=repr)
    analysed = any(row[1] == "sqlite_stat1" for row in schema)
    return [
        schema,
        sorted(query("SELECT tbl, idx, stat FROM sqlite_stat1"), key=repr) if analysed else [],
        query("SELECT * FROM rows ORDER BY id"),
        query("SELECT * FROM keys ORDER BY a, b"),
        query("SELECT rowid, * FROM heap ORDER BY rowid"),
        # through the indexes
        query("SELECT name, number, id FROM rows ORDER BY name, number DESC, id"),
        query("SELECT c, a, b FROM keys ORDER BY c DESC, a, b"),
        query("SELECT x FROM heap ORDER BY x"),
    ]


def settings(page_size: int, mode: str, vacuum: str) -> list[str]:
    """What a file of these is created with; its encoding goes with the page size."""
    return [
        f"PRAGMA encoding='{ENCODINGS[page_size.bit_length() % 3]}'",
        f"PRAGMA page_size={page_size}",
        f"PRAGMA auto_vacuum={vacuum}",
        f"PRAGMA journal_mode={mode}",
    ]


def run(connection: Any, statement: Statement) -> str | None:
    """Execute; the code of an error (a violated constraint) or None."""
    try:
        connection.execute(*statement).fetchall()
    except apsw.Error as error:
        return str(error.extendedresult)
    except turso_wasm.Error as error:
        return str(error.sqlite_errorcode)
    return None


def copy_files(source: Path, target: Path) -> None:
    """Copy a database with its log and journal as they are now: what a crash of the process would leave."""
    for suffix in SUFFIXES:
        Path(f"{target}{suffix}").unlink(missing_ok=True)
        if suffix != "-shm" and Path(f"{source}{suffix}").exists():
            Path(f"{target}{suffix}").write_bytes(Path(f"{source}{suffix}").read_bytes())


def verdict(path: Path) -> object:
    """What SQLite says of a file, and its content (on a copy, log and journal included)."""
    copy = path.with_name("verdict.db")
    copy_files(path, copy)
    connection = apsw.Connection(str(copy))
    try:
        return list(connection.execute("PRAGMA integrity_check")), content(connection)
    finally:
        connection.close()


def ours(path: Path) -> turso_wasm.Connection:
    return turso_wasm.connect(path, isolation_level=None)
