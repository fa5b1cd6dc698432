"""VACUUM: the kernel's steps, in a loop that can be suspended."""

from __future__ import annotations

import struct

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.transactions import key_words
from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, i64

STEP_TICKS = 1000  # a step of the kernel's takes as long as so many rows


def emit_vacuum(node: nodes.Vacuum, ctx: Context) -> None:
    """Steps until there are no more."""
    f = ctx.f
    data = b"".join(struct.pack("<ii", row, renumbered) for row, renumbered in node.objects)
    objects = ctx.data_address(data, align=8)
    work = f.local(I32, "work")
    given = (ctx.stmt, node.slot, objects, len(node.objects))
    if node.child is None:
        f.set(work, f.call("vacuum_begin", *given))
    else:

        def begin() -> None:
            ensure([expr for expr in (node.into, node.key) if expr is not None], ctx)
            key = key_words(node.key, ctx)
            if node.into is None:
                f.set(work, f.call("vacuum_rekey", *given, *key[1:]))
            else:
                f.set(work, f.call("vacuum_into", *given, *emit_value(node.into, ctx).pair, *key))

        emit_source(node.child, ctx, begin)
    with f.block() as done, f.loop() as top:
        f.br(done, if_=f.call("vacuum_step", work).eqz())
        ctx.tick(STEP_TICKS)
        f.br(top)
    if node.inserts:
        connection = f.load("i32", ctx.stmt, Run.offset("connection"))
        f.store("i64", connection, i64(len(node.objects)), KernelConnection.offset("last_insert_rowid"))


ROOTS[nodes.Vacuum] = emit_vacuum
