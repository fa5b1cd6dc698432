"""INSERT and UPSERT: everything is checked before anything of a row is written."""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.tree import Node, children, transform, walk
from turso_wasm.bind import bound
from turso_wasm.bind.walk import is_stable
from turso_wasm.catalog.objects import Index
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.constraints import (
    check_checks,
    check_not_null,
    check_types,
    check_types_early,
    policies,
    primary_key_message,
    rowid_message,
    unique_checks,
    unique_message,
    violated,
)
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.copied_records import copied_record, record_of
from turso_wasm.codegen.effects import count_violations, delete_replaced, show_row, tables_changed
from turso_wasm.codegen.expressions import emit_value, ensure, with_affinity
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.rowsets import first_conjunct
from turso_wasm.codegen.sequences import AutoIncrement
from turso_wasm.codegen.tables import NewRow, TableWriter, compute
from turso_wasm.codegen.triggers import fire
from turso_wasm.codegen.updates import effects, update_row
from turso_wasm.codegen.values import SqlValue
from turso_wasm.codegen.writes import (
    begin_write,
    change_rows,
    count_change,
    entries_can_wait,
    find_same_row,
    given_rowid,
    seek_row_of_entry,
)
from turso_wasm.kernel.abi import INTEGER, KernelConnection, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64, select


def emit_insert(node: nodes.Insert, ctx: Context) -> None:
    """Insert each row of the child."""
    updates = any(clause.update is not None and clause.update.effects for clause in node.upserts)
    begin_write(ctx, savepoint=not node.single_row or updates or bool(node.effects or node.replaced))
    writer = TableWriter(node.table, ctx)
    if entries_can_wait(node, ctx):
        writer.sort_changes()
    sequence = AutoIncrement(node, writer.cursor, ctx) if node.table.autoincrement else None
    child, values, rowid = node.child, node.values, node.rowid
    if node.child_reads_table or (node.effects and not node.single_row and _is_shaken(node, ctx)):
        child, values, rowid = _materialized(node)

    def each() -> None:
        with ctx.f.block() as ignored:
            _insert_one(node, values, rowid, writer, sequence, ignored, ctx)

    change_rows(child, ctx, each)
    writer.apply_changes()
    if sequence is not None and _shares(node, ctx):
        sequence.write_first()
    elif sequence is not None:
        sequence.write_back()


def _shares(node: nodes.Insert, ctx: Context) -> bool:
    """Other statements can run amid this one: what it keeps of the database must be read and written for each row."""
    return bool(node.effects or node.replaced) or not ctx.is_root


def takes_rows(plan: nodes.Plan) -> bool:
    """A one-row INSERT that looks at nothing but its row, and undoes no more than itself when it fails: executions one
    after the other do what one with all their rows does.
    """
    return (
        isinstance(plan, nodes.Insert)
        and plan.single_row
        and not (plan.upserts or plan.returning or plan.effects or plan.effects.arriving or plan.replaced)
        and policies(plan.conflict, plan.table) == {"ABORT"}
        and all(map(is_stable, walk([plan])))
    )


def _is_shaken(node: nodes.Insert, ctx: Context) -> bool:
    """What inserting a row sets off may be seen by the query that the rows come from."""
    changed = {id(table) for table in tables_changed(node.effects) + tables_changed(node.replaced)}
    read = list(walk([node.child, *node.values, *([] if node.rowid is None else [node.rowid])]))
    if ctx.unit.user.calls or not all(map(is_stable, read)):
        return True
    return any(id(getattr(found, "table", None)) in changed for found in read)


def _materialized(node: nodes.Insert) -> tuple[nodes.Plan, tuple[bound.Expr, ...], bound.Expr | None]:
    """The rows are read to the end before the first is inserted: INSERT INTO t SELECT … FROM t."""
    source = -2
    outputs = node.values + ((node.rowid,) if node.rowid is not None else ())
    child = nodes.Sort(source=source, child=node.child, keys=(), outputs=outputs)
    refs = tuple(bound.ColumnRef(source=source, column=at) for at in range(len(outputs)))
    n = len(node.values)
    return child, refs[:n], refs[n] if node.rowid is not None else None


def _insert_one(
    node: nodes.Insert,
    values: tuple[bound.Expr, ...],
    rowid_expr: bound.Expr | None,
    writer: TableWriter,
    sequence: AutoIncrement | None,
    ignored: Label,
    ctx: Context,
) -> None:
    f = ctx.f
    table = node.table
    copied = copied_record(node, values, ctx)
    if copied is not None:
        values = ()
    ensure([values, rowid_expr], ctx)
    given = given_rowid(rowid_expr, ctx) if rowid_expr is not None else None
    columns = [_column_value(node, at, expr, ctx) for at, expr in enumerate(values)]
    if node.effects.before:
        _fire_before(node, columns, given, ctx, ignored)
    row = NewRow(columns, None, table)
    rowid: Local | None = None
    if not table.without_rowid:
        shares = sequence is not None and _shares(node, ctx)
        if sequence is not None and shares:
            sequence.read()
        rowid = _choose_rowid(given, writer, sequence, ctx)
        row.set_rowid(rowid, table)
        if sequence is not None:  # a row that is then ignored has used up its number
            sequence.note(rowid)
            if shares:
                sequence.write_back()
        if node.numbered is not None:
            row.decoded[node.numbered] = SqlValue(INTEGER, f.call("capture_number", ctx.stmt, rowid))
    compute(node.generated, node.source, row, ctx)
    check_types_early(table, row, range(len(table.columns)), ctx)
    check_not_null(node, row, ignored, ctx)
    check_types(table, row, range(len(table.columns)), ctx)
    check_checks(node.checks, node.conflict, ignored, ctx)
    absent = _check_unique(node, writer, row, rowid, given is not None, ignored, ctx)
    count_violations(node.effects.arriving, ctx)
    writer.insert_entries(row, node.index_exprs, node.index_where)
    if copied is not None and rowid is not None:
        writer.insert_record(*record_of(copied, ctx), rowid, absent)
    else:
        writer.insert_row(row.decoded, rowid, absent)
    if rowid is not None and not ctx.in_ddl:
        connection = f.load("i32", ctx.stmt, Run.offset("connection"))
        f.store("i64", connection, rowid, KernelConnection.offset("last_insert_rowid"))
    count_change(ctx)
    fire(node.effects.actions, None, row, ctx, ignored)
    show_row(node.effects, node.returning, ctx, lambda fires: fire(fires, None, row, ctx, ignored))


def _fire_before(
    node: nodes.Insert, columns: list[SqlValue], given: tuple[Local, Local] | None, ctx: Context, ignored: Label
) -> None:
    """The row as BEFORE triggers see it: its types were checked, and a rowid that is not given is -1."""
    f = ctx.f
    table = node.table
    row = NewRow(columns, None, table)
    if not table.without_rowid:
        seen = f.local(I64, "rowid", i64(-1))
        if given is not None:
            is_given, rowid = given
            f.set(seen, select(is_given, rowid, seen))
        row.set_rowid(seen, table)
    compute(node.generated, node.source, row, ctx)
    check_types(table, row, range(len(table.columns)), ctx)
    fire(node.effects.before, None, row, ctx, ignored)


def _column_value(node: nodes.Insert, at: int, expr: bound.Expr, ctx: Context) -> SqlValue:
    if at == node.table.rowid_alias or node.table.columns[at].generated is not None:
        return ctx.constant(None)
    return with_affinity(emit_value(expr, ctx), node.table.columns[at].affinity, ctx)


def _choose_rowid(
    given: tuple[Local, Local] | None, writer: TableWriter, sequence: AutoIncrement | None, ctx: Context
) -> Local:
    f = ctx.f
    if given is None:
        return f.local(I64, "rowid", _new_rowid(writer, sequence, ctx))
    is_given, rowid = given
    with f.if_(is_given.eqz()):
        f.set(rowid, _new_rowid(writer, sequence, ctx))
    return rowid


def _new_rowid(writer: TableWriter, sequence: AutoIncrement | None, ctx: Context) -> Expr:
    return sequence.next(writer.cursor) if sequence is not None else ctx.f.call("table_new_rowid", writer.cursor)


def _check_unique(
    node: nodes.Insert,
    writer: TableWriter,
    row: NewRow,
    rowid: Local | None,
    rowid_given: bool,
    ignored: Label,
    ctx: Context,
) -> bool:
    """Rowid, primary key and unique indexes: first those that ON CONFLICT clauses name, in the order of these.

    True if the table cursor was looking for the row's key when it was last used.
    """
    f = ctx.f
    table = node.table
    checks = unique_checks(table, writer.indexes, node.conflict, table.without_rowid or rowid_given)
    replaced = f.local(I32, "replaced", i32(0)) if node.replaced.fires else None
    emitted: set[int] = set()
    for how, index in sorted(checks, key=lambda check: _place_of_clause(node, check[1])):
        with f.block() as absent:
            if index is None:
                find_same_row(writer, row, rowid, absent, ctx)
                code, message = primary_key_message(table) if table.without_rowid else rowid_message(table)
            else:
                writer.if_indexed(index, node.index_where, absent)
                cursor = writer.find_conflict(index, writer.key_values(index, row, node.index_exprs), absent)
                code, message = unique_message(table, index)
            clause = _upsert_for(node, index)
            if clause is None and how != "REPLACE":
                violated(ctx, how, ignored, code, message)
                continue
            if index is not None:
                seek_row_of_entry(writer, index, cursor, ctx)
            if clause is not None:
                _upsert(_apart(clause) if id(clause) in emitted else clause, writer, ignored, ctx)
                emitted.add(id(clause))
                ctx.sources[node.source] = row
                continue
            delete_replaced(node.replaced, writer, node.source, node.index_exprs, node.index_where, ctx)
            ctx.sources[node.source] = row
            if replaced is not None:
                f.set(replaced, 1)
    if replaced is not None:
        with f.if_(replaced):
            _refuse_duplicates(node, writer, row, rowid, ctx)
    return rowid_given and all(how != "REPLACE" for how, _ in checks)


def _refuse_duplicates(node: nodes.Insert, writer: TableWriter, row: NewRow, rowid: Local | None, ctx: Context) -> None:
    """What was fired by rows that REPLACE deleted may have put others in their place."""
    table = node.table
    for _, index in unique_checks(table, writer.indexes, "ABORT", True):
        with ctx.f.block() as absent:
            if index is None:
                find_same_row(writer, row, rowid, absent, ctx)
                code, message = primary_key_message(table) if table.without_rowid else rowid_message(table)
            else:
                writer.if_indexed(index, node.index_where, absent)
                writer.find_conflict(index, writer.key_values(index, row, node.index_exprs), absent)
                code, message = unique_message(table, index)
            violated(ctx, "ABORT", absent, code, message)


def _place_of_clause(node: nodes.Insert, index: Index | None) -> int:
    """The place of the ON CONFLICT clause that names this constraint (None: the key), or the one behind all clauses."""
    for place, clause in enumerate(node.upserts):
        if clause.key if index is None else clause.index is index:
            return place
    return len(node.upserts)


def _upsert_for(node: nodes.Insert, index: Index | None) -> nodes.Upsert | None:
    """The ON CONFLICT clause for this constraint: the one that names it, or a last one that names none."""
    place = _place_of_clause(node, index)
    if place < len(node.upserts):
        return node.upserts[place]
    last = node.upserts[-1] if node.upserts else None
    return last if last is not None and last.index is None and not last.key else None


def _apart(clause: nodes.Upsert) -> nodes.Upsert:
    """The clause for another constraint: its subqueries are computed once for each, triggers are shared."""

    def renew(node: Node) -> Node | None:
        if isinstance(node, nodes.TriggerProgram):
            return node
        return None if children(node) else replace(node)

    found = transform(clause, renew)
    assert isinstance(found, nodes.Upsert)
    return found


def _upsert(clause: nodes.Upsert, writer: TableWriter, ignored: Label, ctx: Context) -> None:
    """DO NOTHING, or DO UPDATE of the row the table cursor is on; the new row is done with either way."""
    update = clause.update
    if update is not None:
        ctx.sources[update.old_source] = writer.current_row()
        if clause.where is not None:
            ensure(first_conjunct(clause.where), ctx)
            jump(clause.where, ignored, ctx, when=False, on_null=True)
        moves, touched = effects(update)
        update_row(update, writer, touched, moves, ignored, ctx)
    ctx.f.br(ignored)


ROOTS[nodes.Insert] = emit_insert
