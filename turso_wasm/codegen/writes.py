"""What INSERT, UPDATE and DELETE share: how a write begins, counting, keys, and the two phases of changing rows."""

from __future__ import annotations

from collections.abc import Callable

from turso_wasm.base import tree
from turso_wasm.bind import bound
from turso_wasm.bind.walk import has_subquery
from turso_wasm.catalog.objects import Index
from turso_wasm.codegen.constraints import policies
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import emit_source, visit
from turso_wasm.codegen.sorting import MISMATCH
from turso_wasm.codegen.sources import ROWID, EntrySource, index_fields
from turso_wasm.codegen.tables import NewRow, TableWriter
from turso_wasm.codegen.values import TEXTUAL
from turso_wasm.kernel.abi import INTEGER, NULL, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local

COUNT_CHANGES = 1


def begin_write(ctx: Context, savepoint: bool) -> None:
    """What every writing statement does first."""
    f = ctx.f
    # DROP TABLE cleaning up sqlite_sequence is no change of rows to anybody; a trigger's counts are set apart for it.
    if ctx.in_ddl or not ctx.is_root:
        return
    ctx.unit.counts_changes = True
    change_nothing(ctx)
    if savepoint:
        with f.into(ctx.opens):
            ctx.do("statement_savepoint", ctx.stmt)


def change_nothing(ctx: Context) -> None:
    """changes() is 0 after the statement, unless it counts more: of EXPLAIN of a change, too."""
    f = ctx.f
    with f.into(ctx.opens):
        flags = f.load("i32", ctx.stmt, Run.offset("flags")) | COUNT_CHANGES
        f.store("i32", ctx.stmt, flags, Run.offset("flags"))
        f.store("i64", ctx.stmt, 0, Run.offset("changes"))


def count_change(ctx: Context, n: Expr | int = 1) -> None:
    """`n` (i64) rows changed."""
    if ctx.in_ddl:
        return
    f = ctx.f
    at = Run.offset("changes")
    f.store("i64", ctx.stmt, f.load("i64", ctx.stmt, at) + n, at)


def change_rows(child: nodes.Plan, ctx: Context, then: Then) -> None:
    """Run `then` for each row of `child`; the statement can suspend between rows, not amid one."""

    def each() -> None:
        then()

    emit_source(child, ctx, each)


def decode_row(row: EntrySource, ctx: Context) -> None:
    """Decode all columns of a table's row."""
    row.ensure(row.table.record_order, ctx)
    if not row.table.without_rowid:
        row.ensure({ROWID}, ctx)


def keep_values(row: EntrySource, ctx: Context) -> None:
    """Copy the texts and blobs of a decoded row: its page changes before they are used."""
    for at, value in row.decoded.items():
        if value.types & TEXTUAL:
            row.decoded[at] = ctx.call_alloc("copy_value", value, types=value.types)


def given_rowid(expr: bound.Expr, ctx: Context) -> tuple[Local, Local]:
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


def find_same_row(writer: TableWriter, row: NewRow, rowid: Local | None, absent: Label, ctx: Context) -> None:
    """Put the table cursor on the row with this rowid or primary key; jumps to `absent` if there is none."""
    f = ctx.f
    if writer.table.without_rowid:
        f.br(absent, if_=writer.seek_primary_key(row.decoded).eqz())
    else:
        assert rowid is not None
        f.br(absent, if_=f.call("cursor_seek_rowid", writer.cursor, rowid).eqz())


def seek_row_of_entry(writer: TableWriter, index: Index, cursor: Local, ctx: Context) -> None:
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
        found = writer.seek_primary_key(fields)
    with f.if_(found.eqz()):
        ctx.do("raise_corrupt", 0)


def scans_in_place(plan: nodes.Plan) -> bool:
    """`plan` visits the table's own b-tree forward and looks at nothing else, so its rows can be changed amid it."""
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


def change_in_place(
    child: nodes.Plan, source: int, writer: TableWriter, ctx: Context, then: Callable[[EntrySource], None]
) -> None:
    """Run `then` for each row of `child` (`scans_in_place`), through which the write cursor itself goes."""
    ctx.scan_cursors[source] = writer.cursor

    def each() -> None:
        row = ctx.sources[source]
        assert isinstance(row, EntrySource)
        then(row)

    change_rows(child, ctx, each)


def collect_rows(child: nodes.Plan, source: int, writer: TableWriter, ctx: Context, then: Then) -> None:
    """Two phases: remember the rows of `child` by key, then put the table cursor on each and run `then`."""
    f = ctx.f
    table = writer.table
    if table.without_rowid:
        key_columns = [column.column for column in table.primary_key]
        refs = tuple(bound.ColumnRef(source=source, column=column) for column in key_columns)

        def again() -> None:
            key = {
                column: emit_value(bound.ColumnRef(source=-2, column=at), ctx) for at, column in enumerate(key_columns)
            }
            with f.if_(writer.seek_primary_key(key)):
                then()

        change_rows(nodes.Sort(source=-2, child=child, keys=(), outputs=refs), ctx, again)
        return
    rows = f.local(I32, "rows")
    with ctx.at_start():
        f.set(rows, f.call("rowlist_new", ctx.stmt))

    def remember() -> None:
        row = bound.ColumnRef(source=source, column=ROWID)
        ensure(row, ctx)
        ctx.do("rowlist_add", rows, emit_value(row, ctx).payload)

    change_rows(child, ctx, remember)
    more, rowid = f.local(I32, "more"), f.local(I64, "rowid")

    def fetch() -> Expr:
        f.call_multi("rowlist_next", rows, into=[more, rowid])
        return more

    def body(done: Label) -> None:
        with f.if_(f.call("cursor_seek_rowid", writer.cursor, rowid)):
            then()

    visit(ctx, fetch, fetch, body)


def entries_can_wait(node: nodes.Insert | nodes.Update | nodes.Delete, ctx: Context) -> bool:
    """The statement changes any number of rows, and index entries may be missing amid it: no other statement, no code
    of the user's, no row of RETURNING could see it, and nothing is kept when it fails.
    """
    effects = node.effects
    if not ctx.is_root or ctx.in_ddl or ctx.unit.user.calls or node.returning or effects or not changes_many(node):
        return False
    if any(getattr(found, "table", None) is node.table for found in tree.walk(effects.arriving, tree.children)):
        return False
    if isinstance(node, nodes.Delete):
        return True
    if isinstance(node, nodes.Insert) and node.upserts:
        return False
    if isinstance(node, nodes.Update) and any(map(has_subquery, node.values)):
        return False
    return not {"FAIL", "REPLACE"} & policies(node.conflict, node.table)


def changes_many(node: nodes.Insert | nodes.Update | nodes.Delete) -> bool:
    """The statement does not change a single row at most."""
    if isinstance(node, nodes.Insert):
        return not node.single_row
    plan = node.child
    while isinstance(plan, nodes.Filter):
        plan = plan.child
    return plan is not None and not isinstance(plan, nodes.RowidSeek)
