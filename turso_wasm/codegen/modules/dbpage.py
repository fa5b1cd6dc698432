"""Pages that sqlite_dbpage writes (kernel/session/dbpage.py)."""

from __future__ import annotations

from collections.abc import Mapping

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Expr, Label, Local, i64


class DbpageWriter(Writer):
    """The columns: number, bytes, database."""

    @classmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """See Writer. There is nothing in it."""

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer."""
        number, data, schema = row.columns
        self._write(schema, number, data)
        return i64(0)

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> None:
        """See Writer. Another number of the page counts for nothing, another rowid is refused."""
        _, data, schema = row.columns
        with self.ctx.f.if_(row.rowid.payload != old):
            self.ctx.raise_error(SQLITE_ERROR, "cannot insert")
        self._write(schema, SqlValue(INTEGER, old), data)

    def delete(self, rowid: Local) -> None:
        """See Writer."""
        self.ctx.raise_error(SQLITE_ERROR, "cannot delete")

    def _write(self, schema: SqlValue, number: SqlValue, data: SqlValue) -> None:
        self.ctx.do("dbpage_write", self.ctx.stmt, schema, number, data)
