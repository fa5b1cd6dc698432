"""What window functions compute from the rows of their frame or partition.

An aggregate's state follows its frame: rows are taken in at the end and taken out at the start (codegen/aggregates.py,
`inverse`). A frame that leaves rows out is two or three that do not, whose states are merged. It is computed anew only
where it cannot be otherwise: for aggregates without an inverse when the start moves, or that cannot be merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.codegen.aggregates import Aggregate, aggregate_of
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.codegen.window_frames import FrameCode, Unit
from turso_wasm.kernel.abi import INTEGER, NULL, REAL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, i32, i64, select


@dataclass(slots=True, eq=False)
class _State:
    """An aggregate of the node and its state: `at` in the frame."""

    call: bound.WindowCall
    aggregate: Aggregate
    at: int

    def clear(self, ctx: Context) -> None:
        """The state before the first row."""
        self.aggregate.clear(ctx.frame + self.at, ctx)

    def value(self, ctx: Context) -> SqlValue:
        """The result so far."""
        return self.aggregate.value(ctx.frame + self.at, ctx)


def _state(call: bound.WindowCall, aggregate: Aggregate, ctx: Context) -> _State:
    return _State(call, aggregate, ctx.frame_alloc(aggregate.size))


def _take(states: Sequence[_State], ctx: Context, out: bool = False) -> None:
    """The current row enters the states, or leaves them."""
    ensure([state.call.args for state in states if state.call.filter is None], ctx)
    for state in states:
        call = state.call
        step = state.aggregate.inverse if out else state.aggregate.step
        assert step is not None
        with ctx.f.block() as skip:
            if call.filter is not None:
                jump(call.filter, skip, ctx, when=False, on_null=True)
            values = [emit_value(arg, ctx) for arg in call.args]
            step(call, values, ctx.frame + state.at, True, ctx)


def _forget(states: Sequence[_State], ctx: Context) -> None:
    """The states of an earlier activation, whose memory is gone."""
    for state in states:
        ctx.f.memory_fill(ctx.frame + state.at, 0, state.aggregate.size)


# --- as the rows come ---------------------------------------------------------------------------------------------


class RunningFunctions:
    """Functions of a node whose unit is the row."""

    def __init__(self, node: nodes.Window, ctx: Context) -> None:
        f = ctx.f
        self.node = node
        self.ctx = ctx
        self.number, self.first, self.groups = (f.local(I64, name, 0) for name in ("number", "first", "groups"))
        self.states = {
            at: _state(call, aggregate, ctx)
            for at, call in enumerate(node.calls)
            if (aggregate := aggregate_of(call)) is not None
        }

    def forget(self) -> None:
        """Before the first row of an activation."""
        _forget(list(self.states.values()), self.ctx)

    def begin_partition(self) -> None:
        """Before the first row of a partition."""
        self.ctx.f.set(self.number, 0)
        self.ctx.f.set(self.groups, 0)
        self.begin_group()
        for state in self.states.values():
            state.clear(self.ctx)

    def begin_group(self) -> None:
        """Before a row that is no peer of those before."""
        self.ctx.f.set(self.first, self.number + 1)
        self.ctx.f.set(self.groups, self.groups + 1)

    def step(self) -> None:
        """Take the current row in."""
        self.ctx.f.set(self.number, self.number + 1)
        _take(list(self.states.values()), self.ctx)

    def values(self) -> dict[int, SqlValue]:
        """The results for the current row, by their columns."""
        counters = {"row_number": self.number, "rank": self.first, "dense_rank": self.groups}
        found = {}
        for at, call in enumerate(self.node.calls):
            state = self.states.get(at)
            value = SqlValue(INTEGER, counters[call.name]) if state is None else state.value(self.ctx)
            found[len(self.node.outputs) + at] = value
        return found


# --- gathered rows ------------------------------------------------------------------------------------------------


class Functions:
    """Functions of a node whose rows are gathered."""

    def __init__(self, node: nodes.Window, unit: Unit, ctx: Context) -> None:
        self.node = node
        self.unit = unit
        self.ctx = ctx
        self.frames: dict[bound.Frame, _Frame] = {}
        self.states: dict[int, _State] = {}
        self.buckets = {at: ctx.f.local(I64, "buckets") for at, call in enumerate(node.calls) if call.name == "ntile"}
        self.last = {
            at: SqlValue(ctx.f.local(I32), ctx.f.local(I64)) for at in range(len(node.calls) if node.ahead else 0)
        }
        frames = list(dict.fromkeys(call.frame for call in node.calls))
        # To SQLite each frame is a subquery of those named before it: its errors come first, those of aggregates ahead.
        self.turns = sorted(
            range(len(node.calls)),
            key=lambda at: (-frames.index(node.calls[at].frame), aggregate_of(node.calls[at]) is None),
        )
        for at, call in enumerate(node.calls):
            aggregate = aggregate_of(call)
            if aggregate is not None:
                self.states[at] = self._frame(call).add(call, aggregate)
            elif call.name in ("first_value", "last_value", "nth_value"):
                self._frame(call)

    def _frame(self, call: bound.WindowCall) -> _Frame:
        if call.frame not in self.frames:
            self.frames[call.frame] = _Frame(FrameCode(call.frame, self.unit, self.ctx), self.ctx)
        return self.frames[call.frame]

    def forget(self) -> None:
        """Before the first row of an activation."""
        _forget(self._all_states(), self.ctx)

    def _all_states(self) -> list[_State]:
        return [*self.states.values(), *(state for frame in self.frames.values() for state in frame.states())]

    def begin_partition(self) -> None:
        """Before the first row of a partition."""
        for state in self._all_states():
            state.clear(self.ctx)
        for frame in self.frames.values():
            frame.code.begin_partition()

    def begin_unit(self) -> None:
        """Before the first row of a unit is answered."""
        for buckets in self.buckets.values():
            self.ctx.f.set(buckets, 0)
        for frame in self.frames.values():
            frame.begin_unit()
        for value in self.last.values():
            self.ctx.assign(value, NULL_VALUE)  # here, so that it outlives suspensions

    def values(self) -> dict[int, SqlValue]:
        """The results for the current row, by their columns."""
        for frame in self.frames.values():
            frame.move()
        n, calls = len(self.node.outputs), self.node.calls
        return {n + at: self._value(at, calls[at]) for at in self.turns}

    def ask(self) -> None:
        """Put off the calls for the current row; all functions are aggregates of the user's."""
        for frame in self.frames.values():
            frame.move()
        for at in self.turns:
            with self._if_new(at):
                address = self.ctx.frame + self.states[at].at
                self.ctx.do("user_value_ask", self.ctx.stmt, address, self.node.calls[at].number)

    def asked(self) -> dict[int, SqlValue]:
        """The results of what was put off, by their columns."""
        for at in self.turns:
            with self._if_new(at):
                self.ctx.assign(self.last[at], self.ctx.call("user_values_next", self.unit.values))
        return {len(self.node.outputs) + at: self.last[at] for at in self.turns}

    def _if_new(self, at: int) -> AbstractContextManager[object]:
        """The value of a function is another one than for the row before."""
        is_new = self.unit.has_new_frame(self.node.calls[at].frame)
        return self.ctx.f.block() if is_new is None else self.ctx.f.if_(is_new)

    def _value(self, at: int, call: bound.WindowCall) -> SqlValue:
        if at in self.states:
            return self.states[at].value(self.ctx)
        if call.name in ("lag", "lead"):
            return self._neighbour(call)
        if call.name in ("first_value", "last_value", "nth_value"):
            return self._in_frame(call)
        if call.name == "ntile":
            return self._bucket(call, self.buckets[at])
        return self._position(call)

    # --- where a row stands --------------------------------------------------------------------------------------

    def _position(self, call: bound.WindowCall) -> SqlValue:
        f, unit = self.ctx.f, self.unit
        match call.name:
            case "row_number":
                value = unit.base + unit.current.extend_u() + 1
            case "rank":
                value = unit.base + unit.peers.extend_u() + 1
            case "dense_rank":
                value = (unit.group_of(unit.current) + 1).extend_u()
            case "percent_rank":
                others = select(unit.count > 1, unit.count - 1, i32(1))
                return self._fraction(unit.peers, others)
            case _:  # cume_dist
                return self._fraction(unit.peers_end, unit.count)
        return SqlValue(INTEGER, f.local(I64, call.name, value))

    def _fraction(self, part: Expr, whole: Expr) -> SqlValue:
        result = part.to_f64_s() / whole.to_f64_s()
        return SqlValue(REAL, self.ctx.f.local(I64, "fraction", result.reinterpret()))

    def _bucket(self, call: bound.WindowCall, buckets: Local) -> SqlValue:
        """ntile(n): the first buckets have a row more than the others where they cannot be of equal size."""
        ctx, f, unit = self.ctx, self.ctx.f, self.unit
        with f.if_(unit.current.eqz()):
            f.set(buckets, f.call("to_integer", *emit_value(call.args[0], ctx).pair))
            with f.if_(buckets <= 0):
                ctx.raise_error(SQLITE_ERROR, "argument of ntile must be a positive integer")
        row, count = unit.current.extend_u(), unit.count.extend_u()
        size = f.local(I64, "size", count.div_s(buckets))
        large = f.local(I64, "large", count - size * buckets)
        in_large = f.local(I64, "in_large", large * (size + 1))
        bucket = f.local(I64, "bucket")
        with f.if_(row < in_large) as small:
            f.set(bucket, row.div_s(size + 1) + 1)
            small.else_()
            f.set(bucket, large + (row - in_large).div_s(size) + 1)
        return SqlValue(INTEGER, bucket)

    # --- other rows ----------------------------------------------------------------------------------------------

    def _neighbour(self, call: bound.WindowCall) -> SqlValue:
        """What lag and lead give: of the row at that distance in the partition, else the default."""
        ctx, f, unit = self.ctx, self.ctx.f, self.unit
        here = SqlValue(INTEGER, f.local(I64, "here", unit.current.extend_u()))
        distance = emit_value(call.args[1], ctx) if len(call.args) > 1 else SqlValue(INTEGER, i64(1))
        wanted = ctx.call("value_sub" if call.name == "lag" else "value_add", here, distance)
        count: Expr = unit.count
        if call.name == "lag" and not _is_backwards(call):  # SQLite, too, has read no more than one row ahead
            ahead = f.local(I32, "ahead", unit.current + 2)
            count = select(ahead < count, ahead, count)
        number = f.local(I32, "number", f.call("window_target", *wanted.pair, count))
        default = emit_value(call.args[2], ctx) if len(call.args) > 2 else None
        return self._value_at(call.args[0], number, number >= 0, default)

    def _in_frame(self, call: bound.WindowCall) -> SqlValue:
        """first_value, last_value, nth_value."""
        ctx, f = self.ctx, self.ctx.f
        code = self.frames[call.frame].code
        if call.name == "last_value":
            number = f.local(I32, "number", code.end - 1)
            for start, end in reversed(code.excluded()):
                with f.if_((number >= start) & (number < end)):
                    f.set(number, start - 1)
            return self._value_at(call.args[0], number, number >= code.start)
        number = f.local(I32, "number", code.start)
        nth = None
        if call.name == "nth_value":
            nth = f.local(I32, "nth", f.call("window_count", *emit_value(call.args[1], ctx).pair))
            f.set(number, number + select(nth > 0, nth - 1, i32(0)))
        for start, end in code.excluded():
            first = f.local(I32, "", select(start > code.start, start, code.start))
            with f.if_((number >= first) & (end > first)):
                f.set(number, number + (end - first))
        if nth is not None:  # EXCLUDE makes SQLite step through the frame, so one without rows raises nothing
            wrong = (nth <= 0) & (number < code.end) if call.frame.exclude else nth <= 0
            with f.if_(wrong):
                ctx.raise_error(SQLITE_ERROR, "second argument to nth_value must be a positive integer")
        return self._value_at(call.args[0], number, number < code.end)

    def _value_at(self, expr: bound.Expr, number: Local, found: Expr, default: SqlValue | None = None) -> SqlValue:
        """`expr` for row `number` if `found`, else the default."""
        f = self.ctx.f
        tag, payload = f.local(I32, "tag"), f.local(I64, "payload")
        with f.if_(found) as missing:
            with self.unit.at(number):
                value = emit_value(expr, self.ctx)
                f.set(tag, value.tag_expr)
                f.set(payload, value.payload)
            missing.else_()
            f.set(tag, NULL if default is None else default.tag_expr)
            f.set(payload, 0 if default is None else default.payload)
        return SqlValue(tag, payload)


# --- aggregates over frames ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """A range of rows, low..high, and the states that have them."""

    low: Local
    high: Local
    states: list[_State]


class _Frame:
    """A frame and the aggregates over it. moving: rows enter and leave its states. growing: rows enter them only, up to
    `reached`, from `begin` on. fresh: they are computed anew for each row. merged: of the states of `parts`, which the
    frame consists of.
    """

    def __init__(self, code: FrameCode, ctx: Context) -> None:
        f = ctx.f
        self.code = code
        self.ctx = ctx
        self.moving = self._part()
        self.growing: list[_State] = []
        self.fresh: list[_State] = []
        self.merged: list[_State] = []
        self.parts = [self._part() for _ in range(1 + len(code.excluded()))] if code.frame.exclude else []
        self.begin, self.reached = f.local(I32, "begin"), f.local(I32, "reached")

    def _part(self) -> _Part:
        return _Part(self.ctx.f.local(I32, "low"), self.ctx.f.local(I32, "high"), [])

    def states(self) -> list[_State]:
        """Those of the parts."""
        return [state for part in self.parts for state in part.states]

    def add(self, call: bound.WindowCall, aggregate: Aggregate) -> _State:
        """An aggregate over this frame."""
        frame = self.code.frame
        moving = aggregate.moving or aggregate
        if frame.exclude and aggregate.merge is not None:
            states = self.merged
            for part in self.parts:
                part.states.append(_state(call, aggregate.part or aggregate, self.ctx))
        elif frame.exclude not in ("", "no others"):  # computed anew for each row
            states, aggregate = self.fresh, replace(aggregate, value=aggregate.final or aggregate.value)
        elif frame.start == "unbounded" or moving.inverse is None or not _is_simple(call, moving):
            states = self.growing
        else:
            states, aggregate = self.moving.states, moving
        states.append(_state(call, aggregate, self.ctx))
        return states[-1]

    def begin_unit(self) -> None:
        """Before the first row of a unit."""
        self.code.begin_unit()
        for part in (self.moving, *self.parts):
            self.ctx.f.set(part.low, 0)
            self.ctx.f.set(part.high, 0)
        self.ctx.f.set(self.begin, 0)
        self.ctx.f.set(self.reached, 0)

    def move(self) -> None:
        """Bring frame and states to the current row."""
        self.code.move()
        if self.moving.states:
            self._slide(self.moving, self.code.start, self.code.end)
        if self.growing:
            self._grow()
        if self.merged:
            self._merge()
        if self.fresh:
            self._renew(self.fresh)

    def _slide(self, part: _Part, start: Local, end: Local) -> None:
        """Rows leave first, as in SQLite: so a sum does not overflow where it does not there. Rows before the start
        enter, too, and leave.
        """
        ctx, f, unit = self.ctx, self.ctx.f, self.code.unit
        leaves = f.local(I32, "leaves")
        with f.block() as done, f.loop() as top:
            f.set(leaves, (part.low < start) & (part.low < part.high))
            f.br(done, if_=leaves.eqz() & (part.high >= end) & (part.high >= start))
            ctx.tick()
            with ctx.row_memory(), f.if_(leaves) as enters:
                with unit.at(part.low):
                    _take(part.states, ctx, out=True)
                f.set(part.low, part.low + 1)
                enters.else_()
                with unit.at(part.high):
                    _take(part.states, ctx)
                f.set(part.high, part.high + 1)
            f.br(top)

    def _grow(self) -> None:
        """When the start has moved, the states begin again there."""
        f, code = self.ctx.f, self.code
        if code.frame.start != "unbounded":
            with f.if_(code.start != self.begin):
                f.set(self.begin, code.start)
                f.set(self.reached, code.start)
                for state in self.growing:
                    state.clear(self.ctx)
        self._take_up_to_end(self.growing, self.reached)

    def _merge(self) -> None:
        ctx, f = self.ctx, self.ctx.f
        for part, (start, end) in zip(self.parts, self.code.parts(), strict=True):
            self._slide(part, start, end)
        anew = f.local(I32, "anew", i32(0))
        for number, state in enumerate(self.merged):
            state.clear(ctx)
            for part in self.parts:
                assert state.aggregate.merge is not None
                address = ctx.frame + part.states[number].at
                refused = state.aggregate.merge(state.call, ctx.frame + state.at, address, ctx)
                if refused is not None:
                    f.set(anew, anew | refused)
        with f.if_(anew):
            self._renew(self.merged)

    def _renew(self, states: list[_State]) -> None:
        for state in states:
            state.clear(self.ctx)
        self.ctx.f.set(self.reached, self.code.start)
        self._take_up_to_end(states, self.reached)

    def _take_up_to_end(self, states: list[_State], pointer: Local) -> None:
        ctx, f, code = self.ctx, self.ctx.f, self.code
        with f.block() as done, f.loop() as top:
            for start, end in code.excluded():
                with f.if_((pointer >= start) & (pointer < end)):
                    f.set(pointer, end)
            f.br(done, if_=pointer >= code.end)
            ctx.tick()
            with ctx.row_memory(), code.unit.at(pointer):
                _take(states, ctx)
            f.set(pointer, pointer + 1)
            f.br(top)


def _is_simple(call: bound.WindowCall, aggregate: Aggregate) -> bool:
    return not aggregate.constant or all(isinstance(arg, bound.Constant | bound.Parameter) for arg in call.args[1:])


def _is_backwards(call: bound.WindowCall) -> bool:
    """The distance of a lag() is known not to be negative."""
    distance = call.args[1] if len(call.args) > 1 else bound.Constant(value=1)
    return isinstance(distance, bound.Constant) and isinstance(distance.value, int) and distance.value >= 0
