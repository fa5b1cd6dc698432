"""Python's integers in 64 bits, for typed functions of the user's (typed/types.py OPERATIONS).

An operation that can fail gives (result, whether it failed): because Python would raise, or its integer would need more
than 64 bits. Nothing here raises.

Source: https://docs.python.org/3/reference/expressions.html
"""

from turso_wasm.kernel.values.arithmetic import INTEGER_MIN, mul_overflows
from turso_wasm.wasm.lang import export, f64, i32, i64, inline, select

__subset__ = True

EXACT = 1 << 53  # integers up to it are doubles


@export
@inline
def py_int_add(a: i64, b: i64) -> tuple[i64, bool]:
    """A + b."""
    c: i64 = a + b
    return c, ((a ^ c) & (b ^ c)) < 0


@export
@inline
def py_int_sub(a: i64, b: i64) -> tuple[i64, bool]:
    """A - b."""
    c: i64 = a - b
    return c, ((a ^ b) & (a ^ c)) < 0


@export
@inline
def py_int_mul(a: i64, b: i64) -> tuple[i64, bool]:
    """A * b."""
    return a * b, mul_overflows(a, b)


@export
@inline
def py_int_floordiv(a: i64, b: i64) -> tuple[i64, bool]:
    """A // b, towards minus infinity."""
    if b == 0 or (b == -1 and a == INTEGER_MIN):
        return i64(0), True
    q: i64 = a // b
    if (a ^ b) < 0 and q * b != a:
        q -= 1
    return q, False


@export
@inline
def py_int_mod(a: i64, b: i64) -> tuple[i64, bool]:
    """A % b, with the sign of b."""
    if b == 0:
        return i64(0), True
    if b == -1:
        return i64(0), False
    r: i64 = a % b
    if r != 0 and (r ^ b) < 0:
        r += b
    return r, False


@export
def py_int_truediv(a: i64, b: i64) -> tuple[f64, bool]:
    """A / b; beyond 2^53 one rounding would become two."""
    exact: bool = a >= -EXACT and a <= EXACT and b >= -EXACT and b <= EXACT
    if b == 0 or not exact:
        return 0.0, True
    return f64(a) / f64(b), False


@export
def py_int_pow(a: i64, b: i64) -> tuple[i64, bool]:
    """A ** b; a negative b makes a float of it."""
    if b < 0:
        return i64(0), True
    result: i64 = 1
    while True:
        if b & 1:
            if mul_overflows(result, a):
                return i64(0), True
            result *= a
        b = b >> 1
        if b == 0:
            return result, False
        if mul_overflows(a, a):
            return i64(0), True
        a *= a


@export
def py_int_lshift(a: i64, n: i64) -> tuple[i64, bool]:
    """A << n."""
    if a == 0 and n >= 0:
        return i64(0), False
    if n < 0 or n > 63:
        return i64(0), True
    return a << n, a << n >> n != a


@export
@inline
def py_int_rshift(a: i64, n: i64) -> tuple[i64, bool]:
    """A >> n."""
    return a >> select(n, i64(63), n < 63), n < 0


@export
@inline
def py_int_and(a: i64, b: i64) -> i64:
    """A & b."""
    return a & b


@export
@inline
def py_int_or(a: i64, b: i64) -> i64:
    """A | b."""
    return a | b


@export
@inline
def py_int_xor(a: i64, b: i64) -> i64:
    """A ^ b."""
    return a ^ b


@export
@inline
def py_int_invert(a: i64) -> i64:
    """~a."""
    return ~a


@export
@inline
def py_int_neg(a: i64) -> tuple[i64, bool]:
    """-a."""
    return 0 - a, a == INTEGER_MIN


@export
@inline
def py_int_abs(a: i64) -> tuple[i64, bool]:
    """abs(a)."""
    return select(0 - a, a, a < 0), a == INTEGER_MIN


@export
@inline
def py_int_min(a: i64, b: i64) -> i64:
    """min(a, b)."""
    return select(a, b, a < b)


@export
@inline
def py_int_max(a: i64, b: i64) -> i64:
    """max(a, b)."""
    return select(a, b, a > b)


@export
@inline
def py_int_eq(a: i64, b: i64) -> bool:
    """A == b."""
    return a == b


@export
@inline
def py_int_ne(a: i64, b: i64) -> bool:
    """A != b."""
    return a != b


@export
@inline
def py_int_lt(a: i64, b: i64) -> bool:
    """A < b."""
    return a < b


@export
@inline
def py_int_le(a: i64, b: i64) -> bool:
    """A <= b."""
    return a <= b


@export
@inline
def py_int_gt(a: i64, b: i64) -> bool:
    """A > b."""
    return a > b


@export
@inline
def py_int_ge(a: i64, b: i64) -> bool:
    """A >= b."""
    return a >= b


@export
@inline
def py_bool_and(a: bool, b: bool) -> bool:
    """A & b."""
    return (i32(a) & i32(b)) != 0


@export
@inline
def py_bool_or(a: bool, b: bool) -> bool:
    """A | b."""
    return (i32(a) | i32(b)) != 0


@export
@inline
def py_bool_xor(a: bool, b: bool) -> bool:
    """A ^ b."""
    return (i32(a) ^ i32(b)) != 0
