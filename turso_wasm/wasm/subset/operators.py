"""Operators of the subset on typed values: arithmetic, comparison, pointer arithmetic, literal folding."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from turso_wasm.wasm import dsl
from turso_wasm.wasm.subset.context import Body
from turso_wasm.wasm.subset.memory import element_size
from turso_wasm.wasm.subset.types import BOOL, F64, I32, I64, U32, U64, V128, FnType, PtrType, StructMeta
from turso_wasm.wasm.subset.values import (
    INT_LITERAL,
    NONE,
    TRAPS,
    Value,
    convert,
    describe,
    int_literal,
    is_int,
    is_pointer,
    typed,
    unsigned,
)

SYMBOL: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_BITWISE: dict[type, str] = {ast.BitAnd: "__and__", ast.BitOr: "__or__", ast.BitXor: "__xor__"}
_SMALL_OFFSET = 1024  # memory below this is never allocated (link.py), so p[i + k] may fold k into the load's offset


def _truncated_division(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_LITERAL: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: _truncated_division,
    ast.Mod: lambda a, b: a - _truncated_division(a, b) * b,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_FLOAT: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_FLOAT_FOLD: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def binary(body: Body, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
    """The value of `left op right`. Errors: SubsetError naming both types."""
    kind = type(op)
    if left.type is INT_LITERAL and right.type is INT_LITERAL:
        return _fold(body, op, left, right, node)
    if isinstance(left.type, (PtrType, StructMeta)) and kind in (ast.Add, ast.Sub):
        return _pointer_arithmetic(body, kind, left, right, node)
    if isinstance(right.type, PtrType) and kind is ast.Add:
        return _pointer_arithmetic(body, kind, right, left, node)
    if kind in (ast.LShift, ast.RShift):
        return _shift(body, kind, left, right, node)
    left, right = unify(body, left, right, node, SYMBOL.get(kind, "?"), as_bits=kind in _BITWISE)
    flags = left.flags | right.flags
    if left.type is V128 and kind in _BITWISE:
        return Value(getattr(left.expr, _BITWISE[kind])(right.expr), V128, flags)
    if left.type is F64:
        if kind not in _FLOAT:
            raise body.error(f"f64 has no {SYMBOL.get(kind, 'such operator')}", node)
        if left.const is not None and right.const is not None and kind in _FLOAT_FOLD:
            return Value(dsl.f64(_FLOAT_FOLD[kind](float(left.const), float(right.const))), F64)
        return Value(getattr(left.expr, _FLOAT[kind])(right.expr), F64, flags)
    if not is_int(left.type):
        raise body.error(f"{describe(left.type)} has no {SYMBOL.get(kind, 'such operator')}", node)
    if kind is ast.Div:
        raise body.error("/ is for f64; integers divide with //", node)
    return _integer(body, kind, left, right, flags, node)


def _integer(body: Body, kind: type, left: Value, right: Value, flags: int, node: ast.AST) -> Value:
    type_ = left.type
    both_bool = type_ is BOOL
    if both_bool and kind not in _BITWISE:
        type_ = I32
    a, b = left.expr, right.expr
    if kind is ast.Add:
        return Value(dsl.add(a, b), type_, flags)
    if kind is ast.Sub:
        return Value(dsl.add(a, -b.const) if b.const is not None else a.sub(b), type_, flags)
    if kind is ast.Mult:
        return Value(dsl.multiply(a, b), type_, flags)
    if kind in _BITWISE:
        return Value(getattr(a, _BITWISE[kind])(b), type_, flags)
    if kind not in (ast.FloorDiv, ast.Mod):
        raise body.error("this operator is not part of the subset", node)
    return Value(_divide(kind is ast.Mod, a, b, unsigned(type_)), type_, flags | (0 if b.const else TRAPS))


def _divide(modulo: bool, a: dsl.Expr, b: dsl.Expr, is_unsigned: bool) -> dsl.Expr:
    n = int(b.const or 0)
    if is_unsigned and n > 0 and n & (n - 1) == 0:
        return a & (n - 1) if modulo else a.shr_u(n.bit_length() - 1)
    name = ("rem_" if modulo else "div_") + ("u" if is_unsigned else "s")
    result: dsl.Expr = getattr(a, name)(b)
    return result


def _fold(body: Body, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
    a, b = left.const, right.const
    if isinstance(op, ast.Div):
        raise body.error("/ is for f64; integers divide with //", node)
    if isinstance(op, (ast.FloorDiv, ast.Mod)) and b == 0:
        raise body.error("division by zero", node)
    if isinstance(op, (ast.LShift, ast.RShift)) and not 0 <= b < 64:
        raise body.error(f"shift by {b}", node)
    if type(op) not in _LITERAL:
        raise body.error("this operator is not part of the subset", node)
    return int_literal(_LITERAL[type(op)](a, b))


def _shift(body: Body, kind: type, left: Value, right: Value, node: ast.AST) -> Value:
    """The count may be of any integer type; wasm takes it modulo the width."""
    left = typed(left)
    if left.type is BOOL:
        left = Value(left.expr, I32, left.flags)
    if not is_int(left.type):
        raise body.error(f"{describe(left.type)} has no {SYMBOL[kind]}", node)
    if right.type is INT_LITERAL:
        width = 32 if left.type in (I32, U32) else 64
        if not 0 <= right.const < width:
            raise body.error(f"shift of {describe(left.type)} by {right.const}", node)
    right = typed(right)
    if not is_int(right.type):
        raise body.error(f"a shift count must be an integer, not {describe(right.type)}", node)
    count = right.expr
    if count.type != left.expr.type:
        count = count.extend_u() if count.type == dsl.I32 else count.wrap()
        if right.const is not None:
            count = dsl.constant(left.expr.type, dsl.wrap_to(left.expr.type, right.const))
    name = "__lshift__" if kind is ast.LShift else "shr_u" if unsigned(left.type) else "shr_s"
    return Value(getattr(left.expr, name)(count), left.type, left.flags | right.flags)


def _pointer_arithmetic(body: Body, kind: type, pointer: Value, other: Value, node: ast.AST) -> Value:
    if not isinstance(pointer.type, PtrType):
        raise body.error(f"{describe(pointer.type)} is a struct pointer: cast to ptr[u8] for arithmetic", node)
    flags = pointer.flags | other.flags
    size = element_size(pointer.type)
    if kind is ast.Sub and is_pointer(other.type):
        if other.type != pointer.type:
            raise body.error(f"{describe(pointer.type)} - {describe(other.type)}: the types must be equal", node)
        difference = pointer.expr.sub(other.expr)
        if size & (size - 1) == 0:
            return Value(difference.shr_s(size.bit_length() - 1), I32, flags)
        return Value(difference.div_s(size), I32, flags)
    if other.type not in (I32, U32, BOOL, INT_LITERAL):
        expected = "expected an i32 or u32 offset"
        raise body.error(f"{describe(pointer.type)} {SYMBOL[kind]} {describe(other.type)}: {expected}", node)
    if other.type is INT_LITERAL:
        n = other.const * size
        return Value(dsl.add(pointer.expr, n if kind is ast.Add else -n), pointer.type, flags)
    if kind is ast.Sub:
        return Value(pointer.expr.sub(dsl.multiply(other.expr, size)), pointer.type, flags)
    return Value(element_address(pointer.expr, other.expr, size), pointer.type, flags)


def element_address(pointer: dsl.Expr, index: dsl.Expr, size: int) -> dsl.Expr:
    """The address `pointer + index * size`; a small constant part of the index ends up as the sum's constant offset."""
    if index.const is not None:
        return dsl.add(pointer, int(index.const) * size)
    index, steps = _split(index, _SMALL_OFFSET // size)
    pointer, extra = _split(pointer, _SMALL_OFFSET)
    extra += steps * size
    total = dsl.add(pointer, dsl.multiply(index, size))
    return dsl.add(total, extra) if extra else total


def _split(expr: dsl.Expr, limit: int) -> tuple[dsl.Expr, int]:
    """`base + n` with 0 < n <= limit as (base, n); anything else as (itself, 0)."""
    if expr.plus is not None and 0 < expr.plus[1] <= limit:
        return dsl.Expr(expr.plus[0], expr.type), expr.plus[1]
    return expr, 0


def unify(
    body: Body, left: Value, right: Value, node: ast.AST, symbol: str, *, as_bits: bool = False
) -> tuple[Value, Value]:
    """Both operands in one type: literals adapt to the other side, bool and i32 mix."""
    if left.type is None or right.type is None:
        raise body.error("this call has no result", node)
    if right.type is INT_LITERAL and left.type is not INT_LITERAL:
        want = I32 if left.type is BOOL else left.type
        left = convert(left, want) or left
        return left, _adapt(body, right, want, node, symbol, as_bits)
    if left.type is INT_LITERAL:
        want = I32 if right.type is BOOL else right.type
        right = convert(right, want) or right
        return _adapt(body, left, want, node, symbol, as_bits), right
    if left.type == right.type:
        return left, right
    if left.type is BOOL and right.type is I32:
        return Value(left.expr, I32, left.flags), right
    if left.type is I32 and right.type is BOOL:
        return left, Value(right.expr, I32, right.flags)
    hint = ""
    if (is_int(left.type) and is_int(right.type)) or F64 in (left.type, right.type):
        hint = ": convert one of them"
    raise body.error(f"{describe(left.type)} {symbol} {describe(right.type)}{hint}", node)


def _adapt(body: Body, literal: Value, type_: object, node: ast.AST, symbol: str, as_bits: bool) -> Value:
    result = convert(literal, type_, as_bits=as_bits)  # type: ignore[arg-type]
    if result is not None:
        return result
    if is_int(type_):
        raise body.error(f"{literal.const} does not fit {describe(type_)}", node)
    raise body.error(f"{describe(type_)} {symbol} {literal.const}", node)


_COMPARE = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Is: "__eq__",
    ast.IsNot: "__ne__",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
_LITERAL_COMPARE: dict[type, Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def compare(body: Body, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value:
    """The value of `left op right`, a bool."""
    kind = type(op)
    if left.type is INT_LITERAL and right.type is INT_LITERAL and kind in _LITERAL_COMPARE:
        return Value(dsl.i32(int(_LITERAL_COMPARE[kind](left.const, right.const))), BOOL)
    for a, b in ((left, right), (right, left)):
        if a.type is NONE:
            return _compare_null(body, kind, b, node)
    if is_pointer(left.type) and is_pointer(right.type):
        if convert(left, right.type) is None and convert(right, left.type) is None:
            raise body.error(f"{describe(left.type)} {SYMBOL[kind]} {describe(right.type)}", node)
    elif not (isinstance(left.type, FnType) and left.type == right.type):
        left, right = unify(body, left, right, node, SYMBOL[kind])
        if kind in (ast.Is, ast.IsNot):
            raise body.error("`is` compares pointers with None", node)
    if left.type is V128:
        raise body.error(f"v128 has no {SYMBOL[kind]}", node)
    name = _COMPARE[kind]
    if not name.startswith("_") and left.type is not F64:
        name += "_u" if unsigned(left.type) else "_s"
    folded = _fold_zero_compare(name, left, right)
    if folded is not None:
        return Value(folded, BOOL, left.flags)
    return Value(getattr(left.expr, name)(right.expr), BOOL, left.flags | right.flags)


def _fold_zero_compare(name: str, left: Value, right: Value) -> dsl.Expr | None:
    """An integer `x == 0` as eqz, else None."""
    if name == "__eq__" and right.const == 0 and left.const is None and left.expr.type in (dsl.I32, dsl.I64):
        result: dsl.Expr = left.expr.eqz()
        return result
    return None


def _compare_null(body: Body, kind: type, pointer: Value, node: ast.AST) -> Value:
    if kind not in (ast.Eq, ast.NotEq, ast.Is, ast.IsNot):
        raise body.error("only ==, !=, is, is not compare with None", node)
    if pointer.type is NONE:
        return Value(dsl.i32(int(kind in (ast.Eq, ast.Is))), BOOL)
    if not is_pointer(pointer.type) and not isinstance(pointer.type, FnType):
        raise body.error(f"{describe(pointer.type)} is never None", node)
    if kind in (ast.Eq, ast.Is):
        return Value(pointer.expr.eqz(), BOOL, pointer.flags)
    return Value(pointer.expr != 0, BOOL, pointer.flags)


def negate(body: Body, value: Value, node: ast.AST) -> Value:
    """-value."""
    if value.type is INT_LITERAL:
        return int_literal(-value.const)
    if value.type is F64:
        if value.const is not None:
            return Value(dsl.f64(-float(value.const)), F64)
        return Value(-value.expr, F64, value.flags)
    if not is_int(value.type):
        raise body.error(f"{describe(value.type)} has no unary -", node)
    type_ = I32 if value.type is BOOL else value.type
    return Value(-value.expr, type_, value.flags)


def invert(body: Body, value: Value, node: ast.AST) -> Value:
    """~value."""
    if value.type is INT_LITERAL:
        return int_literal(~value.const)
    if value.type not in (I32, U32, I64, U64):
        raise body.error(f"{describe(value.type)} has no ~", node)
    return Value(~value.expr, value.type, value.flags)


def condition(body: Body, value: Value, node: ast.AST) -> dsl.Expr:
    """The truth of `value` for a branch: an i32 that is zero or not."""
    if value.type is INT_LITERAL or value.type is NONE:
        return dsl.i32(int(value.const != 0))
    if is_pointer(value.type) or isinstance(value.type, FnType) or is_int(value.type):
        if value.expr.type == dsl.I32:
            return value.expr
        return value.expr != 0
    if value.type is F64:
        raise body.error("f64 has no truth value; compare it", node)
    raise body.error(f"{describe(value.type)} is not a condition", node)


def as_bool(body: Body, value: Value, node: ast.AST) -> dsl.Expr:
    """The truth of `value` as 0 or 1."""
    expr = condition(body, value, node)
    if value.type is BOOL or expr.const in (0, 1) or value.expr.type != dsl.I32:
        return expr
    return expr != 0
