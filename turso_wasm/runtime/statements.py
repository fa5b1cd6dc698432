"""The statements of a connection, as sqlite_stmt shows them: those that run, and those that are kept to run again.

Source: https://sqlite.org/stmt.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from turso_wasm.catalog.statements import COLUMNS
from turso_wasm.runtime import layout
from turso_wasm.runtime.userrows import RowsCode

if TYPE_CHECKING:
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.statement import HostStatement


def statements_of(connection: HostConnection) -> RowsCode:
    """What gives the rows, newest first."""
    alive = ref(connection)

    def rows() -> Iterator[tuple[Any, ...]]:
        owner = alive()
        assert owner is not None, "who runs a statement has its connection"
        shown = sorted((each for each in owner.statements() if each.text), key=lambda each: -each.number)
        return ((*_row(each), number) for number, each in enumerate(shown, 1))

    return RowsCode(rows, (*COLUMNS, "rowid"))


def _row(statement: HostStatement) -> tuple[Any, ...]:
    host, program = statement.host, statement.program
    runs, sorts, indexed = host.unpack(layout.FIGURES, statement.address + layout.FIGURES_AT)
    memory = host.function("statement_memory")(statement.address) + len(program.wasm)
    counted = (None, sorts, indexed, None, statement.prepared_again, runs)
    told = (len(program.columns), int(program.readonly), int(statement.stepped and not statement.finished))
    return (statement.text, *told, *counted, memory)
