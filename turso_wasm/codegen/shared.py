"""Common tables that are run once: a routine keeps their rows, whoever reads them visits the list.

The routine's frame stays until the statement ends. In it: the first and the last row. A row: the next one, the size of
the record, the record.
"""

from __future__ import annotations

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.joins import encode_record
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.unit import Routine
from turso_wasm.kernel.abi import Frame
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label

FIRST, LAST = Frame.size, Frame.size + 4
ROW_SIZE, ROW_RECORD = 4, 8


def _shared_scan(node: nodes.SharedScan, ctx: Context, then: Then) -> None:
    f = ctx.f
    shared = node.shared
    routine = ctx.unit.routines.get(id(shared)) or _compile(shared, ctx)

    def run(slot: Expr) -> None:
        ctx.activate(routine, ctx.frame_at(slot, routine), keep=True)

    slot = ctx.once(shared, 8, run)
    row = f.local(I32, "row")
    record = f.local(I64, "record")

    def begin() -> Expr:
        f.set(row, f.load("i32", f.load("i32", slot), FIRST))
        return row

    def advance() -> Expr:
        f.set(row, f.load("i32", row))
        return row

    def body(done: Label) -> None:
        f.set(record, (row + ROW_RECORD).extend_u() | (f.load("i32", row, ROW_SIZE).extend_u() << 32))
        ctx.sources[node.source] = RecordSource(record, len(shared.outputs))
        then()

    visit(ctx, begin, advance, body)


def _compile(shared: nodes.Shared, caller: Context) -> Routine:
    ctx = caller.routine("shared", has_loop(shared.child))
    f = ctx.f
    first = ctx.frame_alloc(8)
    assert first == FIRST
    memory = f.local(I32, "memory", f.call("hash_new", ctx.stmt, 0))

    def keep() -> None:
        ensure(shared.outputs, ctx)
        blob = encode_record([emit_value(expr, ctx) for expr in shared.outputs], ctx)
        size = f.local(I32, "size", blob.shr_u(32).wrap())
        new = f.local(I32, "new", f.call("hash_alloc", memory, size + ROW_RECORD))
        f.store("i32", new, 0)
        f.store("i32", new, size, ROW_SIZE)
        f.memory_copy(new + ROW_RECORD, blob.wrap(), size)
        last = f.local(I32, "last", f.load("i32", ctx.frame, LAST))
        with f.if_(last):
            f.store("i32", last, new)
            f.else_()
            f.store("i32", ctx.frame, new, FIRST)
        f.store("i32", ctx.frame, new, LAST)

    emit_source(shared.child, ctx, keep)
    routine = caller.unit.routines[id(shared)] = ctx.finish()
    return routine


SOURCES[nodes.SharedScan] = _shared_scan
