"""INSERT, UPDATE and DELETE of virtual tables: the rows, for the writer of the table's module (codegen/modules)."""

from __future__ import annotations

from turso_wasm.catalog.names import fold
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure, with_affinity
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.modules.registry import WRITERS
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.sources import ROWID, LocalSource
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.codegen.writes import begin_write, change_rows, count_change
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Label, i64, select

UNKNOWN_ROWID = i64(-1)  # what RETURNING shows of one that was not given


def emit_write_virtual(node: nodes.WriteVirtual, ctx: Context) -> None:
    """Hand each row to the writer."""
    ctx.unit.changed.add((node.table.slot, node.table.name))
    begin_write(ctx, savepoint=not node.single_row)
    writer = WRITERS[fold(node.table.module)](node, ctx)

    def each() -> None:
        with ctx.f.block() as skipped:
            _write_one(node, writer, skipped, ctx)
        if node.conflict == "FAIL":  # a later row's error would keep this one
            with ctx.unsuspended():
                _reindex(node, ctx)

    change_rows(node.child, ctx, each)
    if node.conflict != "FAIL":
        _reindex(node, ctx)


def _reindex(node: nodes.WriteVirtual, ctx: Context) -> None:
    """Users' indexes on the shadow tables get the entries of what is there now."""
    if node.reindex is None:
        return
    ctx.do("pending_flush", ctx.stmt)
    in_ddl = ctx.in_ddl
    emit_root(node.reindex, ctx)
    ctx.in_ddl = in_ddl


def _write_one(node: nodes.WriteVirtual, writer: Writer, skipped: Label, ctx: Context) -> None:
    f = ctx.f
    ensure([node.old, node.values, node.rowid], ctx)
    old = None if node.old is None else f.local(I64, "old_rowid", emit_value(node.old, ctx).payload)
    if node.is_delete:
        assert old is not None
        writer.delete(old)
        count_change(ctx)
        return
    rowid = NULL_VALUE if node.rowid is None else emit_value(node.rowid, ctx)
    given = [emit_value(value, ctx) for value in node.values]
    row = VirtualRow(list(given), rowid)
    if node.returning:  # of the row that is to be written: whatever becomes of it, as SQLite does
        columns = zip(given, node.table.columns, strict=True)
        shown = ctx.sources[node.source] = LocalSource([with_affinity(value, c.affinity, ctx) for value, c in columns])
        number = with_affinity(rowid, "D", ctx).payload
        shown.decoded[ROWID] = SqlValue(INTEGER, select(rowid.has_tag(NULL), UNKNOWN_ROWID, number))
        emit_row(node.returning, ctx)
    new = writer.insert(row, skipped) if old is None else writer.update(old, row, skipped)
    if new is not None:
        writer.inserted(new)
    count_change(ctx)


ROOTS[nodes.WriteVirtual] = emit_write_virtual
