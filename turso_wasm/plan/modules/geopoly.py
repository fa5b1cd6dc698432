"""The provider of geopoly tables: polygons whose boxes overlap that of another, or lie within it.

Source: https://sqlite.org/geopoly.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from turso_wasm.bind import bound
from turso_wasm.catalog.modules.geopoly import OVERLAP, WITHIN
from turso_wasm.catalog.modules.rtree import RtreeOptions
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.modules.rtree import PER_ROW, ROWS, SELECTIVITY, TreeRows
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

SHAPE: Final = 0
LEAST_X, MOST_X, LEAST_Y, MOST_Y = range(4)
LIMITS: Final = {  # (coordinate of the entry, operator, side of the other polygon's box)
    OVERLAP: ((LEAST_X, "<=", MOST_X), (MOST_X, ">=", LEAST_X), (LEAST_Y, "<=", MOST_Y), (MOST_Y, ">=", LEAST_Y)),
    WITHIN: ((LEAST_X, ">=", LEAST_X), (MOST_X, "<=", MOST_X), (LEAST_Y, ">=", LEAST_Y), (MOST_Y, "<=", MOST_Y)),
}
NUMBERS: Final = {OVERLAP: 2, WITHIN: 3}


class GeopolyProvider:
    """Offers the row with a rowid, those whose boxes can satisfy a condition (which is tested again), or all."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        key = next((sarg for sarg in request.conditions if sarg.column == ROWID and sarg.op == "="), None)
        if key is not None:
            return [Offer(1.0, 10.0, (key,), lambda _: _rows(request, key.value, None), number=1, label="rowid")]
        near = next((sarg for sarg in request.conditions if sarg.op == "call" and sarg.column == SHAPE), None)
        if near is not None:
            rows = ROWS * SELECTIVITY**4
            number = NUMBERS[near.function]
            made = Offer(rows, rows * PER_ROW, (), lambda _: _rows(request, None, near), number=number, label="rtree")
            return [replace(made, tested=(near,))]
        return [Offer(ROWS, ROWS * PER_ROW, (), lambda _: _rows(request, None, None), number=4, label="fullscan")]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()


def _rows(request: Request, key: bound.Expr | None, near: Sarg | None) -> GivenRows:
    table = request.item.table
    assert table is not None and table.declared is not None
    options = table.declared.options
    assert isinstance(options, RtreeOptions)
    if near is None:
        return TreeRows(request, options, key, ()).given({}, SHAPE)
    sides = [
        bound.Call(name="geopoly_bound", args=(near.value, bound.Constant(value=side)), kernel="fn_geopoly_bound")
        for side in range(4)
    ]
    row, values = request.evaluated(sides)
    tree = TreeRows(request, options, None, [(at, op, values[side]) for at, op, side in LIMITS[near.function]])
    given = tree.given({}, SHAPE)
    return GivenRows(nodes.NestedLoop(left=row, right=given.child), given.columns)
