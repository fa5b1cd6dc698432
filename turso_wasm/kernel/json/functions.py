"""The JSON functions of SQL.

Those whose results or arguments may be JSON take an array of values with their subtypes (abi.Value.subtype), and
leave the subtype of a result that is not always the same in `Run.subtype`.

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.json.document import (
    JSON_SUBTYPE,
    blob_result,
    document,
    json_result,
    looks_binary,
    put_value,
    put_value_element,
    value_result,
)
from turso_wasm.kernel.json.edit import ARRAY_INSERT, INSERT, REMOVE, REPLACE, edit
from turso_wasm.kernel.json.element import ARRAY, FLOAT, NULL_ELEMENT, OBJECT, TEXT_PLAIN, child, close_container
from turso_wasm.kernel.json.parse import Parser, parse_text
from turso_wasm.kernel.json.patch import merge
from turso_wasm.kernel.json.path import FOUND, Walk, count_elements, raise_bad_path, walk
from turso_wasm.kernel.json.render import Style, put_json
from turso_wasm.kernel.json.validity import check_element
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_room
from turso_wasm.kernel.values.utf8 import count_chars, terminated_size
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True

STRICT_TEXT = 1  # json_valid's flags
JSON5_TEXT = 2
LOOKS_BINARY = 4
IS_BINARY = 8


def start_walk(stmt: Run, w: Walk, path: Value) -> None:
    """Begin a walk along a path that is not NULL."""
    text: i64 = to_text(stmt, path.tag, path.payload)
    w.stmt = stmt
    w.path = bytes_of(text)
    w.path_size = terminated_size(w.path, size_of(text))
    w.shown = pack(w.path, w.path_size)
    w.parents = ptr[i32](0)


def find(stmt: Run, w: Walk, p: ptr[u8], n: i32, path: Value) -> bool:
    """Whether there is something at the path."""
    start_walk(stmt, w, path)
    walk(w, p, n)
    return w.result == FOUND


# --- json and jsonb ----------------------------------------------------------------------------------------------


@export
def fn_json(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """json(X): X as compact JSON text. Raises "malformed JSON"."""
    if tag == NULL:
        return NULL, 0
    p, n = document(stmt, tag, payload)
    return json_result(stmt, p, 0, n)


@export
def fn_jsonb(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """jsonb(X): X as JSONB. Raises "malformed JSON"."""
    if tag == NULL:
        return NULL, 0
    p, n = document(stmt, tag, payload)
    return blob_result(stmt, p, n)


@export
def fn_json_quote(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_quote(X): X as JSON. Raises "JSON cannot hold BLOB values"."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    v: Value = values[n - 1]
    put_value(b, v.tag, v.payload, v.subtype)
    return TEXT, pack(b.data, b.size)


def text_to_blob(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """A JSON text that we made as JSONB. Raises "malformed JSON"."""
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not parse_text(ps, bytes_of(payload), size_of(payload), b):
        raise_error(SQLITE_ERROR, *lit(b"malformed JSON"))
    return BLOB, pack(b.data, b.size)


@export
def fn_json_array(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_array(…). Raises "JSON cannot hold BLOB values"."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, 91)
    for i in range(n):
        if i:
            buffer_put(b, 44)
        v: Value = values[i]
        put_value(b, v.tag, v.payload, v.subtype)
    buffer_put(b, 93)
    return TEXT, pack(b.data, b.size)


@export
def fn_jsonb_array(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_array(…). Raises "JSON cannot hold BLOB values"."""
    tag, payload = fn_json_array(stmt, values, n)
    return text_to_blob(stmt, tag, payload)


@export
def fn_json_object(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_object(label, value, …). Raises "json_object() labels must be TEXT" and the like."""
    if n % 2:
        raise_error(SQLITE_ERROR, *lit(b"json_object() requires an even number of arguments"))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, 123)
    i: i32 = 0
    while i < n:
        label: Value = values[i]
        if label.tag != TEXT:
            raise_error(SQLITE_ERROR, *lit(b"json_object() labels must be TEXT"))
        if i:
            buffer_put(b, 44)
        put_value(b, TEXT, label.payload, 0)
        buffer_put(b, 58)
        v: Value = values[i + 1]
        put_value(b, v.tag, v.payload, v.subtype)
        i += 2
    buffer_put(b, 125)
    return TEXT, pack(b.data, b.size)


@export
def fn_jsonb_object(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_object(label, value, …). Raises as json_object."""
    tag, payload = fn_json_object(stmt, values, n)
    return text_to_blob(stmt, tag, payload)


# --- extracting --------------------------------------------------------------------------------------------------


def extract_all(stmt: Run, values: ptr[Value], n: i32, p: ptr[u8], size: i32, b: Buffer) -> bool:
    """Append an array of what is at several paths; False if one of them is NULL."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    _ = buffer_room(b, i64(1))
    for i in range(1, n):
        if values[i].tag == NULL:
            return False
        if find(stmt, w, p, size, values[i]):
            buffer_add(b, p + w.at, w.behind - w.at)
        else:
            buffer_put(b, NULL_ELEMENT)
    close_container(b, 0, 1, ARRAY)
    return True


def set_subtype(stmt: Run, p: ptr[u8], at: i32) -> None:
    """The result is JSON if the element is an array or an object."""
    stmt.subtype = JSON_SUBTYPE if p[at] & 15 >= ARRAY else 0


@export
def fn_json_extract(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_extract(X, path, …). Raises "malformed JSON", "bad JSON path: …"."""
    stmt.subtype = 0
    if n < 2 or values[0].tag == NULL:
        return NULL, 0
    w: Walk = Walk(scratch(sizeof(Walk)))
    if n == 2:
        if values[1].tag == NULL:
            return NULL, 0
        p, size = document(stmt, values[0].tag, values[0].payload)
        if not find(stmt, w, p, size, values[1]):
            return NULL, 0
        set_subtype(stmt, p, w.at)
        return value_result(stmt, p, w.at, w.behind)
    p, size = document(stmt, values[0].tag, values[0].payload)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not extract_all(stmt, values, n, p, size, b):
        return NULL, 0
    stmt.subtype = JSON_SUBTYPE
    return json_result(stmt, b.data, 0, b.size)


@export
def fn_jsonb_extract(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_extract(X, path, …): arrays and objects as JSONB. Raises "malformed JSON", "bad JSON path: …"."""
    if n < 2 or values[0].tag == NULL:
        return NULL, 0
    p, size = document(stmt, values[0].tag, values[0].payload)
    if n > 2:
        b: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(b, stmt)
        if not extract_all(stmt, values, n, p, size, b):
            return NULL, 0
        tag, payload = json_result(stmt, b.data, 0, b.size)
        return text_to_blob(stmt, tag, payload)
    w: Walk = Walk(scratch(sizeof(Walk)))
    if values[1].tag == NULL or not find(stmt, w, p, size, values[1]):
        return NULL, 0
    if p[w.at] & 15 >= ARRAY:
        return blob_result(stmt, p + w.at, w.behind - w.at)
    return value_result(stmt, p, w.at, w.behind)


def put_arrow_path(b: Buffer, tag: i32, p: ptr[u8], n: i32) -> None:
    """The path that the right side of an arrow stands for: a label, an index, a path. It is not empty."""
    if tag == INTEGER:
        buffer_add(b, *lit(b"$["))
        if p[0] == 45:
            buffer_put(b, 35)
        buffer_add(b, p, n)
        buffer_put(b, 93)
    elif p[0] == 36:
        buffer_add(b, p, n)
    elif n > 2 and p[0] == 91 and p[n - 1] == 93:
        buffer_put(b, 36)
        buffer_add(b, p, n)
    else:
        buffer_add(b, *lit(b'$."'))
        buffer_add(b, p, n)
        buffer_put(b, 34)


def arrow(stmt: Run, w: Walk, values: ptr[Value]) -> ptr[u8]:
    """The document in which the walk found what the right side names, or null. Raises "malformed JSON"."""
    if values[0].tag == NULL or values[1].tag == NULL:
        return ptr[u8](0)
    p, size = document(stmt, values[0].tag, values[0].payload)
    start_walk(stmt, w, values[1])
    if w.path_size == 0:
        raise_bad_path(w)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_arrow_path(b, values[1].tag, w.path, w.path_size)
    w.path = b.data
    w.path_size = b.size
    walk(w, p, size)
    return p if w.result == FOUND else ptr[u8](0)


@export
def fn_json_arrow(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """X -> path: JSON text. Raises "malformed JSON", "bad JSON path: …"."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    p: ptr[u8] = arrow(stmt, w, values)
    if not p or n != 2:
        return NULL, 0
    return json_result(stmt, p, w.at, w.behind)


@export
def fn_json_arrow_value(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """X ->> path: a value of SQL. Raises "malformed JSON", "bad JSON path: …"."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    p: ptr[u8] = arrow(stmt, w, values)
    if not p or n != 2:
        return NULL, 0
    return value_result(stmt, p, w.at, w.behind)


# --- editing -----------------------------------------------------------------------------------------------------


def open_document(stmt: Run, doc: Buffer, v: Value) -> None:
    """A copy of a document, to be edited. Raises "malformed JSON"."""
    p, n = document(stmt, v.tag, v.payload)
    buffer_init(doc, stmt)
    buffer_add(doc, p, n)


def edited(stmt: Run, values: ptr[Value], n: i32, op: i32, name: ptr[u8], name_size: i32, doc: Buffer) -> bool:
    """Edit a document by pairs of path and value; False if it is NULL."""
    if n % 2 == 0:
        message: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(message, stmt)
        buffer_add(message, name, name_size)
        buffer_add(message, *lit(b"() needs an odd number of arguments"))
        raise_error(SQLITE_ERROR, message.data, message.size)
    if values[0].tag == NULL:
        return False
    open_document(stmt, doc, values[0])
    w: Walk = Walk(scratch(sizeof(Walk)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    i: i32 = 1
    while i < n:
        if values[i].tag != NULL:
            v: Value = values[i + 1]
            buffer_init(b, stmt)
            put_value_element(b, v.tag, v.payload, v.subtype)
            start_walk(stmt, w, values[i])
            edit(w, doc, op, b.data, b.size)
        i += 2
    return True


def edited_json(stmt: Run, values: ptr[Value], n: i32, op: i32, name: ptr[u8], size: i32) -> tuple[i32, i64]:
    """The edited document as text."""
    doc: Buffer = Buffer(scratch(sizeof(Buffer)))
    if n == 0 or not edited(stmt, values, n, op, name, size, doc):
        return NULL, 0
    return json_result(stmt, doc.data, 0, doc.size)


def edited_jsonb(stmt: Run, values: ptr[Value], n: i32, op: i32, name: ptr[u8], size: i32) -> tuple[i32, i64]:
    """The edited document as JSONB."""
    doc: Buffer = Buffer(scratch(sizeof(Buffer)))
    if n == 0 or not edited(stmt, values, n, op, name, size, doc):
        return NULL, 0
    return BLOB, pack(doc.data, doc.size)


@export
def fn_json_set(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_set(X, path, value, …). Raises "bad JSON path: …" and the like."""
    return edited_json(stmt, values, n, INSERT | REPLACE, *lit(b"json_set"))


@export
def fn_json_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_insert(X, path, value, …). Raises as json_set."""
    return edited_json(stmt, values, n, INSERT, *lit(b"json_insert"))


@export
def fn_json_replace(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_replace(X, path, value, …). Raises as json_set."""
    return edited_json(stmt, values, n, REPLACE, *lit(b"json_replace"))


@export
def fn_json_array_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_array_insert(X, path, value, …). Raises as json_set, and "not an array element: …"."""
    return edited_json(stmt, values, n, ARRAY_INSERT, *lit(b"json_array_insert"))


@export
def fn_jsonb_set(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_set(X, path, value, …). Raises as json_set."""
    return edited_jsonb(stmt, values, n, INSERT | REPLACE, *lit(b"jsonb_set"))


@export
def fn_jsonb_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_insert(X, path, value, …). Raises as json_set."""
    return edited_jsonb(stmt, values, n, INSERT, *lit(b"jsonb_insert"))


@export
def fn_jsonb_replace(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_replace(X, path, value, …). Raises as json_set."""
    return edited_jsonb(stmt, values, n, REPLACE, *lit(b"jsonb_replace"))


@export
def fn_jsonb_array_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_array_insert(X, path, value, …). Raises as json_array_insert."""
    return edited_jsonb(stmt, values, n, ARRAY_INSERT, *lit(b"jsonb_array_insert"))


def removed(stmt: Run, values: ptr[Value], n: i32, doc: Buffer) -> bool:
    """Remove what is at the paths; False if all is removed, or something is NULL."""
    if n == 0 or values[0].tag == NULL:
        return False
    open_document(stmt, doc, values[0])
    w: Walk = Walk(scratch(sizeof(Walk)))
    for i in range(1, n):
        if values[i].tag == NULL:
            return False
        start_walk(stmt, w, values[i])
        if w.path_size == 1 and w.path[0] == 36:
            return False
        edit(w, doc, REMOVE, w.path, 0)
    return True


@export
def fn_json_remove(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_remove(X, path, …). Raises "malformed JSON", "bad JSON path: …"."""
    doc: Buffer = Buffer(scratch(sizeof(Buffer)))
    if not removed(stmt, values, n, doc):
        return NULL, 0
    return json_result(stmt, doc.data, 0, doc.size)


@export
def fn_jsonb_remove(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_remove(X, path, …). Raises as json_remove."""
    doc: Buffer = Buffer(scratch(sizeof(Buffer)))
    if not removed(stmt, values, n, doc):
        return NULL, 0
    return BLOB, pack(doc.data, doc.size)


def patched(stmt: Run, values: ptr[Value], b: Buffer) -> bool:
    """A document merged with a patch; False if one is NULL. Raises "malformed JSON"."""
    if values[0].tag == NULL or values[1].tag == NULL:
        return False
    open_document(stmt, b, values[0])
    p, n = document(stmt, values[1].tag, values[1].payload)
    _ = merge(b, 0, p, 0, n, 0)
    return True


@export
def fn_json_patch(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_patch(X, patch). Raises "malformed JSON"."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    if n != 2 or not patched(stmt, values, b):
        return NULL, 0
    return json_result(stmt, b.data, 0, b.size)


@export
def fn_jsonb_patch(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_patch(X, patch). Raises "malformed JSON"."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    if n != 2 or not patched(stmt, values, b):
        return NULL, 0
    return BLOB, pack(b.data, b.size)


# --- asking ------------------------------------------------------------------------------------------------------


@export
def fn_json_array_length(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_array_length(X[, path]). Raises "malformed JSON", "bad JSON path: …"."""
    if values[0].tag == NULL or values[n - 1].tag == NULL:
        return NULL, 0
    p, size = document(stmt, values[0].tag, values[0].payload)
    at: i32 = 0
    if n > 1:
        w: Walk = Walk(scratch(sizeof(Walk)))
        if not find(stmt, w, p, size, values[1]):
            return NULL, 0
        at = w.at
    kind, start, behind = child(p, at, size)
    return INTEGER, i64(count_elements(p, start, behind) if kind == ARRAY else 0)


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
    return TEXT, pack(b"object", 6)


@export
def fn_json_type(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_type(X[, path]). Raises "malformed JSON", "bad JSON path: …"."""
    if values[0].tag == NULL or values[n - 1].tag == NULL:
        return NULL, 0
    p, size = document(stmt, values[0].tag, values[0].payload)
    at: i32 = 0
    if n > 1:
        w: Walk = Walk(scratch(sizeof(Walk)))
        if not find(stmt, w, p, size, values[1]):
            return NULL, 0
        at = w.at
    return type_name(p[at] & 15)


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
    return INTEGER, i64(count_chars(bytes_of(text), ps.error) + 1)


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
