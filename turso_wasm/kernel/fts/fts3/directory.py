"""%_segdir: which segments the indexes of an FTS3 table are made of.

Owns reading and changing its rows: level, idx, start_block, leaves_end_block, end_block, root. A table has an index of
whole tokens and one for each length of prefixes; of each language. Index i of language l has the levels from
(l * indexes + i) * 1024 on. end_block is a number, or a text: that number, a space, and how many bytes the leaves have.

Invariants: T1 of kernel/fts/structure.py, for the segments of each index.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, TEXT, UTF8, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.memory import alloc, arena_alloc, arena_mark, arena_release
from turso_wasm.kernel.btree.cursor.move import cursor_last, cursor_prev
from turso_wasm.kernel.btree.cursor.read import cursor_column, cursor_index_rowid
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.delete import cursor_delete, index_delete
from turso_wasm.kernel.btree.insert import index_insert, table_insert, table_new_rowid
from turso_wasm.kernel.btree.tree import btree_clear
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.fts3.stat import delete_sums
from turso_wasm.kernel.fts.merge import delete_rows
from turso_wasm.kernel.fts.postings import Index
from turso_wasm.kernel.fts.segment import LEAF_SLACK
from turso_wasm.kernel.fts.structure import Segment, Structure, structure_changed
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.kernel.values.utf16 import text_loaded, texts_stored
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer
from turso_wasm.wasm.lang import i32, i64, memory_copy, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

LEVELS = 1024
LEVEL_MAX = LEVELS - 1
SEGMENTS_MAX = 1 << 20


def number_at(c: Cursor, column: i32) -> i64:
    """A column of the row as a number."""
    tag, payload = cursor_column(c, column)
    return to_integer(tag, payload)


def block_at(c: Cursor, column: i32) -> i32:
    """The number of a block. Errors: SQLITE_CORRUPT_VTAB."""
    value: i64 = number_at(c, column)
    if value < 0 or value > 0x7FFFFFFE:
        fts_corrupt()
    return i32(value)


def directory_read(x: Index) -> Structure:
    """All segments of all indexes."""
    s: Structure = Structure(arena_alloc(x.arena, sizeof(Structure)))
    memory_fill(s, 0, sizeof(Structure))
    capacity: i32 = 0
    on: i32 = cursor_last(x.terms)
    while on:
        if cursor_seek_rowid(x.directory, cursor_index_rowid(x.terms)) == 0 or s.n_segments == SEGMENTS_MAX:
            fts_corrupt()
        if s.n_segments == capacity:
            capacity = capacity * 2 + 16
            segments: ptr[Segment] = ptr[Segment](arena_alloc(x.arena, capacity * sizeof(Segment)))
            memory_copy(segments, s.segments, s.n_segments * sizeof(Segment))
            s.segments = segments
        read_row(x, s.segments[s.n_segments])
        s.n_segments += 1
        on = cursor_prev(x.terms)
    sort_levels(x, s)
    return s


def read_row(x: Index, segment: Segment) -> None:
    """The segment of the row that x.directory is on."""
    memory_fill(segment, 0, sizeof(Segment))
    level: i64 = number_at(x.directory, 0)
    index: i64 = number_at(x.directory, 1)
    if level < 0 or index < 0 or index > 0x7FFFFFFF:
        fts_corrupt()
    indexes: i64 = i64(x.n_prefixes + 1)
    segment.format = x.format
    segment.level = i32(level % LEVELS)
    segment.index = i32(level // LEVELS % indexes)
    segment.language = level // LEVELS // indexes
    segment.id = i32(index)
    segment.first = block_at(x.directory, 2)
    segment.last = block_at(x.directory, 3)
    segment.row = x.directory.rowid
    tag, payload = cursor_column(x.directory, 4)
    if x.encoding != UTF8:
        tag, payload = text_loaded(x.stmt, tag, payload, x.encoding)
    segment.end = i32(to_integer(tag, payload))
    tag, payload = cursor_column(x.directory, 5)
    if tag != BLOB or segment.last < segment.first or (segment.first and segment.end < segment.last):
        fts_corrupt()
    segment.root_size = size_of(payload)
    segment.root = arena_alloc(x.arena, segment.root_size + LEAF_SLACK)
    memory_copy(segment.root, bytes_of(payload), segment.root_size)


def sort_levels(x: Index, s: Structure) -> None:
    """From levels descending to ascending, in each of which the youngest stays first."""
    n: i32 = s.n_segments
    sorted: ptr[Segment] = ptr[Segment](arena_alloc(x.arena, n * sizeof(Segment) + 8))
    end: i32 = n
    out: i32 = 0
    while end > 0:
        first: i32 = end - 1
        while first > 0 and is_same_level(s.segments[first - 1], s.segments[end - 1]):
            first -= 1
        memory_copy(sorted[out], s.segments[first], (end - first) * sizeof(Segment))
        out += end - first
        end = first
    s.segments = sorted


def is_same_level(a: Segment, b: Segment) -> bool:
    """Whether two segments are of the same level of the same index."""
    return a.level == b.level and a.index == b.index and a.language == b.language


def level_of(x: Index, language: i64, index: i32, level: i32) -> i64:
    """The number of a level in the table."""
    return (language * i64(x.n_prefixes + 1) + i64(index)) * LEVELS + i64(level)


# --- changing -----------------------------------------------------------------------------------------------------


def directory_insert(x: Index, s: Segment, bytes: i64) -> None:
    """Add the row of a segment. bytes: of its leaves."""
    mark: i32 = arena_mark(x.stmt.arena)
    values: ptr[Value] = ptr[Value](scratch(96))
    for i in range(4):
        values[i].tag = INTEGER
    values[0].payload = level_of(x, s.language, s.index, s.level)
    values[1].payload = i64(s.id)
    values[2].payload = i64(s.first)
    values[3].payload = i64(s.last)
    text: ptr[u8] = alloc(x.stmt, 48)
    n: i32 = int_to_text(i64(s.end), text)
    text[n] = 32
    n += 1
    n += int_to_text(bytes, text + n)
    values[4].tag = TEXT
    values[4].payload = pack(text, n)
    values[5].tag = BLOB
    values[5].payload = pack(s.root, s.root_size)
    if x.encoding != UTF8:
        texts_stored(x.stmt, values, 6, x.encoding)
    record: i64 = record_encode(x.stmt, values, 6)
    s.row = table_new_rowid(x.directory)
    table_insert(x.directory, s.row, bytes_of(record), size_of(record))
    values[2].payload = s.row
    record = record_encode(x.stmt, values, 3)
    index_insert(x.terms, bytes_of(record), size_of(record))
    arena_release(x.stmt.arena, mark)


def directory_delete(x: Index, s: Segment) -> None:
    """Delete the row of a segment, and its blocks."""
    probe: ptr[Value] = ptr[Value](scratch(48))
    for i in range(3):
        probe[i].tag = INTEGER
    probe[0].payload = level_of(x, s.language, s.index, s.level)
    probe[1].payload = i64(s.id)
    probe[2].payload = s.row
    if index_delete(x.terms, probe, 2) == 0 or cursor_seek_rowid(x.directory, s.row) == 0:
        fts_corrupt()
    cursor_delete(x.directory)
    if s.first:
        delete_rows(x.data, i64(s.first), i64(s.end))


def fts3_clear(stmt: Run, config: FtsConfig) -> None:
    """No segment is left, and nothing is known of rows."""
    structure_changed()
    _ = btree_clear(stmt, config.slot, config.data)
    _ = btree_clear(stmt, config.slot, config.index)
    _ = btree_clear(stmt, config.slot, config.directory)
    if config.docsize:
        _ = btree_clear(stmt, config.slot, config.docsize)
    delete_sums(stmt, config)
