"""Numbers as FTS3 writes them: seven bits a byte, the lowest first, up to ten bytes.

Below 128 they are the same as the varints of the rest of a database.
"""

from turso_wasm.kernel.fts.bytes import Bytes, bytes_room
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.wasm.lang import i32, i64, ptr, u8, u64

__subset__ = True

WIDEST = 10


def fts3_varint(p: ptr[u8]) -> tuple[i64, i32]:
    """(value, bytes) of the number at p, behind which 9 more bytes can be read."""
    value: i64 = i64(p[0] & 127)
    n: i32 = 1
    while p[n - 1] & 128 and n < WIDEST:
        value |= i64(p[n] & 127) << i64(7 * n)
        n += 1
    return value, n


def fts3_count(p: ptr[u8], most: i32) -> tuple[i32, i32]:
    """A number from 0 to `most`. Errors: SQLITE_CORRUPT_VTAB."""
    value, n = fts3_varint(p)
    if value < 0 or value > i64(most):
        fts_corrupt()
    return i32(value), n


def add_fts3_varint(b: Bytes, v: i64) -> None:
    """Append a number."""
    out: ptr[u8] = bytes_room(b, WIDEST)
    n: i32 = 0
    left: u64 = u64(v)
    while left > 127:
        out[n] = i32(left & 127) | 128
        left >>= 7
        n += 1
    out[n] = i32(left)
    b.size += n + 1
