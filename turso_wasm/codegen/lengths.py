"""How long a plan may run: whether its routine must be able to suspend."""

from __future__ import annotations

from turso_wasm.base.tree import Node, walk
from turso_wasm.plan import nodes

ROWS = (
    nodes.TableScan,
    nodes.RowidRange,
    nodes.IndexScan,
    nodes.Values,
    nodes.LiteralRows,
    nodes.Aggregate,
    nodes.Sort,
    nodes.HashJoin,
    nodes.Append,
    nodes.SharedScan,
    nodes.Recursive,
    nodes.Vacuum,
)
LONG_STEPS = (nodes.FillIndex, nodes.InsertRows)  # of a schema change, during which it can suspend


def has_loop(plan: nodes.Plan) -> bool:
    """Rows can come in any number, in the plan or in a subquery of it."""
    if isinstance(plan, nodes.Ddl):
        return any(isinstance(step, LONG_STEPS) for step in plan.steps)
    return any(isinstance(node, ROWS) and not _is_lookup(node) for node in walk((plan,)))


def _is_lookup(plan: Node) -> bool:
    """At most one entry of a unique index."""
    return isinstance(plan, nodes.IndexScan) and plan.unique and not (plan.lower or plan.upper)
