"""Parts of documents: json_extract and the arrows.

json_extract leaves the subtype of its result, which is not always the same, in `Run.subtype`.

Source: https://sqlite.org/json1.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run, Value
from turso_wasm.kernel.json.build import text_to_blob
from turso_wasm.kernel.json.document import (
    JSON_SUBTYPE,
    blob_result,
    json_result,
    value_result,
)
from turso_wasm.kernel.json.element import ARRAY, NULL_ELEMENT, close_container
from turso_wasm.kernel.json.locate import extracted, locate, seek_value
from turso_wasm.kernel.json.parse import Parser, is_space, parse_text
from turso_wasm.kernel.json.path import Walk
from turso_wasm.kernel.json.probe import FOUND, UNSURE, Probe
from turso_wasm.kernel.json.render import put_compact
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_room
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True


def extract_all(stmt: Run, values: ptr[Value], n: i32, b: Buffer) -> bool:
    """Append an array of what is at several paths; False if one of them is NULL."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    _ = buffer_room(b, i64(1))
    for i in range(1, n):
        found: ptr[u8] = locate(stmt, w, values[0], values[i], False)
        if values[i].tag == NULL:
            return False
        if found:
            buffer_add(b, found + w.at, w.behind - w.at)
        else:
            buffer_put(b, NULL_ELEMENT)
    close_container(b, 0, 1, ARRAY)
    return True


def put_found(b: Buffer, pr: Probe) -> None:
    """Append the plain JSON that was found, compactly."""
    p: ptr[u8] = pr.text + pr.start
    n: i32 = pr.end - pr.start
    while is_space(p[n - 1]):
        n -= 1
    if p[0] != 91 and p[0] != 123:
        buffer_add(b, p, n)
        return
    ps: Parser = Parser(scratch(sizeof(Parser)))
    part: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(part, b.stmt)
    _ = parse_text(ps, p, n, part)
    put_compact(b, part.data, 0, part.size)


def extract_texts(stmt: Run, values: ptr[Value], n: i32, b: Buffer) -> bool:
    """As `extract_all`, as text, where all paths can be followed without parsing; False if one cannot."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    pr: Probe = Probe(scratch(sizeof(Probe)))
    buffer_put(b, 91)
    for i in range(1, n):
        seen: i32 = seek_value(stmt, w, pr, values[0], values[i], False)
        if seen == UNSURE:
            return False
        if i > 1:
            buffer_put(b, 44)
        if seen == FOUND:
            put_found(b, pr)
        else:
            buffer_add(b, *lit(b"null"))
    buffer_put(b, 93)
    return True


@export
def fn_json_extract(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """json_extract(X, path, …). Raises "malformed JSON", "bad JSON path: …"."""
    if n == 2:
        return extracted(stmt, values[0], values[1], False)
    stmt.subtype = 0
    if n < 2 or values[0].tag == NULL:
        return NULL, 0
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if extract_texts(stmt, values, n, b):
        stmt.subtype = JSON_SUBTYPE
        return TEXT, pack(b.data, b.size)
    b.size = 0
    if not extract_all(stmt, values, n, b):
        return NULL, 0
    stmt.subtype = JSON_SUBTYPE
    return json_result(stmt, b.data, 0, b.size)


@export
def fn_jsonb_extract(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """jsonb_extract(X, path, …): arrays and objects as JSONB. Raises "malformed JSON", "bad JSON path: …"."""
    if n < 2 or values[0].tag == NULL:
        return NULL, 0
    if n > 2:
        b: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(b, stmt)
        if not extract_all(stmt, values, n, b):
            return NULL, 0
        tag, payload = json_result(stmt, b.data, 0, b.size)
        return text_to_blob(stmt, tag, payload)
    w: Walk = Walk(scratch(sizeof(Walk)))
    found: ptr[u8] = locate(stmt, w, values[0], values[1], False)
    if not found:
        return NULL, 0
    if found[w.at] & 15 >= ARRAY:
        return blob_result(stmt, found + w.at, w.behind - w.at)
    return value_result(stmt, found, w.at, w.behind)


@export
def fn_json_arrow(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """X -> path: JSON text. Raises "malformed JSON", "bad JSON path: …"."""
    w: Walk = Walk(scratch(sizeof(Walk)))
    p: ptr[u8] = locate(stmt, w, values[0], values[1], True)
    if not p or n != 2:
        return NULL, 0
    return json_result(stmt, p, w.at, w.behind)


@export
def fn_json_arrow_value(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """X ->> path: a value of SQL. Raises "malformed JSON", "bad JSON path: …"."""
    return extracted(stmt, values[n - 2], values[n - 1], True)
