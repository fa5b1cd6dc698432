"""The connection and the cursor for asyncio, with the names of `aiosqlite`.

    async with turso_wasm.aio.connect("app.db") as db:
        await db.execute("CREATE TABLE IF NOT EXISTS t(a)")
        async with db.execute("SELECT a FROM t") as cursor:
            async for row in cursor: …

Each connection has a thread of its own, in which everything of it happens in order; the loop goes on meanwhile. Where
there are no threads (Pyodide), it happens at once. Cancelling what waits for a statement interrupts the statement.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from turso_wasm import dbapi
from turso_wasm.dbapi import (
    DatabaseError,
    Error,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Row,
    Warning,
    paramstyle,
    register_adapter,
    register_converter,
    sqlite_version,
    sqlite_version_info,
)

__all__ = [
    "Connection",
    "Cursor",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Row",
    "Warning",
    "connect",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
]

T = TypeVar("T")
C = TypeVar("C", bound="Connection | Cursor")

_HAS_THREADS = sys.platform != "emscripten"


class Opening(Generic[C]):
    """What will be a connection or a cursor: to be awaited, or entered with `async with`, which closes it."""

    def __init__(self, made: Awaitable[C]) -> None:
        self._awaited = made
        self._made: C | None = None

    def __await__(self) -> Generator[Any, None, C]:
        return self._awaited.__await__()

    async def __aenter__(self) -> C:
        self._made = await self._awaited
        return self._made

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            await self._made.close()


class Cursor:
    """A cursor of `turso_wasm`, awaited. Errors: as there."""

    def __init__(self, connection: Connection, cursor: dbapi.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor

    async def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Execute a statement."""
        await self._connection._run(self._cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        """Execute a statement for each set of parameters."""
        await self._connection._run(self._cursor.executemany, sql, parameters)
        return self

    async def executescript(self, sql_script: str) -> Cursor:
        """Execute all statements of a script."""
        await self._connection._run(self._cursor.executescript, sql_script)
        return self

    async def fetchone(self) -> Any:
        """The next row, or None."""
        return await self._connection._run(self._cursor.fetchone)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Up to `size` rows (default: arraysize)."""
        return await self._connection._run(self._cursor.fetchmany, size)

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return await self._connection._run(self._cursor.fetchall)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while rows := await self._connection._run(self._cursor.fetchmany, self._connection.iter_chunk_size):
            for row in rows:
                yield row

    async def close(self) -> None:
        """Give up the statement."""
        await self._connection._run(self._cursor.close)

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def rowcount(self) -> int:
        """As Cursor.rowcount."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """As Cursor.lastrowid."""
        return self._cursor.lastrowid

    @property
    def description(self) -> Any:
        """As Cursor.description."""
        return self._cursor.description

    @property
    def connection(self) -> dbapi.Connection:
        """The connection of `turso_wasm`."""
        return self._cursor.connection

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` gives."""
        return self._cursor.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        self._cursor.arraysize = size

    @property
    def row_factory(self) -> Any:
        """What makes of a row's values what is fetched."""
        return self._cursor.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._cursor.row_factory = factory


class Connection:
    """A connection of `turso_wasm`, awaited. Made by `connect`. Errors: as there."""

    def __init__(self, iter_chunk_size: int) -> None:
        self.iter_chunk_size = iter_chunk_size
        self._executor = ThreadPoolExecutor(1, "turso_wasm") if _HAS_THREADS else None
        self._inner: dbapi.Connection | None = None

    async def _open(self, connector: Callable[[], dbapi.Connection]) -> Connection:
        try:
            self._inner = await self._run(connector)
        except BaseException:
            self._end()
            raise
        return self

    @property
    def _connection(self) -> dbapi.Connection:
        if self._inner is None:
            raise dbapi.ProgrammingError("Cannot operate on a closed database.")
        return self._inner

    async def changes(
        self, since: int | None = None, *, table: str | None = None, follow: bool = True, interval: float = 0.1
    ) -> AsyncIterator[dbapi.Change]:
        """As Connection.changes of `turso_wasm`; unless `follow` is False it goes on with what is committed later."""
        reader = await self._run(lambda: dbapi.ChangeReader(self._connection, since, table))
        while True:
            found = await self._run(reader.batch)
            for change in found:
                yield change
            if not found:
                if not follow:
                    return
                await asyncio.sleep(interval)

    async def _run(self, function: Callable[..., T], *args: Any, **more: Any) -> T:
        """Call it in the connection's thread."""
        if self._executor is None:
            return function(*args, **more)
        work = asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *args, **more))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._interrupted(work)
            raise

    async def _interrupted(self, work: asyncio.Future[Any]) -> None:
        """Nobody wants it any more: stop it, and let it end before anything else begins."""
        if self._inner is not None:
            with suppress(dbapi.Error):
                self._inner.interrupt()
        with suppress(dbapi.Error, asyncio.CancelledError):
            await work

    def _end(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    # --- statements ---------------------------------------------------------------------------------------------

    def cursor(self) -> Opening[Cursor]:
        """A new cursor."""
        return Opening(self._cursor(self._connection.cursor))

    def execute(self, sql: str, parameters: Any = ()) -> Opening[Cursor]:
        """A new cursor on which the statement was executed."""
        return Opening(self._cursor(self._connection.execute, sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Opening[Cursor]:
        """A new cursor on which `executemany` was called."""
        return Opening(self._cursor(self._connection.executemany, sql, parameters))

    def executescript(self, sql_script: str) -> Opening[Cursor]:
        """A new cursor on which `executescript` was called."""
        return Opening(self._cursor(self._connection.executescript, sql_script))

    async def _cursor(self, make: Callable[..., dbapi.Cursor], *args: Any) -> Cursor:
        return Cursor(self, await self._run(make, *args))

    async def execute_insert(self, sql: str, parameters: Any = ()) -> tuple[int] | None:
        """Execute an INSERT; the rowid of the row, in a tuple."""
        connection = self._connection

        def insert() -> Any:
            connection.execute(sql, parameters)
            return connection.execute("SELECT last_insert_rowid()").fetchone()

        return await self._run(insert)

    async def execute_fetchall(self, sql: str, parameters: Any = ()) -> list[Any]:
        """All rows of a statement."""
        connection = self._connection
        return await self._run(lambda: connection.execute(sql, parameters).fetchall())

    async def commit(self) -> None:
        """Commit what is open."""
        await self._run(self._connection.commit)

    async def rollback(self) -> None:
        """Roll back what is open."""
        await self._run(self._connection.rollback)

    async def interrupt(self) -> None:
        """Make what runs fail with "interrupted"."""
        self._connection.interrupt()

    async def close(self) -> None:
        """Close; an open transaction is rolled back. Closing twice is fine."""
        if self._inner is not None:
            await self._run(self._inner.close)
            self._inner = None
            self._end()

    def stop(self) -> None:
        """Interrupt what runs and close, without waiting for that. `close` is better."""
        if self._inner is None:
            return
        inner, self._inner = self._inner, None
        inner.interrupt()
        if self._executor is None:
            inner.close()
        else:
            self._executor.submit(inner.close)
        self._end()

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- the rest -----------------------------------------------------------------------------------------------

    async def create_function(
        self, name: str, num_params: int, func: Callable[..., Any] | None, deterministic: bool = False
    ) -> None:
        """As Connection.create_function; it is called in the connection's thread."""
        await self._run(self._connection.create_function, name, num_params, func, deterministic=deterministic)

    async def set_trace_callback(self, handler: Callable[[str], object] | None) -> None:
        """As Connection.set_trace_callback."""
        await self._run(self._connection.set_trace_callback, handler)

    async def set_progress_handler(self, handler: Callable[[], object] | None, n: int) -> None:
        """As Connection.set_progress_handler."""
        await self._run(self._connection.set_progress_handler, handler, n)

    async def set_authorizer(self, authorizer_callback: Callable[..., int] | None) -> None:
        """As Connection.set_authorizer."""
        await self._run(self._connection.set_authorizer, authorizer_callback)

    async def backup(self, target: Connection | dbapi.Connection, **more: Any) -> None:
        """As Connection.backup."""
        to = target._connection if isinstance(target, Connection) else target
        await self._run(self._connection.backup, to, **more)

    async def iterdump(self) -> AsyncIterator[str]:
        """As Connection.iterdump."""
        for line in await self._run(lambda: list(self._connection.iterdump())):
            yield line

    @property
    def is_open(self) -> bool:
        """False once it was closed."""
        return self._inner is not None

    @property
    def in_transaction(self) -> bool:
        """True while a transaction is open."""
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened."""
        return self._connection.total_changes

    @property
    def isolation_level(self) -> str | None:
        """How transactions are begun implicitly. Setting it waits for the statement that runs; see
        `set_isolation_level`.
        """
        return self._connection.isolation_level

    @isolation_level.setter
    def isolation_level(self, level: Any) -> None:
        setting = partial(setattr, self._connection, "isolation_level", level)
        if self._executor is None:
            setting()
        else:
            self._executor.submit(setting).result()

    async def set_isolation_level(self, level: Any) -> None:
        """Set `isolation_level`."""
        await self._run(setattr, self._connection, "isolation_level", level)

    @property
    def row_factory(self) -> Any:
        """What makes of a row's values what is fetched."""
        return self._connection.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._connection.row_factory = factory

    @property
    def text_factory(self) -> Any:
        """What makes the Python value of a TEXT from its bytes."""
        return self._connection.text_factory

    @text_factory.setter
    def text_factory(self, factory: Any) -> None:
        self._connection.text_factory = factory


def connect(database: Any, *, iter_chunk_size: int = 64, **more: Any) -> Opening[Connection]:
    """Open a database. iter_chunk_size: rows that `async for` fetches at once. Others: as `turso_wasm.connect`."""
    return Opening(Connection(iter_chunk_size)._open(partial(dbapi.connect, database, **more)))
