"""The structure record: which segments an index is made of.

Owns reading and writing row 10 of %_data:

  4 bytes   configuration cookie, big-endian
  4 bytes   FF 00 00 01 where segments have origins (contentless_delete), else nothing
  varint    levels        varint    segments        varint    leaves ever written at level 0
  of each level
    varint  segments, the oldest ones, that a merge under way takes as input
    varint  segments, and of each, the oldest first
      varint  its id        varint  first leaf        varint  last leaf
      with origins: varints  first and last origin, tombstone pages, tombstones, rows

Rows of %_data for segments: id << 37 | 1 << 36 for doclist indexes | height << 31 | page; the pages of its tombstones
lie at (id + 65536) << 37.

Invariants:
  T1  In memory, segments are listed from the newest on: by level, in a level the youngest first.

Source: https://sqlite.org/fts5.html section 9.2, and files written by SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, Arena, Cursor
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_init, bytes_room, bytes_varint
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, be32, i32, i64, lit, memory_fill, ptr, put_be32, scratch, sizeof, u8

__subset__ = True

AVERAGES_ROW = 1
STRUCTURE_ROW = 10
PAGE_BITS = 31
DLIDX_SHIFT = 36
SEGMENT_SHIFT = 37
TOMBSTONES = 1 << 16  # added to a segment's id
MAX_SEGMENTS = 2000
MAX_LEVELS = 64
MAX_SEGMENT_ID = 65535
MAIN_INDEX = 48  # the first byte of a term says which index it is in: "0" the main one, from "1" on those of prefixes
WITH_ORIGINS = b"\xff\x00\x00\x01"


revision: i32 = 0  # moves on whenever segments come or go, here or because what was written is undone


def structure_changed() -> None:
    """Whoever reads an index must look for its segments again."""
    global revision
    revision += 1


def structure_revision() -> i32:
    """A number that is another one after every change."""
    return revision


class Segment(Struct):
    """One segment. Of FTS3 (kernel/fts/fts3/directory.py) id is the idx, first and last are blocks of leaves."""

    format: i32  # FORMAT_*
    level: i32
    id: i32
    first: i32  # leaves
    last: i32
    origin_first: i64
    origin_last: i64
    tombstone_pages: i32
    merging: i32  # 1: input of a merge that is under way
    tombstones: i64
    rows: i64
    # FTS3:
    language: i64
    row: i64  # of %_segdir
    index: i32
    end: i32  # the last block
    root: ptr[u8]
    root_size: i32


class Structure(Struct):
    """All segments, as T1 says."""

    cookie: i32
    origins: i32  # 1: contentless_delete
    n_levels: i32
    n_segments: i32
    written: i64
    origin: i64  # the largest of all segments
    segments: ptr[Segment]  # room for MAX_SEGMENTS + 1 of them only where one is added


class Reader(Struct):
    """A place in a record of varints."""

    p: ptr[u8]
    at: i32
    size: i32


def read_varint(r: Reader) -> i64:
    """The next varint. Errors: SQLITE_CORRUPT."""
    if r.at >= r.size:
        fts_corrupt()
    value, n = get_varint(r.p + r.at)
    r.at += n
    if r.at > r.size:
        fts_corrupt()
    return value


def read_count(r: Reader, most: i32) -> i32:
    """A varint from 0 to `most`. Errors: SQLITE_CORRUPT."""
    value: i64 = read_varint(r)
    if value < 0 or value > i64(most):
        fts_corrupt()
    return i32(value)


def structure_read(data: Cursor, arena: Arena) -> Structure:
    """Read the record. Errors: SQLITE_CORRUPT."""
    if cursor_seek_rowid(data, STRUCTURE_ROW) == 0:
        fts_corrupt()
    tag, payload = cursor_column(data, 1)
    if tag != BLOB or size_of(payload) < 7:
        fts_corrupt()
    r: Reader = Reader(scratch(sizeof(Reader)))
    r.p = bytes_of(payload)
    r.size = size_of(payload)
    r.at = 4
    s: Structure = Structure(arena_alloc(arena, sizeof(Structure)))
    s.cookie = i32(be32(r.p))
    s.origins = 0
    s.origin = 0
    if be32(r.p + 4) == be32(WITH_ORIGINS):
        s.origins = 1
        r.at = 8
    s.n_levels = read_count(r, MAX_LEVELS)
    s.n_segments = read_count(r, MAX_SEGMENTS)
    s.written = read_varint(r)
    s.segments = ptr[Segment](arena_alloc(arena, sizeof(Segment) * (s.n_segments + 1)))
    done: i32 = 0
    for level in range(s.n_levels):
        merging: i32 = read_count(r, MAX_SEGMENTS)
        count: i32 = read_count(r, s.n_segments - done)
        for i in range(count):
            # The youngest comes first here.
            read_segment(r, s, s.segments[done + count - 1 - i])
            s.segments[done + count - 1 - i].level = level
            s.segments[done + count - 1 - i].merging = 1 if i < merging else 0
        done += count
    if done != s.n_segments:
        fts_corrupt()
    return s


def read_segment(r: Reader, s: Structure, segment: Segment) -> None:
    """What the record says of one segment."""
    memory_fill(segment, 0, sizeof(Segment))
    segment.id = read_count(r, MAX_SEGMENT_ID)
    segment.first = read_count(r, 0x7FFFFFFF)
    segment.last = read_count(r, 0x7FFFFFFF)
    if segment.id == 0 or segment.last < segment.first:
        fts_corrupt()
    if s.origins:
        segment.origin_first = read_varint(r)
        segment.origin_last = read_varint(r)
        segment.tombstone_pages = read_count(r, 0x7FFFFFFF)
        segment.tombstones = read_varint(r)
        segment.rows = read_varint(r)
        if segment.origin_last > s.origin:
            s.origin = segment.origin_last


def structure_bytes(s: Structure, b: Bytes, arena: Arena) -> None:
    """Make the record."""
    bytes_init(b, arena)
    put_be32(bytes_room(b, 4), s.cookie)
    b.size = 4
    if s.origins:
        bytes_add(b, *lit(WITH_ORIGINS))
    bytes_varint(b, i64(s.n_levels))
    bytes_varint(b, i64(s.n_segments))
    bytes_varint(b, s.written)
    at: i32 = 0
    for level in range(s.n_levels):
        end: i32 = at
        merging: i32 = 0
        while end < s.n_segments and s.segments[end].level == level:
            merging += s.segments[end].merging
            end += 1
        bytes_varint(b, i64(merging))
        bytes_varint(b, i64(end - at))
        for i in range(end - at):
            write_segment(b, s, s.segments[end - 1 - i])
        at = end


def write_segment(b: Bytes, s: Structure, segment: Segment) -> None:
    """One segment of the record."""
    bytes_varint(b, i64(segment.id))
    bytes_varint(b, i64(segment.first))
    bytes_varint(b, i64(segment.last))
    if s.origins:
        bytes_varint(b, segment.origin_first)
        bytes_varint(b, segment.origin_last)
        bytes_varint(b, i64(segment.tombstone_pages))
        bytes_varint(b, segment.tombstones)
        bytes_varint(b, segment.rows)


def leaf_row(segment: Segment, page: i32) -> i64:
    """The row of %_data that holds a leaf."""
    return (i64(segment.id) << SEGMENT_SHIFT) + i64(page)


def tombstone_row(segment: Segment, page: i32) -> i64:
    """The row of %_data that holds a page of tombstones."""
    return (i64(segment.id + TOMBSTONES) << SEGMENT_SHIFT) + i64(page)
