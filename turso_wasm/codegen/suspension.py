"""The shape of a routine's function: what it does whenever it is entered, where it can be left, and how it goes on.

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
  X4  stmt.budget is right whenever a routine is entered or left: all loops of a statement count down one clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from turso_wasm.codegen.unit import Routine, Unit
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import DONE, ROWS, YIELD, Activation, Frame, Run
from turso_wasm.wasm import coroutine
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, i32
from turso_wasm.wasm.opcodes import F64

_KIND = {I32: ("i32", 4), I64: ("i64", 8), F64: ("f64", 8)}


class Suspendable:
    """The function of a routine, being made.

    is_root: the statement itself; is_trigger: the program of a trigger; in_trigger: that or a routine of one, which
    RAISE(IGNORE) ends.
    """

    def __init__(
        self, unit: Unit, name: str, resumable: bool, is_root: bool, is_trigger: bool, in_trigger: bool
    ) -> None:
        self.unit = unit
        self.is_root = is_root
        self.in_trigger = in_trigger
        params = [("stmt", I32)] if is_root else [("stmt", I32), ("frame", I32)]
        self.f = unit.module.function(name, params=params, results=[I32], export=is_root)
        self.stmt = self.f.params[0]
        self.frame_size = 0 if is_root else Activation.size if is_trigger else Frame.size
        self.resumable = resumable  # loops yield, result rows suspend
        self.n_keys = 0  # how often emitted code makes the statement's current key, of which there is one
        self._budget: Local | None = None
        self._zeroed: list[int] = []
        self._ignores = False
        self._begin()

    # --- prologue, end ---------------------------------------------------------------------------

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
        if self.in_trigger:
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
        if self.in_trigger:
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

    # --- frame, calls ----------------------------------------------------------------------------

    def frame_alloc(self, size: int) -> int:
        """Reserve bytes of the frame (zero at the start); the offset, 8-aligned."""
        at = self.frame_size
        self.frame_size += (size + 7) & ~7
        return at

    def zero_at_start(self, at: int) -> None:
        """The i32 at this offset of the frame is 0 whenever an activation begins."""
        if not self.is_root:
            self._zeroed.append(at)

    def do(self, name: str, *args: Any) -> None:
        """Call a kernel routine for effect."""
        self.n_keys += name == "key_reset"
        self.f.do(self.f.call(name, *flat(args)))


def flat(args: tuple[Any, ...]) -> list[Any]:
    """Arguments of a kernel routine; values in flight are two each."""
    flat: list[Any] = []
    for arg in args:
        if isinstance(arg, SqlValue):
            flat.extend(arg.pair)
        else:
            flat.append(arg)
    return flat
