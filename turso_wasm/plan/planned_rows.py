"""A planned query as what stands around it sees it."""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.plan import nodes

NULL = bound.Constant(value=None)


@dataclass(slots=True, eq=False)
class Rows:
    """A planned query: its rows, the expressions of its result columns, and estimates. single: at most one row."""

    plan: nodes.Plan
    exprs: tuple[bound.Expr, ...]
    rows: float = 1.0
    cost: float = 1.0
    single: bool = False


def append(operands: list[Rows], source: int) -> Rows:
    """The rows of each operand in turn, as columns of `source`."""
    plan = nodes.Append(
        source=source,
        children=tuple(part.plan for part in operands),
        outputs=tuple(part.exprs for part in operands),
    )
    exprs = tuple(sorted_column(source, at, expr) for at, expr in enumerate(operands[0].exprs))
    rows = sum(part.rows for part in operands)
    single = len(operands) == 1 and operands[0].single
    return Rows(plan, exprs, rows, sum(part.cost for part in operands), single)


def sorted_column(source: int, at: int, expr: bound.Expr) -> bound.ColumnRef:
    """Column `at` of a materialized source; it keeps what is known of the expression behind it."""
    if isinstance(expr, bound.ColumnRef):
        return replace(expr, source=source, column=at, exact=False)
    return bound.ColumnRef(source=source, column=at)


def is_single(plan: nodes.Plan) -> bool:
    """The plan gives at most one row."""
    if isinstance(plan, nodes.Filter | nodes.KeyFilter):
        return is_single(plan.child)
    if isinstance(plan, nodes.NestedLoop):
        return is_single(plan.left) and is_single(plan.right)
    if isinstance(plan, nodes.SemiJoin | nodes.AntiJoin):
        return is_single(plan.left)
    if isinstance(plan, nodes.HashJoin) and plan.asks:
        return is_single(plan.probe)
    if isinstance(plan, nodes.IndexScan):
        return plan.unique
    return isinstance(plan, nodes.OneRow | nodes.RowidSeek)
