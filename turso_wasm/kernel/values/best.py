"""The best numbers so far, where only so many are wanted: a heap, the least on top."""

from turso_wasm.kernel.abi import INTEGER, Arena, Value
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.wasm.lang import Struct, f64, i32, ptr

__subset__ = True

MOST = 1000  # numbers that are wanted


class Best(Struct):
    """A heap of numbers, the least on top."""

    heap: ptr[f64]
    n: i32
    limit: i32  # numbers that count; 0: not known yet, -1: any may be wanted


def best_begin(t: Best, arena: Arena, limit: Value) -> None:
    """There are none yet; so many are wanted."""
    t.n = 0
    t.limit = -1
    if limit.tag == INTEGER and limit.payload > 0 and limit.payload <= MOST:
        t.limit = i32(limit.payload)
        t.heap = ptr[f64](arena_alloc(arena, 8 * t.limit))


def best_is_full(t: Best) -> bool:
    """There are as many as are wanted: one that is less than all of them is not among the best."""
    return t.limit > 0 and t.n == t.limit


def best_add(t: Best, number: f64) -> bool:
    """A number counts, the larger the better; whether it is among the best."""
    at: i32 = 0
    if t.n < t.limit:
        at = t.n
        t.n += 1
        while at > 0 and t.heap[(at - 1) >> 1] > number:
            t.heap[at] = t.heap[(at - 1) >> 1]
            at = (at - 1) >> 1
    elif t.limit > 0 and number > t.heap[0]:
        child: i32 = 1
        while child < t.n:
            if child + 1 < t.n and t.heap[child + 1] < t.heap[child]:
                child += 1
            if t.heap[child] >= number:
                break
            t.heap[at] = t.heap[child]
            at = child
            child = 2 * at + 1
    else:
        return False
    t.heap[at] = number
    return True
