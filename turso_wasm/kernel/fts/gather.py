"""What a transaction changes in an index: gathered, then written as a segment.

Owns `Gather`, which is kept with the connection (kernel/base/pending.py): terms that are not in a segment yet, and the
table's sums (row 1 of %_data: a varint of the rows, then one of the tokens in each column).

Invariants:
  W1  Terms are written when rows would no longer ascend, when there is much, and when pending.py says so.
  W2  The sums are read once, and written with the terms; both are right in the file whenever nothing is pending.
"""

from turso_wasm.kernel.abi import Arena, Cursor, Run
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.memory import alloc, arena_alloc, arena_free
from turso_wasm.kernel.base.pending import pending_find, pending_new
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_varint
from turso_wasm.kernel.fts.fts3.merge import fts3_write
from turso_wasm.kernel.fts.fts3.stat import SUMS_ROW, forget_merge, read_automerge, read_numbers, write_numbers
from turso_wasm.kernel.fts.merge import merge_all, merge_buried, merge_levels, structure_insert, structure_write
from turso_wasm.kernel.fts.options import HASH_SIZE, Options, options_read
from turso_wasm.kernel.fts.postings import Index
from turso_wasm.kernel.fts.search import index_cursors, index_open, read_blob, read_tokenizer
from turso_wasm.kernel.fts.structure import (
    AVERAGES_ROW,
    Reader,
    Segment,
    read_varint,
    structure_changed,
    structure_read,
)
from turso_wasm.kernel.fts.terms import Term, Terms, terms_init, terms_sorted
from turso_wasm.kernel.fts.tokenize import Tokenizer
from turso_wasm.kernel.fts.writer import SegmentWriter, store_blob, write_doclist, write_term, writer_end, writer_init
from turso_wasm.wasm.lang import Struct, funcref, i32, i64, memory_copy, memory_fill, ptr, scratch, sizeof, u8, u32

__subset__ = True


class Gather(Struct):
    """A table's index as the transaction changes it."""

    config: FtsConfig
    own: Arena.embed  # what lives as long as this
    arena: Arena.embed  # the terms
    terms: Terms.embed
    tokenizer: Tokenizer.embed
    options: Options.embed
    rowid: i64  # of the row that is being written
    begun: i32  # 1: there is such a row
    deleting: i32
    deleted: i32  # 1: a row was deleted since the last segment
    n_rows: i64
    tokens: ptr[i64]  # of all rows, by column; FTS3: behind them the bytes of all texts
    language: i64  # FTS4: of all rows whose terms are gathered
    sums_changed: i32
    origin: i64  # with contentless_delete: of the rows that are gathered
    row_count: i64  # rows that were inserted since the last segment


def gather_drop(data: ptr[u8]) -> None:
    """Free what a Gather owns; what it has written may be undone."""
    structure_changed()
    g: Gather = Gather(data)
    arena_free(g.own)
    arena_free(g.arena)


def gather_of(stmt: Run, config: FtsConfig) -> Gather:
    """What is gathered for a table."""
    found: ptr[u8] = pending_find(stmt, config.slot, config.data)
    if found and Gather(found).config:
        Gather(found).tokenizer.user.stmt = stmt
        Gather(found).tokenizer.user.number = config.number
        return Gather(found)
    if found == None:  # noqa: E711
        size: i32 = sizeof(Gather)
        found = pending_new(stmt, config.slot, config.data, size, funcref(gather_flush), funcref(gather_drop))
    g: Gather = Gather(found)
    copy: ptr[u8] = arena_alloc(g.own, config.size)
    memory_copy(copy, config, config.size)
    g.config = FtsConfig(copy)
    read_tokenizer(g.tokenizer, stmt, g.config, g.own)
    g.tokenizer.synonyms = 1
    if config.format:
        g.options.automerge = read_automerge(stmt, config)
        g.options.hash_size = HASH_SIZE
    else:
        options_read(g.options, stmt, config)
    terms_init(g.terms, g.arena, config.detail)
    read_sums(g, stmt, g.own)
    if config.contentless_delete:
        read_origin(g, stmt)
    return g


def gather_nothing(stmt: Run, config: FtsConfig) -> Gather:
    """A Gather in memory of the statement, to read the table only: what is gathered for it must be written."""
    g: Gather = Gather(arena_alloc(stmt.arena, sizeof(Gather)))
    memory_fill(g, 0, sizeof(Gather))
    g.config = config
    read_tokenizer(g.tokenizer, stmt, config, stmt.arena)
    g.tokenizer.synonyms = 1
    read_sums(g, stmt, stmt.arena)
    return g


def gather_forget(stmt: Run, slot: i32, root: u32) -> None:
    """Forget what is gathered for a table, and what is known of it: it begins anew."""
    found: ptr[u8] = pending_find(stmt, slot, root)
    if found:
        gather_drop(found)
        memory_fill(found, 0, sizeof(Gather))


def read_sums(g: Gather, stmt: Run, arena: Arena) -> None:
    """Read the table's sums (W2)."""
    n: i32 = g.config.n_columns
    g.tokens = ptr[i64](arena_alloc(arena, 8 * n + 8))
    memory_fill(g.tokens, 0, 8 * n + 8)
    if g.config.format:
        read_fts3_sums(g, stmt)
        return
    c: Cursor = cursor_open(stmt, g.config.slot, g.config.data, None, 0)
    r: Reader = Reader(scratch(sizeof(Reader)))
    read_blob(c, i64(AVERAGES_ROW), 1, r)
    g.n_rows = read_varint(r) if r.size else i64(0)
    for i in range(n):
        if r.at < r.size:
            g.tokens[i] = read_varint(r)
    cursor_close(c)


def read_fts3_sums(g: Gather, stmt: Run) -> None:
    """The sums of FTS4; FTS3 has none."""
    n: i32 = g.config.n_columns
    if g.config.options:
        numbers: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 16))
        c: Cursor = cursor_open(stmt, g.config.slot, g.config.options, None, 0)
        _ = read_numbers(stmt, c, i64(SUMS_ROW), numbers, n + 2)
        g.n_rows = numbers[0]
        memory_copy(g.tokens, numbers + 1, 8 * n + 8)
        cursor_close(c)


def write_fts3_sums(g: Gather, stmt: Run) -> None:
    """Write the sums of FTS4."""
    n: i32 = g.config.n_columns
    if g.config.options:
        numbers: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 16))
        numbers[0] = g.n_rows
        memory_copy(numbers + 1, g.tokens, 8 * n + 8)
        c: Cursor = cursor_open(stmt, g.config.slot, g.config.options, None, 1)
        write_numbers(stmt, c, i64(SUMS_ROW), numbers, n + 2)
        cursor_close(c)
    g.sums_changed = 0


def read_origin(g: Gather, stmt: Run) -> None:
    """The next segment's origin: one more than any has."""
    c: Cursor = cursor_open(stmt, g.config.slot, g.config.data, None, 0)
    g.origin = structure_read(c, stmt.arena).origin + 1
    cursor_close(c)


def write_sums(g: Gather, stmt: Run, data: Cursor, arena: Arena) -> None:
    """Write the table's sums."""
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, arena)
    bytes_varint(b, g.n_rows)
    for i in range(g.config.n_columns):
        bytes_varint(b, g.tokens[i])
    store_blob(stmt, data, i64(AVERAGES_ROW), b.data, b.size)
    g.sums_changed = 0


def gather_row(g: Gather, stmt: Run, rowid: i64, deleting: i32, language: i64) -> None:
    """Begin with the terms of a row that is deleted or inserted (W1)."""
    if g.begun and language != g.language:
        gather_flush(stmt, ptr[u8](i32(g)))
    g.language = language
    if g.begun and (rowid < g.rowid or (rowid == g.rowid and g.deleting == 0) or g.terms.bytes > g.options.hash_size):
        gather_flush(stmt, ptr[u8](i32(g)))
    g.begun = 1
    g.rowid = rowid
    g.deleting = deleting
    if deleting:
        g.deleted = 1
    else:
        g.row_count += 1


# --- writing -----------------------------------------------------------------------------------------------------


class IndexWriter(Struct):
    """An index that is being written."""

    arena: Arena.embed
    index: Index.embed


def index_writer(stmt: Run, config: FtsConfig) -> IndexWriter:
    """An index with cursors to write it, in memory of the statement; index_close ends it."""
    w: IndexWriter = IndexWriter(arena_alloc(stmt.arena, sizeof(IndexWriter)))
    memory_fill(w, 0, sizeof(IndexWriter))
    index_cursors(w.index, stmt, config, 1)
    index_open(w.index, stmt, config, stmt.arena)
    return w


def index_close(w: IndexWriter) -> None:
    """Close the cursors."""
    cursor_close(w.index.data)
    cursor_close(w.index.terms)
    if w.index.directory:
        cursor_close(w.index.directory)


def gather_flush(stmt: Run, data: ptr[u8]) -> None:
    """Write what is gathered."""
    g: Gather = Gather(data)
    if g.config == None or (g.terms.count == 0 and g.sums_changed == 0):  # noqa: E711
        return
    w: IndexWriter = index_writer(stmt, g.config)
    if g.terms.count and g.config.format:
        if fts3_write(w.index, g.terms, g.language, g.options.automerge):
            forget_merge(stmt, g.config)
    elif g.terms.count:
        write_segment(g, w.index)
        merge_due(g, w.index)
        structure_write(w.index)
    if g.sums_changed and g.config.format:
        write_fts3_sums(g, stmt)
    elif g.sums_changed:
        write_sums(g, stmt, w.index.data, w.index.arena)
    index_close(w)
    gather_reset(g)


def gather_reset(g: Gather) -> None:
    """Nothing is gathered."""
    arena_free(g.arena)
    terms_init(g.terms, g.arena, g.config.detail)
    g.begun = 0
    g.deleted = 0
    g.row_count = 0


def write_segment(g: Gather, x: Index) -> None:
    """Make a segment of the terms, the youngest of level 0."""
    terms: ptr[i32] = terms_sorted(g.terms)
    segment: Segment = structure_insert(x, 0, 0)
    w: SegmentWriter = SegmentWriter(arena_alloc(x.arena, sizeof(SegmentWriter)))
    writer_init(w, x, segment.id, g.options.page_size)
    for i in range(g.terms.count):
        t: Term = Term(terms[i])
        write_term(w, t.text, t.size)
        write_doclist(w, x.detail, t.doclist.data, t.doclist.size)
    segment.first = 1
    segment.last = writer_end(w)
    x.structure.written += i64(segment.last)
    if x.structure.origins:
        segment.origin_first = g.origin
        segment.origin_last = g.origin
        segment.rows = g.row_count
        g.origin += 1


def merge_due(g: Gather, x: Index) -> None:
    """Merge levels that have grown too wide; with secure-delete all, so that nothing is left of deleted rows."""
    if g.options.secure_delete and g.deleted:
        _ = merge_all(x, g.options.page_size)
        return
    if g.options.automerge:
        _ = merge_levels(x, g.options.page_size, g.options.automerge)
    if g.options.deletemerge:
        merge_buried(x, g.options.page_size, g.options.deletemerge)
    _ = merge_levels(x, g.options.page_size, g.options.crisismerge)
