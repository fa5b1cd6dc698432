"""Values of SQL to JSON: json, jsonb, json_quote, json_array, json_object.

Where arguments or results may be JSON, functions take an array of values with their subtypes (abi.Value.subtype).

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.json.document import (
    blob_result,
    document,
    json_result,
    put_value,
)
from turso_wasm.kernel.json.parse import Parser, parse_text
from turso_wasm.kernel.values.buffer import Buffer, buffer_init, buffer_put
from turso_wasm.kernel.values.value import bytes_of, pack, size_of
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof

__subset__ = True


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
