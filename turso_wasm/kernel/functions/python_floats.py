"""Python's floats, and its math module, for typed functions of the user's (typed/types.py OPERATIONS).

What can fail gives (result, whether it failed), as in python_integers.py.

Source: https://docs.python.org/3/library/math.html, https://docs.python.org/3/reference/expressions.html
"""

from turso_wasm.kernel.functions.exponential import real_exp, real_log, real_log2, real_log10, real_pow
from turso_wasm.kernel.functions.maths import real_mod
from turso_wasm.kernel.functions.python_integers import EXACT
from turso_wasm.kernel.functions.trigonometric import real_atan, real_cos, real_sin, real_tan
from turso_wasm.wasm.lang import ceil, copysign, export, f64, fabs, floor, i64, inline, nearest, select, sqrt, trunc

__subset__ = True

TWO_63 = 9223372036854775808.0

# --- between integers and floats ------------------------------------------------------------------------------------


@export
@inline
def py_int_float(a: i64) -> f64:
    """float(a)."""
    return f64(a)


@export
@inline
def py_int_exact(a: i64) -> tuple[f64, bool]:
    """The float that is equal to a."""
    return f64(a), a < -EXACT or a > EXACT


@export
@inline
def py_float_int(a: f64) -> tuple[i64, bool]:
    """int(a), towards zero."""
    return i64(a), not (a > -TWO_63 and a < TWO_63)


@export
@inline
def py_float_round(a: f64) -> tuple[i64, bool]:
    """round(a), to the even one of two."""
    return i64(nearest(a)), not (a > -TWO_63 and a < TWO_63)


@export
@inline
def py_float_floor(a: f64) -> tuple[i64, bool]:
    """math.floor(a)."""
    return i64(floor(a)), not (a > -TWO_63 and a < TWO_63)


@export
@inline
def py_float_ceil(a: f64) -> tuple[i64, bool]:
    """math.ceil(a)."""
    return i64(ceil(a)), not (a > -TWO_63 and a < TWO_63)


# --- floats ---------------------------------------------------------------------------------------------------------


@export
@inline
def py_float_add(a: f64, b: f64) -> f64:
    """A + b."""
    return a + b


@export
@inline
def py_float_sub(a: f64, b: f64) -> f64:
    """A - b."""
    return a - b


@export
@inline
def py_float_mul(a: f64, b: f64) -> f64:
    """A * b."""
    return a * b


@export
@inline
def py_float_truediv(a: f64, b: f64) -> tuple[f64, bool]:
    """A / b."""
    return a / b, b == 0.0


@export
def py_float_floordiv(a: f64, b: f64) -> tuple[f64, bool]:
    """A // b."""
    if b == 0.0:
        return 0.0, True
    rest: f64 = real_mod(a, b)
    q: f64 = (a - rest) / b
    if rest != 0.0 and (b < 0.0) != (rest < 0.0):
        q -= 1.0
    if q == 0.0:
        return copysign(0.0, a / b), False
    whole: f64 = floor(q)
    return whole + 1.0 if q - whole > 0.5 else whole, False


@export
def py_float_mod(a: f64, b: f64) -> tuple[f64, bool]:
    """A % b, with the sign of b."""
    if b == 0.0:
        return 0.0, True
    rest: f64 = real_mod(a, b)
    if rest == 0.0:
        return copysign(0.0, b), False
    return rest + b if (b < 0.0) != (rest < 0.0) else rest, False


@export
def py_float_pow(a: f64, b: f64) -> tuple[f64, bool]:
    """A ** b; what is not finite is left to Python."""
    if b == 2.0:
        result: f64 = a * a
    elif a < 0.0 and trunc(b) != b:
        return 0.0, True
    else:
        result = real_pow(a, b)
    return result, result - result != 0.0


@export
@inline
def py_float_neg(a: f64) -> f64:
    """-a."""
    return -a


@export
@inline
def py_float_abs(a: f64) -> f64:
    """abs(a)."""
    return fabs(a)


@export
@inline
def py_float_min(a: f64, b: f64) -> f64:
    """min(a, b): a unless b is less."""
    return select(b, a, b < a)


@export
@inline
def py_float_max(a: f64, b: f64) -> f64:
    """max(a, b): a unless b is greater."""
    return select(b, a, b > a)


@export
@inline
def py_float_eq(a: f64, b: f64) -> bool:
    """A == b."""
    return a == b


@export
@inline
def py_float_ne(a: f64, b: f64) -> bool:
    """A != b."""
    return a != b


@export
@inline
def py_float_lt(a: f64, b: f64) -> bool:
    """A < b."""
    return a < b


@export
@inline
def py_float_le(a: f64, b: f64) -> bool:
    """A <= b."""
    return a <= b


@export
@inline
def py_float_gt(a: f64, b: f64) -> bool:
    """A > b."""
    return a > b


@export
@inline
def py_float_ge(a: f64, b: f64) -> bool:
    """A >= b."""
    return a >= b


@export
@inline
def py_float_isnan(a: f64) -> bool:
    """math.isnan(a)."""
    return a != a


@export
@inline
def py_float_isfinite(a: f64) -> bool:
    """math.isfinite(a)."""
    return a - a == 0.0


@export
@inline
def py_float_isinf(a: f64) -> bool:
    """math.isinf(a)."""
    return a == a and a - a != 0.0


# --- the math module: what is no finite number of finite ones is left to Python ---------------------------------------


@export
@inline
def py_math_sqrt(a: f64) -> tuple[f64, bool]:
    """math.sqrt(a)."""
    return sqrt(a), a < 0.0


@export
def py_math_exp(a: f64) -> tuple[f64, bool]:
    """math.exp(a)."""
    result: f64 = real_exp(a)
    return result, result - result != 0.0


@export
def py_math_log(a: f64) -> tuple[f64, bool]:
    """math.log(a)."""
    result: f64 = real_log(a)
    return result, result - result != 0.0


@export
def py_math_log2(a: f64) -> tuple[f64, bool]:
    """math.log2(a)."""
    result: f64 = real_log2(a)
    return result, result - result != 0.0


@export
def py_math_log10(a: f64) -> tuple[f64, bool]:
    """math.log10(a)."""
    result: f64 = real_log10(a)
    return result, result - result != 0.0


@export
def py_math_sin(a: f64) -> tuple[f64, bool]:
    """math.sin(a)."""
    result: f64 = real_sin(a)
    return result, result - result != 0.0


@export
def py_math_cos(a: f64) -> tuple[f64, bool]:
    """math.cos(a)."""
    result: f64 = real_cos(a)
    return result, result - result != 0.0


@export
def py_math_tan(a: f64) -> tuple[f64, bool]:
    """math.tan(a)."""
    result: f64 = real_tan(a)
    return result, result - result != 0.0


@export
def py_math_atan(a: f64) -> tuple[f64, bool]:
    """math.atan(a)."""
    result: f64 = real_atan(a)
    return result, result - result != 0.0
