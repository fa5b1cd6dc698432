"""The state of one compilation: the function under construction, its frame, data, hoisted values and suspension
points.

The shape of every `step(stmt)`:

    resume = stmt.state                        0 on the first call, else the point it was suspended at
    frame, params, lifted literals and parameters are loaded                                  (prologue)
    if resume == 0: statement_begin, cursors are opened, invariants computed                   (start)
    else:           every local is read back from the frame                                   (restore)
    block suspended:
        the plan's code; statement_done; return DONE
    every local is written to the frame; stmt.state = point; return ROWS or YIELD              (spill)

Invariants:
  X1  Code that must not run on the way back down to a suspension point stands in `with ctx.guard():` (resume ==
      0).
  X2  A point is landed on by `ctx.land(point)`, which sets resume = 0; everything after it runs normally.
  X3  A blocking stage (sort, grouping) is entered when resume == 0 or the point lies inside the stage.
  X4  What the prologue computes depends on parameters only and allocates nothing; everything else that lives
      across a
      suspension is a local and is spilled.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import BLOB, DONE, INTEGER, REAL, ROWS, TEXT, YIELD, Statement, Value
from turso_wasm.wasm.dsl import I32, I64, Expr, Hole, Local, i32, i64
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.opcodes import F64

if TYPE_CHECKING:
    from turso_wasm.bind import bound
    from turso_wasm.codegen.sources import Source
    from turso_wasm.wasm.symbols import Symbols

Then = Callable[[], None]
VALUE_SIZE = Value.size
_KIND = {I32: ("i32", 4), I64: ("i64", 8), F64: ("f64", 8)}


class Context:
    """One statement being compiled."""

    def __init__(self, n_user_params: int, symbols: Symbols | None = None) -> None:
        self.module = Module(symbols, name="program")
        self.module.import_memory("kernel", "memory")
        self.data_base = self.module.import_global("program", "data", I32)
        self.f = self.module.function("step", params=[("stmt", I32)], results=[I32], export=True)
        (self.stmt,) = self.f.params
        self.n_user_params = n_user_params
        self.data = bytearray()
        self.frame_size = 0
        self.sources: dict[int, Source] = {}
        self.scan_cursors: dict[int, Local] = {}  # sources whose scan uses a cursor that is open already
        self.lets: dict[int, SqlValue] = {}  # by the numbers of the Lets the code stands in
        self.pinned: dict[int, object] = {}
        self.counts_changes = False
        self.in_ddl = False
        self.loop = 0  # number of the innermost row loop the code stands in
        self.n_loops = 0
        self.resumable = False  # result rows can suspend
        self.guards = False  # code may be skipped on the way to a point
        self.n_points = 1
        self.allocates = False  # set when emitted code uses the row arena
        self._data_offsets: dict[bytes, int] = {}
        self._hoisted: dict[Any, SqlValue] = {}
        self._begin()

    # --- prologue, suspension --------------------------------------------------------------------

    def _begin(self) -> None:
        f = self.f
        self.resume = f.local(I32, "resume", f.load("i32", self.stmt, Statement.offset("state")))
        self.frame = f.local(I32, "frame", f.load("i32", self.stmt, Statement.offset("frame")))
        self.params = f.local(I32, "params", f.load("i32", self.stmt, Statement.offset("params")))
        self.point = f.local(I32, "point")
        self.status = f.local(I32, "status")
        self._unspilled = set(range(len(f.locals)))
        self.prologue = f.hole()
        self._restore = f.hole()
        self._suspended = f.block()
        self._suspended.__enter__()
        self.opens = f.hole()  # transactions begin, cursors are opened
        self.start = f.hole()  # invariants
        self._open_hoist: Hole | None = None

    def finish(self) -> bytes:
        """Close the function; the wasm bytes."""
        f = self.f
        f.ret(i32(DONE))
        self._suspended.__exit__(None, None, None)
        if self.n_points > 1 and self.resumable:
            self._spill()
            f.store("i32", self.stmt, self.point, Statement.offset("state"))
            f.ret(self.status)
        else:
            f.unreachable()
        code = [*self.opens.out, *self.start.out]
        if code:
            self.opens.out, self.start.out = [], []
            with f.into(self.opens), f.if_(self.resume.eqz()):
                f.out.extend(code)
        return self.module.encode()

    def _spill(self) -> None:
        f = self.f
        kept = [local for local in f.locals if local.index not in self._unspilled]
        places = [(local, self.frame_alloc(_KIND[local.type][1])) for local in kept]
        with f.into(self._restore), f.if_(self.resume):
            for local, at in places:
                f.set(local, f.load(_KIND[local.type][0], self.frame, at))
        for local, at in places:
            f.store(_KIND[local.type][0], self.frame, local, at)

    def guard(self) -> AbstractContextManager[Any]:
        """Code inside runs only when not on the way back to a suspension point (X1)."""
        return self.f.if_(self.resume.eqz()) if self.guards else nullcontext()

    def new_point(self) -> int:
        """A number for a place that `resume` can name."""
        self.n_points += 1
        return self.n_points - 1

    def suspend(self, point: int, status: int) -> None:
        """Leave `step` with ROWS or YIELD; the next call continues at `land(point)`."""
        self.f.set(self.point, point)
        self.f.set(self.status, status)
        self.f.br(self._suspended)

    def land(self, point: int) -> None:
        """Execution continues here after suspend(point)."""
        with self.f.if_(self.resume == point):
            self.f.set(self.resume, 0)

    @contextmanager
    def stage(self) -> Iterator[None]:
        """A blocking stage: skipped when a later point is resumed (X3)."""
        if not self.guards:
            yield
            return
        f = self.f
        enter = f.local(I32, "enter")
        hole = f.hole()
        low = self.n_points
        with f.if_(enter):
            yield
        with f.into(hole):
            inside = i32(0)
            if self.n_points > low:
                inside = (self.resume >= low) & (self.resume < self.n_points)
            f.set(enter, self.resume.eqz() | inside)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Guards are emitted inside: for constructs that re-enter code through `resume`."""
        before, self.guards = self.guards, True
        yield
        self.guards = before

    @contextmanager
    def unsuspended(self) -> Iterator[None]:
        """No suspension inside: subqueries, whose loops only check for interrupts."""
        before, self.resumable = self.resumable, False
        yield
        self.resumable = before

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Neither suspensions nor guards inside: for the innermost row, which is only reached when nothing is resumed
        any more. So a row is changed in one go.
        """
        guards, self.guards = self.guards, False
        with self.unsuspended():
            yield
        self.guards = guards

    def tick(self) -> None:
        """Count a loop iteration: interrupts are seen, and a long statement yields (with its own landing here)."""
        f = self.f
        point = self.new_point() if self.resumable else 0
        if point:
            self.land(point)
        with self.guard():
            f.set(self.budget, self.budget - 1)
            with f.if_(self.budget < 0):
                f.store("i32", self.stmt, 0, Statement.offset("budget"))
                wanted = f.call("poll", self.stmt)
                if point:
                    with f.if_(wanted):
                        f.set(self.budget, 1)
                        self.suspend(point, YIELD)
                else:
                    f.do(wanted)
                f.set(self.budget, f.load("i32", self.stmt, Statement.offset("budget")))

    @property
    def budget(self) -> Local:
        """The local that counts down to the next poll."""
        found = self._hoisted.get("budget")
        if found is None:
            local = self.f.local(I32, "budget")
            self._unspilled.add(local.index)
            with self.f.into(self.prologue):
                self.f.set(local, self.f.load("i32", self.stmt, Statement.offset("budget")))
            self._hoisted["budget"] = found = SqlValue(local, local.extend_s())
        assert isinstance(found.tag, Local)
        return found.tag

    def rows_full(self, full: Expr) -> None:
        """After a result row: suspend with ROWS when `full`."""
        if not self.resumable:
            self.f.do(full)
            return
        point = self.new_point()
        with self.guard(), self.f.if_(full):
            self.suspend(point, ROWS)
        self.land(point)

    # --- memory ----------------------------------------------------------------------------------

    def frame_alloc(self, size: int) -> int:
        """Reserve bytes of the statement's frame (zero at the start); the offset, 8-aligned."""
        at = self.frame_size
        self.frame_size += (size + 7) & ~7
        return at

    def frame_values(self, n: int) -> Expr:
        """Reserve n Value slots in the frame; their address."""
        return self.frame + self.frame_alloc(max(n, 1) * VALUE_SIZE)

    def data_offset(self, content: bytes, align: int = 1) -> int:
        """Place bytes in the program's data (deduplicated); their offset."""
        at = self._data_offsets.get(content)
        if at is None or at % align:
            self.data.extend(b"\0" * (-len(self.data) % align))
            at = self._data_offsets[content] = len(self.data)
            self.data.extend(content)
        return at

    def data_address(self, content: bytes, align: int = 1) -> Expr:
        """Place bytes in the program's data (deduplicated); their address."""
        return self.data_base + self.data_offset(content, align)

    def pin(self, literal: bound.Constant) -> None:
        """The code depends on this literal: the Program serves only statements with the same value there."""
        if literal.lifted is not None:
            self.pinned[literal.lifted] = literal.value

    def store_value(self, address: Expr, value: SqlValue, index: int = 0) -> None:
        """Write a value to the Value slot address[index]."""
        self.f.store("i32", address, value.tag_expr, index * VALUE_SIZE)
        self.f.store("i64", address, value.payload, index * VALUE_SIZE + Value.offset("payload"))

    def load_value(self, address: Expr, index: int = 0, types: int | None = None, at: int = 0) -> SqlValue:
        """Read the Value slot address[index] (`at` bytes further on) into fresh locals."""
        f = self.f
        at += index * VALUE_SIZE
        tag = f.local(I32, "", f.load("i32", address, at))
        payload = f.local(I64, "", f.load("i64", address, at + Value.offset("payload")))
        return SqlValue(tag, payload, types)

    def copy(self, value: SqlValue) -> SqlValue:
        """The value in fresh locals of its own, assignable."""
        tag = self.f.local(I32, "", value.tag_expr)
        return SqlValue(tag, self.f.local(I64, "", value.payload), value.types)

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
        self.f.do(self.f.call(name, *_flat(args)))

    def raise_error(self, code: int, message: str) -> None:
        """Raise an error with a constant message."""
        raw = message.encode()
        self.do("raise_error", code, self.data_address(raw), len(raw))
        self.f.unreachable()

    # --- constants and parameters ------------------------------------------------------------------

    def constant(self, value: int | float | str | bytes | None) -> SqlValue:
        """A literal whose value is part of the code."""
        if value is None:
            return NULL_VALUE
        if isinstance(value, (bool, int)):
            return SqlValue(INTEGER, i64(int(value)))
        if isinstance(value, float):
            return SqlValue(REAL, i64(struct.unpack("<q", struct.pack("<d", value))[0]))
        raw = value.encode() if isinstance(value, str) else bytes(value)
        return SqlValue(TEXT if isinstance(value, str) else BLOB, self.blob(raw))

    def blob(self, raw: bytes) -> Expr:
        """Bytes of the program's data as an i64 payload (address | size << 32)."""
        address = self.data_address(raw or b"\0")
        return address.extend_u() | (len(raw) << 32)

    def parameter(self, slot: int, tag: int | None = None) -> SqlValue:
        """Parameter slot (0-based), loaded once; `tag` when its storage class is known."""
        key = ("param", slot)
        found = self._hoisted.get(key)
        if found is None:
            with self.f.into(self.prologue):
                at = slot * VALUE_SIZE
                payload = self.f.local(I64, f"p{slot}", self.f.load("i64", self.params, at + Value.offset("payload")))
                self._unspilled.add(payload.index)
                known: int | Local
                if tag is None:
                    known = self.f.local(I32, f"p{slot}_tag", self.f.load("i32", self.params, at))
                    self._unspilled.add(known.index)
                else:
                    known = tag
            found = self._hoisted[key] = SqlValue(known, payload)
        return found

    def literal(self, value: Any, lifted: int | None) -> SqlValue:
        """A literal: from its slot when it was lifted out of the text, else part of the code."""
        if lifted is None or value is None:
            return self.constant(value)
        tag = {int: INTEGER, float: REAL, str: TEXT}.get(type(value), BLOB)
        return self.parameter(self.n_user_params + lifted, tag)

    def hoist(self, key: Any, make: Callable[[], SqlValue]) -> SqlValue:
        """A value computed once at the start of the statement."""
        found = self._hoisted.get(key)
        if found is None:
            with self.at_start():
                value = make()
                found = self.copy(value)
                if isinstance(value.tag, int):
                    found = SqlValue(value.tag, found.payload)
            self._hoisted[key] = found
        return found

    @contextmanager
    def at_start(self) -> Iterator[None]:
        """Code that runs once, when the statement starts. Nested, the inner code goes before all of the outer's."""
        hole = Hole(self.f)
        hole.depth = self.start.depth
        at = self.start.out.index(self._open_hoist) if self._open_hoist is not None else len(self.start.out)
        self.start.out.insert(at, hole)
        before, outermost = self.allocates, self._open_hoist is None
        if outermost:
            self._open_hoist = hole
        with self.f.into(hole):
            yield
        if outermost:
            self._open_hoist = None
        self.allocates = before

    # --- loops -----------------------------------------------------------------------------------

    @contextmanager
    def row_memory(self) -> Iterator[None]:
        """Arena memory that the code inside allocates is released at its end (if it allocates any)."""
        f = self.f
        mark = f.hole()
        before, self.allocates = self.allocates, False
        yield
        if self.allocates:
            local = f.local(I32, "mark")
            with f.into(mark), self.guard():
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
