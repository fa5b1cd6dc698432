"""PRAGMA foreign_key_check as a query: the rows of child tables that have no parent.

Source: https://sqlite.org/pragma.html#pragma_foreign_key_check
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.foreign_keys import ForeignKey, foreign_keys_of
from turso_wasm.catalog.names import quote_identifier, quote_text
from turso_wasm.catalog.objects import Table


def check_query(catalog: Catalog, tables: Sequence[Table]) -> str:
    """SELECT (table, rowid, parent, number of the key) of every violation; the keys of a table count from the last.

    Errors: 'foreign key mismatch - "child" referencing "parent"'.
    """
    parts = [_violations(catalog, table) for table in tables if table.foreign_keys]
    return " UNION ALL ".join(parts) or "SELECT NULL, NULL, NULL, NULL WHERE 0"


def _violations(catalog: Catalog, child: Table) -> str:
    """Row by row, key by key."""
    keys, whens = [], []
    for number, key in enumerate(reversed(foreign_keys_of(child))):
        keys.append(f"SELECT {quote_text(key.parent)} AS parent, {number} AS id")
        whens.append(f"WHEN {number} THEN {_violation(catalog, key)}")
    rowid = "NULL" if child.without_rowid else "child.rowid"
    return (
        f"SELECT {quote_text(child.name)}, {rowid}, fk.parent, fk.id FROM {_name(child)} AS child"
        f" CROSS JOIN ({' UNION ALL '.join(keys)}) AS fk WHERE CASE fk.id {' '.join(whens)} END"
    )


def _violation(catalog: Catalog, key: ForeignKey) -> str:
    """The condition on a row of the child that it lacks its parent (as plan/foreign_keys.py has it)."""
    parent = catalog.find_table(key.parent)
    columns = [f"child.{quote_identifier(name)}" for name in key.columns]
    conditions = [f"{column} IS NOT NULL" for column in columns]
    if parent is not None:
        pairs = zip(key.parent_columns(parent), columns, strict=True)
        equal = " AND ".join(f"parent.{quote_identifier(name)} = +{column}" for name, column in pairs)
        conditions.append(f"NOT EXISTS (SELECT 1 FROM {_name(parent)} AS parent WHERE {equal})")
    return " AND ".join(conditions)


def _name(table: Table) -> str:
    return f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
