"""Row sources that are no b-trees: one row, VALUES, literal rows, filters, UNION ALL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.cells import cell_table, is_cell, load_cells
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import BLOB
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32


def _one_row(node: nodes.OneRow, ctx: Context, then: Then) -> None:
    then()


def _values(node: nodes.Values, ctx: Context, then: Then) -> None:
    f = ctx.f
    if len(node.rows) == 1:
        values = [
            ctx.copy(emit_value(expr, ctx)) if not is_cell(expr) else emit_value(expr, ctx) for expr in node.rows[0]
        ]
        ctx.sources[node.source] = LocalSource(values)
        then()
        return
    if not node.rows:
        return
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in range(node.n_columns)]
    ctx.sources[node.source] = LocalSource(columns)
    row = f.local(I32, "row")

    def assign(values: Sequence[SqlValue]) -> None:
        for column, value in zip(columns, values, strict=True):
            assert isinstance(column.tag, Local) and isinstance(column.payload, Local)
            f.set(column.tag, value.tag_expr)
            f.set(column.payload, value.payload)

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
    def body() -> None:
        with ctx.f.block() as rejected:
            ensure(first_conjunct(node.predicate), ctx)
            jump(node.predicate, rejected, ctx, when=False, on_null=True)
            then()

    emit_source(node.child, ctx, body)


def first_conjunct(node: bound.Expr) -> object:
    """What is evaluated unconditionally of a condition: all of it, unless AND/OR/CASE may stop early."""
    while isinstance(node, bound.Binary) and node.op in ("and", "or"):
        node = node.left
    return node


def _append(node: nodes.Append, ctx: Context, then: Then) -> None:
    """UNION ALL: each child in turn assigns the common columns and runs its own copy of `then`."""
    f = ctx.f
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in node.outputs[0]]
    for child, outputs in zip(node.children, node.outputs, strict=True):

        def assign(outputs: Sequence[bound.Expr] = outputs) -> None:
            ensure(outputs, ctx)
            for column, expr in zip(columns, outputs, strict=True):
                value = emit_value(expr, ctx)
                assert isinstance(column.tag, Local) and isinstance(column.payload, Local)
                f.set(column.tag, value.tag_expr)
                f.set(column.payload, value.payload)
            ctx.sources[node.source] = LocalSource(columns)
            then()

        emit_source(child, ctx, assign)


SOURCES.update(
    {
        nodes.OneRow: _one_row,
        nodes.Values: _values,
        nodes.LiteralRows: _literal_rows,
        nodes.Filter: _filter,
        nodes.Append: _append,
    }
)
