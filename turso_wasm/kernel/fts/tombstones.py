"""Tombstones: rows that are deleted from a segment although their terms are not known (contentless_delete).

Owns their pages in %_data. The page rowid % pages of a segment is a hash table:

  1 byte    bytes of a key, 4 or 8      1 byte    1: rowid 0 is in it      2 bytes   unused
  4 bytes   keys, big-endian            from 8 on the buckets, 0 where free

A key is looked for from bucket rowid / pages % buckets on, forward and around.

Invariants:
  D1  No page is more than half full: so every walk through buckets ends at a free one. Reading does not rely on it.
  D2  Which segments a row may be in is said by its origin (%_docsize): those whose range of origins has it.
"""

from turso_wasm.kernel.abi import BLOB
from turso_wasm.kernel.base.memory import arena_alloc, arena_mark, arena_release
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.postings import Index
from turso_wasm.kernel.fts.structure import Segment, Structure, tombstone_row
from turso_wasm.kernel.fts.writer import store_blob
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import (
    Struct,
    be32,
    be64,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    put_be32,
    put_be64,
    scratch,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

HEAD = 8
LEAST_BUCKETS = 32
NARROW_MAX = 0xFFFFFFFF
PAGES_MAX = 1 << 16


class Page(Struct):
    """A page of tombstones, in memory."""

    data: ptr[u8]
    size: i32
    width: i32
    buckets: i32
    keys: i32


def page_read(x: Index, segment: Segment, number: i32, p: Page) -> i32:
    """Get a page, copied; 0: there is none that could be read."""
    if cursor_seek_rowid(x.data, tombstone_row(segment, number)) == 0:
        return 0
    tag, payload = cursor_column(x.data, 1)
    p.size = size_of(payload)
    if tag != BLOB or p.size < HEAD + 8:
        return 0
    p.data = arena_alloc(x.arena, p.size)
    memory_copy(p.data, bytes_of(payload), p.size)
    p.width = 4 if p.data[0] == 4 else 8
    p.buckets = (p.size - HEAD) // p.width
    p.keys = i32(be32(p.data + 4))
    if p.keys < 0 or p.keys > p.buckets:
        fts_corrupt()
    return 1


def page_init(x: Index, p: Page, width: i32, buckets: i32) -> None:
    """An empty page."""
    p.size = HEAD + buckets * width
    p.data = arena_alloc(x.arena, p.size)
    memory_fill(p.data, 0, p.size)
    p.data[0] = width
    p.width = width
    p.buckets = buckets
    p.keys = 0


def page_key(p: Page, bucket: i32) -> i64:
    """The key in a bucket; 0: it is free."""
    at: ptr[u8] = p.data + (HEAD + bucket * p.width)
    return i64(u32(be32(at))) if p.width == 4 else be64(at)


def page_add(p: Page, rowid: i64, pages: i32) -> i32:
    """Add a rowid that fits the width; 0: it was there."""
    if rowid == 0:
        if p.data[1]:
            return 0
        p.data[1] = 1
        return 1
    bucket: i32 = i32(u64(rowid) // u64(pages) % u64(p.buckets))
    for _ in range(p.buckets):
        key: i64 = page_key(p, bucket)
        if key == rowid:
            return 0
        if key == 0:
            break
        bucket = bucket + 1 if bucket + 1 < p.buckets else 0
    at: ptr[u8] = p.data + (HEAD + bucket * p.width)
    if p.width == 4:
        put_be32(at, u32(rowid))
    else:
        put_be64(at, rowid)
    p.keys += 1
    put_be32(p.data + 4, u32(p.keys))
    return 1


def fits(p: Page, rowid: i64) -> bool:
    """Whether a rowid can be added to the page as it is (D1)."""
    return (p.keys + 1) * 2 <= p.buckets and (p.width == 8 or u64(rowid) <= NARROW_MAX)


def bury(x: Index, page_size: i32, origin: i64, rowid: i64) -> None:
    """A row is deleted from all segments that may have it (D2)."""
    s: Structure = x.structure
    for i in range(s.n_segments):
        segment: Segment = s.segments[i]
        if segment.origin_first <= origin and origin <= segment.origin_last:
            mark: i32 = arena_mark(x.arena)
            segment.tombstones += i64(bury_in(x, page_size, segment, rowid))
            arena_release(x.arena, mark)


def bury_in(x: Index, page_size: i32, segment: Segment, rowid: i64) -> i32:
    """Add a tombstone to a segment; 0: it was there."""
    pages: i32 = segment.tombstone_pages
    p: Page = Page(scratch(sizeof(Page)))
    if pages:
        number: i32 = i32(u64(rowid) % u64(pages))
        if page_read(x, segment, number, p) and fits(p, rowid):
            added: i32 = page_add(p, rowid, pages)
            store_blob(x.stmt, x.data, tombstone_row(segment, number), p.data, p.size)
            return added
    return grow(x, page_size, segment, rowid)


def grow(x: Index, page_size: i32, segment: Segment, rowid: i64) -> i32:
    """Make the hash table anew, larger, with one rowid more; 0: it was there."""
    old: i32 = segment.tombstone_pages
    if old > PAGES_MAX:
        fts_corrupt()
    found: ptr[Page] = ptr[Page](arena_alloc(x.arena, (old + 1) * sizeof(Page)))
    width: i32 = 4 if u64(rowid) <= NARROW_MAX else 8
    n: i32 = 1
    read: i32 = 0
    for i in range(old):
        if page_read(x, segment, i, found[read]):
            if found[read].width == 8:
                width = 8
            n += found[read].keys
            read += 1
    # Four buckets a key leave room for as many again; a page holds what page_size allows.
    most: i32 = (page_size - HEAD) // width
    if most < LEAST_BUCKETS:
        most = LEAST_BUCKETS
    buckets: i32 = n * 4 if n * 4 > LEAST_BUCKETS else LEAST_BUCKETS
    pages: i32 = (buckets + most - 1) // most
    if pages > 1:
        buckets = most
    return rehash(x, segment, rowid, found, read, width, pages, buckets)


def rehash(
    x: Index, segment: Segment, rowid: i64, found: ptr[Page], n_found: i32, width: i32, pages: i32, buckets: i32
) -> i32:
    """Write the pages with all keys of others and a rowid; again with more of them if one would be too full."""
    if pages > PAGES_MAX:
        fts_corrupt()
    fresh: ptr[Page] = ptr[Page](arena_alloc(x.arena, pages * sizeof(Page)))
    for i in range(pages):
        page_init(x, fresh[i], width, buckets)
    for i in range(n_found):
        if found[i].data[1]:
            _ = page_add(fresh[0], i64(0), pages)
        for bucket in range(found[i].buckets):
            key: i64 = page_key(found[i], bucket)
            if key:
                p: Page = fresh[i32(u64(key) % u64(pages))]
                if not fits(p, key):
                    return rehash(x, segment, rowid, found, n_found, width, pages * 2 + 1, buckets)
                _ = page_add(p, key, pages)
    p = fresh[i32(u64(rowid) % u64(pages))]
    if not fits(p, rowid):
        return rehash(x, segment, rowid, found, n_found, width, pages * 2 + 1, buckets)
    added: i32 = page_add(p, rowid, pages)
    for i in range(pages):
        store_blob(x.stmt, x.data, tombstone_row(segment, i), fresh[i].data, fresh[i].size)
    segment.tombstone_pages = pages
    return added
