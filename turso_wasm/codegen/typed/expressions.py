"""Code for typed expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, cast

from turso_wasm.codegen.typed import lists
from turso_wasm.codegen.typed.values import FAILED, WASM_TYPE, Place, Typed, zero
from turso_wasm.kernel.abi import NULL
from turso_wasm.typed import types
from turso_wasm.typed.types import OPERATIONS, kernel_symbol
from turso_wasm.wasm.dsl import I32, I64, Expr, f64, i32, i64

if TYPE_CHECKING:
    from turso_wasm.codegen.typed.function import Body
    from turso_wasm.codegen.unit import Unit

AnyExpr = (
    types.Constant | types.Variable | types.Bind | types.Let | types.Operation | types.Invoke | types.Convert
    | types.Truth | types.IsNone | types.Choice | types.MakeList | types.Item | types.Length
)  # fmt: skip


def emit(expr: types.Expr, body: Body) -> Typed:
    """The code of an expression; its result can be used several times."""
    node = cast("AnyExpr", expr)
    match node:
        case types.Constant():
            return constant(node, body.unit)
        case types.Variable():
            return _variable(node, body)
        case types.Bind():
            body.places[node.number].set(body.f, emit(node.value, body))
            return body.places[node.number].get()
        case types.Let():
            body.places[node.number].set(body.f, emit(node.value, body))
            return emit(node.body, body)
        case types.Operation():
            return _operation(node, body)
        case types.Invoke():
            return _invoke(node, body)
        case types.Convert():
            return _convert(node, body)
        case types.Truth():
            found = _truth(emit(node.value, body), node.value.type)
            return Typed(found.eqz() if node.negated else found)
        case types.IsNone():
            present = emit(node.value, body).present
            present = i32(1) if present is None else present
            return Typed(present if node.negated else present.eqz())
        case types.Choice():
            return _choice(node, body)
        case types.MakeList():
            return lists.make(node, body)
        case types.Item():
            return lists.item(node, body)
        case types.Length():
            return lists.length(node, body)
        case _:
            assert_never(node)


def constant(node: types.Constant, unit: Unit) -> Typed:
    """The value of a constant."""
    value = node.value
    match value:
        case None:
            return Typed(i64(0), i32(0))
        case bool():
            return Typed(i32(value))
        case int():
            return Typed(i64(value))
        case float():
            return Typed(f64(value))
        case str() | bytes():
            raw = value.encode() if isinstance(value, str) else value
            address = unit.data_base + unit.data_offset(raw)
            return Typed(address.extend_u() | (len(raw) << 32))
        case tuple():
            raise AssertionError("a tuple is asked for its elements only")


def _variable(node: types.Variable, body: Body) -> Typed:
    f, place = body.f, body.places[node.number]
    if not node.certain:
        assert place.assigned is not None, "the variables that are read so were looked for"
        f.br(body.fail, if_=place.assigned.eqz())
    held = place.get()
    if not body.rebinds:
        return held
    kept = None if held.present is None else f.local(I32, "", held.present)
    return Typed(f.local(held.value.type, "", held.value), kept)


def _operation(node: types.Operation, body: Body) -> Typed:
    f, signature = body.f, OPERATIONS[node.name]
    args = [emit(arg, body).value for arg in node.args]
    if signature.allocates:
        args.insert(0, body.stmt)
    symbol = kernel_symbol(node.name)
    if not signature.fails:
        return Typed(f.local(WASM_TYPE[signature.result], "", f.call(symbol, *args, inline=True)))
    value, failed = f.call_multi(symbol, *args, inline=True)
    f.br(body.fail, if_=failed)
    return Typed(value)


def _invoke(node: types.Invoke, body: Body) -> Typed:
    """A call of a typed function: its (tag, payload), a negative tag for failure."""
    f = body.f
    args = [operand for arg in node.args for operand in emit(arg, body).operands]
    tag, payload = f.local(I32), f.local(I64)
    callee = body.function if node.function < 0 else body.callees[node.function]
    depth = [body.depth + 1 if node.function < 0 else i32(0)] if callee.depth is not None else []
    f.call_own((tag, payload), callee.f, body.stmt, *depth, *args)
    with f.if_(tag < 0):
        f.ret(FAILED, payload)  # which may be a message
    kind = node.type.kind
    value: Expr = payload
    if kind == "float":
        value = payload.reinterpret()
    elif kind == "bool" or node.type.element is not None:
        value = payload.wrap()
    return Typed(value, tag != NULL if node.type.optional else None)


def _convert(node: types.Convert, body: Body) -> Typed:
    f, have, want = body.f, node.value.type, node.type
    found = emit(node.value, body)
    if have.kind == "none":
        return Typed(zero(want), i32(0))
    value = found.value
    if have.kind == "bool" and want.kind != "bool":
        value = value.extend_u()
    if want.kind == "float" and have.kind != "float":
        value = value.to_f64_s()
    if have.optional and not want.optional:
        assert found.present is not None, "it may be None"
        f.br(body.fail, if_=found.present.eqz())
    present = (found.present if have.optional else i32(1)) if want.optional else None
    return Typed(value, present)


def _truth(found: Typed, type_: types.Type) -> Expr:
    """i32: whether it counts as true."""
    value = found.value
    match type_.kind:
        case "none":
            return i32(0)
        case "bool":
            truth = value
        case "float":
            truth = value != 0.0
        case "str" | "bytes":
            truth = value.shr_u(32) != 0
        case "int":
            truth = value != 0
        case _:
            truth = value.extend_u() != 0 if type_.element is None else i32(1)
    return truth if found.present is None else truth & found.present


def _choice(node: types.Choice, body: Body) -> Typed:
    f = body.f
    result = Place(f, node.type, "")
    with f.if_(emit(node.test, body).value):
        result.set(f, emit(node.then, body))
        f.else_()
        result.set(f, emit(node.otherwise, body))
    return result.get()
