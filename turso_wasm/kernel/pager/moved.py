"""Frames of the log that are moved into the database file, by this process or another: which, and what memory makes of
that.

Invariant:
  K2  A cached page that was moved changes its identity from its frame to the page of the file; what the file had
      before is forgotten, and so are the frames it replaces.
"""

from turso_wasm.kernel.pager.cache import cache_find, cache_forget, cache_forget_at, cache_insert, cache_remove
from turso_wasm.kernel.pager.log_index import wal_find
from turso_wasm.kernel.pager.storage import Page, SharedFile, Wal
from turso_wasm.wasm.lang import i32, ptr, u32

__subset__ = True


def frames_to_move(w: Wal, frames: ptr[u32], target: u32) -> i32:
    """Collect the newest frame of each page in (backfilled, target], sorted by page; how many."""
    n: i32 = 0
    frame: u32 = w.backfilled + 1
    while frame <= target:
        pgno: u32 = w.pgnos[frame]
        if page_is_moved(w, pgno, target) and wal_find(w, pgno, target) == frame:
            frames[n] = frame
            n += 1
        frame += 1
    frames_sort(w, frames, n)
    return n


def page_is_moved(w: Wal, pgno: u32, target: u32) -> i32:
    """1 unless the database shrank below the page; a reader of an older state may still see it."""
    return i32(target < w.committed or pgno <= w.page_count)


def frames_sort(w: Wal, frames: ptr[u32], n: i32) -> None:
    """Sort frames by their page numbers (Shell sort)."""
    gap: i32 = 1
    while gap < n // 3:
        gap = gap * 3 + 1
    while gap > 0:
        for i in range(gap, n):
            frame: u32 = frames[i]
            at: i32 = i
            while at >= gap and w.pgnos[frames[at - gap]] > w.pgnos[frame]:
                frames[at] = frames[at - gap]
                at -= gap
            frames[at] = frame
        gap = gap // 3


def frames_moved(db: SharedFile, frames: ptr[u32], n: i32, target: u32) -> None:
    """The file has the frames up to `target`: rename the cached pages (K2)."""
    w: Wal = db.wal
    frame: u32 = w.backfilled + 1
    for i in range(n):
        cache_forget_at(i32(db), w.pgnos[frames[i]])
    while frame <= target:
        page: Page = cache_find(i32(db) + 1, frame)
        if page:
            if wal_find(w, page.pgno, target) == frame and page_is_moved(w, page.pgno, target):
                cache_remove(page)
                cache_insert(page, i32(db), page.pgno)
            else:
                cache_forget(page)
        frame += 1
    w.backfilled = target
