"""What the code generator asks of a module of virtual tables that is written to (catalog/modules/module.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from turso_wasm.base.records import dataclass
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Expr, Label, Local


@dataclass(slots=True)
class VirtualRow:
    """A row that is to be written: its columns, hidden ones included, as they were given; and the rowid: NULL if none
    was.
    """

    columns: list[SqlValue]
    rowid: SqlValue


class Writer(ABC):
    """Emits the changes of a virtual table, for one statement.

    Made once in a routine, before the loop over the rows: there it opens what it needs on the shadow tables
    (`change.shadows`). Its methods then emit the code for a row, anywhere in the loop. What they raise undoes
    the statement like any error, to its savepoint. A statement that changes exactly one row (`change.single_row`) has
    none: there a writer that has changed anything must not raise but what ends the transaction.

    `change.conflict` is the statement's OR clause: what it means is for the module to say. `skipped`: where to go for a
    row that OR IGNORE leaves out.

    What a module keeps in memory until the transaction's end goes through kernel/base/pending.py.

    `begins_with`: how many rows SQLite's module inserts into the shadow tables of a new table, and the rowid of the
    last: changes() and last_insert_rowid() tell of them.
    """

    begins_with: ClassVar[tuple[int, int] | None] = None

    def __init__(self, change: nodes.WriteVirtual, ctx: Context) -> None:
        self.change = change
        self.ctx = ctx

    @classmethod
    @abstractmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """A new table: put into its shadow tables, whose root pages are `roots`, what they begin with."""

    @abstractmethod
    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """Insert a row; its rowid (i64)."""

    def inserted(self, rowid: Expr) -> None:
        """last_insert_rowid() tells of this row, of the table or of a shadow table."""
        f = self.ctx.f
        connection = f.load("i32", self.ctx.stmt, Run.offset("connection"))
        f.store("i64", connection, rowid, KernelConnection.offset("last_insert_rowid"))

    @abstractmethod
    def update(self, old: Local, row: VirtualRow, skipped: Label) -> Expr | None:
        """Change the row with the rowid `old` (i64). row.rowid: the new one, or the old. What last_insert_rowid() is
        from then on (i64): SQLite's modules insert into shadow tables; None: what it was.
        """

    @abstractmethod
    def delete(self, rowid: Local) -> None:
        """Delete the row with this rowid (i64)."""
