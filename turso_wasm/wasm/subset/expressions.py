"""Expressions of the subset: names, attributes, subscripts, operators, conditional and boolean expressions.

`expression(body, node, want)` gives a Value; `want` is the type the context would like, which only literals heed.
Calls are in calls.py.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.subset import memory, operators
from turso_wasm.wasm.subset.context import Body, Variable
from turso_wasm.wasm.subset.source import FunctionDecl, GlobalDecl, settle
from turso_wasm.wasm.subset.types import BOOL, F64, I32, U8, U32, ArrayType, EmbedType, PtrType, StructMeta, Type
from turso_wasm.wasm.subset.values import (
    EFFECTS,
    INT_LITERAL,
    NONE,
    PURE,
    READS,
    Value,
    bool_literal,
    convert,
    describe,
    int_literal,
    is_pointer,
    none_literal,
    typed,
)


def expression(body: Body, node: ast.expr, want: Any = None) -> Value:
    """Compile an expression. Errors: SubsetError."""
    handler = HANDLERS.get(type(node))
    if handler is None:
        raise body.error(f"{type(node).__name__} is not part of the subset", node)
    return handler(body, node, want)


def expect(body: Body, node: ast.expr, type_: Any, what: str = "") -> Value:
    """Compile an expression and convert it to `type_`."""
    value = expression(body, node, type_)
    return body.coerce(value, type_, node, what)


# --- names and constants -------------------------------------------------------------------------


def _constant(body: Body, node: ast.Constant, want: Any) -> Value:
    return python_value(body, node.value, node)


def python_value(body: Body, value: Any, node: ast.AST) -> Value:
    """A constant computed by Python."""
    if value is None:
        return none_literal()
    if isinstance(value, bool):
        return bool_literal(value)
    if isinstance(value, int):
        return int_literal(int(value))
    if isinstance(value, float):
        return Value(dsl.f64(value), F64)
    if isinstance(value, (bytes, bytearray)):
        return Value(dsl.i32(body.program.data_address(bytes(value))), PtrType(U8))
    raise body.error(f"a constant must be int, float or bytes, not {type(value).__name__}", node)


def _name(body: Body, node: ast.Name, want: Any) -> Value:
    meaning = body.lookup(node.id, node)
    if isinstance(meaning, Variable):
        if meaning.value is not None:
            return meaning.value
        assert meaning.local is not None
        return Value(meaning.local, meaning.type)
    if isinstance(meaning, GlobalDecl):
        return Value(body.global_of(meaning), meaning.type, READS)
    if isinstance(meaning, FunctionDecl):
        raise body.error(f"{node.id} is a function: call it, or write funcref({node.id})", node)
    if isinstance(meaning, (Type, StructMeta)):
        raise body.error(f"{node.id} is a type", node)
    return python_value(body, meaning, node)


# --- memory --------------------------------------------------------------------------------------


def _attribute(body: Body, node: ast.Attribute, want: Any) -> Value:
    static = static_attribute(body, node)
    if static is not None:
        return static
    struct, field_type, offset = field_place(body, node)
    if isinstance(field_type, ArrayType):
        return Value(memory.field_address(body, struct, offset), PtrType(field_type.element), struct.flags)
    if isinstance(field_type, EmbedType):
        return Value(memory.field_address(body, struct, offset), field_type.struct, struct.flags)
    return memory.load(body, struct.expr, field_type, offset, struct.flags)


def static_attribute(body: Body, node: ast.Attribute) -> Value | None:
    """`Page.size`, or an attribute of an imported Python module or class: a constant."""
    if not isinstance(node.value, ast.Name) or node.value.id in body.variables:
        return None
    meaning = body.lookup(node.value.id, node.value)
    if isinstance(meaning, (FunctionDecl, GlobalDecl, Variable, int, float, bytes)) or meaning is None:
        return None
    if isinstance(meaning, StructMeta) and node.attr != "size":
        raise body.error(f"{node.value.id}.{node.attr}: write {node.value.id}.size or .offset(…)", node)
    if not hasattr(meaning, node.attr):
        raise body.error(f"{node.value.id} has no attribute {node.attr!r}", node)
    return python_value(body, getattr(meaning, node.attr), node)


def field_place(body: Body, node: ast.Attribute) -> tuple[Value, Any, int]:
    """(struct value, field type, offset) of `s.field`."""
    struct = expression(body, node.value)
    type_ = struct.type
    if isinstance(type_, PtrType) and isinstance(type_.target, StructMeta):
        type_ = type_.target
    if not isinstance(type_, StructMeta):
        raise body.error(f"{describe(type_)} has no field {node.attr!r}: it is not a struct", node)
    field = type_.fields.get(node.attr)
    if field is None:
        known = ", ".join(type_.fields)
        raise body.error(f"{describe(type_)} has no field {node.attr!r}; its fields are {known}", node)
    return struct, settle(field.type), field.offset


def _subscript(body: Body, node: ast.Subscript, want: Any) -> Value:
    pointer, target, flags = element_place(body, node)
    if isinstance(target, StructMeta):
        return Value(pointer, target, flags)
    return memory.load(body, pointer, target, 0, flags)


def element_place(body: Body, node: ast.Subscript) -> tuple[dsl.Expr, Any, int]:
    """(address, element type, flags) of `p[i]`."""
    pointer = expression(body, node.value)
    if not isinstance(pointer.type, PtrType):
        raise body.error(f"{describe(pointer.type)} cannot be indexed: it is not a ptr", node.value)
    if isinstance(node.slice, ast.Slice):
        raise body.error("slices are not part of the subset", node.slice)
    index = expression(body, node.slice)
    if index.type not in (I32, U32, BOOL, INT_LITERAL):
        raise body.error(f"an index must be i32 or u32, not {describe(index.type)}", node.slice)
    address = operators.element_address(pointer.expr, typed(index).expr, memory.element_size(pointer.type))
    return address, pointer.type.target, pointer.flags | index.flags


# --- operators -----------------------------------------------------------------------------------


def _binary(body: Body, node: ast.BinOp, want: Any) -> Value:
    left = expression(body, node.left, want)
    hint = left.type if left.type is not INT_LITERAL else want
    right = expression(body, node.right, None if is_pointer(hint) else hint)
    return operators.binary(body, node.op, left, right, node)


def _unary(body: Body, node: ast.UnaryOp, want: Any) -> Value:
    if isinstance(node.op, ast.Not):
        value = expression(body, node.operand)
        cond = operators.condition(body, value, node.operand)
        if cond.const is not None:
            return bool_literal(not cond.const)
        return Value(cond.eqz(), BOOL, value.flags)
    value = expression(body, node.operand, want)
    if isinstance(node.op, ast.USub):
        return operators.negate(body, value, node)
    if isinstance(node.op, ast.Invert):
        return operators.invert(body, value, node)
    return value


def _compare(body: Body, node: ast.Compare, want: Any) -> Value:
    """`a < b <= c`: the middle operand is evaluated once, the rest only while true."""
    if any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
        raise body.error("`in` is not part of the subset", node)
    left = expression(body, node.left)
    right = expression(body, node.comparators[0], left.type if left.type is not INT_LITERAL else None)
    if len(node.ops) == 1:
        return operators.compare(body, node.ops[0], left, right, node)
    temps: list[dsl.Local] = []
    right_again = right
    if right.expr.const is None and right.type not in (INT_LITERAL, NONE) and not isinstance(right.expr, dsl.Local):
        temp = body.frame.temp(right.expr.type)
        temps.append(temp)
        right_again = Value(dsl.Expr(temp.code, temp.type), right.type)
        right = Value(body.f.tee(temp, right.expr), right.type, right.flags)
    result = operators.compare(body, node.ops[0], left, right, node)
    rest = ast.Compare(left=ast.Constant(0), ops=node.ops[1:], comparators=node.comparators[1:])
    following = _compare_rest(body, ast.copy_location(rest, node), right_again)
    body.frame.release(temps)
    return _and(result, following)


def _compare_rest(body: Body, node: ast.Compare, left: Value) -> Value:
    result: Value | None = None
    for op, operand in zip(node.ops, node.comparators, strict=True):
        right = expression(body, operand, left.type if left.type is not INT_LITERAL else None)
        again = right
        if op is not node.ops[-1] and right.expr.const is None and right.type is not INT_LITERAL:
            temp = body.f.local(right.expr.type)
            again = Value(temp, right.type)
            right = Value(body.f.tee(temp, right.expr), right.type, right.flags)
        step = operators.compare(body, op, left, right, node)
        result = step if result is None else _and(result, step)
        left = again
    assert result is not None
    return result


def _and(a: Value, b: Value) -> Value:
    if a.expr.const is not None:
        return b if a.expr.const else a
    if b.flags == PURE and len(b.expr.code) <= 8:
        return Value(a.expr & b.expr, BOOL, a.flags)
    return Value(dsl.if_expr(a.expr, b.expr, 0), BOOL, a.flags | b.flags)


def _boolean(body: Body, node: ast.BoolOp, want: Any) -> Value:
    """Short-circuit `and` / `or`, as a bool."""
    is_and = isinstance(node.op, ast.And)
    values = []
    for item in node.values:
        value = expression(body, item)
        expr = operators.as_bool(body, value, item)
        values.append(Value(expr, BOOL, value.flags))
        if expr.const is not None and bool(expr.const) != is_and:
            break  # the rest is never evaluated
    result = values.pop()
    while values:
        value = values.pop()
        if is_and:
            result = _and(value, result)
        elif value.expr.const is not None:
            result = value if value.expr.const else result
        elif result.flags == PURE and len(result.expr.code) <= 8:
            result = Value(value.expr | result.expr, BOOL, value.flags)
        else:
            result = Value(dsl.if_expr(value.expr, 1, result.expr), BOOL, value.flags | result.flags)
    return result


def _conditional(body: Body, node: ast.IfExp, want: Any) -> Value:
    """`a if c else b`."""
    test = expression(body, node.test)
    cond = operators.condition(body, test, node.test)
    a = expression(body, node.body, want)
    b = expression(body, node.orelse, want if a.type in (INT_LITERAL, NONE) else a.type)
    a, b = same_type(body, a, b, want, node)
    if cond.const is not None:
        return a if cond.const else b
    flags = test.flags | a.flags | b.flags
    if a.expr.type is None or isinstance(a.expr.type, tuple):
        raise body.error("a conditional expression needs a value", node)
    return Value(dsl.if_expr(cond, a.expr, b.expr), a.type, flags)


def same_type(body: Body, a: Value, b: Value, want: Any, node: ast.AST) -> tuple[Value, Value]:
    """Two alternatives in one type; literals alone take `want`, or i32."""
    if a.type is INT_LITERAL and b.type is INT_LITERAL:
        for type_ in (want, I32, typed(a).type, typed(b).type):
            converted = (convert(a, type_), convert(b, type_)) if type_ is not None else (None, None)
            if converted[0] is not None and converted[1] is not None:
                return converted[0], converted[1]
    if a.type is NONE and b.type is NONE and want is not None:
        return body.coerce(a, want, node), body.coerce(b, want, node)
    if a.type in (INT_LITERAL, NONE):
        return body.coerce(a, I32 if b.type is BOOL else b.type, node), b
    if b.type == a.type:
        return a, b
    if a.type is BOOL and b.type in (I32, INT_LITERAL):
        return body.coerce(a, I32, node), body.coerce(b, I32, node)
    return a, body.coerce(b, a.type, node)


def _tuple(body: Body, node: ast.Tuple, want: Any) -> Value:
    raise body.error("a tuple may only be returned or assigned to several names", node)


def _starred(body: Body, node: ast.Starred, want: Any) -> Value:
    raise body.error('only *lit(b"…") may be starred, as an argument', node)


# ast.Call is added by calls.py, which needs this module.
HANDLERS: dict[type, Callable[[Body, Any, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
    ast.Tuple: _tuple,
    ast.Starred: _starred,
}

__all__ = [
    "EFFECTS",
    "HANDLERS",
    "element_place",
    "expect",
    "expression",
    "field_place",
    "python_value",
    "static_attribute",
]
