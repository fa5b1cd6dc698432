"""Text encodings: what code for a UTF-16 database does besides, and code for a UTF-8 one does not.

In flight all text is UTF-8. It is converted where an entry of a b-tree is read or written and where a key is sought in
one; and where SQL shows the bytes of a text or takes bytes for text, which are then in the encoding of the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.values import SqlValue, mask
from turso_wasm.kernel.abi import BLOB, NULL, TEXT, UTF8, UTF16LE
from turso_wasm.wasm.dsl import I32, Expr, Local

# Functions to which a blob is not the text that its bytes are.
TAKES_BLOBS = frozenset(("instr", "length", "quote", "rtreedepth", "rtreenode", "substr", "substring", "typeof"))
SHOWS_BYTES = {"hex": "text_bytes", "octet_length": "stored_bytes"}


def _converted(routine: str, value: SqlValue, ctx: Context, types: int | None = None) -> SqlValue:
    return ctx.call_alloc(routine, value, ctx.unit.encoding, types=value.types if types is None else types)


def loaded(value: SqlValue, ctx: Context) -> SqlValue:
    """A value that was read from an entry of a b-tree."""
    if ctx.unit.encoding == UTF8 or not value.may_be(TEXT):
        return value
    return _converted("text_loaded", value, ctx)


def stored_constant(value: int | float | str | bytes | None, ctx: Context) -> SqlValue:
    """A constant as an entry would hold it."""
    if ctx.unit.encoding == UTF8 or not isinstance(value, str):
        return ctx.constant(value)
    codec = "utf-16-le" if ctx.unit.encoding == UTF16LE else "utf-16-be"
    return SqlValue(TEXT, ctx.blob(value.encode(codec, "surrogatepass")))


def store_field(block: Expr, value: SqlValue, at: int, ctx: Context) -> None:
    """Write a field of a key that is sought in a b-tree to its Value."""
    if ctx.unit.encoding != UTF8 and value.may_be(TEXT):
        value = _converted("text_stored", value, ctx)
    ctx.store_value(block, value, at)


def encode_entry(values: Sequence[SqlValue], ctx: Context) -> Local:
    """Encode values as the record of a b-tree's entry, in the arena; the blob in a local."""
    if ctx.unit.encoding == UTF8:
        return encode_record(values, ctx)
    f = ctx.f
    ctx.allocates = True
    block = f.local(I32, "fields", ctx.frame_values(len(values)))
    for at, value in enumerate(values):
        ctx.store_value(block, value, at)
    ctx.do("texts_stored", ctx.stmt, block, len(values), ctx.unit.encoding)
    return encode_record([ctx.load_value(block, at) for at in range(len(values))], ctx)


def as_text(value: SqlValue, ctx: Context) -> SqlValue:
    """An operand or argument that counts as text, or as the number it begins with, also when it is a blob."""
    if ctx.unit.encoding == UTF8 or not value.may_be(BLOB):
        return value
    return _converted("bytes_text", value, ctx, value.types & ~mask(BLOB) | mask(TEXT))


def argument(value: SqlValue, function: str, ctx: Context) -> SqlValue:
    """An argument of a function of the kernel's."""
    if ctx.unit.encoding == UTF8:
        return value
    if function in SHOWS_BYTES:
        return _converted(SHOWS_BYTES[function], value, ctx, value.types & ~mask(TEXT) | mask(BLOB))
    return (
        value if function in TAKES_BLOBS or function.startswith(("json", "geopoly", "rtree")) else as_text(value, ctx)
    )


def as_bytes(value: SqlValue, ctx: Context) -> SqlValue:
    """The operand of CAST AS BLOB."""
    if ctx.unit.encoding == UTF8:
        return value
    return _converted("stored_bytes", value, ctx, mask(BLOB, NULL))
