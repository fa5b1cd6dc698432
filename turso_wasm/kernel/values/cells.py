"""Tables of constants: the cells of VALUES and IN lists, read by a loop instead of being unrolled into code.

A cell is an i32: `n >= 0` is parameter n; `n < 0` is the Value at offset ~n of the program's data, whose TEXT or
BLOB payload is an offset into that data | size << 32.
"""

from turso_wasm.kernel.abi import TEXT, Value
from turso_wasm.wasm.lang import export, i32, i64, ptr, u8

__subset__ = True


@export
def cell_value(cell: i32, params: ptr[u8], data: ptr[u8]) -> tuple[i32, i64]:
    """The value (tag, payload) of a cell."""
    if cell >= 0:
        value = Value(params + cell * 16)
        return value.tag, value.payload
    constant = Value(data + ~cell)
    payload = constant.payload
    if constant.tag >= TEXT:
        payload = payload + i64(u32_of(data))
    return constant.tag, payload


def u32_of(p: ptr[u8]) -> i64:
    """An address as a non-negative i64."""
    return i64(i32(p)) & 0xFFFFFFFF
