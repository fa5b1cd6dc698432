"""The limit on the height of expressions.

SQLite refuses an expression tree higher than 1000. Only a statement of as many tokens can hold one, so the usual
statement is not even looked at.
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import Expr, Node, Source
from turso_wasm.sql.walk import children

MAX_EXPR_HEIGHT: Final = 1000


def check_height(root: Node, n_tokens: int) -> None:
    """Raise SqlError if an expression below `root` is higher than SQLite allows. Not recursive.

    A subquery is as high as its result columns and clauses, but what stands in its FROM counts for itself.
    """
    if n_tokens < MAX_EXPR_HEIGHT:
        return
    pending = [(root, 0)]
    while pending:
        node, height = pending.pop()
        if isinstance(node, Expr):
            height += 1
            if height > MAX_EXPR_HEIGHT:
                raise SqlError(SQLITE_ERROR, f"Expression tree is too large (maximum depth {MAX_EXPR_HEIGHT})")
        elif isinstance(node, Source):
            height = 0
        for child in children(node):
            pending.append((child, height))
