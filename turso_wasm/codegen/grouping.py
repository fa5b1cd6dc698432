"""Aggregation: GROUP BY over a hash table (groups come out in key order, as SQLite's sorted grouping does) and
aggregates without GROUP BY, whose state lives in the frame.

The state of a group (an entry of the table, or frame memory) is: one Value slot a key, one a bare column, then each
aggregate's own struct.
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.codegen.aggregates import aggregate_of, counted
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.hashing import hash_found
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.ordered_aggregates import open_ordered, put_aside, run_ordered
from turso_wasm.codegen.records import copied
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.subtypes import marked_like
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Local

MANY = 32  # aggregates beyond which a row's columns are not all decoded first, nor code expanded


class Layout:
    """Offsets inside a group's memory."""

    def __init__(self, node: nodes.Aggregate) -> None:
        self.keys = 0
        self.bare = len(node.keys) * VALUE_SIZE
        at = self.bare + len(node.bare) * VALUE_SIZE
        self.states: list[int] = []
        self.distinct: dict[int, int] = {}
        for number, aggregate in enumerate(node.aggregates):
            self.states.append(at)
            at += (aggregate_of(aggregate).size + 7) & ~7
            if aggregate.distinct and aggregate.args:
                self.distinct[number] = at
                at += 8
        self.size = max(at, 8)


def _aggregate(node: nodes.Aggregate, ctx: Context, then: Then) -> None:
    layout = Layout(node)
    if node.keys:
        _grouped(node, layout, ctx, then)
    else:
        _single_group(node, layout, ctx, then)


# --- without GROUP BY -----------------------------------------------------------------------------------


def _single_group(node: nodes.Aggregate, layout: Layout, ctx: Context, then: Then) -> None:
    """One group in frame memory; count(*)-like counters live in locals until the end."""
    f = ctx.f
    group = f.local(I32, "group")
    counters = {i: f.local(I64, "count") for i, a in enumerate(node.aggregates) if a.name == "count" and not a.distinct}
    has_row = f.local(I32, "has_row")
    f.set(group, ctx.frame + ctx.frame_alloc(layout.size))
    f.memory_fill(group, 0, layout.size)
    f.set(has_row, 0)
    for counter in counters.values():
        f.set(counter, 0)
    ordered = open_ordered(node, ctx)

    def each() -> None:
        if node.bare:
            if _starts_bare(node):
                with f.if_(has_row.eqz()):
                    _store_bare(node, layout, group, ctx)
            f.set(has_row, 1)
        _step_all(node, layout, group, counters, ordered, ctx)

    emit_source(node.child, ctx, each)
    run_ordered(node, ordered, group, layout.states, ctx)
    values = [_value(a, group + layout.states[i], counters.get(i), ctx) for i, a in enumerate(node.aggregates)]
    values += [ctx.load_value(group, at=layout.bare + i * VALUE_SIZE) for i in range(len(node.bare))]
    ctx.sources[node.source] = LocalSource(values)
    then()


# --- with GROUP BY --------------------------------------------------------------------------------------


def _grouped(node: nodes.Aggregate, layout: Layout, ctx: Context, then: Then) -> None:
    f = ctx.f
    table, group = f.local(I32, "groups"), f.local(I32, "group")
    with f.if_(table):  # an inner loop comes here again: the old groups go
        ctx.do("resource_free", ctx.stmt, table)
    f.set(table, f.call("hash_new", ctx.stmt, layout.size))
    ordered = open_ordered(node, ctx)

    def each() -> None:
        _find_group(node, layout, table, group, ctx)
        _step_all(node, layout, group, {}, ordered, ctx)

    emit_source(node.child, ctx, each)
    run_ordered(node, ordered, group, layout.states, ctx)
    ctx.do("hash_sort", table)

    def begin() -> Expr:
        ctx.do("hash_rewind", table)
        return f.tee(group, f.call("hash_next", table))

    def body(done: object) -> None:
        values = [
            marked_like(ctx.load_value(group, at=layout.keys + i * VALUE_SIZE), key) for i, key in enumerate(node.keys)
        ]
        values += [_value(a, group + layout.states[i], None, ctx) for i, a in enumerate(node.aggregates)]
        values += [ctx.load_value(group, at=layout.bare + i * VALUE_SIZE) for i in range(len(node.bare))]
        ctx.sources[node.source] = LocalSource(values)
        then()

    visit(ctx, begin, lambda: f.tee(group, f.call("hash_next", table)), body)


def _find_group(node: nodes.Aggregate, layout: Layout, table: Local, group: Local, ctx: Context) -> None:
    """Find or create the group of the current row; a new group keeps the key values and the bare columns."""
    f = ctx.f
    ensure(node.keys, ctx)
    keys = [emit_value(key, ctx) for key in node.keys]

    def general() -> None:
        ctx.do("key_reset", ctx.stmt)
        for key, collation in zip(keys, node.collations, strict=True):
            ctx.do("key_add", ctx.stmt, key, collation_code(collation, ctx))
        f.set(group, f.call("hash_add", table))

    if len(keys) == 1 and keys[0].may_be(INTEGER):
        with f.if_(keys[0].has_tag(INTEGER)) as otherwise:
            f.set(group, f.call("hash_add_int", table, keys[0].payload, inline=True))
            otherwise.else_()
            general()
    else:
        general()
    with f.if_(hash_found(table).eqz()):
        for i, key in enumerate(keys):
            ctx.store_value(group + layout.keys, _kept(key, table, ctx), i)
        if _starts_bare(node) and not node.bare_last:
            _store_bare(node, layout, group, ctx, table)
    if node.bare_last:
        _store_bare(node, layout, group, ctx, table)


def _kept(value: SqlValue, table: Local | None, ctx: Context) -> SqlValue:
    """The value with its bytes copied to memory that lives as long as the statement."""
    if table is not None:
        return copied(value, lambda size: ctx.f.call("hash_alloc", table, size), ctx)
    return copied(value, lambda size: ctx.f.call("keep_alloc", ctx.stmt, size), ctx)


def _starts_bare(node: nodes.Aggregate) -> bool:
    """The first row of a group gives the bare columns: no min() or max() chooses the row, or maybe it sees none."""
    return node.bare_from < 0 or node.aggregates[node.bare_from].filter is not None


def _store_bare(node: nodes.Aggregate, layout: Layout, group: Local, ctx: Context, table: Local | None = None) -> None:
    for i, expr in enumerate(node.bare):
        ctx.store_value(group + layout.bare, _kept(emit_value(expr, ctx), table, ctx), i)


# --- one aggregate ----------------------------------------------------------------------------------------


def _step_all(
    node: nodes.Aggregate,
    layout: Layout,
    group: Local,
    counters: dict[int, Local],
    ordered: dict[int, Local],
    ctx: Context,
) -> None:
    hot = len(node.aggregates) <= MANY
    if hot:
        ensure([(a.args, a.order_by) for a in node.aggregates if a.filter is None], ctx)
    for i, aggregate in enumerate(node.aggregates):
        with ctx.f.block() as skip:
            if aggregate.filter is not None:
                jump(aggregate.filter, skip, ctx, when=False, on_null=True)
            values = [emit_value(arg, ctx) for arg in aggregate.args]
            if i in layout.distinct:
                if not aggregate_of(aggregate).takes_null:
                    ctx.f.br(skip, if_=values[0].has_tag(NULL))
                ctx.f.br(skip, if_=_seen_before(aggregate, values[0], group + layout.distinct[i], ctx))
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
                    _store_bare(node, layout, group, ctx)


def _seen_before(aggregate: bound.AggregateCall, value: SqlValue, place: Expr, ctx: Context) -> Expr:
    """DISTINCT: i32, the value already counted for this group; `place` holds the group's own hash table."""
    f = ctx.f
    table = f.local(I32, "seen", f.load("i32", place))
    with f.if_(table.eqz()):
        f.set(table, f.call("hash_new", ctx.stmt, 0))
        f.store("i32", place, table)
    ctx.do("key_reset", ctx.stmt)
    ctx.do("key_add", ctx.stmt, value, collation_code(aggregate.collation, ctx))
    ctx.do("hash_add", table)
    return hash_found(table)


def _value(aggregate: bound.AggregateCall, state: Expr, counter: Local | None, ctx: Context) -> SqlValue:
    """The aggregate's result."""
    if counter is not None:
        return SqlValue(INTEGER, counter)
    kind = aggregate_of(aggregate)
    return (kind.final or kind.value)(state, ctx)


SOURCES[nodes.Aggregate] = _aggregate
