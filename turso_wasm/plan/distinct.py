"""The pass that drops DISTINCT where no two rows can be alike: they show a key of the only table.

Source: https://sqlite.org/optoverview.html
"""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Core, Query
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import IndexColumn, Table

ROWID = -1


def drop_distinct(query: Query, binder: Binder) -> Query:
    """Drop DISTINCT from each SELECT that shows the rowid, or all columns of a unique index that are never NULL."""
    for core in query.cores:
        if core.distinct and not core.is_aggregate and not core.windows and _shows_a_key(core):
            core.distinct = False
    return query


def _shows_a_key(core: Core) -> bool:
    item = core.only_item()
    table = item.table if item is not None else None
    if item is None or table is None or table.is_provided:
        return False
    columns = [expr for expr in core.outputs if isinstance(expr, bound.ColumnRef) and expr.source == item.source]
    shown = {(expr.column, fold(expr.collation)) for expr in columns}
    if not table.without_rowid and any(column == ROWID for column, _ in shown):
        return True
    return any({(part.column, fold(part.collation)) for part in key} <= shown for key in _keys(table))


def _keys(table: Table) -> Iterator[tuple[IndexColumn, ...]]:
    if table.without_rowid:
        yield table.primary_key
    for index in table.indexes:
        known = all(part.column >= 0 and table.columns[part.column].not_null for part in index.columns)
        if index.unique and index.where is None and known:
            yield index.columns
