"""INSERT, UPDATE and DELETE.

INSERT checks everything before it writes anything of a row. UPDATE and DELETE run in two phases (collect the
rows, then change
them) unless the rows come from a plain scan that stays valid while rows are deleted behind it.
"""

from __future__ import annotations

from turso_wasm.bind import nodes as b
from turso_wasm.catalog.objects import Index
from turso_wasm.codegen.conditions import compare_values
from turso_wasm.codegen.constraints import (
    apply_types,
    check_checks,
    check_not_null,
    policy,
    primary_key_message,
    rowid_message,
    unique_message,
    violated,
)
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import emit_source, visit
from turso_wasm.codegen.output import emit_row
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.sequences import AutoIncrement
from turso_wasm.codegen.sorting import MISMATCH
from turso_wasm.codegen.sources import ROWID, EntrySource, index_fields
from turso_wasm.codegen.tables import NewRow, TableWriter
from turso_wasm.codegen.values import TEXTUAL, SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, Connection, Statement
from turso_wasm.plan import nodes as p
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

COUNT_CHANGES = 1


def begin_write(ctx: Context, savepoint: bool) -> None:
    """What every writing statement does first."""
    f = ctx.f
    if ctx.in_ddl:  # DROP TABLE cleaning up sqlite_sequence is no change of rows to anybody
        return
    ctx.counts_changes = True
    with f.into(ctx.opens):
        f.store(
            "i32",
            ctx.stmt,
            f.load("i32", ctx.stmt, Statement.offset("flags")) | COUNT_CHANGES,
            Statement.offset("flags"),
        )
        f.store("i64", ctx.stmt, 0, Statement.offset("changes"))
        if savepoint:
            ctx.do("statement_savepoint", ctx.stmt)


def count_change(ctx: Context) -> None:
    """One row changed."""
    f = ctx.f
    at = Statement.offset("changes")
    f.store("i64", ctx.stmt, f.load("i64", ctx.stmt, at) + 1, at)


# --- INSERT ---------------------------------------------------------------------------------------------


def emit_insert(node: p.Insert, ctx: Context) -> None:
    """Insert each row of the child."""
    begin_write(ctx, savepoint=not node.single_row)
    writer = TableWriter(node.table, ctx)
    sequence = AutoIncrement(node, ctx) if node.table.autoincrement else None
    child, values, rowid = node.child, node.values, node.rowid
    if node.child_reads_table:
        child, values, rowid = _materialized(node)

    def each() -> None:
        with ctx.f.block() as ignored:
            _insert_one(node, values, rowid, writer, sequence, ignored, ctx)

    emit_source(child, ctx, each)
    if sequence is not None:
        sequence.write_back()


def _materialized(node: p.Insert) -> tuple[p.Plan, tuple[b.Expr, ...], b.Expr | None]:
    """The rows are read to the end before the first is inserted: INSERT INTO t SELECT … FROM t."""
    source = -2
    outputs = node.values + ((node.rowid,) if node.rowid is not None else ())
    child = p.Sort(source=source, child=node.child, keys=(), outputs=outputs)
    refs = tuple(b.ColumnRef(source, at) for at in range(len(outputs)))
    n = len(node.values)
    return child, refs[:n], refs[n] if node.rowid is not None else None


def _insert_one(
    node: p.Insert,
    values: tuple[b.Expr, ...],
    rowid_expr: b.Expr | None,
    writer: TableWriter,
    sequence: AutoIncrement | None,
    ignored: Label,
    ctx: Context,
) -> None:
    f = ctx.f
    table = node.table
    ensure([values, rowid_expr], ctx)
    given = _given_rowid(rowid_expr, ctx) if rowid_expr is not None else None
    columns = [_column_value(node, at, expr, ctx) for at, expr in enumerate(values)]
    row = NewRow(columns, None, table)
    rowid: Local | None = None
    if not table.without_rowid:
        rowid = _choose_rowid(given, writer, sequence, ctx)
        row.set_rowid(rowid, table)
        if sequence is not None:  # a row that is then ignored has used up its number
            sequence.note(rowid)
    ctx.sources[node.source] = row
    check_not_null(table, row, [_default(node, at, ctx) for at in range(len(columns))], node.conflict, ignored, ctx)
    check_checks(node.checks, node.conflict, ignored, ctx)
    _check_unique(node, writer, row, rowid, given is not None, ignored, ctx)
    writer.insert_entries(row, node.index_exprs, node.index_where)
    writer.insert_row(row.columns, rowid)
    if rowid is not None:
        connection = f.load("i32", ctx.stmt, Statement.offset("connection"))
        f.store("i64", connection, rowid, Connection.offset("last_insert_rowid"))
    count_change(ctx)
    if node.returning:
        emit_row(node.returning, ctx)


def _column_value(node: p.Insert, at: int, expr: b.Expr, ctx: Context) -> SqlValue:
    if at == node.table.rowid_alias:
        return ctx.constant(None)
    return apply_types(node.table, at, emit_value(expr, ctx), ctx)


def _default(node: p.Insert, at: int, ctx: Context) -> SqlValue | None:
    value = node.table.columns[at].absent_value
    return None if value is None else ctx.constant(value)


def _given_rowid(expr: b.Expr, ctx: Context) -> tuple[Local, Local]:
    """(is given, rowid): NULL means choose one; anything but an integer is a datatype mismatch."""
    f = ctx.f
    value = emit_value(expr, ctx)
    given, rowid = f.local(I32, "given", value.has_tag(NULL).eqz()), f.local(I64, "rowid", value.payload)
    if not value.is_always(INTEGER):
        with f.if_(given & value.has_tag(INTEGER).eqz()):
            ok, exact = f.call_multi("rowid_exact", *value.pair)
            with f.if_(ok.eqz()):
                ctx.raise_error(MISMATCH, "datatype mismatch")
            f.set(rowid, exact)
    return given, rowid


def _choose_rowid(
    given: tuple[Local, Local] | None, writer: TableWriter, sequence: AutoIncrement | None, ctx: Context
) -> Local:
    f = ctx.f
    new = sequence.next(writer.cursor) if sequence is not None else f.call("table_new_rowid", writer.cursor)
    if given is None:
        return f.local(I64, "rowid", new)
    is_given, rowid = given
    with f.if_(is_given.eqz()):
        f.set(rowid, new)
    return rowid


def _check_unique(
    node: p.Insert,
    writer: TableWriter,
    row: NewRow,
    rowid: Local | None,
    rowid_given: bool,
    ignored: Label,
    ctx: Context,
) -> None:
    """Rowid and unique indexes: first those that fail or skip, then those that replace."""
    f = ctx.f
    table = node.table
    checks: list[tuple[str, Index | None]] = []
    if table.without_rowid or rowid_given:
        checks.append((policy(node.conflict, table.primary_key_conflict), None))
    checks += [(policy(node.conflict, index.conflict), index) for index in writer.indexes if index.unique]
    for how, index in sorted(checks, key=lambda check: check[0] == "REPLACE"):
        with f.block() as absent:
            if index is None:
                _find_same_row(writer, row, rowid, absent, ctx)
                code, message = primary_key_message(table) if table.without_rowid else rowid_message(table)
            else:
                writer.if_indexed(index, node.index_where, absent)
                cursor = writer.find_conflict(index, writer.key_values(index, row, node.index_exprs), absent)
                code, message = unique_message(table, index)
            if how != "REPLACE":
                violated(ctx, how, ignored, code, message)
                continue
            if index is not None:
                _seek_row_of_entry(writer, index, cursor, ctx)
            writer.remove_row(node.source, node.index_exprs, node.index_where)
            ctx.sources[node.source] = row


def _find_same_row(writer: TableWriter, row: NewRow, rowid: Local | None, absent: Label, ctx: Context) -> None:
    f = ctx.f
    if writer.table.without_rowid:
        f.br(absent, if_=writer.seek_primary_key(row.columns).eqz())
    else:
        assert rowid is not None
        f.br(absent, if_=f.call("cursor_seek_rowid", writer.cursor, rowid).eqz())


def _seek_row_of_entry(writer: TableWriter, index: Index, cursor: Local, ctx: Context) -> None:
    """Move the table cursor to the row an index cursor points at."""
    f = ctx.f
    table = writer.table
    if not table.without_rowid:
        found = f.call("cursor_seek_rowid", writer.cursor, f.call("cursor_index_rowid", cursor))
    else:
        entry = EntrySource(cursor, table, {})
        for at, field in enumerate(index_fields(index, table)):
            entry.positions.setdefault(field.column, at)
        key_columns = [column.column for column in table.primary_key]
        fields = entry.decode(key_columns, ctx)
        found = writer.seek_primary_key([fields.get(at, ctx.constant(None)) for at in range(len(table.columns))])
    with f.if_(found.eqz()):
        ctx.do("raise_corrupt", 0)


# --- the rows of UPDATE and DELETE -------------------------------------------------------------------------


def _collect(child: p.Plan, source: int, writer: TableWriter, ctx: Context, then: Then) -> None:
    """Two phases: remember the rows of `child` by key, then put the table cursor on each and run `then`."""
    f = ctx.f
    table = writer.table
    if table.without_rowid:
        key_columns = [column.column for column in table.primary_key]
        refs = tuple(b.ColumnRef(source, column) for column in key_columns)

        def again() -> None:
            values: list[SqlValue] = [ctx.constant(None)] * len(table.columns)
            for at, column in enumerate(key_columns):
                values[column] = emit_value(b.ColumnRef(-2, at), ctx)
            with f.if_(writer.seek_primary_key(values)):
                then()

        emit_source(p.Sort(source=-2, child=child, keys=(), outputs=refs), ctx, again)
        return
    rows = f.local(I32, "rows")
    with ctx.at_start():
        f.set(rows, f.call("rowlist_new", ctx.stmt))

    def remember() -> None:
        row = b.ColumnRef(source, ROWID)
        ensure(row, ctx)
        ctx.do("rowlist_add", rows, emit_value(row, ctx).payload)

    emit_source(child, ctx, remember)
    more, rowid = f.local(I32, "more"), f.local(I64, "rowid")

    def fetch() -> Expr:
        f.call_multi("rowlist_next", rows, into=[more, rowid])
        return more

    def body(done: Label) -> None:
        with f.if_(f.call("cursor_seek_rowid", writer.cursor, rowid)):
            then()

    visit(ctx, fetch, fetch, body)


# --- DELETE -----------------------------------------------------------------------------------------------


def emit_delete(node: p.Delete, ctx: Context) -> None:
    """Delete each row of the child, or all rows."""
    begin_write(ctx, savepoint=True)
    if node.child is None:
        _truncate(node, ctx)
        return
    writer = TableWriter(node.table, ctx)
    if _scans_in_place(node.child, node):
        _delete_in_place(node, writer, ctx)
        return

    def each() -> None:
        row = writer.current_row()
        ctx.sources[node.source] = row
        _delete_one(node, writer, row, ctx)

    _collect(node.child, node.source, writer, ctx, each)


def _delete_one(node: p.Delete, writer: TableWriter, row: EntrySource, ctx: Context) -> None:
    if node.returning:
        ensure(node.returning, ctx)
        emit_row(node.returning, ctx)
    writer.remove_row(node.source, node.index_exprs, node.index_where, row)
    count_change(ctx)


def _truncate(node: p.Delete, ctx: Context) -> None:
    f = ctx.f
    table = node.table
    removed = f.local(I64, "removed", f.call("btree_clear", ctx.stmt, table.slot, table.root))
    at = Statement.offset("changes")
    f.store("i64", ctx.stmt, removed, at)
    for index in table.indexes:
        f.do(f.call("btree_clear", ctx.stmt, table.slot, index.root))


def _scans_in_place(plan: p.Plan, node: p.Delete) -> bool:
    """The child visits the table's own b-tree forward, and its conditions look at the row only."""
    while isinstance(plan, p.Filter):
        if _has_subquery(plan.predicate):
            return False
        plan = plan.child
    if isinstance(plan, p.RowidSeek):
        return not _has_subquery(plan.key)
    if isinstance(plan, p.RowidRange):
        bounds = [bound.expr for bound in (plan.lower, plan.upper) if bound is not None]
        return not plan.reverse and not any(map(_has_subquery, bounds))
    return isinstance(plan, p.TableScan) and not plan.reverse


def _has_subquery(node: object) -> bool:
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, b.SubqueryExpr):
            return True
        if isinstance(item, (tuple, list)):
            stack.extend(item)
        elif isinstance(item, b.Expr):
            stack.extend(getattr(item, name) for name in item.__slots__)
    return False


def _delete_in_place(node: p.Delete, writer: TableWriter, ctx: Context) -> None:
    """The write cursor scans by itself: cursor_delete leaves it so that cursor_next reaches the following row."""
    assert node.child is not None
    ctx.scan_cursors[node.source] = writer.cursor

    def each() -> None:
        row = ctx.sources[node.source]
        assert isinstance(row, EntrySource)
        _delete_one(node, writer, row, ctx)

    emit_source(node.child, ctx, each)


# --- UPDATE -----------------------------------------------------------------------------------------------


def emit_update(node: p.Update, ctx: Context) -> None:
    """Replace each row of the child."""
    begin_write(ctx, savepoint=True)
    table = node.table
    moves = node.rowid is not None or (
        table.without_rowid and any(column.column in node.changed for column in table.primary_key)
    )
    replaces = policy(node.conflict, None) == "REPLACE" or any(index.conflict == "REPLACE" for index in table.indexes)
    touched = [index for index in table.indexes if moves or _touches(node, index)]
    writer = TableWriter(table, ctx, table.indexes if replaces else touched)

    def each() -> None:
        with ctx.f.block() as ignored:
            _update_one(node, writer, touched, moves, ignored, ctx)

    _collect(node.child, node.old_source, writer, ctx, each)


def _touches(node: p.Update, index: Index) -> bool:
    if index.name in node.index_where or any(expr is not None for expr in node.index_exprs.get(index.name, ())):
        return True
    return any(field.column in node.changed for field in index_fields(index, node.table))


def _update_one(
    node: p.Update, writer: TableWriter, touched: list[Index], moves: bool, ignored: Label, ctx: Context
) -> None:
    table = node.table
    old = writer.current_row()
    ctx.sources[node.old_source] = old
    old.ensure(range(len(table.columns)), ctx)
    if not table.without_rowid:
        old.ensure({ROWID}, ctx)
    if moves or table.without_rowid or writer.indexes != touched:  # the row's page changes before its values are used
        for at, value in old.decoded.items():
            if value.types & TEXTUAL:
                old.decoded[at] = ctx.call_alloc("copy_value", value, types=value.types)
    values = [_updated_value(node, at, ctx) for at in range(len(table.columns))]
    row = NewRow(values, None, table)
    rowid: Local | None = None
    if not table.without_rowid:
        rowid = _updated_rowid(node, old, ctx)
        row.set_rowid(rowid, table)
    ctx.sources[node.source] = row
    check_not_null(
        table, row, [_update_default(node, at, ctx) for at in range(len(values))], node.conflict, ignored, ctx
    )
    check_checks(node.checks, node.conflict, ignored, ctx)
    _check_update_unique(node, writer, touched, moves, old, row, rowid, ignored, ctx)
    writer.remove_entries(old, node.old_index_exprs, node.old_index_where, touched)
    if moves or table.without_rowid:
        _seek_old(writer, old, ctx)
        ctx.do("cursor_delete", writer.cursor)
    ctx.sources[node.source] = row
    writer.insert_entries(row, node.index_exprs, node.index_where, touched)
    writer.insert_row(row.columns, rowid)
    count_change(ctx)
    if node.returning:
        emit_row(node.returning, ctx)


def _updated_value(node: p.Update, at: int, ctx: Context) -> SqlValue:
    expr = node.values[at]
    if at == node.table.rowid_alias:
        return ctx.constant(None)
    if at not in node.changed:
        return ctx.sources[node.old_source].value(at, ctx)
    return apply_types(node.table, at, emit_value(expr, ctx), ctx)


def _update_default(node: p.Update, at: int, ctx: Context) -> SqlValue | None:
    value = node.table.columns[at].absent_value
    return None if value is None else ctx.constant(value)


def _updated_rowid(node: p.Update, old: EntrySource, ctx: Context) -> Local:
    f = ctx.f
    if node.rowid is None:
        return f.local(I64, "rowid", old.value(ROWID, ctx).payload)
    given, rowid = _given_rowid(node.rowid, ctx)
    with f.if_(given.eqz()):
        ctx.raise_error(MISMATCH, "datatype mismatch")
    return rowid


def _seek_old(writer: TableWriter, old: EntrySource, ctx: Context) -> None:
    """Put the table cursor back on the row being updated (a replaced row may have moved it)."""
    f = ctx.f
    if writer.table.without_rowid:
        values = [old.value(at, ctx) for at in range(len(writer.table.columns))]
        found = writer.seek_primary_key(values)
    else:
        found = f.call("cursor_seek_rowid", writer.cursor, old.value(ROWID, ctx).payload)
    with f.if_(found.eqz()):
        ctx.do("raise_corrupt", 0)


def _check_update_unique(
    node: p.Update,
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
    checks: list[tuple[str, Index | None]] = []
    if moves:
        checks.append((policy(node.conflict, table.primary_key_conflict), None))
    checks += [(policy(node.conflict, index.conflict), index) for index in touched if index.unique]
    for how, index in sorted(checks, key=lambda check: check[0] == "REPLACE"):
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
                _seek_row_of_entry(writer, index, cursor, ctx)
            writer.remove_row(node.old_source, node.old_index_exprs, node.old_index_where)
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
    _find_same_row(writer, row, rowid, absent, ctx)


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


ROOTS.update({p.Insert: emit_insert, p.Update: emit_update, p.Delete: emit_delete})
