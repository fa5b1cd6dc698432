"""What keeps a blob open: a statement that stays on the blob's row, so that the kernel knows of it.

As long as there is a handle its connection reads: no table can be dropped; one that may write keeps transactions from
being committed. It ends with a write of its row, or with a rollback (kernel/btree/cursor/save.py W3,
kernel/session/connection.py `handles_trip`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from turso_wasm.base.errors import SQLITE_ABORT, SQLITE_ABORT_ROLLBACK, SQLITE_SCHEMA, SqlError
from turso_wasm.kernel.abi import (
    STATEMENT_EXPIRED,
    STATEMENT_HANDLE,
    STATEMENT_HANDLE_WRITES,
    STATEMENT_TRIPPED,
)
from turso_wasm.runtime import layout
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.preparing import MAX_RETRIES
from turso_wasm.runtime.schema import Prepared
from turso_wasm.runtime.statement import HostStatement


class BlobHandle:
    """See the module docstring."""

    def __init__(self, connection: HostConnection, sql: str, row: int, *, writes: bool) -> None:
        """sql: gives the rowids from its only parameter on. Errors: SqlError."""
        self._connection = connection
        with connection.host.lock:
            self._statement: HostStatement | None = _on_row(connection, sql, row)
            if self._statement is not None:
                kind = STATEMENT_HANDLE | (STATEMENT_HANDLE_WRITES if writes else 0)
                at = self._statement.address + layout.FLAGS_AT
                connection.host.pack(layout.U32, at, connection.host.unpack(layout.U32, at)[0] | kind)

    @property
    def is_open(self) -> bool:
        """Whether its row was there, and it has neither expired nor been closed."""
        return self._statement is not None

    def check(self) -> None:
        """Errors: SQLITE_ABORT_ROLLBACK after a rollback; SQLITE_ABORT, once, when its row was written."""
        statement = self._statement
        if statement is None:
            return
        host = self._connection.host
        with host.lock:
            (flags,) = host.unpack(layout.U32, statement.address + layout.FLAGS_AT)
        if flags & STATEMENT_TRIPPED:
            raise SqlError(SQLITE_ABORT_ROLLBACK, "abort due to ROLLBACK")
        if flags & STATEMENT_EXPIRED:
            self.close()
            raise SqlError(SQLITE_ABORT, "query aborted")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Meanwhile rows are written for a blob, for which no handle expires."""
        host, at = self._connection.host, self._connection.address + layout.IN_BLOB_AT
        with host.lock:
            host.pack(layout.I32, at, 1)
        try:
            yield
        finally:
            with host.lock:
                if self._connection.address:
                    host.pack(layout.I32, at, 0)

    def close(self) -> None:
        """Give it up; closing twice is fine."""
        statement, self._statement = self._statement, None
        if statement is not None and self._connection.address:
            self._connection.release(statement)

    def __del__(self) -> None:
        statement = self.__dict__.get("_statement")
        if statement is not None:
            self._connection.drop(statement)


def _on_row(connection: HostConnection, sql: str, row: int) -> HostStatement | None:
    """A statement that has given this row, and stays there; None: there is none."""
    for attempt in range(MAX_RETRIES):
        prepared = connection.prepare(sql, is_ours=True)
        assert prepared is not None
        try:
            return _stay(connection, prepared, row)
        except SqlError as error:
            if error.code != SQLITE_SCHEMA or attempt == MAX_RETRIES - 1:
                raise
        connection.prepare_again(prepared)
    raise AssertionError("unreachable")


def _stay(connection: HostConnection, prepared: Prepared, row: int) -> HostStatement | None:
    connection.wait_turn()
    statement = connection.acquire(prepared)
    try:
        statement.bind((row,), prepared.literals)
        if statement.first() == (row,):
            return statement
    except BaseException:
        connection.release(statement)
        raise
    connection.release(statement)
    return None
