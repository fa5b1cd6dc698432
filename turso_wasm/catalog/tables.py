"""From the CREATE TABLE tree to a `Table`: columns, keys, automatic indexes, and everything SQLite refuses there.

Owns the structural rules of CREATE TABLE: affinities, the INTEGER PRIMARY KEY alias, which constraints create an
automatic index and how it is numbered, the storage order of WITHOUT ROWID tables. Does not bind expressions (CHECK,
DEFAULT and generated columns are kept as trees).

Invariants of a built table:
  T1  `rowid_alias` is -1 for WITHOUT ROWID tables.
  T2  `indexes` is in the order in which SQLite checks them: newest first, those with ON CONFLICT REPLACE last.
  T3  `storage_order` names every column that is stored; one stands twice only if it is twice in the key, with two
      collations.

Source: https://sqlite.org/lang_createtable.html, https://sqlite.org/withoutrowid.html, https://sqlite.org/stricttables.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.constants import absent_value, default_word, depends_on_nothing
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Check, Column, Index, IndexColumn, IndexOrigin, Table
from turso_wasm.catalog.types import STANDARD_TYPES, STRICT_TYPES, TYPE_PREFIX, affinity_of_type
from turso_wasm.sql import ast
from turso_wasm.sql.lexer import dequote_start
from turso_wasm.sql.limits import check_columns


def fail(message: str, node: object | None = None) -> NoReturn:
    """Raise SQLITE_ERROR with the span of `node`."""
    raise SqlError(SQLITE_ERROR, message, getattr(node, "span", None))


def build_table(
    node: ast.CreateTable,
    sql: str,
    *,
    root: int = 0,
    slot: int = 0,
    schema: str = "main",
    registry: Registry | None = None,
) -> Table:
    """The table that CREATE TABLE `node` (not … AS SELECT) makes; `sql` is the text its spans point into.

    Automatic indexes get root 0: the caller knows their b-trees. registry: of a new table, whose collations must be
    known and whose DEFAULTs must be constant; those of a table that exists need not be. Errors: SqlError with SQLite's
    message.
    """
    return _TableBuilder(node, sql, root, slot, schema, registry).build()


def check_default(default: ast.Default, column: str) -> None:
    """Errors: "default value of column [x] is not constant"."""
    if not depends_on_nothing(default.expr):
        fail(f"default value of column [{column}] is not constant", default)


def indexed_column(table: Table, part: IndexColumn) -> IndexColumn:
    """A virtual column is indexed as an expression."""
    if part.column < 0 or not table.columns[part.column].is_virtual:
        return part
    name = ast.ColumnRef(table.columns[part.column].name)
    return replace(part, column=-2, expr=name, virtual=part.column)


def add_index(table: Table, index: Index) -> None:
    """Put a new index at its place in `table.indexes` (T2)."""
    at = 0
    if index.conflict == "REPLACE":
        while at < len(table.indexes) and table.indexes[at].conflict != "REPLACE":
            at += 1
    table.indexes.insert(at, index)


def place_of_key(table: Table, indexes: Sequence[Index]) -> int:
    """How many of these indexes come before the primary key of a WITHOUT ROWID table, which has its place among them
    (T2).
    """
    key = (table.primary_key_conflict == "REPLACE", True)
    return sum((index.conflict == "REPLACE", index.name in table.older_indexes) < key for index in indexes)


def primary_key_suffix(table: Table, columns: tuple[IndexColumn, ...]) -> tuple[IndexColumn, ...]:
    """What follows the key `columns` in an index record of `table`: the rowid, or the primary key columns still
    missing.
    """
    if not table.without_rowid:
        return (IndexColumn(-1),)
    present = {(c.column, c.collation) for c in columns}
    return tuple(c for c in table.primary_key if (c.column, c.collation) not in present)


class _TableBuilder:
    """Walks one CREATE TABLE in the order of its text, as SQLite's parser does: the first error is the one reported."""

    def __init__(
        self, node: ast.CreateTable, sql: str, root: int, slot: int, schema: str, registry: Registry | None
    ) -> None:
        self.node = node
        self.is_new = registry is not None
        self.collation = BUILTIN.collation if registry is None else registry.known_collation
        self.sql = sql
        self.table = Table(
            node.name.name,
            root,
            [],
            slot=slot,
            schema=schema,
            without_rowid=node.without_rowid,
            strict=node.strict,
            sql=sql,
        )
        self.numbers = self.table.numbers
        self.has_primary_key = False
        self.automatic: list[Index] = []  # in order of creation; the WITHOUT ROWID key among them
        self.integer_key: ast.PrimaryKey | None = None  # the key that is (or would be) the rowid
        self.integer_key_column = -1

    def build(self) -> Table:
        for definition in self.node.columns:
            self.add_column(definition)
        for constraint in self.node.constraints:
            self.add_table_constraint(constraint)
        self.check_strict_types()
        if self.node.without_rowid:
            self.use_primary_key_as_storage()
        elif self.integer_key is not None:
            self.table.rowid_alias = self.integer_key_column
            self.table.primary_key_conflict = self.integer_key.on_conflict
        self.set_key_not_null()
        for column in self.table.columns:
            column.absent_value = absent_value(column.default, column.affinity)
        self.finish_indexes()
        if all(column.hidden for column in self.table.columns):
            fail("must have at least one non-generated column", self.node.name)
        return self.table

    # --- columns -----------------------------------------------------------------------------------------------

    def add_column(self, definition: ast.ColumnDef) -> None:
        key = fold(definition.name)
        if key in self.numbers:
            fail(f"duplicate column name: {definition.name}", definition)
        number = len(self.table.columns)
        check_columns(number + 1, f"on {self.table.name}")
        self.numbers[key] = number
        type_name = STANDARD_TYPES.get(fold(definition.type_name), definition.type_name)
        column = Column(definition.name, type_name or None, affinity_of_type(type_name))
        self.table.columns.append(column)
        for constraint in definition.constraints:
            self.add_column_constraint(constraint, column, number)
        if column.generated is not None and column.primary_key:
            fail("generated columns cannot be part of the PRIMARY KEY", definition)

    def add_column_constraint(self, constraint: ast.Constraint, column: Column, number: int) -> None:
        match constraint:
            case ast.NotNull():
                column.not_null = True
                column.not_null_conflict = constraint.on_conflict
            case ast.PrimaryKey():
                self.add_column_key(constraint, column, number)
            case ast.Unique():
                column.unique = True
                self.add_automatic_index(
                    (IndexColumn(number, column.collation),), "u", constraint.on_conflict, constraint
                )
            case ast.Check():
                self.add_check(constraint)
                if self.node.strict and (constraint.name or "").startswith(TYPE_PREFIX):
                    column.type_name = (constraint.name or "").removeprefix(TYPE_PREFIX)
            case ast.Default():
                if self.is_new:
                    check_default(constraint, column.name)
                if column.generated is not None:
                    fail("cannot use DEFAULT on a generated column", constraint)
                column.default_text = self.sql[constraint.text_span[0] : constraint.text_span[1]].strip()
                column.default = default_word(constraint.expr, column.default_text)
            case ast.CollateConstraint():
                self.set_collation(column, number, self.collation(constraint.collation))
                column.collate = constraint.collation
            case ast.Generated():
                self.set_generated(constraint, column)
            case ast.ForeignKey():
                self.add_foreign_key(constraint, column)

    def set_collation(self, column: Column, number: int, collation: str) -> None:
        """COLLATE counts for an index that an earlier constraint of the same column made."""
        column.collation = collation
        for index in self.automatic:
            if len(index.columns) == 1 and index.columns[0].column == number:
                index.columns = (IndexColumn(number, collation, index.columns[0].desc),)

    def set_generated(self, constraint: ast.Generated, column: Column) -> None:
        storage = fold(constraint.storage or "virtual")
        if storage not in ("virtual", "stored") or column.default is not None or column.generated is not None:
            fail(f'error in generated column "{column.name}"', constraint)
        if column.primary_key:
            fail("generated columns cannot be part of the PRIMARY KEY", constraint)
        column.generated = constraint.expr
        column.hidden = 3 if storage == "stored" else 2

    def add_column_key(self, constraint: ast.PrimaryKey, column: Column, number: int) -> None:
        self.claim_primary_key(constraint)
        column.primary_key = 1
        if column.generated is not None:
            fail("generated columns cannot be part of the PRIMARY KEY", constraint)
        # A historical quirk: INTEGER PRIMARY KEY DESC on the column itself does not name the rowid.
        if column.decltype == "INTEGER" and not constraint.descending:
            self.set_integer_key(constraint, number)
            return
        if constraint.autoincrement:
            fail("AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY", constraint)
        key = (IndexColumn(number, column.collation, constraint.descending),)
        self.add_automatic_index(key, "pk", constraint.on_conflict, constraint)

    def set_integer_key(self, constraint: ast.PrimaryKey, number: int) -> None:
        self.integer_key = constraint
        self.integer_key_column = number
        self.table.autoincrement = constraint.autoincrement

    def claim_primary_key(self, constraint: ast.PrimaryKey) -> None:
        if self.has_primary_key:
            fail(f'table "{self.table.name}" has more than one primary key', constraint)
        self.has_primary_key = True

    # --- table constraints -------------------------------------------------------------------------------------

    def add_table_constraint(self, constraint: ast.Constraint) -> None:
        match constraint:
            case ast.PrimaryKey():
                self.add_table_key(constraint)
            case ast.Unique():
                columns = self.key_columns(constraint.columns)
                self.add_automatic_index(columns, "u", constraint.on_conflict, constraint)
            case ast.Check():
                self.add_check(constraint)
            case ast.ForeignKey():
                self.add_foreign_key(constraint)

    def add_table_key(self, constraint: ast.PrimaryKey) -> None:
        self.claim_primary_key(constraint)
        columns = self.key_columns(constraint.columns)
        position = 0
        for part in columns:
            column = self.table.columns[part.column]
            if column.generated is not None:
                fail("generated columns cannot be part of the PRIMARY KEY", constraint)
            if not column.primary_key:
                position += 1
                column.primary_key = position
        if len(columns) == 1 and self.table.columns[columns[0].column].decltype == "INTEGER":
            self.set_integer_key(constraint, columns[0].column)
            return
        if constraint.autoincrement:
            fail("AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY", constraint)
        self.add_automatic_index(columns, "pk", constraint.on_conflict, constraint)

    def key_columns(self, terms: tuple[ast.OrderTerm, ...]) -> tuple[IndexColumn, ...]:
        """The columns of PRIMARY KEY (…) or UNIQUE (…): names, with COLLATE and a direction."""
        check_columns(len(terms), "in index")
        found = []
        for term in terms:
            if term.nulls is not None:
                fail(f"unsupported use of NULLS {term.nulls}", term)
            expr, collate = indexed_term(term)
            collation = collate and self.collation(collate)
            name = indexed_name(expr)
            if name is None:
                fail("expressions prohibited in PRIMARY KEY and UNIQUE constraints", term)
            number = self.numbers.get(fold(name), -1)
            if number < 0 and isinstance(expr, ast.ColumnRef) and expr.double_quoted:  # a text, that is
                fail("expressions prohibited in PRIMARY KEY and UNIQUE constraints", term)
            if number < 0:
                fail(f"no such column: {name}", expr)
            column = self.table.columns[number]
            found.append(IndexColumn(number, collation or column.collation, term.descending, collate=collate or ""))
        return tuple(found)

    def add_check(self, constraint: ast.Check) -> None:
        label = constraint.name
        if label is None:
            label = dequote_start(self.sql[constraint.text_span[0] : constraint.text_span[1]].strip())
        self.table.checks.append(Check(constraint.expr, label))

    def add_foreign_key(self, constraint: ast.ForeignKey, column: Column | None = None) -> None:
        """A table's constraint, or that of a column: then it names the column like the table's do."""
        columns = constraint.columns
        if columns:
            if constraint.to_columns and len(columns) != len(constraint.to_columns):
                fail(
                    "number of columns in foreign key does not match the number of columns in the referenced table",
                    constraint,
                )
            for name in columns:
                if fold(name.text) not in self.numbers:
                    fail(f'unknown column "{name.text}" in foreign key definition', name)
        elif column is not None:
            if len(constraint.to_columns) > 1:
                parent = constraint.table.text
                fail(f"foreign key on {column.name} should reference only one column of table {parent}", constraint)
            constraint = replace(constraint, columns=(ast.Name(column.name, constraint.span),))
        self.table.foreign_keys.append(constraint)

    # --- automatic indexes -------------------------------------------------------------------------------------

    def add_automatic_index(
        self, columns: tuple[IndexColumn, ...], origin: IndexOrigin, conflict: str | None, constraint: ast.Constraint
    ) -> None:
        """The index of a UNIQUE or PRIMARY KEY constraint, unless an earlier one has its columns and collations."""
        key = [(c.column, c.collation) for c in columns]
        for index in self.automatic:
            if [(c.column, c.collation) for c in index.columns] != key:
                continue
            if index.conflict != conflict:
                if index.conflict is not None and conflict is not None:
                    fail("conflicting ON CONFLICT clauses specified", constraint)
                index.conflict = index.conflict or conflict
            if origin == "pk":
                index.origin = "pk"
            return
        name = f"sqlite_autoindex_{self.table.name}_{len(self.automatic) + 1}"
        self.automatic.append(Index(name, self.table.name, 0, columns, unique=True, origin=origin, conflict=conflict))

    def use_primary_key_as_storage(self) -> None:
        """WITHOUT ROWID: the primary key is the table's own b-tree."""
        table = self.table
        if not self.has_primary_key:
            fail(f"PRIMARY KEY missing on table {table.name}", self.node.name)
        if table.autoincrement:
            fail("AUTOINCREMENT not allowed on WITHOUT ROWID tables", self.integer_key)
        if self.integer_key is not None:
            number = self.integer_key_column
            descending = self.integer_key.columns[0].descending if self.integer_key.columns else False
            part = IndexColumn(number, table.columns[number].collation, descending)
            self.add_automatic_index((part,), "pk", self.integer_key.on_conflict, self.integer_key)
        key = next(index for index in self.automatic if index.origin == "pk")
        unique: dict[tuple[int, str], IndexColumn] = {}
        for part in key.columns:
            unique.setdefault((part.column, part.collation), part)
        table.primary_key = tuple(unique.values())
        table.primary_key_conflict = key.conflict
        table.older_indexes = frozenset(index.name for index in self.automatic[: self.automatic.index(key)])
        in_key = [part.column for part in table.primary_key]
        others = [n for n, column in enumerate(table.columns) if n not in in_key and not column.is_virtual]
        table.storage_order = (*in_key, *others)

    def finish_indexes(self) -> None:
        table = self.table
        for index in self.automatic:
            if table.without_rowid and index.origin == "pk":
                continue
            # SQLite lets these columns ascend, whatever the key says: the order is that of the file
            index.columns = tuple(indexed_column(table, part) for part in index.columns)
            suffix = primary_key_suffix(table, index.columns)
            index.suffix = tuple(replace(part, desc=False) for part in suffix)
            add_index(table, index)

    # --- rules about the whole table ---------------------------------------------------------------------------

    def check_strict_types(self) -> None:
        if not self.node.strict:
            return
        for column in self.table.columns:
            if column.decltype is None:
                fail(f"missing datatype for {self.table.name}.{column.name}", self.node.name)
            affinity = STRICT_TYPES.get(fold(column.decltype))
            if affinity is None:
                fail(f'unknown datatype for {self.table.name}.{column.name}: "{column.decltype}"', self.node.name)
            column.affinity = affinity
            column.decltype = column.type_name or column.decltype

    def set_key_not_null(self) -> None:
        """Key columns of STRICT and WITHOUT ROWID tables are NOT NULL, except a rowid alias."""
        if not (self.node.strict or self.node.without_rowid):
            return
        for number, column in enumerate(self.table.columns):
            if column.primary_key and number != self.table.rowid_alias and not column.not_null:
                column.not_null = True
                column.not_null_conflict = "ABORT"


def indexed_term(term: ast.OrderTerm) -> tuple[ast.Expr, str | None]:
    """(what is indexed, its explicit collation). A string names a column, but not behind more than one COLLATE."""
    expr, collation, n = term.expr, None, 0
    while isinstance(expr, ast.Collate):
        collation = collation or expr.collation
        expr = expr.operand
        n += 1
    return (term.expr if n > 1 and isinstance(expr, ast.TextLiteral) else expr), collation


def indexed_name(expr: ast.Expr) -> str | None:
    """The column that an indexed term names: a bare name, or (SQLite's tolerance) a string literal."""
    if isinstance(expr, ast.ColumnRef) and expr.table is None:
        return expr.column
    if isinstance(expr, ast.TextLiteral):
        return expr.value
    return None
