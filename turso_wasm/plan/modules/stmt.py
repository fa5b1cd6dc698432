"""The provider of sqlite_stmt: rows that the host gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.statements import COLUMNS
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS: Final = 500.0


class StmtProvider:
    """All rows."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""

        def make(reverse: bool) -> GivenRows:
            source, n = request.planner.new_source(), len(COLUMNS)
            rows = nodes.UserRows(source=source, number=None, arguments=(), n_columns=n + 1)
            numbers = [*range(n), ROWID]
            return GivenRows(rows, {at: bound.ColumnRef(source=source, column=n if at < 0 else at) for at in numbers})

        return [Offer(ROWS, ROWS, (), make)]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()
