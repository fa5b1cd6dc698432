"""The provider of R*Trees: a search by conditions on coordinates, or by rowid.

Source: https://sqlite.org/rtree.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from turso_wasm.bind import bound
from turso_wasm.bind.purity import failing
from turso_wasm.bind.scope import column_ref, table_item
from turso_wasm.catalog.modules.rtree import RtreeOptions
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import in_rows
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.paths import in_values
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

OPERATORS: Final = {"=": "A", "<=": "B", "<": "C", ">=": "D", ">": "E"}
"""The conditions on coordinates, with the letters that EXPLAIN QUERY PLAN shows."""

ROWS: Final = 100_000.0  # what is assumed of a tree
SELECTIVITY: Final = 0.3  # of a condition on a coordinate
PER_ROW: Final = 1.5


class RtreeProvider:
    """Offers a search by the conditions there are, or by rowid."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        table = request.item.table
        assert table is not None and table.declared is not None
        options = table.declared.options
        assert isinstance(options, RtreeOptions)
        match = [sarg for sarg in request.conditions if sarg.op == "call"]
        if match:  # there are no geometries
            return [Offer(1.0, 1.0, tuple(match), lambda _: _no_geometry(request), number=2)]
        key = next((sarg for sarg in request.conditions if sarg.column in (ROWID, 0) and sarg.op == "="), None)
        if key is not None:
            return [Offer(1.0, 10.0, (key,), lambda _: _rows(request, options, key.value, ()), number=1)]
        listed = next((sarg for sarg in request.conditions if sarg.column in (ROWID, 0) and sarg.op == "in"), None)
        found = []
        if listed is not None:
            n = in_rows(listed)
            found = [Offer(n, n * 10, (listed,), lambda _: _listed_rows(request, options, listed), number=1)]
        limits = [
            sarg
            for sarg in request.conditions
            if 0 < sarg.column <= options.n_coords and sarg.op in OPERATORS and sarg.collation == "BINARY"
        ]
        rows = (table.row_estimate or ROWS) * SELECTIVITY ** len(limits)
        label = "".join(f"{OPERATORS[sarg.op]}{sarg.column - 1}" for sarg in limits)
        cost = rows * PER_ROW + 10.0
        return [
            *found,
            Offer(
                rows,
                cost,
                tuple(limits),
                lambda _: _rows(request, options, None, [(s.column - 1, s.op, _applied(s)) for s in limits]),
                number=2,
                label=label,
            ),
        ]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()


def _no_geometry(request: Request) -> GivenRows:
    return GivenRows(nodes.Filter(child=nodes.OneRow(), predicate=failing("SQL logic error")), {})


def _rows(
    request: Request, options: RtreeOptions, key: bound.Expr | None, limits: Sequence[tuple[int, str, bound.Expr]]
) -> GivenRows:
    """The entries: rowid, coordinates, then the auxiliary columns."""
    tree = TreeRows(request, options, key, limits)
    columns = {0: tree.rowid} | {at + 1: tree.coord(at) for at in range(options.n_coords)}
    return tree.given(columns, options.n_coords + 1)


def _listed_rows(request: Request, options: RtreeOptions, listed: Sarg) -> GivenRows:
    """The entries whose rowids are in a list or a subquery: each value of it is looked up, once."""
    keys, value = in_values(request.planner, listed, False)
    given = _rows(request, options, value, ())
    return GivenRows(nodes.NestedLoop(left=keys, right=given.child), given.columns)


class TreeRows:
    """The entries of a tree that satisfy conditions (coordinate, operator, value), or the one with the rowid `key`."""

    def __init__(
        self,
        request: Request,
        options: RtreeOptions,
        key: bound.Expr | None,
        limits: Sequence[tuple[int, str, bound.Expr]],
    ) -> None:
        assert request.item.table is not None
        self.request, self.options = request, options
        self.shadows = shadows(request.planner.binder, request.item.table)
        self.source = request.planner.new_source()
        self.plan: nodes.Plan = nodes.RtreeRows(
            source=self.source,
            shadows=self.shadows,
            n_coords=options.n_coords,
            is_int=options.is_int,
            key=key,
            limits=tuple(limits),
        )
        self.rowid = bound.ColumnRef(source=self.source, column=ROWID, affinity="D", not_null=True, exact=True)

    def coord(self, number: int) -> bound.Expr:
        """A coordinate."""
        return bound.ColumnRef(source=self.source, column=number)

    def given(self, columns: dict[int, bound.Expr], first: int) -> GivenRows:
        """The rows with these columns, and from number `first` on those that are auxiliary: of the row of t_rowid."""
        request, table = self.request, self.shadows["rowid"]
        auxiliary = [at for at in range(first, first + self.options.n_aux) if at in request.used]
        plan = self.plan
        if auxiliary:
            item = table_item(request.planner.new_source(), table, None)
            used = frozenset(at - first + 2 for at in auxiliary)
            kept = nodes.RowidSeek(source=item.source, table=table, columns=used, key=self.rowid)
            plan = nodes.NestedLoop(left=plan, right=kept)
            columns = columns | {at: column_ref(item, at - first + 2) for at in auxiliary}
        return GivenRows(plan, {ROWID: self.rowid} | columns)


def _applied(sarg: Sarg) -> bound.Expr:
    """The value as it is compared with the column."""
    if sarg.affinity is None or sarg.affinity == "A":
        return sarg.value
    return bound.ApplyAffinity(operand=sarg.value, affinity=sarg.affinity)
