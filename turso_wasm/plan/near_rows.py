"""ORDER BY vector_distance_…(column, query) LIMIT n: an index of vectors says which rows may be the nearest ones.

The rows pass all conditions and joins as those of a scan would, and are sorted by their true distances. The search is
told the distances of those that reach the sort: so it knows how near a row must be, and goes on until there are enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from turso_wasm.base.tree import walk
from turso_wasm.bind import bound
from turso_wasm.bind.calls import scalar_call
from turso_wasm.bind.walk import columns_used, is_deterministic
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.methods.ivf import IvfMethod, settings_of
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import Function
from turso_wasm.plan import nodes

METRICS: Final = {
    "fn_vector_distance_cos": "cosine",
    "fn_vector_distance_l2": "l2",
    "fn_vector_distance_dot": "dot",
}
NEAR: Final = Function("near", 2, 2, "fn_ivf_near", deterministic=False)
HANDLE, ROWID = 0, -1
PARTS: Final = ("state", "lists", "pending")
DRIVEN: Final = (nodes.NestedLoop, nodes.LeftJoin, nodes.SemiJoin, nodes.AntiJoin)
"""Nodes that give rows for each row of `left`, without waiting for the next one."""


def with_near_rows(sort: nodes.Sort, catalogs: Catalogs, source: int) -> nodes.Sort:
    """A sort whose first key is a distance that an index knows, over a scan of its table: the rows are those that the
    index gives. source: a new one, for them.
    """
    key = sort.keys[0] if sort.keys else None
    if sort.limit is None or sort.n_in_order or key is None or key.desc or key.nulls == "last":
        return sort
    scan = _scanned(sort.child)
    if scan is None or not is_deterministic(sort.limit) or any(columns_used(sort.limit)):
        return sort
    found = _asked(key.expr, scan)
    index = None if found is None else _index_on(scan, catalogs, *found[:2])
    if index is None or found is None:
        return sort
    catalog = catalogs.slots[scan.table.slot]
    assert catalog is not None
    parts = [catalog.find_table(index.part_name(suffix)) for suffix in PARTS]
    there = tuple(part for part in parts if part is not None)
    near = nodes.NearRows(source=source, index=index, table=scan.table, parts=there, query=found[2], limit=sort.limit)
    rowid = bound.ColumnRef(source=source, column=ROWID, affinity="D", exact=True, not_null=True)
    row = nodes.RowidSeek(source=scan.source, table=scan.table, columns=scan.columns, key=rowid)
    child = _instead(sort.child, scan, nodes.NestedLoop(left=near, right=row))
    told = scalar_call(NEAR, (bound.ColumnRef(source=source, column=HANDLE), key.expr))
    outputs = tuple(told if expr == key.expr else expr for expr in sort.outputs)
    return replace(sort, child=child, keys=(replace(key, expr=told), *sort.keys[1:]), outputs=outputs)


def _scanned(plan: nodes.Plan) -> nodes.TableScan | None:
    """The scan for each of whose rows all else is done."""
    while not isinstance(plan, nodes.TableScan):
        if isinstance(plan, nodes.Filter):
            plan = plan.child
        elif isinstance(plan, DRIVEN):
            plan = plan.left
        else:
            return None
    return plan


def _instead(plan: nodes.Plan, scan: nodes.TableScan, rows: nodes.Plan) -> nodes.Plan:
    if isinstance(plan, nodes.Filter):
        return replace(plan, child=_instead(plan.child, scan, rows))
    if isinstance(plan, DRIVEN):
        return replace(plan, left=_instead(plan.left, scan, rows))
    return rows


def _asked(expr: bound.Expr, scan: nodes.TableScan) -> tuple[int, str, bound.Expr] | None:
    """(The column, the metric, the query) of a distance between a column of the table and what is the same for all its
    rows.
    """
    if not isinstance(expr, bound.Call) or expr.kernel not in METRICS:
        return None
    for column, query in (expr.args, expr.args[::-1]):
        if isinstance(column, bound.ColumnRef) and column.source == scan.source:
            return (column.column, METRICS[expr.kernel], query) if _is_given(query) else None
    return None


def _is_given(query: bound.Expr) -> bool:
    """It depends on no row."""
    return is_deterministic(query) and not any(
        isinstance(part, bound.ColumnRef | bound.SubqueryExpr) for part in walk((query,))
    )


def _index_on(scan: nodes.TableScan, catalogs: Catalogs, column: int, metric: str) -> Derived | None:
    catalog = catalogs.slots[scan.table.slot]
    if catalog is None or column < 0:
        return None
    name = fold(scan.table.columns[column].name)
    for index in catalog.derived_on(scan.table):
        if index.method == IvfMethod.name and fold(index.columns[0]) == name and settings_of(index).metric == metric:
            return index
    return None
