"""The index of the write-ahead log in memory: which frames hold a page.

Invariant:
  W2  The index: `buckets` lead to the latest frame of every page, linked by `chain`; `previous` leads from there to
      older frames of the same page. Removing the last frame is the exact inverse of appending it.
"""

from turso_wasm.kernel.base.memory import mfree, mrealloc, mzalloc
from turso_wasm.kernel.pager.storage import Wal
from turso_wasm.wasm.lang import i32, inline, ptr, u8, u32

__subset__ = True

INDEX_MIN = 256


@inline
def wal_bucket(w: Wal, pgno: u32) -> ptr[u32]:
    """The bucket of a page number."""
    return w.buckets + (pgno & w.bucket_mask)


def wal_latest(w: Wal, pgno: u32) -> u32:
    """The newest frame of the page, committed or not; 0: none."""
    if w.end == 0:
        return 0
    frame: u32 = wal_bucket(w, pgno)[0]
    while frame and w.pgnos[frame] != pgno:
        frame = w.chain[frame]
    return frame


def wal_find(w: Wal, pgno: u32, snapshot: u32) -> u32:
    """The newest frame of the page that is not newer than `snapshot`; 0: none."""
    frame: u32 = wal_latest(w, pgno)
    while frame > snapshot:
        frame = w.previous[frame]
    return frame


def index_grow(w: Wal, capacity: i32) -> None:
    """Make room for frames up to `capacity`, and link the buckets anew."""
    w.pgnos = ptr[u32](mrealloc(ptr[u8](w.pgnos), capacity * 4 + 4))
    w.previous = ptr[u32](mrealloc(ptr[u8](w.previous), capacity * 4 + 4))
    w.chain = ptr[u32](mrealloc(ptr[u8](w.chain), capacity * 4 + 4))
    buckets: ptr[u8] = mzalloc(capacity * 4)
    mfree(ptr[u8](w.buckets))
    w.buckets = ptr[u32](buckets)
    w.capacity = capacity
    w.bucket_mask = u32(capacity - 1)
    end: u32 = w.end
    w.end = 0
    while w.end < end:
        index_append(w, w.pgnos[w.end + 1])


def index_reserve(w: Wal, n: i32) -> None:
    """Make room for n more frames, so that index_append cannot fail."""
    need: i32 = i32(w.end) + n
    if need < w.capacity:
        return
    capacity: i32 = w.capacity if w.capacity else INDEX_MIN
    while capacity <= need:
        capacity *= 2
    index_grow(w, capacity)


def index_append(w: Wal, pgno: u32) -> None:
    """Frame end+1 holds page pgno."""
    frame: u32 = w.end + 1
    link: ptr[u32] = wal_bucket(w, pgno)
    while link[0] and w.pgnos[link[0]] != pgno:
        link = w.chain + link[0]
    older: u32 = link[0]
    w.pgnos[frame] = pgno
    w.previous[frame] = older
    w.chain[frame] = w.chain[older] if older else u32(0)
    link[0] = frame
    w.end = frame


def index_truncate(w: Wal, end: u32) -> None:
    """Forget all frames behind `end`."""
    while w.end > end:
        frame: u32 = w.end
        link: ptr[u32] = wal_bucket(w, w.pgnos[frame])
        while link[0] != frame:
            link = w.chain + link[0]
        older: u32 = w.previous[frame]
        if older:
            w.chain[older] = w.chain[frame]
            link[0] = older
        else:
            link[0] = w.chain[frame]
        w.end = frame - 1
