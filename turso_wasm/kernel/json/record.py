"""Rows in SQLite's record format as JSON: bin_record_json_object (docs/change-capture.md)."""

from turso_wasm.kernel.abi import BLOB, NULL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.json.document import document, put_value
from turso_wasm.kernel.json.element import ARRAY, child, is_text
from turso_wasm.kernel.json.render import put_scalar
from turso_wasm.kernel.values.buffer import Buffer, buffer_init, buffer_put
from turso_wasm.kernel.values.record import record_column, serial_size
from turso_wasm.kernel.values.value import bytes_of, pack, size_of
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True


def fields_of(p: ptr[u8], size: i32) -> i32:
    """How many columns a record has; -1: the bytes are none."""
    if size == 0:
        return -1
    head, at = get_varint(p)
    if head < i64(at) or head > i64(size):
        return -1
    body: i64 = head
    n: i32 = 0
    while at < i32(head):
        serial, width = get_varint(p + at)
        at += width
        column: i32 = serial_size(serial)
        if column < 0 or at > i32(head):
            return -1
        body += i64(column)
        n += 1
    return n if body == i64(size) else -1


@export
def fn_bin_record_json_object(stmt: Run, tag: i32, payload: i64, blob: i32, record: i64) -> tuple[i32, i64]:
    """bin_record_json_object(COLUMNS, RECORD): an object of the columns, which a JSON array names, of a record.

    Raises when the arguments are no text and blob, the names no array of texts or more than the record has columns,
    "JSON cannot hold BLOB values", "malformed JSON".
    """
    if tag == NULL or blob == NULL:
        return NULL, 0
    if tag != TEXT or blob != BLOB:
        raise_error(
            SQLITE_ERROR,
            *lit(b"bin_record_json_object: function arguments must be of type TEXT and BLOB correspondingly"),
        )
    p, n = document(stmt, tag, payload)
    kind, at, end = child(p, 0, n)
    if kind != ARRAY:
        raise_names()
    row: ptr[u8] = bytes_of(record)
    count: i32 = fields_of(row, size_of(record))
    if count < 0:
        raise_error(SQLITE_ERROR, *lit(b"bin_record_json_object: the blob is no record"))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, 123)
    column: i32 = 0
    while at < end:
        kind, start, behind = child(p, at, end)
        if not is_text(kind):
            raise_names()
        if column >= count:
            raise_error(
                SQLITE_ERROR,
                *lit(b"bin_record_json_object: binary record has fewer columns than specified in the columns argument"),
            )
        if column:
            buffer_put(b, 44)
        put_scalar(b, kind, p + start, behind - start)
        buffer_put(b, 58)
        value_tag, value = record_column(row, size_of(record), column)
        put_value(b, value_tag, value, 0)
        at = behind
        column += 1
    buffer_put(b, 125)
    return TEXT, pack(b.data, b.size)


def raise_names() -> None:
    """The names are no array of texts."""
    raise_error(SQLITE_ERROR, *lit(b"bin_record_json_object: the columns must be a JSON array of texts"))
