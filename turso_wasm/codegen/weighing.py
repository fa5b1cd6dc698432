"""Aggregates of filtered rows without a jump a row.

Where a condition holds for some rows and not for others, in no order, a processor guesses the jump wrong every other
time, which costs more than what is jumped over: counting and adding. So a row is taken in with a weight: 1 if it
passes, else 0. That is done where columns are decoded inline, conditions compare them, and nothing can be seen of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.aggregates import counted
from turso_wasm.codegen.conditions import compare
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import columns_of, emit_value, ensure
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, Local, i64

SUMS = frozenset(("sum", "total", "avg"))
FEW = 3  # aggregates, or comparisons: of more, what is jumped over costs more


def weighed_conditions(node: nodes.Aggregate, ctx: Context) -> list[bound.Compare] | None:
    """The comparisons that all must be true of a row, if rows can be weighed by them; None: they cannot."""
    if not isinstance(node.child, nodes.Filter) or node.bare or ctx.unit.profile is not None or ctx.unit.user.calls:
        return None
    conditions = list(_conjuncts(node.child.predicate))
    found = [part for part in conditions if isinstance(part, bound.Compare)]
    plain = all(_is_plain(side) and not _is_text(side) for part in found for side in (part.left, part.right))
    if not plain or max(len(conditions), len(node.aggregates)) > FEW or len(found) < len(conditions):
        return None
    return found if all(_can_be_weighed(call) for call in node.aggregates) else None


def _conjuncts(predicate: bound.Expr) -> Iterator[bound.Expr]:
    while isinstance(predicate, bound.Binary) and predicate.op == "and":
        yield predicate.right
        predicate = predicate.left
    yield predicate


def _is_plain(expr: bound.Expr) -> bool:
    return isinstance(expr, (bound.ColumnRef, bound.Constant, bound.Parameter))


def _is_text(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.ColumnRef) and expr.affinity == "B"


def _can_be_weighed(call: bound.AggregateCall) -> bool:
    if call.distinct or call.filter is not None or call.order_by or call.number >= 0:
        return False
    return (call.name == "count" or call.name in SUMS) and all(_is_plain(arg) for arg in call.args)


def are_cheap(exprs: object, ctx: Context) -> bool:
    """All columns that `exprs` read are decoded inline."""
    found = columns_of(exprs).items()
    return all(source in ctx.sources and ctx.sources[source].is_cheap(columns) for source, columns in found)


def weigh(
    conditions: Sequence[bound.Compare],
    calls: Sequence[bound.AggregateCall],
    states: Sequence[Expr],
    counters: dict[int, Local],
    ctx: Context,
) -> None:
    """Take the row in, in all aggregates. states: their addresses. counters: of those that are counts, by number."""
    f = ctx.f
    ensure([conditions, [call.args for call in calls]], ctx)
    taken = f.local(I64, "taken", i64(1))
    for condition in conditions:
        true, null = compare(condition, ctx)
        f.set(taken, taken & (true if null is None else true & null.eqz()).extend_u())
    for number, call in enumerate(calls):
        values = [emit_value(arg, ctx) for arg in call.args]
        if number in counters:
            f.set(counters[number], counters[number] + (taken & counted(values) if values else taken))
        else:
            _add(values[0], states[number], taken, ctx)


def _add(value: SqlValue, state: Expr, taken: Local, ctx: Context) -> None:
    f = ctx.f
    with f.if_(value.has_tag(INTEGER)) as otherwise:
        f.do(f.call("sum_weigh_int", state, value.payload, taken, inline=True))
        otherwise.else_()
        with f.if_(taken.wrap()):
            ctx.do("sum_step", state, value)
