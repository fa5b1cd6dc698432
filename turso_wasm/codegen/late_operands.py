"""Operators that give NULL for NULL: an operand with a subquery is evaluated after the other one, and only if that is
not NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from turso_wasm.bind import bound
from turso_wasm.bind.walk import LEAVES, parts
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import NULL


def late_side(node: bound.Binary | bound.Compare, ctx: Context) -> Literal["left", "right"] | None:
    """The operand that may not be asked; of two the right one."""
    if _asks(node.right, ctx):
        return "right"
    return "left" if _asks(node.left, ctx) else None


def _asks(expr: bound.Expr, ctx: Context) -> bool:
    """A subquery stands in the expression. What is known to have none is remembered: operators nest."""
    plain = ctx.unit.without_subqueries
    if type(expr) in LEAVES or id(expr) in plain:
        return False
    found = parts(expr)
    if any(type(part) is bound.SubqueryExpr for part in found):
        return True
    plain.update((id(part), part) for part in found)
    return False


def null_or(first: SqlValue, compute: Callable[[], SqlValue], ctx: Context) -> SqlValue:
    """NULL if the first operand is, else what `compute` gives."""
    if not first.may_be(NULL):
        return compute()
    result = ctx.chosen()
    with ctx.f.block() as done:
        ctx.choose(result, NULL_VALUE)
        ctx.f.br(done, if_=first.has_tag(NULL))
        ctx.choose(result, compute())
    return result
