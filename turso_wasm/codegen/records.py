"""Rows as records, and bytes that outlive the row they came from: copied values, rows kept in linked lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import TEXTUAL, SqlValue
from turso_wasm.kernel.abi import TEXT
from turso_wasm.wasm.dsl import I32, I64, Expr, Local

# A kept row begins with the next row of its list and the size of its record; the record comes last.
ROW_NEXT, ROW_BYTES, ROW_HEAD = 0, 4, 8


def encode_record(values: Sequence[SqlValue], ctx: Context) -> Local:
    """Encode values as a record in the arena; the blob in a local."""
    f = ctx.f
    ctx.allocates = True
    slots = f.local(I32, "fields", ctx.frame_values(len(values)))
    for at, value in enumerate(values):
        ctx.store_value(slots, value, at)
    return f.local(I64, "record", f.call("record_encode", ctx.stmt, slots, len(values)))


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


def keep_row(values: Sequence[SqlValue], hash_: Local, head: int, ctx: Context) -> Local:
    """A new row in a hash table's memory: `head` bytes (ROW_HEAD of them set), then the record. In no list yet."""
    f = ctx.f
    blob = encode_record(values, ctx)
    size = f.local(I32, "size", blob.shr_u(32).wrap())
    new = f.local(I32, "new", f.call("hash_alloc", hash_, size + head))
    f.store("i32", new, 0, ROW_NEXT)
    f.store("i32", new, size, ROW_BYTES)
    f.memory_copy(new + head, blob.wrap(), size)
    return new


def kept_record(row: Local, head: int, ctx: Context) -> Expr:
    """The record of a kept row, as a blob."""
    return (row + head).extend_u() | (ctx.f.load("i32", row, ROW_BYTES).extend_u() << 32)


def append_row(new: Local, first: Expr, last: Expr, link: int, ctx: Context) -> None:
    """Put a row at the end of the list whose ends are stored at `first` and `last`, linked at offset `link`."""
    f = ctx.f
    end = f.local(I32, "end", f.load("i32", last))
    with f.if_(end):
        f.store("i32", end, new, link)
        f.else_()
        f.store("i32", first, new)
    f.store("i32", last, new)
