"""integrity-check: whether the index says what the texts say.

The index and the texts are each made into a number: the sum of the hashes of all (index, term, row, column, token).
They are equal if the two agree. What else is compared: sums, %_docsize, the number of rows.
"""

from turso_wasm.kernel.abi import NULL, Arena, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import (
    CONTENT_NONE,
    DETAIL_COLUMNS,
    DETAIL_FULL,
    DETAIL_NONE,
    FORMAT_DESCENDING,
    MALFORMED,
    MISMATCH,
    SOUND,
    FtsConfig,
)
from turso_wasm.kernel.base.memory import alloc, arena_alloc, arena_mark, arena_release
from turso_wasm.kernel.base.pending import pending_flush
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_rowid
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.tree import btree_count
from turso_wasm.kernel.fts.config import is_unindexed
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.fts3.merge import is_same_index
from turso_wasm.kernel.fts.gather import Gather, IndexWriter, gather_nothing, index_close, index_writer
from turso_wasm.kernel.fts.merge import pass_heads
from turso_wasm.kernel.fts.parse import TOKEN_MAX
from turso_wasm.kernel.fts.positions import COLUMN_SHIFT, NO_POSITION, PositionReader, position_next, positions_start
from turso_wasm.kernel.fts.postings import MAIN_INDEX, Index, Postings, least_term, postings_new, settle, step
from turso_wasm.kernel.fts.readers import next_row, seek_term
from turso_wasm.kernel.fts.rows import prefix_end, read_content
from turso_wasm.kernel.fts.search import index_cursors, index_open, read_blob
from turso_wasm.kernel.fts.segment import SegmentReader, reader_new
from turso_wasm.kernel.fts.structure import Reader, read_varint
from turso_wasm.kernel.fts.terms import hash_term
from turso_wasm.kernel.fts.tokenize import Tokenizer, row_start, token_next
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, export, i32, i64, memory_fill, ptr, scratch, sizeof, u8, u32, u64

__subset__ = True


def hash_entry(term: u32, rowid: i64, position: i64) -> u64:
    """A hash of one place of a term."""
    x: u64 = (u64(term) ^ u64(rowid) * 0x9E3779B97F4A7C15) + u64(position) * 0xC2B2AE3D27D4EB4F
    x = (x ^ (x >> 31)) * 0xD6E8FEB86659FD93
    return x ^ (x >> 32)


# --- the index ---------------------------------------------------------------------------------------------------


def sum_of_term(x: Index, heads: Postings) -> u64:
    """The number of one term's rows."""
    text: ptr[u8] = SegmentReader(heads.readers[0]).term.data
    size: i32 = SegmentReader(heads.readers[0]).term.size
    if size == 0:
        fts_corrupt()
    term: u32 = hash_term(i32(text[0]), text + 1, size - 1)
    total: u64 = 0
    r: PositionReader = PositionReader(scratch(sizeof(PositionReader)))
    for i in range(heads.n_readers):
        _ = next_row(SegmentReader(heads.readers[i]))
    settle(heads)
    while heads.ended == 0:
        if x.detail == DETAIL_NONE:
            total += hash_entry(term, heads.rowid, i64(0))
        else:
            positions_start(r, heads.positions, heads.size)
            rowid: i64 = ~heads.rowid if x.format == FORMAT_DESCENDING else heads.rowid
            while position_next(r) != NO_POSITION:
                total += hash_entry(term, rowid, r.position)
        step(heads)
        settle(heads)
    return total


def sum_of_index(x: Index) -> u64:
    """The number of the index. Errors: SQLITE_CORRUPT."""
    n: i32 = x.structure.n_segments
    total: u64 = 0
    first: i32 = 0
    while x.format and first < n:
        # Equal terms of other indexes are other terms.
        end: i32 = first + 1
        while end < n and is_same_index(x.structure.segments[first], x.structure.segments[end]):
            end += 1
        total += sum_of_segments(x, first, end)
        first = end
    return total if x.format else sum_of_segments(x, 0, n)


def sum_of_segments(x: Index, first: i32, n: i32) -> u64:
    """The number of the segments from `first` on, up to n."""
    readers: ptr[i32] = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    live: i32 = 0
    for i in range(first, n):
        if x.format or x.structure.segments[i].last:
            r: SegmentReader = reader_new(x.arena, x.structure.segments[i], x.data, x.terms, x.detail)
            _ = seek_term(r, b"", 0)
            if r.exhausted == 0:
                readers[live] = i32(r)
                live += 1
    heads: Postings = postings_new(x)
    heads.readers = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    total: u64 = 0
    while live:
        least_term(heads, readers, live)
        total += sum_of_term(x, heads)
        live = pass_heads(heads, readers, live)
    return total


# --- the texts ---------------------------------------------------------------------------------------------------


class Seen(Struct):
    """The terms of a row, or of a column, that were counted: each counts once unless detail=full."""

    arena: Arena
    n: i32
    capacity: i32
    hashes: ptr[i64]


def see(s: Seen, index: i32, p: ptr[u8], n: i32) -> bool:
    """Whether a term of an index is new."""
    x: i64 = i64(hash_term(index, p, n)) << 32 | i64(hash_term(~index, p, n))
    for i in range(s.n):
        if s.hashes[i] == x:
            return False
    if s.n == s.capacity:
        capacity: i32 = s.capacity * 2 + 64
        hashes: ptr[i64] = ptr[i64](arena_alloc(s.arena, 8 * capacity))
        for i in range(s.n):
            hashes[i] = s.hashes[i]
        s.hashes = hashes
        s.capacity = capacity
    s.hashes[s.n] = x
    s.n += 1
    return True


def sum_of_token(g: Gather, seen: Seen, rowid: i64, column: i32, position: i32) -> u64:
    """The number of one token in all indexes it is in."""
    t: Tokenizer = g.tokenizer
    n: i32 = t.size if t.size < TOKEN_MAX else TOKEN_MAX
    total: u64 = 0
    place: i64 = i64(0)
    if g.config.detail == DETAIL_FULL:
        place = (i64(column) << COLUMN_SHIFT) + i64(position)
    elif g.config.detail == DETAIL_COLUMNS:
        place = i64(column)
    for i in range(-1, g.config.n_prefixes):
        end: i32 = n
        if i >= 0:
            chars: i32 = g.config.prefixes[i]
            if g.config.format:
                end = chars if n >= chars else 0
            else:
                end = prefix_end(t.token, n, chars)
        if end:
            x: u32 = hash_term(MAIN_INDEX + 1 + i, t.token, end)
            if g.config.detail == DETAIL_FULL or see(seen, MAIN_INDEX + 1 + i, t.token, end):
                total += hash_entry(x, rowid, place)
    return total


def sum_of_row(g: Gather, stmt: Run, rowid: i64, values: ptr[Value], counts: ptr[i64], seen: Seen) -> u64:
    """The number of a row; counts: the tokens of each column."""
    total: u64 = 0
    seen.n = 0
    for column in range(g.config.n_columns):
        v: Value = values[column]
        counts[column] = 0
        if v.tag != NULL and not is_unindexed(g.config, column):
            text: i64 = as_text(stmt, v.tag, v.payload, g.config.encoding)
            row_start(g.tokenizer, g.config, bytes_of(text), size_of(text))
            if g.config.detail == DETAIL_COLUMNS:
                seen.n = 0
            position: i32 = 0
            while token_next(g.tokenizer):
                position -= g.tokenizer.ahead
                total += sum_of_token(g, seen, rowid, column, position)
                position += 1
            counts[column] = i64(position)
    return total


def is_docsize(c: Cursor, rowid: i64, counts: ptr[i64], n: i32) -> bool:
    """Whether %_docsize says the same."""
    if cursor_seek_rowid(c, rowid) == 0:
        return False
    r: Reader = Reader(scratch(sizeof(Reader)))
    read_blob(c, rowid, 1, r)
    for i in range(n):  # noqa: SIM110
        if read_varint(r) != counts[i]:
            return False
    return True


def sum_of_content(g: Gather, stmt: Run, config: FtsConfig) -> tuple[i32, u64]:
    """(whether the sums and %_docsize agree with the texts, the number of all rows)."""
    n: i32 = config.n_columns
    rows: Cursor = cursor_open(stmt, config.slot, config.content, None, 0)
    has_sizes: bool = config.docsize != 0 and config.format == 0
    sizes: Cursor = cursor_open(stmt, config.slot, config.docsize, None, 0) if has_sizes else None
    values: ptr[Value] = ptr[Value](alloc(stmt, 16 * n + 48))
    counts: ptr[i64] = ptr[i64](alloc(stmt, 8 * n))
    tokens: ptr[i64] = ptr[i64](alloc(stmt, 8 * n))
    memory_fill(tokens, 0, 8 * n)
    seen: Seen = Seen(scratch(sizeof(Seen)))
    memory_fill(seen, 0, sizeof(Seen))
    seen.arena = stmt.arena
    total: u64 = 0
    n_rows: i64 = 0
    agree: i32 = 1
    on: i32 = cursor_first(rows)
    while on:
        mark: i32 = arena_mark(stmt.arena)
        rowid: i64 = cursor_rowid(rows)
        _ = read_content(stmt, config, rowid, values)
        seen.capacity = 0
        total += sum_of_row(g, stmt, rowid, values, counts, seen)
        if sizes and not is_docsize(sizes, rowid, counts, n):
            agree = 0
        for i in range(n):
            tokens[i] += counts[i]
        n_rows += 1
        arena_release(stmt.arena, mark)
        on = cursor_next(rows)
    cursor_close(rows)
    if config.format:
        return 1, total
    for i in range(n):
        if tokens[i] != g.tokens[i]:
            agree = 0
    if sizes:
        if btree_count(sizes) != n_rows:
            agree = 0
        cursor_close(sizes)
    if n_rows != g.n_rows:
        agree = 0
    return agree, total


# --- both --------------------------------------------------------------------------------------------------------


def verdict(x: Index, g: Gather, stmt: Run, config: FtsConfig, compare: bool) -> i32:
    """What there is to say of an index, and (compare) of the texts. Nothing is gathered. Raises SQLITE_CORRUPT_VTAB."""
    found: u64 = sum_of_index(x)
    if not compare:
        return SOUND
    agree, wanted = sum_of_content(g, stmt, config)
    if agree == 0:
        return MALFORMED
    return SOUND if found == wanted else MISMATCH


def integrity_check(g: Gather, stmt: Run, config: FtsConfig, compare: bool) -> None:
    """The command. Raises SQLITE_CORRUPT_VTAB if the index is damaged, or (compare) differs from the texts."""
    w: IndexWriter = index_writer(stmt, config)
    found: i32 = verdict(w.index, g, stmt, config, compare)
    index_close(w)
    if found != SOUND:
        fts_corrupt()


@export
def fts_check(stmt: Run, config: FtsConfig) -> i32:
    """What PRAGMA integrity_check has to say: SOUND, MALFORMED or MISMATCH. Raises SQLITE_CORRUPT_VTAB."""
    pending_flush(stmt)
    x: Index = Index(arena_alloc(stmt.arena, sizeof(Index)))
    memory_fill(x, 0, sizeof(Index))
    index_cursors(x, stmt, config, 0)
    index_open(x, stmt, config, stmt.arena)
    compare: bool = config.source != CONTENT_NONE and config.content != 0
    found: i32 = verdict(x, gather_nothing(stmt, config), stmt, config, compare)
    return found
