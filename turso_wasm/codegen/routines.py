"""Calling routines: arguments into their frame, a result or rows out of it.

What a routine reads of the rows and Lets around it, its *arguments*, are Values in its frame, written before each
activation. A *generator* is a routine that hands over rows: it leaves each in its frame and returns ROWS; called
again, it continues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node, walk
from turso_wasm.bind import bound
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.expressions import outer_columns
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import ROWS, Frame
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import Expr, Local

RESULT = Frame.size  # offset in the frame of what a routine computed: a Value


@dataclass(slots=True)
class Argument:
    """An outer value: column `column` of row source `source`; source None: the Let `column`, or something given."""

    source: int | None
    column: int
    value: SqlValue


def arguments_of(plans: Sequence[Node], ctx: Context) -> list[Argument]:
    """What plans read of the rows and Lets around them."""
    found: dict[tuple[int, int], Argument] = {}
    for source, columns in sorted(outer_columns(*plans).items()):
        if source in ctx.sources:
            for column in sorted(columns):
                found[source, column] = Argument(source, column, ctx.sources[source].value(column, ctx))
    lets: list[Argument] = []
    if ctx.lets:
        numbers = {item.number for item in walk(plans) if isinstance(item, bound.LetRef)}
        lets = [Argument(None, number, value) for number, value in sorted(ctx.lets.items()) if number in numbers]
    return [*found.values(), *lets]


def open_routine(
    name: str, caller: Context, arguments: Sequence[Argument], n_results: int, resumable: bool
) -> tuple[Context, int, list[SqlValue]]:
    """(a new routine, where its arguments lie in its frame, their values there). Its results are n Values."""
    ctx = caller.routine(name, resumable)
    result = ctx.frame_alloc(max(n_results, 1) * VALUE_SIZE)
    assert result == RESULT
    at = ctx.frame_alloc(len(arguments) * VALUE_SIZE)
    values = []
    columns: dict[int, dict[int, SqlValue]] = {}
    for number, argument in enumerate(arguments):
        tag = argument.value.tag if isinstance(argument.value.tag, int) else None
        value = ctx.prologue_value(ctx.frame + at, number, tag, "outer", argument.value.types)
        values.append(value)
        if argument.source is not None:
            columns.setdefault(argument.source, {})[argument.column] = value
        elif argument.column >= 0:
            ctx.lets[argument.column] = value
    for source, known in columns.items():
        outer = ctx.sources[source] = LocalSource([])
        outer.decoded = dict(known)
    return ctx, at, values


def pass_arguments(frame: Local, at: int, arguments: Sequence[Argument], ctx: Context) -> None:
    """Write the arguments into the frame."""
    for number, argument in enumerate(arguments):
        ctx.store_value(frame + at, argument.value, number)


def generate(
    name: str,
    plans: Sequence[Node],
    n_columns: int,
    ctx: Context,
    emit: Callable[[Context, Callable[[Sequence[SqlValue]], None]], None],
) -> tuple[Callable[[], Expr], Callable[[], list[SqlValue]]]:
    """Compile a generator of rows of `n_columns` values: `emit(inner, row)` runs `row(values)` for each.

    The results: one that emits the code which fetches the next row (i32: there is one), and one that reads it.
    """
    f = ctx.f
    arguments = arguments_of(plans, ctx)
    inner, at, _ = open_routine(name, ctx, arguments, n_columns, True)

    def row(values: Sequence[SqlValue]) -> None:
        for column, value in enumerate(values):
            inner.store_value(inner.frame + RESULT, value, column)
        point = Point()
        inner.suspend(point, ROWS)
        inner.land(point)

    emit(inner, row)
    routine = inner.finish()
    frame = ctx.callee_frame(routine)
    f.store("i32", frame, 0, Frame.offset("state"))  # an earlier activation may have been left where it was (LIMIT)
    ctx.leave(frame)
    pass_arguments(frame, at, arguments, ctx)

    def fetch() -> Expr:
        status = ctx.run(routine, frame)
        with f.if_(status.eqz()):
            ctx.leave(frame)
        return status

    def read() -> list[SqlValue]:
        return [ctx.load_value(frame, column, at=RESULT) for column in range(n_columns)]

    return fetch, read
