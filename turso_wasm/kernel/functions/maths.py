"""Mathematical functions that need no approximation: ceil, floor, trunc, sqrt, mod, pi, degrees, radians.

An argument that is not a number, nor wholly a number as text, gives NULL; so does a result that is none (NaN).

Source: https://sqlite.org/lang_mathfunc.html
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, Run
from turso_wasm.kernel.values.value import apply_numeric, real_value, to_real
from turso_wasm.wasm.lang import (
    bits,
    ceil,
    clz,
    copysign,
    export,
    f64,
    fabs,
    float_from_bits,
    floor,
    i32,
    i64,
    sqrt,
    trunc,
    u64,
)

__subset__ = True

PI = 3.141592653589793
INFINITY_BITS = 0x7FF0000000000000


def math_argument(tag: i32, payload: i64) -> tuple[i32, f64]:
    """The argument as a double: (1, it), or (0, 0.0) when it is not a number."""
    kind, value = apply_numeric(tag, payload)
    if kind != INTEGER and kind != REAL:
        return 0, 0.0
    return 1, to_real(kind, value)


@export
def fn_ceil(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """ceil(X): an INTEGER stays one."""
    kind, value = apply_numeric(tag, payload)
    if kind == REAL:
        return REAL, bits(ceil(float_from_bits(value)))
    if kind == INTEGER:
        return INTEGER, value
    return NULL, 0


@export
def fn_floor(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """floor(X): an INTEGER stays one."""
    kind, value = apply_numeric(tag, payload)
    if kind == REAL:
        return REAL, bits(floor(float_from_bits(value)))
    if kind == INTEGER:
        return INTEGER, value
    return NULL, 0


@export
def fn_trunc(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """trunc(X): an INTEGER stays one."""
    kind, value = apply_numeric(tag, payload)
    if kind == REAL:
        return REAL, bits(trunc(float_from_bits(value)))
    if kind == INTEGER:
        return INTEGER, value
    return NULL, 0


@export
def fn_sqrt(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """sqrt(X)."""
    ok, x = math_argument(tag, payload)
    if ok == 0:
        return NULL, 0
    return real_value(sqrt(x))


@export
def fn_pi(stmt: Run) -> tuple[i32, i64]:
    """pi()."""
    return REAL, bits(PI)


@export
def fn_degrees(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """degrees(X)."""
    ok, x = math_argument(tag, payload)
    if ok == 0:
        return NULL, 0
    return real_value(x * (180.0 / PI))


@export
def fn_radians(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """radians(X)."""
    ok, x = math_argument(tag, payload)
    if ok == 0:
        return NULL, 0
    return real_value(x * (PI / 180.0))


def unpack(x: f64) -> tuple[u64, i32]:
    """A finite x > 0 as (mantissa with bit 52 set, exponent): x = mantissa * 2^exponent."""
    raw: u64 = u64(bits(x))
    exponent: i32 = i32(raw >> 52)
    mantissa: u64 = raw & 0xFFFFFFFFFFFFF
    if exponent == 0:
        shift: u64 = clz(mantissa) - 11
        return mantissa << shift, -1074 - i32(shift)
    return mantissa | (u64(1) << 52), exponent - 1075


def pack_real(mantissa: u64, exponent: i32) -> f64:
    """`mantissa` * 2^exponent for a mantissa < 2^53, where that is exact."""
    if mantissa == 0:
        return 0.0
    shift: i32 = i32(clz(mantissa)) - 11
    if exponent - shift < -1074:
        # A subnormal result: its unit is 2^-1074.
        shift = exponent + 1074
        mantissa = mantissa << u64(shift) if shift >= 0 else mantissa >> u64(0 - shift)
        return float_from_bits(i64(mantissa))
    mantissa = (mantissa << u64(shift)) - (u64(1) << 52)
    return float_from_bits(i64(mantissa) | i64(exponent - shift + 1075) << 52)


@export
def real_mod(x: f64, y: f64) -> f64:
    """The remainder of x / y truncated, exact, with the sign of x; NaN for y = 0, infinite x or NaN."""
    infinity: f64 = float_from_bits(INFINITY_BITS)
    a: f64 = fabs(x)
    b: f64 = fabs(y)
    if a != a or b != b or b == 0.0 or a == infinity:
        return (a - a) / 0.0 * 0.0
    if a < b:
        return x
    m, e = unpack(a)
    n, d = unpack(b)
    # a >= b, so e >= d; eleven bits at a time keep m below 2^64.
    rest: u64 = m % n
    left: i32 = e - d
    while left > 0 and rest != 0:
        step: i32 = 11 if left > 11 else left
        rest = (rest << u64(step)) % n
        left -= step
    return copysign(pack_real(rest, d), x)


@export
def fn_mod(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """mod(X, Y)."""
    ok, x = math_argument(tag, payload)
    ok2, y = math_argument(tag2, payload2)
    if ok == 0 or ok2 == 0:
        return NULL, 0
    return real_value(real_mod(x, y))
