"""The limit on the height of expressions: SQLite refuses an expression tree higher than 1000.

A subquery is as high as its result columns and clauses. What stands in a FROM, in the parts of a row value and behind
ORDER BY, FILTER and OVER in a function call counts for itself.
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import Expr, Node, Source
from turso_wasm.sql.ast_expr import FunctionCall, RowValue, WindowSpec
from turso_wasm.sql.walk import children

MAX_EXPR_HEIGHT: Final = 1000
_FRESH_STARTS: Final = (Source, RowValue, WindowSpec)


def check_height(root: Node) -> None:
    """Raise SqlError if an expression below `root` is higher than SQLite allows. Not recursive."""
    pending = [(root, 0)]
    while pending:
        node, height = pending.pop()
        if isinstance(node, _FRESH_STARTS):
            height = 0
        elif isinstance(node, Expr):
            height += 1
            if height > MAX_EXPR_HEIGHT:
                message = f"Expression tree is too large (maximum depth {MAX_EXPR_HEIGHT})"
                raise SqlError(SQLITE_ERROR, message)
        if isinstance(node, FunctionCall):
            pending.extend([(argument, height) for argument in node.arguments])
            others = (*node.order_by, node.filter, node.over)
            pending.extend([(other, 0) for other in others if isinstance(other, Node)])
            continue
        pending.extend([(child, height) for child in children(node)])
