"""The terms of a full-text table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.modules.fts5vocab import COLUMNS, VocabularyOptions
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.providers import GivenRows, Offer, Request

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS: Final = 10000.0


class Fts5VocabProvider:
    """All rows, by term."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        return [Offer(ROWS, ROWS, (), lambda _: _rows(request))]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """See PlannedModule."""
        return ()


def _rows(request: Request) -> GivenRows:
    table = request.item.table
    assert table is not None and table.declared is not None and isinstance(table.declared.options, VocabularyOptions)
    options = table.declared.options
    binder = request.planner.binder
    schema = options.schema or table.schema
    owner = binder.catalogs.find_table(options.table, schema)
    if owner is None or owner.declared is None or not isinstance(owner.declared.options, Fts5Options):
        raise SqlError(SQLITE_ERROR, f"no such fts5 table: {schema}.{options.table}")
    source = request.planner.new_source()
    child = nodes.FtsTerms(source=source, table=owner, shadows=shadows(binder, owner), kind=options.kind)
    # A row of a term has the columns of a row of a term in a column, but for the column.
    numbers = [at for at, name in enumerate(COLUMNS["col"]) if name != "col"] if options.kind == "row" else range(4)
    return GivenRows(child, {at: bound.ColumnRef(source=source, column=number) for at, number in enumerate(numbers)})
