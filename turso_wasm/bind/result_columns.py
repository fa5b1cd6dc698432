"""Result columns: what they are called, and what is told of their origin.

Source: https://sqlite.org/c3ref/column_name.html
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Item, OutputColumn, Query
from turso_wasm.bind.walk import walk
from turso_wasm.sql import ast


def describe(binder: Binder, column: ast.ResultColumn, expr: bound.Expr, items: Sequence[Item]) -> OutputColumn:
    """Name and origin of a result column of `items`: its alias, the column's own name (or what the settings
    full_column_names and short_column_names make of it), or the expression as it is written.

    Such a text depends on the literals in it, so they are pinned.
    """
    span = None
    own: str | None = None
    if column.alias is not None:
        name = column.alias
    elif isinstance(expr, bound.ColumnRef | bound.Generated) and type(column.expr) is ast.ColumnRef:
        own = expr.name
        name = _label(expr, items)
        if binder.settings.full_column_names:
            name = _full_name(expr, items)
        elif not binder.settings.short_column_names:
            name = binder.text(column.text_span)
    else:
        name = binder.text(column.text_span)
        span = column.text_span if binder.lift else None
        for part in walk(expr):
            if isinstance(part, bound.Constant | bound.LiteralList):
                binder.pin(part)
    is_alias = column.alias is not None
    if isinstance(expr, bound.ColumnRef | bound.Generated):
        stored = None if own == name else own
        inner = None if is_alias else _written(column.expr)
        return OutputColumn(name, expr.decltype, expr.table, expr.origin, span, is_alias, inner, stored)
    if isinstance(expr, bound.SubqueryExpr) and expr.kind == "scalar" and isinstance(expr.plan, Query):
        return OutputColumn(name, expr.plan.cores[-1].columns[0].decltype, span=span, is_alias=is_alias)
    if is_alias:
        return OutputColumn(name, is_alias=True)
    return OutputColumn(name, span=span, inner=_written(column.expr), stored=_stored(expr))


def label_of(item: Item, number: int) -> str:
    """What a visible column of an element of FROM is called."""
    return (item.labels or item.columns)[number]


def _label(expr: bound.ColumnRef | bound.Generated, items: Sequence[Item]) -> str:
    item = next((item for item in items if isinstance(expr, bound.ColumnRef) and item.source == expr.source), None)
    if item is not None and item.labels:
        return next((label_of(item, at) for at, name in enumerate(item.columns) if name == expr.name), expr.name)
    return expr.name


def _full_name(expr: bound.ColumnRef | bound.Generated, items: Sequence[Item]) -> str:
    """TABLE.COLUMN: the table has its own name, not that of the query."""
    source = expr.source if isinstance(expr, bound.ColumnRef) else None
    item = next((item for item in items if item.source == source), None)
    if item is None:
        return f"{expr.table}.{expr.name}" if expr.table else expr.name
    return f"{item.table.name if item.table is not None else shown_name(item, items)}.{expr.name}"


def shown_name(item: Item, items: Sequence[Item]) -> str:
    """What the query calls an element of FROM; one without a name has a number."""
    return item.name or f"(subquery-{[one for one in items if not one.name].index(item) + 1})"


def _written(node: ast.Expr) -> str | None:
    """OutputColumn.inner: a query around sees a name as it is written, also of what is no column (a string in double
    quotes), and under COLLATE.
    """
    while isinstance(node, ast.Collate):
        node = node.operand
    return node.column if isinstance(node, ast.ColumnRef) else None


def _stored(expr: bound.Expr) -> str | None:
    """OutputColumn.stored: of the column under COLLATE and likely()."""
    while isinstance(expr, bound.Collated | bound.Call):
        if isinstance(expr, bound.Collated):
            expr = expr.operand
        elif expr.name in ("likely", "unlikely", "likelihood"):
            expr = expr.args[0]
        else:
            break
    return expr.name if isinstance(expr, bound.ColumnRef) else None
