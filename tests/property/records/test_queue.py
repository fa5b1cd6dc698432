"""kernel/values/queue.py: rows come out as they went in or by their keys, from memory and from files."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from turso_wasm.base.errors import SqlError

unhurried = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def kernel() -> Iterator[RecordsKernel]:
    kernel = RecordsKernel(["turso_wasm.kernel.values.queue", "turso_wasm.kernel.base.resources"])
    kernel.call("resources_free", kernel.statement)  # the statement's own frame is in scope
    yield kernel
    assert not kernel.temporary.files


class Queue:
    """A queue whose rows (and keys) are given as bytes. memory: bytes of rows that it may hold."""

    def __init__(self, kernel: RecordsKernel, memory: int = 64 << 20) -> None:
        self.kernel = kernel
        kernel.call("work_memory_set", memory)
        self.at = kernel.checked("queue_new", kernel.statement)

    def add(self, row: bytes, key: bytes | None = None) -> None:
        if key is not None:
            self.kernel.set_key(key)
        name = "queue_add" if key is None else "queue_add_ordered"
        self.kernel.checked(name, self.at, self.kernel.blob_in_place(row))

    def next(self, ordered: bool = False) -> bytes | None:
        if not self.kernel.checked("queue_next_ordered" if ordered else "queue_next", self.at):
            return None
        return bytes(self.kernel.at(self.kernel.call("queue_row", self.at)))


@unhurried
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 1 << 30), st.sampled_from((0, 200_000, 1 << 26)))
def test_first_in_first_out(kernel: RecordsKernel, script: list[int], seed: int, memory: int) -> None:
    """Rows of all sizes, in bursts; with and without files in between."""
    rng = random.Random(seed)
    queue, model = Queue(kernel, memory), list[bytes]()
    for step in script:
        for _ in range(rng.choice((1, 5, 40))):
            if step:
                row = rng.randbytes(rng.choice((0, 1, 7, 8, 9, 300, 9000)))
                queue.add(row)
                model.append(row)
            else:
                assert queue.next() == (model.pop(0) if model else None)
    assert [queue.next() for _ in model] == model
    assert queue.next() is None
    queue.add(b"again")
    assert queue.next() == b"again"
    kernel.call("resources_free", kernel.statement)
    assert not kernel.temporary.files


@unhurried
@given(st.lists(st.integers(0, 3), max_size=80), st.integers(0, 1 << 30), st.sampled_from((0, 300, 2000, 1 << 26)))
def test_by_keys(kernel: RecordsKernel, script: list[int], seed: int, memory: int) -> None:
    """The least key first; of equal ones the row that came first. With and without runs in files."""
    rng = random.Random(seed)
    queue, model = Queue(kernel, memory), list[tuple[bytes, int, bytes]]()
    for number, step in enumerate(script):
        if step:
            key, row = (
                bytes(rng.choices(b"ab", k=rng.choice((1, 2, 12)))) + b"\0",
                rng.randbytes(rng.choice((0, 3, 70, 9000))),
            )
            queue.add(row, key)
            heapq.heappush(model, (key, number, row))
        else:
            assert queue.next(ordered=True) == (heapq.heappop(model)[2] if model else None)
    while model:
        assert queue.next(ordered=True) == heapq.heappop(model)[2]
    assert queue.next(ordered=True) is None
    kernel.call("resources_free", kernel.statement)
    assert not kernel.temporary.files


def test_a_file_that_fails(kernel: RecordsKernel) -> None:
    """The error arrives, and nothing stays behind."""
    for name in ("open", "write", "read"):
        queue = Queue(kernel, 100_000)
        kernel.temporary.calls.clear()
        with pytest.raises(SqlError):
            for _ in range(100):
                if len(kernel.temporary.calls) == {"open": 0, "write": 1, "read": -1}[name]:
                    kernel.temporary.fail_at = 1
                queue.add(bytes(9000))
            kernel.temporary.fail_at = 1
            for _ in range(100):
                queue.next()
        kernel.temporary.fail_at = -1
        kernel.call("resources_free", kernel.statement)
    assert not kernel.temporary.files
