"""Scans of b-trees: whole tables, rowid seeks and ranges, index ranges."""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Table
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.encodings import store_field
from turso_wasm.codegen.expressions import emit_value, ensure, for_comparison
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.sources import (
    IndexedSource,
    LocalSource,
    Source,
    index_fields,
    index_source,
    open_index,
    open_table,
    scan_cursor,
    table_source,
)
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, SEEK_EQ, SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT, Cursor
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64


def _table_scan(node: nodes.TableScan, ctx: Context, then: Then) -> None:
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor, hot=True)
    first, step = ("cursor_last", "cursor_prev") if node.reverse else ("cursor_first", onward(node, ctx))
    no_row = ctx.empty_exits.pop(node.source, None)

    def begin() -> Expr:
        found = ctx.f.call(first, cursor)
        if no_row is None:
            return found
        ctx.f.br(no_row, if_=found.eqz())
        return i32(1)

    visit(ctx, begin, lambda: advance(step, cursor, ctx), lambda done: then())


def forward(table: Table) -> str:
    """The kernel routine that moves a table cursor to the next row."""
    return "index_next" if table.without_rowid else "table_next"


def onward(node: nodes.TableScan | nodes.RowidRange, ctx: Context) -> str:
    """`forward`, for the scan of a DELETE too."""
    return "sweep_next" if node.source in ctx.sweeps else forward(node.table)


def advance(step: str, cursor: Local, ctx: Context) -> Expr:
    """The expression that moves a cursor; 0 at the end. Inside a leaf of a table it is expanded inline."""
    return ctx.f.call(step, cursor, inline=step in ("table_next", "sweep_next"))


def _rowid_range(node: nodes.RowidRange, ctx: Context, then: Then) -> None:
    f = ctx.f
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor, hot=True)
    first, last = f.local(I64, "first"), f.local(I64, "last")
    rowid = f.load("i64", cursor, Cursor.offset("rowid"))

    def begin() -> Expr:
        ok = rowid_bounds(node, first, last, ctx)
        if node.reverse:
            return ok & f.call("cursor_seek_rowid_op", cursor, last, SEEK_LE, first)
        return ok & f.call("cursor_seek_rowid_op", cursor, first, SEEK_GE, last)

    def body(done: Label) -> None:
        if node.reverse and node.lower is not None:
            f.br(done, if_=rowid < first)
        elif not node.reverse and node.upper is not None:
            f.br(done, if_=rowid > last)
        then()

    visit(ctx, begin, lambda: advance("cursor_prev" if node.reverse else onward(node, ctx), cursor, ctx), body)


def rowid_bounds(node: nodes.RowidRange, first: Local, last: Local, ctx: Context) -> Local:
    """Set the first and the last rowid of a range; 0: it is empty."""
    f = ctx.f
    ok = f.local(I32, "ok", 1)
    f.set(first, i64(-(2**63)))
    f.set(last, i64(2**63 - 1))
    for limit, name, target in ((node.lower, "rowid_lower", first), (node.upper, "rowid_upper", last)):
        if limit is not None:
            ensure(limit.expr, ctx)
            found, edge = f.call_multi(name, *emit_value(limit.expr, ctx).pair, int(limit.inclusive))
            f.set(ok, ok & found)
            f.set(target, edge)
    return ok


# --- index scans ----------------------------------------------------------------------------------------


def _index_groups(node: nodes.IndexGroups, ctx: Context, then: Then) -> None:
    cursor = open_index(node.index, node.table, ctx)
    entry = ctx.sources[node.source] = index_source(node.index, node.table, cursor)
    fields = index_fields(node.index, node.table)[: node.n]
    probe = ctx.frame_alloc(node.n * VALUE_SIZE)

    def advance_group() -> Expr:
        values = entry.decode([part.column for part in fields], ctx)
        for at, part in enumerate(fields):
            store_field(ctx.frame + probe, values[part.column], at, ctx)
        op = SEEK_LT if node.reverse else SEEK_GT
        return ctx.f.call("cursor_seek_key", cursor, ctx.frame + probe, node.n, op)

    first = "cursor_last" if node.reverse else "cursor_first"
    visit(ctx, lambda: ctx.f.call(first, cursor), advance_group, lambda done: then())


class _Range:
    """The ends of an index scan: `start` positions the cursor, `end` stops it. Probes are Values."""

    def __init__(self, node: nodes.IndexScan, ctx: Context) -> None:
        table = node.table
        self.fields = index_fields(node.index, table) if node.index else table.primary_key
        self.n_equal = len(node.equal)
        desc = self.n_equal < len(self.fields) and self.fields[self.n_equal].desc
        self.backward = node.reverse
        low_first = desc == node.reverse  # the scan meets small values first
        self.low_first = low_first
        self.start, self.end = (node.lower, node.upper) if low_first else (node.upper, node.lower)
        n_ends = max((1 + len(limit.rest) for limit in (node.lower, node.upper) if limit is not None), default=1)
        size = (self.n_equal + n_ends) * VALUE_SIZE
        self.start_probe, self.end_probe = ctx.frame_alloc(size), ctx.frame_alloc(size)
        self.node = node

    def forward_end(self, ctx: Context) -> tuple[Expr, int, int] | None:
        """Where a forward scan ends: a probe, how many fields of it count, whether equal entries still come."""
        n = self.n_equal
        probe = ctx.frame + self.end_probe
        if self.end is not None:
            return probe, n + 1 + len(self.end.rest), int(self.end.inclusive)
        if self.start is not None and not self.low_first:  # towards the NULLs
            ctx.store_value(probe, SqlValue(NULL, i64(0)), n)
            return probe, n + 1, 0
        return (ctx.frame + self.start_probe, n, 1) if n else None


def index_scan(node: nodes.IndexScan, ctx: Context, then: Then) -> None:
    """The entries of a range of an index, or of the rows they lead to."""
    table, index = node.table, node.index
    cursor = open_index(index, table, ctx) if index else open_table(table, ctx)
    ctx.sources[node.source] = index_scan_source(node, cursor, ctx)
    ends = _Range(node, ctx)
    step = "cursor_prev" if node.reverse else "index_next"

    def body(done: Label) -> None:
        _check_end(ends, cursor, done, ctx)
        then()

    if node.unique and not node.lower and not node.upper:
        _unique_lookup(ends, cursor, ctx, then)
        return
    visit(ctx, lambda: _seek_start(ends, cursor, ctx), lambda: advance(step, cursor, ctx), body)


def _unique_lookup(ends: _Range, cursor: Local, ctx: Context, then: Then) -> None:
    f = ctx.f
    with f.block() as done:
        f.br(done, if_=_seek_start(ends, cursor, ctx).eqz())
        _check_end(ends, cursor, done, ctx)
        then()


def index_scan_source(node: nodes.IndexScan, cursor: Local, ctx: Context) -> Source:
    """The columns of the row whose entry is under `cursor`."""
    table, index = node.table, node.index
    if index is None:
        return table_source(table, cursor)
    entry = index_source(index, table, cursor)
    entry.hot = not node.unique
    if node.covering:
        return entry
    row_cursor = open_table(table, ctx)
    row = table_source(table, row_cursor)

    def seek(ctx: Context) -> None:
        f = ctx.f
        if not table.without_rowid:
            found = f.call("cursor_seek_rowid", row_cursor, entry.rowid(ctx))
        else:
            key_columns = [column.column for column in table.primary_key]
            values = entry.decode(key_columns, ctx)
            probe = f.local(I32, "", ctx.frame_values(len(key_columns)))
            for at, column in enumerate(key_columns):
                store_field(probe, values[column], at, ctx)
            found = f.call("cursor_seek_key", row_cursor, probe, len(key_columns), SEEK_EQ)
        if ctx.asks_user:  # which may have deleted the row
            f.do(found)
            return
        with f.if_(found.eqz()):
            ctx.do("raise_corrupt", 0)

    return IndexedSource(entry, row, seek)


def _probe_value(expr: bound.Expr, at: int, node: nodes.IndexScan, ctx: Context) -> SqlValue:
    affinity = node.affinities[at] if at < len(node.affinities) else None
    return for_comparison(expr, affinity, ctx)


def equal_values(node: nodes.IndexScan, nothing: Label, ctx: Context) -> Iterator[SqlValue]:
    """The values of the equal fields, one after the other; jumps to `nothing` at a NULL that equals nothing."""
    for at, expr in enumerate(node.equal):
        ensure(expr, ctx)
        value = _probe_value(expr, at, node, ctx)
        if not (node.null_equal and node.null_equal[at]):
            ctx.f.br(nothing, if_=value.has_tag(NULL))
        yield value


def _seek_start(ends: _Range, cursor: Local, ctx: Context) -> Expr:
    """Fill the probes and position the cursor on the first entry of the range; 0 when there is none."""
    f, node = ctx.f, ends.node
    ok = f.local(I32, "found", 0)
    with f.block() as nothing:
        for at, value in enumerate(equal_values(node, nothing, ctx)):
            store_field(ctx.frame + ends.start_probe, value, at, ctx)
            if ends.end is not None or ends.start is not None:
                store_field(ctx.frame + ends.end_probe, value, at, ctx)
        for limit, probe in ((ends.start, ends.start_probe), (ends.end, ends.end_probe)):
            if limit is not None:
                ensure(limit.expr, ctx)
                value = _probe_value(limit.expr, ends.n_equal, node, ctx)
                f.br(nothing, if_=value.has_tag(NULL))
                store_field(ctx.frame + probe, value, ends.n_equal, ctx)
                _store_further(limit, ctx.frame + probe, ends.n_equal + 1, ctx)
        f.set(ok, _position(ends, cursor, ctx))
    return ok


def _store_further(limit: nodes.Bound, probe: Expr, at: int, ctx: Context) -> None:
    """The further elements of an end that is a row. A NULL is smaller than all: what it lets in is tested anyway."""
    ensure(limit.rest, ctx)
    for number, (expr, affinity) in enumerate(zip(limit.rest, limit.affinities, strict=True), at):
        store_field(probe, for_comparison(expr, affinity, ctx), number, ctx)


def _position(ends: _Range, cursor: Local, ctx: Context) -> Expr:
    f = ctx.f
    n = ends.n_equal
    inclusive, exclusive = (SEEK_LE, SEEK_LT) if ends.backward else (SEEK_GE, SEEK_GT)
    probe = ctx.frame + ends.start_probe
    if ends.start is not None:
        op = inclusive if ends.start.inclusive else exclusive
        return f.call("cursor_seek_key", cursor, probe, n + 1 + len(ends.start.rest), op)
    if ends.end is not None and ends.low_first:  # NULLs come first and satisfy no range
        ctx.store_value(probe, SqlValue(NULL, i64(0)), n)
        return f.call("cursor_seek_key", cursor, probe, n + 1, exclusive)
    if n:
        return f.call("cursor_seek_key", cursor, probe, n, SEEK_LE if ends.backward else SEEK_EQ)
    return f.call("cursor_last" if ends.backward else "cursor_first", cursor)


def _check_end(ends: _Range, cursor: Local, done: Label, ctx: Context) -> None:
    """Jump to `done` when the entry lies beyond the range."""
    f = ctx.f
    n = ends.n_equal
    probe = ctx.frame + ends.end_probe
    if not ends.backward:
        end = ends.forward_end(ctx)
        if end is not None:
            with f.if_(f.load("i32", cursor, Cursor.offset("nth")) >= f.load("i32", cursor, Cursor.offset("sure"))):
                f.br(done, if_=f.call("cursor_past", cursor, *end))
        return
    if ends.end is not None:
        order = f.call("cursor_compare_key", cursor, probe, n + 1 + len(ends.end.rest))
        inclusive = ends.end.inclusive
    elif ends.start is not None and not ends.low_first:  # the scan goes down towards the NULLs
        ctx.store_value(probe, SqlValue(NULL, i64(0)), n)
        order = f.call("cursor_compare_key", cursor, probe, n + 1)
        inclusive = False
    elif n:
        f.br(done, if_=f.call("cursor_compare_key", cursor, ctx.frame + ends.start_probe, n) != 0)
        return
    else:
        return
    f.br(done, if_=order < 0 if inclusive else order <= 0)


def _count_rows(node: nodes.CountRows, ctx: Context, then: Then) -> None:
    count = ctx.f.local(I64, "count", 0)
    ctx.sources[node.source] = LocalSource([SqlValue(INTEGER, count)])
    if node.scan is not None:
        _count_range(node.scan, count, ctx)
        then()
        return
    cursor = open_index(node.index, node.table, ctx) if node.index else open_table(node.table, ctx)
    ctx.f.set(count, ctx.f.call("btree_count", cursor))
    then()


def _count_range(node: nodes.IndexScan, count: Local, ctx: Context) -> None:
    """Add up the entries of the range, a page at a time."""
    f = ctx.f
    cursor = open_index(node.index, node.table, ctx) if node.index else open_table(node.table, ctx)
    ends = _Range(node, ctx)
    run = f.local(I32, "run")

    def body(done: Label) -> None:
        end = ends.forward_end(ctx) or (ctx.frame + ends.start_probe, 0, 1)
        f.set(run, f.call("cursor_run", cursor, *end))
        f.br(done, if_=run.eqz())
        f.set(count, count + run.extend_u())

    visit(ctx, lambda: _seek_start(ends, cursor, ctx), lambda: advance("index_next", cursor, ctx), body)


SOURCES.update(
    {
        nodes.TableScan: _table_scan,
        nodes.RowidRange: _rowid_range,
        nodes.IndexGroups: _index_groups,
        nodes.CountRows: _count_rows,
    }
)
