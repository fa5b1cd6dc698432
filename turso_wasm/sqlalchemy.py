"""SQLAlchemy's dialects: `create_engine("turso+wasm:///file.db")`, `create_async_engine("turso+aio:///file.db")`.

They are SQLAlchemy's own for the standard library's `sqlite3` and for `aiosqlite`, over this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util.concurrency import await_only


class TursoDialect(SQLiteDialect_pysqlite):
    """See the module docstring."""

    driver = "wasm"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """The module of PEP 249."""
        return import_module("turso_wasm.dbapi2")


class AwaitedConnection(aiosqlite.AsyncAdapt_aiosqlite_connection):
    """A connection of `turso_wasm.aio` as SQLAlchemy wants it."""

    __slots__ = ()

    @property
    def isolation_level(self) -> str | None:
        """How transactions are begun implicitly."""
        level: str | None = self._connection.isolation_level
        return level

    @isolation_level.setter
    def isolation_level(self, value: str | None) -> None:
        try:
            await_only(self._connection.set_isolation_level(value))
        except Exception as error:
            self._handle_exception(error)

    def rollback(self) -> None:
        """Roll back, if it is open."""
        if self._connection.is_open:
            super(aiosqlite.AsyncAdapt_aiosqlite_connection, self).rollback()

    def commit(self) -> None:
        """Commit, if it is open."""
        if self._connection.is_open:
            super(aiosqlite.AsyncAdapt_aiosqlite_connection, self).commit()


class AwaitedModule(aiosqlite.AsyncAdapt_aiosqlite_dbapi):
    """`turso_wasm.aio` as SQLAlchemy wants it."""

    def connect(self, *args: Any, **more: Any) -> AwaitedConnection:
        """Open a database."""
        make = more.pop("async_creator_fn", self.aiosqlite.connect)
        return AwaitedConnection(self, await_only(make(*args, **more)))


class AsyncTursoDialect(aiosqlite.SQLiteDialect_aiosqlite):
    """See the module docstring."""

    driver = "aio"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """The module of PEP 249, awaited."""
        return AwaitedModule(import_module("turso_wasm.aio"), import_module("turso_wasm.dbapi2"))


dialect = TursoDialect
