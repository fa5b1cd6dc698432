"""Rows as records, and bytes that outlive the row they came from: copied values, kept rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import TEXTUAL, SqlValue
from turso_wasm.kernel.abi import TEXT
from turso_wasm.kernel.abi_states import KeptRow
from turso_wasm.wasm.dsl import I32, I64, Expr, Local


def encode_record(values: Sequence[SqlValue], ctx: Context) -> Local:
    """Encode values as a record in the arena; the blob in a local."""
    f = ctx.f
    ctx.allocates = True
    block = f.local(I32, "fields", ctx.frame_values(len(values)))
    for at, value in enumerate(values):
        ctx.store_value(block, value, at)
    return f.local(I64, "record", f.call("record_encode", ctx.stmt, block, len(values)))


def copied(value: SqlValue, allocate: Callable[[Expr], Expr], ctx: Context) -> SqlValue:
    """The value, its bytes in memory of `allocate(size)`."""
    f = ctx.f
    if not value.types & TEXTUAL:
        return value
    payload = f.local(I64, "", value.payload)
    with f.if_(value.tag_expr >= TEXT):
        size = f.local(I32, "", payload.shr_u(32).wrap())
        copy = f.local(I32, "", allocate(size))
        f.memory_copy(copy, payload.wrap(), size)
        f.set(payload, copy.extend_u() | (size.extend_u() << 32))
    return SqlValue(value.tag, payload, value.types)


def kept_record(row: Local, head: int, ctx: Context) -> Expr:
    """The record of a kept row, as a blob."""
    return (row + head).extend_u() | (ctx.f.load("i32", row, KeptRow.offset("size")).extend_u() << 32)
