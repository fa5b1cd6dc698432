"""DELETE: in place behind a scan of the table's own b-tree, or in two phases."""

from __future__ import annotations

from turso_wasm.bind.walk import has_subquery
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.effects import delete_row
from turso_wasm.codegen.expressions import ensure
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.sources import EntrySource
from turso_wasm.codegen.tables import TableWriter
from turso_wasm.codegen.writes import begin_write, change_rows, collect_rows, count_change, decode_row, keep_values
from turso_wasm.kernel.abi import Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64


def emit_delete(node: nodes.Delete, ctx: Context) -> None:
    """Delete each row of the child, or all rows."""
    begin_write(ctx, savepoint=True)
    if node.child is None:
        _truncate(node, ctx)
        return
    writer = TableWriter(node.table, ctx)
    if node.effects:
        collect_rows(node.child, node.source, writer, ctx, lambda: delete_row(node, writer, ctx))
        return
    if _scans_in_place(node.child, node):
        _delete_in_place(node, writer, ctx)
        return

    def each() -> None:
        row = writer.current_row()
        ctx.sources[node.source] = row
        _delete_one(node, writer, row, ctx)

    collect_rows(node.child, node.source, writer, ctx, each)


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


def _looks_around(node: nodes.Delete) -> bool:
    """RETURNING has subqueries: they see the table without the row."""
    return any(map(has_subquery, node.returning))


def _truncate(node: nodes.Delete, ctx: Context) -> None:
    f = ctx.f
    table = node.table
    removed = f.local(I64, "removed", f.call("btree_clear", ctx.stmt, table.slot, table.root))
    at = Run.offset("changes")
    f.store("i64", ctx.stmt, removed, at)
    for index in table.indexes:
        f.do(f.call("btree_clear", ctx.stmt, table.slot, index.root))


def _scans_in_place(plan: nodes.Plan, node: nodes.Delete) -> bool:
    """The child visits the table's own b-tree forward, and nothing looks at other rows."""
    if _looks_around(node):
        return False
    while isinstance(plan, nodes.Filter):
        if has_subquery(plan.predicate):
            return False
        plan = plan.child
    if isinstance(plan, nodes.RowidSeek):
        return not has_subquery(plan.key)
    if isinstance(plan, nodes.RowidRange):
        bounds = [limit.expr for limit in (plan.lower, plan.upper) if limit is not None]
        return not plan.reverse and not any(map(has_subquery, bounds))
    return isinstance(plan, nodes.TableScan) and not plan.reverse


def _delete_in_place(node: nodes.Delete, writer: TableWriter, ctx: Context) -> None:
    """The write cursor scans by itself: cursor_delete leaves it so that cursor_next reaches the following row."""
    assert node.child is not None
    ctx.scan_cursors[node.source] = writer.cursor

    def each() -> None:
        row = ctx.sources[node.source]
        assert isinstance(row, EntrySource)
        _delete_one(node, writer, row, ctx)

    change_rows(node.child, ctx, each)


ROOTS[nodes.Delete] = emit_delete
