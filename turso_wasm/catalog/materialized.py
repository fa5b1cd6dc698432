"""What is kept of a materialized view: tables of rows, each with the statements that keep it up.

A view is a pipeline of *stores*. Each is an ordinary table, computed from base tables and from stores before it by one
SELECT (`fill`), and has a `Rule` for each table it is computed from: what is done for a row that goes (`old`), for one
that comes (`new`), and after both (`finish`). A change of a store's rows sets off the rules of those that read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import field
from typing import Final, NoReturn

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold, quote_identifier

PREFIX: Final = "__turso_view_"
TYPES: Final = {"A": "", "B": " TEXT", "C": " NUM", "D": " INT", "E": " REAL"}
"""How a column of an affinity is declared."""


class CannotMaintain(SqlError):
    """The reason why a query cannot be kept up."""


def refuse(what: str) -> NoReturn:
    """Raise the reason why a query cannot be kept up."""
    raise CannotMaintain(SQLITE_ERROR, what)


@dataclass(slots=True)
class Column:
    """A column of a store."""

    name: str
    affinity: str = "A"
    collation: str = "BINARY"

    def declared(self) -> str:
        """Its definition."""
        collation = "" if self.collation == "BINARY" else f" COLLATE {quote_identifier(self.collation)}"
        return f"{self.name}{TYPES[self.affinity]}{collation}"


@dataclass(slots=True)
class Rule:
    """What a change of a row of `table` does to a store: statements in the language of triggers. columns: the folded
    names of those that it reads, None: all.
    """

    table: str
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    finish: list[str] = field(default_factory=list)
    columns: frozenset[str] | None = None

    def statements(self, event: str) -> list[str]:
        """Those of INSERT, UPDATE or DELETE."""
        old = self.old if event != "INSERT" else []
        new = self.new if event != "DELETE" else []
        return [*old, *new, *self.finish]


@dataclass(slots=True)
class Store:
    """A table that is kept. indexes: lists of terms. scratch: it is empty between statements."""

    name: str
    columns: list[Column]
    indexes: list[tuple[str, ...]] = field(default_factory=list)
    fill: str = ""
    rules: list[Rule] = field(default_factory=list)
    scratch: bool = False

    @property
    def quoted(self) -> str:
        """Its name as SQL text."""
        return quote_identifier(self.name)

    def table_sql(self, note: str = "") -> str:
        """CREATE TABLE, as it is stored."""
        columns = ",".join(column.declared() for column in self.columns)
        return f"CREATE TABLE {self.quoted}({columns}{note})"

    def index_sql(self) -> list[tuple[str, str]]:
        """(name, CREATE INDEX) of each index."""
        found = []
        for number, terms in enumerate(self.indexes, 1):
            name = f"{self.name}_index{number}"
            found.append((name, f"CREATE INDEX {quote_identifier(name)} ON {self.quoted}({','.join(terms)})"))
        return found

    def texts(self) -> list[str]:
        """All statements of its rules."""
        return [text for rule in self.rules for text in (rule.table, *rule.old, *rule.new, *rule.finish)]

    def rule(self, table: str) -> Rule:
        """The rule for a table, a new one if there is none."""
        for rule in self.rules:
            if fold(rule.table) == fold(table):
                return rule
        self.rules.append(Rule(table))
        return self.rules[-1]

    def index(self, terms: Iterable[str]) -> None:
        """Let there be an index on these terms."""
        wanted = tuple(terms)
        if wanted and not any(known[: len(wanted)] == wanted for known in self.indexes):
            self.indexes = [known for known in self.indexes if wanted[: len(known)] != known]
            self.indexes.append(wanted)


@dataclass(slots=True)
class View:
    """A materialized view of a database. stores: in the order in which they are filled, the last has its rows, in
    columns c1, c2, …; none: its query cannot be maintained. bases: the tables it is computed from; numbered: those
    without INTEGER PRIMARY KEY, each with a column. is_valid: what the schema has is what we write for this query; if
    not, it is run.
    """

    name: str
    stores: list[Store]
    bases: list[str]
    numbered: list[tuple[str, str]] = field(default_factory=list)
    is_valid: bool = True

    @property
    def behind(self) -> str:
        """The name of the table that has a row if somebody else has changed a base table."""
        return f"{PREFIX}{self.name}_behind"

    def behind_sql(self) -> str:
        """CREATE TABLE of it."""
        return f"CREATE TABLE {quote_identifier(self.behind)}(id INTEGER PRIMARY KEY)"

    @property
    def is_behind(self) -> str:
        """The condition, as SQL text; it is looked at once a statement."""
        return f"EXISTS (SELECT 1 FROM {quote_identifier(self.behind)})"

    def table_sql(self, store: Store) -> str:
        """CREATE TABLE of a store. That of the last tells by a note how all are computed."""
        if store is not self.stores[-1]:
            return store.table_sql()
        texts = [text for each in self.stores for text in (each.fill, *each.texts())]
        return store.table_sql(f" /* {hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]} */")

    def triggers(self) -> list[tuple[str, str, str]]:
        """(name, table, CREATE TRIGGER) of what notes that somebody else has changed a base table."""
        behind, found = quote_identifier(self.behind), []
        for number, base in enumerate(self.bases, 1):
            for event in ("insert", "update", "delete"):
                name = f"{PREFIX}{self.name}_{event}_{number}"
                body = f"INSERT INTO {behind}(id) SELECT 1 WHERE NOT {self.is_behind};"
                head = f"CREATE TRIGGER {quote_identifier(name)} AFTER {event.upper()} ON {quote_identifier(base)}"
                found.append((name, base, f"{head} BEGIN {body} END"))
        return found

    def indexes(self) -> list[tuple[str, str, str]]:
        """(name, table, CREATE INDEX) of empty indexes on base tables whose rowids VACUUM would change without any."""
        found = []
        for number, (table, column) in enumerate(self.numbered, 1):
            name = f"{PREFIX}{self.name}_ids_{number}"
            on = f"{quote_identifier(table)}({quote_identifier(column)})"
            found.append((name, table, f"CREATE INDEX {quote_identifier(name)} ON {on} WHERE 0"))
        return found

    def rebuilding(self) -> list[str]:
        """The statements that compute all stores anew."""
        found = []
        for store in self.stores:
            found.append(f"DELETE FROM {store.quoted}")
            if store.fill:
                found.append(f"INSERT INTO {store.quoted} {store.fill}")
        return [*found, f"DELETE FROM {quote_identifier(self.behind)}"]


def is_kept(name: str) -> bool:
    """It is the name of something that is kept of a materialized view."""
    return fold(name).startswith(PREFIX)


def same(columns: Iterable[str], row: str, prefix: str = "") -> str:
    """A condition: the columns have the values that they have in OLD or NEW."""
    return " AND ".join([f"{prefix}{column} IS {row}.{column}" for column in columns]) or "1"
