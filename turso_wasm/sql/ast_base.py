"""What every syntax node has in common, and how names are written down.

Owns `Node` and the two name nodes. All nodes of `sql/ast*.py` keep to these rules:

A1  A node is a mutable, slotted dataclass; nobody changes one after the parser has returned it.
A2  `span` is the last field: (start, end) in *characters* of the SQL text that was parsed. It takes no part in
    comparison, so `parse(print_sql(node)) == node`; a node built by hand has (0, 0).
A3  Lists are tuples; a missing part is None; there are no dict payloads.
A4  Names are dequoted but keep their letters as written (SQLite folds case when it compares them, not here).
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from turso_wasm.base.records import dataclass

Span: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Node:
    """Base of all syntax nodes."""


@dataclass(slots=True)
class Name(Node):
    """One name in a list of names (INSERT columns, USING, SET, foreign keys, CTE columns)."""

    text: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class QualifiedName(Node):
    """`[schema.]name` of a table, index, view, trigger or table-valued function. name_span: without the schema."""

    name: str
    schema: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)
    name_span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Expr(Node):
    """Base of all expressions."""


@dataclass(slots=True)
class FromSource(Node):
    """Base of everything that can stand in a FROM clause."""


@dataclass(slots=True)
class Statement(Node):
    """Base of all statements."""
