"""The value of a constant DEFAULT: what a column has in records written before it was added.

Constant is what SQLite takes for constant in ALTER TABLE ADD COLUMN: literals with or without a sign, TRUE and
FALSE, and CASTs of such; not arithmetic.

Source: https://sqlite.org/lang_altertable.html section 4
"""

from __future__ import annotations

from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.types import AffinityLetter, affinity_of_type
from turso_wasm.sql import ast
from turso_wasm.values.arithmetic import negate
from turso_wasm.values.conversion import apply_affinity, cast
from turso_wasm.values.types import Affinity, SqlValue

_CHANGING = ast.Parameter | ast.Subquery | ast.Exists | ast.InSelect | ast.InTable | ast.Raise


def depends_on_nothing(expr: ast.Expr) -> bool:
    """Whether an expression may be a DEFAULT at all: it has no columns, parameters, subqueries, windows."""
    for node in syntax_nodes(expr):
        name = isinstance(node, ast.ColumnRef) and node.truth is None
        window = isinstance(node, ast.FunctionCall) and node.over is not None
        if name or window or isinstance(node, _CHANGING):
            return False
    return True


def is_constant(expr: ast.Expr | None) -> bool:
    """Whether `constant_value` knows the value of a DEFAULT expression."""
    while isinstance(expr, ast.Cast) or (isinstance(expr, ast.Unary) and expr.op in "+-"):
        expr = expr.operand
    if isinstance(expr, ast.ColumnRef):
        return expr.truth is not None
    literals = ast.NullLiteral | ast.IntegerLiteral | ast.RealLiteral | ast.TextLiteral | ast.BlobLiteral
    return expr is None or isinstance(expr, literals)


def constant_value(expr: ast.Expr | None) -> SqlValue:
    """The value of a constant DEFAULT; NULL for none and for one that is not constant."""
    match expr:
        case ast.IntegerLiteral() | ast.RealLiteral() | ast.TextLiteral() | ast.BlobLiteral():
            return expr.value
        case ast.ColumnRef():
            return None if expr.truth is None else int(expr.truth)
        case ast.Unary(op="-"):
            return negate(constant_value(expr.operand))
        case ast.Unary(op="+"):
            return constant_value(expr.operand)
        case ast.Cast():
            return cast(constant_value(expr.operand), Affinity(ord(affinity_of_type(expr.type_name))))
    return None


def absent_value(expr: ast.Expr | None, affinity: AffinityLetter) -> SqlValue:
    """The stored value that a constant DEFAULT gives a column of that affinity."""
    if expr is None or not is_constant(expr):
        return None
    return apply_affinity(constant_value(expr), Affinity(ord(affinity)))


def default_word(expr: ast.Expr, text: str) -> ast.Expr:
    """DEFAULT true and DEFAULT false mean 1 and 0; other words, and the strings 'true' and 'false', are strings."""
    word = ast.TRUTH_WORDS.get(text.lower())
    if isinstance(expr, ast.TextLiteral) and word is not None:
        return ast.IntegerLiteral(int(word), span=expr.span)
    return expr
