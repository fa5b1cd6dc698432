"""Foreign keys as pairs of columns: which key of the parent one is about, and the tables that refer to another.

Source: https://sqlite.org/foreignkeys.html
"""

from __future__ import annotations

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import IndexColumn, Table
from turso_wasm.sql import ast


@dataclass(frozen=True, slots=True, eq=False)
class ForeignKey:
    """One foreign key of `child`. number: its place among them. Its parent may not exist."""

    child: Table
    number: int
    node: ast.ForeignKey

    @property
    def columns(self) -> list[str]:
        """The names of the child's columns."""
        return [name.text for name in self.node.columns]

    @property
    def parent(self) -> str:
        """The name of the parent."""
        return self.node.table.text

    @property
    def deferred(self) -> bool:
        """It is checked when the transaction is committed."""
        return bool(self.node.deferrable) and self.node.initially == "DEFERRED"

    def parent_columns(self, parent: Table) -> list[str]:
        """The columns that are referenced, one for each of `columns`: the primary key, or those of a unique index.

        Errors: 'foreign key mismatch - "child" referencing "parent"'.
        """
        primary = sorted((column for column in parent.columns if column.primary_key), key=lambda c: c.primary_key)
        names = [name.text for name in self.node.to_columns] or [column.name for column in primary]
        if len(names) == len(self.columns) and parent.kind == "table":
            wanted = [fold(name) for name in names]
            if self._is_key(parent, wanted) and (self.node.to_columns or primary):
                return names
        message = f'foreign key mismatch - "{self.child.name}" referencing "{self.parent}"'
        raise SqlError(SQLITE_ERROR, message)

    def _is_key(self, parent: Table, wanted: list[str]) -> bool:
        if not self.node.to_columns:
            return True
        if parent.rowid_alias >= 0 and wanted == [fold(parent.columns[parent.rowid_alias].name)]:
            return True
        keys = [index.columns for index in parent.indexes if index.unique and index.where is None]
        if parent.without_rowid:
            keys.append(parent.primary_key)
        return any(_is_made_of(parent, columns, wanted) for columns in keys)


def _is_made_of(parent: Table, columns: tuple[IndexColumn, ...], wanted: list[str]) -> bool:
    """The columns of an index are these, in any order, and in their own collations."""
    if len(columns) != len(wanted):
        return False
    found = set()
    for part in columns:
        number, collation = part.shown, part.collation
        if number < 0 or parent.columns[number].collation != collation:
            return False
        found.add(fold(parent.columns[number].name))
    return found == set(wanted)


def foreign_keys_of(child: Table) -> list[ForeignKey]:
    """The foreign keys of a table, in the order in which they were declared."""
    found = []
    for number, node in enumerate(child.foreign_keys):
        assert isinstance(node, ast.ForeignKey)
        found.append(ForeignKey(child, number, node))
    return found


def foreign_keys_to(catalog: Catalog, parent: str) -> list[ForeignKey]:
    """The foreign keys of all tables of the database that refer to `parent`. Only tables whose text has the word
    REFERENCES are looked at.
    """
    key = fold(parent)
    found = []
    for entry in list(catalog.entries.values()):
        if entry.type == "table" and entry.sql is not None and "references" in entry.sql.lower():
            table = catalog.find_table(entry.name)
            if table is not None:
                found += [item for item in foreign_keys_of(table) if fold(item.parent) == key]
    return found
