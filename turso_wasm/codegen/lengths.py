"""How long a plan may run: whether its routine must be able to suspend."""

from __future__ import annotations

from turso_wasm.base.tree import Node, walk
from turso_wasm.plan import nodes

ROWS = (
    nodes.TableScan,
    nodes.RowidRange,
    nodes.IndexGroups,
    nodes.IndexScan,
    nodes.Values,
    nodes.LiteralRows,
    nodes.Series,
    nodes.JsonRows,
    nodes.UserRows,
    nodes.RtreeRows,
    nodes.FtsRows,
    nodes.NearRows,
    nodes.FtsTerms,
    nodes.FtsTokens,
    nodes.BtreePages,
    nodes.CsvRows,
    nodes.Directory,
    nodes.Aggregate,
    nodes.Sort,
    nodes.HashJoin,
    nodes.Append,
    nodes.SharedScan,
    nodes.Recursive,
    nodes.Vacuum,
    nodes.IntegrityCheck,
)
LONG_STEPS = (
    nodes.Fill,
    nodes.FillIndex,
    nodes.InsertRows,
    nodes.Analyze,
    nodes.CreateVirtual,
)  # of a schema change, during which it can suspend


def has_loop(plan: nodes.Plan) -> bool:
    """Rows can come in any number, in the plan or in a subquery of it."""
    if isinstance(plan, nodes.CaughtUp):
        return True
    if isinstance(plan, nodes.Captured):
        return has_loop(plan.child)
    if isinstance(plan, nodes.Ddl):
        return any(isinstance(step, LONG_STEPS) for step in plan.steps)
    return isinstance(plan, nodes.Prepared) or _loops((plan,), set())


def program_loops(program: nodes.TriggerProgram) -> bool:
    """The same, of a trigger."""
    return _loops(_parts(program), {program.number})


def _parts(program: nodes.TriggerProgram) -> tuple[Node, ...]:
    return program.steps if program.when is None else (program.when, *program.steps)


def _loops(roots: tuple[Node, ...], seen: set[int]) -> bool:
    for node in walk(roots):
        if isinstance(node, ROWS) and not _is_lookup(node):
            return True
        if isinstance(node, nodes.Fire):
            if node.program.number in seen:  # it may fire itself, to a depth that only suspending makes possible
                return True
            seen.add(node.program.number)
            if _loops(_parts(node.program), seen):
                return True
    return False


def _is_lookup(plan: Node) -> bool:
    """At most one entry of a unique index."""
    return isinstance(plan, nodes.IndexScan) and plan.unique and not (plan.lower or plan.upper)
