"""INSERT, UPDATE and DELETE of virtual tables: the rows, for the writer of the table's module (codegen/modules)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from turso_wasm.catalog.names import fold
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure, with_affinity
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.modules.registry import WRITERS
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.sources import ROWID, LocalSource, Source, open_table, table_source
from turso_wasm.codegen.triggers import fire
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.codegen.writes import begin_write, change_rows, count_change, decode_row, keep_values
from turso_wasm.kernel.abi import INTEGER, NULL, Cursor
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i64, select

NO_ROWID = i64(-1 << 63)  # that no row has by any chance
UNKNOWN_ROWID = i64(-1)  # what RETURNING shows of one that was not given


def emit_write_virtual(node: nodes.WriteVirtual, ctx: Context) -> None:
    """Hand each row to the writer."""
    ctx.unit.changed.add((node.table.slot, node.table.name))
    begin_write(ctx, savepoint=not node.single_row or node.rows is not None)
    writer = WRITERS[fold(node.table.module)](node, ctx)
    watched = None if node.rows is None else WatchedRows(node.rows, ctx)

    def each() -> None:
        with ctx.f.block() as skipped:
            _write_one(node, writer, watched, skipped, ctx)
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


def _write_one(
    node: nodes.WriteVirtual, writer: Writer, watched: WatchedRows | None, skipped: Label, ctx: Context
) -> None:
    f = ctx.f
    ensure([node.old, node.values, node.rowid, node.before], ctx)
    old = None if node.old is None else f.local(I64, "old_rowid", emit_value(node.old, ctx).payload)
    if node.is_delete:
        assert old is not None
        before = _row_before(node, old, ctx)
        with nullcontext() if watched is None else watched.going(old, ctx):
            writer.delete(old)
        count_change(ctx)
        fire(node.captures, before, None, ctx, skipped)
        return
    rowid = NULL_VALUE if node.rowid is None else emit_value(node.rowid, ctx)
    given = [emit_value(value, ctx) for value in node.values]
    row = VirtualRow(list(given), rowid)
    before = _row_before(node, old, ctx) if old is not None else None
    if node.returning:  # of the row that is to be written: whatever becomes of it, as SQLite does
        columns = zip(given, node.table.columns, strict=True)
        shown = ctx.sources[node.source] = LocalSource([with_affinity(value, c.affinity, ctx) for value, c in columns])
        number = with_affinity(rowid, "D", ctx).payload
        shown.decoded[ROWID] = SqlValue(INTEGER, select(rowid.has_tag(NULL), UNKNOWN_ROWID, number))
        emit_row(node.returning, ctx)
    if watched is not None:
        new = watched.write(node, writer, old, row, skipped, ctx)
    else:
        new = writer.insert(row, skipped) if old is None else writer.update(old, row, skipped)
    if new is not None:
        writer.inserted(new)
    count_change(ctx)
    if node.captures:
        after = LocalSource(list(given))
        number = f.local(I64, "rowid", _rowid_after(node, row, old, ctx) if old is not None else new)
        after.decoded[ROWID] = SqlValue(INTEGER, number)
        fire(node.captures, before, after, ctx, skipped)


def _rowid_after(node: nodes.WriteVirtual, row: VirtualRow, old: Local, ctx: Context) -> Expr:
    """The rowid of a row that was updated (i64)."""
    is_given, number = ctx.f.call_multi("rowid_exact", *_given_rowid(node, row).pair)
    return select(is_given, number, old)


def _given_rowid(node: nodes.WriteVirtual, row: VirtualRow) -> SqlValue:
    """The rowid that a statement gives a row."""
    docid = node.table.numbers.get("docid", -1)
    if docid in node.changed:
        return row.columns[docid]
    return row.rowid if fold(node.table.module).startswith("fts") else row.columns[0]


def _row_before(node: nodes.WriteVirtual, rowid: Local, ctx: Context) -> LocalSource | None:
    """The row that is to be changed, if that is captured."""
    if not node.captures:
        return None
    row = LocalSource([emit_value(value, ctx) for value in node.before])
    row.decoded[ROWID] = SqlValue(INTEGER, rowid)
    return row


class WatchedRows:
    """Users' triggers on the shadow table of a table's rows (plan/virtual.py ROWS). A module replaces a row by deleting
    the one and inserting the other. What a BEFORE trigger is told of a new row is known when it is there.
    """

    def __init__(self, rows: nodes.ShadowRows, ctx: Context) -> None:
        self.rows = rows
        self.cursor = open_table(rows.table, ctx)

    @contextmanager
    def going(self, rowid: Expr, ctx: Context) -> Iterator[None]:
        """Around what deletes the row with this rowid (i64), if there is one."""
        f, effects = ctx.f, self.rows.going
        if not effects:
            yield
            return
        found = f.local(I32, "found", f.call("cursor_seek_rowid", self.cursor, rowid))
        row = table_source(self.rows.table, self.cursor)
        with f.if_(found):
            decode_row(row, ctx)
            keep_values(row, ctx)
            self._fire(effects.before, row, None, ctx)
        yield
        with f.if_(found):
            self._fire(effects.after, row, None, ctx)

    def write(
        self, node: nodes.WriteVirtual, writer: Writer, old: Local | None, row: VirtualRow, skipped: Label, ctx: Context
    ) -> Expr | None:
        """What the writer does with a row, and what goes with it; as Writer.insert and Writer.update."""
        f = ctx.f
        given = _given_rowid(node, row)
        is_given, number = f.call_multi("rowid_exact", *given.pair)
        exact = f.local(I64, "given", select(is_given, number, NO_ROWID))
        if old is not None:
            with self.going(old, ctx):
                new = writer.update(old, row, skipped)
            with f.if_(f.call("cursor_seek_rowid", self.cursor, old).eqz()):  # it has moved
                f.do(f.call("cursor_seek_rowid", self.cursor, exact))
            self._coming(given, ctx)
            return new
        with self.going(exact, ctx) if node.conflict == "REPLACE" else nullcontext():
            new = writer.insert(row, skipped)
        f.do(f.call("cursor_seek_rowid", self.cursor, new))
        self._coming(given, ctx)
        return new

    def _coming(self, given: SqlValue, ctx: Context) -> None:
        """The cursor is on the new row, if there is one. given: its rowid, NULL: it was chosen."""
        f, effects = ctx.f, self.rows.coming
        if not effects:
            return
        with f.if_(f.load("i32", self.cursor, Cursor.offset("valid"))):
            row = table_source(self.rows.table, self.cursor)
            decode_row(row, ctx)
            keep_values(row, ctx)
            if effects.before:
                shown = LocalSource([])
                number = select(given.has_tag(NULL), UNKNOWN_ROWID, row.decoded[ROWID].payload)
                shown.decoded = row.decoded | dict.fromkeys(
                    (ROWID, self.rows.table.rowid_alias), SqlValue(INTEGER, number)
                )
                self._fire(effects.before, None, shown, ctx)
            self._fire(effects.after, None, row, ctx)

    @staticmethod
    def _fire(fires: Sequence[nodes.Fire], old: Source | None, new: Source | None, ctx: Context) -> None:
        with ctx.f.block() as ignored:
            fire(fires, old, new, ctx, ignored)


ROOTS[nodes.WriteVirtual] = emit_write_virtual
