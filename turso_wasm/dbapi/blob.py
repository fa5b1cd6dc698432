"""Blobs: a BLOB or TEXT of one row, read and written in place of the whole, as `sqlite3.Blob`.

A blob keeps the value's length. Once a statement of the connection has written its row, or what it was opened for
was rolled back, it is of no use any more, as in SQLite (runtime/blobs.py). Writing is an UPDATE of the row by its
rowid, so triggers see it; it does not count as a change.
"""

from __future__ import annotations

import operator
import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from turso_wasm.base.errors import SQLITE_ABORT, SQLITE_ERROR, SQLITE_READONLY, SqlError
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.errors import ProgrammingError, fail
from turso_wasm.runtime.blobs import BlobHandle

if TYPE_CHECKING:
    from turso_wasm.dbapi.connection import Connection

ROWID_NAMES = ("rowid", "_rowid_", "oid")


class Blob(arguments.NotPickled):
    """See the module docstring. Made by `Connection.blobopen`."""

    def __new__(cls) -> Blob:
        """Blobs come from connections."""
        raise TypeError(f"cannot create '{cls.__module__}.{cls.__qualname__}' instances")

    @classmethod
    def opened(cls, connection: Connection, table: str, column: str, row: int, readonly: bool, name: str) -> Blob:
        """Errors: OperationalError when there is no such value, or it is no text or blob."""
        self: Blob = object.__new__(cls)
        self._open(connection, table, column, row, readonly, name)
        return self

    def _open(self, connection: Connection, table: str, column: str, row: int, readonly: bool, name: str) -> None:
        self._connection = connection
        self._row = row
        self._readonly = readonly
        self._offset = 0
        self._closed = False
        try:
            rowid, indexed = _checked(connection, table, column, name)
            if indexed and not readonly:
                raise SqlError(SQLITE_ERROR, f"cannot open {indexed} column for writing")
            cell, place = quote_identifier(column), f"{quote_identifier(name)}.{quote_identifier(table)}"
            rows = f"SELECT {rowid} FROM {place} WHERE {rowid} >= ?"
            self._handle = BlobHandle(connection._runtime, rows, row, writes=not readonly)
            if not self._handle.is_open:
                raise SqlError(SQLITE_ERROR, f"no such rowid: {row}")
            type_of = f"SELECT typeof({cell}) FROM {place} WHERE {rowid} = ?"
            self._value = f"SELECT CAST({cell} AS BLOB) FROM {place} WHERE {rowid} = ?"
            kind = connection._query(type_of, (row,))[0][0]
            if kind not in ("text", "blob"):
                self._handle.close()
                raise SqlError(SQLITE_ERROR, f"cannot open value of type {kind}")
            self._update = f"UPDATE {place} SET {cell} = CAST(? AS {kind}) WHERE {rowid} = ?"
            self._length = len(connection._query(self._value, (row,))[0][0])
        except SqlError as error:
            fail(error)

    def _usable(self) -> Connection:
        self._connection._check()
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed blob.")
        return self._connection

    def _get(self) -> bytes:
        """The value. Errors: OperationalError when a statement has written its row, or a rollback."""
        connection = self._usable()
        try:
            self._handle.check()
            found = connection._query(self._value, (self._row,))
            value = found[0][0] if found else None
            if value is None or len(value) != self._length:
                raise SqlError(SQLITE_ABORT, "query aborted")
        except SqlError as error:
            if not self._handle.is_open:
                self._length = self._offset = 0
            fail(error)
        return bytes(value)

    def _put(self, at: int, data: bytes, step: int = 1) -> None:
        """Write at an offset, every `step` bytes."""
        value = bytearray(self._get())
        value[at : at + len(data) * step : step] = data
        runtime = self._connection._runtime
        before = runtime.counters()
        try:
            if self._readonly:
                raise SqlError(SQLITE_READONLY, "attempt to write a readonly database")
            with self._handle.writing():
                self._connection._query(self._update, (bytes(value), self._row))
        except SqlError as error:
            fail(error)
        runtime.set_counters(*before)

    # --- as a file ----------------------------------------------------------------------------------------------

    def read(self, length: int = -1, /) -> bytes:
        """Up to `length` bytes from the current position on, all that are left if it is negative."""
        self._usable()
        length, left = arguments.integer(length), self._length - self._offset
        n = left if length < 0 or length > left else length
        if not n:
            return b""
        data = self._get()[self._offset : self._offset + n]
        self._offset += n
        return data

    def write(self, data: Any, /) -> None:
        """Write at the current position. Errors: ValueError beyond the end."""
        self._usable()
        raw = _raw(data)
        if len(raw) > self._length - self._offset:
            raise ValueError("data longer than blob length")
        self._put(self._offset, raw)
        self._offset += len(raw)

    def seek(self, offset: int, origin: int = os.SEEK_SET, /) -> None:
        """Set the current position. Errors: ValueError, OverflowError."""
        self._usable()
        offset, origin = arguments.integer(offset), arguments.integer(origin)
        if origin not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise ValueError("'origin' should be os.SEEK_SET, os.SEEK_CUR, or os.SEEK_END")
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._length}[origin]
        if base + offset > arguments.MAX_INT:
            raise OverflowError("seek offset results in overflow")
        if not 0 <= base + offset <= self._length:
            raise ValueError("offset out of blob range")
        self._offset = base + offset

    def tell(self) -> int:
        """The current position."""
        self._usable()
        return self._offset

    def close(self) -> None:
        """Give it up; closing twice is fine."""
        self._connection._check()
        self._closed = True
        self._handle.close()

    def __enter__(self) -> Blob:
        self._usable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self._usable()
        self.close()
        return False

    # --- as a mapping of indices ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        self._usable()
        return self._length

    def __getitem__(self, key: Any) -> Any:
        self._usable()
        if isinstance(key, slice):
            start, stop, step = key.indices(self._length)
            return self._get()[start:stop:step] if len(range(start, stop, step)) else b""
        return self._get()[self._index(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._usable()
        if isinstance(key, slice):
            start, stop, step = key.indices(self._length)
            raw, wanted = _raw(value), range(start, stop, step)
            if len(raw) != len(wanted):
                raise IndexError("Blob slice assignment is wrong size")
            if raw:
                lowest = min(wanted)
                self._put(lowest, raw if step > 0 else raw[::-1], abs(step))
            return
        at = self._index(key)
        if not isinstance(value, int):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
        number = int(value)
        if not 0 <= number <= 255:
            raise ValueError("byte must be in range(0, 256)")
        self._put(at, bytes((number,)))

    def __delitem__(self, key: Any) -> None:
        self._usable()
        what = "slice" if isinstance(key, slice) else "item"
        raise TypeError(f"Blob object doesn't support {what} deletion")

    def _index(self, key: Any) -> int:
        if not hasattr(key, "__index__"):
            raise TypeError("Blob indices must be integers")
        at = operator.index(key)
        if not -sys.maxsize - 1 <= at <= sys.maxsize:
            raise IndexError("cannot fit 'int' into an index-sized integer")
        if at < 0:
            at += self._length
        if not 0 <= at < self._length:
            raise IndexError("Blob index out of range")
        return at

    def __contains__(self, item: object) -> bool:
        raise TypeError(f"argument of type '{type(self).__name__}' is not iterable")

    __iter__ = None


def _raw(data: Any) -> bytes:
    """The bytes of a contiguous buffer. Errors: TypeError, BufferError."""
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'") from None
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view.tobytes()


def _checked(connection: Connection, table: str, column: str, name: str) -> tuple[str, str]:
    """How the table calls its rowid, and what stands against writing the column: "", "indexed", "foreign key".

    Errors: SqlError with SQLite's messages.
    """
    ask, schema = connection._query, quote_identifier(name)
    found: list[Any] = []
    if connection._runtime.slot_of(name) is not None:
        master = "sqlite_temp_master" if name.lower() == "temp" else f"{schema}.sqlite_master"
        query = f"SELECT type, sql FROM {master} WHERE lower(name) = lower(?) AND type IN ('table', 'view')"
        found = ask(query, (table,))
    if not found:
        raise SqlError(SQLITE_ERROR, f"no such table: {name}.{table}")
    if found[0][0] == "view":
        raise SqlError(SQLITE_ERROR, f"cannot open view: {table}")
    if found[0][1].lstrip()[:14].upper() == "CREATE VIRTUAL":
        raise SqlError(SQLITE_ERROR, f"cannot open virtual table: {table}")
    columns = [row[1].lower() for row in ask(f"PRAGMA {schema}.table_xinfo({quote_identifier(table)})", ())]
    rowid = next((known for known in ROWID_NAMES if known not in columns), "rowid")
    listed = "SELECT wr FROM pragma_table_list WHERE schema = lower(?) AND lower(name) = lower(?)"
    if ask(listed, (name, table))[0][0]:
        raise SqlError(SQLITE_ERROR, f"cannot open table without rowid: {table}")
    if column.lower() not in columns:
        raise SqlError(SQLITE_ERROR, f'no such column: "{column}"')
    keys = ask(f"PRAGMA {schema}.foreign_key_list({quote_identifier(table)})", ())
    if ask("PRAGMA foreign_keys", ())[0][0] and any(row[3].lower() == column.lower() for row in keys):
        return rowid, "foreign key"
    for index in ask(f"PRAGMA {schema}.index_list({quote_identifier(table)})", ()):
        parts = ask(f"PRAGMA {schema}.index_info({quote_identifier(index[1])})", ())
        if any(part[2] is None or part[2].lower() == column.lower() for part in parts):
            return rowid, "indexed"
    return rowid, ""
