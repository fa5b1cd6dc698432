"""Position lists.

Owns their encoding: varints, each 2 more than the distance from the position before; 1 and a column begin the next
column, whose first position counts from 0. Column 0 has no such head. detail=columns: likewise a list of columns.

A position in memory is column << 32 | token.
"""

from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.wasm.lang import Struct, i32, i64, inline, ptr, u8, u32

__subset__ = True

COLUMN_SHIFT = 32
NO_POSITION = 0x7FFFFFFFFFFFFFFF


class PositionReader(Struct):
    """A place in a position list, behind which 16 bytes can be read."""

    p: ptr[u8]
    at: i32
    size: i32
    position: i64  # NO_POSITION: at the end


@inline
def positions_start(r: PositionReader, p: ptr[u8], size: i32) -> None:
    """Begin with a list."""
    r.p = p
    r.at = 0
    r.size = size
    r.position = 0


@inline
def position_next(r: PositionReader) -> i64:
    """The next position, also in `r.position`; NO_POSITION: there is none. Errors: SQLITE_CORRUPT."""
    step: i32 = i32(r.p[r.at]) - 2
    if u32(step) < 126 and r.at < r.size:
        r.at += 1
        r.position += i64(step)
        return r.position
    return position_next_far(r)


def position_next_far(r: PositionReader) -> i64:
    """position_next where it takes more than a byte, or there is none."""
    if r.at >= r.size:
        r.position = NO_POSITION
        return r.position
    value, n = get_varint(r.p + r.at)
    r.at += n
    if value == 1:
        column, m = get_varint(r.p + r.at)
        value, n = get_varint(r.p + (r.at + m))
        r.at += m + n
        if column <= 0 or column > 0x7FFF:
            fts_corrupt()
        r.position = column << COLUMN_SHIFT
    if value < 2 or value > 0x7FFFFFFF or r.at > r.size:
        fts_corrupt()
    r.position += value - 2
    return r.position


@inline
def column_of(position: i64) -> i32:
    """The column of a position."""
    return i32(position >> COLUMN_SHIFT)
