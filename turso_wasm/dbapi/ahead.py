"""Rows that a cursor has read ahead of its caller, when a statement of its connection will change their tables.

A query is run again as far as its caller has come (docs/decisions/0064); from there on it reads row by row, and shows
what SQLite shows where it has the same plan.
"""

from __future__ import annotations

from operator import length_hint
from typing import TYPE_CHECKING, cast

from turso_wasm.base.errors import SqlError
from turso_wasm.runtime.rows import UndecodableText

if TYPE_CHECKING:
    from turso_wasm.codegen.program import Program
    from turso_wasm.dbapi.connection import Connection
    from turso_wasm.dbapi.cursor import Cursor
    from turso_wasm.runtime.statement import Rows


def give_up_rows(connection: Connection, program: Program) -> None:
    """Have the cursors that read tables which `program` changes hold no row that was not asked for."""
    changed = set(program.changes)
    for cursor in list(connection._reading):
        left = length_hint(cursor._rows)
        if not left and cursor._statement is None:
            connection._reading.discard(cursor)
        elif left and cursor._query is not None and not changed.isdisjoint(cursor._query[0].program.reads):
            _read_again(cursor, left)


def _read_again(cursor: Cursor, left: int) -> None:
    """Let a run take the place of the cursor's that stands where its caller is. left: the rows read ahead.

    They stay if the run gives other rows, or fails: random(), what another connection has committed meanwhile.
    """
    connection, ahead = cursor._connection, cursor._rows
    assert cursor._query is not None
    prepared, values = cursor._query
    given = cursor._n_read - left
    n = max(given, 1)  # as SQLite, on the first row before anybody asks for it
    runtime = connection._runtime
    with runtime.host.lock:
        statement = runtime.acquire(prepared)
        try:
            rows = statement.run_to(n, values, prepared.literals, connection._text)
        except (SqlError, UndecodableText):
            rows = []
        _, (batch,), at = cast("tuple[object, tuple[Rows], int]", ahead.__reduce__())
        past = batch[:at] if given else batch[:1]
        if len(rows) < n or rows[n - len(past) :] != past:
            runtime.release(statement)
            return
        if cursor._statement is not None:
            runtime.release(cursor._statement)
    cursor._statement, cursor._n_read = statement, n
    cursor._rows = iter([] if given else past)
    for _ in ahead:  # a loop over it goes on with the new ones
        pass
