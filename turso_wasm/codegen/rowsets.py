"""Row sources that are no b-trees: one row, VALUES, literal rows, filters, UNION ALL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from turso_wasm.base.tree import Node, walk
from turso_wasm.bind import bound
from turso_wasm.codegen.cells import cell_table, is_cell, load_cells
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure, ensure_cheap
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.routines import generate
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.subtypes import unmarked
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import BLOB
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

LARGE_PART = 250  # nodes of plans and expressions, of a UNION ALL or VALUES, that one function holds
T = TypeVar("T")


def _one_row(node: nodes.OneRow, ctx: Context, then: Then) -> None:
    then()


def _values(node: nodes.Values, ctx: Context, then: Then) -> None:
    f = ctx.f
    if len(node.rows) == 1:
        values = [
            ctx.copy(unmarked(emit_value(expr, ctx))) if not is_cell(expr) else emit_value(expr, ctx)
            for expr in node.rows[0]
        ]
        ctx.sources[node.source] = LocalSource(values)
        then()
        return
    if not node.rows:
        emit_no_rows(node, ctx, then)
        return
    chunks = [] if all(is_cell(expr) for one in node.rows for expr in one) else _parts(node.rows, _weight)
    if len(chunks) > 1:
        columns_of = tuple(bound.ColumnRef(source=node.source, column=i) for i in range(node.n_columns))
        arms = tuple(nodes.Values(source=node.source, rows=tuple(rows), n_columns=node.n_columns) for rows in chunks)
        _append(nodes.Append(source=node.source, children=arms, outputs=(columns_of,) * len(arms)), ctx, then)
        return
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in range(node.n_columns)]
    ctx.sources[node.source] = LocalSource(columns)
    row = f.local(I32, "row")

    def assign(values: Sequence[SqlValue]) -> None:
        _assign(columns, values, ctx)

    def begin() -> Expr:
        f.set(row, 0)
        return i32(1)

    def step() -> Expr:
        f.set(row, row + 1)
        return row < len(node.rows)

    def body(done: Label) -> None:
        if all(is_cell(expr) for one in node.rows for expr in one):
            table = ctx.data_address(cell_table(node.rows, ctx), align=4)
            at = f.local(I32, "", table + row * (4 * node.n_columns))
            assign(load_cells(at, node.n_columns, ctx))
        else:
            _switch_rows(node, row, assign, ctx)
        then()

    visit(ctx, begin, step, body)


def _parts(items: Iterable[T], weigh: Callable[[T], int]) -> list[list[T]]:
    """The items in parts that one function has room for."""
    parts: list[list[T]] = [[]]
    weight = 0
    for item in items:
        weight += weigh(item)
        if weight > LARGE_PART and parts[-1]:
            parts.append([])
            weight = 0
        parts[-1].append(item)
    return parts


def _weight(nodes_: Iterable[Node]) -> int:
    return sum(1 for _ in walk(nodes_))


def _literal_rows(node: nodes.LiteralRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    list_ = ctx.parameter(ctx.n_user_params + node.literal, BLOB)
    at, end = f.local(I32, "row"), f.local(I32, "rows_end")
    width = node.n_columns * VALUE_SIZE

    def begin() -> Expr:
        f.set(at, list_.payload.wrap())
        f.set(end, at + list_.payload.shr_u(32).wrap() * width)
        return at.lt_u(end)

    def step() -> Expr:
        f.set(at, at + width)
        return at.lt_u(end)

    def body(done: Label) -> None:
        values = [ctx.load_value(at, column) for column in range(node.n_columns)]
        ctx.sources[node.source] = LocalSource(values)
        then()

    visit(ctx, begin, step, body)


def emit_no_rows(node: nodes.Values | nodes.Directory, ctx: Context, then: Then) -> None:
    """The body is there all the same: an outer join enters it for its NULL rows."""
    f = ctx.f
    ctx.sources[node.source] = LocalSource([SqlValue(f.local(I32), f.local(I64)) for _ in range(node.n_columns)])
    none = f.local(I32, "none", 0)
    visit(ctx, lambda: none, lambda: none, lambda _: then())


def _switch_rows(node: nodes.Values, row: Local, assign: Callable[[Sequence[SqlValue]], None], ctx: Context) -> None:
    """Rows of expressions: a branch table, one block a row."""
    f = ctx.f
    with f.block() as chosen:
        labels = [f.block() for _ in node.rows]
        for label in reversed(labels):
            label.__enter__()
        f.switch(row, labels, labels[-1])
        for label, exprs in zip(labels, node.rows, strict=True):
            label.__exit__(None, None, None)
            assign([emit_value(expr, ctx) for expr in exprs])
            f.br(chosen)


def _filter(node: nodes.Filter, ctx: Context, then: Then) -> None:
    emit_source(node.child, ctx, lambda: filtered(node.predicate, ctx, then))


def filtered(predicate: bound.Expr, ctx: Context, then: Then) -> None:
    """Run `then` if the predicate is true of the row."""
    with ctx.f.block() as rejected:
        ensure_cheap(predicate, ctx)
        ensure(first_conjunct(predicate), ctx)
        jump(predicate, rejected, ctx, when=False, on_null=True)
        then()


def first_conjunct(node: bound.Expr) -> object:
    """What is evaluated unconditionally of a condition: all of it, unless AND/OR/CASE may stop early."""
    while isinstance(node, bound.Binary) and node.op in ("and", "or"):
        node = node.left
    return node


def _append(node: nodes.Append, ctx: Context, then: Then) -> None:
    """UNION ALL. The body stands once, behind the arms: a row leaves its arm, which is entered again after the body.

    Many arms are generators, so that no function grows without bound.
    """
    f = ctx.f
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in node.outputs[0]]
    following = f.local(I32, "following")
    with f.block() as done, f.loop() as again:
        with f.block() as row:

            def hand_over(values: Sequence[SqlValue]) -> None:
                _assign(columns, values, ctx)
                point = Point()
                ctx.remember(following, point)
                f.br(row)
                ctx.land(point)

            groups = _parts(zip(node.children, node.outputs, strict=True), lambda arm: _weight((arm[0], *arm[1])))
            for arms in groups:
                if len(groups) == 1:
                    _arms(arms, ctx, hand_over)
                else:
                    _generated_arms(arms, ctx, hand_over)
            f.br(done)
        ctx.sources[node.source] = LocalSource(columns)
        with ctx.repeated(), ctx.row_memory():
            then()
        f.set(ctx.resume, following)
        f.br(again)


Arm = tuple[nodes.Plan, tuple[bound.Expr, ...]]


def _arms(arms: Sequence[Arm], ctx: Context, hand_over: Callable[[Sequence[SqlValue]], None]) -> None:
    for child, outputs in arms:

        def row(outputs: Sequence[bound.Expr] = outputs) -> None:
            with ctx.row_memory():  # an arm without FROM has no loop that would give it back
                ensure(outputs, ctx)
                hand_over([emit_value(expr, ctx) for expr in outputs])

        with ctx.repeated():  # the body has run meanwhile
            emit_source(child, ctx, row)


def _generated_arms(arms: Sequence[Arm], ctx: Context, hand_over: Callable[[Sequence[SqlValue]], None]) -> None:
    plans = [part for child, outputs in arms for part in (child, *outputs)]
    fetch, read = generate("arms", plans, len(arms[0][1]), ctx, lambda inner, row: _arms(arms, inner, row))
    visit(ctx, fetch, fetch, lambda _: hand_over(read()))


def _assign(columns: Sequence[SqlValue], values: Sequence[SqlValue], ctx: Context) -> None:
    for column, value in zip(columns, values, strict=True):
        ctx.assign(column, value)


SOURCES.update(
    {
        nodes.OneRow: _one_row,
        nodes.Values: _values,
        nodes.LiteralRows: _literal_rows,
        nodes.Filter: _filter,
        nodes.Append: _append,
    }
)
