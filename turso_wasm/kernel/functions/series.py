"""The numbers of generate_series: which there are, before the first is given.

Source: https://sqlite.org/series.html
"""

from turso_wasm.kernel.abi import INTEGER, REAL
from turso_wasm.kernel.values.arithmetic import INTEGER_MIN
from turso_wasm.kernel.values.value import to_integer
from turso_wasm.wasm.lang import export, i32, i64, u64

__subset__ = True

INTEGER_MAX = 0x7FFFFFFFFFFFFFFF


@export
def series_bound(tag: i32, payload: i64, is_upper: i32) -> i64:
    """An integer that no integer at least (at most) as large as a value is below (above)."""
    if tag == INTEGER:
        return payload
    if tag != REAL:
        return i64(INTEGER_MAX) if is_upper else i64(INTEGER_MIN)
    near: i64 = to_integer(tag, payload)
    if is_upper:
        return near + i64(near < i64(INTEGER_MAX))
    return near - i64(near > i64(INTEGER_MIN))


@export
def series_begin(start: i64, stop: i64, step: i64, lower: i64, upper: i64, direction: i32) -> tuple[i32, i64, i64, i64]:
    """(1 if there are any, the first, how many follow it, the distance) of the numbers start, start + step, … up to
    stop that lie in lower..upper. direction: 1 ascending, -1 descending, 0 that of step, which is not 0.
    """
    size: u64 = u64(step) if step > 0 else u64(0) - u64(step)
    low: i64 = start
    rest: u64 = 0
    if step > 0:
        if start > stop:
            return 0, 0, 0, 0
        rest = (u64(stop) - u64(start)) // size
    else:
        if start < stop:
            return 0, 0, 0, 0
        rest = (u64(start) - u64(stop)) // size
        low = i64(u64(start) - rest * size)
    high: i64 = i64(u64(low) + rest * size)
    if lower > high or upper < low or lower > upper:
        return 0, 0, 0, 0
    if lower > low:
        gap: u64 = u64(lower) - u64(low)
        skipped: u64 = gap // size + u64(gap % size != 0)
        low = i64(u64(low) + skipped * size)
        rest = rest - skipped
        if low > upper:
            return 0, 0, 0, 0
    if upper < high:
        rest = (u64(upper) - u64(low)) // size
        high = i64(u64(low) + rest * size)
    if direction < 0 or (direction == 0 and step < 0):
        return 1, high, i64(rest), i64(u64(0) - size)
    return 1, low, i64(rest), i64(size)
