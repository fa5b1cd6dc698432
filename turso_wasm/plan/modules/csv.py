"""The provider of csv tables: their rows, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.bind import bound
from turso_wasm.catalog.modules.csv import CsvOptions
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS: Final = 1000.0


class CsvProvider:
    """One offer: all rows."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        return [Offer(ROWS, ROWS * 2, (), lambda _: _rows(request))]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()


def _rows(request: Request) -> GivenRows:
    table = request.item.table
    assert table is not None and table.declared is not None
    options = table.declared.options
    assert isinstance(options, CsvOptions)
    source = request.planner.new_source()
    rows = nodes.CsvRows(
        source=source,
        text=options.source,
        is_file=options.is_file,
        has_header=options.has_header,
        n_columns=len(table.columns),
    )
    return GivenRows(
        rows, {at: bound.ColumnRef(source=source, column=at) for at in (ROWID, *range(len(table.columns)))}
    )
