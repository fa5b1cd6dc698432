"""Rows of which those with equal keys come one after the other: a *run* of them at a time.

The body about a complete run stands once, before the code that takes in the row which begins the next one; the last run
enters it when there are no more rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import ensure, ensure_outer
from turso_wasm.codegen.kept_keys import KeptKeys
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.sources import decoded_columns, forget_since
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, Label


class Run(Protocol):
    """What rows are taken into."""

    keys: KeptKeys

    def begin(self) -> None:
        """Emit: with the current row a run begins, whose keys are to be kept."""

    def goes_on(self, same: Label) -> None:
        """Emit: go there if the current row is one of the run."""

    def take(self) -> None:
        """Emit: take in the current row."""


def emit_runs(child: nodes.Plan, run: Run, needed: Sequence[object], ctx: Context, then: Callable[[], None]) -> None:
    """Emit `then` for each run of the rows of `child`. needed: expressions that every row is read for."""
    f = ctx.f
    begun, is_last = f.local(I32, "begun"), f.local(I32, "is_last")
    f.set(begun, 0)
    f.set(is_last, 0)
    point = Point()
    ensure_outer(child, ctx)
    with f.block() as done, f.loop() as again:

        def each() -> None:
            ensure([run.keys.exprs, *needed], ctx)
            before = decoded_columns(ctx)
            with f.block() as same:
                with f.block() as first:
                    f.br(first, if_=begun.eqz())
                    run.goes_on(same)
                    ctx.land(point)
                    with ctx.repeated():
                        forget_since(before, ctx)
                        then()
                    forget_since(before, ctx)
                    f.br(done, if_=is_last)
                f.set(begun, 1)
                run.begin()
            run.take()

        emit_source(child, ctx, each)
        f.br(done, if_=begun.eqz())
        f.set(is_last, 1)
        ctx.goto(point)
        f.br(again)
