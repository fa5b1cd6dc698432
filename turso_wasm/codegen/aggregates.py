"""The aggregates: one row of `AGGREGATES` each says how it keeps a group's state, takes in a row, gives its value.

A state is memory in the group, zero at the start. Grouping (and whatever else aggregates) knows aggregates by this
table only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import ANY, SqlValue, collation_code, mask
from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, ConcatState, ExtremeState, PercentileState, SumState
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, i64

MEDIAN, PERCENTILE, CONT, DISC = range(4)  # kernel/values/percentile.py

Step = Callable[[bound.AggregateCall, list[SqlValue], Expr, bool, Context], "Local | None"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How one aggregate is compiled.

    size: bytes of its state. step(call, arguments, address of the state, hot, ctx): emit the code that takes a row in;
    what it returns is a local that is 1 when that row is the one whose bare columns count (min, max), else None.
    hot: it stands in the body of a long loop, so code may be expanded there. value(address of the state, ctx): its
    result so far.
    """

    size: int
    step: Step
    value: Callable[[Expr, Context], SqlValue]


def counted(arguments: list[SqlValue]) -> Expr:
    """What count adds for a row: i64, 1 unless its argument is NULL."""
    return arguments[0].has_tag(NULL).eqz().extend_u() if arguments else i64(1)


def _count_step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.f.store("i64", state, ctx.f.load("i64", state) + counted(arguments))


def _count_value(state: Expr, ctx: Context) -> SqlValue:
    return SqlValue(INTEGER, ctx.f.local(I64, "count", ctx.f.load("i64", state)))


def _sum_step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    (value,) = arguments
    integer = value.has_tag(INTEGER)
    if not hot or integer.const == 0:
        ctx.do("sum_step", state, value)
        return
    with ctx.f.if_(integer) as otherwise:
        ctx.f.do(ctx.f.call("sum_step_int", state, value.payload, inline=True))
        otherwise.else_()
        ctx.do("sum_step", state, value)


def _extreme_step(routine: str) -> Step:
    def step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> Local:
        changed = ctx.f.call(routine, ctx.stmt, state, *arguments[0].pair, collation_code(call.collation))
        return ctx.f.local(I32, "changed", changed)

    return step


def _concat_step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    separator = arguments[1] if len(arguments) > 1 else ctx.constant(",")
    ctx.do("concat_step", ctx.stmt, state, arguments[0], separator)


def _median_step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("median_step", ctx.stmt, state, arguments[0])


def _percentile(kind: int) -> Aggregate:
    """Of the numbers of kernel/values/percentile.py."""

    def step(call: bound.AggregateCall, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("percentile_step", ctx.stmt, state, *arguments, kind)

    def value(state: Expr, ctx: Context) -> SqlValue:
        return ctx.call("percentile_final", state, kind, types=mask(NULL, REAL))

    return Aggregate(PercentileState.size, _median_step if kind == MEDIAN else step, value)


def _kernel_value(routine: str, types: int) -> Callable[[Expr, Context], SqlValue]:
    return lambda state, ctx: ctx.call(routine, state, types=types)


AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(8, _count_step, _count_value),
    "sum": Aggregate(SumState.size, _sum_step, _kernel_value("sum_final", mask(NULL, INTEGER, REAL))),
    "total": Aggregate(SumState.size, _sum_step, _kernel_value("total_final", mask(REAL))),
    "avg": Aggregate(SumState.size, _sum_step, _kernel_value("avg_final", mask(NULL, REAL))),
    "min": Aggregate(ExtremeState.size, _extreme_step("min_step"), _kernel_value("extreme_final", ANY)),
    "max": Aggregate(ExtremeState.size, _extreme_step("max_step"), _kernel_value("extreme_final", ANY)),
    "group_concat": Aggregate(ConcatState.size, _concat_step, _kernel_value("concat_final", mask(NULL, TEXT))),
    "median": _percentile(MEDIAN),
    "percentile": _percentile(PERCENTILE),
    "percentile_cont": _percentile(CONT),
    "percentile_disc": _percentile(DISC),
}
