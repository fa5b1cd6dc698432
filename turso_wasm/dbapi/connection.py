"""Connections: transactions, settings and shortcuts, with the semantics and messages of the `sqlite3` module."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from turso_wasm.base.errors import SqlError
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.blob import Blob
from turso_wasm.dbapi.changes import Change, ChangeReader, read_changes
from turso_wasm.dbapi.columnar import Framed
from turso_wasm.dbapi.cursor import Cursor, Parameters
from turso_wasm.dbapi.deprecations import soon_by_name, warn_of_leak, warn_of_positions
from turso_wasm.dbapi.dump import dump_statements
from turso_wasm.dbapi.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
    fail,
)
from turso_wasm.dbapi.functions import Registering
from turso_wasm.dbapi.hooks import Hooked
from turso_wasm.dbapi.images import Imaged
from turso_wasm.dbapi.limits import UNLIMITED, Limited
from turso_wasm.dbapi.transactions import LEGACY_TRANSACTION_CONTROL, IsolationLevel, Transacting, checked_level
from turso_wasm.runtime import engine
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.keys import Key, key_text
from turso_wasm.runtime.parameters import MAX_INTEGER, MIN_INTEGER
from turso_wasm.runtime.schema import Prepared
from turso_wasm.runtime.uri import parse_location


class Statement:
    """What calling a connection gives."""

    def __new__(cls) -> Statement:
        """Statements come from connections."""
        raise TypeError(f"cannot create '{cls.__module__}.{cls.__qualname__}' instances")


class _NotOpen:
    """Stands for the runtime of a connection whose `__init__` was not called."""

    def __getattr__(self, name: str) -> Any:
        raise ProgrammingError("Base Connection.__init__ not called.")


_NOT_OPEN: Any = _NotOpen()


class Connection(Registering, Framed, Hooked, Limited, Transacting, Imaged, arguments.NotPickled):
    """A connection to a database; see `connect`."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    InternalError = InternalError
    OperationalError = OperationalError
    ProgrammingError = ProgrammingError
    IntegrityError = IntegrityError
    DataError = DataError
    NotSupportedError = NotSupportedError

    _text_factory: Any = str

    def __new__(cls, *_args: Any, **_more: Any) -> Self:
        """A connection that cannot be used before `__init__`.

        What cursors read at every call is an attribute of the instance alone, which Python finds fastest.
        """
        made = super().__new__(cls)
        made._runtime = _NOT_OPEN
        made._thread = None
        made._trace_callback = None
        made._limits = UNLIMITED
        made._text = None
        made._reading = WeakSet()
        made.row_factory = None
        return made

    @soon_by_name
    def __init__(
        self,
        database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        timeout: float = 5.0,
        detect_types: int = 0,
        isolation_level: IsolationLevel | None = "",
        check_same_thread: bool = True,
        factory: object = None,
        cached_statements: int = 128,
        uri: bool = False,
        *,
        autocommit: bool | int = LEGACY_TRANSACTION_CONTROL,
        key: Key = None,
    ) -> None:
        """Open the database; `factory` is for `connect`. Called again, it closes the database that was open before.

        Errors: OperationalError when it cannot be opened; TypeError, ValueError for what is no key.
        """
        timeout_ms = _milliseconds(timeout)
        before, self._runtime = self._runtime, _NOT_OPEN
        if before is not _NOT_OPEN:
            before.close()
        self._thread: int | None = threading.get_ident() if arguments.integer(check_same_thread) else None
        self._trace_callback = None
        self._limits = UNLIMITED
        self._text: Callable[[bytes], Any] | None = None
        self._reading: WeakSet[Cursor] = WeakSet()  # that may have read ahead
        self.row_factory: Callable[[Cursor, tuple[Any, ...]], Any] | None = None
        self.detect_types = arguments.integer(detect_types)
        arguments.integer(cached_statements)
        self._isolation_level = checked_level(isolation_level)
        self._autocommit = LEGACY_TRANSACTION_CONTROL
        try:
            self._location = parse_location(database, uri)
            self._runtime = HostConnection(engine.host(), self._location, uri=uri, key=key)
        except SqlError as error:
            fail(error)
        self._runtime.busy_timeout_ms = timeout_ms
        self.autocommit = autocommit

    # --- statements ---------------------------------------------------------------------------------------------

    def cursor(self, factory: Callable[[Connection], Cursor] = Cursor) -> Cursor:
        """A new cursor."""
        self._check()
        made = factory(self)
        if not issubclass(type(made), Cursor):
            raise TypeError(f"factory must return a cursor, not {type(made).__name__}")
        if self.row_factory is not None:
            made.row_factory = self.row_factory
        return made

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """A new cursor on which the statement was executed."""
        made = Cursor(self) if type(self) is Connection else self.cursor()
        return made.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> Cursor:
        """A new cursor on which `executemany` was called."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Cursor:
        """A new cursor on which `executescript` was called."""
        return self.cursor().executescript(sql_script)

    def __call__(self, *args: str) -> Statement:
        """A statement that was prepared, and can do nothing by itself."""
        self._check()
        (sql,) = args
        arguments.sql_text(sql, "argument 1")
        self._prepare(sql)
        return object.__new__(Statement)

    def _query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement of our own. Errors: SqlError."""
        prepared = self._runtime.prepare(sql, is_ours=True)
        assert prepared is not None
        statement, rows = self._runtime.execute(prepared, values)
        found = list(rows or ())
        try:
            while not statement.finished:
                found += statement.step() or ()
        finally:
            self._runtime.release(statement)
        return found

    # --- state --------------------------------------------------------------------------------------------------

    @property
    def total_changes(self) -> int:
        """Rows inserted, updated and deleted since the connection was opened."""
        self._check_open()
        return self._runtime.counters()[1]

    @property
    def text_factory(self) -> Any:
        """What makes the Python value of a TEXT from its bytes; `str` by default."""
        return self._text_factory

    @text_factory.setter
    def text_factory(self, factory: Any) -> None:
        self._text_factory = factory
        self._text = None if factory is str else factory if callable(factory) else lambda raw: factory(raw)

    def interrupt(self) -> None:
        """Make the statements that are running (in other threads) fail with "interrupted"."""
        self._check_open()
        self._runtime.interrupt()

    def iterdump(self, *, filter: str | None = None) -> Iterator[str]:
        """The database as SQL statements; `filter`: a LIKE pattern for the names of what is dumped."""
        self._check()
        return dump_statements(self, filter)

    def changes(
        self, since: int | None = None, *, table: str | None = None, follow: bool = False, interval: float = 0.1
    ) -> Iterator[Change]:
        """Captured changes behind number `since` (None: from now on; 0: from the first), of a table of changes.

        table: None: the one this connection captures into, or turso_cdc. follow: go on with those that are committed
        later, by whomever, looking every `interval` seconds; else end with the last there is.
        Errors: OperationalError: no such table; `since` is no change yet, or those behind it are not kept any more.
        """
        self._check()
        return read_changes(ChangeReader(self, since, table), follow, interval)

    def blobopen(self, table: str, column: str, row: int, /, *, readonly: bool = False, name: str = "main") -> Blob:
        """The BLOB or TEXT in a column of the row with a rowid. Errors: OperationalError; OverflowError."""
        self._check()
        arguments.text(table, "blobopen() argument 1")
        arguments.text(column, "blobopen() argument 2")
        arguments.text(name, "blobopen() argument 'name'")
        if not isinstance(row, int):
            raise TypeError("expected 'int'")
        if not MIN_INTEGER <= row <= MAX_INTEGER:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return Blob.opened(self, table, column, row, bool(readonly), name)

    def rekey(self, key: Key, *, name: str = "main") -> None:
        """Encrypt a database with another key from now on, in one transaction; None: with none.

        Errors: OperationalError in a transaction, or while others use it; TypeError, ValueError for what is no key.
        """
        self._check()
        quoted = key_text(key).replace("'", "''")
        schema = quote_identifier(arguments.text(name, "rekey() argument 'name'"))
        self.execute(f"PRAGMA {schema}.rekey = '{quoted}'").close()

    def close(self) -> None:
        """Close; an open transaction is rolled back. Closing twice is fine.

        Errors: OperationalError in a function that one of its statements has called.
        """
        self._check_thread()
        if self._runtime.address and self._autocommit is False and self.in_transaction:
            self._run("ROLLBACK")
        try:
            self._runtime.close()
        except SqlError as error:
            fail(error)

    def __del__(self) -> None:
        runtime, self._runtime = self._runtime, _NOT_OPEN
        if runtime is not _NOT_OPEN and runtime.address:
            runtime.abandon()
            try:  # noqa: SIM105
                warn_of_leak(self)
            except TypeError:
                pass  # at the end of a process names of modules mean nothing any more, contextlib's neither

    # --- for cursors --------------------------------------------------------------------------------------------

    def _prepare(self, sql: str) -> Prepared | None:
        """One statement. Errors: ProgrammingError when there are more."""
        if self._limits is not UNLIMITED:
            self._check_sql(sql)
        try:
            prepared = self._runtime.prepare(sql)
            if self._limits is not UNLIMITED:
                self._check_calls(sql)
        except SqlError as error:
            if "\0" in sql:
                raise ProgrammingError("the query contains a null character") from None
            fail(error)
        if "\0" in sql:
            raise ProgrammingError("the query contains a null character")
        if prepared is not None and prepared.has_tail and sql[prepared.end :].strip() != "/*":
            raise ProgrammingError("You can only execute one statement at a time.")
        return prepared

    def _check(self) -> None:
        self._check_thread()
        self._check_open()

    def _check_open(self) -> None:
        if not self._runtime.address:
            raise ProgrammingError("Cannot operate on a closed database.")

    def _check_thread(self) -> None:
        if self._thread is not None and self._thread != threading.get_ident():
            raise ProgrammingError(
                "SQLite objects created in a thread can only be used in that same thread. "
                f"The object was created in thread id {self._thread} and this is thread id {threading.get_ident()}."
            )


def void(_: object) -> None:
    """Drop a value."""


def _milliseconds(timeout: float) -> int:
    seconds = arguments.real(timeout)
    return int(min(max(seconds, 0.0), 2_000_000.0) * 1000) if seconds == seconds else 0


if TYPE_CHECKING:

    def connect(
        database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        timeout: float = 5.0,
        detect_types: int = 0,
        isolation_level: IsolationLevel | None = "",
        check_same_thread: bool = True,
        factory: Callable[..., Connection] = Connection,
        cached_statements: int = 128,
        uri: bool = False,
        *,
        autocommit: bool | int = LEGACY_TRANSACTION_CONTROL,
        key: Key = None,
    ) -> Connection:
        """See below."""

else:

    def connect(*args, **more):
        """Open a database: a file, ":memory:", "" for a temporary one, or with `uri` a `file:` URI.

        timeout: seconds to wait while another connection holds a lock. `factory` is given all arguments as they are.
        key: of an encrypted database; a passphrase, or the key itself as 32 bytes. A new file is encrypted with it.
        The others are those of `sqlite3.connect`.
        """
        warn_of_positions("sqlite3.connect", args)
        factory = args[5] if len(args) > 5 else more.get("factory", Connection)
        return factory(*args, **more)
