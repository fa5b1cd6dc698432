"""UPDATE: the rows are collected first, then each is checked and replaced.

Rows that keep their keys are changed amid the scan of their own b-tree instead, if nothing else looks at it: fields are
overwritten where they lie as long as all of them keep their sizes, and the others are not even decoded then.
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.walk import columns_used, has_subquery
from turso_wasm.catalog.objects import Index
from turso_wasm.codegen.conditions import compare_values
from turso_wasm.codegen.constraints import (
    check_checks,
    check_not_null,
    check_types,
    check_types_early,
    policy,
    primary_key_message,
    rowid_message,
    unique_checks,
    unique_message,
    violated,
)
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.effects import count_violations, delete_replaced, found_again, seek_again, show_row
from turso_wasm.codegen.expressions import columns_of, emit_value, with_affinity
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.sorting import MISMATCH
from turso_wasm.codegen.sources import ROWID, EntrySource, LocalSource, index_fields
from turso_wasm.codegen.tables import NewRow, TableWriter, compute
from turso_wasm.codegen.triggers import fire
from turso_wasm.codegen.values import SqlValue
from turso_wasm.codegen.writes import (
    begin_write,
    change_in_place,
    change_rows,
    collect_rows,
    count_change,
    decode_row,
    entries_can_wait,
    find_same_row,
    given_rowid,
    keep_values,
    scans_in_place,
    seek_row_of_entry,
)
from turso_wasm.kernel.abi import NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

PATCHED = 64  # fields of a record that cursor_patch reaches


def emit_update(node: nodes.Update, ctx: Context) -> None:
    """Replace each row of the child."""
    begin_write(ctx, savepoint=True)
    table = node.table
    moves, touched = effects(node)
    replaces = policy(node.conflict, None) == "REPLACE" or any(index.conflict == "REPLACE" for index in table.indexes)
    writer = TableWriter(table, ctx, table.indexes if replaces else touched)
    if entries_can_wait(node, ctx):
        writer.sort_changes()

    def each() -> None:
        with ctx.f.block() as ignored:
            update_row(node, writer, touched, moves, ignored, ctx)

    if node.collected:
        _collect_values(node, writer, ctx, each)
    elif not (moves or replaces) and _stays_in_place(node, ctx):
        change_in_place(
            node.child, node.old_source, writer, ctx, lambda old: _update_in_place(node, writer, touched, old, ctx)
        )
    else:
        collect_rows(node.child, node.old_source, writer, ctx, each)
    writer.apply_changes()


def effects(node: nodes.Update) -> tuple[bool, list[Index]]:
    """(the row's key may change, the indexes whose entries may change)."""
    table = node.table
    moves = node.rowid is not None or (
        table.without_rowid and any(column.column in node.changed for column in table.primary_key)
    )
    return moves, [index for index in table.indexes if moves or _touches(node, index)]


def _stays_in_place(node: nodes.Update, ctx: Context) -> bool:
    """Nobody can see the table amid the statement."""
    effects = node.effects
    return not (
        node.table.without_rowid
        or node.returning
        or effects
        or effects.arriving
        or ctx.unit.user.calls
        or any(map(has_subquery, node.values))
        or not scans_in_place(node.child)
    )


def _collect_values(node: nodes.Update, writer: TableWriter, ctx: Context, then: Then) -> None:
    """UPDATE … FROM: the values are computed while the join runs; of several for one row the last count. Then the rows
    are changed as they lie in the table.
    """
    f = ctx.f
    table = writer.table
    columns = [column.column for column in table.primary_key] if table.without_rowid else [ROWID]
    collations = [column.collation for column in table.primary_key] if table.without_rowid else ["BINARY"]
    rows: nodes.Plan = nodes.Aggregate(
        source=-2,
        child=node.child,
        keys=node.collected[: len(columns)],
        collations=tuple(collations),
        aggregates=(),
        bare=node.collected[len(columns) :],
        bare_last=True,
    )
    if table.without_rowid and any(column.desc for column in table.primary_key):
        found = [bound.ColumnRef(source=-2, column=at) for at in range(len(node.collected))]
        keys = [
            nodes.SortKey(expr=ref, desc=column.desc, collation=column.collation)
            for ref, column in zip(found, table.primary_key, strict=False)
        ]
        rows = nodes.Sort(source=-2, child=rows, keys=tuple(keys), outputs=tuple(found))

    def again() -> None:
        found = ctx.sources[-2]
        ctx.sources[node.collect_source] = LocalSource(
            [found.value(at, ctx) for at in range(len(columns), len(node.collected))]
        )
        if table.without_rowid:
            key = {column: found.value(at, ctx) for at, column in enumerate(columns)}
            seek = writer.seek_primary_key(key)
        else:
            rowid = found.value(0, ctx)
            seek = f.local(I32, "found", rowid.tag_expr != NULL)  # an aggregate of no rows has none
            with f.if_(seek):
                f.set(seek, f.call("cursor_seek_rowid", writer.cursor, rowid.payload))
        with f.if_(seek):
            then()

    change_rows(rows, ctx, again)


def _touches(node: nodes.Update, index: Index) -> bool:
    exprs = [expr for expr in node.index_exprs.get(index.name, ()) if expr is not None]
    if index.name in node.index_where:
        exprs.append(node.index_where[index.name])
    if any(ref.column in node.changed for expr in exprs for ref in columns_used(expr)):
        return True
    return any(field.column in node.changed for field in index_fields(index, node.table))


def update_row(
    node: nodes.Update, writer: TableWriter, touched: list[Index], moves: bool, ignored: Label, ctx: Context
) -> None:
    """Check and replace the row the table cursor is on; `moves`, `touched`: see `effects`."""
    table = node.table
    old = writer.current_row()
    ctx.sources[node.old_source] = old
    decode_row(old, ctx)
    replaces = any(how == "REPLACE" for how, _ in unique_checks(table, touched, node.conflict, moves))
    if moves or replaces or table.without_rowid or node.returning or node.effects:
        keep_values(old, ctx)
    values = [_updated_value(node, at, ctx) for at in range(len(table.columns))]
    row = NewRow(values, None, table)
    rowid: Local | None = None
    if not table.without_rowid:
        rowid = _updated_rowid(node, old, ctx)
        row.set_rowid(rowid, table)
    compute(node.effects.virtual, node.old_source, old, ctx)
    compute(node.generated, node.source, row, ctx)
    current = old
    if node.effects.before:
        check_types(table, row, node.changed, ctx)
        fire(node.effects.before, old, row, ctx, ignored)
        current = _changed_meanwhile(node, writer, old, row, ignored, ctx)
    check_types_early(table, row, node.changed, ctx)
    check_not_null(node, row, ignored, ctx)
    check_types(table, row, node.changed, ctx)
    check_checks(node.checks, node.conflict, ignored, ctx)
    _check_update_unique(node, writer, touched, moves, current, row, rowid, ignored, ctx)
    count_violations(node.effects.leaving, ctx)
    ctx.sources[node.old_source] = current
    writer.remove_entries(current, node.old_index_exprs, node.old_index_where, touched)
    if moves or table.without_rowid:
        _seek_old(writer, current, ignored if node.replaced else None, ctx)
    if moves:
        ctx.do("cursor_delete", writer.cursor)
    ctx.sources[node.source] = row
    count_violations(node.effects.arriving, ctx)
    if table.without_rowid and not moves:
        ctx.do("cursor_delete", writer.cursor)
    writer.insert_entries(row, node.index_exprs, node.index_where, touched)
    writer.insert_row(row.decoded, rowid)
    fire(node.effects.actions, old, row, ctx, ignored)
    count_change(ctx)
    show_row(node.effects, node.returning, ctx, lambda fires: fire(fires, old, row, ctx, ignored))


def _update_in_place(
    node: nodes.Update, writer: TableWriter, touched: list[Index], old: EntrySource, ctx: Context
) -> None:
    """Check and change the row the scan is on, which keeps its key."""
    table = node.table
    patched = _patched_columns(node)
    with ctx.f.block() as ignored:
        old.ensure(_columns_read(node, touched) if patched else {ROWID, *table.record_order}, ctx)
        row = NewRow([], None, table)
        for at in table.record_order:
            if at in node.changed or at in old.decoded:
                row.decoded[at] = _updated_value(node, at, ctx)
        generated = [(at, expr) for at, expr in node.generated if not patched or at in node.changed]
        row.set_rowid(ctx.f.local(I64, "rowid", old.value(ROWID, ctx).payload), table)
        compute(generated, node.source, row, ctx)
        check_types_early(table, row, node.changed, ctx)
        check_not_null(node, row, ignored, ctx)
        check_types(table, row, node.changed, ctx)
        check_checks(node.checks, node.conflict, ignored, ctx)
        _check_update_unique(node, writer, touched, False, old, row, None, ignored, ctx)
        ctx.sources[node.old_source] = old
        writer.remove_entries(old, node.old_index_exprs, node.old_index_where, touched)
        ctx.sources[node.source] = row
        writer.insert_entries(row, node.index_exprs, node.index_where, touched)
        with ctx.f.block() as done:
            if patched:
                ctx.f.br(done, if_=writer.patch_row(row, patched))
                before = set(old.decoded)
                old.ensure(table.record_order, ctx)
                row.decoded = {**old.decoded, **row.decoded}
                old.forget(before)
            writer.replace_row(row.decoded)
        count_change(ctx)


def _patched_columns(node: nodes.Update) -> list[int]:
    """The columns to overwrite in the records, in their order; none if that is not worth trying."""
    order = node.table.record_order
    columns = [at for at in order if at in node.changed and at != node.table.rowid_alias]
    if not columns or len(columns) * 2 > len(order):
        return []
    return columns if order.index(columns[-1]) < PATCHED else []


def _columns_read(node: nodes.Update, touched: list[Index]) -> set[int]:
    """The columns of a row in place that anything but the record itself needs."""
    indexed = {field.column for index in touched for field in index_fields(index, node.table)}
    values = {**dict(enumerate(node.values)), **dict(node.generated)}
    read = columns_of(
        [
            [values[at] for at in node.changed],
            node.checks,
            *(
                expr
                for index in touched
                for expr in (node.index_exprs.get(index.name), node.index_where.get(index.name))
            ),
            *(
                expr
                for index in touched
                for expr in (node.old_index_exprs.get(index.name), node.old_index_where.get(index.name))
            ),
        ]
    )
    columns = {ROWID} | read.get(node.source, set()) | read.get(node.old_source, set())
    return columns | {column for column in indexed if column >= 0}


def _changed_meanwhile(
    node: nodes.Update, writer: TableWriter, old: EntrySource, row: NewRow, gone: Label, ctx: Context
) -> EntrySource:
    """The row as BEFORE triggers left it: columns that are not assigned keep what these wrote."""
    seek_again(writer, old, gone, ctx)
    current = writer.current_row()
    decode_row(current, ctx)
    keep_values(current, ctx)
    for at in range(len(node.table.columns)):
        if at not in node.changed and at != node.table.rowid_alias and node.table.columns[at].generated is None:
            row.decoded[at] = current.value(at, ctx)
    compute(node.generated, node.source, row, ctx)
    return current


def _updated_value(node: nodes.Update, at: int, ctx: Context) -> SqlValue:
    expr = node.values[at]
    column = node.table.columns[at]
    if at == node.table.rowid_alias or column.is_virtual or (column.generated is not None and at in node.changed):
        return ctx.constant(None)
    if at not in node.changed:
        return ctx.sources[node.old_source].value(at, ctx)
    return with_affinity(emit_value(expr, ctx), node.table.columns[at].affinity, ctx)


def _updated_rowid(node: nodes.Update, old: EntrySource, ctx: Context) -> Local:
    f = ctx.f
    if node.rowid is None:
        return f.local(I64, "rowid", old.value(ROWID, ctx).payload)
    given, rowid = given_rowid(node.rowid, ctx)
    with f.if_(given.eqz()):
        ctx.raise_error(MISMATCH, "datatype mismatch")
    return rowid


def _seek_old(writer: TableWriter, old: EntrySource, gone: Label | None, ctx: Context) -> None:
    """Put the table cursor back on the row being updated, which a replaced row may have moved it from.

    gone: where to go if it is not there, which only triggers of the replaced row can have done.
    """
    if gone is not None:
        seek_again(writer, old, gone, ctx)
        return
    with ctx.f.if_(found_again(writer, old, ctx).eqz()):
        ctx.do("raise_corrupt", 0)


def _check_update_unique(
    node: nodes.Update,
    writer: TableWriter,
    touched: list[Index],
    moves: bool,
    old: EntrySource,
    row: NewRow,
    rowid: Local | None,
    ignored: Label,
    ctx: Context,
) -> None:
    """As for INSERT, but the row itself is no conflict."""
    f = ctx.f
    table = node.table
    for how, index in unique_checks(table, touched, node.conflict, moves):
        with f.block() as absent:
            if index is None:
                _same_key_elsewhere(writer, old, row, rowid, absent, ctx)
                code, message = primary_key_message(table) if table.without_rowid else rowid_message(table)
            else:
                writer.if_indexed(index, node.index_where, absent)
                cursor = writer.find_conflict(index, writer.key_values(index, row, node.index_exprs), absent)
                _skip_own_entry(writer, index, cursor, old, absent, ctx)
                code, message = unique_message(table, index)
            if how != "REPLACE":
                violated(ctx, how, ignored, code, message)
                continue
            if index is not None:
                seek_row_of_entry(writer, index, cursor, ctx)
            delete_replaced(node.replaced, writer, node.old_source, node.old_index_exprs, node.old_index_where, ctx)
            ctx.sources[node.old_source] = old


def _same_key_elsewhere(
    writer: TableWriter, old: EntrySource, row: NewRow, rowid: Local | None, absent: Label, ctx: Context
) -> None:
    f = ctx.f
    if rowid is not None:
        f.br(absent, if_=rowid == old.value(ROWID, ctx).payload)
    else:
        same: Expr = i32(1)
        for column in writer.table.primary_key:
            before, after = old.value(column.column, ctx), row.decoded[column.column]
            same = same & compare_values("is", before, after, column.collation, ctx)
        f.br(absent, if_=same)
    find_same_row(writer, row, rowid, absent, ctx)


def _skip_own_entry(
    writer: TableWriter, index: Index, cursor: Local, old: EntrySource, absent: Label, ctx: Context
) -> None:
    """The entry found belongs to the row being updated: no conflict."""
    f = ctx.f
    table = writer.table
    if not table.without_rowid:
        f.br(absent, if_=f.call("cursor_index_rowid", cursor) == old.value(ROWID, ctx).payload)
        return
    entry = EntrySource(cursor, table, {})
    for at, field in enumerate(index_fields(index, table)):
        entry.positions.setdefault(field.column, at)
    key_columns = [column.column for column in table.primary_key]
    fields = entry.decode(key_columns, ctx)
    same: Expr = i32(1)
    for column in table.primary_key:
        same = same & compare_values("is", fields[column.column], old.value(column.column, ctx), column.collation, ctx)
    f.br(absent, if_=same)


ROOTS[nodes.Update] = emit_update
