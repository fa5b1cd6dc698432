"""Compounds and recursive common tables: several SELECTs as one query."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from turso_wasm.bind import bound
from turso_wasm.bind.query import Core, OrderKey, Query
from turso_wasm.bind.select import compound_collations
from turso_wasm.bind.walk import has_subquery, is_deterministic, strip_collation
from turso_wasm.plan import cost, nodes
from turso_wasm.plan.planned_rows import NULL, Rows, append, sorted_column

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


def plan_compound(planner: Planner, query: Query, correlated: bool) -> Rows:
    """UNION, INTERSECT and EXCEPT are groupings of all rows of both sides; their result is in ascending order."""
    collations = tuple(compound_collations(query))
    parts = [_plan_arm(planner, core, query, correlated) for core in query.cores]
    current: list[Rows] = [parts[0]]  # operands of the UNION ALL under construction
    n_columns = len(query.columns)
    wanted, satisfied = _key_order(query, n_columns)
    ordered = False
    number = 0
    for operator, run in groupby(query.operators):
        first, number = number, number + sum(1 for _ in run)
        operands = parts[first + 1 : number + 1]
        if operator == "UNION ALL":
            current += operands
            ordered = False
            continue
        is_last = number == len(query.operators)
        columns = wanted if is_last else tuple(range(n_columns))
        current = [_set_operation(planner, operator, current, operands, collations, columns)]
        ordered = is_last and satisfied
    rows = append(current, query.source)
    return rows if ordered else planner.sorted(rows, query.order_by, query)


def _plan_arm(planner: Planner, core: Core, query: Query, correlated: bool) -> Rows:
    """One SELECT of a compound. Of a UNION ALL of which the first rows are wanted, each arm gives its own first; groups
    are in SQLite's order (see grouping).
    """
    if not query.order_by or any(op != "UNION ALL" for op in query.operators):
        return planner.plan_core(core, None, correlated)
    keys = [replace(key, expr=strip_collation(core.outputs[_column_number(key)])) for key in query.order_by]
    top = planner.top(query)
    if top is None or "arm_limits" in planner.binder.without:
        descends = len(core.group_by) == len(keys) and any(key.desc for key in keys)
        return planner.plan_core(core, Query([core], query.columns, order_by=keys) if descends else None, correlated)
    exprs = [top, *(key.expr for key in keys)]
    if (
        core.windows
        or core.values_source >= 0
        or not all(map(is_deterministic, exprs))
        or any(map(has_subquery, exprs))
    ):
        return planner.plan_core(core, None, correlated)
    arm = Query([core], query.columns, order_by=keys, limit=top)
    return planner.limited(arm, planner.plan_core(core, arm, correlated))


def _key_order(query: Query, n_columns: int) -> tuple[tuple[int, ...], bool]:
    """In which order to group the columns so that the result comes as ORDER BY wants it, and whether it does."""
    first: list[int] = []
    satisfied = True
    for key in query.order_by:
        assert isinstance(key.expr, bound.ColumnRef)
        if key.desc or key.nulls == "last" or key.collation != compound_collations(query)[key.expr.column]:
            satisfied = False
            break
        if key.expr.column not in first:
            first.append(key.expr.column)
    return tuple(first + [at for at in range(n_columns) if at not in first]), satisfied


def _set_operation(
    planner: Planner,
    operator: str,
    left: list[Rows],
    right: list[Rows],
    collations: tuple[str, ...],
    columns: tuple[int, ...],
) -> Rows:
    """A chain of one operator: the rows of all sides, tagged with their side, grouped by all columns.

    A group tells which sides have it: EXCEPT wants the left one only, INTERSECT all of them. Where equal values
    differ (1 and 1.0), UNION shows the last side's, the others the left side's.
    """
    sides = [left, *([rows] for rows in right)]
    tagged = [
        replace(rows, exprs=(*rows.exprs, bound.Constant(value=number)))
        for number, side in enumerate(sides)
        for rows in side
    ]
    if operator == "UNION":
        tagged = [*reversed(tagged[len(left) :]), *tagged[: len(left)]]
    both = append(tagged, planner.new_source())
    tag = both.exprs[-1]
    source = planner.new_source()
    n = len(columns)
    aggregates: tuple[bound.AggregateCall, ...] = ()
    if operator == "EXCEPT":
        aggregates = (bound.AggregateCall(name="max", args=(tag,)),)
    elif operator == "INTERSECT":
        aggregates = (bound.AggregateCall(name="count", args=(tag,), distinct=True),)
    keys = tuple(both.exprs[at] for at in columns)
    plan: nodes.Plan = nodes.Aggregate(
        source=source,
        child=both.plan,
        keys=keys,
        collations=tuple(collations[at] for at in columns),
        aggregates=aggregates,
    )
    if operator != "UNION":
        wanted = 0 if operator == "EXCEPT" else len(sides)
        condition = bound.Compare(
            op="=", left=bound.ColumnRef(source=source, column=n), right=bound.Constant(value=wanted)
        )
        plan = nodes.Filter(child=plan, predicate=condition)
    exprs = [NULL] * n
    for position, at in enumerate(columns):
        exprs[at] = sorted_column(source, position, both.exprs[at])  # type: ignore[call-overload]
    return Rows(plan, tuple(exprs), max(both.rows / 2, 1.0), both.cost + both.rows * cost.PER_BUILD)


def plan_recursive(planner: Planner, query: Query, correlated: bool) -> Rows:
    """A recursive common table."""
    first = query.recursive
    cores, operators = query.cores[:first], query.operators[: first - 1]
    if operators:
        part = replace(query, cores=cores, operators=operators, order_by=[], source=planner.new_source())
        initial = plan_compound(planner, part, correlated)
    else:
        initial = planner.plan_core(cores[0], None, correlated)
    steps = [planner.plan_core(core, None, True) for core in query.cores[first:]]
    columns = tuple(sorted_column(query.source, at, expr) for at, expr in enumerate(initial.exprs))
    plan = nodes.Recursive(
        source=query.source,
        initial=initial.plan,
        steps=tuple(step.plan for step in steps),
        outputs=(initial.exprs, *(step.exprs for step in steps)),
        keys=planner.sort_keys(query.order_by),
        distinct=tuple(compound_collations(query)) if query.operators[-1] == "UNION" else None,
        label=query.label,
    )
    rows = initial.rows * cost.RECURSIONS
    price = initial.cost + rows * sum(step.cost + step.rows * cost.PER_BUILD for step in steps)
    return Rows(plan, columns, rows, price)


def _column_number(key: OrderKey) -> int:
    """The result column of a compound that an ORDER BY term names."""
    assert isinstance(key.expr, bound.ColumnRef)
    return key.expr.column
