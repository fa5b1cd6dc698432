"""Indexes that are no b-trees (`CREATE INDEX i ON t USING method (…)`): how a schema says that there is one.

To SQLite such an index is a view, tables and triggers (docs/decisions/0093-derived-structures.md):

    "__turso_index_i"            SELECT rowid AS id, "t"."title", 'fts' AS method, '{…}' AS options FROM "t"
    "__turso_index_i_pending"    the ids of rows that somebody else has changed
    "__turso_index_i_insert"     a trigger on t that notes them there, and two more: _update, _delete
    "__turso_index_i_…"          what the method keeps
    "__turso_index_i_ids"        where no column is the rowid: an index, always empty, for which VACUUM keeps rowids

`Derived` is one that was found in a schema, `Catalog.derived_on(table)` finds those of a table. A *method* says with
texts of SQL what it keeps and how: to add one, derive from `Method` in a file of catalog/methods/, and enter it in
catalog/methods/registry.py. All else (creating, dropping, keeping up with changes, catching up with those of others) is
done by plan/derived.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold, quote_identifier, quote_text
from turso_wasm.sql import ast

if TYPE_CHECKING:
    from turso_wasm.catalog.objects import Table

PREFIX: Final = "__turso_index_"
EVENTS: Final = ("insert", "update", "delete")
SELDOM: Final = 256

Option: TypeAlias = str | int | float
"""What WITH gives: text, numbers; a bare word is text."""
Options: TypeAlias = Mapping[str, object]
"""What a method has made of them, which JSON can hold."""


@dataclass(slots=True, kw_only=True)
class Derived:
    """An index `name` on `columns` of `table`, whose rows are known by `key`, a name of the rowid. schema: of the
    database that both are in.
    """

    name: str
    schema: str
    table: str
    key: str
    columns: tuple[str, ...]
    method: str
    options: Options

    @property
    def view(self) -> str:
        """The name of the view that says so."""
        return PREFIX + self.name

    def part(self, suffix: str) -> str:
        """The name of what the index keeps, or of a trigger, as SQL text."""
        return quote_identifier(self.part_name(suffix))

    def part_name(self, suffix: str) -> str:
        """The same, not quoted."""
        return f"{PREFIX}{self.name}_{suffix}"

    @property
    def pending(self) -> str:
        """The table of what is to be caught up with, as SQL text."""
        return self.part("pending")

    @property
    def is_current(self) -> str:
        """A condition, as SQL text: there is nothing to be caught up with. It is looked at once a statement."""
        return f"NOT EXISTS (SELECT 1 FROM {self.pending})"

    def view_sql(self) -> str:
        """CREATE VIEW, as we store it."""
        where = quote_identifier(self.table)  # before each column: quotes alone may mean a text
        columns = "".join(f"{where}.{quote_identifier(column)}, " for column in self.columns)
        tail = f"{quote_text(self.method)} AS method, {quote_text(json.dumps(self.options))} AS options"
        return f"CREATE VIEW {quote_identifier(self.view)} AS SELECT {self.key} AS id, {columns}{tail} FROM {where}"

    def trigger_sql(self, event: str) -> str:
        """CREATE TRIGGER, as we store it. (An OR clause of the statement that fires it would override one in it.)"""
        ids = [
            f"{row}.{self.key}" for row in ("old", "new") if (row, event) not in (("old", "insert"), ("new", "delete"))
        ]
        pending = self.pending
        body = " ".join(
            f"INSERT INTO {pending}(id) SELECT {id} WHERE NOT EXISTS (SELECT 1 FROM {pending} WHERE id = {id});"
            for id in ids
        )
        on = f"AFTER {event.upper()} ON {quote_identifier(self.table)}"
        return f"CREATE TRIGGER {self.part(event)} {on} BEGIN {body} END"

    def ids_sql(self) -> str:
        """CREATE INDEX of the index for which VACUUM does not number the rows anew."""
        on = f"{quote_identifier(self.table)}({quote_identifier(self.columns[0])})"
        return f"CREATE INDEX {self.part('ids')} ON {on} WHERE 0"

    def rows(self, where: str = "") -> str:
        """The rows of the table as the index sees them, a SELECT as text: the id, then the columns."""
        columns = ", ".join(quote_identifier(column) for column in (self.key, *self.columns))
        return f"SELECT {columns} FROM {quote_identifier(self.table)}{where}"


class Method:
    """What indexes of one kind keep. All statements are texts of SQL that name only what is in the index's database; a
    *row* is an id and the columns of the index in their order, `rows` a SELECT of such.
    """

    name = ""

    def options(self, columns: tuple[str, ...], given: Mapping[str, Option]) -> Options:
        """What WITH says, to be kept: names of columns are positions there, since columns are renamed. given: by folded
        name. Errors: SqlError of an option that there is not, or of a wrong value.
        """
        for name in given:
            raise SqlError(SQLITE_ERROR, f"unknown option of an index USING {self.name}: {name}")
        return {}

    def tables(self, index: Derived) -> dict[str, str]:
        """CREATE TABLE or CREATE VIRTUAL TABLE of each table that is kept, `index.part(suffix)`, by suffix."""
        raise NotImplementedError

    def virtual(self, index: Derived, suffix: str) -> Table | None:
        """The virtual table that is kept as its shadow tables alone, which SQLite takes for ordinary ones; None: it is
        an ordinary one itself.
        """
        return None

    def put(self, index: Derived, rows: str) -> tuple[str, ...]:
        """Enter rows. None of them is there, but what SQLite's REPLACE may have left of rows with the same ids."""
        raise NotImplementedError

    def take(self, index: Derived, ids: str) -> tuple[str, ...]:
        """Remove what there is of rows; ids: the end of a condition on ids, "= …" or "IN (…)". What was in the rows is
        not known any more.
        """
        raise NotImplementedError

    def clear(self, index: Derived) -> tuple[str, ...]:
        """Remove everything, before `fill`."""
        raise NotImplementedError

    def fill(self, index: Derived, rows: str) -> tuple[str, ...]:
        """Enter all rows into what is empty."""
        return self.put(index, rows)

    def grow(self, index: Derived) -> tuple[str, ...]:
        """What is done now and then, when rows have been entered: about once in SELDOM rows."""
        return ()

    def optimize(self, index: Derived) -> tuple[str, ...]:
        """What OPTIMIZE INDEX does, besides catching up."""
        return ()


def read_view(name: str, schema: str, select: ast.Select | None) -> Derived | None:
    """The index that a view of this name is; None: it is another view."""
    if fold(name[: len(PREFIX)]) != PREFIX or select is None or not isinstance(select.core, ast.SelectCore):
        return None
    source = select.core.source
    columns = [column.expr for column in select.core.columns if isinstance(column, ast.ResultColumn)]
    if not isinstance(source, ast.TableSource) or len(columns) < 4:
        return None
    key, *indexed, method, options = columns
    if not isinstance(key, ast.ColumnRef) or not isinstance(method, ast.TextLiteral):
        return None
    names = [column.column for column in indexed if isinstance(column, ast.ColumnRef)]
    if len(names) < len(indexed) or not isinstance(options, ast.TextLiteral):
        return None
    try:
        known = json.loads(options.value)
    except ValueError:
        return None
    return Derived(
        name=name[len(PREFIX) :],
        schema=schema,
        table=source.name,
        key=key.column,
        columns=tuple(names),
        method=method.value,
        options=known if isinstance(known, dict) else {},
    )


def key_of(table: Table) -> str | None:
    """A name that means the rowid in the table, None: there is none."""
    names = ("rowid", "_rowid_", "oid")
    return next((name for name in names if table.numbers.get(name, table.rowid_alias) == table.rowid_alias), None)


def is_own(name: str) -> bool:
    """It is the name of something that we keep for ourselves: no change of it is told to anybody."""
    return fold(name[:8]) == "__turso_"
