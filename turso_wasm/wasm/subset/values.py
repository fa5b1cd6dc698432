"""Typed values while a function body is compiled, and the implicit conversions between types.

Owns Value (a wasm expression with a subset type), untyped integer literals and None, and `coerce`: literals adapt,
bool and i32 mix, None becomes any pointer, nothing else converts by itself (docs/subset.md, "Types").
"""

from __future__ import annotations

from typing import Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.opcodes import F64 as W_F64
from turso_wasm.wasm.opcodes import I32 as W_I32
from turso_wasm.wasm.opcodes import I64 as W_I64
from turso_wasm.wasm.opcodes import V128 as W_V128
from turso_wasm.wasm.subset.types import (
    BOOL,
    F64,
    I32,
    I64,
    U32,
    U64,
    AnyType,
    FnType,
    PtrType,
    ScalarType,
    StructMeta,
    Type,
    type_name,
)

WASM = {"i32": W_I32, "i64": W_I64, "f64": W_F64, "v128": W_V128}

# What evaluating a value may do: look at memory or globals, change something or call, trap, never come back.
PURE, READS, EFFECTS, TRAPS, NEVER = 0, 1, 2, 4, 8

INT_LITERAL = Type("int literal", 0, 1, None)
NONE = Type("None", 0, 1, None)

_RANGE = {
    "i32": (-(2**31), 2**31 - 1),
    "u32": (0, 2**32 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
    "bool": (0, 1),
}


class Value:
    """An expression with its subset type; `type` is a tuple for several results, None for none."""

    __slots__ = ("const", "expr", "flags", "type")

    def __init__(self, expr: dsl.Expr, type_: Any, flags: int = PURE, const: Any = None) -> None:
        self.expr = expr
        self.type = type_
        self.flags = flags
        self.const: Any = const if const is not None else expr.const

    def __repr__(self) -> str:
        return f"<{describe(self.type)}>"


_NOTHING = dsl.Expr(b"", None)


def int_literal(value: int) -> Value:
    """An integer that has no type yet."""
    return Value(_NOTHING, INT_LITERAL, PURE, value)


def none_literal() -> Value:
    """None: a null pointer of any type."""
    return Value(_NOTHING, NONE, PURE, 0)


def bool_literal(value: bool) -> Value:
    """True or False."""
    return Value(dsl.i32(int(value)), BOOL)


def wasm_type(type_: AnyType) -> int:
    """The wasm value type a local of this type has."""
    assert type_.wasm is not None, type_
    return WASM[type_.wasm]


def describe(type_: Any) -> str:
    """A type for messages."""
    if isinstance(type_, tuple):
        return f"tuple[{', '.join(map(describe, type_))}]"
    return "no value" if type_ is None else type_name(type_)


def is_pointer(type_: Any) -> bool:
    """Whether a type is ptr[…] or a struct."""
    return isinstance(type_, (PtrType, StructMeta))


def is_int(type_: Any) -> bool:
    """Whether a type is i32, u32, i64, u64 or bool."""
    return isinstance(type_, ScalarType) and type_.kind == "int"


def typed(value: Value) -> Value:
    """A literal in its default type: i32, or i64 when it does not fit."""
    if value.type is INT_LITERAL:
        assert isinstance(value.const, int)
        return typed_int(value.const, I32 if -(2**31) <= value.const < 2**31 else I64)
    return value


def typed_int(value: int, type_: AnyType) -> Value:
    """An integer constant of an integer (or f64) type; the caller checked the range."""
    return Value(dsl.constant(wasm_type(type_), value), type_)


def fits(value: int, type_: AnyType, *, as_bits: bool = False) -> bool:
    """Whether a literal may become `type_`; `as_bits` also allows an unsigned pattern for a signed type, and back."""
    if type_ is F64:
        return abs(value) <= 2**53 or float(value) == value
    low, high = _RANGE.get(type_name(type_), (0, -1))
    if as_bits and high > 1:
        width = 32 if type_ in (I32, U32) else 64
        low, high = -(2 ** (width - 1)), 2**width - 1
    return low <= value <= high


def convert(value: Value, type_: AnyType, *, as_bits: bool = False) -> Value | None:
    """`value` as `type_` if the language converts it implicitly, else None."""
    have = value.type
    if have is type_ or have == type_:
        return value
    if have is INT_LITERAL:
        if isinstance(type_, ScalarType) and fits(value.const, type_, as_bits=as_bits):
            return typed_int(value.const, type_)
        return None
    if have is NONE and (is_pointer(type_) or isinstance(type_, FnType)):
        return Value(dsl.i32(0), type_)
    if have is BOOL and type_ is I32:
        return Value(value.expr, I32, value.flags)
    if have is I32 and type_ is BOOL:
        return Value(value.expr != 0, BOOL, value.flags)
    if _same_address(have, type_):
        return Value(value.expr, type_, value.flags)
    return None


def _same_address(have: Any, want: Any) -> bool:
    """ptr[S] and S are both the address of an S; a derived struct is also its base."""
    if isinstance(have, PtrType) and isinstance(have.target, StructMeta):
        have = have.target
    if isinstance(want, PtrType) and isinstance(want.target, StructMeta):
        want = want.target
    return isinstance(have, StructMeta) and isinstance(want, StructMeta) and issubclass(have, want)


def unsigned(type_: Any) -> bool:
    """Whether comparisons, division and right shift are unsigned."""
    return is_pointer(type_) or type_ in (U32, U64, BOOL)
