"""Loads, stores and byte swapping: how each memory type is read and written."""

from __future__ import annotations

from turso_wasm.wasm import dsl
from turso_wasm.wasm.opcodes import CODE
from turso_wasm.wasm.opcodes import I32 as W_I32
from turso_wasm.wasm.opcodes import I64 as W_I64
from turso_wasm.wasm.opcodes import V128 as W_V128
from turso_wasm.wasm.subset.context import Body
from turso_wasm.wasm.subset.types import AnyType, MemoryType, PtrType, ScalarType, type_size
from turso_wasm.wasm.subset.values import READS, Value

_STORE_KIND = {"i32_8u": "i32_8", "i32_8s": "i32_8", "i32_16u": "i32_16", "i32_16s": "i32_16"}


def element_size(pointer: PtrType) -> int:
    """Bytes from one element to the next."""
    target = pointer.target
    return type_size(target, inline=True)


def loaded_type(type_: AnyType) -> AnyType:
    """The type of a variable holding what is loaded from memory of `type_`."""
    return type_.value if isinstance(type_, MemoryType) else type_


def load_kind(type_: AnyType) -> str:
    """The builder's load kind: scalars have theirs, every kind of reference is an i32."""
    return type_.load if isinstance(type_, (ScalarType, MemoryType)) else "i32"


def load(body: Body, pointer: dsl.Expr, type_: AnyType, offset: int = 0, flags: int = 0) -> Value:
    """Read a `type_` at pointer + offset."""
    if isinstance(type_, MemoryType) and type_.big_endian and type_.size == 2 and isinstance(pointer, dsl.Local):
        high = dsl.load("i32_8u", pointer, offset) << 8
        return Value(high | dsl.load("i32_8u", pointer, offset + 1), type_.value, flags | READS)
    if isinstance(type_, MemoryType) and type_.big_endian and type_.size == 8:
        loaded = dsl.load("v128_64zero", pointer, offset)
        return Value(reverse_vector(body, loaded), type_.value, flags | READS)
    value = dsl.load(load_kind(type_), pointer, offset)
    if isinstance(type_, MemoryType):
        if type_.big_endian:
            value = swap(body, value, type_.size)
        elif type_.load == "f32":
            value = value.promote()
    return Value(value, loaded_type(type_), flags | READS)


def store(body: Body, pointer: dsl.Expr, type_: AnyType, value: dsl.Expr, offset: int = 0) -> None:
    """Write a value of loaded_type(type_) at pointer + offset."""
    kind = load_kind(type_)
    if isinstance(type_, MemoryType):
        if type_.big_endian:
            value = swap(body, value, type_.size)
        elif kind == "f32":
            value = value.demote()
    body.f.store(_STORE_KIND.get(kind, kind), pointer, value, offset)


def swap(body: Body, value: dsl.Expr, size: int) -> dsl.Expr:
    """Reverse the low `size` bytes; for 2 the bits above may be garbage only if they were (a store ignores them)."""
    if size == 8:
        vector = dsl.Expr(value.code + CODE["i64x2.splat"], W_V128)
        return reverse_vector(body, vector)
    first, again = twice(body, value)
    if size == 2:
        return ((first & 0xFF) << 8) | (again.shr_u(8) & 0xFF)
    return (first.rotl(8) & 0x00FF00FF) | (again.rotr(8) & 0xFF00FF00)


def reverse_vector(body: Body, vector: dsl.Expr) -> dsl.Expr:
    """The low eight bytes of a vector reversed, as i64: one shuffle."""
    first, again = twice(body, vector)
    lanes = bytes([7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0])
    shuffled = dsl.Expr(first.code + again.code + CODE["i8x16.shuffle"] + lanes, W_V128)
    return dsl.Expr(shuffled.code + CODE["i64x2.extract_lane"] + b"\0", W_I64)


def twice(body: Body, value: dsl.Expr) -> tuple[dsl.Expr, dsl.Expr]:
    """Two expressions with the same value, to be evaluated in this order; `value` is evaluated once."""
    if isinstance(value, dsl.Local) or value.const is not None:
        return value, value
    temp = body.frame.temp(value.type)
    body.frame.release([temp])
    return body.f.tee(temp, value), dsl.Expr(temp.code, temp.type)


def stable(body: Body, pointer: Value, held: list[dsl.Local]) -> Value:
    """`pointer` as something cheap to evaluate again: a local, or local + constant.

    held: collects the temporaries to release.
    """
    expr = pointer.expr
    if isinstance(expr, dsl.Local) or expr.const is not None:
        return pointer
    if expr.plus is not None and is_local_get(expr.plus[0]):
        return pointer
    temp = body.frame.temp(W_I32)
    held.append(temp)
    body.f.set(temp, expr)
    return Value(temp, pointer.type)


def is_local_get(code: bytes) -> bool:
    """Whether the code is exactly one local.get."""
    return code[:1] == CODE["local.get"] and (len(code) == 2 or (len(code) == 3 and code[1] >= 0x80))


def field_address(body: Body, struct: Value, offset: int) -> dsl.Expr:
    """The address of a field."""
    return dsl.add(struct.expr, offset)
