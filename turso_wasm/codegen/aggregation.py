"""What takes rows into the state of a group, however its rows are found: the aggregates of a GROUP BY."""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.codegen.aggregates import aggregate_of, counted
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.hashing import add_key, hash_found
from turso_wasm.codegen.ordered_aggregates import put_aside
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Expr, Local

MANY = 32  # aggregates beyond which a row's columns are not all decoded first, nor code expanded


class Layout:
    """Offsets inside a group's memory."""

    def __init__(self, node: nodes.Aggregate) -> None:
        self.keys = 0
        self.bare = len(node.keys) * VALUE_SIZE
        at = self.bare + len(node.bare) * VALUE_SIZE
        self.states: list[int] = []
        for aggregate in node.aggregates:
            self.states.append(at)
            at += (aggregate_of(aggregate).size + 7) & ~7
        self.size = max(at, 8)


def starts_bare(node: nodes.Aggregate) -> bool:
    """The first row of a group gives the bare columns: no min() or max() chooses the row, or maybe it sees none."""
    return node.bare_from < 0 or node.aggregates[node.bare_from].filter is not None


def step_all(
    node: nodes.Aggregate,
    layout: Layout,
    group: Local,
    counters: dict[int, Local],
    ordered: dict[int, Local],
    seen: dict[int, Local],
    store_bare: Then,
    ctx: Context,
) -> None:
    """Take in the current row. counters: of counts that live in locals. store_bare: its bare columns count."""
    hot = len(node.aggregates) <= MANY
    if hot:
        ensure([(a.args, a.order_by) for a in node.aggregates if a.filter is None], ctx)
    for i, aggregate in enumerate(node.aggregates):
        with ctx.f.block() as skip:
            if aggregate.filter is not None:
                jump(aggregate.filter, skip, ctx, when=False, on_null=True)
            values = [emit_value(arg, ctx) for arg in aggregate.args]
            if i in seen:
                if not aggregate_of(aggregate).takes_null:
                    ctx.f.br(skip, if_=values[0].has_tag(NULL))
                _see(aggregate, values[0], seen[i], group if node.keys else None, ctx)
                ctx.f.br(skip, if_=hash_found(seen[i]))
            if i in ordered:
                put_aside(aggregate, values, group, ordered[i], ctx)
                continue
            if i in counters:
                ctx.f.set(counters[i], counters[i] + counted(values))
                continue
            step = aggregate_of(aggregate).step
            changed = step(aggregate, values, group + layout.states[i], hot, ctx)
            if i == node.bare_from and changed is not None:
                with ctx.f.if_(changed):
                    store_bare()


def open_seen(node: nodes.Aggregate, ctx: Context) -> dict[int, Local]:
    """New sets of what has been seen, one for all groups, by the numbers of the aggregates with DISTINCT."""
    f = ctx.f
    sets = {i: f.local(I32, "seen") for i, call in enumerate(node.aggregates) if call.distinct and call.args}
    for table in sets.values():
        with f.if_(table):  # an inner loop comes here again
            ctx.do("resource_free", ctx.stmt, table)
        f.set(table, f.call("hash_new", ctx.stmt, 0))
    return sets


def _see(aggregate: bound.AggregateCall, value: SqlValue, table: Local, group: Local | None, ctx: Context) -> None:
    """DISTINCT: add the value of a group to what has been seen."""
    groups = [] if group is None else [SqlValue(INTEGER, group.extend_u())]
    add_key(table, [*groups, value], [*("BINARY" for _ in groups), aggregate.collation], ctx)


def value_of(aggregate: bound.AggregateCall, state: Expr, counter: Local | None, ctx: Context) -> SqlValue:
    """The aggregate's result."""
    if counter is not None:
        return SqlValue(INTEGER, counter)
    kind = aggregate_of(aggregate)
    return (kind.final or kind.value)(state, ctx)
