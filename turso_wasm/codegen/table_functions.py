"""Row sources of table-valued functions: series of integers, groups of constant rows, and columns made of either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.cells import cell_table, emit_cells, load_cells
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.rowsets import emit_no_rows
from turso_wasm.codegen.sources import LocalSource, Source
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import INTEGER, NULL, STATEMENTS
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64, select

ROWID = -1
MIN_INTEGER, MAX_INTEGER = -(1 << 63), (1 << 63) - 1
DIRECTIONS = {None: 0, "ascending": 1, "descending": -1}


class MadeSource(Source):
    """Columns that are expressions over what gives the rows; computed where they are wanted. number: of the row, if
    that is its rowid.
    """

    def __init__(self, outputs: Mapping[int, bound.Expr], number: Local | None) -> None:
        super().__init__()
        self.outputs = outputs
        self.number = number

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        """See Source. What they are made of is decoded here, too, unless there may be no row to decode."""
        wanted = set(columns)
        if self.null_row is None:
            ensure([self.outputs[column] for column in sorted(wanted & self.outputs.keys())], ctx)
        super().ensure(wanted, ctx)

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source. It may be in code that is skipped: what they are made of is not remembered."""
        found = {column: emit_value(self.outputs[column], ctx) for column in columns if column in self.outputs}
        if self.number is not None and ROWID in columns:
            found[ROWID] = SqlValue(INTEGER, self.number)
        return found


def _function_scan(node: nodes.FunctionScan, ctx: Context, then: Then) -> None:
    """The rows of the child, numbered where the rowid is read and nothing else gives it."""
    f = ctx.f
    number = f.local(I64, "rowid", i64(0)) if node.is_numbered else None

    def row() -> None:
        ctx.sources[node.source] = MadeSource(dict(zip(node.columns, node.outputs, strict=True)), number)
        if number is not None:
            f.set(number, number + 1)
        then()

    emit_source(node.child, ctx, row)


def _series(node: nodes.Series, ctx: Context, then: Then) -> None:
    f = ctx.f
    ensure([part for part in (node.start, node.stop, node.step, node.lower, node.upper) if part is not None], ctx)
    start, stop, step = [emit_value(part, ctx) for part in (node.start, node.stop, node.step)]
    distance = f.local(I64, "step", select(step.payload.eqz(), i64(1), step.payload))
    effective = [SqlValue(INTEGER, value) for value in (start.payload, stop.payload, distance)]
    any_ = f.local(I32)
    value, rest, difference = [f.local(I64, name) for name in ("value", "rest", "difference")]
    limits = [_limit(bound_, is_upper, ctx) for bound_, is_upper in ((node.lower, False), (node.upper, True))]

    def begin() -> Expr:
        f.set(any_, 0)
        with f.if_((start.has_tag(NULL) | stop.has_tag(NULL) | step.has_tag(NULL)).eqz()):
            numbers = (start.payload, stop.payload, distance, *limits, i32(DIRECTIONS[node.direction]))
            f.call_multi("series_begin", *numbers, into=[any_, value, rest, difference])
        return any_

    def advance() -> Expr:
        f.set(any_, rest != 0)
        f.set(rest, rest.sub(1))
        f.set(value, value + difference)
        return any_

    def body(done: Label) -> None:
        ctx.sources[node.source] = LocalSource([SqlValue(INTEGER, value), *effective])
        then()

    visit(ctx, begin, advance, body)


def _limit(expr: bound.Expr | None, is_upper: bool, ctx: Context) -> Expr:
    if expr is None:
        return i64(MAX_INTEGER if is_upper else MIN_INTEGER)
    value = emit_value(expr, ctx)
    return ctx.f.local(I64, "limit", ctx.f.call("series_bound", *value.pair, int(is_upper)))


def _directory(node: nodes.Directory, ctx: Context, then: Then) -> None:
    f = ctx.f
    if not node.rows:
        emit_no_rows(node, ctx, then)
        return
    ensure((node.key,), ctx)
    key = emit_value(node.key, ctx)
    table = ctx.data_address(cell_table(node.rows, ctx), align=4)
    width = 4 * node.n_columns
    at, end = f.local(I32, "row"), f.local(I32, "rows_end")

    def find(value: SqlValue) -> None:
        ctx.do("key_reset", ctx.stmt)
        ctx.do("key_add", ctx.stmt, value, collation_code("NOCASE", ctx))

    def fill(place: Expr) -> None:
        """A hash table from the name to where the rows of its group begin and end."""
        f.store("i32", place, f.call("hash_new", ctx.stmt, 8))

        def add(values: list[SqlValue]) -> None:
            find(values[0])
            entry = f.local(I32, "group", f.call("hash_add", f.load("i32", place)))
            f.store("i32", entry, values[1].payload.wrap())
            f.store("i32", entry, values[2].payload.wrap(), 4)

        emit_cells(_places(node, width), ctx, add)

    def begin() -> Expr:
        groups = f.load("i32", ctx.once(node, 8, fill))
        find(key)
        group = f.local(I32, "group", f.call("hash_find", groups))
        with f.if_(group):
            f.set(at, table + f.load("i32", group))
            f.set(end, table + f.load("i32", group, 4))
        return group

    def advance() -> Expr:
        f.set(at, at + width)
        return at.lt_u(end)

    def body(done: Label) -> None:
        ctx.sources[node.source] = LocalSource(load_cells(at, node.n_columns, ctx))
        then()

    visit(ctx, begin, advance, body)


def _places(node: nodes.Directory, width: int) -> list[tuple[bound.Expr, ...]]:
    places: list[tuple[bound.Expr, ...]] = []
    at = 0
    for name, n_rows in node.groups:
        numbers = (at * width, (at + n_rows) * width)
        places.append((bound.Constant(value=name), *(bound.Constant(value=number) for number in numbers)))
        at += n_rows
    return places


def _user_rows(node: nodes.UserRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    ensure(node.arguments, ctx)
    arguments = f.local(I32, "", ctx.frame_values(len(node.arguments) + 1))
    for at, argument in enumerate(node.arguments):
        ctx.store_value(arguments, emit_value(argument, ctx), at)
    rows, row = f.local(I32, "rows"), f.local(I32, "row")
    with f.if_(rows):  # an inner loop comes here again
        ctx.do("resource_free", ctx.stmt, rows)
    ctx.allocates = True

    def begin() -> Expr:
        number = STATEMENTS if node.number is None else node.number
        told = (ctx.stmt, arguments, len(node.arguments), number, node.n_columns)
        f.set(rows, f.call("user_rows_begin", *told))
        return advance()

    def advance() -> Expr:
        f.set(row, f.call("user_rows_next", rows))
        return row

    def body(done: Label) -> None:
        ctx.sources[node.source] = LocalSource([ctx.load_value(row, column) for column in range(node.n_columns)])
        then()

    visit(ctx, begin, advance, body)


SOURCES.update(
    {nodes.FunctionScan: _function_scan, nodes.Series: _series, nodes.Directory: _directory, nodes.UserRows: _user_rows}
)
