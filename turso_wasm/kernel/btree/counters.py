"""Rowids while there are concurrent transactions: none is given twice, so rows that they insert have keys of their own.

A counter of a table begins at the largest rowid that is seen when the first is asked for. Numbers of rows that came to
nothing are not given again until all counters go, with the last concurrent transaction of the database.
"""

from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.pager.storage import SharedFile
from turso_wasm.wasm.lang import Struct, i32, i64, ptr, sizeof, u8, u32

__subset__ = True

LARGEST_ROWID = 0x7FFFFFFFFFFFFFFF


class Counter(Struct):
    """The largest rowid that was given, or is in the table."""

    next: "Counter"
    root: u32
    last: i64


def counter_next(db: SharedFile, root: u32, largest: i64) -> i64:
    """The rowid before the one that is given now; `largest` is that of the table as the asker sees it."""
    counter: Counter = Counter(db.counters)
    while counter and counter.root != root:
        counter = counter.next
    if not counter:
        counter = Counter(mzalloc(sizeof(Counter)))
        counter.root = root
        counter.last = largest
        counter.next = Counter(db.counters)
        db.counters = i32(counter)
    if counter.last > largest:
        largest = counter.last
    if largest < LARGEST_ROWID:
        counter.last = largest + 1
    return largest


def counters_free(db: SharedFile) -> None:
    """Forget all of them."""
    while db.counters:
        counter: Counter = Counter(db.counters)
        db.counters = i32(counter.next)
        mfree(ptr[u8](i32(counter)))
