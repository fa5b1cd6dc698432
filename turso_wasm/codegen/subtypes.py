"""Subtypes: whether a text in flight is JSON, as the JSON functions ask of each other's results.

SQLite keeps the mark within one expression: operators that hand on a value hand it on too; a column, a subquery's
included, has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import Run, Value
from turso_wasm.wasm.dsl import I32, Expr, Local, i32

JSON = 74


def may_have_subtype(node: bound.Expr | None) -> bool:
    """Whether the value of an expression can be marked."""
    match node:
        case bound.Call(style="json"):
            return node.subtype != "none"
        case bound.Call(style="special" | "array_collation"):
            return any(map(may_have_subtype, node.args))
        case bound.Call():
            return node.subtype != "none"
        case bound.Case():
            return any(may_have_subtype(result) for _, result in node.whens) or may_have_subtype(node.otherwise)
        case bound.Unary(op="+") | bound.Collated() | bound.Cast():
            return may_have_subtype(node.operand)
        case bound.ColumnRef():
            return False
        case _:
            return False


def subtype_of(value: SqlValue) -> Expr:
    """The mark as an i32 expression."""
    return value.subtype if value.subtype is not None else i32(0)


def unmarked(value: SqlValue) -> SqlValue:
    """The value as a column: without a mark."""
    return SqlValue(value.tag, value.payload, value.types) if value.subtype is not None else value


def marked_like(value: SqlValue, node: bound.Expr) -> SqlValue:
    """The kept value of an expression, marked again if such values always are."""
    if isinstance(node, bound.Call) and node.subtype == "json":
        value.subtype = i32(JSON)
    return value


def store_with_subtype(address: Expr, value: SqlValue, index: int, ctx: Context) -> None:
    """Write a value and its mark to the Value address[index]."""
    ctx.store_value(address, value, index)
    ctx.f.store("i32", address, subtype_of(value), index * VALUE_SIZE + Value.offset("subtype"))


def mark(result: SqlValue, node: bound.Call, ctx: Context) -> SqlValue:
    """The result of a function, marked as the function says."""
    if node.subtype == "json":
        result.subtype = i32(JSON)
    elif node.subtype == "varies":
        result.subtype = ctx.f.local(I32, "subtype", ctx.f.load("i32", ctx.stmt, Run.offset("subtype")))
    return result


def mark_as_chosen(result: SqlValue, values: Sequence[SqlValue], ctx: Context) -> SqlValue:
    """The result of a function that returns one of its arguments, marked as that one is."""
    marked = [value for value in values if value.subtype is not None]
    if marked:
        chosen: Local = ctx.f.local(I32, "subtype", i32(0))
        for value in marked:
            same = (value.payload == result.payload) & (value.tag_expr == result.tag_expr)
            with ctx.f.if_(same):
                ctx.f.set(chosen, subtype_of(value))
        result.subtype = chosen
    return result
