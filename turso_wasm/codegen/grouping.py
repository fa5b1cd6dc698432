"""Aggregation: GROUP BY over a hash table (groups come out in key order, as SQLite's sorted grouping does; groups.py
for those that do not fit into memory) and aggregates without GROUP BY, whose state lives in the frame.

The state of a group (an entry of the table, or frame memory) is: one Value a key, one a bare column, then each
aggregate's own struct.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.aggregation import Layout, open_seen, starts_bare, step_all, value_of
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure_outer
from turso_wasm.codegen.groups import Groups
from turso_wasm.codegen.hashing import hash_found
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.ordered_aggregates import open_ordered, run_ordered
from turso_wasm.codegen.records import copied
from turso_wasm.codegen.rowsets import filtered
from turso_wasm.codegen.sorted_groups import one_by_one
from turso_wasm.codegen.sources import LocalSource, decoded_columns, forget_since
from turso_wasm.codegen.subtypes import marked_like
from turso_wasm.codegen.values import SqlValue
from turso_wasm.codegen.weighing import are_cheap, weigh, weighed_conditions
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Local


def _aggregate(node: nodes.Aggregate, ctx: Context, then: Then) -> None:
    layout = Layout(node)
    if node.in_order:
        one_by_one(node, layout, ctx, then)
    elif node.keys:
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
    ordered, seen = open_ordered(node, ctx), open_seen(node, ctx)

    def store_bare() -> None:
        _store_bare(node, layout, group, ctx)

    def each() -> None:
        if node.bare:
            if starts_bare(node):
                with f.if_(has_row.eqz()):
                    store_bare()
            f.set(has_row, 1)
        step_all(node, layout, group, counters, ordered, seen, store_bare, ctx)

    _take_rows(node, [group + at for at in layout.states], counters, each, ctx)
    run_ordered(node, ordered, group, layout.states, ctx)
    values = [value_of(a, group + layout.states[i], counters.get(i), ctx) for i, a in enumerate(node.aggregates)]
    values += [ctx.load_value(group, at=layout.bare + i * VALUE_SIZE) for i in range(len(node.bare))]
    ctx.sources[node.source] = LocalSource(values)
    then()


def _take_rows(
    node: nodes.Aggregate, states: Sequence[Expr], counters: dict[int, Local], each: Then, ctx: Context
) -> None:
    """Run `each` for each row of the child, or weigh those that a filter would drop."""
    conditions = weighed_conditions(node, ctx)
    if conditions is None:
        emit_source(node.child, ctx, each)
        return
    assert isinstance(node.child, nodes.Filter)
    predicate = node.child.predicate

    def row() -> None:
        if are_cheap([conditions, [call.args for call in node.aggregates]], ctx):
            weigh(conditions, node.aggregates, states, counters, ctx)
        else:
            filtered(predicate, ctx, each)

    emit_source(node.child.child, ctx, row)


# --- with GROUP BY --------------------------------------------------------------------------------------


def _grouped(node: nodes.Aggregate, layout: Layout, ctx: Context, then: Then) -> None:
    """Each row of the child goes to its group. Rows of groups that do not fit into memory are put aside, sorted; then
    they enter the body behind its keys, batch by batch. The groups of a batch come merged with the first ones.
    """
    f = ctx.f
    group = f.local(I32, "group")
    ordered, seen = open_ordered(node, ctx), open_seen(node, ctx)
    groups = Groups(node, layout.size, group, ctx)
    point = Point()
    ensure_outer(node.child, ctx)
    before = decoded_columns(ctx)
    with f.block() as done, f.loop() as again:
        with f.block() as following:

            def body() -> None:
                outside = dict(ctx.sources)
                keys = groups.take_row()
                ctx.land(point)
                forget_since(before, ctx, groups.own)
                groups.use_row()
                with ctx.repeated(), f.block() as aside:
                    groups.find(keys)
                    with f.if_(hash_found(groups.table).eqz()):
                        groups.put_aside(keys, aside, following)
                        for i, key in enumerate(keys):
                            ctx.store_value(group + layout.keys, _kept(key, groups.table, ctx), i)
                        if starts_bare(node) and not node.bare_last:
                            _store_bare(node, layout, group, ctx, groups.table)
                    if node.bare_last:
                        _store_bare(node, layout, group, ctx, groups.table)
                    step_all(node, layout, group, {}, ordered, seen, lambda: _store_bare(node, layout, group, ctx), ctx)
                f.br(following, if_=groups.second)
                ctx.sources.update(outside)

            emit_source(node.child, ctx, body)
            groups.end_first()
        with f.loop() as batches:
            with f.block() as complete:
                groups.next_row(complete)
                ctx.goto(point)
                f.br(again)
            run_ordered(node, ordered, group, layout.states, ctx)
            _show(node, layout, groups, ctx, then)
            f.br(done, if_=groups.full.eqz())
            groups.begin_batch()
            for sorter in ordered.values():
                ctx.do("sorter_clear", sorter)
            for table in seen.values():
                ctx.do("hash_clear", table)
            f.br(batches)


def _show(node: nodes.Aggregate, layout: Layout, groups: Groups, ctx: Context, then: Then) -> None:
    """The body above, for each group of the batch."""
    group = groups.group

    def body(done: object) -> None:
        values = [
            marked_like(ctx.load_value(group, at=layout.keys + i * VALUE_SIZE), key) for i, key in enumerate(node.keys)
        ]
        values += [value_of(a, group + layout.states[i], None, ctx) for i, a in enumerate(node.aggregates)]
        values += [ctx.load_value(group, at=layout.bare + i * VALUE_SIZE) for i in range(len(node.bare))]
        ctx.sources[node.source] = LocalSource(values)
        then()

    groups.sort()
    visit(ctx, groups.next, groups.next, body)


def _kept(value: SqlValue, table: Local | None, ctx: Context) -> SqlValue:
    """The value with its bytes copied to memory that lives as long as the statement."""
    if table is not None:
        return copied(value, lambda size: ctx.f.call("hash_alloc", table, size), ctx)
    return copied(value, lambda size: ctx.f.call("keep_alloc", ctx.stmt, size), ctx)


def _store_bare(node: nodes.Aggregate, layout: Layout, group: Local, ctx: Context, table: Local | None = None) -> None:
    for i, expr in enumerate(node.bare):
        ctx.store_value(group + layout.bare, _kept(emit_value(expr, ctx), table, ctx), i)


SOURCES[nodes.Aggregate] = _aggregate
