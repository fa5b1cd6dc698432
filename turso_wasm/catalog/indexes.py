"""From the CREATE INDEX tree to an `Index`.

Owns which terms are columns and which are expressions, and the suffix of the index record. Does not bind
expressions: an expression term and a partial index's WHERE are kept as trees.

Source: https://sqlite.org/lang_createindex.html
"""

from __future__ import annotations

from turso_wasm.catalog.functions import BUILTIN
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.catalog.tables import fail, indexed_column, indexed_term, primary_key_suffix
from turso_wasm.sql import ast
from turso_wasm.sql.limits import check_columns


def build_index(node: ast.CreateIndex, table: Table, *, root: int = 0, sql: str | None = None) -> Index:
    """The index that CREATE INDEX `node` makes on `table`.

    Its collations need not be known. Errors: SqlError with SQLite's message: unknown columns, NULLS FIRST.
    """
    check_columns(len(node.columns), "in index")
    columns = tuple(_index_column(term, table) for term in node.columns)
    return Index(
        node.name.name,
        table.name,
        root,
        columns,
        suffix=primary_key_suffix(table, columns),
        unique=node.unique,
        where=node.where,
        sql=sql,
    )


def _index_column(term: ast.OrderTerm, table: Table) -> IndexColumn:
    if term.nulls is not None:
        fail(f"unsupported use of NULLS {term.nulls}", term)
    expr, written = indexed_term(term)
    collation = written and BUILTIN.collation(written)
    if isinstance(expr, ast.TextLiteral):  # 'name': SQLite takes it for a column's name
        number = table.numbers.get(fold(expr.value), -1)
        if number < 0:
            fail(f"no such column: {expr.value}", expr)
    elif isinstance(expr, ast.ColumnRef) and expr.table is None:
        number = table.numbers.get(fold(expr.column), -1)
        if number < 0 and not expr.double_quoted and expr.truth is None:
            fail(f"no such column: {expr.column}", expr)
    else:
        number = -1
    if number < 0:
        return IndexColumn(-2, collation or "BINARY", term.descending, expr, collate=written or "")
    collation = collation or table.columns[number].collation
    return indexed_column(table, IndexColumn(number, collation, term.descending, collate=written or ""))
