"""Recursive common tables: a queue of rows; each that leaves it is handed on, then run through the recursive steps."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.hashing import add_key, hash_found
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.sorting import key_flags
from turso_wasm.codegen.sources import LocalSource, RecordSource
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local


def _recursive(node: nodes.Recursive, ctx: Context, then: Then) -> None:
    f = ctx.f
    queue, seen = _resource("queue", "queue_new", (), ctx), None
    if node.distinct is not None:
        seen = _resource("seen", "hash_new", (0,), ctx)

    def rows(child: nodes.Plan, outputs: Sequence[bound.Expr]) -> None:
        emit_source(child, ctx, lambda: _put(node, outputs, queue, seen, ctx))

    rows(node.initial, node.outputs[0])
    row = f.local(I64, "row")

    def body(done: Label) -> None:
        f.set(row, f.call("queue_row", queue))
        ctx.sources[node.source] = RecordSource(row, len(node.outputs[0]))
        then()
        for step, outputs in zip(node.steps, node.outputs[1:], strict=True):
            ctx.sources[node.source] = RecordSource(row, len(outputs))
            rows(step, outputs)

    def following() -> Expr:
        return f.call("queue_next_ordered" if node.keys else "queue_next", queue)

    visit(ctx, following, following, body)


def _resource(name: str, routine: str, args: tuple[int, ...], ctx: Context) -> Local:
    """A new resource in a local; the one that an earlier round left there goes."""
    local = ctx.f.local(I32, name)
    with ctx.f.if_(local):
        ctx.do("resource_free", ctx.stmt, local)
    ctx.f.set(local, ctx.f.call(routine, ctx.stmt, *args))
    return local


def _put(node: nodes.Recursive, outputs: Sequence[bound.Expr], queue: Local, seen: Local | None, ctx: Context) -> None:
    """Put a row into the queue."""
    with ctx.row_memory(), ctx.f.block() as repeated:
        ensure(outputs, ctx)
        values = [emit_value(expr, ctx) for expr in outputs]
        if seen is not None and node.distinct is not None:
            add_key(seen, values, node.distinct, ctx)
            ctx.f.br(repeated, if_=hash_found(seen))
        record = encode_record(values, ctx)
        if node.keys:
            ctx.sources[node.source] = LocalSource(values)
            keys = [emit_value(key.expr, ctx) for key in node.keys]
            ctx.do("key_reset", ctx.stmt)
            for key, value in zip(node.keys, keys, strict=True):
                ctx.do("key_add", ctx.stmt, value, key_flags(key, ctx))
        ctx.do("queue_add_ordered" if node.keys else "queue_add", queue, record)


SOURCES[nodes.Recursive] = _recursive
