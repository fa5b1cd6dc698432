"""How many rows the tables of a join have when there are no statistics (docs/decisions/0062).

Sizes are known as classes, powers of four (kernel/btree/size.py). They count where one table is much larger than
another; a column that is equal to another table's key is then taken to have as many values as that table has rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from math import prod
from typing import TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Core
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.sizes import ANY_SMALL, SMALL_TABLE, SMALLEST

LOOKED_UP_FAST = 4096.0  # rows
PER_VALUE = 10.0  # rows with the same value in a column of which nothing is known
ColumnOf: TypeAlias = tuple[int, int]  # source and column


@dataclass(slots=True)
class KnownSizes:
    """Of the tables of joins. rows: by source. values: how many different ones a column has."""

    rows: dict[int, float] = field(default_factory=dict)
    values: dict[ColumnOf, float] = field(default_factory=dict)

    def matches(self, rows: float, pairs: Iterable[tuple[bound.Expr, bound.Expr]]) -> float:
        """Of so many rows those with the values of one other row; 0: not known. pairs: what is equal."""
        pairs = list(pairs)
        values = prod(max(map(self._values, pair)) or 1.0 for pair in pairs)
        if len(pairs) > 1:  # not all values of one column are there with all of another
            columns = [expr for pair in pairs for expr in pair if isinstance(expr, bound.ColumnRef)]
            values = min(values, *(self.rows.get(column.source, values) for column in columns))
        return rows / values if values > 1.0 else 0.0

    def _values(self, expr: bound.Expr) -> float:
        if not isinstance(expr, bound.ColumnRef):
            return 0.0
        return self.values.get((expr.source, expr.column), self.rows.get(expr.source, 0.0) / PER_VALUE)


def note_sizes(known: KnownSizes, binder: Binder, core: Core) -> None:
    """Learn the sizes of the tables of a join, if some are much larger than others; the plan depends on them."""
    if binder.sizes is None:
        return
    items = [item for step in core.steps for item in step.items()]
    tables = {item.source: item.table for item in items if item.table is not None and _is_sized(item.table)}
    if len(tables) < 2:
        return
    classes = [binder.sizes.get((table.slot, table.root), ANY_SMALL) for table in tables.values()]
    if max(classes) <= SMALL_TABLE:
        classes = [ANY_SMALL] * len(tables)
    else:  # those that are not known yet make the Program ask
        classes = [max(size, SMALLEST) for size in classes]
    for table, size in zip(tables.values(), classes, strict=True):
        binder.sized[table.slot, table.root, int(table.without_rowid)] = size
    if max(classes) - min(classes) < 2:
        return
    rows = {source: 4.0**size / 2.0 for source, size in zip(tables, classes, strict=True)}
    known.rows.update(rows)
    values = {(source, column): rows[source] for source, table in tables.items() for column in _keys(table)}
    for members in _equal_columns(core):
        fewest = min((values[member] for member in members if member in values), default=0.0)
        if fewest:
            values.update(dict.fromkeys(members, fewest))
    known.values.update(values)


def _is_sized(table: Table) -> bool:
    """It is a table of the database without statistics."""
    return table.root > 1 and table.kind == "table" and table.row_estimate is None


def _keys(table: Table) -> set[int]:
    """The columns without equal values, the rowid (-1) among them."""
    found = {-1, table.rowid_alias} if not table.without_rowid else set()
    keys = [index.columns for index in table.indexes if index.unique and index.where is None]
    keys += [table.primary_key] if table.without_rowid else []
    return found | {key[0].column for key in keys if len(key) == 1 and key[0].column >= 0}


def _equal_columns(core: Core) -> list[set[ColumnOf]]:
    """Columns that conditions say are equal."""
    found: list[set[ColumnOf]] = []
    for expr in (*core.where, *core.derived, *(expr for step in core.steps for expr in step.on)):
        sides = [expr.left, expr.right] if isinstance(expr, bound.Compare) and expr.op == "=" else []
        pair = {(side.source, side.column) for side in sides if isinstance(side, bound.ColumnRef)}
        if len(pair) == 2:
            joined = pair.union(*(members for members in found if members & pair))
            found = [members for members in found if not members & pair]
            found.append(joined)
    return found
