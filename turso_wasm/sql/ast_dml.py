"""INSERT, UPDATE and DELETE."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, FromSource, Name, Node, QualifiedName, Span, Statement
from turso_wasm.sql.ast_expr import OrderTerm
from turso_wasm.sql.ast_select import ResultColumn, Select, Star, TableSource, With

ConflictAction = Literal["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"]


@dataclass(slots=True)
class Assignment(Node):
    """`column = value`, or `(columns) = value` when `row` is True (also for one column in parentheses)."""

    columns: tuple[Name, ...]
    value: Expr
    row: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Upsert(Node):
    """`ON CONFLICT [(target) [WHERE target_where]] DO NOTHING | DO UPDATE SET assignments [WHERE where]`.

    target: () where none is written. assignments: None for DO NOTHING.
    """

    target: tuple[OrderTerm, ...] = ()
    target_where: Expr | None = None
    assignments: tuple[Assignment, ...] | None = None
    where: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Insert(Statement):
    """`REPLACE INTO` is INSERT OR REPLACE. columns: () where none are written. source: None is DEFAULT VALUES."""

    table: QualifiedName
    alias: str | None = None
    columns: tuple[Name, ...] = ()
    source: Select | None = None
    upserts: tuple[Upsert, ...] = ()
    returning: tuple[ResultColumn | Star, ...] = ()
    on_conflict: ConflictAction | None = None
    with_: With | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Update(Statement):
    """`UPDATE [OR action] table SET assignments [FROM source] [WHERE where] …`."""

    table: TableSource
    assignments: tuple[Assignment, ...]
    source: FromSource | None = None
    where: Expr | None = None
    returning: tuple[ResultColumn | Star, ...] = ()
    on_conflict: ConflictAction | None = None
    with_: With | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Delete(Statement):
    """`DELETE FROM table [WHERE where] …`."""

    table: TableSource
    where: Expr | None = None
    returning: tuple[ResultColumn | Star, ...] = ()
    with_: With | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)
