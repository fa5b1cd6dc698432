"""What a document is: json_type, json_array_length, json_valid, json_error_position, json_pretty, subtype.

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.json.document import (
    document,
    looks_binary,
)
from turso_wasm.kernel.json.element import ARRAY, FLOAT, NULL_ELEMENT, OBJECT, TEXT_PLAIN, child
from turso_wasm.kernel.json.locate import locate
from turso_wasm.kernel.json.parse import Parser, parse_text
from turso_wasm.kernel.json.path import Walk, count_elements
from turso_wasm.kernel.json.probe import is_plain_json
from turso_wasm.kernel.json.render import Style, put_json
from turso_wasm.kernel.json.validity import check_element
from turso_wasm.kernel.values.buffer import Buffer, buffer_init
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True

STRICT_TEXT = 1  # json_valid's flags
JSON5_TEXT = 2
LOOKS_BINARY = 4
IS_BINARY = 8


def asked(stmt: Run, w: Walk, values: ptr[Value], n: i32) -> ptr[u8]:
    """The document in which w.at, until w.behind, is what the arguments ask about; null if there is nothing."""
    if values[0].tag == NULL:
        return ptr[u8](0)
    if n > 1:
        return locate(stmt, w, values[0], values[1], False)
    p, size = document(stmt, values[0].tag, values[0].payload)
    w.at = 0
    w.behind = size
    w.size = size
    return p


@export
def fn_json_array_length(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_array_length(X[, path]). Raises "malformed JSON", "bad JSON path: …"."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    p: ptr[u8] = asked(stmt, w, values, n)
    if not p:
        return NULL, 0
    kind, start, behind = child(p, w.at, w.behind)
    return INTEGER, i64(count_elements(p, start, behind, w.size if w.size else w.behind) if kind == ARRAY else 0)


def type_name(kind: i32) -> tuple[i32, i64]:
    """json_type's name of a kind of element."""
    if kind == NULL_ELEMENT:
        return TEXT, pack(b"null", 4)
    if kind == 1:
        return TEXT, pack(b"true", 4)
    if kind == 2:
        return TEXT, pack(b"false", 5)
    if kind < FLOAT:
        return TEXT, pack(b"integer", 7)
    if kind < TEXT_PLAIN:
        return TEXT, pack(b"real", 4)
    if kind < ARRAY:
        return TEXT, pack(b"text", 4)
    if kind < OBJECT:
        return TEXT, pack(b"array", 5)
    return TEXT, pack(b"object", 6 if kind == OBJECT else 0)


@export
def fn_json_type(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_type(X[, path]). Raises "malformed JSON", "bad JSON path: …"."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    p: ptr[u8] = asked(stmt, w, values, n)
    if not p:
        return NULL, 0
    return type_name(p[w.at] & 15)


def is_valid(stmt: Run, tag: i32, payload: i64, flags: i32) -> bool:
    """Whether a value is JSON of one of the kinds that the flags name."""
    if tag == BLOB:
        p: ptr[u8] = bytes_of(payload)
        n: i32 = size_of(payload)
        if looks_binary(p, n):
            if flags & LOOKS_BINARY:
                return True
            return flags & IS_BINARY != 0 and check_element(p, 0, n, 1) < 0
    if flags & (STRICT_TEXT | JSON5_TEXT) == 0:
        return False
    text: i64 = to_text(stmt, tag, payload)
    if is_plain_json(bytes_of(text), size_of(text)):
        return True
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not parse_text(ps, bytes_of(text), size_of(text), b):
        return False
    return flags & JSON5_TEXT != 0 or ps.relaxed == 0


@export
def fn_json_valid(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_valid(X[, flags]). Raises "FLAGS parameter to json_valid() must be between 1 and 15"."""
    flags: i64 = STRICT_TEXT
    if n > 1:
        flags = to_integer(values[1].tag, values[1].payload)
        if flags < 1 or flags > 15:
            raise_error(SQLITE_ERROR, *lit(b"FLAGS parameter to json_valid() must be between 1 and 15"))
    if values[0].tag == NULL:
        return NULL, 0
    return INTEGER, i64(is_valid(stmt, values[0].tag, values[0].payload, i32(flags)))


def count_starts(p: ptr[u8], n: i32) -> i32:
    """How many bytes begin a character, or may."""
    count: i32 = 0
    for i in range(n):
        count += i32(p[i] & 0xC0 != 0x80)
    return count


@export
def fn_json_error_position(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """json_error_position(X): 0, or the number of the character (of a JSONB: byte) where X goes wrong, from 1."""
    if tag == NULL:
        return NULL, 0
    if tag == BLOB and looks_binary(bytes_of(payload), size_of(payload)):
        return INTEGER, i64(check_element(bytes_of(payload), 0, size_of(payload), 1) + 1)
    text: i64 = to_text(stmt, tag, payload)
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if parse_text(ps, bytes_of(text), size_of(text), b):
        return INTEGER, 0
    return INTEGER, i64(count_starts(bytes_of(text), ps.error) + 1)


@export
def fn_json_pretty(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_pretty(X[, indent]). Raises "malformed JSON"."""
    if values[0].tag == NULL:
        return NULL, 0
    p, size = document(stmt, values[0].tag, values[0].payload)
    style: Style = Style(scratch(sizeof(Style)))
    style.indent = b"    "
    style.indent_size = 4
    if n > 1 and values[1].tag != NULL:
        text: i64 = to_text(stmt, values[1].tag, values[1].payload)
        style.indent = bytes_of(text)
        style.indent_size = terminated_size(style.indent, size_of(text))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    _ = put_json(b, style, p, 0, size, 0)
    return TEXT, pack(b.data, b.size)


@export
def fn_subtype(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """subtype(X): 74 for JSON, else 0."""
    v: Value = values[n - 1]
    return INTEGER, i64(v.subtype if v.tag != NULL and stmt else 0)
