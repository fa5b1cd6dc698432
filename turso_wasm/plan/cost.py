"""How many rows, and what they cost. The unit is one row of a table scan.

Owns all constants of the cost model. Statistics come from sqlite_stat1 where there is any (Index.stat,
Table.row_estimate).

Source: https://sqlite.org/optoverview.html, https://sqlite.org/fileformat2.html section 2.6.3
"""

from __future__ import annotations

from math import log2
from typing import Final

from turso_wasm.catalog.catalog import DEFAULT_ROWS
from turso_wasm.catalog.objects import Column, Index, Table

SEEK: Final = 6.0  # descend a b-tree
SMALL_SEEK: Final = 3.0  # … of a table that is known to be small
LOOKUP: Final = 6.0  # fetch the table row of an index entry
INDEX_ROW: Final = 0.8
ENTRY_SHARE: Final = 0.01  # what the size of an index's entries counts where the rows are fetched, too
LONG_WIDTH: Final = 5  # of a TEXT or BLOB column of unknown length, in units of a number
PER_PROBE: Final = 2.0  # hash table: look up
SMALL_PROBE: Final = 1.0  # … of few rows, where sizes are known
PER_BUILD: Final = 4.0  # hash table: add a row
PER_MATCH: Final = 3.0  # hash table: a row that is found, where sizes are known
PER_OUTPUT: Final = 0.05  # every row handed on
RANGE_SELECTIVITY: Final = 0.25  # per bound of a range
RANGE_SHARE: Final = 0.9  # see range_cost
RANGES: Final = (0.02, 0.3, 0.1)  # what an arm of an OR is at most taken to cost, of a scan, by the ends of its range
FILTER_SELECTIVITY: Final = {"=": 0.25, "is": 0.25}
OTHER_SELECTIVITY: Final = 0.9
MATCH_SELECTIVITY: Final = 0.5  # of EXISTS; and how much of what could match is read until something does
IN_SUBQUERY_ROWS: Final = 25.0
RECURSIONS: Final = 1000.0  # rows of a recursive common table for each that it begins with
IN_LITERALS_ROWS: Final = 4.0  # one plan serves lists of any length
DEFAULT_EQUAL_ROWS: Final = (10.0, 9.0, 8.0, 7.0, 6.0, 5.0)  # rows for the first k columns, without statistics


def table_rows(table: Table) -> float:
    """The number of rows a table is taken to have."""
    return float(max(table.row_estimate if table.row_estimate is not None else DEFAULT_ROWS, 1))


def column_width(column: Column) -> int:
    """The size of a column's values, in units of a number: VARCHAR(80) is 21."""
    decltype = column.decltype
    if decltype is None or column.affinity not in "AB":
        return 1
    digits = decltype.partition("(")[2].partition(")")[0].strip()
    return min(int(digits) // 4 + 1, 255) if digits.isascii() and digits.isdigit() else LONG_WIDTH


def entry_cost(table: Table, index: Index) -> float:
    """Reading an entry of the index in the course of a scan: as its size is to that of a row. Of a WITHOUT ROWID
    table and an index of equal size, SQLite scans the index if it was made by CREATE INDEX.
    """
    row = sum(map(column_width, table.columns)) + (table.rowid_alias < 0 and not table.without_rowid)
    if table.without_rowid and index.origin == "c":
        row += 1
    fields = (*index.columns, *index.suffix)
    entry = sum(column_width(table.columns[part.column]) if part.column >= 0 else 1 for part in fields)
    return 0.3 + 0.7 * entry / row if entry < row else 1.01


def range_cost(table: Table, index: Index, rows: float) -> float:
    """What a range of an index costs at most: less than a scan of the table, and less in an index of short entries."""
    return rows * RANGE_SHARE * (1.0 + entry_cost(table, index) / 100.0)


def equal_rows(table: Table, index: Index | None, n_equal: int, rows: float) -> float:
    """Of this number of rows those that one value of the first n_equal fields of an index selects. index None: a
    WITHOUT ROWID primary key.
    """
    if n_equal == 0:
        return rows
    n_key = len(index.columns) if index is not None else len(table.primary_key)
    if n_equal >= n_key and (index is None or index.unique):
        return 1.0
    if index is not None and index.stat is not None and len(index.stat) > n_equal:
        return float(max(index.stat[n_equal], 1))
    guess = DEFAULT_EQUAL_ROWS[min(n_equal, len(DEFAULT_EQUAL_ROWS)) - 1]
    return min(guess, max(rows / 2, 1.0))


def sort_cost(rows: float, share: float = 1.0) -> float:
    """Sorting that many rows by this share of the terms of an order; they come in the order of the others."""
    return rows * (3.0 + 0.3 * log2(rows + 2)) * share
