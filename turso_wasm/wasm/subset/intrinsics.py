"""The intrinsics of `lang`: one small function each, found by name."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.opcodes import CODE
from turso_wasm.wasm.opcodes import V128 as W_V128
from turso_wasm.wasm.subset import memory, operators
from turso_wasm.wasm.subset.context import Body
from turso_wasm.wasm.subset.expressions import element_place, expect, expression, field_place, same_type
from turso_wasm.wasm.subset.source import FunctionDecl
from turso_wasm.wasm.subset.types import (
    BE16,
    BE32,
    BE64,
    BOOL,
    F64,
    I32,
    I64,
    U8,
    U32,
    U64,
    V128,
    ArrayType,
    EmbedType,
    MemoryType,
    PtrType,
    StructMeta,
    Type,
    type_size,
)
from turso_wasm.wasm.subset.values import (
    EFFECTS,
    INT_LITERAL,
    NEVER,
    READS,
    Value,
    describe,
    int_literal,
    is_int,
    is_pointer,
    typed,
)

Handler = Callable[[Body, ast.Call], Value]
INTRINSICS: dict[str, Handler] = {}
_ARITY: dict[str, int] = {}


def intrinsic(arity: int) -> Callable[[Handler], Handler]:
    """Register `_name` (or `_name_`) as the handler of intrinsic `name`."""

    def register(handler: Handler) -> Handler:
        name = handler.__name__.strip("_")
        INTRINSICS[name] = handler
        _ARITY[name] = arity
        return handler

    return register


def expand(body: Body, name: str, node: ast.Call) -> Value:
    """Compile a call of an intrinsic. Errors: SubsetError."""
    handler = INTRINSICS.get(name)
    if handler is None:
        raise body.error(f"{name} cannot be used here", node)
    if len(node.args) != _ARITY[name]:
        raise body.error(f"{name} takes {_ARITY[name]} arguments, got {len(node.args)}", node)
    return handler(body, node)


def _pointer(body: Body, node: ast.expr, what: str) -> Value:
    """An address: any pointer."""
    value = expression(body, node)
    if not is_pointer(value.type):
        raise body.error(f"{what}: expected a pointer, got {describe(value.type)}", node)
    return value


def _bytes_pointer(body: Body, node: ast.expr, what: str) -> Value:
    return expect(body, node, PtrType(U8), what)


def _size(body: Body, node: ast.expr, what: str) -> Value:
    """A count: i32 or u32."""
    value = typed(expression(body, node, I32))
    if value.type not in (I32, U32):
        raise body.error(f"{what}: expected i32 or u32, got {describe(value.type)}", node)
    return value


# --- sizes and addresses -------------------------------------------------------------------------


@intrinsic(1)
def _sizeof(body: Body, node: ast.Call) -> Value:
    argument = node.args[0]
    meaning = body.lookup(argument.id, argument) if isinstance(argument, ast.Name) else body.module.type_of(argument)
    if not isinstance(meaning, (Type, StructMeta)):
        raise body.error("sizeof takes a type", node)
    return int_literal(type_size(meaning, inline=True))


@intrinsic(1)
def _addr(body: Body, node: ast.Call) -> Value:
    argument = node.args[0]
    if isinstance(argument, ast.Subscript):
        pointer, target, flags = element_place(body, argument)
        return Value(pointer, PtrType(target), flags)
    if not isinstance(argument, ast.Attribute):
        raise body.error("addr takes a field: addr(s.field)", node)
    struct, field_type, offset = field_place(body, argument)
    target = field_type.element if isinstance(field_type, ArrayType) else field_type
    if isinstance(field_type, EmbedType):
        target = field_type.struct
    elif isinstance(field_type, StructMeta):
        target = PtrType(field_type)  # the field is a reference; its address is a pointer to a reference
    return Value(memory.field_address(body, struct, offset), PtrType(target), struct.flags)


@intrinsic(1)
def _scratch(body: Body, node: ast.Call) -> Value:
    size = expression(body, node.args[0])
    if size.type is not INT_LITERAL or size.const <= 0:
        raise body.error("scratch takes a positive constant", node)
    return Value(body.frame.scratch(size.const), PtrType(U8))


@intrinsic(0)
def _heap_base(body: Body, node: ast.Call) -> Value:
    return Value(body.program.heap_base, I32)


@intrinsic(1)
def _lit(body: Body, node: ast.Call) -> Value:
    raise body.error('lit is only for arguments: f(*lit(b"…"))', node)


@intrinsic(1)
def _funcref(body: Body, node: ast.Call) -> Value:
    argument = node.args[0]
    meaning = body.lookup(argument.id, argument) if isinstance(argument, ast.Name) else None
    if not isinstance(meaning, FunctionDecl):
        raise body.error("funcref takes the name of a function", node)
    return Value(dsl.i32(body.program.table_index(meaning)), meaning.fn_type)


# --- memory --------------------------------------------------------------------------------------


@intrinsic(0)
def _memory_size(body: Body, node: ast.Call) -> Value:
    return Value(body.f.memory_size(), I32, READS)


@intrinsic(1)
def _memory_grow(body: Body, node: ast.Call) -> Value:
    return Value(body.f.memory_grow(_size(body, node.args[0], "memory_grow").expr), I32, EFFECTS)


@intrinsic(3)
def _memory_copy(body: Body, node: ast.Call) -> Value:
    dst = _pointer(body, node.args[0], "memory_copy")
    src = _pointer(body, node.args[1], "memory_copy")
    size = _size(body, node.args[2], "memory_copy")
    code = dst.expr.code + src.expr.code + size.expr.code + CODE["memory.copy"] + b"\0\0"
    return Value(dsl.Expr(code, None), None, EFFECTS)


@intrinsic(3)
def _memory_fill(body: Body, node: ast.Call) -> Value:
    dst = _pointer(body, node.args[0], "memory_fill")
    byte = expect(body, node.args[1], I32, "memory_fill")
    size = _size(body, node.args[2], "memory_fill")
    code = dst.expr.code + byte.expr.code + size.expr.code + CODE["memory.fill"] + b"\0"
    return Value(dsl.Expr(code, None), None, EFFECTS)


def _loader(name: str, type_: MemoryType) -> None:
    def handler(body: Body, node: ast.Call) -> Value:
        pointer = _bytes_pointer(body, node.args[0], name)
        return memory.load(body, pointer.expr, type_, 0, pointer.flags)

    INTRINSICS[name], _ARITY[name] = handler, 1
    put = f"put_{name}"

    def store(body: Body, node: ast.Call) -> Value:
        pointer = _bytes_pointer(body, node.args[0], put)
        value = expression(body, node.args[1], type_.value)
        wide = (I64, U64) if type_.size == 8 else (I32, U32, BOOL)
        if value.type is INT_LITERAL:
            value = body.coerce(value, wide[0], node.args[1], put, as_bits=True)
        if value.type not in wide:
            names = " or ".join(describe(item) for item in wide[:2])
            raise body.error(f"{put}: expected {names}, got {describe(value.type)}", node.args[1])
        with body.f.capture() as code:
            memory.store(body, pointer.expr, type_, value.expr)
        return Value(dsl.Expr(code.code(), None), None, EFFECTS)

    INTRINSICS[put], _ARITY[put] = store, 2


for _name, _type in {
    "be16": BE16,
    "be32": BE32,
    "be64": BE64,
    "le16": MemoryType("le16", 2, I32, "i32_16u"),
    "le32": MemoryType("le32", 4, U32, "i32"),
    "le64": MemoryType("le64", 8, I64, "i64"),
}.items():
    _loader(_name, _type)


# --- integers ------------------------------------------------------------------------------------


def _integer(body: Body, node: ast.expr, what: str, want: Any = None) -> Value:
    value = typed(expression(body, node, want))
    if value.type is BOOL:
        return Value(value.expr, I32, value.flags)
    if not is_int(value.type):
        raise body.error(f"{what}: expected an integer, got {describe(value.type)}", node)
    return value


def _count_bits(name: str) -> None:
    def handler(body: Body, node: ast.Call) -> Value:
        value = _integer(body, node.args[0], name)
        return Value(getattr(value.expr, name)(), value.type, value.flags)

    INTRINSICS[name], _ARITY[name] = handler, 1


def _rotate(name: str) -> None:
    def handler(body: Body, node: ast.Call) -> Value:
        value = _integer(body, node.args[0], name)
        count = _integer(body, node.args[1], name, value.type)
        expr = count.expr
        if expr.type != value.expr.type:
            expr = expr.extend_u() if expr.type == dsl.I32 else expr.wrap()
        return Value(getattr(value.expr, name)(expr), value.type, value.flags | count.flags)

    INTRINSICS[name], _ARITY[name] = handler, 2


for _name in ("clz", "ctz", "popcnt"):
    _count_bits(_name)
for _name in ("rotl", "rotr"):
    _rotate(_name)


@intrinsic(1)
def _bswap32(body: Body, node: ast.Call) -> Value:
    value = expect(body, node.args[0], U32, "bswap32")
    return Value(memory.swap(body, value.expr, 4), U32, value.flags)


@intrinsic(1)
def _bswap64(body: Body, node: ast.Call) -> Value:
    value = _integer(body, node.args[0], "bswap64", I64)
    if value.type not in (I64, U64):
        raise body.error(f"bswap64: expected i64 or u64, got {describe(value.type)}", node)
    return Value(memory.swap(body, value.expr, 8), value.type, value.flags)


# --- bytes ---------------------------------------------------------------------------------------


@intrinsic(2)
def _byte_mask(body: Body, node: ast.Call) -> Value:
    pointer = _bytes_pointer(body, node.args[0], "byte_mask")
    argument = node.args[1]
    ranges = body.lookup(argument.id, argument) if isinstance(argument, ast.Name) else ast.literal_eval(argument)
    if not isinstance(ranges, bytes) or len(ranges) < 2 or len(ranges) % 2:
        raise body.error("byte_mask takes a constant of pairs of bytes", argument)
    vector = body.frame.temp(W_V128)
    body.frame.release([vector])
    found = _in_range(body.f.tee(vector, dsl.load("v128", pointer.expr)), ranges[0], ranges[1])
    for low, high in zip(ranges[2::2], ranges[3::2], strict=True):
        found = found | _in_range(dsl.Expr(vector.code, vector.type), low, high)
    return Value(found.i8x16_bitmask(), I32, pointer.flags | READS)


def _in_range(vector: dsl.Expr, low: int, high: int) -> dsl.Expr:
    """All ones where the byte lies between low and high."""
    if low == high:
        return vector.i8x16_eq(dsl.v128(bytes([low]) * 16))
    if low:
        vector = vector.i8x16_sub(dsl.v128(bytes([low]) * 16))
    return vector.i8x16_le_u(dsl.v128(bytes([high - low]) * 16))


def _constant_bytes(body: Body, node: ast.expr) -> object:
    """What a name of the module, or a literal, stands for."""
    is_constant = isinstance(node, ast.Name) and node.id not in body.variables
    if is_constant and isinstance(node, ast.Name):
        return body.lookup(node.id, node)
    return node.value if isinstance(node, ast.Constant) else None


@intrinsic(1)
def _vector(body: Body, node: ast.Call) -> Value:
    value = _constant_bytes(body, node.args[0])
    if not isinstance(value, bytes) or len(value) != 16:
        raise body.error("vector takes a constant of 16 bytes", node)
    return Value(dsl.v128(value), V128)


def _of_vectors(name: str, method: str) -> None:
    def handler(body: Body, node: ast.Call) -> Value:
        a, b = (expect(body, argument, V128, name) for argument in node.args)
        return Value(getattr(a.expr, method)(b.expr), V128, a.flags | b.flags)

    INTRINSICS[name], _ARITY[name] = handler, 2


_of_vectors("swizzle", "i8x16_swizzle")
_of_vectors("add_bytes", "i8x16_add")
_of_vectors("less_bytes", "i8x16_lt_s")
_of_vectors("add_floats", "f32x4_add")
_of_vectors("sub_floats", "f32x4_sub")
_of_vectors("mul_floats", "f32x4_mul")
_of_vectors("min_floats", "f32x4_min")
_of_vectors("max_floats", "f32x4_max")


@intrinsic(2)
def _shr_bytes(body: Body, node: ast.Call) -> Value:
    vector = expect(body, node.args[0], V128, "shr_bytes")
    count = expect(body, node.args[1], I32, "shr_bytes")
    return Value(vector.expr.i8x16_shr_u(count.expr), V128, vector.flags | count.flags)


# --- doubles -------------------------------------------------------------------------------------


def _double(name: str, method: str, arity: int) -> None:
    def handler(body: Body, node: ast.Call) -> Value:
        values = [expect(body, argument, F64, name) for argument in node.args]
        flags = 0
        for value in values:
            flags |= value.flags
        return Value(getattr(values[0].expr, method)(*[value.expr for value in values[1:]]), F64, flags)

    INTRINSICS[name], _ARITY[name] = handler, arity


for _name in ("sqrt", "floor", "ceil", "trunc", "nearest"):
    _double(_name, _name, 1)
_double("fabs", "abs", 1)
_double("copysign", "copysign", 2)
_double("fmin", "min", 2)
_double("fmax", "max", 2)


@intrinsic(1)
def _bits(body: Body, node: ast.Call) -> Value:
    value = expect(body, node.args[0], F64, "bits")
    return Value(value.expr.reinterpret(), I64, value.flags)


@intrinsic(1)
def _float_from_bits(body: Body, node: ast.Call) -> Value:
    value = _integer(body, node.args[0], "float_from_bits", I64)
    if value.type not in (I64, U64):
        value = expect(body, node.args[0], I64, "float_from_bits")
    return Value(value.expr.reinterpret(), F64, value.flags)


# --- control -------------------------------------------------------------------------------------


@intrinsic(3)
def _select(body: Body, node: ast.Call) -> Value:
    a = expression(body, node.args[0])
    b = expression(body, node.args[1], a.type if a.type is not INT_LITERAL else None)
    cond = expression(body, node.args[2])
    a, b = same_type(body, a, b, None, node)
    test = operators.condition(body, cond, node.args[2])
    return Value(dsl.select(test, a.expr, b.expr), a.type, a.flags | b.flags | cond.flags)


@intrinsic(0)
def _unreachable(body: Body, node: ast.Call) -> Value:
    return Value(dsl.Expr(CODE["unreachable"], None), None, EFFECTS | NEVER)
