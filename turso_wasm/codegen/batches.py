"""Functions of the user's for many rows at once (kernel/values/batch.py).

A generator gives the rows; they are gathered until the batch is full, the host is asked, and the body runs for each.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import partial

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, emit_source
from turso_wasm.codegen.records import copied
from turso_wasm.codegen.routines import generate
from turso_wasm.codegen.sources import Source
from turso_wasm.codegen.values import ANY, SqlValue
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Local


class ValuesSource(Source):
    """Columns that lie in Values behind the address `row`. places: by column, its number and its types."""

    def __init__(self, row: Local, places: dict[int, tuple[int, int]]) -> None:
        super().__init__()
        self.row = row
        self.places = places

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        return {column: ctx.load_value(self.row, self.places[column][0], self.places[column][1]) for column in columns}


def _batch(node: nodes.Batch, ctx: Context, then: Then) -> None:
    f = ctx.f
    given: list[bound.Expr] = [*node.columns, *(arg for call in node.calls for arg in call.args)]
    width = len(given) + len(node.calls)
    batch, row, ended = f.local(I32, "batch"), f.local(I32, "row"), f.local(I32, "ended")
    with f.if_(batch):  # an inner loop comes here again
        ctx.do("resource_free", ctx.stmt, batch)
    calls = ctx.data_address(_calls(node, len(given)), 4)
    f.set(batch, f.call("batch_new", ctx.stmt, calls, len(node.calls), width, int(node.by_rows)))
    types = [ANY] * len(given)

    def emit(inner: Context, hand_over: object) -> None:
        inner.asks_user = False  # the rows are gone before anybody is asked

        def each() -> None:
            ensure(given, inner)
            values = [emit_value(expr, inner) for expr in given]
            types[:] = [value.types for value in values]
            hand_over(values)  # type: ignore[operator]

        emit_source(node.child, inner, each)

    fetch, read = generate("batch", [node.child, *given], len(given), ctx, emit)
    f.set(ended, 0)
    with f.block() as done, ctx.repeated(), f.loop() as again:
        ctx.tick()
        f.set(row, f.call("batch_next", batch))
        with f.if_(row.eqz()):
            f.br(done, if_=ended)
            with f.block() as filled, f.loop() as more:
                status = fetch()
                with f.if_(status.eqz()):
                    f.set(ended, 1)
                    f.br(filled)
                f.set(row, f.call("batch_row", batch))
                for at, (value, known) in enumerate(zip(read(), types, strict=True)):
                    value.types = known
                    room = "batch_alloc" if at < len(node.columns) else "batch_given"
                    ctx.store_value(row, copied(value, partial(f.call, room, batch), ctx), at)
                f.br(more, if_=f.call("batch_add", batch))
            with f.if_(f.call("batch_run", ctx.stmt, batch)):
                f.set(ctx.budget, 0)  # maybe the time slice is over
            f.br(again)
        with ctx.row_memory(), f.block():
            _place(node, row, types, ctx)
            then()
        f.br(again)


def _calls(node: nodes.Batch, result: int) -> bytes:
    """What the host is told of a call: number of the function, its first argument's, how many, the value's."""
    first, told = len(node.columns), b""
    for at, call in enumerate(node.calls):
        told += struct.pack("<iiii", call.number, first, len(call.args), result + at)
        first += len(call.args)
    return told


def _place(node: nodes.Batch, row: Local, types: Sequence[int], ctx: Context) -> None:
    """Make the columns those of the row."""
    places: dict[int, dict[int, tuple[int, int]]] = {}
    for at, ref in enumerate(node.columns):
        places.setdefault(ref.source, {})[ref.column] = (at, types[at])
    places[node.source] = {at: (len(types) + at, ANY) for at in range(len(node.calls))}
    for source, columns in places.items():
        ctx.sources[source] = ValuesSource(row, columns)


SOURCES[nodes.Batch] = _batch
