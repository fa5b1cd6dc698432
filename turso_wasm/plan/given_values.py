"""Hidden columns that WHERE gives a value, as f = 'x' does for a full-text table f: other comparisons compare that
value, whatever the column shows, as SQLite's constant propagation has it.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Query
from turso_wasm.bind.walk import transform


@dataclass(slots=True)
class _Given:
    """The condition that gives a column its value."""

    condition: bound.Expr
    column: bound.ColumnRef
    value: bound.Constant


def use_given_values(query: Query, binder: Binder) -> Query:
    """Other conditions of the same WHERE compare the values that hidden columns are given."""
    for core in query.cores:
        given: dict[tuple[int, int], _Given] = {}
        for found in filter(None, map(_given, core.where)):
            given.setdefault((found.column.source, found.column.column), found)
        for each in given.values():
            core.where = [
                expr if expr is each.condition or _is_argument(expr) else _using(expr, each) for expr in core.where
            ]
    return query


def _is_argument(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Compare) and expr.is_argument


def _given(expr: bound.Expr) -> _Given | None:
    if not isinstance(expr, bound.Compare) or expr.op != "=" or expr.collation != "BINARY" or _is_argument(expr):
        return None
    for column, value in ((expr.left, expr.right), (expr.right, expr.left)):
        if isinstance(column, bound.ColumnRef) and column.hidden and isinstance(value, bound.Constant):
            return _Given(expr, column, value)
    return None


def _using(expr: bound.Expr, given: _Given) -> bound.Expr:
    def is_it(part: bound.Expr) -> bool:
        column = given.column
        return isinstance(part, bound.ColumnRef) and (part.source, part.column) == (column.source, column.column)

    def rewrite(part: bound.Expr) -> bound.Expr | None:
        if isinstance(part, bound.Compare) and (is_it(part.left) or is_it(part.right)):
            left, right = (given.value if is_it(side) else transform(side, rewrite) for side in (part.left, part.right))
            return replace(part, left=left, right=right)
        if isinstance(part, bound.InList) and is_it(part.operand):
            return replace(part, operand=given.value)
        return None

    return transform(expr, rewrite)
