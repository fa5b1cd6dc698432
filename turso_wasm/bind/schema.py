"""Expressions that stand in the schema: index columns, partial indexes, CHECK, DEFAULT.

Their literals are part of the plan (never lifted). Names mean the columns of one table.

Source: https://sqlite.org/expridx.html, https://sqlite.org/partialindex.html, https://sqlite.org/lang_createtable.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import conjuncts, strip_collation
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.functions import find_scalar
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column, Index, Table
from turso_wasm.sql import ast


@dataclass(slots=True)
class IndexTerms:
    """The bound expressions of an index, for one row source: of its expression columns and of its WHERE clause."""

    exprs: dict[int, bound.Expr] = field(default_factory=dict)  # by key position
    where: list[bound.Expr] = field(default_factory=list)


def bind_schema_expr(binder: Binder, expr: ast.Expr, items: list[Item], sql: str | None) -> bound.Expr:
    """An expression of the schema over the columns of `items`; `sql` is the text it was parsed from."""
    saved = binder.lift, binder.sql, binder.common
    binder.lift, binder.sql, binder.common = False, sql or "", None
    try:
        return binder.expr(expr, Scope(items))
    finally:
        binder.lift, binder.sql, binder.common = saved


def bind_index_terms(binder: Binder, index: Index, item: Item) -> IndexTerms:
    """The expressions of `index` over the columns of `item`, a table in FROM or a row being written."""
    found = IndexTerms()
    for position, column in enumerate(index.columns):
        if column.expr is not None:
            found.exprs[position] = strip_collation(bind_schema_expr(binder, column.expr, [item], index.sql))
    if index.where is not None:
        found.where += conjuncts(bind_schema_expr(binder, index.where, [item], index.sql))
    return found


def bind_default(binder: Binder, table: Table, column: Column) -> bound.Expr:
    """The DEFAULT of a column, NULL without one."""
    if column.default is None:
        return bound.Constant(value=None)
    return bind_schema_expr(binder, column.default, [], table.sql)


def bind_checks(binder: Binder, table: Table, item: Item) -> tuple[tuple[bound.Expr, str], ...]:
    """The CHECK constraints of a table over the columns of `item`, with the text that names each."""
    return tuple((bind_schema_expr(binder, check.expr, [item], table.sql), check.label) for check in table.checks)


# --- what may stand there -----------------------------------------------------------------------------------------


def refuse_in(where: str, expr: ast.Expr, *, dots: bool = False, deterministic: bool = False) -> None:
    """Refuse what SQLite prohibits in schema expressions. Errors: "subqueries prohibited in CHECK constraints" and
    the like.
    """
    for node in syntax_nodes(expr):
        if isinstance(node, ast.Subquery | ast.Exists | ast.InSelect | ast.InTable):
            fail(f"subqueries prohibited in {where}", node)
        if isinstance(node, ast.Parameter):
            fail(f"parameters prohibited in {where}", node)
        if dots and isinstance(node, ast.ColumnRef) and node.table is not None:
            fail(f'the "." operator prohibited in {where}', node)
        if deterministic and isinstance(node, ast.FunctionCall):
            function = find_scalar(fold(node.name), len(node.arguments))
            if function is not None and not function.deterministic:
                fail(f"non-deterministic functions prohibited in {where}", node)


def check_default(column: Column) -> None:
    """A DEFAULT must not depend on a row. Errors: "default value of column [x] is not constant"."""
    if column.default is None:
        return
    for node in syntax_nodes(column.default):
        name = isinstance(node, ast.ColumnRef) and node.truth is None
        if name or isinstance(node, ast.Parameter | ast.Subquery | ast.Exists | ast.InSelect | ast.InTable):
            fail(f"default value of column [{column.name}] is not constant", node)


def check_table_expressions(binder: Binder, table: Table, item: Item) -> None:
    """Bind the CHECKs and DEFAULTs of a new table for their errors."""
    for column in table.columns:
        check_default(column)
    for check in table.checks:
        refuse_in("CHECK constraints", check.expr)
    bind_checks(binder, table, item)


def check_index_expressions(binder: Binder, index: Index, item: Item) -> IndexTerms:
    """Bind the expressions of a new index; refuse what an index cannot hold."""
    for column in index.columns:
        if column.expr is not None:
            refuse_in("index expressions", column.expr, dots=True, deterministic=True)
    if index.where is not None:
        refuse_in("partial index WHERE clauses", index.where, deterministic=True)
    return bind_index_terms(binder, index, item)
