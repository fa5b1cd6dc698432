"""What goes with the change of a row: triggers ahead of it and behind it, for the writers of rows.

A BEFORE trigger may change or delete the row itself, so the writer looks for it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.base.tree import Node, children, walk
from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Table
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.sources import ROWID, Source
from turso_wasm.codegen.tables import IndexExprs, IndexWhere, TableWriter, compute
from turso_wasm.codegen.triggers import fire
from turso_wasm.codegen.writes import count_change, decode_row, keep_values
from turso_wasm.kernel.abi import SETTING_DEFER_FOREIGN_KEYS
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, Label, i64


def found_again(writer: TableWriter, row: Source, ctx: Context) -> Expr:
    """Put the table cursor back on a row that was decoded; 0: it is not there any more."""
    if writer.table.without_rowid:
        key = {part.column: row.value(part.column, ctx) for part in writer.table.primary_key}
        return writer.seek_primary_key(key)
    return ctx.f.call("cursor_seek_rowid", writer.cursor, row.value(ROWID, ctx).payload)


def seek_again(writer: TableWriter, row: Source, gone: Label, ctx: Context) -> None:
    """The same; jumps to `gone` if it is not there."""
    ctx.f.br(gone, if_=found_again(writer, row, ctx).eqz())


def count_violations(checks: Sequence[nodes.CountViolations], ctx: Context) -> None:
    """Count violations of foreign keys; the sources that the counts read are decoded."""
    f = ctx.f
    for check in checks:
        with f.block() as none:
            if check.sign < 0:
                f.br(none, if_=f.call("foreign_key_pending", ctx.stmt, int(check.deferred)).eqz())
            n = f.local(I64, "violations", emit_value(check.violations, ctx).payload)
            f.br(none, if_=n.eqz())
            if check.at_once:
                with f.if_(ctx.setting(SETTING_DEFER_FOREIGN_KEYS).eqz()):
                    ctx.do("foreign_key_failed", ctx.stmt)
            ctx.do("foreign_key_count", ctx.stmt, int(check.deferred), n if check.sign > 0 else i64(0).sub(n))


def tables_changed(effects: nodes.RowEffects) -> list[Table]:
    """The tables that triggers and actions may change, and those that they set off in turn."""
    programs: set[int] = set()

    def below(node: Node) -> list[Node]:
        if not isinstance(node, nodes.Fire) or node.program.number in programs:
            return children(node)
        programs.add(node.program.number)
        return list(node.program.steps)

    changes = (nodes.Insert, nodes.Update, nodes.Delete)
    found = [node for node in walk([effects], below) if isinstance(node, changes)]
    return [table for node in found for table in (node.table, getattr(node, "sequence", None)) if table is not None]


def show_row(
    effects: nodes.RowEffects,
    returning: Sequence[bound.Expr],
    ctx: Context,
    run: Callable[[Sequence[nodes.Fire]], None],
) -> None:
    """The row was changed: `run` AFTER triggers, RETURNING shows it in between."""
    run(effects.after[: effects.n_temporary])
    if returning:
        emit_row(returning, ctx)
    run(effects.after[effects.n_temporary :])


def delete_row(node: nodes.Delete, writer: TableWriter, ctx: Context) -> None:
    """Delete the row under the table cursor with all that goes with it, and count it."""
    with ctx.f.block() as skipped:
        row = writer.current_row()
        ctx.sources[node.source] = row
        decode_row(row, ctx)
        keep_values(row, ctx)
        compute(node.effects.virtual, node.source, row, ctx)

        def run(fires: Sequence[nodes.Fire]) -> None:
            fire(fires, row, None, ctx, skipped)

        if node.effects.before:
            run(node.effects.before)
            seek_again(writer, row, skipped, ctx)
        count_violations(node.effects.leaving, ctx)
        writer.remove_row(node.source, node.index_exprs, node.index_where)
        ctx.sources[node.source] = row
        count_change(ctx)
        run(node.effects.actions)
        show_row(node.effects, node.returning, ctx, run)


def delete_replaced(
    effects: nodes.RowEffects,
    writer: TableWriter,
    source: int,
    exprs: IndexExprs,
    where: IndexWhere,
    ctx: Context,
) -> None:
    """REPLACE: delete the row under the table cursor."""
    with ctx.f.block() as skipped:
        row = writer.current_row()
        if effects:
            ctx.sources[source] = row
            decode_row(row, ctx)
            keep_values(row, ctx)
            compute(effects.virtual, source, row, ctx)
        if effects.before:
            fire(effects.before, row, None, ctx, skipped)
            seek_again(writer, row, skipped, ctx)
        count_violations(effects.leaving, ctx)
        writer.remove_row(source, exprs, where)
        fire(effects.actions, row, None, ctx, skipped)
        fire(effects.after, row, None, ctx, skipped)
