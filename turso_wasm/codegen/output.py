"""Result rows: the root of a SELECT, and RETURNING."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.values import NUMERIC_TYPES, SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Expr, i32


def emit_output(node: nodes.Output, ctx: Context) -> None:
    """A result row for each row of the child."""

    def each() -> None:
        full = ctx.f.local(I32, "full")
        ctx.f.set(full, row(node.exprs, ctx))
        if node.single:
            return
        ctx.rows_full(full)

    emit_source(node.child, ctx, each)


def emit_row(exprs: Sequence[bound.Expr], ctx: Context) -> None:
    """A result row that never suspends (RETURNING: all changes are made before the first row is seen)."""
    ctx.f.do(row(exprs, ctx))


def row(exprs: Sequence[bound.Expr], ctx: Context) -> Expr:
    """Write a row to the result buffer; i32: the buffer is full."""
    ensure(exprs, ctx)
    values = [emit_value(expr, ctx) for expr in exprs]
    if ctx.unit.profile is not None:
        ctx.unit.profile.drop_row(values, ctx)
        return i32(0)
    return _put_all(values, ctx)


def show_row(values: Sequence[SqlValue], ctx: Context) -> None:
    """A result row of these values, which never suspends."""
    ctx.f.do(_put_all(values, ctx))


def _put_all(values: Sequence[SqlValue], ctx: Context) -> Expr:
    f = ctx.f
    address = f.local(I32, "row", f.call("row_begin", ctx.stmt))
    first = (len(values) + 7) & ~7
    for at, value in enumerate(values):
        _put(value, address, at, first, ctx)
    return f.call("row_end", ctx.stmt)


def _put(value: SqlValue, address: Expr, at: int, first: int, ctx: Context) -> None:
    if value.is_always(NULL):
        return
    if value.types & ~(NUMERIC_TYPES | 1 << NULL):
        ctx.do("row_set", ctx.stmt, address, at, value)
        return
    ctx.f.store("i32_8", address, value.tag_expr, at)
    ctx.f.store("i64", address, value.payload, first + 8 * at)


def emit_count_changes(node: nodes.CountChanges, ctx: Context) -> None:
    """A write, then the number of its changes."""
    emit_root(node.child, ctx)
    emit_count(ctx.f.load("i64", ctx.stmt, Run.offset("changes")), ctx)


def emit_count(count: Expr, ctx: Context) -> None:
    """A row with a number."""
    f = ctx.f
    address = f.local(I32, "row", f.call("row_begin", ctx.stmt))
    f.store("i32_8", address, INTEGER, 0)
    f.store("i64", address, count, 8)
    ctx.do("row_end", ctx.stmt)


ROOTS.update({nodes.Output: emit_output, nodes.CountChanges: emit_count_changes})
