"""Changed documents: json_set, json_insert, json_replace, json_array_insert, json_remove, json_patch.

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, NULL, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.json.document import (
    document,
    json_result,
    put_value_element,
)
from turso_wasm.kernel.json.edit import ARRAY_INSERT, INSERT, REMOVE, REPLACE, edit
from turso_wasm.kernel.json.patch import merge
from turso_wasm.kernel.json.path import Walk, check_start, start_walk
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True


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
            start_walk(stmt, w, values[i].tag, values[i].payload)
            check_start(w)
            buffer_init(b, stmt)
            put_value_element(b, v.tag, v.payload, v.subtype)
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
    return edited_jsonb(stmt, values, n, INSERT | REPLACE, *lit(b"json_set"))


@export
def fn_jsonb_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_insert(X, path, value, …). Raises as json_set."""
    return edited_jsonb(stmt, values, n, INSERT, *lit(b"json_insert"))


@export
def fn_jsonb_replace(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_replace(X, path, value, …). Raises as json_set."""
    return edited_jsonb(stmt, values, n, REPLACE, *lit(b"json_replace"))


@export
def fn_jsonb_array_insert(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_array_insert(X, path, value, …). Raises as json_array_insert."""
    return edited_jsonb(stmt, values, n, ARRAY_INSERT, *lit(b"json_array_insert"))


def removed(stmt: Run, values: ptr[Value], n: i32, doc: Buffer) -> bool:
    """Remove what is at the paths; False if all is removed, or something is NULL."""
    if n == 0 or values[0].tag == NULL:
        return False
    open_document(stmt, doc, values[0])
    w: Walk = Walk(scratch(sizeof(Walk)))
    for i in range(1, n):
        if values[i].tag == NULL:
            return False
        start_walk(stmt, w, values[i].tag, values[i].payload)
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
    if values[0].tag == NULL:
        return False
    open_document(stmt, b, values[0])
    if values[1].tag == NULL:
        return False
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
