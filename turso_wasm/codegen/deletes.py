"""DELETE: in place behind a scan of the table's own b-tree, or in two phases."""

from __future__ import annotations

from turso_wasm.bind.walk import has_subquery
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.effects import delete_row
from turso_wasm.codegen.expressions import ensure
from turso_wasm.codegen.loops import visit
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.scans import rowid_bounds
from turso_wasm.codegen.sources import EntrySource
from turso_wasm.codegen.tables import TableWriter
from turso_wasm.codegen.writes import (
    begin_write,
    change_in_place,
    changes_many,
    collect_rows,
    count_change,
    decode_row,
    entries_can_wait,
    keep_values,
    scans_in_place,
)
from turso_wasm.kernel.abi import Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr


def emit_delete(node: nodes.Delete, ctx: Context) -> None:
    """Delete each row of the child, or all rows."""
    begin_write(ctx, savepoint=True)
    if node.child is None:
        _truncate(node, ctx)
        return
    writer = TableWriter(node.table, ctx)
    if isinstance(node.child, nodes.RowidRange) and scans_in_place(node.child) and _is_unwatched(node):
        _delete_range(node.child, writer, ctx)
        return
    if entries_can_wait(node, ctx):
        writer.sort_changes()
    if node.effects:
        collect_rows(node.child, node.source, writer, ctx, lambda: delete_row(node, writer, ctx))
        return
    if scans_in_place(node.child) and not _looks_around(node):
        # cursor_delete leaves the cursor so that cursor_next reaches the following row.
        if _can_sweep(node, ctx):
            writer.sweeps = True
            ctx.sweeps.add(node.source)
        change_in_place(node.child, node.source, writer, ctx, lambda row: _delete_one(node, writer, row, ctx))
        if writer.sweeps:
            ctx.do("cursor_sweep", writer.cursor)
        writer.apply_changes()
        return

    def each() -> None:
        row = writer.current_row()
        ctx.sources[node.source] = row
        _delete_one(node, writer, row, ctx)

    collect_rows(node.child, node.source, writer, ctx, each)
    writer.apply_changes()


def _delete_one(node: nodes.Delete, writer: TableWriter, row: EntrySource, ctx: Context) -> None:
    late = _looks_around(node)
    if late:
        decode_row(row, ctx)
        keep_values(row, ctx)
    elif node.returning:
        ensure(node.returning, ctx)
        emit_row(node.returning, ctx)
    writer.remove_row(node.source, node.index_exprs, node.index_where, row)
    count_change(ctx)
    if late:
        emit_row(node.returning, ctx)


def _can_sweep(node: nodes.Delete, ctx: Context) -> bool:
    """Many rows, and nothing that runs between two of them could see those that are not gone yet."""
    return changes_many(node) and not (node.table.without_rowid or node.returning or ctx.unit.user.calls)


def _looks_around(node: nodes.Delete) -> bool:
    """RETURNING has subqueries: they see the table without the row."""
    return any(map(has_subquery, node.returning))


def _is_unwatched(node: nodes.Delete) -> bool:
    """Nothing needs the rows that go."""
    return not (node.table.without_rowid or node.table.indexes or node.effects or node.returning)


def _delete_range(node: nodes.RowidRange, writer: TableWriter, ctx: Context) -> None:
    """Whole leaves at a time."""
    f = ctx.f
    first, last, removed = f.local(I64, "first"), f.local(I64, "last"), f.local(I64, "removed")

    def some() -> Expr:
        f.set(removed, f.call("table_delete_range", writer.cursor, first, last, removed))
        return removed != 0

    def begin() -> Expr:
        ok = rowid_bounds(node, first, last, ctx)
        with f.if_(ok):
            f.set(ok, some())
        return ok

    visit(ctx, begin, some, lambda done: count_change(ctx, removed))


def _truncate(node: nodes.Delete, ctx: Context) -> None:
    f = ctx.f
    table = node.table
    ctx.unit.changed.add((table.slot, table.name))
    removed = f.local(I64, "removed", f.call("btree_clear", ctx.stmt, table.slot, table.root))
    at = Run.offset("changes")
    f.store("i64", ctx.stmt, removed, at)
    for index in table.indexes:
        f.do(f.call("btree_clear", ctx.stmt, table.slot, index.root))


ROOTS[nodes.Delete] = emit_delete
