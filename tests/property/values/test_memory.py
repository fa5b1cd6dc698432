"""The allocator: memory handed out is the caller's alone, nothing is lost, and misuse is caught in debug builds."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import wasmtime

from tests.harness.kernel import Kernel, KernelAssertion
from turso_wasm.kernel.abi import Arena

MODULES = ["turso_wasm.kernel.base.memory", "turso_wasm.kernel.base.heap", "turso_wasm.kernel.base.errors"]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(MODULES)


def pattern(address: int, n: int) -> bytes:
    """Bytes that depend on address and length, so that an overlap shows."""
    return random.Random(address * 31 + n).randbytes(n)


def sizes(rng: random.Random) -> int:
    return rng.choice(
        [0, 1, 8, 24, rng.randrange(64), rng.randrange(2100), rng.randrange(5000), rng.randrange(200_000)]
    )


@pytest.mark.parametrize("seed", range(6))
def test_blocks_are_disjoint_and_keep_their_bytes(kernel: Kernel, seed: int) -> None:
    rng = random.Random(seed)
    live: dict[int, bytes] = {}
    for step in range(600):
        action = rng.random()
        if action < 0.5 or not live:
            n = sizes(rng)
            p = kernel.call("malloc", n) & 0xFFFFFFFF
            assert p % 16 == 0
            assert p not in live
            live[p] = pattern(p, n)
            kernel.write(p, live[p])
        elif action < 0.75:
            p = rng.choice(list(live))
            assert kernel.read(p, len(live[p])) == live[p]
            del live[p]
            kernel.call("mfree", p)
        else:
            p = rng.choice(list(live))
            old = live.pop(p)
            n = sizes(rng)
            q = kernel.call("mrealloc", p, n) & 0xFFFFFFFF
            assert kernel.read(q, min(n, len(old))) == old[:n]
            live[q] = pattern(q, n)
            kernel.write(q, live[q])
        if step % 50 == 0:
            assert kernel.call("heap_check") >= 0
    spans = sorted((p, p + len(data)) for p, data in live.items())
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for p, data in live.items():
        assert kernel.read(p, len(data)) == data
        kernel.call("mfree", p)
    assert kernel.call("memory_used") == 0
    assert kernel.call("heap_check") >= 0


def test_freed_memory_is_used_again(kernel: Kernel) -> None:
    def churn() -> None:
        held = [kernel.call("malloc", 100 + 37 * i) for i in range(200)] + [kernel.call("malloc", 100_000)]
        for p in held[::2] + held[1::2]:
            kernel.call("mfree", p)

    churn()
    size = kernel.memory.size(kernel.store)
    for _ in range(30):
        churn()
    assert kernel.memory.size(kernel.store) == size


def test_growing_by_realloc_does_not_leak(kernel: Kernel) -> None:
    p = kernel.call("malloc", 10)
    for n in range(10, 400_000, 3000):
        p = kernel.call("mrealloc", p, n)
    size = kernel.memory.size(kernel.store)
    assert kernel.call("memory_used") < 450_000
    kernel.call("mfree", p)
    assert kernel.call("memory_used") == 0
    assert size < 40


def test_free_neighbours_are_merged(kernel: Kernel) -> None:
    held = [kernel.call("malloc", 50_000) for _ in range(20)]
    size = kernel.memory.size(kernel.store)
    for p in held[1::2] + held[::2]:
        kernel.call("mfree", p)
    p = kernel.call("malloc", 950_000)
    assert kernel.memory.size(kernel.store) == size
    kernel.call("mfree", p)


def test_mzalloc_is_zeroed_after_reuse(kernel: Kernel) -> None:
    for n in (40, 3000):
        p = kernel.call("malloc", n)
        kernel.write(p, b"\xff" * n)
        kernel.call("mfree", p)
        assert kernel.read(kernel.call("mzalloc", n), n) == bytes(n)


@pytest.mark.parametrize("n", [40, 3000])
def test_use_after_free_is_caught(kernel: Kernel, n: int) -> None:
    p = kernel.call("malloc", n)
    kernel.call("malloc", n)
    kernel.call("mfree", p)
    kernel.write(p + 20, b"x")
    with pytest.raises(KernelAssertion, match="written to"):
        kernel.call("malloc", n)


@pytest.mark.parametrize("n", [40, 3000])
def test_double_free_is_caught(kernel: Kernel, n: int) -> None:
    p = kernel.call("malloc", n)
    kernel.call("malloc", n)
    kernel.call("mfree", p)
    with pytest.raises(KernelAssertion, match="freed twice"):
        kernel.call("mfree", p)


def test_writing_behind_the_end_is_caught(kernel: Kernel) -> None:
    p = kernel.call("malloc", 33)
    kernel.write(p + 33, b"x")
    with pytest.raises(KernelAssertion, match="behind its end"):
        kernel.call("mfree", p)


@pytest.mark.parametrize("n", [-1, 0x7FFFFFFF, -(2**31)])
def test_impossible_requests_raise_nomem(kernel: Kernel, n: int) -> None:
    with pytest.raises((wasmtime.Trap, wasmtime.WasmtimeError)):
        kernel.call("malloc", n)
    record = kernel.call("error_record")
    assert int.from_bytes(kernel.read(record, 4), "little") == 7


def test_16_readable_bytes_follow_every_payload(kernel: Kernel) -> None:
    end = max((kernel.call("malloc", 200_000) & 0xFFFFFFFF) + 200_000 for _ in range(50))
    assert end + 16 <= kernel.memory.data_len(kernel.store)


# --- arenas ----------------------------------------------------------------------------------------------------


@pytest.fixture
def arena(kernel: Kernel) -> int:
    return int(kernel.call("mzalloc", Arena.size))


@pytest.mark.parametrize("seed", range(4))
def test_arena_keeps_what_is_older_than_the_mark(kernel: Kernel, arena: int, seed: int) -> None:
    rng = random.Random(seed)
    marks: list[tuple[int, int]] = []
    live: list[tuple[int, bytes]] = []
    for _ in range(500):
        action = rng.random()
        if action < 0.6:
            n = rng.choice([0, 1, 7, 8, rng.randrange(300), rng.randrange(9000)])
            p = kernel.call("arena_alloc", arena, n)
            assert p % 8 == 0
            live.append((p, pattern(p, n)))
            kernel.write(p, live[-1][1])
        elif action < 0.8:
            marks.append((kernel.call("arena_mark", arena), len(live)))
        elif marks:
            mark, kept = marks[rng.randrange(len(marks))]
            marks = [m for m in marks if m[1] <= kept]
            del live[kept:]
            kernel.call("arena_release", arena, mark)
    for p, data in live:
        assert kernel.read(p, len(data)) == data
    kernel.call("arena_free", arena)
    kernel.call("mfree", arena)
    assert kernel.call("memory_used") == 0


def test_a_loop_across_a_chunk_end_does_not_allocate(kernel: Kernel, arena: int) -> None:
    kernel.call("arena_alloc", arena, 4000)
    mark = kernel.call("arena_mark", arena)
    kernel.call("arena_alloc", arena, 500)
    kernel.call("arena_release", arena, mark)
    used = kernel.call("memory_used")
    for _ in range(10):
        kernel.call("arena_alloc", arena, 500)
        assert kernel.call("memory_used") == used
        kernel.call("arena_release", arena, mark)


def test_release_of_everything_keeps_one_chunk(kernel: Kernel, arena: int) -> None:
    for _ in range(100):
        kernel.call("arena_alloc", arena, 10_000)
    kernel.call("arena_release", arena, 0)
    assert kernel.call("memory_used") < 40_000
    first = kernel.call("arena_alloc", arena, 8)
    kernel.call("arena_release", arena, 0)
    assert kernel.call("arena_alloc", arena, 8) == first


def test_an_arena_keeps_no_large_chunk(kernel: Kernel, arena: int) -> None:
    before = kernel.call("memory_used")
    for sizes in ((1 << 20,), (8, 1 << 20), (1 << 20, 8), (1 << 20, 1 << 21)):
        for size in sizes:
            kernel.call("arena_alloc", arena, size)
        kernel.call("arena_release", arena, 0)
        assert kernel.call("memory_used") < before + 10_000, sizes
        kernel.call("arena_alloc", arena, 8)


@pytest.fixture(scope="module")
def roomy() -> Kernel:
    """Without assertions, which would touch all of the memory."""
    return Kernel(MODULES, debug=False)


def test_a_hole_of_more_than_two_gibibytes_is_used_piece_by_piece(roomy: Kernel) -> None:
    for _ in range(3):
        blocks = [roomy.call("malloc", 900_000_000) for _ in range(3)]
        for block in blocks:
            roomy.call("mfree", block)
        small = [roomy.call("malloc", 1000 * i) for i in range(1, 50)]
        large = [roomy.call("malloc", n) for n in (1_000_000_000, 700_000_000, 900_000_000)]
        assert roomy.call("memory_used") < 2_700_000_000
        for block in [*small, *large]:
            roomy.call("mfree", block)
        assert roomy.call("memory_used") < 100_000


def test_what_stays_does_not_lie_among_large_blocks(roomy: Kernel) -> None:
    """Spans of small objects are never given back: they must not cut the place of large blocks into pieces."""
    for turn in range(12):
        large = [roomy.call("malloc", 300_000_000) for _ in range(3)]
        kept = [roomy.call("malloc", 2000) for _ in range(200)]
        large += [roomy.call("malloc", 350_000_000 + turn) for _ in range(3)]
        kept += [roomy.call("malloc", 100_000) for _ in range(20)]
        for block in large[::-1] if turn % 2 else large:
            roomy.call("mfree", block)
    roomy.call("mfree", roomy.call("malloc", 1_900_000_000))
    assert kept
