"""The limit on the height of expressions: SQLite refuses an expression tree higher than 1000.

It counts twice. While it parses, every expression by itself: a subquery is as high as its result columns and clauses;
what stands in a FROM or WITH, in the parts of a row value and behind ORDER BY, FILTER and OVER in a function call
counts for itself. While it resolves names, subqueries together: the heights of the expressions around one, each the
whole of a clause or result column, and its own may not exceed the limit in sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import Expr, FromSource, Node
from turso_wasm.sql.ast_expr import (
    Between,
    ColumnRef,
    FunctionCall,
    InList,
    InSelect,
    InTable,
    Like,
    LiteralList,
    Raise,
    RowValue,
    WindowSpec,
)
from turso_wasm.sql.ast_select import Select, With
from turso_wasm.sql.walk import children, walk

MAX_EXPR_HEIGHT: Final = 1000
_FRESH_STARTS: Final = (FromSource, RowValue, WindowSpec, With)
_NEGATABLE: Final = (Between, InList, InSelect, InTable, Like)
_VARYING: Final = (ColumnRef, InTable, Raise, Select)


def check_height(root: Node) -> None:
    """Raise SqlError if an expression below `root` is higher than SQLite allows. Not recursive."""
    heights = _heights(root)
    pending: list[tuple[Node, int, bool]] = [(root, 0, False)]  # (node, height around it, an expression is around it)
    while pending:
        node, around, inside = pending.pop()
        if isinstance(node, Select):
            limits = {id(part) for part in (node.limit, node.offset)}
            for child in children(node):
                is_limit = id(child) in limits
                pending.append((child, around + _limit_height(node, heights) if is_limit else around, is_limit))
            continue
        if isinstance(node, Expr) and not inside:
            around, inside = around + heights[id(node)], True
        _check(around)
        pending.extend([(child, around, inside) for child in children(node)])


def too_high() -> SqlError:
    """The error."""
    return SqlError(SQLITE_ERROR, f"Expression tree is too large (maximum depth {MAX_EXPR_HEIGHT})")


def _check(height: int) -> None:
    if height > MAX_EXPR_HEIGHT:
        raise too_high()


def _heights(root: Node) -> dict[int, int]:
    """The height of each node as its parent counts it, by id."""
    heights: dict[int, int] = {}
    for node in reversed(list(walk(root))):
        height = max([heights[id(child)] for child in _counted(node)], default=0)
        if isinstance(node, Select) and node.limit is not None:
            height = max(height, _limit_height(node, heights))
        if isinstance(node, InList) and len(node.items) == 1 and _is_single_constant(node.items[0]):
            height = max(heights[id(node.operand)], heights[id(node.items[0])] + 1)  # it is `operand = +item`
        if isinstance(node, Expr):
            height += 2 if isinstance(node, _NEGATABLE) and node.negated else 1
            _check(height)
        heights[id(node)] = height
    return heights


def _counted(node: Node) -> Iterator[Node]:
    """The children whose height counts for `node`."""
    if isinstance(node, FunctionCall):
        yield from node.arguments
    elif not isinstance(node, _FRESH_STARTS):
        yield from (child for child in children(node) if not isinstance(child, FromSource | WindowSpec | With))


def _limit_height(node: Select, heights: dict[int, int]) -> int:
    """LIMIT and OFFSET are the operands of one node."""
    parts = (node.limit, node.offset)
    return 1 + max(heights[id(part)] for part in parts if part is not None)


def _is_single_constant(expr: Expr) -> bool:
    """One member that SQLite's parser takes for a constant, calls of functions included."""
    if isinstance(expr, LiteralList):
        return False
    return not any(isinstance(node, _VARYING) and getattr(node, "truth", None) is None for node in walk(expr))
