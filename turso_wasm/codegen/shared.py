"""Common tables that are run once: a routine keeps their rows, whoever reads them visits the list.

The routine's frame stays until the statement ends. In it: the rows (kernel/values/kept_rows.py).
"""

from __future__ import annotations

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import encode_record, kept_record
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.unit import Routine
from turso_wasm.kernel.abi import Frame
from turso_wasm.kernel.abi_states import IN_FILE, KeptRow
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label

ROWS = Frame.size


def _shared_scan(node: nodes.SharedScan, ctx: Context, then: Then) -> None:
    f = ctx.f
    shared = node.shared
    routine = ctx.unit.routines.get(id(shared)) or _compile(shared, ctx)

    def run(at: Expr) -> None:
        frame = ctx.frame_at(at, routine)
        ctx.leave(frame)  # of a trigger's earlier activation
        ctx.activate(routine, frame, keep=True)

    at = ctx.once(shared, 8, run)
    row = f.local(I32, "row")
    record = f.local(I64, "record")

    rows, reader = f.local(I32, "rows"), f.local(I32, "reader")
    with f.if_(reader):  # an inner loop comes here again
        ctx.do("resource_free", ctx.stmt, reader)
        f.set(reader, 0)

    def in_file() -> None:
        with f.if_(row == IN_FILE):
            with f.if_(reader.eqz()):
                f.set(reader, f.call("kept_rows_reader", ctx.stmt, rows))
            f.set(row, f.call("kept_rows_next", reader))

    def begin() -> Expr:
        f.set(rows, f.load("i32", f.load("i32", at), ROWS))
        f.set(row, f.call("kept_rows_first", rows))
        in_file()
        return row

    def advance() -> Expr:
        f.set(row, f.load("i32", row, KeptRow.offset("next")))
        in_file()
        return row

    def body(done: Label) -> None:
        f.set(record, kept_record(row, KeptRow.size, ctx))
        ctx.sources[node.source] = RecordSource(record, len(shared.outputs))
        then()

    visit(ctx, begin, advance, body)


def _compile(shared: nodes.Shared, caller: Context) -> Routine:
    ctx = caller.routine("shared", has_loop(shared.child))
    f = ctx.f
    place = ctx.frame_alloc(4)
    assert place == ROWS
    rows = f.local(I32, "rows", f.call("kept_rows_new", ctx.stmt))
    f.store("i32", ctx.frame, rows, ROWS)

    def keep() -> None:
        ensure(shared.outputs, ctx)
        record = encode_record([emit_value(expr, ctx) for expr in shared.outputs], ctx)
        ctx.do("kept_rows_add", rows, record)

    emit_source(shared.child, ctx, keep)
    ctx.do("kept_rows_end", rows)
    routine = caller.unit.routines[id(shared)] = ctx.finish()
    return routine


SOURCES[nodes.SharedScan] = _shared_scan
