"""The affinity and the collation of expressions, and what a comparison makes of them.

Source: https://sqlite.org/datatype3.html sections 3.2, 4.2 and 7.1
"""

from __future__ import annotations

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import nodes as b
from turso_wasm.bind.query import AggregateRef, Query
from turso_wasm.bind.walk import children, strip_collation
from turso_wasm.catalog.names import COLLATIONS
from turso_wasm.catalog.tables import MISSING_COLLATION
from turso_wasm.catalog.types import NUMERIC_AFFINITIES

KNOWN_COLLATIONS = frozenset(COLLATIONS.values())

MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "is": "is", "is not": "is not"}
NEGATED = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "is": "is not", "is not": "is"}


def affinity_of(expr: b.Expr) -> str | None:
    """The affinity of an expression: of columns, CASTs and scalar subqueries; None for all others."""
    if isinstance(expr, b.ColumnRef):
        return expr.affinity
    if isinstance(expr, b.Constant | b.Parameter):
        return None
    if isinstance(expr, b.Collated):
        return affinity_of(expr.operand)
    if isinstance(expr, b.Cast | b.ApplyAffinity):
        return expr.affinity
    if isinstance(expr, b.SubqueryExpr) and expr.kind == "scalar" and isinstance(expr.plan, Query):
        return affinity_of(expr.plan.cores[0].outputs[0])
    return None


def explicit_collation(expr: b.Expr) -> str | None:
    """The collation that a COLLATE anywhere in `expr` gives it; the leftmost counts."""
    kind = type(expr)
    if kind is b.ColumnRef or kind is b.Constant or kind is b.Parameter or kind is AggregateRef:
        return None
    if isinstance(expr, b.Collated):
        if expr.collation not in KNOWN_COLLATIONS:
            raise SqlError(MISSING_COLLATION, f"no such collation sequence: {expr.collation}")
        return expr.collation
    if isinstance(expr, b.SubqueryExpr) and expr.kind != "in":
        return None
    for child in children(expr):
        found = explicit_collation(child)
        if found is not None:
            return found
    return None


def implicit_collation(expr: b.Expr) -> str | None:
    """The collation of a column, also under CAST and unary +; None for other expressions."""
    while True:
        if type(expr) is b.ColumnRef:
            return expr.collation
        if isinstance(expr, b.Cast | b.ApplyAffinity | b.Collated) or (isinstance(expr, b.Unary) and expr.op == "+"):
            expr = expr.operand
        else:
            return None


def collation_of(expr: b.Expr) -> str:
    """The collation by which `expr` is sorted and grouped."""
    return explicit_collation(expr) or implicit_collation(expr) or "BINARY"


def comparison_collation(left: b.Expr, right: b.Expr) -> str:
    """The collation of `left op right`: an explicit one of either side, left first, else a column's, left first."""
    if type(left) is b.ColumnRef and type(right) in (b.Constant, b.Parameter):
        return left.collation
    return (
        explicit_collation(left)
        or explicit_collation(right)
        or implicit_collation(left)
        or implicit_collation(right)
        or "BINARY"
    )


def comparison_affinity(left: str | None, right: str | None) -> str | None:
    """The affinity a comparison applies to both sides: "C", "B" or None."""
    if left is not None and right is not None:
        return "C" if left in NUMERIC_AFFINITIES or right in NUMERIC_AFFINITIES else None
    found = left if left is not None else right
    if found is None or found == "A":
        return None
    return "C" if found in NUMERIC_AFFINITIES else "B"


def needed_affinity(expr: b.Expr, own: str | None, wanted: str | None) -> str | None:
    """`wanted`, or None where it cannot change a value of `expr`, whose own affinity is `own`."""
    if wanted is None or own == wanted or (wanted == "C" and own in NUMERIC_AFFINITIES):
        return None
    if type(expr) is b.Constant:
        if wanted == "C" and not isinstance(expr.value, str):
            return None
        if wanted == "B" and not isinstance(expr.value, int | float):
            return None
    return wanted


def compare(op: str, left: b.Expr, right: b.Expr) -> b.Compare:
    """`left op right` with the affinities and the collation that SQLite applies."""
    own_left, own_right = affinity_of(left), affinity_of(right)
    wanted = comparison_affinity(own_left, own_right)
    collation = comparison_collation(left, right)
    left, right = strip_collation(left), strip_collation(right)
    return b.Compare(
        op,
        left,
        right,
        collation,
        needed_affinity(left, own_left, wanted),
        needed_affinity(right, own_right, wanted),
    )


def in_list(operand: b.Expr, items: tuple[b.Expr, ...], negated: bool) -> b.InList:
    """`operand [NOT] IN (items)`: as `operand = +item`, so only the operand's affinity and collation count."""
    affinity = affinity_of(operand)
    wanted = None if affinity is None or affinity == "A" else "C" if affinity in NUMERIC_AFFINITIES else "B"
    return b.InList(
        strip_collation(operand),
        tuple(strip_collation(item) for item in items),
        negated,
        explicit_collation(operand) or implicit_collation(operand) or "BINARY",
        wanted,
    )
