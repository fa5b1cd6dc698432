"""Rows of tables of FTS3 and FTS4 (kernel/fts/rows.py), and their commands (kernel/fts/fts3/commands.py)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from turso_wasm.base.errors import SQLITE_CONSTRAINT, SQLITE_ERROR
from turso_wasm.catalog.modules.fts3 import Fts3Options
from turso_wasm.codegen.constraints import PRIMARYKEY_FAILED, violated
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.modules.fts5 import Fts5Writer
from turso_wasm.codegen.modules.fts5_config import config_bytes
from turso_wasm.codegen.modules.module import VirtualRow
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, Label, Local, i32, i64

ROW_OF_SUMS = 0  # in %_stat


class Fts3Writer(Fts5Writer):
    """The columns behind the visible ones: command, docid, language."""

    options: Fts3Options
    begins_with = None

    @classmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """See Writer."""
        config = ctx.data_address(config_bytes(step.table, dict.fromkeys(roots), ctx.unit), align=8)
        ctx.do("fts3_create", ctx.stmt, config, roots["segments"])

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer."""
        ctx, f, values = self.ctx, self.ctx.f, self._values(row)
        rowid = f.local(I64, "rowid", i64(0))
        with ExitStack() as ordinary:
            if self.n in self.change.changed:
                is_row = ordinary.enter_context(f.if_(row.columns[self.n].has_tag(NULL).eqz()))
                ctx.do("statement_savepoint", ctx.stmt)  # a command that fails has flushed
                ctx.do("fts3_command", ctx.stmt, self.config, values)
                is_row.else_()
            given = ctx.call("fts3_docid", row.rowid, row.columns[self.n + 1])
            if self.options.compress is not None:
                ctx.do("statement_savepoint", ctx.stmt)  # the function may fail when there is room for the row
            self._make_way(given, skipped)
            f.set(rowid, f.call("fts_insert", ctx.stmt, self.config, values, *given.pair))
        return rowid

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> Expr | None:
        """See Writer. A docid counts before a rowid."""
        ctx, f = self.ctx, self.ctx.f
        if self._refuse_without_texts():
            return None
        values = self._values(row)
        docid, rowid = row.columns[self.n + 1], f.local(I64, "new_rowid")
        with f.if_(docid.has_tag(NULL)) as missing:
            f.set(rowid, f.call("fts_given_rowid", *row.rowid.pair))
            missing.else_()
            f.set(rowid, f.call("fts_given_rowid", *docid.pair))
        with f.if_(rowid != old):
            self._make_way(SqlValue(INTEGER, rowid), skipped)
        ctx.do("fts_delete", ctx.stmt, self.config, old)
        f.do(f.call("fts_insert", ctx.stmt, self.config, values, i32(INTEGER), rowid))
        return i64(ROW_OF_SUMS) if self._has_sums else rowid

    def delete(self, rowid: Local) -> None:
        """See Writer."""
        if not self._refuse_without_texts():
            self.ctx.do("fts_delete", self.ctx.stmt, self.config, rowid)
            if self._has_sums:
                self.inserted(i64(ROW_OF_SUMS))

    @property
    def _has_sums(self) -> bool:
        """FTS4: the sums of all rows are written after each."""
        return "stat" in self.change.shadows

    def _refuse_without_texts(self) -> bool:
        if self.options.content == "":
            self.ctx.raise_error(SQLITE_ERROR, "SQL logic error")
        return self.options.content == ""

    def _make_way(self, rowid: SqlValue, skipped: Label) -> None:
        """A row that has the rowid goes, or is the error; without texts it is no error, but to have none is."""
        ctx, f = self.ctx, self.ctx.f
        how = "ABORT" if self.change.conflict in (None, "REPLACE") else self.change.conflict
        if self.options.content is not None:
            with f.if_(rowid.has_tag(NULL)):
                violated(ctx, how, skipped, SQLITE_CONSTRAINT, "constraint failed")
            return
        with f.if_(f.call("fts_conflicts", ctx.stmt, self.config, *rowid.pair)):
            if self.change.conflict == "REPLACE":
                ctx.do("fts_delete", ctx.stmt, self.config, f.call("fts_given_rowid", *rowid.pair))
            else:
                violated(ctx, how, skipped, PRIMARYKEY_FAILED, "constraint failed")
