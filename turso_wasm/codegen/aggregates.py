"""The aggregates: one row of `AGGREGATES` each says how it keeps a group's state, takes in a row, gives its value.

A state is memory in the group, zero at the start. Grouping (and whatever else aggregates) knows aggregates by this
table only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, overload

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import as_real, as_text, result
from turso_wasm.codegen.subtypes import JSON, subtype_of
from turso_wasm.codegen.values import ANY, SqlValue, collation_code, mask
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.kernel.abi_modules import GroupBox
from turso_wasm.kernel.abi_states import (
    ConcatState,
    DeviationState,
    ExtremesState,
    ExtremeState,
    KeptState,
    PercentileState,
    SumState,
    UserState,
)
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, i32, i64

MEDIAN, PERCENTILE, CONT, DISC = range(4)  # kernel/values/percentile.py
SAMPLE, ROOT = 1, 2  # kernel/values/deviation.py

Call: TypeAlias = "bound.AggregateCall | bound.WindowCall"
Step = Callable[[Call, list[SqlValue], Expr, bool, Context], "Local | None"]
Value = Callable[[Expr, Context], SqlValue]
Reset = Callable[[Expr, Context], None]
Merge = Callable[[Call, Expr, Expr, Context], "Expr | None"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How one aggregate is compiled.

    size: bytes of its state. step(call, arguments, address of the state, hot, ctx): emit the code that takes a row in;
    what it returns is a local that is 1 when that row is the one whose bare columns count (min, max), else None.
    hot: it stands in the body of a long loop, so code may be expanded there. value(address of the state, ctx): its
    result so far; more rows may follow; final, called likewise: the result, nothing follows (None: as value).
    reset(address of the state, ctx): the state before the first row.

    For the frame of a window that moves: inverse, called like step, takes out the row that was taken in first. None:
    there is no such way, the state is computed anew; `moving` may be the same aggregate with another state, that has
    one. constant: the arguments from the second on must be constants for it.

    For a frame of several parts: each has a state of `part`, or of this aggregate, and moves. merge(call, address of a
    state, address of a part's, ctx): its rows, which come behind, are taken in; i32, not 0: they must be one by one.

    takes_null: DISTINCT keeps one NULL too. marked: the arguments' subtypes matter.
    """

    size: int
    step: Step
    value: Value
    inverse: Step | None = None
    moving: Aggregate | None = None
    part: Aggregate | None = None
    merge: Merge | None = None
    reset: Reset | None = None  # None: all zero
    final: Value | None = None
    constant: bool = False
    takes_null: bool = False
    marked: bool = False

    def clear(self, state: Expr, ctx: Context) -> None:
        """Emit the code that makes a state the one before the first row; one that was never used is all zero."""
        if self.reset is None:
            ctx.f.memory_fill(state, 0, self.size)
        else:
            self.reset(state, ctx)


def counted(arguments: list[SqlValue]) -> Expr:
    """What count adds for a row: i64, 1 unless its argument is NULL."""
    return arguments[0].has_tag(NULL).eqz().extend_u() if arguments else i64(1)


def _count_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.f.store("i64", state, ctx.f.load("i64", state) + counted(arguments))


def _count_inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.f.store("i64", state, ctx.f.load("i64", state).sub(counted(arguments)))


def _count_merge(call: Call, state: Expr, part: Expr, ctx: Context) -> None:
    ctx.f.store("i64", state, ctx.f.load("i64", state) + ctx.f.load("i64", part))


def _count_value(state: Expr, ctx: Context) -> SqlValue:
    return SqlValue(INTEGER, ctx.f.local(I64, "count", ctx.f.load("i64", state)))


def _sum_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    value = as_real(arguments[0], ctx)
    integer = value.has_tag(INTEGER)
    if not hot or integer.const == 0:
        ctx.do("sum_step", state, value)
        return
    with ctx.f.if_(integer) as otherwise:
        ctx.f.do(ctx.f.call("sum_step_int", state, value.payload, inline=True))
        otherwise.else_()
        ctx.do("sum_step", state, value)


def _sum_inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("sum_inverse", state, as_real(arguments[0], ctx))


def _sum_merge(call: Call, state: Expr, part: Expr, ctx: Context) -> Expr:
    return ctx.f.call("sum_merge", state, part)


def _extreme_step(routine: str) -> Step:
    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> Local:
        changed = ctx.f.call(routine, ctx.stmt, state, *arguments[0].pair, collation_code(call.collation, ctx))
        return ctx.f.local(I32, "changed", changed)

    return step


def _extreme_reset(state: Expr, ctx: Context) -> None:
    """What holds its text is used again."""
    ctx.f.store("i32", state, NULL, ExtremeState.offset("tag"))


def _moving_extreme(sign: int) -> Aggregate:
    """The extreme of a frame that moves: the values that can still become it, in order."""

    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("extremes_enter", ctx.stmt, state, arguments[0], sign, collation_code(call.collation, ctx))

    def inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("extremes_leave", state, arguments[0].tag_expr)

    def reset(state: Expr, ctx: Context) -> None:
        ctx.do("extremes_reset", state)

    return Aggregate(ExtremesState.size, step, _kernel_value("extremes_value", ANY), inverse, reset=reset)


def _concat(routine: str) -> Step:
    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        separator = arguments[1] if len(arguments) > 1 else ctx.constant(",")
        ctx.do(routine, ctx.stmt, state, as_text(arguments[0], ctx), as_text(separator, ctx))

    return step


def _concat_reset(state: Expr, ctx: Context) -> None:
    """What holds the text is used again."""
    for name in ("count", "used", "start", "begun"):
        ctx.f.store("i32", state, 0, ConcatState.offset(name))


def _median_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("median_step", ctx.stmt, state, arguments[0])


def _percentile(kind: int) -> Aggregate:
    """Of the numbers of kernel/values/percentile.py."""

    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("percentile_step", ctx.stmt, state, *arguments, kind)

    def value(state: Expr, ctx: Context) -> SqlValue:
        return ctx.call("percentile_final", state, kind, types=mask(NULL, REAL))

    def inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("percentile_inverse", state, arguments[0].tag_expr)

    def reset(state: Expr, ctx: Context) -> None:
        for name in ("count", "has_fraction"):
            ctx.f.store("i32", state, 0, PercentileState.offset(name))

    take = _median_step if kind == MEDIAN else step
    return Aggregate(PercentileState.size, take, value, inverse, reset=reset)


def _deviation(kind: int) -> Aggregate:
    """Of numbers: the kind of kernel/values/deviation.py."""

    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("deviation_step", state, arguments[0])

    def enter(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("deviation_enter", ctx.stmt, state, arguments[0])

    def leave(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("deviation_leave", state, arguments[0])

    def value(routine: str) -> Value:
        return lambda state, ctx: ctx.call(routine, state, kind, types=mask(NULL, REAL))

    moving = Aggregate(KeptState.size, enter, value("deviation_value"), leave, reset=_kept_reset)
    return Aggregate(DeviationState.size, step, value("deviation_final"), moving=moving)


def _kept_reset(state: Expr, ctx: Context) -> None:
    """What holds the values is used again."""
    ctx.f.store("i32", state, 0, KeptState.offset("count"))


def _mode() -> Aggregate:
    def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("mode_step", ctx.stmt, state, arguments[0])

    def inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
        ctx.do("mode_inverse", state, arguments[0].tag_expr)

    def value(state: Expr, ctx: Context) -> SqlValue:
        return ctx.call("mode_value", ctx.stmt, state, types=ANY)

    return Aggregate(KeptState.size, step, value, inverse, reset=_kept_reset)


def _kernel_value(routine: str, types: int) -> Callable[[Expr, Context], SqlValue]:
    return lambda state, ctx: ctx.call(routine, state, types=types)


def _sum(routine: str, types: int) -> Aggregate:
    return Aggregate(SumState.size, _sum_step, _kernel_value(routine, types), _sum_inverse, merge=_sum_merge)


def _json_array_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("json_array_step", ctx.stmt, state, arguments[0], subtype_of(arguments[0]))


def _json_array_inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("json_group_inverse", state, INTEGER)


def _json_object_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    name, value = arguments
    ctx.do("json_object_step", ctx.stmt, state, as_text(name, ctx), value, subtype_of(value))


def _json_object_inverse(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    ctx.do("json_group_inverse", state, arguments[0].tag_expr)


def _json_group(opening: str, binary: bool) -> Aggregate:
    """An array or an object, as text or as JSONB."""

    def value(state: Expr, ctx: Context) -> SqlValue:
        types = mask(BLOB if binary else TEXT)
        group = result(ctx.call_alloc("json_group_value", state, ord(opening), int(binary), types=types), ctx)
        group.subtype = None if binary else i32(JSON)
        return group

    array = opening == "["
    step, inverse = (_json_array_step, _json_array_inverse) if array else (_json_object_step, _json_object_inverse)
    return Aggregate(ConcatState.size, step, value, inverse, reset=_concat_reset, takes_null=array, marked=True)


def _extreme(routine: str, sign: int) -> Aggregate:
    value = _kernel_value("extreme_final", ANY)
    moving, step = _moving_extreme(sign), _extreme_step(routine)

    def merge(call: Call, state: Expr, part: Expr, ctx: Context) -> None:
        step(call, [moving.value(part, ctx)], state, False, ctx)

    return Aggregate(
        ExtremeState.size,
        step,
        value,
        moving=moving,
        part=_moving_extreme(2 * sign),
        merge=merge,
        reset=_extreme_reset,
    )


def _sample_step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
    block = _block(arguments, ctx)
    ctx.allocates = True
    ctx.do("ivf_sample_step", ctx.stmt, state, block)


def _block(arguments: list[SqlValue], ctx: Context) -> Local:
    """The address of all arguments, one behind the other."""
    block = ctx.f.local(I32, "", ctx.frame_values(len(arguments)))
    for i, argument in enumerate(arguments):
        ctx.store_value(block, argument, i)
    return block


AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(8, _count_step, _count_value, _count_inverse, merge=_count_merge),
    "sum": _sum("sum_final", mask(NULL, INTEGER, REAL)),
    "total": _sum("total_final", mask(REAL)),
    "avg": _sum("avg_final", mask(NULL, REAL)),
    "min": _extreme("min_step", 1),
    "max": _extreme("max_step", -1),
    "group_concat": Aggregate(
        ConcatState.size,
        _concat("concat_step"),
        lambda state, ctx: result(ctx.call("concat_final", state, types=mask(NULL, TEXT)), ctx),
        _concat("concat_inverse"),
        reset=_concat_reset,
        constant=True,
    ),
    "json_group_array": _json_group("[", False),
    "jsonb_group_array": _json_group("[", True),
    "json_group_object": _json_group("{", False),
    "jsonb_group_object": _json_group("{", True),
    "geopoly_group_bbox": Aggregate(
        GroupBox.size,
        lambda call, arguments, state, hot, ctx: ctx.do("geopoly_group_step", ctx.stmt, state, arguments[0]),
        lambda state, ctx: ctx.call_alloc("geopoly_group_value", state),
        reset=lambda state, ctx: ctx.f.store("i32", state, 0, GroupBox.offset("any")),
    ),
    "__turso_ivf_sample": Aggregate(
        ConcatState.size,
        _sample_step,
        lambda state, ctx: result(ctx.call("ivf_sample_final", state, types=mask(NULL, BLOB)), ctx),
        reset=_concat_reset,
    ),
    "median": _percentile(MEDIAN),
    "percentile": _percentile(PERCENTILE),
    "percentile_cont": _percentile(CONT),
    "percentile_disc": _percentile(DISC),
    "var_samp": _deviation(SAMPLE),
    "var_pop": _deviation(0),
    "stddev_samp": _deviation(SAMPLE | ROOT),
    "stddev_pop": _deviation(ROOT),
    "mode": _mode(),
}


@overload
def aggregate_of(call: bound.AggregateCall) -> Aggregate: ...


@overload
def aggregate_of(call: bound.WindowCall) -> Aggregate | None: ...


def aggregate_of(call: Call) -> Aggregate | None:
    """How this aggregate is compiled; None for a window function that is none."""
    return _user_aggregate(call.number) if call.number >= 0 else AGGREGATES.get(call.name)


def _user_aggregate(number: int) -> Aggregate:
    """An aggregate of the user's, `number` in the registry."""

    def take(routine: str) -> Step:
        def step(call: Call, arguments: list[SqlValue], state: Expr, hot: bool, ctx: Context) -> None:
            block = _block(arguments, ctx)
            ctx.allocates = True
            later = (int(isinstance(call, bound.WindowCall) or call.gathers),) if routine == "user_step" else ()
            ctx.do(routine, ctx.stmt, state, block, len(arguments), number, *later)

        return step

    def give(routine: str) -> Callable[[Expr, Context], SqlValue]:
        return lambda state, ctx: ctx.call_alloc(routine, state, number)

    def reset(state: Expr, ctx: Context) -> None:
        ctx.allocates = True
        ctx.do("user_reset", ctx.stmt, state, number)

    return Aggregate(
        UserState.size,
        take("user_step"),
        give("user_value"),
        take("user_inverse"),
        reset=reset,
        takes_null=True,
        final=give("user_final"),
    )
