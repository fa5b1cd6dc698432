"""The affinity and the collation of expressions, and what a comparison makes of them.

Source: https://sqlite.org/datatype3.html sections 3.2, 4.2 and 7.1
"""

from __future__ import annotations

from typing import Any

from turso_wasm.base import tree
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.query import AggregateRef, Query, WindowRef
from turso_wasm.bind.walk import operands, strip_collation
from turso_wasm.catalog.types import FLEXNUM, NUMERIC_AFFINITIES, AffinityLetter


def affinity_of(expr: bound.Expr) -> AffinityLetter | None:
    """The affinity of an expression: of columns, CASTs and scalar subqueries; None for all others."""
    if isinstance(expr, bound.ColumnRef | bound.Generated):
        return expr.affinity
    if isinstance(expr, bound.Constant | bound.Parameter):
        return None
    if isinstance(expr, bound.Collated):
        return affinity_of(expr.operand)
    if isinstance(expr, bound.Call) and expr.merges:
        return affinity_of(expr.args[0])
    if isinstance(expr, bound.Cast | bound.ApplyAffinity):
        return expr.affinity
    if isinstance(expr, bound.SubqueryExpr) and expr.kind == "scalar" and isinstance(expr.plan, Query):
        return affinity_of(shown(expr.plan, 0)[-1])
    return None


def shown(query: Query, number: int) -> list[bound.Expr]:
    """The expressions that a result column is, one for each SELECT; rows of VALUES may be several of these."""
    found: list[bound.Expr] = []
    for core in query.cores:
        found += [row[number] for row in core.parts] or [core.outputs[number]]
    return found


def column_affinity(query: Query, number: int) -> AffinityLetter | None:
    """The affinity of a column of a subquery in FROM, a view or a new table.

    In a compound it is that of the first SELECT that has one, unless others mix texts with numbers.
    """
    outputs = shown(query, number)
    at = next((at for at, output in enumerate(outputs) if affinity_of(output) is not None), 0)
    affinity = affinity_of(outputs[at])
    if affinity is None or affinity == "A" or len(outputs) == 1:
        return affinity
    foreign = _NUMBER if affinity == "B" else _TEXT
    if any(_types(other) & foreign for other in outputs if other is not outputs[at]):
        return "A"
    return FLEXNUM if at == 0 and isinstance(outputs[0], bound.Cast) and affinity in NUMERIC_AFFINITIES else affinity


_NUMBER, _TEXT, _BLOB = 1, 2, 4
_TYPE_OF = {type(None): 0, int: _NUMBER, bool: _NUMBER, float: _NUMBER, str: _TEXT, bytes: _BLOB}


def _types(expr: bound.Expr) -> int:
    """The storage classes that an expression seems to have, as bits."""
    expr = strip_collation(expr)
    while (isinstance(expr, bound.Unary) and expr.op == "+") or isinstance(expr, bound.Let):
        expr = strip_collation(expr.body if isinstance(expr, bound.Let) else expr.operand)
    if isinstance(expr, bound.Constant):
        return _TYPE_OF[type(expr.value)]
    if isinstance(expr, bound.Binary) and expr.op == "||":
        return _TEXT | _BLOB
    if isinstance(expr, bound.Case) and not expr.is_call:
        found = 0 if expr.otherwise is None else _types(expr.otherwise)
        for _, result in expr.whens:
            found |= _types(result)
        return found
    if isinstance(expr, bound.Binary | bound.Unary | bound.Compare | bound.InList | bound.IsNull | bound.IsTruth):
        return _NUMBER
    if isinstance(expr, bound.SubqueryExpr) and expr.kind != "scalar":
        return _NUMBER
    affinity = affinity_of(expr)
    if affinity in NUMERIC_AFFINITIES:
        return _NUMBER | _BLOB
    return _TEXT | _BLOB if affinity == "B" else _NUMBER | _TEXT | _BLOB


def explicit_collation(expr: bound.Expr) -> str | None:
    """The collation that a COLLATE anywhere in `expr` gives it; the leftmost counts."""
    for part in tree.walk((expr,), _collated_parts):
        if type(part) is bound.Collated:
            return part.collation
        if isinstance(part, AggregateRef | WindowRef) and part.collation is not None:
            return part.collation
    return None


def collation_in(args: tuple[bound.Expr, ...]) -> str | None:
    """The collation that a COLLATE in the arguments of an aggregate gives its result; the leftmost counts."""
    return next(filter(None, map(explicit_collation, args)), None)


def _collated_parts(node: Node) -> list[Node]:
    return [] if type(node) is bound.SubqueryExpr and node.kind != "in" else operands(node)


def implicit_collation(expr: bound.Expr) -> str | None:
    """The collation of a column, also under CAST and unary +; None for other expressions."""
    while True:
        if isinstance(expr, bound.ColumnRef | bound.Generated):
            return expr.collation or None
        if isinstance(expr, bound.Cast | bound.ApplyAffinity | bound.Collated) or (
            isinstance(expr, bound.Unary) and expr.op == "+"
        ):
            expr = expr.operand
        elif isinstance(expr, bound.Call) and expr.merges:
            expr = expr.args[0]
        else:
            return None


def collation_of(expr: bound.Expr) -> str:
    """The collation by which `expr` is sorted and grouped."""
    return explicit_collation(expr) or implicit_collation(expr) or "BINARY"


def comparison_collation(left: bound.Expr, right: bound.Expr) -> str:
    """The collation of `left op right`: an explicit one of either side, left first, else a column's, left first."""
    if type(left) is bound.ColumnRef and type(right) in (bound.Constant, bound.Parameter):
        return left.collation or "BINARY"
    if _is_number(left) and (_is_number(right) or type(right) in _LEAVES):
        return "BINARY"
    return (
        explicit_collation(left)
        or explicit_collation(right)
        or implicit_collation(left)
        or implicit_collation(right)
        or "BINARY"
    )


_LEAVES = frozenset((bound.Constant, bound.Parameter, bound.ColumnRef))
_CONDITIONS = frozenset((bound.Compare, bound.IsNull, bound.IsTruth, bound.InList))


def _is_number(expr: bound.Expr) -> bool:
    """Its value is a number or NULL, as the operator shows: no collation is asked, which saves looking for one."""
    while isinstance(expr, bound.Let):
        expr = expr.body
    if isinstance(expr, bound.Case):
        results = [result for _, result in expr.whens]
        results += [] if expr.otherwise is None else [expr.otherwise]
        return all(type(result) is bound.Constant and not isinstance(result.value, str) for result in results)
    return type(expr) in _CONDITIONS or (type(expr) is bound.Binary and expr.op != "||")


def comparison_affinity(left: AffinityLetter | None, right: AffinityLetter | None) -> AffinityLetter | None:
    """The affinity a comparison applies to both sides: "C", "B" or None."""
    if left is not None and right is not None:
        return "C" if left in NUMERIC_AFFINITIES or right in NUMERIC_AFFINITIES else None
    found = left if left is not None else right
    if found is None or found == "A":
        return None
    return "C" if found in NUMERIC_AFFINITIES else "B"


def is_mixed(expr: bound.Expr) -> bool:
    """Its value need not have its affinity: a compound, what USING merged, columns of some virtual tables."""
    if isinstance(expr, bound.ColumnRef):
        return expr.loose
    if isinstance(expr, bound.Call):
        return expr.merges
    return isinstance(expr, bound.SubqueryExpr) and isinstance(expr.plan, Query) and len(shown(expr.plan, 0)) > 1


def needed_affinity(
    expr: bound.Expr, own: AffinityLetter | None, wanted: AffinityLetter | None
) -> AffinityLetter | None:
    """`wanted`, or None where it cannot change a value of `expr`, whose own affinity is `own`."""
    if wanted is None:
        return None
    if own == wanted or (wanted == "C" and own in NUMERIC_AFFINITIES):
        return wanted if is_mixed(expr) else None
    if type(expr) is bound.Constant:
        if wanted == "C" and not isinstance(expr.value, str):
            return None
        if wanted == "B" and not isinstance(expr.value, int | float):
            return None
    return wanted


def type_operators(*operands: bound.Expr) -> Any:
    """The operators (bind.types) of the first operand whose type has any."""
    found = (operand.operators for operand in operands if type(operand) is bound.Generated)
    return next((operators for operators in found if operators is not None), None)


def compare(op: bound.CompareOp, left: bound.Expr, right: bound.Expr, like: bound.Expr | None = None) -> bound.Compare:
    """`left op right` with the affinities and the collation that SQLite applies, those of `like` for `right`."""
    typed = type_operators(left, right)
    if typed is not None:
        asked: bound.Compare | None = typed.asked(op, left, right)
        if asked is not None:
            return asked
        left, right = typed.compared(op, left, right) or (left, right)
    own_left, own_right = affinity_of(left), affinity_of(right)
    wanted = comparison_affinity(own_left, own_right if like is None else affinity_of(like))
    collation = comparison_collation(left, right if like is None else like)
    left, right = strip_collation(left), strip_collation(right)
    return bound.Compare(
        op=op,
        left=left,
        right=right,
        collation=collation,
        left_affinity=needed_affinity(left, own_left, wanted),
        right_affinity=needed_affinity(right, own_right, wanted),
    )


def in_list(operand: bound.Expr, items: tuple[bound.Expr, ...], negated: bool) -> bound.InList:
    """`operand [NOT] IN (items)`: as `operand = +item`, so only the operand's affinity and collation count."""
    if isinstance(operand, bound.Generated) and operand.operators is not None and operand.stored is not None:
        members = operand.operators.members(items)
        if members is not None:
            operand, items = operand.stored, tuple(members)
    affinity = affinity_of(operand)
    wanted: AffinityLetter | None = None
    if affinity is not None and affinity != "A":
        wanted = "C" if affinity in NUMERIC_AFFINITIES else "B"
    return bound.InList(
        operand=strip_collation(operand),
        items=tuple(strip_collation(item) for item in items),
        negated=negated,
        collation="BINARY" if _is_number(operand) else collation_of(operand),
        affinity=wanted,
    )
