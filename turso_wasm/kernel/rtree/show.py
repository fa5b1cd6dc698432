"""rtreenode and rtreedepth: a node's blob as text.

Source: https://sqlite.org/rtree.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.functions.printf_real import put_real
from turso_wasm.kernel.functions.printf_spec import Spec
from turso_wasm.kernel.rtree.node import BOX, HEADER, n_cells, raw_coord
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_value
from turso_wasm.kernel.values.number_text import INT_TEXT_SIZE, int_to_text
from turso_wasm.kernel.values.value import bytes_of, size_of, to_integer
from turso_wasm.wasm.lang import be16, be64, export, f64, i32, i64, lit, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

LETTER_G = 103


@export
def fn_rtreenode(stmt: Run, tag: i32, payload: i64, data_tag: i32, data: i64) -> tuple[i32, i64]:
    """The cells of a node of so many dimensions, as `{id low high …} …`; NULL for what is no such node."""
    dimensions: i64 = to_integer(tag, payload)
    if dimensions < 1 or dimensions > 5 or data_tag < TEXT:
        return NULL, i64(0)
    size: i32 = BOX + 8 * i32(dimensions)
    p: ptr[u8] = bytes_of(data)
    if size_of(data) < HEADER or size_of(data) < HEADER + n_cells(p) * size:
        return NULL, i64(0)
    spec: Spec = Spec(scratch(sizeof(Spec)))
    memory_fill(ptr[u8](i32(spec)), 0, sizeof(Spec))
    spec.precision = -1
    spec.conversion = LETTER_G
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    number: ptr[u8] = scratch(INT_TEXT_SIZE)
    for i in range(n_cells(p)):
        cell: ptr[u8] = p + HEADER + i * size
        if i:
            buffer_put(b, 32)
        buffer_put(b, 123)
        buffer_add(b, number, int_to_text(be64(cell), number))
        for at in range(2 * i32(dimensions)):
            buffer_put(b, 32)
            v: f64 = raw_coord(cell + BOX + at * 4, 0)
            if v != v:
                buffer_add(b, *lit(b"NaN"))
            else:
                put_real(b, spec, v)
        buffer_put(b, 125)
    value_tag, value = buffer_value(b)
    return value_tag, value


@export
def fn_rtreedepth(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The depth that the blob of a root says. Raises "Invalid argument to rtreedepth()"."""
    if tag != BLOB or size_of(payload) < 2:
        raise_error(SQLITE_ERROR, *lit(b"Invalid argument to rtreedepth()"))
    return INTEGER, i64(be16(bytes_of(payload)))
