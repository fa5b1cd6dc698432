"""Common tables that are run once: a routine keeps their rows, whoever reads them visits the list.

The routine's frame stays until the statement ends. In it: the first and the last row (records.py).
"""

from __future__ import annotations

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import ROW_HEAD, ROW_NEXT, append_row, keep_row, kept_record
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.unit import Routine
from turso_wasm.kernel.abi import Frame
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label

FIRST, LAST = Frame.size, Frame.size + 4


def _shared_scan(node: nodes.SharedScan, ctx: Context, then: Then) -> None:
    f = ctx.f
    shared = node.shared
    routine = ctx.unit.routines.get(id(shared)) or _compile(shared, ctx)

    def run(slot: Expr) -> None:
        frame = ctx.frame_at(slot, routine)
        ctx.leave(frame)  # of a trigger's earlier activation
        ctx.activate(routine, frame, keep=True)

    slot = ctx.once(shared, 8, run)
    row = f.local(I32, "row")
    record = f.local(I64, "record")

    def begin() -> Expr:
        f.set(row, f.load("i32", f.load("i32", slot), FIRST))
        return row

    def advance() -> Expr:
        f.set(row, f.load("i32", row, ROW_NEXT))
        return row

    def body(done: Label) -> None:
        f.set(record, kept_record(row, ROW_HEAD, ctx))
        ctx.sources[node.source] = RecordSource(record, len(shared.outputs))
        then()

    visit(ctx, begin, advance, body)


def _compile(shared: nodes.Shared, caller: Context) -> Routine:
    ctx = caller.routine("shared", has_loop(shared.child))
    f = ctx.f
    first = ctx.frame_alloc(8)
    assert first == FIRST
    ctx.zero_at_start(FIRST)
    ctx.zero_at_start(LAST)
    memory = f.local(I32, "memory", f.call("hash_new", ctx.stmt, 0))

    def keep() -> None:
        ensure(shared.outputs, ctx)
        new = keep_row([emit_value(expr, ctx) for expr in shared.outputs], memory, ROW_HEAD, ctx)
        append_row(new, ctx.frame + FIRST, ctx.frame + LAST, ROW_NEXT, ctx)

    emit_source(shared.child, ctx, keep)
    routine = caller.unit.routines[id(shared)] = ctx.finish()
    return routine


SOURCES[nodes.SharedScan] = _shared_scan
