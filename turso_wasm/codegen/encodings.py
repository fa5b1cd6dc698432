"""Text encodings: what code for a UTF-16 database does besides, and code for a UTF-8 one does not.

In flight all text is UTF-8. It is converted where an entry of a b-tree is read or written and where a key is sought in
one; and where SQL shows the bytes of a text or takes bytes for text, which are then in the encoding of the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.values import SqlValue, mask
from turso_wasm.kernel.abi import BLOB, NULL, REAL, TEXT, UTF8, UTF16LE
from turso_wasm.wasm.dsl import I32, Expr, Local

SHOWS_BYTES = {"hex": "text_bytes", "octet_length": "stored_bytes"}
ENCODED = {"instr": "instr_encoded"}
"""Functions that have a routine of their own, which takes the encoding too."""

# fmt: off
_NUMBERS = frozenset((
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh", "degrees", "exp",
    "floor", "ln", "log10", "log2", "mod", "pow", "power", "radians", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
    "trunc",
))
"""Functions to which a blob is no number."""
_VALUES = frozenset((
    "instr", "length", "quote", "typeof", "subtype", "unistr_quote", "json_array", "jsonb_array", "json_object",
    "jsonb_object", "json_quote", "bin_record_json_object",
))
"""Functions to which a blob is not the text that its bytes are."""
# fmt: on
_TAKES_ONE_BLOB = frozenset(("substr", "substring", "log"))
"""As their first argument."""
_CHANGES = tuple(form + name for form in ("json_", "jsonb_") for name in ("array_insert", "insert", "replace", "set"))
"""Functions of JSON whose values are their third, fifth, … arguments."""


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


def arguments(values: Sequence[SqlValue], function: str, ctx: Context) -> list[SqlValue]:
    """Those of a function of the kernel's."""
    if ctx.unit.encoding == UTF8:
        return list(values)
    return [_argument(value, function, at, ctx) for at, value in enumerate(values)]


def _argument(value: SqlValue, function: str, at: int, ctx: Context) -> SqlValue:
    if function in SHOWS_BYTES:
        return _converted(SHOWS_BYTES[function], value, ctx, value.types & ~mask(TEXT) | mask(BLOB))
    if function in _NUMBERS or function in _VALUES or function.startswith(("geopoly", "rtree")):
        return value
    if (function in _TAKES_ONE_BLOB and at == 0) or (function in _CHANGES and at > 0 and at % 2 == 0):
        return value
    if function.startswith(("json", "->")) and (at == 0 or function.endswith("_patch")):
        converted = as_document(value, ctx)
    else:
        converted = as_text(value, ctx)
    converted.subtype = value.subtype
    return converted


def as_document(value: SqlValue, ctx: Context) -> SqlValue:
    """An argument that is JSON: text, or JSONB."""
    if ctx.unit.encoding == UTF8 or not value.may_be(BLOB):
        return value
    return _converted("document_text", value, ctx, value.types | mask(TEXT))


def as_real(value: SqlValue, ctx: Context) -> SqlValue:
    """An operand of an aggregate to which a text may be an integer, but a blob is a REAL."""
    if ctx.unit.encoding == UTF8 or not value.may_be(BLOB):
        return value
    return _converted("bytes_real", value, ctx, value.types & ~mask(BLOB) | mask(REAL))


def concatenated(left: SqlValue, right: SqlValue, ctx: Context) -> SqlValue:
    """`left` || right."""
    types = mask(TEXT, NULL)
    if ctx.unit.encoding != UTF8 and (left.may_be(BLOB) or right.may_be(BLOB)):
        return ctx.call_alloc("bytes_concat", left, right, ctx.unit.encoding, types=types)
    return ctx.call_alloc("value_concat", left, right, types=types)


def result(value: SqlValue, ctx: Context) -> SqlValue:
    """What a function returns: SQLite converts it from UTF-8."""
    if ctx.unit.encoding == UTF8 or not value.may_be(TEXT):
        return value
    converted = ctx.call_alloc("text_result", value, types=value.types)
    converted.subtype = value.subtype
    return converted


def as_bytes(value: SqlValue, ctx: Context) -> SqlValue:
    """The operand of CAST AS BLOB."""
    if ctx.unit.encoding == UTF8:
        return value
    return _converted("stored_bytes", value, ctx, mask(BLOB, NULL))
