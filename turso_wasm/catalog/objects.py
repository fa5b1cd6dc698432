"""Schema objects as the binder, planner and code generator see them. Built from sqlite_schema rows; never read pages.

Affinities are SQLite's one-letter names: "A" (blob/none) "B" text "C" numeric "D" integer "E" real.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.types import AffinityLetter

if TYPE_CHECKING:
    from turso_wasm.catalog.modules.module import Declared
    from turso_wasm.sql import ast


TableKind: TypeAlias = Literal["table", "view", "virtual", "function"]
"""function: the columns of a table-valued function (table_functions.py)."""
IndexOrigin: TypeAlias = Literal["c", "u", "pk"]
"""CREATE INDEX, a UNIQUE constraint, a PRIMARY KEY; as PRAGMA index_list says."""


@dataclass(slots=True)
class Column:
    """A table column. `default` is the DEFAULT expression's AST or None."""

    name: str
    decltype: str | None
    affinity: AffinityLetter
    collation: str = "BINARY"
    collate: str = ""  # the collation as written
    not_null: bool = False
    not_null_conflict: str | None = None  # ABORT FAIL IGNORE REPLACE ROLLBACK, None = unspecified
    default: ast.Expr | None = None
    default_text: str | None = None  # as PRAGMA table_info shows it
    absent_value: int | float | str | bytes | None = None  # in records from before ALTER TABLE ADD COLUMN: its DEFAULT
    primary_key: int = 0  # 1-based position in the primary key, 0 if no part
    unique: bool = False  # by a constraint of its own, not of the table
    hidden: int = 0  # as in table_xinfo: 0 normal, 1 hidden, 2 virtual generated, 3 stored generated
    generated: ast.Expr | None = None
    type_name: str = ""  # beyond SQLite's, as it was written (catalog.user_types)

    @property
    def is_virtual(self) -> bool:
        """A generated column that records do not hold."""
        return self.hidden == 2

    @property
    def is_computed(self) -> bool:
        """What it is read as may be an expression."""
        return self.hidden == 2 or self.type_name != ""


@dataclass(slots=True)
class IndexColumn:
    """One key column of an index: a table column number, -1 for the rowid, or -2 with `expr`."""

    column: int
    collation: str = "BINARY"
    desc: bool = False
    expr: ast.Expr | None = None
    virtual: int = -1  # the number of the virtual column that `expr` names
    collate: str = field(default="", compare=False)  # the term's own collation, as written

    @property
    def shown(self) -> int:
        """The number of the table column, as PRAGMAs and messages have it."""
        return self.virtual if self.virtual >= 0 else self.column


@dataclass(slots=True)
class Index:
    """An index. `columns` are the key columns as declared; the b-tree record is those, then the rowid (rowid tables) or
    the primary-key columns not yet present (WITHOUT ROWID): `suffix`.
    """

    name: str
    table: str
    root: int
    columns: tuple[IndexColumn, ...]
    suffix: tuple[IndexColumn, ...] = ()
    unique: bool = False
    origin: IndexOrigin = "c"
    conflict: str | None = None
    where: ast.Expr | None = None  # partial index
    sql: str | None = None
    stat: tuple[int, ...] | None = None  # sqlite_stat1: rows, then average rows per equal prefix
    skips: bool = True  # skip-scans are allowed: sqlite_stat1 does not say noskipscan


@dataclass(slots=True)
class Check:
    """A CHECK constraint: its expression, and the text SQLite names in the error (name or expression)."""

    expr: ast.Expr
    label: str


@dataclass(slots=True)
class Table:
    """A table. `rowid_alias` is the column that is the rowid (INTEGER PRIMARY KEY), or -1.

    For WITHOUT ROWID tables `without_rowid` is True, `root` is an index b-tree whose record is `storage_order`
    (primary key columns first, then the others; column numbers) and `primary_key` describes the key fields;
    `older_indexes` are the names of those that were declared before it, which is when they are checked.
    For rowid tables the record holds all stored columns in order (the rowid alias as NULL).
    """

    name: str
    root: int
    columns: list[Column]
    slot: int = 0  # database: 0 main 1 temp 2.. attached
    schema: str = "main"
    rowid_alias: int = -1
    autoincrement: bool = False
    without_rowid: bool = False
    strict: bool = False
    primary_key: tuple[IndexColumn, ...] = ()
    primary_key_conflict: str | None = None
    older_indexes: frozenset[str] = frozenset()
    storage_order: tuple[int, ...] = ()
    indexes: list[Index] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: list[ast.Node] = field(default_factory=list)
    sql: str | None = None
    kind: TableKind = "table"
    row_estimate: int | None = None
    select: ast.Select | None = None  # views: the defining SELECT
    view_columns: tuple[str, ...] = ()  # views: CREATE VIEW v(columns)
    numbers: dict[str, int] = field(
        default_factory=dict, compare=False, repr=False
    )  # folded column name -> column number
    module: str = ""  # virtual tables: the module
    declared: Declared | None = None  # … and what it says of the table
    failure: str = ""  # … or why it says nothing: what whoever uses the table is told

    @property
    def is_provided(self) -> bool:
        """Its rows are those of a provider (plan/providers.py): there is no b-tree of its own."""
        return self.kind in ("virtual", "function")

    @property
    def record_order(self) -> tuple[int, ...]:
        """The numbers of the columns that a record of the table holds, in its order."""
        if self.without_rowid:
            return self.storage_order
        return tuple([number for number, column in enumerate(self.columns) if not column.is_virtual])
