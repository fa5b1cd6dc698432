"""The driver of a Program whose triggers may nest deeper than the engine's stack holds (kernel/session/triggers.py).

The levels are cut into segments. Only the innermost segment is on the stack: all others are suspended, each waiting
for the trigger at the base of the next. The driver enters the innermost segment at its base until it ends, asks for a
deeper one, or has something for the host.
"""

from __future__ import annotations

from turso_wasm.codegen.context import Context
from turso_wasm.kernel.abi import DEEPER, DONE, Activation, Run
from turso_wasm.wasm.dsl import I32


def emit_driver(ctx: Context) -> None:
    """Put a driver before the statement, if it has triggers that may begin a segment: that is `step` then."""
    bases = ctx.unit.bases
    if not bases:
        return
    ctx.f.export_name = ""
    f = ctx.module.function("driver", params=[("stmt", I32)], results=[I32], export="step")
    stmt = f.params[0]
    status, base = f.local(I32, "status"), f.local(I32, "base")
    with f.loop() as again:
        f.set(base, f.load("i32", stmt, Run.offset("segment")))
        with f.if_(base) as statement:
            f.store("i32", stmt, base, Run.offset("scope"))
            number = f.local(I32, "number", f.load("i32", base, Activation.offset("routine")))
            for at, routine in enumerate(bases):
                with f.if_(number == at):
                    f.call_own(status, routine.function, stmt, base)
            statement.else_()
            f.call_own(status, ctx.f, stmt)
        with f.if_(status == DEEPER):
            f.do(f.call("segment_push", stmt))
            f.br(again)
        with f.if_((status == DONE) & (base != 0)):
            f.do(f.call("segment_pop", stmt))
            f.br(again)
    f.ret(status)
