"""X IN (SELECT y FROM t), where an index of t (or its rowid) finds y: each x is looked up, t is not read.

Source: https://sqlite.org/optoverview.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from turso_wasm.bind import bound
from turso_wasm.bind.comparison import affinity_of, needed_affinity
from turso_wasm.bind.query import Core, Item, Query
from turso_wasm.bind.walk import strip_collation
from turso_wasm.catalog.names import fold
from turso_wasm.plan import nodes

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ONE = bound.Constant(value=1)


def indexed_column(expr: bound.SubqueryExpr) -> tuple[Item, bound.ColumnRef] | None:
    """The table and the column of which an IN asks whether a value is there, if an index can tell."""
    query = expr.plan
    if expr.kind != "in" or not isinstance(query, Query) or query.outer or query.operators or query.recursive:
        return None
    core, (item, column) = query.cores[0], _shown(query.cores[0])
    if item is None or column is None or query.limit is not None or core.where or core.is_aggregate or core.windows:
        return None
    assert item.table is not None
    if column.source != item.source or item.nullable or item.indexed_by is not None or item.not_indexed:
        return None
    if needed_affinity(column, affinity_of(column), expr.affinity) is not None or expr.affinity == "A":
        return None
    if column.column == -1 and not item.table.without_rowid:
        return item, column
    keys = [index.columns[0] for index in item.table.indexes if index.where is None]
    keys += item.table.primary_key[:1] if item.table.without_rowid else ()
    found = any(key.column == column.column and fold(key.collation) == fold(expr.collation) for key in keys)
    return (item, column) if found else None


def _shown(core: Core) -> tuple[Item | None, bound.ColumnRef | None]:
    """The only table of a SELECT, and the column that is its first result."""
    item = core.only_item()
    if item is None or item.table is None or item.table.is_provided:
        return None, None
    column = strip_collation(core.outputs[0])
    return item, column if isinstance(column, bound.ColumnRef) else None


def plan_look_up(planner: Planner, expr: bound.SubqueryExpr) -> bound.LookUp | None:
    """How the index answers; None where it cannot, or the table changes meanwhile."""
    found = indexed_column(expr)
    if found is None or planner.may_change(found[0].table) or "in_look_ups" in planner.binder.without:
        return None
    assert isinstance(expr.plan, Query)
    (core,), (_, column) = expr.plan.cores, found
    equal = bound.Compare(op="=", left=column, right=bound.OPERAND, collation=expr.collation)
    is_known = column.not_null or column.column == -1
    is_given = isinstance(expr.operand, bound.ColumnRef) and expr.operand.not_null
    return bound.LookUp(
        equal=_rows(planner, core, equal),
        null=None if is_known else _exists(planner, core, bound.IsNull(operand=column)),
        some=None if is_given else _exists(planner, core),
    )


def _exists(planner: Planner, core: Core, *where: bound.Expr) -> bound.SubqueryExpr:
    return bound.SubqueryExpr(kind="exists", plan=_rows(planner, core, *where))


def _rows(planner: Planner, core: Core, *where: bound.Expr) -> nodes.Plan:
    found = planner.plan_from(replace(core, where=list(where), derived=[]), correlated=True)
    return nodes.Output(child=found.plan, exprs=(ONE,))
