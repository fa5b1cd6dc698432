"""SQLite's limits on the number of things in a statement.

Source: https://sqlite.org/limits.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError

MAX_COLUMNS: Final = 2000
"""SQLITE_LIMIT_COLUMN: of a table, an index, a result, a SET; also of terms in ORDER BY and GROUP BY."""

MAX_COMPOUND: Final = 500
"""SQLITE_LIMIT_COMPOUND_SELECT: SELECTs joined by UNION and the like."""

MAX_FUNCTION_ARGUMENTS: Final = 1000
MAX_PARAMETER: Final = 32766
MAX_FROM_TERMS: Final = 200
MAX_JOIN: Final = 64


def check_columns(count: int, where: str) -> None:
    """Raise SqlError if there are more columns than may be. where: "in result set", "on t" and the like."""
    if count > MAX_COLUMNS:
        raise SqlError(SQLITE_ERROR, f"too many columns {where}")


def check_from_terms(count: int) -> None:
    """Raise SqlError if a FROM clause has more tables, subqueries and joins in parentheses than may be."""
    if count > MAX_FROM_TERMS:
        raise SqlError(SQLITE_ERROR, f"too many FROM clause terms, max: {MAX_FROM_TERMS}")


def check_terms(count: int, clause: str) -> None:
    """Raise SqlError if there are more terms than may be. clause: "ORDER BY" or "GROUP BY"."""
    if count > MAX_COLUMNS:
        raise SqlError(SQLITE_ERROR, f"too many terms in {clause} clause")
