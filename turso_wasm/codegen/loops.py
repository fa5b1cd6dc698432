"""Row loops: the registry of emitters of row sources, and the one shape of loop they all use."""

from __future__ import annotations

from collections.abc import Callable

from turso_wasm.codegen.context import Context, Then
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Expr, Label

SOURCES: dict[type, Callable[..., None]] = {}


def visit(ctx: Context, begin: Callable[[], Expr], advance: Callable[[], Expr], body: Callable[[Label], None]) -> None:
    """`begin()`, then `body(done)` for each row until `advance()` says 0; `done` is the label behind the loop."""
    f = ctx.f
    with f.block() as done:
        f.br(done, if_=begin().eqz())
        with ctx.repeated(), f.loop() as top:
            ctx.tick()
            with ctx.row_memory(), f.block():
                body(done)
            f.br(top, if_=advance())


def emit_source(node: nodes.Plan, ctx: Context, then: Then) -> None:
    """Run `then` for each row of `node`."""
    emit, observer = SOURCES[type(node)], ctx.unit.profile or ctx.unit.labels
    if observer is None:
        emit(node, ctx, then)
    else:
        observer.measure(node, ctx, then, emit)
