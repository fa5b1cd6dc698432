"""The keys of an earlier row, for rows that come in the order of their keys: is this one of the same group?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import compare_values
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.values import TEXTUAL, SqlValue
from turso_wasm.kernel.abi_states import ExtremeState
from turso_wasm.wasm.dsl import I32, Local

KEPT_SIZE = ExtremeState.size  # a Value and the memory that its text is copied to, again and again


class KeptKeys:
    """Keys, and the values that they had in an earlier row, copied to the frame."""

    def __init__(self, exprs: Sequence[bound.Expr], collations: Sequence[str], ctx: Context) -> None:
        self.exprs = exprs
        self.collations = collations
        self.ctx = ctx
        self.at = ctx.frame_alloc(max(len(exprs), 1) * KEPT_SIZE)

    def forget(self) -> None:
        """There is no earlier row, nor memory for its texts."""
        self.ctx.f.memory_fill(self.ctx.frame + self.at, 0, len(self.exprs) * KEPT_SIZE)

    def differ(self) -> Local:
        """i32: the current row has other keys."""
        ctx, f = self.ctx, self.ctx.f
        different = f.local(I32, "different")
        f.set(different, 0)
        if self.exprs:
            ensure(self.exprs, ctx)
            with f.block() as found:
                f.set(different, 1)
                for value, kept, collation in zip(self._current(), self.values(), self.collations, strict=True):
                    f.br(found, if_=compare_values("is", value, kept, collation, ctx).eqz())
                f.set(different, 0)
        return different

    def keep(self) -> None:
        """Remember the keys of the current row."""
        ensure(self.exprs, self.ctx)
        for number, value in enumerate(self._current()):
            keep_value(value, self.at + number * KEPT_SIZE, self.ctx)

    def values(self) -> list[SqlValue]:
        """The keys of the earlier row."""
        return [self.ctx.load_value(self.ctx.frame, at=self.at + at * KEPT_SIZE) for at in range(len(self.exprs))]

    def _current(self) -> list[SqlValue]:
        return [emit_value(expr, self.ctx) for expr in self.exprs]


def keep_value(value: SqlValue, at: int, ctx: Context) -> None:
    """Copy a value to this place of the frame, of KEPT_SIZE bytes."""
    if value.types & TEXTUAL:
        ctx.do("extreme_set", ctx.stmt, ctx.frame + at, value)
    else:
        ctx.store_value(ctx.frame + at, value)


class Memory(Protocol):
    """Memory of the frame that may refer to what an activation has allocated."""

    def forget(self) -> None:
        """Emit: it refers to nothing."""


def forget_at_first(ctx: Context, *memories: Memory) -> None:
    """Emit, where a loop around may come again: what an earlier activation of the routine had allocated is gone."""
    entered = ctx.f.local(I32, "entered")
    with ctx.f.if_(entered.eqz()):
        ctx.f.set(entered, 1)
        for memory in memories:
            memory.forget()
