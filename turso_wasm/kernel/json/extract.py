"""Parts of documents: json_extract and the arrows.

json_extract leaves the subtype of its result, which is not always the same, in `Run.subtype`.

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, Run, Value
from turso_wasm.kernel.json.build import text_to_blob
from turso_wasm.kernel.json.document import (
    JSON_SUBTYPE,
    blob_result,
    document,
    json_result,
    value_result,
)
from turso_wasm.kernel.json.element import ARRAY, NULL_ELEMENT, close_container
from turso_wasm.kernel.json.path import FOUND, Walk, find, raise_bad_path, start_walk, walk
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_room
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True


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
    p, size = document(stmt, values[0].tag, values[0].payload)
    if n == 2:
        if values[1].tag == NULL or not find(stmt, w, p, size, values[1]):
            return NULL, 0
        set_subtype(stmt, p, w.at)
        return value_result(stmt, p, w.at, w.behind)
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
    if values[0].tag == NULL:
        return ptr[u8](0)
    p, size = document(stmt, values[0].tag, values[0].payload)
    if values[1].tag == NULL:
        return ptr[u8](0)
    start_walk(stmt, w, values[1].tag, values[1].payload)
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
