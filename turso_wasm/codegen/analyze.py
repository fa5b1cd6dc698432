"""ANALYZE: the kernel looks at the entries of each index; what it finds becomes rows of sqlite_stat1 and _stat4."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.catalog.objects import Index
from turso_wasm.codegen.ddl import STEPS, SchemaChange
from turso_wasm.codegen.encodings import encode_entry
from turso_wasm.codegen.sources import index_fields, key_info, open_cursor, open_table
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import BLOB, INTEGER
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Local, i32

STEP_TICKS = 1000  # entries that one step of the kernel looks at
EQUAL, LESS, DISTINCT = range(3)


def emit_analyze(change: SchemaChange, step: nodes.Analyze) -> None:
    """Write the statistics of a table that is not empty."""
    _Analyze(change, step).emit()


class _Analyze:
    def __init__(self, change: SchemaChange, step: nodes.Analyze) -> None:
        self.ctx = change.ctx
        self.change = change
        self.step = step
        self.slot = step.table.slot
        roots = ((step.stat1, change.registers[0]), (step.stat4, change.registers[1]))
        self.stat1, self.stat4 = (
            open_cursor(self.slot, i32(root) if root else register, None, self.ctx, write=True, here=True)
            for root, register in roots
        )

    def emit(self) -> None:
        step, ctx, f = self.step, self.ctx, self.ctx.f
        rows = open_table(step.table, ctx)
        with f.block() as over:
            empty = f.local(I32, "empty", f.call("cursor_first", rows).eqz())
            if all(index.where is None for index in step.indexes):
                f.br(over, if_=empty)
            if step.unless is not None:
                count_now = f.local(I64, "count", f.call("btree_count", rows))
                f.br(over, if_=(count_now > step.unless[0]) & (count_now < step.unless[1]))
            for before in step.before:
                STEPS[type(before)](self.change, before)
            for index in step.indexes:
                with f.block() as skipped:  # a partial index of an empty table has statistics, other ones have none
                    if index.where is None:
                        f.br(skipped, if_=empty)
                    self._index(index, rows)
            if step.counts:
                f.br(over, if_=empty)
                count = SqlValue(INTEGER, f.local(I64, "count", f.call("btree_count", rows)))
                self._insert(self.stat1, [ctx.constant(None), ctx.call_alloc("apply_text", count)])

    def _index(self, index: Index, rows: Local) -> None:
        ctx, f = self.ctx, self.ctx.f
        whole = index.root == self.step.table.root
        fields = index.columns if whole else index_fields(index, self.step.table)
        cursor = open_cursor(self.slot, i32(index.root), key_info(fields, ctx), ctx, write=False)
        work = f.local(I32, "work", f.call("analysis_begin", ctx.stmt, cursor, len(index.columns), self.step.most))
        with f.block() as done, f.loop() as top:
            f.br(done, if_=f.call("analysis_step", work).eqz())
            ctx.tick(STEP_TICKS)
            f.br(top)
        name = ctx.constant(index.name)
        self._insert(self.stat1, [name, ctx.call("analysis_stat", work)])
        with f.block() as done, f.loop() as top:
            f.br(done, if_=f.call("analysis_next", work).eqz())
            counts = [ctx.call("analysis_counts", work, which) for which in (EQUAL, LESS, DISTINCT)]
            sample = SqlValue(BLOB, f.local(I64, "sample", f.call("analysis_sample", work)))
            self._insert(self.stat4, [name, *counts, sample])
            f.br(top)
        ctx.do("resource_free", ctx.stmt, work)

    def _insert(self, cursor: Local, values: Sequence[SqlValue]) -> None:
        """A row that begins with the name of the table."""
        ctx, f = self.ctx, self.ctx.f
        blob = encode_entry([ctx.constant(self.step.table.name), *values], ctx)
        rowid = f.local(I64, "rowid", f.call("table_new_rowid", cursor))
        ctx.do("table_insert", cursor, rowid, blob.wrap(), blob.shr_u(32).wrap())


def emit_renew(change: SchemaChange, step: nodes.RenewStatistics) -> None:
    """Statements are compiled with the new statistics from now on."""
    change.ctx.do("statistics_changed", change.ctx.stmt)


STEPS.update({nodes.Analyze: emit_analyze, nodes.RenewStatistics: emit_renew})
