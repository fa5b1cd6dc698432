"""printf's conversion specifications: %[flags][width][.precision][l]conversion.

Owns their parsing. Flags: `-` left, `+` and space sign prefix, `0` zeros, `,` thousands, `#` alternate, `!` more digits
(and characters instead of bytes). Width and precision may be `*`, taken from the arguments.

Source: https://sqlite.org/printf.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, Value
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.kernel.values.value import to_integer
from turso_wasm.wasm.lang import Struct, i32, i64, ptr, u8, u32

__subset__ = True


class Spec(Struct):
    """One conversion specification, and the arguments still unused."""

    left: i32
    prefix: i32  # '+', ' ' or 0
    zero: i32
    thousands: i32
    alternate: i32  # the # flag
    more: i32  # the ! flag
    width: i32
    precision: i32  # -1: not given
    conversion: i32  # its letter, in lower case when `upper` is set
    upper: i32
    values: ptr[Value]
    n_values: i32


def next_value(spec: Spec) -> tuple[i32, i64]:
    """The next argument; NULL when there is none left."""
    if spec.n_values == 0:
        return NULL, 0
    v: Value = spec.values[0]
    spec.values = spec.values + 1
    spec.n_values -= 1
    return v.tag, v.payload


def next_integer(spec: Spec) -> i64:
    """The next argument as an integer."""
    tag, payload = next_value(spec)
    return to_integer(tag, payload)


def scan_flags(spec: Spec, p: ptr[u8], n: i32, i: i32) -> i32:
    """Take the flags from i on; index behind them."""
    while i < n:
        c: i32 = p[i]
        if c == 45:
            spec.left = 1
        elif c == 43 or c == 32:
            spec.prefix = c
        elif c == 48:
            spec.zero = 1
        elif c == 44:
            spec.thousands = 1
        elif c == 35:
            spec.alternate = 1
        elif c == 33:
            spec.more = 1
        else:
            return i
        i += 1
    return i


def scan_number_31(p: ptr[u8], n: i32, i: i32) -> tuple[i32, i32]:
    """Decimal digits from i on: (their value modulo 2^31, index behind them)."""
    value: u32 = 0
    while i < n and is_digit(p[i]):
        value = value * 10 + u32(p[i] - 48)
        i += 1
    return i32(value & 0x7FFFFFFF), i


def star(spec: Spec) -> i32:
    """A width or precision given as an argument, modulo 2^32."""
    return i32(next_integer(spec))


def scan_width(spec: Spec, p: ptr[u8], n: i32, i: i32) -> i32:
    """Take the width from i on; index behind it."""
    if i < n and p[i] == 42:
        spec.width = star(spec)
        if spec.width < 0:
            spec.left = 1
            spec.width = 0 - spec.width
        if spec.width < 0:
            spec.width = 0
        return i + 1
    value, after = scan_number_31(p, n, i)
    spec.width = value
    return after


def scan_precision(spec: Spec, p: ptr[u8], n: i32, i: i32) -> i32:
    """Take the precision from i on; index behind it."""
    if i >= n or p[i] != 46:
        return i
    i += 1
    if i < n and p[i] == 42:
        spec.precision = star(spec)
        if spec.precision < 0:
            spec.precision = 0 - spec.precision
        if spec.precision < 0:
            spec.precision = -1
        return i + 1
    value, after = scan_number_31(p, n, i)
    spec.precision = value
    return after


def scan_spec(spec: Spec, p: ptr[u8], n: i32, i: i32) -> i32:
    """Take the specification behind the % at i - 1; index behind its conversion (which is 0 when the format ends
    first).
    """
    spec.left = 0
    spec.prefix = 0
    spec.zero = 0
    spec.thousands = 0
    spec.alternate = 0
    spec.more = 0
    spec.precision = -1
    spec.upper = 0
    i = scan_flags(spec, p, n, i)
    i = scan_width(spec, p, n, i)
    i = scan_precision(spec, p, n, i)
    longs: i32 = 0
    while i < n and p[i] == 108 and longs < 2:
        i += 1
        longs += 1
    spec.conversion = 0
    if i < n:
        c: i32 = p[i]
        if c == 69 or c == 71 or c == 88:
            spec.upper = 1
            c |= 32
        spec.conversion = c
        i += 1
    return i
