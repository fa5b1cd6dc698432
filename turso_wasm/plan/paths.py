"""The plan nodes of an access path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turso_wasm.bind import nodes as b
from turso_wasm.plan import nodes as p
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


def path_plan(planner: Planner, access: TableAccess, path: Path, reverse: bool) -> p.Plan:
    """The nodes that visit the table by `path`; an IN becomes a loop over its distinct values around a look-up."""
    values = {sarg: sarg.value for sarg in path.equal}
    if path.in_sarg is None:
        return _visit(access, path, values, reverse)
    loop, column = _in_values(planner, path.in_sarg)
    values[path.in_sarg] = column
    return p.NestedLoop(loop, _visit(access, path, values, reverse))


def _visit(access: TableAccess, path: Path, values: dict[Sarg, b.Expr], reverse: bool) -> p.Plan:
    source, table, used = access.item.source, access.table, access.used
    columns = frozenset(column for column in used if column >= 0)
    if path.kind == "scan":
        return p.TableScan(source, table, columns, reverse)
    if path.kind == "rowid":
        return p.RowidSeek(source, table, columns, values[path.equal[0]])
    if path.kind == "range":
        return p.RowidRange(source, table, columns, _bound(path.lower), _bound(path.upper), reverse)
    equal = path.equal
    affinities = [None if sarg is path.in_sarg else sarg.affinity for sarg in equal]
    ends = [sarg for sarg in (path.lower, path.upper) if sarg is not None]
    if ends:
        # One affinity a field: a bound that needs none is a number or text already, which the other's leaves alone.
        affinities.append(next((sarg.affinity for sarg in ends if sarg.affinity is not None), None))
    return p.IndexScan(
        source,
        table,
        columns,
        path.index,
        tuple(values[sarg] for sarg in equal),
        _bound(path.lower),
        _bound(path.upper),
        tuple(affinities),
        path.covering,
        reverse,
        path.unique,
        tuple(sarg.op in ("is", "isnull") for sarg in equal),
    )


def _bound(sarg: Sarg | None) -> p.Bound | None:
    return None if sarg is None else p.Bound(sarg.value, sarg.op in ("<=", ">=", "notnull"))


def _in_values(planner: Planner, sarg: Sarg) -> tuple[p.Plan, b.Expr]:
    """A loop over the distinct values of an IN in ascending order, and the column that holds the value."""
    affinity = sarg.affinity if sarg.affinity != "A" else None
    rows: p.Plan
    if sarg.subquery is not None:
        rows, exprs = planner.subquery_rows(sarg.subquery)
        value: b.Expr = _converted(exprs[0], affinity)
    else:
        source = planner.new_source()
        items = tuple((_converted(item, affinity),) for item in sarg.items)
        rows, value = p.Values(source, items, 1), b.ColumnRef(source, 0)
        if len(items) == 1:
            return rows, value
    sorted_source = planner.new_source()
    distinct = p.Distinct(rows, (value,), (sarg.collation,))
    keys = (p.SortKey(value, collation=sarg.collation),)
    return p.Sort(sorted_source, distinct, keys, (value,)), b.ColumnRef(sorted_source, 0)


def _converted(expr: b.Expr, affinity: str | None) -> b.Expr:
    """`expr` with the affinity of the comparison, where that can change it."""
    if affinity is None:
        return expr
    if isinstance(expr, b.Constant):
        is_text = isinstance(expr.value, str)
        if expr.value is None or isinstance(expr.value, bytes) or is_text == (affinity == "B"):
            return expr
    if isinstance(expr, b.ColumnRef) and expr.affinity == affinity:
        return expr
    return b.ApplyAffinity(expr, affinity)
