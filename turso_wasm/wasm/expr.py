"""Typed WebAssembly expressions: code bytes plus value type, combined by Python operators.

Owns Expr (code that leaves one value on the stack, or none), Local, Global, constants, and the methods made from the
instruction table (`a + 1`, `a.lt_u(b)`, `a.wrap()`). Types are checked when an expression is built. Constants fold, a
multiplication by a power of two becomes a shift, and `p + 12` remembers base and offset so that loads and stores can
take the offset as their immediate. An Expr may be used several times; its code is then repeated.
Errors: TypeError naming both types.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm.opcodes import CODE, F32, F64, I32, I64, OPS, V128, VALUE_NAME, sleb, uleb

_NAMESPACE = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128"}
_GET, _GLOBAL_GET = CODE["local.get"], CODE["global.get"]
_I32_CONST, _I64_CONST, _F32_CONST, _F64_CONST = (CODE[f"{name}.const"] for name in ("i32", "i64", "f32", "f64"))
_SELECT, _IF, _ELSE, _END = CODE["select"], CODE["if"], CODE["else"], CODE["end"]


class Expr:
    """Code that computes one value of `type` (None: no value; a tuple: several).

    `const` is its value if known. `plus` is (base code, offset) when the expression is base + offset.
    """

    __slots__ = ("code", "const", "plus", "type")

    def __init__(
        self, code: bytes, type_: Any, const: int | float | None = None, plus: tuple[bytes, int] | None = None
    ) -> None:
        self.code = code
        self.type = type_
        self.const = const
        self.plus = plus

    def __repr__(self) -> str:
        return f"<{type_text(self.type)} {self.code.hex()}>"

    def __bool__(self) -> bool:
        raise TypeError("a wasm expression has no truth value in Python; use f.if_(…), select(…) or & and |")

    __hash__ = object.__hash__

    def __add__(self, other: Operand) -> Expr:
        return add(self, other)

    def __radd__(self, other: Operand) -> Expr:
        return add(constant(self.type, other), self)

    def __sub__(self, other: Operand) -> Expr:
        if isinstance(other, int) and self.type in (I32, I64):
            return add(self, -other)
        return self.sub(other)

    def __rsub__(self, other: Operand) -> Expr:
        return constant(self.type, other).sub(self)

    def __mul__(self, other: Operand) -> Expr:
        return multiply(self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return multiply(self, other)

    def __truediv__(self, other: Operand) -> Expr:
        return self.div(other)

    def __neg__(self) -> Expr:
        if self.type in (F32, F64):
            return self.neg()
        return constant(self.type, 0).sub(self)

    def __invert__(self) -> Expr:
        return self.bit_not() if self.type == V128 else self ^ -1

    if TYPE_CHECKING:  # what _install_methods adds

        def __getattr__(self, name: str) -> Callable[..., Expr]: ...
        def __and__(self, other: Operand) -> Expr: ...
        def __rand__(self, other: Operand) -> Expr: ...
        def __or__(self, other: Operand) -> Expr: ...
        def __ror__(self, other: Operand) -> Expr: ...
        def __xor__(self, other: Operand) -> Expr: ...
        def __rxor__(self, other: Operand) -> Expr: ...
        def __lshift__(self, other: Operand) -> Expr: ...
        def __rshift__(self, other: Operand) -> Expr: ...
        def __eq__(self, other: Operand) -> Expr: ...  # type: ignore[override]
        def __ne__(self, other: Operand) -> Expr: ...  # type: ignore[override]
        def __lt__(self, other: Operand) -> Expr: ...
        def __le__(self, other: Operand) -> Expr: ...
        def __gt__(self, other: Operand) -> Expr: ...
        def __ge__(self, other: Operand) -> Expr: ...

    else:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"{type_text(self.type)} expression has no operation {name!r}")


Operand = Expr | int | float


def type_text(type_: Any) -> str:
    """A value type, tuple of types or None, for messages."""
    if type_ is None:
        return "nothing"
    if isinstance(type_, tuple):
        return f"({', '.join(map(type_text, type_))})"
    return VALUE_NAME.get(type_, str(type_))


class Local(Expr):
    """A local variable (or parameter) of a function; as an expression, its value. encoded: its index."""

    __slots__ = ("encoded", "index", "name")

    def __init__(self, index: int, type_: int, name: str) -> None:
        self.encoded = uleb(index)
        self.code = _GET + self.encoded
        self.type = type_
        self.const = None
        self.plus = None
        self.index = index
        self.name = name


class Global(Expr):
    """A global variable; as an expression, its value."""

    __slots__ = ("index", "mutable", "name")

    def __init__(self, index: int, type_: int, name: str, mutable: bool) -> None:
        self.code = _GLOBAL_GET + uleb(index)
        self.type = type_
        self.const = None
        self.plus = None
        self.index = index
        self.name = name
        self.mutable = mutable


# --- constants -----------------------------------------------------------------------------------


def i32(value: int) -> Expr:
    """An i32 constant; accepts -2**31 … 2**32-1."""
    if not -0x80000000 <= value <= 0xFFFFFFFF:
        raise TypeError(f"{value} does not fit i32")
    if value > 0x7FFFFFFF:
        value -= 0x100000000
    return Expr(_I32_CONST + sleb(value), I32, value)


def i64(value: int) -> Expr:
    """An i64 constant; accepts -2**63 … 2**64-1."""
    if not -0x8000000000000000 <= value <= 0xFFFFFFFFFFFFFFFF:
        raise TypeError(f"{value} does not fit i64")
    if value > 0x7FFFFFFFFFFFFFFF:
        value -= 0x10000000000000000
    return Expr(_I64_CONST + sleb(value), I64, value)


def f64(value: float) -> Expr:
    """An f64 constant."""
    value = float(value)
    return Expr(_F64_CONST + struct.pack("<d", value), F64, value)


def f32(value: float) -> Expr:
    """An f32 constant."""
    return Expr(_F32_CONST + struct.pack("<f", value), F32)


def v128(value: bytes) -> Expr:
    """A v128 constant from its 16 bytes."""
    if len(value) != 16:
        raise TypeError(f"a v128 constant has 16 bytes, not {len(value)}")
    return Expr(CODE["v128.const"] + value, V128)


_CONSTANT: dict[int, Callable[[Any], Expr]] = {I32: i32, I64: i64, F64: f64, F32: f32}


def constant(type_: int, value: Operand) -> Expr:
    """`value` as an expression of `type_`: a Python number becomes a constant. Errors: TypeError."""
    if isinstance(value, Expr):
        if value.type != type_:
            raise TypeError(f"expected {type_text(type_)}, got {type_text(value.type)}")
        return value
    if type_ in (I32, I64) and not isinstance(value, int):
        raise TypeError(f"expected {type_text(type_)}, got Python {type(value).__name__} {value!r}")
    if type_ not in _CONSTANT:
        raise TypeError(f"expected {type_text(type_)}, got Python {value!r}")
    return _CONSTANT[type_](value)


# --- arithmetic with folding ---------------------------------------------------------------------

_ADD = {type_: CODE[f"{name}.add"] for type_, name in _NAMESPACE.items() if type_ != V128}
_MUL = {type_: CODE[f"{name}.mul"] for type_, name in _NAMESPACE.items() if type_ != V128}
_SHL = {I32: CODE["i32.shl"], I64: CODE["i64.shl"]}
_BITS = {I32: 32, I64: 64}


def wrap_to(type_: int, value: int) -> int:
    """`value` modulo the type's width, as its signed representative."""
    bits = _BITS[type_]
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def add(a: Expr, b: Operand) -> Expr:
    """A + b, wrapping. Constants fold; for i32 the sum remembers a constant offset in `plus`."""
    type_ = a.type
    if isinstance(b, Expr):
        if b.type != type_:
            raise TypeError(f"{type_text(type_)} + {type_text(b.type)}")
        if b.const is None or type_ not in _BITS:
            if type_ not in _ADD:
                raise TypeError(f"cannot add {type_text(type_)}")
            return Expr(a.code + b.code + _ADD[type_], type_)
        n = b.const
    else:
        if type_ not in _BITS:
            return Expr(a.code + constant(type_, b).code + _ADD[type_], type_)
        if not isinstance(b, int):
            raise TypeError(f"expected {type_text(type_)}, got Python {type(b).__name__} {b!r}")
        n = b
    if a.const is not None:
        return constant(type_, wrap_to(type_, int(a.const + n)))
    if n == 0:
        return a
    if type_ == I64:
        return Expr(a.code + i64(int(n)).code + _ADD[I64], I64)
    base = a.code
    if a.plus is not None:
        base, before = a.plus
        n = wrap_to(I32, int(before + n))
        if n == 0:
            return Expr(base, I32)
    n = int(n)
    return Expr(base + i32(n).code + _ADD[I32], I32, None, (base, n))


def multiply(a: Expr, b: Operand) -> Expr:
    """A * b, wrapping; a power of two becomes a shift."""
    type_ = a.type
    b = constant(type_, b)
    if type_ not in _MUL:
        raise TypeError(f"cannot multiply {type_text(type_)}")
    if type_ in _BITS:
        if a.const is not None:
            a, b = b, a
        if b.const is not None:
            n = int(b.const)
            if a.const is not None:
                return constant(type_, wrap_to(type_, int(a.const) * n))
            if n == 1:
                return a
            if n > 0 and n & (n - 1) == 0:
                return Expr(a.code + constant(type_, n.bit_length() - 1).code + _SHL[type_], type_)
    return Expr(a.code + b.code + _MUL[type_], type_)


# --- one method per instruction, from the table --------------------------------------------------

# Mnemonics whose method name is not simply what follows the dot. The source type is the receiver's.
_METHOD_NAME = {
    "i32.wrap_i64": "wrap",
    "i64.extend_i32_s": "extend_s",
    "i64.extend_i32_u": "extend_u",
    "f32.demote_f64": "demote",
    "f64.promote_f32": "promote",
    "v128.not": "bit_not",
}
_OPERATOR = {
    "and": "__and__",
    "or": "__or__",
    "xor": "__xor__",
    "shl": "__lshift__",
    "shr_s": "__rshift__",
    "eq": "__eq__",
    "ne": "__ne__",
    "lt_s": "__lt__",
    "le_s": "__le__",
    "gt_s": "__gt__",
    "ge_s": "__ge__",
    "lt": "__lt__",
    "le": "__le__",
    "gt": "__gt__",
    "ge": "__ge__",
}
_FOLD: dict[str, Callable[[int, int], int]] = {
    "sub": lambda a, b: a - b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
    "lt_s": lambda a, b: int(a < b),
    "le_s": lambda a, b: int(a <= b),
    "gt_s": lambda a, b: int(a > b),
    "ge_s": lambda a, b: int(a >= b),
}
# Right operands that leave the left one unchanged.
_NEUTRAL = {"sub": 0, "or": 0, "xor": 0, "and": -1, "shl": 0, "shr_s": 0, "shr_u": 0}


def _method_name(mnemonic: str) -> str | None:
    """The Expr method for a mnemonic, None if it has none (memory, control, variables)."""
    namespace, _, rest = mnemonic.partition(".")
    if mnemonic in _METHOD_NAME:
        return _METHOD_NAME[mnemonic]
    if namespace in ("i8x16", "i64x2", "f32x4"):
        return mnemonic.replace(".", "_")
    if rest.startswith(("convert_", "trunc_f")):
        return f"to_{namespace}_{rest[-1]}"
    if rest.startswith("trunc_sat_"):
        return f"to_{namespace}_sat_{rest[-1]}"
    if rest.startswith("reinterpret_"):
        return "reinterpret"
    return rest


def _unary(name: str, variants: dict[int, tuple[bytes, int]]) -> Callable[[Expr], Expr]:
    def method(self: Expr) -> Expr:
        variant = variants.get(self.type)
        if variant is None:
            raise TypeError(f"{type_text(self.type)} has no {name}")
        if name == "eqz" and self.const is not None:
            return i32(int(self.const == 0))
        return Expr(self.code + variant[0], variant[1])

    return method


def _binary(name: str, variants: dict[int, tuple[bytes, int, int]]) -> Callable[[Expr, Operand], Expr]:
    fold, neutral = _FOLD.get(name), _NEUTRAL.get(name)
    variants = dict(variants)

    def method(self: Expr, other: Operand) -> Expr:
        variant = variants.get(self.type)
        if variant is None:
            raise TypeError(f"{type_text(self.type)} has no {name}")
        code, operand, result = variant
        if not isinstance(other, Expr):
            other = constant(operand, other)
        elif other.type != operand:
            raise TypeError(f"{type_text(self.type)} {name} {type_text(other.type)}")
        n = other.const
        if n is not None and operand in _BITS:
            if fold is not None and self.const is not None:
                return constant(result, wrap_to(result, fold(int(self.const), int(n))))
            if n == neutral:
                return self
        return Expr(self.code + other.code + code, result)

    return method


def _reflected(name: str) -> Callable[[Expr, Operand], Expr]:
    def method(self: Expr, other: Operand) -> Expr:
        result: Expr = getattr(constant(self.type, other), name)(self)
        return result

    return method


def _with_lanes(name: str, op: Any) -> Callable[..., Expr]:
    def method(self: Expr, *args: Any) -> Expr:
        operands, lanes = args[: len(op.operands) - 1], args[len(op.operands) - 1 :]
        values = [constant(type_, value) for type_, value in zip(op.operands, (self, *operands), strict=True)]
        lanes = tuple(lanes[0]) if op.immediates == ("lanes16",) else lanes
        if len(lanes) != (16 if op.immediates == ("lanes16",) else 1):
            raise TypeError(f"{name}: wrong number of lanes")
        return Expr(b"".join(value.code for value in values) + op.encoding + bytes(lanes), op.results[0])

    return method


def _install_methods() -> None:
    """Give Expr one method per plain instruction of the table."""
    unary: dict[str, dict[int, tuple[bytes, int]]] = {}
    binary: dict[str, dict[int, tuple[bytes, int, int]]] = {}
    for op in OPS.values():
        name = _method_name(op.name)
        if not op.fixed or not op.operands or len(op.results) != 1 or name is None or op.operands[0] not in _NAMESPACE:
            continue
        if op.name.startswith(("memory.", "table.", "ref.")) or "memarg" in op.immediates:
            continue
        if op.immediates:
            setattr(Expr, name, _with_lanes(name, op))
        elif len(op.operands) == 1:
            unary.setdefault(name, {})[op.operands[0]] = (op.encoding, op.results[0])
        else:
            binary.setdefault(name, {})[op.operands[0]] = (op.encoding, op.operands[1], op.results[0])
    for name, variants in unary.items():
        setattr(Expr, name, _unary(name, variants))
    for name, variants2 in binary.items():
        setattr(Expr, name, _binary(name, variants2))
    _install_operators(binary)


def _install_operators(binary: dict[str, dict[int, tuple[bytes, int, int]]]) -> None:
    """`<` is lt_s for integers and lt for floats, and so on; `and`, `or`, `not` are keywords, so `a & b` it is."""
    merged: dict[str, tuple[str, dict[int, tuple[bytes, int, int]]]] = {}
    for name, operator in _OPERATOR.items():
        _, variants = merged.setdefault(operator, (name, {}))
        variants.update(binary[name])
    for operator, (name, variants) in merged.items():
        setattr(Expr, operator, _binary(name, variants))
    for name in ("and", "or", "xor", "lshift"):
        setattr(Expr, f"__r{name}__", _reflected(f"__{name}__"))
    Expr.add, Expr.mul = add, multiply  # type: ignore[attr-defined]
    for name in ("and", "or"):
        setattr(Expr, f"bit_{name}", getattr(Expr, f"__{name}__"))


_install_methods()


# --- choices -------------------------------------------------------------------------------------


def _pair(a: Operand, b: Operand) -> tuple[Expr, Expr]:
    if isinstance(a, Expr):
        return a, constant(a.type, b)
    if isinstance(b, Expr):
        return constant(b.type, a), b
    raise TypeError("one of the two alternatives must be a wasm expression")


def if_expr(cond: Expr, a: Operand, b: Operand) -> Expr:
    """A if cond else b; only the chosen one is evaluated."""
    a, b = _pair(a, b)
    cond = constant(I32, cond)
    if cond.const is not None:
        return a if cond.const else b
    if not isinstance(a.type, int):
        raise TypeError(f"if_expr needs one value, not {type_text(a.type)}")
    return Expr(cond.code + _IF + bytes([a.type]) + a.code + _ELSE + b.code + _END, a.type)


def select(cond: Expr, a: Operand, b: Operand) -> Expr:
    """A if cond else b; both are evaluated, without a branch."""
    a, b = _pair(a, b)
    cond = constant(I32, cond)
    if cond.const is not None and a.const is not None and b.const is not None:
        return a if cond.const else b
    return Expr(a.code + b.code + cond.code + _SELECT, a.type)
