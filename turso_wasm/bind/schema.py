"""Expressions that stand in the schema: index columns, partial indexes, CHECK, DEFAULT.

Their literals are part of the plan (never lifted). Names mean the columns of one table.

Source: https://sqlite.org/expridx.html, https://sqlite.org/partialindex.html, https://sqlite.org/lang_createtable.html
"""

from __future__ import annotations

from dataclasses import field

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import conjuncts, strip_collation
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Check, Column, Index, Table
from turso_wasm.catalog.types import TYPE_PREFIX
from turso_wasm.sql import ast


@dataclass(slots=True)
class IndexTerms:
    """The bound expressions of an index, for one row source: of its expression columns and of its WHERE clause."""

    exprs: dict[int, bound.Expr] = field(default_factory=dict)  # by key position
    where: list[bound.Expr] = field(default_factory=list)


def bind_schema_expr(
    binder: Binder, expr: ast.Expr, items: list[Item], sql: str | None, place: str = "an index", has_rowid: bool = True
) -> bound.Expr:
    """An expression of the schema over the columns of `items`; `sql` is the text it was parsed from.

    place: "an index", "a CHECK constraint", "a DEFAULT". has_rowid: the rowid may be named.
    """
    saved = binder.lift, binder.sql, binder.common, binder.place
    rows, binder.finder.rows = binder.finder.rows, None
    trace, binder.trace = binder.trace, None
    binder.lift, binder.sql, binder.common, binder.place = False, sql or "", None, place
    try:
        return binder.expr(expr, Scope(items, has_rowid=has_rowid))
    finally:
        binder.lift, binder.sql, binder.common, binder.place = saved
        binder.finder.rows = rows
        binder.trace = trace


def bind_index_terms(binder: Binder, index: Index, item: Item) -> IndexTerms:
    """The expressions of `index` over the columns of `item`, a table in FROM or a row being written."""
    found = IndexTerms()
    for position, column in enumerate(index.columns):
        if column.expr is not None:
            expr = bind_schema_expr(binder, column.expr, [item], index.sql, has_rowid=False)
            found.exprs[position] = strip_collation(expr)
    if index.where is not None:
        found.where += conjuncts(bind_schema_expr(binder, index.where, [item], index.sql))
    return found


def bind_default(binder: Binder, table: Table, column: Column) -> bound.Expr:
    """The DEFAULT of a column, NULL without one."""
    if column.default is None:
        return bound.Constant(value=None)
    return bind_schema_expr(binder, column.default, [], table.sql, "a DEFAULT")


def bind_checks(binder: Binder, table: Table, item: Item) -> tuple[tuple[bound.Expr, str], ...]:
    """The CHECK constraints of a table over the columns of `item`, with the text that names each."""
    place = "a CHECK constraint"
    return tuple(
        (bind_schema_expr(binder, check.expr, [item], table.sql, place), check.label)
        for check in table.checks
        if not _is_of_type(binder, table, check)
    )


def _is_of_type(binder: Binder, table: Table, check: Check) -> bool:
    """It is there for SQLite: what we store has been encoded by the type."""
    if not table.strict or not check.label.startswith(TYPE_PREFIX):
        return False
    catalog = binder.catalogs.slots[table.slot]
    return catalog is not None and catalog.find_type(check.label.removeprefix(TYPE_PREFIX)) is not None


# --- what may stand there -----------------------------------------------------------------------------------------


def refuse_in(binder: Binder, where: str, expr: ast.Expr, table: Table | None = None) -> None:
    """Refuse what SQLite prohibits in schema expressions. table: whose index it is. Errors: "subqueries prohibited in
    CHECK constraints" and the like.
    """
    for node in syntax_nodes(expr):
        in_rows = isinstance(node, ast.InList) and any(isinstance(item, ast.RowValue) for item in node.items)
        if in_rows or isinstance(node, ast.Subquery | ast.Exists | ast.InSelect | ast.InTable):
            fail(f"subqueries prohibited in {where}", node)
        if isinstance(node, ast.Parameter):
            fail(f"parameters prohibited in {where}", node)
        if table is None:
            continue
        dotted = where in ("index expressions", "generated columns")
        if dotted and isinstance(node, ast.ColumnRef) and _has_column(table, node):
            fail(f'the "." operator prohibited in {where}', node)
        if isinstance(node, ast.CurrentTime) or _is_volatile(binder, node):
            fail(f"non-deterministic functions prohibited in {where}", node)


def _has_column(table: Table, node: ast.ColumnRef) -> bool:
    """It is a column of the table, written with the table's name."""
    return node.table is not None and fold(node.table) == fold(table.name) and fold(node.column) in table.numbers


def _is_volatile(binder: Binder, node: ast.Node) -> bool:
    if isinstance(node, ast.Like):
        function = binder.registry.find_scalar(node.op.lower(), 2 if node.escape is None else 3)
        return node.op == "MATCH" if function is None else not function.deterministic
    if not isinstance(node, ast.FunctionCall):
        return False
    function = binder.registry.find_scalar(fold(node.name), len(node.arguments))
    return function is not None and not function.deterministic


def check_table_expressions(binder: Binder, table: Table, item: Item) -> None:
    """Bind the CHECKs of a new table for their errors."""
    for check in table.checks:
        refuse_in(binder, "CHECK constraints", check.expr)
    binder.creating = True
    bind_checks(binder, table, item)
    binder.creating = False


def check_index_expressions(binder: Binder, table: Table, index: Index, item: Item) -> IndexTerms:
    """Bind the expressions of a new index; refuse what an index cannot hold."""
    for column in index.columns:
        if column.expr is not None:
            refuse_in(binder, "index expressions", column.expr, table)
    if index.where is not None:
        refuse_in(binder, "partial index WHERE clauses", index.where, table)
    binder.creating = True
    terms = bind_index_terms(binder, index, item)
    binder.creating = False
    return terms
