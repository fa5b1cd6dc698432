"""CREATE, DROP and ALTER.

A constraint's `name` is the last `CONSTRAINT name` before it in its column (or, for a table constraint, since the last
comma), None without one. So one name may go to several constraints, and a name that names nothing is dropped, as in
SQLite.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, Name, Node, QualifiedName, Span, Statement
from turso_wasm.sql.ast_dml import ConflictAction, Delete, Insert, Update
from turso_wasm.sql.ast_expr import OrderTerm
from turso_wasm.sql.ast_select import Select


@dataclass(slots=True)
class Constraint(Node):
    """Base of column and table constraints."""


# --- constraints -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NotNull(Constraint):
    """`NOT NULL [ON CONFLICT action]` of a column."""

    on_conflict: ConflictAction | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class NullAllowed(Constraint):
    """The word NULL after a column: allowed, without effect."""

    on_conflict: ConflictAction | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class PrimaryKey(Constraint):
    """columns: () on a column (then `descending` may be set), the listed columns on a table."""

    columns: tuple[OrderTerm, ...] = ()
    descending: bool = False
    autoincrement: bool = False
    on_conflict: ConflictAction | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Unique(Constraint):
    """columns: () on a column, the listed columns on a table."""

    columns: tuple[OrderTerm, ...] = ()
    on_conflict: ConflictAction | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Check(Constraint):
    """text_span: the characters between the parentheses: SQLite names an unnamed constraint by them."""

    expr: Expr
    on_conflict: ConflictAction | None = None
    name: str | None = None
    text_span: Span = field(default=(0, 0), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Default(Constraint):
    """`DEFAULT literal`, `DEFAULT +/-number`, `DEFAULT word` (a TextLiteral) or `DEFAULT (expr)`.

    text_span: the characters that PRAGMA table_info shows.
    """

    expr: Expr
    name: str | None = None
    text_span: Span = field(default=(0, 0), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CollateConstraint(Constraint):
    """`COLLATE collation` of a column."""

    collation: str
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Generated(Constraint):
    """`[GENERATED ALWAYS] AS (expr) [storage]`.

    storage: the word as written: STORED, VIRTUAL, None, or one that is refused later ("error in generated column").
    """

    expr: Expr
    storage: str | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


ForeignKeyAction = Literal["SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"]


@dataclass(slots=True)
class ForeignKey(Constraint):
    """columns: () on a column. to_columns: () where only the table is named.

    deferrable: None where nothing is said; initially: 'DEFERRED' or 'IMMEDIATE'.
    """

    columns: tuple[Name, ...]
    table: Name
    to_columns: tuple[Name, ...] = ()
    on_delete: ForeignKeyAction | None = None
    on_update: ForeignKeyAction | None = None
    match: str | None = None
    deferrable: bool | None = None
    initially: Literal["DEFERRED", "IMMEDIATE"] | None = None
    name: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


# --- CREATE ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ColumnDef(Node):
    """One column of CREATE TABLE. type_name: as written and dequoted, '' for none; span starts at the column's name.
    type_span: empty behind the name where there is no type.
    """

    name: str
    type_name: str = ""
    constraints: tuple[Constraint, ...] = ()
    type_span: Span = field(default=(0, 0), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateTable(Statement):
    """columns: () where `select` (CREATE TABLE … AS) is not None."""

    name: QualifiedName
    columns: tuple[ColumnDef, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    without_rowid: bool = False
    strict: bool = False
    select: Select | None = None
    temporary: bool = False
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateVirtualTable(Statement):
    """arguments: the raw text of each argument, trimmed."""

    name: QualifiedName
    module: str
    arguments: tuple[str, ...] = ()
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateIndex(Statement):
    """`CREATE [UNIQUE] INDEX name ON table (columns) [WHERE where]`."""

    name: QualifiedName
    table: Name
    columns: tuple[OrderTerm, ...]
    where: Expr | None = None
    unique: bool = False
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateIndexUsing(Statement):
    """`CREATE INDEX name ON table USING method (columns) [WITH (option = value, …)]`. options: names as written."""

    name: QualifiedName
    table: Name
    method: str
    columns: tuple[OrderTerm, ...]
    options: tuple[tuple[str, Expr], ...] = ()
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateMaterializedView(Statement):
    """`CREATE MATERIALIZED VIEW` and what CREATE VIEW says."""

    view: CreateView
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class RefreshView(Statement):
    """`REFRESH MATERIALIZED VIEW name`."""

    name: QualifiedName
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateView(Statement):
    """columns: () where none are written."""

    name: QualifiedName
    columns: tuple[Name, ...]
    select: Select
    temporary: bool = False
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CreateTrigger(Statement):
    """time: None where nothing is said (then it is BEFORE). update_of: () unless `UPDATE OF columns`."""

    name: QualifiedName
    event: Literal["INSERT", "UPDATE", "DELETE"]
    table: QualifiedName
    body: tuple[Insert | Update | Delete | Select, ...]
    time: Literal["BEFORE", "AFTER", "INSTEAD OF"] | None = None
    update_of: tuple[Name, ...] = ()
    for_each_row: bool = False
    when: Expr | None = None
    temporary: bool = False
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


# --- DROP and ALTER --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Drop(Statement):
    """`DROP kind [IF EXISTS] name`."""

    kind: Literal["TABLE", "INDEX", "VIEW", "TRIGGER"]
    name: QualifiedName
    if_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class RenameTable(Statement):
    """ALTER TABLE table RENAME TO to."""

    table: QualifiedName
    to: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class RenameColumn(Statement):
    """ALTER TABLE table RENAME [COLUMN] column TO to. to_quoted: the new name is written in quotes. written: the
    old one as it stands there, quotes and all.
    """

    table: QualifiedName
    column: str
    to: str
    to_quoted: bool = field(default=False, compare=False, repr=False)
    written: Name = field(default_factory=lambda: Name(""), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class AlterColumn(Statement):
    """ALTER TABLE table ALTER [COLUMN] column TO definition. The new text is the definition's span; to_quoted, written:
    as in RenameColumn.
    """

    table: QualifiedName
    column: str
    definition: ColumnDef
    to_quoted: bool = field(default=False, compare=False, repr=False)
    written: Name = field(default_factory=lambda: Name(""), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class AddColumn(Statement):
    """ALTER TABLE table ADD [COLUMN] column; the column's text is its span."""

    table: QualifiedName
    column: ColumnDef
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class DropColumn(Statement):
    """`ALTER TABLE table DROP [COLUMN] column`. written: the name as it stands there, quotes and all."""

    table: QualifiedName
    column: str
    written: Name = field(default_factory=lambda: Name(""), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class AddConstraint(Statement):
    """ALTER TABLE table ADD [CONSTRAINT name] CHECK (expr) [ON CONFLICT action]."""

    table: QualifiedName
    constraint: Check
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class DropConstraint(Statement):
    """ALTER TABLE table DROP CONSTRAINT name."""

    table: QualifiedName
    name: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class AlterColumnNotNull(Statement):
    """ALTER TABLE table ALTER [COLUMN] column SET NOT NULL [ON CONFLICT action], or DROP NOT NULL (None)."""

    table: QualifiedName
    column: str
    constraint: NotNull | None
    span: Span = field(default=(0, 0), compare=False, repr=False)
