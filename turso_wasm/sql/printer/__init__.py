"""Syntax trees to SQL text.

The law: `parse_one(print_sql(node))[0] == node` for every statement that the parser can return. Keywords are
printed in upper case, names bare where that is safe, and only the parentheses that the tree needs.
"""

from __future__ import annotations

from turso_wasm.base.recursion import with_room
from turso_wasm.sql.ast_base import Node
from turso_wasm.sql.printer import expressions, extensions, select, statements
from turso_wasm.sql.printer.base import print_node, quote_name

__all__ = ["expressions", "extensions", "print_sql", "quote_name", "select", "statements"]


def print_sql(node: Node) -> str:
    """The SQL text of a statement, expression or clause, without a ';' at the end. Errors: InternalError."""
    return with_room(print_node, node)
