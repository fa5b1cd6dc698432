"""Transactions of every kind, and what the database contains after each of them according to SQLite.

A `Workload` is a list of statements. `run` executes it on our engine and on SQLite in memory, in step, and notes at
which event of the storage each commit began and ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import apsw

import turso_wasm
from tests.crash.disk import Image, RecordingVfs
from turso_wasm.runtime.files import register_vfs, unregister_vfs
from turso_wasm.vfs.base import Vfs

Statement = tuple[str, tuple[Any, ...]]
Content = tuple[Any, ...]
Query = Callable[[str], list[tuple[Any, ...]]]

_numbers = count()

SCHEMA = (
    "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, data BLOB)",
    "CREATE INDEX items_name ON items(name)",
    "CREATE TABLE words(word TEXT PRIMARY KEY, n INT) WITHOUT ROWID",
    "CREATE TABLE pairs(x, y UNIQUE, z DEFAULT 'z')",
    "PRAGMA foreign_keys = ON",
    "CREATE TABLE notes(item REFERENCES items ON DELETE CASCADE, note, size AS (length(note)), kept AS (note) STORED)",
    "CREATE INDEX notes_size ON notes(size, item)",
    "CREATE INDEX notes_item ON notes(item)",
    "CREATE TRIGGER noted AFTER INSERT ON items BEGIN"
    " INSERT INTO notes(item, note) VALUES (new.id, new.name), (new.id, substr(new.name, 2)); END",
    "CREATE TRIGGER renamed AFTER UPDATE OF name ON items WHEN old.name <> new.name BEGIN"
    " UPDATE notes SET note = note || new.name WHERE item = new.id AND size < 9; END",
)


def content(query: Query) -> Content:
    """Everything a database contains, comparable."""
    schema = sorted(query("SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=repr)
    tables = [name for kind, name, _, _ in schema if kind == "table"]
    rows = [(name, sorted(query(f'SELECT * FROM "{name}"'), key=repr)) for name in tables]
    return (schema, rows, query("PRAGMA user_version"))


class Maker:
    """Makes random transactions; equal seeds make equal ones. `largest`: bytes of the largest value."""

    def __init__(self, seed: int, largest: int = 6000) -> None:
        self.random = Random(seed)
        self.largest = largest
        self.n_rows = 0
        self.extra: list[str] = []
        self.indexes: list[str] = []

    def statements(self, n: int) -> Iterator[Statement]:
        """A schema and `n` transactions."""
        for sql in SCHEMA:
            yield sql, ()
        for _ in range(n):
            yield from self.transaction()

    def transaction(self) -> Iterator[Statement]:
        """One autocommit statement, or BEGIN to COMMIT or ROLLBACK."""
        luck = self.random.random()
        if luck < 0.4:
            yield self.change()
        elif luck < 0.5:
            yield self.definition()
        elif luck < 0.55:
            yield self.random.choice(self.upkeep()), ()
        else:
            yield self.random.choice(("BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE")), ()
            before = list(self.extra), list(self.indexes)
            yield from self.body(self.random.randint(1, 5))
            if self.random.random() < 0.8:
                yield "COMMIT", ()
            else:
                yield "ROLLBACK", ()
                self.extra, self.indexes = before

    def body(self, n: int) -> Iterator[Statement]:
        """What is inside a transaction, some of it inside a savepoint."""
        for _ in range(n):
            luck = self.random.random()
            if luck < 0.2:
                before = list(self.extra), list(self.indexes)
                yield "SAVEPOINT s", ()
                yield self.change()
                yield self.definition() if luck < 0.05 else self.change()
                if luck < 0.14:
                    yield "ROLLBACK TO s", ()
                    self.extra, self.indexes = before
                    yield self.change()
                yield "RELEASE s", ()
            elif luck < 0.3:
                yield self.definition()
            elif luck < 0.4:
                yield self.many()
            else:
                yield self.change()

    def upkeep(self) -> Sequence[str]:
        """Statements that change no content, or only a number in the header."""
        return (
            "PRAGMA wal_checkpoint(PASSIVE)",
            "PRAGMA wal_checkpoint(RESTART)",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA incremental_vacuum(3)",
            f"PRAGMA user_version={self.random.randint(1, 1000)}",
            "VACUUM",
            f"PRAGMA page_size={self.random.choice((512, 1024, 4096))}",
            f"PRAGMA auto_vacuum={self.random.randrange(3)}",
        )

    def value(self) -> bytes:
        """A blob; some need overflow pages."""
        size = self.random.randint(0, 80) if self.random.random() < 0.75 else self.random.randint(500, self.largest)
        return self.random.randbytes(size)

    def word(self) -> str:
        return "".join(self.random.choice("aeioubcdfg") for _ in range(self.random.randint(1, 9)))

    def row(self) -> int:
        return self.random.randint(1, max(1, self.n_rows))

    def change(self) -> Statement:
        """An INSERT, UPDATE, DELETE or REPLACE of a few rows."""
        at = self.row()
        match self.random.randrange(12):
            case 0 | 1 | 2 | 3:
                self.n_rows += 1
                return "INSERT INTO items(name, data) VALUES (?, ?)", (self.word(), self.value())
            case 4:
                return "UPDATE items SET name = ? WHERE id BETWEEN ? AND ?", (self.word(), at, at + 3)
            case 5:
                return "UPDATE items SET data = ? WHERE id = ?", (self.value(), at)
            case 6:
                return "DELETE FROM items WHERE id BETWEEN ? AND ?", (at, at + 2)  # and their notes
            case 7 | 8:
                return "INSERT OR REPLACE INTO words VALUES (?, ?)", (self.word(), at)
            case 9:
                return "DELETE FROM words WHERE n % 7 = ?", (at % 7,)
            case 10:
                return "INSERT OR IGNORE INTO pairs(x, y) VALUES (?, ?)", (self.word(), self.random.randint(1, 60))
            case _:
                return "UPDATE pairs SET x = x || ? WHERE y > ?", (self.word(), self.random.randint(1, 60))

    def many(self) -> Statement:
        """More changed pages than a small cache holds."""
        if self.random.random() < 0.3:
            return "UPDATE items SET name = name || 'x'", ()
        if self.random.random() < 0.2:
            return "DELETE FROM items WHERE id % 3 = 0", ()
        rows = [(self.word(), self.random.randbytes(self.random.randint(10, 200))) for _ in range(25)]
        self.n_rows += len(rows)
        places = ", ".join(["(?, ?)"] * len(rows))
        return f"INSERT INTO items(name, data) VALUES {places}", tuple(value for row in rows for value in row)

    def definition(self) -> Statement:
        """Something that changes the schema."""
        name = f"n{next(_names(self))}"
        luck = self.random.random()
        if self.extra and luck < 0.3:
            return f"DROP TABLE {self.extra.pop()}", ()
        if self.indexes and luck < 0.5:
            return f"DROP INDEX {self.indexes.pop()}", ()
        if luck < 0.7:
            self.indexes.append(name)
            return f"CREATE INDEX {name} ON items({self.random.choice(('data', 'name, id', 'name DESC'))})", ()
        self.extra.append(name)
        return f"CREATE TABLE {name}(a PRIMARY KEY, b)", ()


def _names(maker: Maker) -> Iterator[int]:
    if not hasattr(maker, "_n"):
        maker._n = count(1)  # type: ignore[attr-defined]
    return maker._n  # type: ignore[attr-defined,no-any-return]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a database is kept."""

    mode: str
    capabilities: int = 0
    page_size: int = 1024
    auto_vacuum: str = "none"
    cache_size: int = 12
    locking: str = "normal"
    synchronous: str = "full"

    def statements(self) -> list[str]:
        """The PRAGMAs for it."""
        return [
            f"PRAGMA page_size={self.page_size}",
            f"PRAGMA auto_vacuum={self.auto_vacuum}",
            f"PRAGMA locking_mode={self.locking}",
            f"PRAGMA journal_mode={self.mode}",
            f"PRAGMA synchronous={self.synchronous}",
            f"PRAGMA cache_size={self.cache_size}",
            "PRAGMA wal_autocheckpoint=60",
        ]


class Ours:
    """A connection of ours to the database "db" of a file system."""

    def __init__(self, vfs: Vfs) -> None:
        self.name = f"robust{next(_numbers)}"
        register_vfs(self.name, vfs)
        try:
            self.connection = turso_wasm.connect(f"file:db?vfs={self.name}", uri=True, isolation_level=None, timeout=0)
        except BaseException:
            unregister_vfs(self.name)
            raise

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql, parameters).fetchall()
        return rows

    def again(self) -> Any:
        """Another connection to the same file."""
        return turso_wasm.connect(f"file:db?vfs={self.name}", uri=True, isolation_level=None, timeout=0)

    def close(self) -> None:
        """Close it and forget the file system."""
        self.connection.close()
        unregister_vfs(self.name)


class Model:
    """The same statements on SQLite in memory."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        return list(self.connection.execute(sql, parameters))

    def content(self) -> Content:
        """Everything in it."""
        return content(self.query)


@dataclass(slots=True)
class History:
    """What a run did. `contents[i]` was committed between events `begun[i]` and `ended[i]`; neighbours may be equal.

    last_may_be_lost: the deletion of a journal commits, and is not durable.
    """

    contents: list[Content]
    begun: list[int]
    ended: list[int]
    files: Image = field(default_factory=dict)
    last_may_be_lost: bool = False

    def allowed(self, at: int) -> list[Content]:
        """What may be found after a crash before event `at`."""
        last = max(i for i, end in enumerate(self.ended) if end <= at)
        after = [self.contents[i] for i in range(last + 1, len(self.contents)) if self.begun[i] < at]
        before = [content for content in self.contents[:last] if content != self.contents[last]]
        return [self.contents[last], *after, *before[-1:]] if self.last_may_be_lost else [self.contents[last], *after]

    def is_ended(self, at: int) -> bool:
        """Whether event `at` is outside of any commit."""
        return not any(begun < at < ended for begun, ended in zip(self.begun, self.ended, strict=True))


def run(vfs: RecordingVfs, setting: Setting, statements: Sequence[Statement], reader: bool = False) -> History:
    """Run a workload to its end. reader: another connection holds snapshots meanwhile (log only)."""
    ours, model = Ours(vfs), Model()
    may_be_lost = setting.mode == "DELETE" and setting.synchronous != "extra" and setting.locking == "normal"
    history = History([model.content()], [0], [0], last_may_be_lost=may_be_lost)
    for sql in setting.statements():
        ours.query(sql)
    other = ours.again() if reader else None
    for number, (sql, parameters) in enumerate(statements):
        begun = len(vfs.events)
        assert not sql.startswith("PRAGMA wal_checkpoint") or not model.connection.in_transaction
        ours.query(sql, parameters)
        if not sql.startswith(("PRAGMA wal", "PRAGMA inc")):
            model.query(sql, parameters)
        assert ours.connection.in_transaction == model.connection.in_transaction, (number, sql)
        if model.connection.in_transaction:
            continue
        if (now := model.content()) != history.contents[-1] or len(vfs.events) > begun:
            history.contents.append(now)
            history.begun.append(begun)
            history.ended.append(len(vfs.events))
        if other is not None and number % 9 == 4:
            if other.in_transaction:
                other.execute("COMMIT")
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM items").fetchall()
    assert content(ours.query) == history.contents[-1]
    if other is not None:
        other.close()
    ours.close()
    history.files = {name: bytes(data.bytes) for name, data in vfs.files.items()}
    return history
