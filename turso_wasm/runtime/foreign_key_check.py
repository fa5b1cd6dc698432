"""PRAGMA foreign_key_check as a query: the rows of child tables that have no parent.

Source: https://sqlite.org/pragma.html#pragma_foreign_key_check
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast


def check_query(catalog: Catalog, tables: Sequence[Table]) -> str:
    """SELECT (table, rowid, parent, number of the key) of every violation; the keys of a table count from the last.

    Errors: 'foreign key mismatch - "child" referencing "parent"'.
    """
    parts = [_violations(catalog, table) for table in tables if table.foreign_keys]
    return " UNION ALL ".join(parts) or "SELECT NULL, NULL, NULL, NULL WHERE 0"


def _violations(catalog: Catalog, child: Table) -> str:
    """Row by row, key by key."""
    keys, whens = [], []
    for number, key in enumerate(reversed(child.foreign_keys)):
        assert isinstance(key, ast.ForeignKey)
        keys.append(f"SELECT {_text(key.table.text)} AS parent, {number} AS id")
        whens.append(f"WHEN {number} THEN {_violation(catalog, child, key)}")
    rowid = "NULL" if child.without_rowid else "child.rowid"
    return (
        f"SELECT {_text(child.name)}, {rowid}, fk.parent, fk.id FROM {_name(child)} AS child"
        f" CROSS JOIN ({' UNION ALL '.join(keys)}) AS fk WHERE CASE fk.id {' '.join(whens)} END"
    )


def _violation(catalog: Catalog, child: Table, key: ast.ForeignKey) -> str:
    """The condition on a row of `child` that it lacks its parent."""
    parent = catalog.find_table(key.table.text)
    columns = [f"child.{quote_identifier(name.text)}" for name in key.columns]
    conditions = [f"{column} IS NOT NULL" for column in columns]
    if parent is not None and parent.kind == "table":
        names = _parent_columns(child, parent, key)
        pairs = zip(names, columns, strict=True)
        equal = " AND ".join(f"parent.{quote_identifier(name)} = {column}" for name, column in pairs)
        conditions.append(f"NOT EXISTS (SELECT 1 FROM {_name(parent)} AS parent WHERE {equal})")
    return " AND ".join(conditions)


def _parent_columns(child: Table, parent: Table, key: ast.ForeignKey) -> list[str]:
    """The columns that are referenced: those named, or the primary key; they must be unique."""
    primary = sorted((column for column in parent.columns if column.primary_key), key=lambda c: c.primary_key)
    names = [name.text for name in key.to_columns] or [column.name for column in primary]
    wanted = {fold(name) for name in names}
    known = wanted <= parent.numbers.keys() and len(names) == len(key.columns)
    unique = {fold(column.name) for column in primary} == wanted or any(
        index.unique
        and index.where is None
        and {fold(parent.columns[column.column].name) for column in index.columns if column.column >= 0} == wanted
        for index in parent.indexes
    )
    if not known or not unique:
        raise SqlError(SQLITE_ERROR, f'foreign key mismatch - "{child.name}" referencing "{parent.name}"')
    return names


def _name(table: Table) -> str:
    return f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
