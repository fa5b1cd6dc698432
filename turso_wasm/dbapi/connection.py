"""Connections: transactions, settings and shortcuts, with the semantics and messages of the `sqlite3` module."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_LOCKED, SqlError
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.blob import Blob
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
from turso_wasm.dbapi.limits import UNLIMITED, Limited
from turso_wasm.runtime import engine
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.image import read_image, replace_by_memory, write_image
from turso_wasm.runtime.parameters import MAX_INTEGER, MIN_INTEGER
from turso_wasm.runtime.schema import Prepared
from turso_wasm.runtime.uri import parse_location

LEGACY_TRANSACTION_CONTROL = -1

IsolationLevel = Literal["", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"]
_LEVELS = ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE")


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


class Connection(Registering, Framed, Hooked, Limited, arguments.NotPickled):
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
    ) -> None:
        """Open the database; `factory` is for `connect`. Called again, it closes the database that was open before.

        Errors: OperationalError when it cannot be opened.
        """
        timeout_ms = _milliseconds(timeout)
        before, self._runtime = self._runtime, _NOT_OPEN
        if before is not _NOT_OPEN:
            before.close()
        self._thread: int | None = threading.get_ident() if arguments.integer(check_same_thread) else None
        self._trace_callback = None
        self._limits = UNLIMITED
        self._text: Callable[[bytes], Any] | None = None
        self.row_factory: Callable[[Cursor, tuple[Any, ...]], Any] | None = None
        self.detect_types = arguments.integer(detect_types)
        arguments.integer(cached_statements)
        self._isolation_level: str | None = None
        self._autocommit: bool | int = LEGACY_TRANSACTION_CONTROL
        self.isolation_level = isolation_level
        try:
            self._location = parse_location(database, uri)
            self._runtime = HostConnection(engine.host(), self._location, uri=uri)
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

    # --- transactions -------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Commit what is open. With autocommit=False a new transaction begins at once."""
        self._check()
        if self._autocommit is True:
            return
        if self.in_transaction:
            self._run("COMMIT")
        if self._autocommit is False:
            self._run("BEGIN")

    def rollback(self) -> None:
        """Roll back what is open. With autocommit=False a new transaction begins at once."""
        self._check()
        if self._autocommit is True:
            return
        if self.in_transaction:
            self._run("ROLLBACK")
        if self._autocommit is False:
            self._run("BEGIN")

    def _begin_implicitly(self) -> None:
        """What the module does before an INSERT, UPDATE or DELETE when `isolation_level` is not None."""
        if (
            self._autocommit == LEGACY_TRANSACTION_CONTROL
            and self._isolation_level is not None
            and not self.in_transaction
        ):
            self._run(f"BEGIN {self._isolation_level}")

    def _commit_implicitly(self) -> None:
        """What the module does before a script."""
        if self._autocommit == LEGACY_TRANSACTION_CONTROL and self.in_transaction:
            self._run("COMMIT")

    def _run(self, sql: str) -> None:
        """A statement of our own that returns nothing."""
        try:
            prepared = self._runtime.prepare(sql)
            assert prepared is not None
            self._trace(prepared, (), sql)
            statement, _ = self._runtime.execute(prepared)
            self._runtime.release(statement)
        except SqlError as error:
            fail(error)

    @property
    def in_transaction(self) -> bool:
        """True while a transaction is open."""
        self._check_open()
        return self._runtime.in_transaction

    @property
    def isolation_level(self) -> str | None:
        """How transactions are begun implicitly (legacy control): "", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"; None:
        never.
        """
        self._check_open()
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        if level is not None:
            if not isinstance(level, str):
                raise TypeError("isolation_level must be str or None")
            arguments.text(level, "isolation_level")
            level = str.upper(level)
            if level not in _LEVELS:
                raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
        if self._runtime is _NOT_OPEN:
            self._isolation_level = level
            return
        self._check()
        if level is None and self.in_transaction:
            self._commit_implicitly()
        self._isolation_level = level

    @property
    def autocommit(self) -> bool | int:
        """True: SQLite's autocommit; False: a transaction is always open (PEP 249); LEGACY_TRANSACTION_CONTROL."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool | int) -> None:
        if value is not True and value is not False and value != LEGACY_TRANSACTION_CONTROL:
            raise ValueError("autocommit must be True, False, or sqlite3.LEGACY_TRANSACTION_CONTROL")
        self._check()
        if value is True and self.in_transaction:
            self._run("COMMIT")
        elif value is False and not self.in_transaction:
            self._run("BEGIN")
        self._autocommit = value

    def __enter__(self) -> Connection:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self._check()
        if self._autocommit is True or (self._autocommit == LEGACY_TRANSACTION_CONTROL and not self.in_transaction):
            return False
        if kind is None:
            try:
                self.commit()
            except BaseException:
                self.rollback()
                raise
        else:
            self.rollback()
        return False

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

    # --- whole databases ----------------------------------------------------------------------------------------

    def serialize(self, *, name: str = "main") -> bytes:
        """A database as the bytes of a database file. Errors: OperationalError when there is none of that name."""
        self._check()
        slot = self._slot_of(name, "serialize", "unable to serialize '{}'")
        try:
            return read_image(self._runtime, slot)
        except SqlError as error:
            fail(error)

    def deserialize(self, data: bytes | bytearray | memoryview, /, *, name: str = "main") -> None:
        """Disconnect from the database and go on with one in memory that has the content `data`.

        Errors: OperationalError inside a transaction or while statements run; DatabaseError when `data` is no database.
        """
        self._check()
        if self._slot_of(name, "deserialize"):
            raise NotSupportedError(f"deserialize() into '{name}': only the main database can be replaced")
        try:
            with memoryview(data) as view:
                if not view.c_contiguous:
                    raise BufferError("memoryview: underlying buffer is not C-contiguous")
                image = view.tobytes()
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'") from None
        try:
            replace_by_memory(self._runtime, image)
        except SqlError as error:
            fail(error)

    def backup(
        self,
        target: Connection,
        *,
        pages: int = -1,
        progress: Callable[[int, int, int], object] | None = None,
        name: str = "main",
        sleep: float = 0.25,
    ) -> None:
        """Copy a database into `target`, `pages` at a time (all at once below 1), which commits them together.

        progress(status, pages left, pages in all) is called after each step, with status 0 and in the end 101. When the
        database has changed between steps, the copy begins anew. sleep: seconds to wait while the database is locked.
        """
        self._check()
        if not isinstance(target, Connection):
            raise arguments.wrong_type("backup() argument 'target'", "turso_wasm.Connection", target)
        if target is self:
            raise ValueError("target cannot be the same connection instance")
        step, delay = arguments.integer(pages), arguments.real(sleep)
        if progress is not None and not callable(progress):
            raise TypeError("progress argument must be a callable")
        target._check()
        is_empty = name.lower() == "temp" and self._runtime.slot_of("temp") is None if isinstance(name, str) else False
        slot = None if is_empty else self._slot_of(name, "backup")
        if target.in_transaction:
            raise OperationalError("target is in transaction")
        try:
            image = b"" if slot is None else self._image(slot, delay)
            total = _page_count(image)
            done = step if step > 0 else total
            while progress is not None and done < total:
                progress(0, total - done, total)
                self._check()
                target._check()
                again = b"" if slot is None else self._image(slot, delay)
                if again != image:
                    image, total, done = again, _page_count(again), 0
                done += step
            if image:
                write_image(target._runtime, image, None)
        except SqlError as error:
            fail(error)
        if progress is not None:
            progress(101, 0, total)

    def _image(self, slot: int, delay: float) -> bytes:
        """The pages of a database, as soon as nobody writes. Errors: SqlError."""
        while True:
            try:
                return read_image(self._runtime, slot)
            except SqlError as error:
                if error.primary_code not in (SQLITE_BUSY, SQLITE_LOCKED):
                    raise
            time.sleep(delay)

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

    def _slot_of(self, name: str, function: str, unknown: str = "unknown database {}") -> int:
        slot = self._runtime.slot_of(arguments.text(name, f"{function}() argument 'name'"))
        if slot is None:
            raise OperationalError(unknown.format(name))
        return slot

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
            warn_of_leak(self)

    # --- for cursors --------------------------------------------------------------------------------------------

    def _prepare(self, sql: str) -> Prepared | None:
        """One statement. Errors: ProgrammingError when there are more."""
        if self._limits is not UNLIMITED:
            self._check_sql(sql)
        try:
            prepared = self._runtime.prepare(sql)
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


def _page_count(image: bytes) -> int:
    """The pages of a database's image."""
    size = int.from_bytes(image[16:18], "big")
    return len(image) // (65536 if size == 1 else size) if image else 0


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
    ) -> Connection:
        """See below."""

else:

    def connect(*args, **more):
        """Open a database: a file, ":memory:", "" for a temporary one, or with `uri` a `file:` URI.

        timeout: seconds to wait while another connection holds a lock. `factory` is given all arguments as they are.
        The others are those of `sqlite3.connect`.
        """
        warn_of_positions("sqlite3.connect", args)
        factory = args[5] if len(args) > 5 else more.get("factory", Connection)
        return factory(*args, **more)
