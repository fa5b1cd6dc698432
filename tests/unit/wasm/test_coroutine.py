"""Code that can be left and entered again does what it would have done in one go (wasm/coroutine.py)."""

from __future__ import annotations

import random
from collections.abc import Callable

import wasmtime

from turso_wasm.wasm import coroutine
from turso_wasm.wasm.coroutine import Land, Point, SetPoint
from turso_wasm.wasm.dsl import I32, Function, Local, i32
from turso_wasm.wasm.module import Module

N_VARIABLES = 4
FRAME = 64  # where states are kept, an i32 each


class Machine:
    """A function `run() -> i32` (1: left at a point) over memory: variables at 0, 4, …; a log from 4096 on."""

    def __init__(self, write: Callable[[Machine], None]) -> None:
        self.module = Module(name="t")
        self.module.set_memory(2, export="memory")
        f = self.f = self.module.function("run", results=[I32], export=True)
        self.resume = f.local(I32, "resume", f.load("i32", i32(0), FRAME - 4))
        self.point = f.local(I32, "point")
        exempt = {self.resume.index, self.point.index}
        restore = f.hole()
        with f.block() as self.left:
            at = len(f.out)
            write(self)
            f.store("i32", i32(0), 0, FRAME - 4)
            f.ret(0)
            candidates = set(range(len(f.locals))) - exempt
            f.out[at:], states = coroutine.rewrite(f.out[at:], self.resume, (self.left,), candidates)
        with f.into(restore), f.if_(self.resume):
            for number, index in enumerate(states):
                f.set(f.locals[index], f.load("i32", i32(0), FRAME + 4 * number))
        for number, index in enumerate(states):
            f.store("i32", i32(0), f.locals[index], FRAME + 4 * number)
        f.store("i32", i32(0), self.point, FRAME - 4)
        f.result(1)

    def leave(self, if_: Local | None = None) -> None:
        """A point where the function is left when the host asked for it (and `if_`)."""
        f, point = self.f, Point()
        wanted = f.load("i32", i32(0), 4092) if if_ is None else f.load("i32", i32(0), 4092) & (if_ & 1)
        with f.if_(wanted):
            f.out.append(SetPoint(self.point, point))
            f.br(self.left)
            f.out.append(Land(point))

    def note(self, value: Local) -> None:
        f = self.f
        n = f.local(I32, "", f.load("i32", i32(0), 4088))
        f.store("i32", n << 2, value, 4096)
        f.store("i32", i32(0), n + 1, 4088)

    def log(self, leaves: bool) -> tuple[list[int], int]:
        store = wasmtime.Store()
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, self.module.encode()), [])
        exports = instance.exports(store)
        memory = exports["memory"]
        memory.write(store, int(leaves).to_bytes(4, "little"), 4092)
        times = 0
        while exports["run"](store):
            times += 1
            assert times < 10_000
        n = int.from_bytes(memory.read(store, 4088, 4092), "little")
        raw = memory.read(store, 4096, 4096 + 4 * n)
        return [int.from_bytes(raw[i : i + 4], "little") for i in range(0, 4 * n, 4)], times


def random_code(m: Machine, rng: random.Random, depth: int, variables: list[Local]) -> None:
    """Statements over the variables: assignments, notes, points, blocks, bounded loops, ifs."""
    f: Function = m.f
    for _ in range(rng.randint(1, 5)):
        a, b = rng.choice(variables), rng.choice(variables)
        kind = rng.choice(["set", "note", "leave", "leave", "if", "ifelse", "block", "loop"][: 8 if depth else 4])
        if kind == "set":
            f.set(a, (b * rng.randint(1, 9) + rng.randint(0, 99)) & 0xFFFF)
        elif kind == "note":
            m.note(a)
        elif kind == "leave":
            m.leave(a if rng.random() < 0.3 else None)
        elif kind in ("if", "ifelse"):
            with f.if_(a & 1 if rng.random() < 0.5 else a.lt_u(b)) as otherwise:
                random_code(m, rng, depth - 1, variables)
                if kind == "ifelse":
                    otherwise.else_()
                    random_code(m, rng, depth - 1, variables)
        elif kind == "block":
            with f.block() as out:
                random_code(m, rng, depth - 1, variables)
                f.br(out, if_=a & 1)
                random_code(m, rng, depth - 1, variables)
        else:
            left = f.local(I32, "left", rng.randint(1, 3))
            with f.loop() as top:
                random_code(m, rng, depth - 1, variables)
                f.set(left, left - 1)
                f.br(top, if_=left)


def test_random_code_is_left_and_entered_again_anywhere() -> None:
    left = 0
    for seed in range(150):
        rng = random.Random(seed)

        def write(m: Machine, rng: random.Random = rng) -> None:
            variables = [m.f.local(I32, f"v{i}", i) for i in range(N_VARIABLES)]
            random_code(m, rng, 3, variables)
            for variable in variables:
                m.note(variable)

        machine = Machine(write)
        whole, _ = machine.log(leaves=False)
        parts, times = machine.log(leaves=True)
        assert parts == whole, f"seed {seed}"
        left += times
    assert left > 1000


def test_a_point_can_be_a_second_entry_to_a_loop() -> None:
    """As outer joins use it: the body behind a search is run once more without the search."""

    def write(m: Machine) -> None:
        f = m.f
        again_wanted, value, i = f.local(I32, "again"), f.local(I32, "value"), f.local(I32, "i")
        point = Point()
        with f.block() as done, f.loop() as again:
            f.set(i, 0)
            with f.loop() as top:
                f.set(value, i * 10)
                f.out.append(Land(point))
                m.leave()
                m.note(value)
                f.br(done, if_=again_wanted)
                f.set(i, i + 1)
                f.br(top, if_=i < 3)
            f.set(again_wanted, 1)
            f.set(value, 77)
            f.out.append(SetPoint(m.resume, point))
            f.br(again)

    machine = Machine(write)
    assert machine.log(leaves=False)[0] == [0, 10, 20, 77]
    assert machine.log(leaves=True) == ([0, 10, 20, 77], 4)


def test_temporaries_are_no_states() -> None:
    """What is assigned and read between two points need not outlive a suspension."""
    found: list[int] = []

    def write(m: Machine) -> None:
        f = m.f
        total = f.local(I32, "total", 0)
        for n in range(3):
            temporary = f.local(I32, f"t{n}", total + n)
            f.set(total, total + temporary)
            m.leave()
        m.note(total)

    original = coroutine.rewrite

    def spy(*args: object) -> object:
        result = original(*args)  # type: ignore[arg-type]
        found.extend(result[1])
        return result

    coroutine.rewrite = spy  # type: ignore[assignment]
    try:
        machine = Machine(write)
    finally:
        coroutine.rewrite = original
    assert [machine.f.locals[i].name for i in found if machine.f.locals[i].name.startswith("t")] == ["total"]
