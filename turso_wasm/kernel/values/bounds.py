"""Ends of rowid ranges: a rowid compared with a value of any storage class, as an inclusive integer bound.

SQLite compares the INTEGER rowid with the value after numeric affinity (datatype3.html section 4): a REAL bound is
rounded to the next integer inside the range; text that is not a number and blobs are greater than every rowid; NULL
matches nothing.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT
from turso_wasm.kernel.values.value import apply_numeric
from turso_wasm.wasm.lang import ceil, export, float_from_bits, floor, i32, i64

__subset__ = True

SMALLEST = -0x8000000000000000
LARGEST = 0x7FFFFFFFFFFFFFFF
TWO_63 = 9223372036854775808.0


@export
def rowid_exact(tag: i32, payload: i64) -> tuple[i32, i64]:
    """(1, rowid) when some rowid can equal the value, else (0, 0)."""
    tag, payload = apply_numeric(tag, payload)
    if tag == INTEGER:
        return 1, payload
    if tag == REAL:
        r = float_from_bits(payload)
        if r >= -TWO_63 and r < TWO_63 and floor(r) == r:
            return 1, i64(r)
    return 0, 0


@export
def rowid_lower(tag: i32, payload: i64, inclusive: i32) -> tuple[i32, i64]:
    """(1, first) when rowids >= first satisfy `rowid > value` (or >=), (0, 0) when none does."""
    tag, payload = apply_numeric(tag, payload)
    if tag == NULL or tag >= TEXT:
        return 0, 0
    if tag == INTEGER:
        if inclusive:
            return 1, payload
        if payload == LARGEST:
            return 0, 0
        return 1, payload + 1
    r = float_from_bits(payload)
    if r >= TWO_63:
        return 0, 0
    if r < -TWO_63:
        return 1, SMALLEST
    if inclusive:
        up = ceil(r)
        if up >= TWO_63:
            return 0, 0
        return 1, i64(up)
    down = floor(r)
    if i64(down) == LARGEST:
        return 0, 0
    return 1, i64(down) + 1


@export
def rowid_upper(tag: i32, payload: i64, inclusive: i32) -> tuple[i32, i64]:
    """(1, last) when rowids <= last satisfy `rowid < value` (or <=), (0, 0) when none does."""
    tag, payload = apply_numeric(tag, payload)
    if tag == NULL:
        return 0, 0
    if tag >= TEXT:
        return 1, LARGEST
    if tag == INTEGER:
        if inclusive:
            return 1, payload
        if payload == SMALLEST:
            return 0, 0
        return 1, payload - 1
    r = float_from_bits(payload)
    if r < -TWO_63:
        return 0, 0
    if r >= TWO_63:
        return 1, LARGEST
    if inclusive:
        return 1, i64(floor(r))
    up = ceil(r)
    if up == -TWO_63:
        return 0, 0
    if up >= TWO_63:
        return 1, LARGEST
    return 1, i64(up) - 1


@export
def limit_value(tag: i32, payload: i64) -> tuple[i32, i64]:
    """LIMIT or OFFSET as an integer: (1, n), or (0, 0) when it is not one ("datatype mismatch")."""
    return rowid_exact(tag, payload)
