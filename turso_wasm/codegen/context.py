"""The state of one compilation: the routines of the Program (a function each), their frames, data, suspension points.

A Program is one or more *routines*. `step(stmt)` is the statement itself; a subquery is a routine of its own, called
where its value is needed. A routine is a function and a *frame*: memory that outlives its suspensions, with the hash
tables and sorters its activation owns (kernel Frame). The frame of `step` is the statement's.

The shape of every routine:

    resume = state                             0, or the point it was suspended at
    frame, params, lifted literals, arguments, parameters, a routine's cursors are loaded     (prologue)
    if resume: the locals that outlive a suspension are read back                             (restore)
    block suspended:
        cursors are opened; invariants are computed                                           (opens, start)
        the plan's code; return DONE
    those locals are written to the frame; state = point; return ROWS or YIELD                (spill)

Emitters write code as if it never stopped; wasm/coroutine.py makes it skip what lies before the point it goes on at.

Invariants:
  X1  What the prologue computes depends on parameters, arguments and the frame only.
  X2  A caller that is told YIELD by a routine suspends too (or, where it can't, calls again); called again, it calls
      the routine again, which continues.
  X3  `stmt.scope` is the frame of the routine that runs: what it allocates for longer than a row hangs there, and goes
      when the activation ends.
  X4  stmt.budget is right whenever a routine is entered or left: all loops of a statement count down one clock.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from turso_wasm.codegen.unit import Routine, Unit
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import (
    BLOB,
    DEEPER,
    DONE,
    INTEGER,
    REAL,
    ROWS,
    TEXT,
    YIELD,
    Activation,
    Frame,
    KernelConnection,
    Run,
    Value,
)
from turso_wasm.values.types import text_bytes
from turso_wasm.wasm import coroutine
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Hole, Local, i32, i64
from turso_wasm.wasm.opcodes import F64

if TYPE_CHECKING:
    from turso_wasm.bind import bound
    from turso_wasm.codegen.sources import Source

Then = Callable[[], None]
VALUE_SIZE = Value.size
_KIND = {I32: ("i32", 4), I64: ("i64", 8), F64: ("f64", 8)}


class Context:
    """One routine being compiled; `caller` is None for the statement itself.

    `statement` is the routine of the statement that the code belongs to: the Program's own, or a trigger's, which
    counts as one. What is computed once a statement lies in its frame.
    """

    def __init__(
        self,
        unit: Unit,
        caller: Context | None = None,
        name: str = "step",
        resumable: bool = False,
        is_trigger: bool = False,
    ) -> None:
        self.unit = unit
        self.module = unit.module
        self.data_base = unit.data_base
        self.n_user_params = unit.n_user_params
        self.is_root = caller is None
        self.statement: Context = self if caller is None or is_trigger else caller.statement
        params = [("stmt", I32)] if self.is_root else [("stmt", I32), ("frame", I32)]
        self.f = self.module.function(name, params=params, results=[I32], export=self.is_root)
        self.stmt = self.f.params[0]
        self.frame_size = 0 if self.is_root else Activation.size if is_trigger else Frame.size
        self.sources: dict[int, Source] = {}
        self.tables: dict[int, object] = {}  # of hash joins that are being emitted, by their labels
        self.trigger_rows: dict[int, Callable[[], Source]] = {}  # of a trigger: what makes OLD and NEW
        self.scan_cursors: dict[int, Local] = {}  # sources whose scan uses a cursor that is open already
        self.sweeps: set[int] = set()  # those whose scan deletes the entries that its cursor has doomed
        self.lets: dict[int, SqlValue] = {}  # by the numbers of the Lets the code stands in
        self.in_ddl = False
        self.loop = 0  # number of the innermost row loop the code stands in
        self.n_loops = 0
        self.resumable = resumable  # loops yield, result rows suspend
        self.n_keys = 0  # how often emitted code makes the statement's current key, of which there is one
        # Code of the user's may run while a row is read, not only between rows.
        self.asks_user: bool = unit.user.calls if caller is None else caller.asks_user
        self.allocates = False  # set when emitted code uses the row arena
        self._hoisted: dict[Any, SqlValue] = {}
        self._budget: Local | None = None
        self._root: Local | None = None
        self._callee_frames: dict[Routine, int] = {}
        self._open_hoists: list[Hole] = []
        self._zeroed: list[int] = []
        self._ignores = False
        self._begin()
        for source, make in self.statement.trigger_rows.items():
            self.sources[source] = make()

    # --- prologue, suspension --------------------------------------------------------------------

    def _begin(self) -> None:
        f = self.f
        if self.is_root:
            self.frame = f.local(I32, "frame", f.load("i32", self.stmt, Run.offset("frame")))
            self._state = (self.stmt, Run.offset("state"))
        else:
            self.frame = f.params[1]
            self._state = (self.frame, Frame.offset("state"))
        self.resume = f.local(I32, "resume", f.load("i32", *self._state) if self.resumable else None)
        self.params = f.local(I32, "params", f.load("i32", self.stmt, Run.offset("params")))
        self.point = f.local(I32, "point")
        self.status = f.local(I32, "status")
        self._not_kept = {local.index for local in f.locals}
        self._suspends = False
        self.prologue = f.hole()
        self._restore = f.hole()
        self._suspended = f.block()
        self._suspended.__enter__()
        self._body_at = len(f.out)
        self._over = f.block()
        if not self.statement.is_root:
            self._over.__enter__()
        self.opens = f.hole()  # transactions begin, cursors are opened
        self.start = f.hole()  # invariants

    def prologue_local(self, type_: int, name: str, value: Expr) -> Local:
        """A local that is assigned whenever the routine is entered (X1)."""
        local = self.f.local(type_, name)
        self._not_kept.add(local.index)
        with self.f.into(self.prologue):
            self.f.set(local, value)
        return local

    def open_once(self, cursor: Local, opened: Expr) -> None:
        """Assign the cursor that `opened` opens; the activations of a routine share it."""
        f = self.f
        if self.is_root:
            with f.into(self.opens):
                f.set(cursor, opened)
            return
        at = self.frame_alloc(4)
        self._not_kept.add(cursor.index)
        with f.into(self.prologue):
            f.set(cursor, f.load("i32", self.frame, at))
            with f.if_(cursor.eqz()):
                f.set(cursor, opened)
                f.store("i32", self.frame, cursor, at)

    def finish(self) -> Routine:
        """Close the function."""
        f = self.f
        if not self.statement.is_root:
            self._over.__exit__(None, None, None)
        with f.into(self.opens):
            for at in self._zeroed:
                f.store("i32", self.frame, 0, at)
        if not self.is_root:
            self._return()
        f.ret(i32(DONE))
        body = f.out[self._body_at :]
        candidates = set(range(len(f.locals))) - self._not_kept - f.temporaries
        if self.unit.labels is None:
            f.out[self._body_at :], states = coroutine.rewrite(body, self.resume, (self._suspended,), candidates)
        else:
            f.out[self._body_at :], states = coroutine.marked(body), []
        self._suspended.__exit__(None, None, None)
        if self._suspends:
            self._spill([f.locals[i] for i in states])
        else:
            f.unreachable()
        return Routine(f, self.frame_size, self._suspends, self._ignores)

    def _spill(self, kept: list[Local]) -> None:
        f = self.f
        places = [(local, self.frame_alloc(_KIND[local.type][1])) for local in kept]
        with f.into(self._restore), f.if_(self.resume):
            for local, at in places:
                f.set(local, f.load(_KIND[local.type][0], self.frame, at))
        profile = self.unit.profile if self.is_root else None
        if profile is not None:
            with f.into(self._restore), f.if_(self.resume):
                self.do("profile_continue", profile.address(profile.at, self))
            self.do("profile_pause", profile.address(profile.at, self))
        for local, at in places:
            f.store(_KIND[local.type][0], self.frame, local, at)
        f.store("i32", self._state[0], self.point, self._state[1])
        self._stop_clock()
        f.ret(self.status)

    def _return(self) -> None:
        """The activation ends."""
        if self.resumable:
            self.f.store("i32", self._state[0], 0, self._state[1])
        self._stop_clock()

    def _stop_clock(self) -> None:
        """The caller goes on counting (X4)."""
        if not self.is_root and self._budget is not None:
            self.f.store("i32", self.stmt, self.budget, Run.offset("budget"))

    def suspend(self, point: Point, status: int | Local) -> None:
        """Leave the routine with ROWS, YIELD or DEEPER; the next call continues at `land(point)`."""
        self._suspends = True
        self.f.out.append(coroutine.SetPoint(self.point, point))
        self.f.set(self.status, status)
        self.f.br(self._suspended)

    def land(self, point: Point) -> None:
        """Execution continues here after suspend(point) or goto(point)."""
        self.f.out.append(coroutine.Land(point))

    def goto(self, point: Point) -> None:
        """Skip to `point` as soon as a loop around it is entered again."""
        self.f.out.append(coroutine.SetPoint(self.resume, point))

    def remember(self, target: Local, point: Point) -> None:
        """Assign to `target` what `resume` must be to go on at `point`."""
        self.f.out.append(coroutine.SetPoint(target, point))

    @contextmanager
    def unsuspended(self) -> Iterator[None]:
        """No suspension inside: schema changes whose steps belong together."""
        before, self.resumable = self.resumable, False
        yield
        self.resumable = before

    def tick(self, n: int = 1) -> None:
        """Count a loop iteration, of n rows: interrupts are seen, and a long statement yields."""
        f = self.f
        f.set(self.budget, self.budget - n)
        with f.if_(self.budget < 0):
            f.store("i32", self.stmt, 0, Run.offset("budget"))
            wanted = f.local(I32, "wanted", f.call("poll", self.stmt))
            f.set(self.budget, f.load("i32", self.stmt, Run.offset("budget")))
            if self.resumable:
                point = Point()
                with f.if_(wanted):
                    self.suspend(point, YIELD)
                    self.land(point)

    @property
    def budget(self) -> Local:
        """The local that counts down to the next poll."""
        if self._budget is None:
            at = Run.offset("budget")
            self._budget = self.prologue_local(I32, "budget", self.f.load("i32", self.stmt, at))
        return self._budget

    def rows_full(self, full: Expr) -> None:
        """After a result row: suspend with ROWS when `full`."""
        if not self.resumable:
            self.f.do(full)
            return
        point = Point()
        with self.f.if_(full):
            self.suspend(point, ROWS)
            self.land(point)

    # --- routines --------------------------------------------------------------------------------

    def routine(self, name: str, resumable: bool, is_trigger: bool = False) -> Context:
        """A new routine that this one can call."""
        return Context(self.unit, self, f"{name}_{len(self.module.functions)}", resumable, is_trigger)

    def callee_frame(self, routine: Routine) -> Local:
        """The frame for this routine's activations of `routine`, made at the first (a local)."""
        at = self._callee_frames.get(routine)
        if at is None:
            at = self._callee_frames[routine] = self.frame_alloc(4)
        return self.frame_at(self.frame + at, routine)

    def frame_at(self, at: Expr, routine: Routine) -> Local:
        """The frame whose address is at `at`, made when there is none."""
        f = self.f
        frame = f.local(I32, "callee", f.load("i32", at))
        with f.if_(frame.eqz()):
            size = routine.frame_size if routine.size_at is None else f.load("i32", self.data_base + routine.size_at)
            f.set(frame, f.call("frame_new", self.stmt, size))
            f.store("i32", at, frame)
        return frame

    def activate(self, routine: Routine, frame: Local, keep: bool = False) -> None:
        """Run an activation to its end. `keep`: what it allocates stays until the statement ends."""
        self.run(routine, frame)
        if not keep:
            self.leave(frame)

    def run(self, routine: Routine, frame: Local, deepens: bool = False) -> Local:
        """Call a routine until it is DONE or has ROWS (X2); which. deepens: a trigger, which may begin a segment."""
        f = self.f
        status = f.local(I32, "status")
        yields = routine.yields and self.resumable
        deepens = deepens and yields
        point = Point()
        counts, budget = self._budget is not None, Run.offset("budget")
        if counts:
            f.store("i32", self.stmt, self.budget, budget)
        if deepens:
            with f.if_(f.call("segment_due", self.stmt, inline=True)):
                f.store("i32", frame, self.unit.base_number(routine), Activation.offset("routine"))
                f.store("i32", self.stmt, frame, Run.offset("deeper"))
                self.suspend(point, DEEPER)
        if yields:
            self.land(point)
        with f.block() as ended:
            if deepens:
                f.set(status, DONE)
                f.br(ended, if_=f.load("i32", frame, Activation.offset("ended")))
            f.store("i32", self.stmt, frame, Run.offset("scope"))
            self._call(routine, frame, status, yields)
        f.store("i32", self.stmt, self.scope, Run.offset("scope"))
        if yields:
            with f.if_(status >= YIELD if deepens else status == YIELD):
                self.suspend(point, status if deepens else YIELD)
        if counts:
            f.set(self.budget, f.load("i32", self.stmt, budget))
        if routine.ignores:
            self._leave_if_ignored()
        return status

    def _call(self, routine: Routine, frame: Local, status: Local, yields: bool) -> None:
        """Call a routine once, or, where this one cannot suspend, as often as it takes."""
        f = self.f
        if yields or not routine.yields:
            f.call_own(status, routine.function, self.stmt, frame)
            return
        at = Run.offset("in_one_piece")
        f.store("i32", self.stmt, f.load("i32", self.stmt, at) + 1, at)
        with f.loop() as again:
            f.call_own(status, routine.function, self.stmt, frame)
            f.br(again, if_=status == YIELD)
        f.store("i32", self.stmt, f.load("i32", self.stmt, at).sub(1), at)

    def ignore(self) -> None:
        """RAISE(IGNORE): the trigger is over, whatever routine of it this is."""
        self._ignores = True
        self.f.store("i32", self.statement_frame, 1, Activation.offset("ignored"))
        self.f.br(self._over)

    def _leave_if_ignored(self) -> None:
        self._ignores = True
        self.f.br(self._over, if_=self.f.load("i32", self.statement_frame, Activation.offset("ignored")))

    def leave(self, frame: Local) -> None:
        """An activation is over: what hangs on its frame goes."""
        with self.f.if_(self.f.load("i32", frame, Frame.offset("resources"))):
            self.do("frame_leave", frame)

    @property
    def scope(self) -> Expr:
        """What stmt.scope is while this routine runs (X3)."""
        return self.stmt + Run.offset("root") if self.is_root else self.frame

    @property
    def statement_frame(self) -> Expr:
        """The frame of the statement, from any of its routines."""
        if self.statement is self:
            return self.frame
        if self._root is None:
            field = "frame" if self.statement.is_root else "trigger"
            self._root = self.prologue_local(I32, "root", self.f.load("i32", self.stmt, Run.offset(field)))
        return self._root

    @property
    def statement_scope(self) -> Expr:
        """`scope` of the statement's routine, from any of its routines."""
        return self.stmt + Run.offset("root") if self.statement.is_root else self.statement_frame

    def once(self, node: object, size: int, compute: Callable[[Expr], None]) -> Expr:
        """The address of `size` bytes, those of `node`, that `compute(address)` fills before a run first needs them.

        They are the statement's own, whatever routine asks; so is what `compute` allocates.
        """
        if id(node) not in self.unit.once:
            at = self.statement.frame_alloc(8 + size)
            self.statement.zero_at_start(at)
            self.unit.once[id(node)] = (at, node)
        offset, _ = self.unit.once[id(node)]
        f = self.f
        place = f.local(I32, "once", self.statement_frame + offset)
        with f.if_(f.load("i32", place).eqz()):
            f.store("i32", self.stmt, self.statement_scope, Run.offset("scope"))
            compute(place + 8)
            f.store("i32", self.stmt, self.scope, Run.offset("scope"))
            f.store("i32", place, 1)
        return place + 8

    # --- memory ----------------------------------------------------------------------------------

    def frame_alloc(self, size: int) -> int:
        """Reserve bytes of the frame (zero at the start); the offset, 8-aligned."""
        at = self.frame_size
        self.frame_size += (size + 7) & ~7
        return at

    def zero_at_start(self, at: int) -> None:
        """The i32 at this offset of the frame is 0 whenever an activation begins."""
        if not self.is_root:
            self._zeroed.append(at)

    def frame_values(self, n: int) -> Expr:
        """Reserve n Values in the frame; their address."""
        return self.frame + self.frame_alloc(max(n, 1) * VALUE_SIZE)

    def data_address(self, content: bytes, align: int = 1) -> Expr:
        """Place bytes in the program's data (deduplicated); their address."""
        return self.data_base + self.unit.data_offset(content, align)

    def pin(self, literal: bound.Constant) -> None:
        """The code depends on this literal: the Program serves only statements with the same value there."""
        if literal.lifted is not None:
            self.unit.pinned[literal.lifted] = literal.value

    def store_value(self, address: Expr, value: SqlValue, index: int = 0) -> None:
        """Write a value to the Value address[index]."""
        self.f.store("i32", address, value.tag_expr, index * VALUE_SIZE)
        self.f.store("i64", address, value.payload, index * VALUE_SIZE + Value.offset("payload"))

    def load_value(self, address: Expr, index: int = 0, types: int | None = None, at: int = 0) -> SqlValue:
        """Read the Value address[index] (`at` bytes further on) into fresh locals."""
        f = self.f
        at += index * VALUE_SIZE
        tag = f.local(I32, "", f.load("i32", address, at))
        payload = f.local(I64, "", f.load("i64", address, at + Value.offset("payload")))
        return SqlValue(tag, payload, types)

    def copy(self, value: SqlValue) -> SqlValue:
        """The value in fresh locals of its own, assignable."""
        tag = self.f.local(I32, "", value.tag_expr)
        result = SqlValue(tag, self.f.local(I64, "", value.payload), value.types)
        result.subtype = value.subtype
        return result

    def assign(self, to: SqlValue, value: SqlValue) -> None:
        """Set the locals of a value that owns its own."""
        assert isinstance(to.tag, Local) and isinstance(to.payload, Local)
        self.f.set(to.tag, value.tag_expr)
        self.f.set(to.payload, value.payload)

    def chosen(self, marked: bool = False) -> SqlValue:
        """Locals for a value that one of several branches gives by `choose`. marked: some may have a subtype."""
        result = SqlValue(self.f.local(I32), self.f.local(I64), 0)
        if marked:
            result.subtype = self.f.local(I32, "subtype")
        return result

    def choose(self, result: SqlValue, value: SqlValue) -> None:
        """Emitted in a branch: it gives `value`."""
        assert isinstance(result.tag, Local) and isinstance(result.payload, Local)
        result.types |= value.types
        self.f.set(result.tag, value.tag_expr)
        self.f.set(result.payload, value.payload)
        if isinstance(result.subtype, Local):
            self.f.set(result.subtype, value.subtype if value.subtype is not None else 0)

    # --- calls -----------------------------------------------------------------------------------

    def call(self, name: str, *args: Any, types: int | None = None) -> SqlValue:
        """Call a kernel routine that returns a value; SqlValue arguments count as two."""
        tag, payload = self.f.call_multi(name, *_flat(args))
        return SqlValue(tag, payload, types)

    def call_alloc(self, name: str, *args: Any, types: int | None = None) -> SqlValue:
        """As `call`, for routines that take the statement first and may use its arena."""
        self.allocates = True
        return self.call(name, self.stmt, *args, types=types)

    def do(self, name: str, *args: Any) -> None:
        """Call a kernel routine for effect."""
        self.n_keys += name == "key_reset"
        self.f.do(self.f.call(name, *_flat(args)))

    def raise_error(self, code: int, message: str) -> None:
        """Raise an error with a constant message."""
        raw = message.encode()
        self.do("raise_error", code, self.data_address(raw), len(raw))
        self.f.unreachable()

    def setting(self, bit: int) -> Expr:
        """Whether this bit of KernelConnection.settings is set (not 0)."""
        connection = self.f.load("i32", self.stmt, Run.offset("connection"))
        return self.f.load("i32", connection, KernelConnection.offset("settings")) & bit

    # --- constants and parameters ------------------------------------------------------------------

    def constant(self, value: int | float | str | bytes | None) -> SqlValue:
        """A literal whose value is part of the code."""
        if value is None:
            return NULL_VALUE
        if isinstance(value, (bool, int)):
            return SqlValue(INTEGER, i64(int(value)))
        if isinstance(value, float):
            return SqlValue(REAL, i64(struct.unpack("<q", struct.pack("<d", value))[0]))
        raw = text_bytes(value) if isinstance(value, str) else bytes(value)
        return SqlValue(TEXT if isinstance(value, str) else BLOB, self.blob(raw))

    def blob(self, raw: bytes) -> Expr:
        """Bytes of the program's data as an i64 payload (address | size << 32)."""
        address = self.data_address(raw or b"\0")
        return address.extend_u() | (len(raw) << 32)

    def parameter(self, number: int, tag: int | None = None) -> SqlValue:
        """Parameter `number` (0-based), loaded once; `tag` when its storage class is known."""
        key = ("param", number)
        found = self._hoisted.get(key)
        if found is None:
            found = self._hoisted[key] = self.prologue_value(self.params, number, tag, f"p{number}")
        return found

    def prologue_value(
        self, address: Expr, index: int, tag: int | None, name: str, types: int | None = None
    ) -> SqlValue:
        """The Value address[index], read whenever the routine is entered; `tag` when it is certain."""
        at = index * VALUE_SIZE
        payload = self.prologue_local(I64, name, self.f.load("i64", address, at + Value.offset("payload")))
        if tag is not None:
            return SqlValue(tag, payload)
        return SqlValue(self.prologue_local(I32, f"{name}_tag", self.f.load("i32", address, at)), payload, types)

    def literal(self, value: Any, lifted: int | None) -> SqlValue:
        """A literal: a parameter when it was lifted out of the text, else part of the code."""
        if lifted is None or value is None:
            return self.constant(value)
        tag = {int: INTEGER, float: REAL, str: TEXT}.get(type(value), BLOB)
        return self.parameter(self.n_user_params + lifted, tag)

    def hoist(self, key: Any, make: Callable[[], SqlValue]) -> SqlValue:
        """A value computed once at the start of the routine."""
        found = self._hoisted.get(key)
        if found is None:
            with self.at_start():
                value = make()
                found = self.copy(value)
                if isinstance(value.tag, int):
                    found = SqlValue(value.tag, found.payload)
            self._hoisted[key] = found
        return found

    def lazily(self, make: Callable[[], SqlValue]) -> SqlValue:
        """A value that is computed where it is first needed, once in an activation."""
        f = self.f
        done, tag, payload = f.local(I32, "known"), f.local(I32), f.local(I64)
        with self.at_start():
            for local in (done, tag, payload):
                f.set(local, 0)
        with f.if_(done.eqz()), self.row_memory():
            value = make()
            f.set(tag, value.tag_expr)
            f.set(payload, value.payload)
            f.set(done, 1)
        return SqlValue(tag, payload, value.types)

    @contextmanager
    def at_start(self) -> Iterator[None]:
        """Code that runs when the routine starts. Nested, the inner code goes before the outer's."""
        hole = Hole(self.f)
        hole.depth = self.start.depth
        at = self.start.out.index(self._open_hoists[-1]) if self._open_hoists else len(self.start.out)
        self.start.out.insert(at, hole)
        before = self.allocates
        self._open_hoists.append(hole)
        with self.f.into(hole):
            yield
        self._open_hoists.pop()
        self.allocates = before

    # --- loops -----------------------------------------------------------------------------------

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """The code inside may run again, or after other code than what it stands behind: it is a loop's body."""
        outer = self.loop
        self.n_loops += 1
        self.loop = self.n_loops
        yield
        self.loop = outer

    @contextmanager
    def row_memory(self) -> Iterator[None]:
        """Arena memory that the code inside allocates is released at its end (if it allocates any)."""
        f = self.f
        mark = f.hole()
        before, self.allocates = self.allocates, False
        yield
        if self.allocates:
            local = f.local(I32, "mark")
            with f.into(mark):
                f.set(local, f.call("arena_mark", self.stmt))
            self.do("arena_release", self.stmt, local)
        self.allocates = before


def _flat(args: tuple[Any, ...]) -> list[Any]:
    flat: list[Any] = []
    for arg in args:
        if isinstance(arg, SqlValue):
            flat.extend(arg.pair)
        else:
            flat.append(arg)
    return flat
