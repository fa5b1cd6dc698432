"""The state of one compilation: the routines of the Program (a function each), their frames, data, suspension points.

A Program is one or more *routines*. `step(stmt)` is the statement itself; a subquery is a routine of its own, called
where its value is needed. A routine is a function and a *frame*: memory that outlives its suspensions, with the hash
tables and sorters its activation owns (kernel Frame). The frame of `step` is the statement's.

Invariants:
  X2  A caller that is told YIELD by a routine suspends too (or, where it can't, calls again); called again, it calls
      the routine again, which continues.
  X3  `stmt.scope` is the frame of the routine that runs: what it allocates for longer than a row hangs there, and goes
      when the activation ends.

X1, X4 and the shape of a routine: codegen/suspension.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from turso_wasm.codegen.suspension import Suspendable, flat
from turso_wasm.codegen.unit import Routine, Unit
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import (
    BLOB,
    DEEPER,
    DONE,
    INTEGER,
    REAL,
    TEXT,
    YIELD,
    Activation,
    Frame,
    KernelConnection,
    Run,
    Value,
)
from turso_wasm.values.types import text_bytes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Hole, Label, Local, i64

if TYPE_CHECKING:
    from turso_wasm.bind import bound
    from turso_wasm.codegen.sources import Source

Then = Callable[[], None]
VALUE_SIZE = Value.size


class Context(Suspendable):
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
        self.statement: Context = self if caller is None or is_trigger else caller.statement
        in_trigger = is_trigger or (caller is not None and caller.in_trigger)
        super().__init__(unit, name, resumable, caller is None, is_trigger, in_trigger)
        self.module = unit.module
        self.data_base = unit.data_base
        self.n_user_params = unit.n_user_params
        self.sources: dict[int, Source] = {}
        self.tables: dict[int, object] = {}  # of hash joins that are being emitted, by their labels
        self.trigger_rows: dict[int, Callable[[], Source]] = {}  # of a trigger: what makes OLD and NEW
        self.scan_cursors: dict[int, Local] = {}  # sources whose scan uses a cursor that is open already
        self.inner_scans: list[int] = []  # sources that the loops around the one to be emitted scan whole
        self.empty_exits: dict[int, Label] = {}  # where a scan goes whose table is empty, by source
        self.sweeps: set[int] = set()  # those whose scan deletes the entries that its cursor has doomed
        self.lets: dict[int, SqlValue] = {}  # by the numbers of the Lets the code stands in
        self.in_ddl = False
        self.loop = 0  # number of the innermost row loop the code stands in
        self.n_loops = 0
        # Code of the user's may run while a row is read, not only between rows.
        self.asks_user: bool = unit.user.calls if caller is None else caller.asks_user
        self.allocates = False  # set when emitted code uses the row arena
        self._hoisted: dict[Any, SqlValue] = {}
        self._root: Local | None = None
        self._callee_frames: dict[Routine, int] = {}
        self._open_hoists: list[Hole] = []
        for source, make in self.statement.trigger_rows.items():
            self.sources[source] = make()

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
        tag, payload = self.f.call_multi(name, *flat(args))
        return SqlValue(tag, payload, types)

    def call_alloc(self, name: str, *args: Any, types: int | None = None) -> SqlValue:
        """As `call`, for routines that take the statement first and may use its arena."""
        self.allocates = True
        return self.call(name, self.stmt, *args, types=types)

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
