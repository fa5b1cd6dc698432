"""The SQL functions of analysis: exp, logarithms, powers, trigonometric and hyperbolic functions.

Owns the argument rules; exponential.py and trigonometric.py compute. An argument that is not a number, nor wholly a
number as text, gives NULL; so does a result that is none (NaN), and a logarithm of what is not positive.

Source: https://sqlite.org/lang_mathfunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, Run
from turso_wasm.kernel.functions.exponential import (
    real_acosh,
    real_asinh,
    real_atanh,
    real_cosh,
    real_exp,
    real_log,
    real_log2,
    real_log10,
    real_pow,
    real_sinh,
    real_tanh,
)
from turso_wasm.kernel.functions.maths import math_argument
from turso_wasm.kernel.functions.trigonometric import (
    real_acos,
    real_asin,
    real_atan,
    real_atan2,
    real_cos,
    real_sin,
    real_tan,
)
from turso_wasm.kernel.values.value import real_value, to_real
from turso_wasm.wasm.lang import export, f64, fn, funcref, i32, i64

__subset__ = True


def apply(f: fn[[f64], f64], tag: i32, payload: i64) -> tuple[i32, i64]:
    """A function of one number, applied to a value."""
    ok, x = math_argument(tag, payload)
    if ok == 0:
        return NULL, 0
    return real_value(f(x))


def apply_positive(f: fn[[f64], f64], tag: i32, payload: i64) -> tuple[i32, i64]:
    """A function of a positive number, applied to a value."""
    ok, x = math_argument(tag, payload)
    if ok == 0 or x <= 0.0:
        return NULL, 0
    return real_value(f(x))


@export
def fn_exp(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """exp(X)."""
    return apply(funcref(real_exp), tag, payload)


@export
def fn_ln(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """ln(X): natural logarithm."""
    return apply_positive(funcref(real_log), tag, payload)


@export
def fn_log_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """log(X), log10(X): logarithm to base 10."""
    return apply_positive(funcref(real_log10), tag, payload)


@export
def fn_log10(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """log10(X)."""
    return apply_positive(funcref(real_log10), tag, payload)


@export
def fn_log2(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """log2(X)."""
    return apply_positive(funcref(real_log2), tag, payload)


@export
def fn_log_2(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """log(B, X): logarithm to base B > 1, as the quotient of two natural logarithms."""
    ok, base = math_argument(tag, payload)
    # SQLite is lenient here: the number that X begins with will do.
    x: f64 = to_real(tag2, payload2)
    if ok == 0 or x <= 0.0 or base <= 0.0:
        return NULL, 0
    divisor: f64 = real_log(base)
    if divisor <= 0.0:
        return NULL, 0
    return real_value(real_log(x) / divisor)


@export
def fn_pow(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """pow(X, Y)."""
    ok, x = math_argument(tag, payload)
    ok2, y = math_argument(tag2, payload2)
    if ok == 0 or ok2 == 0:
        return NULL, 0
    return real_value(real_pow(x, y))


@export
def fn_sin(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """sin(X)."""
    return apply(funcref(real_sin), tag, payload)


@export
def fn_cos(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """cos(X)."""
    return apply(funcref(real_cos), tag, payload)


@export
def fn_tan(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """tan(X)."""
    return apply(funcref(real_tan), tag, payload)


@export
def fn_asin(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """asin(X)."""
    return apply(funcref(real_asin), tag, payload)


@export
def fn_acos(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """acos(X)."""
    return apply(funcref(real_acos), tag, payload)


@export
def fn_atan(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """atan(X)."""
    return apply(funcref(real_atan), tag, payload)


@export
def fn_atan2(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """atan2(Y, X)."""
    ok, y = math_argument(tag, payload)
    ok2, x = math_argument(tag2, payload2)
    if ok == 0 or ok2 == 0:
        return NULL, 0
    return real_value(real_atan2(y, x))


@export
def fn_sinh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """sinh(X)."""
    return apply(funcref(real_sinh), tag, payload)


@export
def fn_cosh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """cosh(X)."""
    return apply(funcref(real_cosh), tag, payload)


@export
def fn_tanh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """tanh(X)."""
    return apply(funcref(real_tanh), tag, payload)


@export
def fn_asinh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """asinh(X)."""
    return apply(funcref(real_asinh), tag, payload)


@export
def fn_acosh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """acosh(X)."""
    return apply(funcref(real_acosh), tag, payload)


@export
def fn_atanh(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """atanh(X)."""
    return apply(funcref(real_atanh), tag, payload)
