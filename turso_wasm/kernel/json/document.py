"""Documents: what an argument holds, as JSONB; and values of SQL as elements and back.

A text is parsed once while it is asked for again soon: the last few texts and what they were parsed to are kept.

Invariants:
  D1  A document that `document` gave stays where it is until KEPT other texts have been parsed.
  D2  Keeping costs two copies. Where texts do not come again (PATIENCE) only some are kept, to notice when they do.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.functions.text import same_bytes
from turso_wasm.kernel.json.element import (
    ARRAY,
    FALSE_ELEMENT,
    FLOAT,
    INT,
    INT5,
    NULL_ELEMENT,
    OBJECT,
    TEXT_J,
    TEXT_RAW,
    TRUE_ELEMENT,
    child,
    element,
    put_element,
    raise_malformed,
)
from turso_wasm.kernel.json.parse import Parser, parse_text
from turso_wasm.kernel.json.path import has_escapes
from turso_wasm.kernel.json.render import hex_value, put_compact, put_string
from turso_wasm.kernel.json.scan import put_unescaped
from turso_wasm.kernel.json.validity import VALID, check_element
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.number import NUMBER_WHOLE, is_digit, text_to_number, text_to_real
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.utf16 import bytes_text
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, text_value, to_text
from turso_wasm.wasm.lang import (
    Struct,
    bits,
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    lit,
    memory_copy,
    ptr,
    scratch,
    sizeof,
    u8,
)

__subset__ = True

JSON_SUBTYPE = 74
KEPT = 4
KEPT_MAX = 262144  # bytes of a text that is kept
PATIENCE = 32  # so many texts in a row were in vain: only
SAMPLED = 9  # every ninth is kept (an odd number: texts may be asked for in pairs)


class Kept(Struct):
    """A text and its document, in one block of memory."""

    text: ptr[u8]
    text_size: i32
    size: i32
    capacity: i32


kept: i32 = 0  # KEPT structs Kept, once there is one
kept_next: i32 = 0
misses: i32 = 0  # texts in a row that were not kept


# --- parsed texts -----------------------------------------------------------------------------------------------


def find_kept(p: ptr[u8], n: i32) -> Kept:
    """The kept text of these bytes, or null."""
    if kept:
        for i in range(KEPT):
            k: Kept = ptr[Kept](kept)[i]
            if k.text_size == n and same_bytes(k.text, p, n):
                return k
    return Kept(0)


def keep(p: ptr[u8], n: i32, doc: ptr[u8], size: i32) -> None:
    """Keep a text and its document in the place of the one kept longest. Raises SQLITE_NOMEM."""
    global kept, kept_next
    if n == 0 or n > KEPT_MAX:
        return
    if not kept:
        kept = i32(mzalloc(KEPT * sizeof(Kept)))
    k: Kept = ptr[Kept](kept)[kept_next]
    kept_next = (kept_next + 1) % KEPT
    k.text_size = 0
    if n + size > k.capacity or (k.capacity > 4096 and (n + size) * 4 < k.capacity):
        if k.text:
            mfree(k.text)
            k.text = ptr[u8](0)
            k.capacity = 0
        k.text = malloc(2 * (n + size))
        k.capacity = 2 * (n + size)
    memory_copy(k.text, p, n)
    memory_copy(k.text + n, doc, size)
    k.text_size = n
    k.size = size


def parsed(stmt: Run, p: ptr[u8], n: i32) -> tuple[ptr[u8], i32]:
    """(document, its size) of a text; size 0 when it is malformed. Raises SQLITE_TOOBIG, SQLITE_NOMEM."""
    global misses
    n = terminated_size(p, n)
    k: Kept = find_kept(p, n)
    if k:
        misses = 0
        return k.text + n, k.size
    misses += 1
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not parse_text(ps, p, n, b):
        return b.data, 0
    if misses < PATIENCE or misses % SAMPLED == 0:
        keep(p, n, b.data, b.size)
    return b.data, b.size


# --- arguments --------------------------------------------------------------------------------------------------


def looks_binary(p: ptr[u8], n: i32) -> bool:
    """Whether a blob can be JSONB: one element fills it. A short one that may be text must be sound, too."""
    kind, start, behind = element(p, 0, n)
    if kind < 0 or kind > OBJECT or behind != n or (kind <= FALSE_ELEMENT and start < n):
        return False
    may_be_text: bool = n < 9 and (p[0] == 91 or p[0] == 123 or is_digit(p[0]))
    return not may_be_text or check_element(p, 0, n, 1) == VALID


@export
def document_text(stmt: Run, tag: i32, payload: i64, encoding: i32) -> tuple[i32, i64]:
    """An argument in a UTF-16 database: a BLOB that is no JSONB as the TEXT of its bytes."""
    if tag == BLOB and not looks_binary(bytes_of(payload), size_of(payload)):
        return bytes_text(stmt, tag, payload, encoding)
    return tag, payload


def document_or_none(stmt: Run, tag: i32, payload: i64) -> tuple[ptr[u8], i32]:
    """(document, size) of an argument that is not NULL; size 0 when it is malformed."""
    if tag == BLOB and looks_binary(bytes_of(payload), size_of(payload)):
        return bytes_of(payload), size_of(payload)
    text: i64 = to_text(stmt, tag, payload)
    return parsed(stmt, bytes_of(text), size_of(text))


def document(stmt: Run, tag: i32, payload: i64) -> tuple[ptr[u8], i32]:
    """(document, size) of an argument that is not NULL. Raises "malformed JSON", SQLITE_TOOBIG, SQLITE_NOMEM."""
    p, n = document_or_none(stmt, tag, payload)
    if n == 0:
        raise_malformed()
    return p, n


def raise_blob() -> None:
    """Raise "JSON cannot hold BLOB values"."""
    raise_error(SQLITE_ERROR, *lit(b"JSON cannot hold BLOB values"))


def is_infinite(tag: i32, payload: i64) -> bool:
    """Whether a value is one of the two REALs that JSON has no numeral for."""
    v: f64 = float_from_bits(payload)
    return tag == REAL and v - v != 0.0


def put_value(b: Buffer, tag: i32, payload: i64, subtype: i32) -> None:
    """Append a value of SQL as JSON text. Raises "JSON cannot hold BLOB values", "malformed JSON"."""
    if tag == NULL:
        buffer_add(b, *lit(b"null"))
    elif tag == TEXT and subtype != JSON_SUBTYPE:
        put_string(b, bytes_of(payload), size_of(payload))
    elif is_infinite(tag, payload):
        if payload < 0:
            buffer_put(b, 45)
        buffer_add(b, *lit(b"9.0e+999"))
    elif tag == BLOB:
        if not looks_binary(bytes_of(payload), size_of(payload)):
            raise_blob()
        put_compact(b, bytes_of(payload), 0, size_of(payload))
    else:
        text: i64 = to_text(b.stmt, tag, payload)
        buffer_add(b, bytes_of(text), size_of(text))


def put_value_element(b: Buffer, tag: i32, payload: i64, subtype: i32) -> None:
    """Append a value of SQL as an element. Raises "JSON cannot hold BLOB values", "malformed JSON"."""
    if tag == NULL:
        buffer_put(b, NULL_ELEMENT)
    elif tag == TEXT and subtype != JSON_SUBTYPE:
        put_element(b, TEXT_RAW, bytes_of(payload), size_of(payload))
    elif tag >= TEXT:
        if tag == BLOB and not looks_binary(bytes_of(payload), size_of(payload)):
            raise_blob()
        p, n = document(b.stmt, tag, payload)
        buffer_add(b, p, n)
    elif is_infinite(tag, payload):
        if payload < 0:
            put_element(b, FLOAT, *lit(b"-9e999"))
        else:
            put_element(b, FLOAT, *lit(b"9e999"))
    else:
        text: i64 = to_text(b.stmt, tag, payload)
        put_element(b, INT if tag == INTEGER else FLOAT, bytes_of(text), size_of(text))


# --- results ----------------------------------------------------------------------------------------------------


def blob_result(stmt: Run, p: ptr[u8], n: i32) -> tuple[i32, i64]:
    """A copy of a document as a BLOB."""
    _, payload = text_value(stmt, p, n)
    return BLOB, payload


def json_result(stmt: Run, p: ptr[u8], at: i32, end: i32) -> tuple[i32, i64]:
    """The element at `at` as JSON text. Raises "malformed JSON", SQLITE_TOOBIG, SQLITE_NOMEM."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_compact(b, p, at, end)
    return TEXT, pack(b.data, b.size)


def hex_result(p: ptr[u8], n: i32) -> tuple[i32, i64]:
    """A hexadecimal integer: INTEGER if it fits, else REAL."""
    negative: bool = n > 0 and p[0] == 45
    start: i32 = i32(negative)
    value, large, size = hex_value(p + start, n - start)
    if large or start + size < n:
        raise_malformed()
    if value >> 63:
        real: f64 = f64(value)
        return REAL, bits(0.0 - real if negative else real)
    return INTEGER, 0 - i64(value) if negative else i64(value)


def number_result(kind: i32, p: ptr[u8], n: i32) -> tuple[i32, i64]:
    """A numeral as a value. Raises "malformed JSON"."""
    sign: i32 = i32(n > 0 and p[0] == 45)
    if kind == INT5 and n > sign + 2 and p[sign] == 48 and (p[sign + 1] | 32) == 120:
        return hex_result(p, n)
    if n == 0:
        raise_malformed()
    number, value, whole = text_to_number(p, n)
    if whole != NUMBER_WHOLE:
        raise_malformed()
    if kind <= INT5:
        return number, value
    real, _ = text_to_real(p, n)
    return REAL, bits(real)


def value_result(stmt: Run, p: ptr[u8], at: i32, end: i32) -> tuple[i32, i64]:
    """The element at `at` as a value of SQL; arrays and objects as JSON text. Raises "malformed JSON"."""
    kind, start, behind = child(p, at, end)
    n: i32 = behind - start
    if kind <= FALSE_ELEMENT:
        if n:
            raise_malformed()
        if kind == NULL_ELEMENT:
            return NULL, 0
        return INTEGER, i64(1) if kind == TRUE_ELEMENT else i64(0)
    if kind > OBJECT:
        raise_malformed()
    if kind >= ARRAY:
        return json_result(stmt, p, at, end)
    if has_escapes(kind):
        b: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(b, stmt)
        put_unescaped(b, p + start, n)
        return TEXT, pack(b.data, b.size)
    if kind > TEXT_J or kind == TEXT_J - 1:
        return text_value(stmt, p + start, n)
    return number_result(kind, p + start, n)
