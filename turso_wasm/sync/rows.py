"""Rows of tables by their keys: read, put and taken in one database, and the same as statements for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from turso_wasm.catalog.names import ROWID_NAMES, quote_identifier
from turso_wasm.dbapi.connection import Connection
from turso_wasm.sync.remote import SyncError
from turso_wasm.values.records import decode_record, encode_record

Values = tuple[Any, ...]
"""Of a row's columns, those that PRAGMA table_xinfo does not call hidden, in their order."""
Key = int | bytes
"""A rowid, or the record of a primary key."""
Statement = tuple[str, Sequence[Any]]

TYPED = '%CONSTRAINT "type %'  # docs/types.md: how a column says its type
_HIDDEN, _GENERATED = 1, (2, 3)


def values_of(record: bytes | None) -> Values | None:
    """What is in a record."""
    if record is None:
        return None
    return tuple(decode_record(record, lambda raw: raw.decode("utf-8", "surrogateescape")))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table has. stored: at which positions of a row's values those are that are not generated. key: at which
    positions the columns are that say which row it is, none if only its rowid does. rowid: a name of it, None: it has
    none. is_alias: the rowid is a column, the key.
    """

    table: str
    columns: tuple[str, ...]
    stored: tuple[int, ...]
    key: tuple[int, ...]
    rowid: str | None
    is_alias: bool

    def key_of(self, rowid: Key, values: Values) -> Key:
        """What says which row it is: the record of its primary key; a rowid if it has none, or NULL in it."""
        key = [values[at] for at in self.key]
        return encode_record(key) if key and (None not in key or self.rowid is None) else rowid

    def _where(self, key: Key) -> Statement:
        if isinstance(key, bytes):
            names = [self.columns[at] for at in self.key]
            return " AND ".join(f"{quote_identifier(name)} IS ?" for name in names), values_of(key) or ()
        return f"{self.rowid} = ?", (key,)

    def read(self, key: Key) -> Statement:
        """The row of a key, a SELECT of its values."""
        where, values = self._where(key)
        columns = ", ".join(map(quote_identifier, self.columns))
        return f"SELECT {columns} FROM {quote_identifier(self.table)} WHERE {where}", values

    def read_all(self) -> str:
        """All rows: the rowid, or NULL, then the values."""
        columns = ", ".join(map(quote_identifier, self.columns))
        return f"SELECT {self.rowid or 'NULL'}, {columns} FROM {quote_identifier(self.table)}"

    def take(self, key: Key) -> Statement:
        """Remove a row."""
        where, values = self._where(key)
        return f"DELETE FROM {quote_identifier(self.table)} WHERE {where}", values

    def put(self, key: Key, values: Values) -> Statement:
        """Enter a row where there is none with its key."""
        names = [quote_identifier(self.columns[at]) for at in self.stored]
        given = [values[at] for at in self.stored]
        if isinstance(key, int) and not self.is_alias:
            names, given = [self.rowid or "", *names], [key, *given]
        marks = ", ".join("?" * len(given))
        return f"INSERT INTO {quote_identifier(self.table)}({', '.join(names)}) VALUES ({marks})", given

    def change(self, rowid: Key, before: Values | None, after: Values | None) -> list[Statement]:
        """Make a row of what was another, or none, or let it go."""
        steps = []
        if before is not None:
            steps.append(self.take(self.key_of(rowid, before)))
        if after is not None:
            key = self.key_of(rowid, after)
            steps += [self.take(key), self.put(key, after)]
        return steps


def shape_of(db: Connection, table: str) -> Shape | None:
    """None: there is no such table. Errors: SyncError for columns of types, whose rows are read as something else than
    what is stored.
    """
    columns = db.execute("SELECT name, hidden, pk FROM pragma_table_xinfo(?, 'main')", (table,)).fetchall()
    if not columns:
        return None
    typed = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE AND sql LIKE ?"
    if db.execute(typed, (table, TYPED)).fetchone():
        raise SyncError(f"table {table} has columns of types of ours: such tables cannot be synchronized")
    shown = [column for column in columns if column[1] != _HIDDEN]
    names = tuple(name for name, _, _ in shown)
    ((without_rowid,),) = db.execute(
        "SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (table,)
    ).fetchall() or ((0,),)
    key = tuple(at for _, at in sorted((pk, at) for at, (_, _, pk) in enumerate(shown) if pk))
    taken = {name.lower() for name in names}
    alias = _alias(db, table, [names[at] for at in key]) if not without_rowid else None
    rowid = None if without_rowid else alias or next((name for name in sorted(ROWID_NAMES) if name not in taken), None)
    return Shape(
        table=table,
        columns=names,
        stored=tuple(at for at, (_, hidden, _) in enumerate(shown) if hidden not in _GENERATED),
        key=key,
        rowid=rowid if alias is None or rowid is None else quote_identifier(rowid),
        is_alias=alias is not None,
    )


def _alias(db: Connection, table: str, key: Sequence[str]) -> str | None:
    """The column that is the rowid: an INTEGER PRIMARY KEY, for which no index is made."""
    if len(key) != 1:
        return None
    (kind,) = db.execute("SELECT type FROM pragma_table_info(?) WHERE name = ?", (table, key[0])).fetchone()
    made = db.execute("SELECT 1 FROM pragma_index_list(?, 'main') WHERE origin = 'pk'", (table,)).fetchone()
    return key[0] if kind.upper() == "INTEGER" and made is None else None


def read_row(db: Connection, shape: Shape, key: Key) -> Values | None:
    """The row of a key; None: there is none."""
    sql, values = shape.read(key)
    found: Values | None = db.execute(sql, tuple(values)).fetchone()
    return found


def run(db: Connection, statements: Sequence[Statement]) -> None:
    """Execute."""
    for sql, values in statements:
        db.execute(sql, tuple(values)).close()
