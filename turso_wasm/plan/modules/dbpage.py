"""The provider of sqlite_dbpage: page numbers are a series, and a page is a function of its number.

Source: https://sqlite.org/dbpage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

PGNO, DATA, SCHEMA = range(3)
ONE: Final = bound.Constant(value=1)
PAGES: Final = 1000.0


class DbpageProvider:
    """One page or all, in order, of the database that a constant names. Conditions are tested again."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule. Errors: "not supported yet" for the name of a database that is no constant."""
        number = _find(request, PGNO)
        rows = PAGES if number is None else 1.0
        order = (OrderColumn(PGNO),)
        index = (number is not None) + 2 * (_find(request, SCHEMA) is not None)
        return [Offer(rows, rows * 4, (), lambda reverse: _rows(request, number, reverse), order, index)]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None. Which database a row is of shows only when it is written: all are."""
        catalogs = planner.binder.catalogs.slots
        planner.binder.written.update(each.slot for each in catalogs if each is not None and each.is_there)
        return ()


def _find(request: Request, column: int) -> Sarg | None:
    return next((sarg for sarg in request.conditions if sarg.column == column and sarg.op == "="), None)


def _database(request: Request) -> Catalog | None:
    binder, schema = request.planner.binder, _find(request, SCHEMA)
    if schema is None:
        return binder.catalogs.main()
    if not isinstance(schema.value, bound.Constant):
        raise SqlError(SQLITE_ERROR, "not supported yet: sqlite_dbpage of a database whose name is computed")
    binder.pin(schema.value)
    return binder.catalogs.find(schema.value.value) if isinstance(schema.value.value, str) else None


def _rows(request: Request, number: Sarg | None, reverse: bool) -> GivenRows:
    planner, catalog = request.planner, _database(request)
    if catalog is None:
        return GivenRows(nodes.Filter(child=nodes.OneRow(), predicate=bound.Constant(value=0)), {})
    planner.binder.slots.add(catalog.slot)
    slot = bound.Constant(value=catalog.slot)
    count = bound.Call(name="database_pages", args=(slot,), kernel="fn_database_pages", deterministic=False)
    wanted = () if number is None else (bound.ApplyAffinity(operand=number.value, affinity="D"),)
    row, values = request.evaluated((count, *wanted))
    source = planner.new_source()
    limit = values[1] if wanted else None
    series = nodes.Series(
        source=source,
        start=ONE,
        stop=values[0],
        step=ONE,
        lower=limit,
        upper=limit,
        direction="descending" if reverse else "ascending",
    )
    page = bound.ColumnRef(source=source, column=0)
    data = bound.Call(name="database_page", args=(slot, page), kernel="fn_database_page", deterministic=False)
    columns: dict[int, bound.Expr] = {PGNO: page, ROWID: page, DATA: data, SCHEMA: bound.Constant(value=catalog.name)}
    return GivenRows(nodes.NestedLoop(left=row, right=series), columns)
