"""The rows that a window function sees: those of the unit gathered last, and the frame among them.

Rows have numbers, from 0 on in their unit. A frame is start..end (end excluded), two numbers that only grow from one
row to the next; what the frame excludes are ranges of numbers, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value
from turso_wasm.codegen.loops import visit
from turso_wasm.codegen.sorting import key_flags
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, TEXT
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, select

if TYPE_CHECKING:
    from turso_wasm.codegen.window_functions import Functions

PEER_FUNCTIONS = frozenset({"rank", "dense_rank", "percent_rank", "cume_dist"})


class KeptSource(RecordSource):
    """The columns of a row: what is kept of it, and what has been computed for it."""

    def __init__(self, row: Local, node: nodes.Window) -> None:
        super().__init__(row, len(node.outputs))

    def forget(self, kept: set[int]) -> None:
        """What was computed stays."""
        super().forget(kept | {column for column in self.decoded if column >= self.n_columns})


class Unit:
    """The rows that were gathered. `current`: the one that is answered; `peers`..`peers_end`: its peers. base: how
    many rows of the partition came before this unit. group: number of the peer group of the row added next. values: of
    the user's code, for the rows asked..known, if they are asked for ahead.
    """

    def __init__(self, node: nodes.Window, ctx: Context) -> None:
        f = ctx.f
        self.node = node
        self.ctx = ctx
        self.rows = f.local(I32, "rows")
        self.count, self.current = f.local(I32, "count"), f.local(I32, "current")
        self.peers, self.peers_end = f.local(I32, "peers"), f.local(I32, "peers_end")
        self.group = f.local(I32, "group")
        self.values = f.local(I32, "values")
        self.asked, self.known = f.local(I32, "asked"), f.local(I32, "known")
        self.base = f.local(I64, "base")
        self.has_peers = any(call.name in PEER_FUNCTIONS or reads_peers(call.frame) for call in node.calls)

    def open(self) -> None:
        """Before the first row."""
        f = self.ctx.f
        with f.if_(self.rows):  # an inner loop comes here again
            self.ctx.do("resource_free", self.ctx.stmt, self.rows)
        f.set(self.rows, f.call("window_rows_new", self.ctx.stmt))
        if self.node.ahead:
            with f.if_(self.values):
                self.ctx.do("resource_free", self.ctx.stmt, self.values)
            f.set(self.values, f.call("user_values_new", self.ctx.stmt))

    def begin(self, functions: Functions, other: Local, begin_partition: Then) -> None:
        """An empty unit; `other`: of another partition than the last one."""
        f = self.ctx.f
        with f.if_(other) as same:
            begin_partition()
            functions.begin_partition()
            f.set(self.base, 0)
            f.set(self.group, 0)
            same.else_()
            f.set(self.base, self.base + self.count.extend_u())
            self.next_group()
        f.set(self.count, 0)
        self.ctx.do("window_rows_clear", self.rows)

    def next_group(self) -> None:
        """The next row is no peer of those before."""
        self.ctx.f.set(self.group, self.group + 1)

    def add(self, row: Local, stays: Local) -> None:
        """Take a row in."""
        self.ctx.do("window_rows_add", self.rows, row, self.group, stays)
        self.ctx.f.set(self.count, self.count + 1)

    def answer(self, functions: Functions, then: Then) -> None:
        """Run `then` for each row, its columns and what `functions` compute for it being those of the node."""
        ctx, f = self.ctx, self.ctx.f
        row = f.local(I64, "answered")

        def begin() -> Expr:
            for local in (self.current, self.peers, self.peers_end, self.known):
                f.set(local, 0)
            functions.begin_unit()
            return i32(1)

        def advance() -> Expr:
            f.set(self.current, self.current + 1)
            return self.current < self.count

        def body(done: Label) -> None:
            if self.node.ahead:
                with f.if_(self.current == self.known):
                    self._ask(functions)
            source = self._read(self.current, row)
            if self.has_peers and not self.node.ahead:
                self._find_peers()
            source.decoded.update(functions.asked() if self.node.ahead else functions.values())
            then()

        visit(ctx, begin, advance, body)

    def _ask(self, functions: Functions) -> None:
        """Ask for the values of some rows from the current one on."""
        ctx, f = self.ctx, self.ctx.f
        f.set(self.asked, self.current)
        ctx.do("user_values_begin", self.values)
        with f.loop() as top:
            ctx.tick()
            with ctx.row_memory():
                self._read(self.current, f.local(I64, "asked_for"))
                if self.has_peers:
                    self._find_peers()
                functions.ask()
            f.set(self.current, self.current + 1)
            f.br(top, if_=(self.current < self.count) & f.call("user_values_more", self.values))
        ctx.do("user_values_end", self.values)
        f.set(self.known, self.current)
        f.set(self.current, self.asked)

    def _read(self, number: Expr, row: Local) -> KeptSource:
        ctx = self.ctx
        ctx.allocates = True  # for a row that was in a file
        ctx.f.set(row, ctx.f.call("window_rows_get", self.rows, number, inline=True))
        source = ctx.sources[self.node.source] = KeptSource(row, self.node)
        return source

    @contextmanager
    def at(self, number: Expr) -> Iterator[None]:
        """The code inside sees another row of the unit."""
        before = self.ctx.sources[self.node.source]
        self._read(number, self.ctx.f.local(I64, "other"))
        yield
        self.ctx.sources[self.node.source] = before

    def group_of(self, number: Expr) -> Expr:
        """i32: the number of a row's peer group in the partition."""
        return self.ctx.f.call("window_rows_group", self.rows, number, inline=True)

    def has_new_frame(self, frame: bound.Frame) -> Expr | None:
        """i32: of the rows asked..known, the current one is the first, or has another frame than the one before it;
        None: it always has.
        """
        if frame.start == frame.end == "unbounded":
            return self.current == self.asked
        if not reads_peers(frame):
            return None
        before = self.group_of(select(self.current > 0, self.current - 1, i32(0)))
        return (self.current == self.asked) | (self.group_of(self.current) != before)

    def _find_peers(self) -> None:
        f = self.ctx.f
        with f.if_(self.current == self.peers_end):
            f.set(self.peers, self.current)
            group = f.local(I32, "own_group", self.group_of(self.current))
            self.advance(self.peers_end, lambda: self.group_of(self.peers_end) == group)

    def advance(self, pointer: Local, wanted: Callable[[], Expr]) -> None:
        """Move the pointer on while it is at a row that is `wanted()`."""
        ctx, f = self.ctx, self.ctx.f
        go_on = f.local(I32, "go_on")
        with f.block() as out, f.loop() as top:
            f.br(out, if_=pointer >= self.count)
            ctx.tick()
            with ctx.row_memory():
                f.set(go_on, wanted())
            f.br(out, if_=go_on.eqz())
            f.set(pointer, pointer + 1)
            f.br(top)


# --- frames -------------------------------------------------------------------------------------------------------


def reads_peers(frame: bound.Frame) -> bool:
    """The frame depends on which rows are peers."""
    edges = frame.unit != "rows" and (frame.start != "unbounded" or frame.end != "unbounded")
    return edges or frame.exclude in ("group", "ties")


class FrameCode:
    """One frame: `start` and `end` for the current row."""

    def __init__(self, frame: bound.Frame, unit: Unit, ctx: Context) -> None:
        f = ctx.f
        self.frame = frame
        self.unit = unit
        self.ctx = ctx
        self.start, self.end = f.local(I32, "start"), f.local(I32, "end")
        self.start_key, self.end_key = (SqlValue(f.local(I32), f.local(I64)) for _ in range(2))
        self.start_read, self.end_read = f.local(I32, "read"), f.local(I32, "read")  # whose keys, -1: nobody's
        self.start_offset = _Offset(frame.start_offset, frame.unit, "starting", ctx)
        self.end_offset = _Offset(frame.end_offset, frame.unit, "ending", ctx)

    def begin_partition(self) -> None:
        """Compute the offsets. Errors: "frame starting offset must be a non-negative integer" and the like."""
        self.start_offset.compute()
        self.end_offset.compute()

    def begin_unit(self) -> None:
        """Before the first row of a unit."""
        f, ctx = self.ctx.f, self.ctx
        edges = (self.start, self.start_read, self.start_key), (self.end, self.end_read, self.end_key)
        for pointer, read, key in edges:
            f.set(pointer, 0)
            f.set(read, -1)
            ctx.assign(key, NULL_VALUE)  # here, so that it outlives suspensions

    def move(self) -> None:
        """To the frame of the current row."""
        f, unit, frame = self.ctx.f, self.unit, self.frame
        if frame.unit == "rows":
            f.set(self.start, self._row(frame.start, self.start_offset.rows, 0))
            f.set(self.end, self._row(frame.end, self.end_offset.rows, 1))
            return
        with f.if_(unit.current == unit.peers) if reads_peers(frame) else f.block():
            self._edge(self.start, frame.start, self.start_offset, is_end=False)
            self._edge(self.end, frame.end, self.end_offset, is_end=True)

    def _row(self, edge: bound.FrameEdge, offset: Local, plus: int) -> Expr:
        """The row at an edge of a ROWS frame, + `plus`."""
        f, unit = self.ctx.f, self.unit
        current = unit.current + plus if plus else unit.current
        if edge == "unbounded":
            return unit.count if plus else i32(0)
        if edge == "current":
            return current
        if edge == "preceding":
            before = f.local(I32, "", current - offset)
            return select(before > 0, before, i32(0))
        behind = f.local(I32, "", current + offset)
        return select(behind < unit.count, behind, unit.count)

    def _edge(self, pointer: Local, edge: bound.FrameEdge, offset: _Offset, is_end: bool) -> None:
        """An edge of a RANGE or GROUPS frame, the same for all peers."""
        f, unit = self.ctx.f, self.unit
        if edge == "unbounded":
            f.set(pointer, unit.count if is_end else 0)
        elif edge == "current":
            f.set(pointer, unit.peers_end if is_end else unit.peers)
        elif self.frame.unit == "groups":
            own = unit.group_of(unit.current)
            target = f.local(I32, "target", own - offset.rows if edge == "preceding" else own + offset.rows)
            if is_end:
                unit.advance(pointer, lambda: unit.group_of(pointer) <= target)
            else:
                unit.advance(pointer, lambda: unit.group_of(pointer) < target)
        else:
            self._advance_to_value(pointer, edge, offset, is_end)

    def _advance_to_value(self, pointer: Local, edge: bound.FrameEdge, offset: _Offset, is_end: bool) -> None:
        ctx, f = self.ctx, self.ctx.f
        (key,) = self.unit.node.order
        forward = (edge == "following") != key.desc
        target = ctx.call("window_edge", emit_value(key.expr, ctx), offset.distance, int(forward))
        found, read = (self.end_key, self.end_read) if is_end else (self.start_key, self.start_read)
        inside = f.local(I32, "inside")

        def wanted() -> Expr:
            with f.if_(read != pointer):  # what was read of this row for the row before is still known
                with self.unit.at(pointer):
                    ctx.assign(found, emit_value(key.expr, ctx))
                f.set(read, select(found.tag_expr < TEXT, pointer, i32(-1)))
            first, second = (target, found) if key.desc else (found, target)
            with f.if_(found.has_tag(INTEGER) & target.has_tag(INTEGER)) as other:
                f.set(inside, first.payload <= second.payload if is_end else first.payload < second.payload)
                other.else_()
                order = f.call("window_order", ctx.stmt, *found.pair, *target.pair, key_flags(key, ctx))
                f.set(inside, order <= 0 if is_end else order < 0)
            return inside

        self.unit.advance(pointer, wanted)

    def excluded(self) -> list[tuple[Expr, Expr]]:
        """The ranges of rows that the frame leaves out, in order."""
        unit, exclude = self.unit, self.frame.exclude
        if exclude == "current row":
            return [(unit.current, unit.current + 1)]
        if exclude == "group":
            return [(unit.peers, unit.peers_end)]
        if exclude == "ties":
            return [(unit.peers, unit.current), (unit.current + 1, unit.peers_end)]
        return []

    def parts(self) -> list[tuple[Local, Local]]:
        """The ranges of rows that it has, in order, of which some may be empty; their ends only grow, too."""
        f = self.ctx.f
        edges: list[Expr] = [self.start, *(self._within(edge) for pair in self.excluded() for edge in pair), self.end]
        locals_ = [f.local(I32, "edge", edge) for edge in edges]
        return list(zip(locals_[::2], locals_[1::2], strict=True))

    def _within(self, edge: Expr) -> Expr:
        """A row number, moved into the frame."""
        f = self.ctx.f
        up = f.local(I32, "", select(edge > self.start, edge, self.start))
        return select(up < self.end, up, self.end)


class _Offset:
    """The number at an edge: `rows` (ROWS and GROUPS), or `distance`, a value (RANGE)."""

    def __init__(self, expr: bound.Expr | None, unit: bound.FrameUnit, word: str, ctx: Context) -> None:
        f = ctx.f
        self.expr = expr
        self.unit = unit
        self.message = f"frame {word} offset must be a non-negative {'number' if unit == 'range' else 'integer'}"
        self.ctx = ctx
        self.rows = f.local(I32, "offset")
        self.distance = SqlValue(f.local(I32, "distance_tag"), f.local(I64, "distance"))

    def compute(self) -> None:
        """Evaluate it. Errors: see FrameCode."""
        ctx, f = self.ctx, self.ctx.f
        if self.expr is None:
            return
        value = emit_value(self.expr, ctx)
        if self.unit != "range":
            f.set(self.rows, f.call("window_count", *value.pair))
            wrong = self.rows < 0
        else:
            distance = ctx.call("window_distance", value)
            assert isinstance(self.distance.tag, Local) and isinstance(self.distance.payload, Local)
            f.set(self.distance.tag, distance.tag_expr)
            f.set(self.distance.payload, distance.payload)
            wrong = distance.has_tag(NULL)
        with f.if_(wrong):
            ctx.raise_error(SQLITE_ERROR, self.message)
