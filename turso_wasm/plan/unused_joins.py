"""The pass that drops left joins of which nothing is read: a row of the left comes once, whether it has a match or not.

That holds where at most one row can match: ON says which rowid it has, or gives a value to each column of a unique
index; and under DISTINCT, which wants a row once. Views that join more than a query asks of them cost nothing then.

Source: https://sqlite.org/optoverview.html section 14 (omit OUTER JOIN)
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Core, Item, Query, Step
from turso_wasm.bind.walk import has_subquery, is_deterministic, query_expressions, sources_used
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import IndexColumn

ROWID = -1


def drop_unused_joins(query: Query, binder: Binder) -> Query:
    """Drop what only its own ON condition reads, from the right: what one join needed may be needed no more."""
    for core in query.cores:
        for at in reversed(range(len(core.steps))):
            step = core.steps[at]
            if step.kind == "left" and step.item is not None and _matches_once(step, step.item, core):
                on, step.on = step.on, []
                if any(step.item.source in sources_used(expr) for expr in query_expressions(query)):
                    step.on = on
                else:
                    del core.steps[at]
    return query


def _matches_once(step: Step, item: Item, core: Core) -> bool:
    table = item.table
    if table is None or item.function is not None or item.indexed_by is not None:
        return False
    if any(has_subquery(expr) or not is_deterministic(expr) for expr in step.on):
        return False
    if core.distinct and not core.is_aggregate and not core.windows:
        return True
    given = [found for expr in step.on if (found := _given(expr, item.source)) is not None]
    if any(column == ROWID for column, _ in given):
        return True
    keys = [index.columns for index in table.indexes if index.unique and index.where is None]
    if table.without_rowid:
        keys.append(table.primary_key)
    return any(all(_has(part, given) for part in key) for key in keys)


def _given(expr: bound.Expr, source: int) -> tuple[int, str] | None:
    """The column that a condition gives a value, and by which collation."""
    if not isinstance(expr, bound.Compare) or expr.op != "=":
        return None
    for side, other, affinity in (
        (expr.left, expr.right, expr.left_affinity),
        (expr.right, expr.left, expr.right_affinity),
    ):
        is_own = isinstance(side, bound.ColumnRef) and side.source == source and affinity is None
        if is_own and source not in sources_used(other):
            assert isinstance(side, bound.ColumnRef)
            return side.column, expr.collation
    return None


def _has(part: IndexColumn, given: list[tuple[int, str]]) -> bool:
    return part.column >= 0 and any(
        column == part.column and fold(collation) == fold(part.collation) for column, collation in given
    )
