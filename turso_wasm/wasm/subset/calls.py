"""Calls: direct, indirect, casts, intrinsics, `*lit(…)` arguments."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FunctionType
from typing import Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.lang import Intrinsic
from turso_wasm.wasm.opcodes import CODE, uleb
from turso_wasm.wasm.subset import operators
from turso_wasm.wasm.subset.context import Body, Variable
from turso_wasm.wasm.subset.expressions import HANDLERS, expression, field_place
from turso_wasm.wasm.subset.inlining import inline_call
from turso_wasm.wasm.subset.intrinsics import INTRINSICS, expand
from turso_wasm.wasm.subset.source import MARK, FunctionDecl, GlobalDecl
from turso_wasm.wasm.subset.types import (
    BOOL,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    AnyType,
    FnFactory,
    FnType,
    MemoryType,
    PtrFactory,
    StructMeta,
    Type,
    as_type,
)
from turso_wasm.wasm.subset.values import (
    EFFECTS,
    INT_LITERAL,
    NEVER,
    NONE,
    Value,
    bool_literal,
    convert,
    describe,
    fits,
    int_literal,
    is_int,
    is_pointer,
    typed_int,
    wasm_type,
)

PRELUDE = {"mul_hi_u"}  # intrinsics written in the subset themselves: prelude.py


def call(body: Body, node: ast.Call, want: Any) -> Value:
    """Compile a call. Errors: SubsetError."""
    if node.keywords:
        raise body.error("keyword arguments are not part of the subset", node)
    func = node.func
    if isinstance(func, ast.Name):
        return _call_name(body, node, func, want)
    if isinstance(func, ast.Subscript) and isinstance(func.value, ast.Name):
        meaning = body.lookup(func.value.id, func.value)
        if isinstance(meaning, (PtrFactory, FnFactory)):
            return cast(body, body.module.type_of(func), _only_argument(body, node), node)
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        meaning = None if func.value.id in body.variables else body.lookup(func.value.id, func.value)
        if isinstance(meaning, StructMeta) and func.attr == "offset":
            return _offset(body, meaning, node)
    if isinstance(func, ast.Attribute):
        _, field_type, _ = field_place(body, func)
        if not isinstance(field_type, FnType):
            raise body.error(f"field {func.attr} is a {describe(field_type)}, not a function", node)
    return _indirect(body, expression(body, func), node)


def _call_name(body: Body, node: ast.Call, func: ast.Name, want: Any) -> Value:
    meaning = body.lookup(func.id, func)
    if isinstance(meaning, (Variable, GlobalDecl)):
        return _indirect(body, expression(body, func), node)
    if isinstance(meaning, FunctionDecl):
        return direct(body, meaning, arguments(body, meaning, node), node)
    if isinstance(meaning, Intrinsic) and meaning.name in PRELUDE:
        decl = body.program.prelude(meaning.name)
        return direct(body, decl, arguments(body, decl, node), node)
    if isinstance(meaning, Intrinsic):
        return expand(body, meaning.name, node)
    if meaning is len:
        return _length(body, node)
    if meaning is range:
        raise body.error("range(…) is only for `for i in range(…)`", node)
    if isinstance(meaning, MemoryType) and meaning.big_endian:
        return expand(body, meaning.name, node)
    if isinstance(meaning, (Type, StructMeta)) or meaning is bool:
        type_ = as_type(meaning)
        argument = _only_argument(body, node)
        return cast(body, type_, expression(body, argument, type_), node)
    if func.id in INTRINSICS:
        return expand(body, func.id, node)
    if isinstance(meaning, FunctionType):
        raise body.error(
            f"{func.id} is plain Python: @at_import, or of a module that does not say `{MARK} = True`", func
        )
    raise body.error(f"{func.id} is not a function of the subset", func)


def _only_argument(body: Body, node: ast.Call) -> Any:
    if len(node.args) != 1:
        raise body.error(f"a cast takes one argument, got {len(node.args)}", node)
    return node.args[0]


def _length(body: Body, node: ast.Call) -> Value:
    """`len(b"…")` or `len(NAME)` of a bytes constant."""
    if len(node.args) == 1:
        argument = node.args[0]
        value = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(argument, ast.Name) and argument.id not in body.variables:
            value = body.lookup(argument.id, argument)
        if isinstance(value, (bytes, bytearray)):
            return int_literal(len(value))
    raise body.error("len takes a bytes literal or a bytes constant", node)


def _offset(body: Body, struct: StructMeta, node: ast.Call) -> Value:
    argument = node.args[0] if len(node.args) == 1 else None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        raise body.error('offset takes the field\'s name: .offset("field")', node)
    try:
        return int_literal(struct.offset(argument.value))
    except KeyError as error:
        raise body.error(str(error.args[0]), argument) from None


# --- arguments and the call itself ---------------------------------------------------------------


def arguments(body: Body, decl: FunctionDecl, node: ast.Call) -> list[Value]:
    """The arguments converted to the parameters' types; `*lit(b"…")` counts as two."""
    params = decl.params
    out: list[Value] = []
    items = _spread(body, node)
    if len(items) != len(params):
        names = ", ".join(f"{name}: {describe(type_)}" for name, type_ in params)
        raise body.error(f"{decl.name}({names}) takes {len(params)} arguments, got {len(items)}", node)
    for (name, type_), item in zip(params, items, strict=True):
        where = item if isinstance(item, ast.expr) else node
        value = expression(body, item, type_) if isinstance(item, ast.expr) else item
        out.append(body.coerce(value, type_, where, f"argument {name!r} of {decl.name}"))
    return out


def _spread(body: Body, node: ast.Call) -> list[Any]:
    """Argument nodes; a starred lit is replaced by its two Values."""
    out: list[Any] = []
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            out.append(argument)
            continue
        inner = argument.value
        is_call = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "lit"
        if not isinstance(inner, ast.Call) or not is_call or len(inner.args) != 1:
            raise body.error('only *lit(b"…") may be starred', argument)
        length = _length(body, inner)
        out += [expression(body, inner.args[0]), length]
    return out


def direct(body: Body, decl: FunctionDecl, args: Sequence[Value], node: ast.AST) -> Value:
    """Call a function of the kernel or the host, or inline it."""
    if decl.inline:
        return inline_call(body, decl, args, node)
    code = b"".join([arg.expr.code for arg in args]) + CODE["call"] + uleb(body.program.function_index(decl))
    if decl.never_returns:
        return Value(dsl.Expr(code + CODE["unreachable"], None), None, EFFECTS | NEVER)
    return _result(code, decl.results)


def _result(code: bytes, results: tuple[AnyType, ...]) -> Value:
    if not results:
        return Value(dsl.Expr(code, None), None, EFFECTS)
    if len(results) == 1:
        return Value(dsl.Expr(code, wasm_type(results[0])), results[0], EFFECTS)
    return Value(dsl.Expr(code, tuple(map(wasm_type, results))), results, EFFECTS)


def _indirect(body: Body, function: Value, node: ast.Call) -> Value:
    """Call through a function reference."""
    type_ = function.type
    if not isinstance(type_, FnType):
        raise body.error(f"{describe(type_)} cannot be called", node.func)
    items = _spread(body, node)
    if len(items) != len(type_.params):
        raise body.error(f"{type_} takes {len(type_.params)} arguments, got {len(items)}", node)
    code = b""
    for at, (param, item) in enumerate(zip(type_.params, items, strict=True)):
        where = item if isinstance(item, ast.expr) else node
        value = expression(body, item, param) if isinstance(item, ast.expr) else item
        code += body.coerce(value, param, where, f"argument {at + 1}").expr.code
    index = body.f.module.type_index(map(wasm_type, type_.params), map(wasm_type, type_.results))
    code += function.expr.code + CODE["call_indirect"] + uleb(index) + b"\0"
    return _result(code, type_.results)


# --- casts ---------------------------------------------------------------------------------------


def cast(body: Body, type_: AnyType, value: Any, node: ast.Call) -> Value:
    """`i64(x)`, `ptr[u8](x)`, `Page(x)`, `bool(x)`. Errors: there is no such conversion."""
    if isinstance(value, ast.expr):
        value = expression(body, value, type_)
    if value.type is INT_LITERAL:
        return _cast_literal(body, type_, value, node)
    if type_ is BOOL:
        return Value(operators.as_bool(body, value, node), BOOL, value.flags)
    if is_pointer(type_) or isinstance(type_, FnType):
        if value.type is NONE or value.type in (I32, U32) or is_pointer(value.type) or isinstance(value.type, FnType):
            return Value(dsl.i32(0) if value.type is NONE else value.expr, type_, value.flags)
        raise body.error(
            f"{describe(value.type)} cannot become {describe(type_)}: it must be i32, u32 or a pointer", node
        )
    expr = _convert_number(type_, value)
    if expr is None:
        raise body.error(f"{describe(value.type)} cannot be converted to {describe(type_)}", node)
    return Value(expr, type_.value if isinstance(type_, MemoryType) else type_, value.flags)


def _cast_literal(body: Body, type_: AnyType, value: Value, node: ast.Call) -> Value:
    n = value.const
    if is_pointer(type_) or isinstance(type_, FnType):
        if not 0 <= n < 2**32:
            raise body.error(f"{n} is not an address", node)
        return Value(dsl.i32(n), type_)
    if isinstance(type_, MemoryType) and type_.load != "f32":
        width = type_.size * 8
        n &= (1 << width) - 1
        if type_ in (I8, I16) and n >> (width - 1):
            n -= 1 << width
        return typed_int(n, type_.value)
    if type_ is BOOL:
        return bool_literal(n != 0)
    if (type_ is not F64 and not is_int(type_)) or not fits(n, type_, as_bits=True):
        raise body.error(f"{n} does not fit {describe(type_)}", node)
    return convert(value, type_, as_bits=True) or value


def _convert_number(type_: AnyType, value: Value) -> dsl.Expr | None:
    """The conversion as wasm code; None if there is none."""
    have, expr = value.type, value.expr
    if is_pointer(have) or isinstance(have, FnType):
        if type_ in (I64, U64):
            return expr.extend_u()
        return expr if type_ in (I32, U32) else None
    if have is F64:
        if type_ is F64:
            return expr
        names = {I32: "to_i32_sat_s", U32: "to_i32_sat_u", I64: "to_i64_sat_s", U64: "to_i64_sat_u"}
        return getattr(expr, names[type_])() if type_ in names else None
    if not is_int(have):
        return None
    return _convert_int(type_, have, value, expr)


def _convert_int(type_: AnyType, have: Any, value: Value, expr: dsl.Expr) -> dsl.Expr | None:
    wide = have in (I64, U64)
    is_unsigned = have in (U32, U64, BOOL)
    if type_ is F64:
        return expr.to_f64_u() if is_unsigned else expr.to_f64_s()
    if type_ in (I64, U64):
        if wide:
            return expr
        if value.const is not None:
            return dsl.i64(int(value.const) & 0xFFFFFFFF if is_unsigned else int(value.const))
        return expr.extend_u() if is_unsigned else expr.extend_s()
    if wide:
        expr = expr.wrap() if value.const is None else dsl.i32(dsl.wrap_to(dsl.I32, int(value.const)))
    if type_ in (I32, U32):
        return expr
    if type_ in (U8, U16):
        return expr & (0xFF if type_ is U8 else 0xFFFF)
    if type_ in (I8, I16):
        return expr.extend8_s() if type_ is I8 else expr.extend16_s()
    return None


HANDLERS[ast.Call] = call
