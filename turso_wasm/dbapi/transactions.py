"""Transactions: how they are begun and ended, by PEP 249, by hand, and as the `sqlite3` module does it by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Self, TypeVar

from turso_wasm.base.errors import SqlError
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.errors import OperationalError, fail

if TYPE_CHECKING:
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.schema import Prepared

LEGACY_TRANSACTION_CONTROL = -1

IsolationLevel = Literal["", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"]
_LEVELS = ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE")


BUSY_SNAPSHOT = 517
ATTEMPTS = 20  # as in pages (web/batch.js)
LONGEST_PAUSE = 0.05  # seconds between two of them

P = ParamSpec("P")
R = TypeVar("R")


class Transacting:
    """Base of Connection."""

    _runtime: HostConnection
    _isolation_level: str | None
    _autocommit: bool | int

    def _check(self) -> None:
        raise NotImplementedError

    def _check_open(self) -> None:
        raise NotImplementedError

    def _trace(self, prepared: Prepared, values: Any, sql: str | None = None) -> None:
        raise NotImplementedError

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

    def concurrently(self, act: Callable[Concatenate[Self, P], R], /, *args: P.args, **more: P.kwargs) -> R:
        """Run `act(connection, …)` in BEGIN CONCURRENT, and commit; what it returned (docs/concurrent-writers.md).

        When somebody else has committed what it has read it runs again, up to 20 times, so it does nothing that a
        rollback does not undo. What it raises rolls back, and is raised.
        Errors: OperationalError inside a transaction, so always with autocommit=False; the last conflict.
        """
        attempt = 1
        while True:
            self._check()
            self._run("BEGIN CONCURRENT")
            try:
                result = act(self, *args, **more)
                self._run("COMMIT")
                return result
            except BaseException as error:
                if self.in_transaction:
                    self._run("ROLLBACK")
                code = getattr(error, "sqlite_errorcode", None)
                if not isinstance(error, OperationalError) or code != BUSY_SNAPSHOT or attempt == ATTEMPTS:
                    raise
            # Those that got into each other's way should not do so again.
            from random import uniform  # processes without conflicts do without it

            time.sleep(uniform(0, min(2**attempt / 1000, LONGEST_PAUSE)))
            attempt += 1

    def _begin_implicitly(self) -> None:
        """What the module does before an INSERT, UPDATE or DELETE when `isolation_level` is not None."""
        if (
            self._autocommit == LEGACY_TRANSACTION_CONTROL
            and self._isolation_level is not None
            and not self.in_transaction
        ):
            try:
                self._run(f"BEGIN {self._isolation_level}")
            except OperationalError:
                if not self.in_transaction:  # else another thread of this connection has begun it meanwhile
                    raise

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
        level = checked_level(level)
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

    def __enter__(self) -> Self:
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


def checked_level(level: object) -> str | None:
    """A value for `isolation_level`, in upper case. Errors: TypeError, ValueError."""
    if level is None:
        return None
    if not isinstance(level, str):
        raise TypeError("isolation_level must be str or None")
    arguments.text(level, "isolation_level")
    if str.upper(level) not in _LEVELS:
        raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
    return str.upper(level)
