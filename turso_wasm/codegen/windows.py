"""Window functions: rows in order, told apart into partitions and groups of peers.

What needs to see no row but those before (`unit` "row") is computed as the rows come. Otherwise the rows of a unit,
a group of peers or a whole partition, are gathered, then answered one by one (window_frames.py, window_functions.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.kept_keys import KeptKeys, forget_at_first
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.sorting import key_flags
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.values import SqlValue
from turso_wasm.codegen.window_frames import KeptSource, Unit
from turso_wasm.codegen.window_functions import Functions, RunningFunctions
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Label, Local


def _window(node: nodes.Window, ctx: Context, then: Then) -> None:
    if node.unit == "row":
        _as_they_come(node, ctx, then)
    else:
        _gathered(node, ctx, then)


def _kept(keys: Sequence[nodes.SortKey], ctx: Context) -> KeptKeys:
    return KeptKeys([key.expr for key in keys], [key.collation for key in keys], ctx)


# --- rows in order ------------------------------------------------------------------------------------------------


def _in_order(node: nodes.Window, row: Local, ctx: Context, each: Then) -> Local:
    """Run `each` for every row; its columns are those of `node.source`, its record is in `row` if it is sorted or
    gathered. The result: a local that says whether records stay where they are.
    """
    f = ctx.f
    stays = f.local(I32, "stays")
    if node.sort:
        _sorted(node, row, stays, ctx, each)
        return stays
    f.set(stays, 0)

    def push() -> None:
        values = _columns(node, ctx)
        if node.unit == "row":
            ctx.sources[node.source] = LocalSource(values)
        else:
            f.set(row, encode_record(values, ctx))
            ctx.sources[node.source] = KeptSource(row, node)
        each()

    emit_source(node.child, ctx, push)
    return stays


def _columns(node: nodes.Window, ctx: Context) -> list[SqlValue]:
    ensure(node.outputs, ctx)
    return [emit_value(expr, ctx) for expr in node.outputs]


def _sorted(node: nodes.Window, row: Local, stays: Local, ctx: Context, each: Then) -> None:
    f = ctx.f
    sorter = f.local(I32, "sorter")
    with f.if_(sorter):  # an inner loop comes here again
        ctx.do("resource_free", ctx.stmt, sorter)
    f.set(sorter, f.call("sorter_new", ctx.stmt, -1))

    def add() -> None:
        values = _columns(node, ctx)
        ctx.sources[node.source] = LocalSource(values)
        record = encode_record(values, ctx)
        keys = (*node.partition, *node.order, *node.ties)
        made = [emit_value(key.expr, ctx) for key in keys]
        ctx.do("key_reset", ctx.stmt)
        for key, value in zip(keys, made, strict=True):
            ctx.do("key_add", ctx.stmt, value, key_flags(key, ctx))
        ctx.do("sorter_add", sorter, record)

    emit_source(node.child, ctx, add)
    ctx.do("sorter_sort", sorter)
    f.set(stays, f.call("sorter_is_in_memory", sorter))

    def body(done: Label) -> None:
        f.set(row, f.call("sorter_row", sorter))
        ctx.sources[node.source] = KeptSource(row, node)
        each()

    visit(ctx, lambda: f.call("sorter_next", sorter), lambda: f.call("sorter_next", sorter), body)


# --- as they come -------------------------------------------------------------------------------------------------


def _as_they_come(node: nodes.Window, ctx: Context, then: Then) -> None:
    f = ctx.f
    partition = _kept(node.partition, ctx)
    peers = _kept(node.order if any(call.name in ("rank", "dense_rank") for call in node.calls) else (), ctx)
    functions = RunningFunctions(node, ctx)
    forget_at_first(ctx, partition, peers, functions)
    begun = f.local(I32, "begun")
    f.set(begun, 0)

    def each() -> None:
        ensure([partition.exprs, peers.exprs], ctx)
        with f.block() as same:
            with f.block() as other:
                f.br(other, if_=begun.eqz())
                f.br(other, if_=partition.differ())
                f.br(same, if_=peers.differ().eqz())
                peers.keep()
                functions.begin_group()
                f.br(same)
            f.set(begun, 1)
            partition.keep()
            peers.keep()
            functions.begin_partition()
        functions.step()
        ctx.sources[node.source].decoded.update(functions.values())
        then()

    _in_order(node, f.local(I64, "row"), ctx, each)


# --- gathered -----------------------------------------------------------------------------------------------------


def _gathered(node: nodes.Window, ctx: Context, then: Then) -> None:
    """The body stands once, behind the source: a row leaves the source, which is entered again when the row has been
    taken in (as the arms of a UNION ALL are, rowsets.py). The row that is in no unit yet waits meanwhile.
    """
    f = ctx.f
    unit = Unit(node, ctx)
    functions = Functions(node, unit, ctx)
    partition = _kept(node.partition, ctx)
    peers = _kept(node.order if unit.has_peers else (), ctx)
    forget_at_first(ctx, partition, peers, functions)
    row, following = f.local(I64, "row"), f.local(I32, "following")
    begun, ended, other = f.local(I32, "begun"), f.local(I32, "ended"), f.local(I32, "other")
    unit.open()
    f.set(begun, 0)
    f.set(ended, 0)
    with f.block() as done, f.loop() as again:
        with f.block() as arrived:

            def leave() -> None:
                point = Point()
                ctx.remember(following, point)
                f.br(arrived)
                ctx.land(point)

            stays = _in_order(node, row, ctx, leave)
            f.set(ended, 1)
        ctx.sources[node.source] = KeptSource(row, node)
        with f.block() as member:
            with f.block() as first:
                f.set(other, 1)
                f.br(done, if_=ended & begun.eqz())
                f.br(first, if_=begun.eqz())
                with f.block() as complete:
                    f.br(complete, if_=ended)
                    f.br(complete, if_=partition.differ())
                    f.set(other, 0)
                    f.br(member, if_=peers.differ().eqz())
                    if node.unit == "partition":
                        peers.keep()
                        unit.next_group()
                        f.br(member)
                unit.answer(functions, then)
                f.br(done, if_=ended)
            ctx.sources[node.source] = KeptSource(row, node)
            f.set(begun, 1)
            peers.keep()
            unit.begin(functions, other, partition.keep)
        unit.add(row, stays)
        f.set(ctx.resume, following)
        f.br(again)


SOURCES[nodes.Window] = _window
