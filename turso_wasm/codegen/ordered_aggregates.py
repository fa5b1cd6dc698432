"""Aggregates with ORDER BY: their rows are put aside in a sorter, one for all groups, and taken in at the end."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.aggregates import aggregate_of
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value
from turso_wasm.codegen.loops import visit
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.sorting import key_flags
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.subtypes import subtype_of
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local


def open_ordered(node: nodes.Aggregate, ctx: Context) -> dict[int, Local]:
    """New sorters, by the numbers of their aggregates; those that an earlier round left go."""
    f = ctx.f
    sorters = {i: f.local(I32, "sorter") for i, call in enumerate(node.aggregates) if call.order_by}
    for sorter in sorters.values():
        with f.if_(sorter):
            ctx.do("resource_free", ctx.stmt, sorter)
        f.set(sorter, f.call("sorter_new", ctx.stmt, -1))
    return sorters


def put_aside(call: bound.AggregateCall, values: Sequence[SqlValue], group: Local, sorter: Local, ctx: Context) -> None:
    """Keep a row's arguments under its group and the ORDER BY."""
    address = SqlValue(INTEGER, group.extend_u())
    keys = [emit_value(key.expr, ctx) for key in call.order_by]
    marks = [SqlValue(INTEGER, subtype_of(value).extend_u()) for value in values if aggregate_of(call).marked]
    row = encode_record([address, *values, *marks], ctx)
    ctx.do("key_reset", ctx.stmt)
    ctx.do("key_add", ctx.stmt, address, 0)
    for term, value in zip(call.order_by, keys, strict=True):
        ctx.do("key_add", ctx.stmt, value, key_flags(term, ctx))
    ctx.do("sorter_add", sorter, row)


def run_ordered(
    node: nodes.Aggregate, sorters: dict[int, Local], group: Local, states: Sequence[int], ctx: Context
) -> None:
    """Take the rows in, group by group. `group` is changed."""
    for number, sorter in sorters.items():
        ctx.do("sorter_sort", sorter)
        _take_in(node.aggregates[number], sorter, group, states[number], ctx)


def _take_in(call: bound.AggregateCall, sorter: Local, group: Local, state: int, ctx: Context) -> None:
    f = ctx.f
    row = f.local(I64, "row")

    def following() -> Expr:
        return f.call("sorter_next", sorter)

    def body(done: Label) -> None:
        f.set(row, f.call("sorter_row", sorter))
        aggregate, n = aggregate_of(call), len(call.args)
        columns = range(1 + n * (1 + aggregate.marked))
        found = RecordSource(row, len(columns)).decode(columns, ctx)
        f.set(group, found[0].payload.wrap())
        values = [found[at] for at in columns[1 : n + 1]]
        for value, at in zip(values, columns[n + 1 :], strict=False):
            value.subtype = found[at].payload.wrap()
        aggregate.step(call, values, group + state, False, ctx)

    visit(ctx, following, following, body)
