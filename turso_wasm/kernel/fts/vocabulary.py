"""fts5vocab: the terms of a full-text table's main index.

Owns the walk that gives them: a term is one row (VOCABULARY_TERMS), one for each column it is in (VOCABULARY_COLUMNS),
or one for each place (VOCABULARY_PLACES). What the index does not keep, which depends on `detail`, is NULL.

Source: https://sqlite.org/fts5.html section 9, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Arena, Resource, Run
from turso_wasm.kernel.abi_modules import (
    DETAIL_FULL,
    DETAIL_NONE,
    VOCABULARY_COLUMNS,
    VOCABULARY_FTS4,
    VOCABULARY_PLACES,
    VOCABULARY_TERMS,
    FtsConfig,
)
from turso_wasm.kernel.base.memory import alloc, arena_alloc, arena_free, mfree
from turso_wasm.kernel.base.pending import pending_flush
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.fts.config import column_name
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.merge import pass_heads
from turso_wasm.kernel.fts.positions import (
    NO_POSITION,
    PositionReader,
    column_of,
    position_next,
    positions_start,
)
from turso_wasm.kernel.fts.postings import MAIN_INDEX, Index, Postings, is_asked, least_term, postings_new, settle, step
from turso_wasm.kernel.fts.readers import next_row, seek_term
from turso_wasm.kernel.fts.search import index_cursors, index_open
from turso_wasm.kernel.fts.segment import SegmentReader, reader_new
from turso_wasm.kernel.fts.structure import structure_revision
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import export, funcref, i32, i64, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

KIND_VOCABULARY = 11


class Vocabulary(Resource):
    """A walk through terms."""

    arena: Arena.embed
    stmt: Run
    config: FtsConfig
    index: Index.embed
    revision: i32  # structure_revision() when the walk began
    kind: i32  # VOCABULARY_*
    live: i32
    readers: ptr[i32]
    heads: Postings
    text: ptr[u8]  # the term
    size: i32
    column: i32  # of the row; -1: not known
    rows: i64
    places: i64
    row_counts: ptr[i64]  # VOCABULARY_COLUMNS: by column
    place_counts: ptr[i64]
    position: PositionReader.embed


def vocabulary_release(resource: i32) -> None:
    """Free a walk."""
    arena_free(Vocabulary(resource).arena)
    mfree(ptr[u8](resource))


@export
def fts_vocabulary(stmt: Run, place: ptr[i32], config: FtsConfig, kind: i32, language: i64) -> i32:
    """Begin a walk, that at `place` or a new one, and go to the first row; 0: there is none. language: of FTS4."""
    pending_flush(stmt)
    v: Vocabulary = Vocabulary(place[0])
    if v == None:  # noqa: E711
        v = Vocabulary(i32(resource_add(stmt, sizeof(Vocabulary), KIND_VOCABULARY, funcref(vocabulary_release))))
        place[0] = i32(v)
        v.stmt = stmt
        v.config = config
        v.kind = kind
        index_cursors(v.index, stmt, config, 0)
    arena_free(v.arena)
    v.index.language = language
    walk_begin(v, b"", 0)
    return fts_vocabulary_next(place)


def walk_begin(v: Vocabulary, term: ptr[u8], size: i32) -> None:
    """Begin to walk through the index as it is now, from a term on."""
    config: FtsConfig = v.config
    v.revision = structure_revision()
    index_open(v.index, v.stmt, config, v.arena)
    x: Index = v.index
    n: i32 = x.structure.n_segments
    v.readers = ptr[i32](arena_alloc(v.arena, 4 * n + 4))
    v.live = 0
    for i in range(n):
        if is_asked(x, x.structure.segments[i], MAIN_INDEX):
            r: SegmentReader = reader_new(v.arena, x.structure.segments[i], x.data, x.terms, x.detail)
            _ = seek_term(r, term, size)
            if r.exhausted == 0:
                v.readers[v.live] = i32(r)
                v.live += 1
    v.heads = postings_new(x)
    v.heads.readers = ptr[i32](arena_alloc(v.arena, 4 * n + 4))
    v.heads.ended = 1
    v.row_counts = ptr[i64](arena_alloc(v.arena, 8 * config.n_columns))
    v.place_counts = ptr[i64](arena_alloc(v.arena, 8 * config.n_columns))
    memory_fill(v.row_counts, 0, 8 * config.n_columns)
    v.column = config.n_columns
    v.position.position = NO_POSITION


@export
def fts_vocabulary_next(place: ptr[i32]) -> i32:
    """Go to the next row; 0: there is none."""
    v: Vocabulary = Vocabulary(place[0])
    if v.revision != structure_revision():
        pass_term(v)
    while not (next_place(v) if v.kind == VOCABULARY_PLACES else next_column(v)):
        if not begin_term(v):
            return 0
        if v.kind == VOCABULARY_TERMS or (v.kind == VOCABULARY_COLUMNS and v.index.detail == DETAIL_NONE):
            count_rows(v)
            if v.rows:
                return 1
        elif v.kind == VOCABULARY_COLUMNS or v.kind == VOCABULARY_FTS4:
            count_columns(v)
            if v.kind == VOCABULARY_FTS4 and v.rows:
                return 1
    return 1


def pass_term(v: Vocabulary) -> None:
    """The index has changed: go on behind the term."""
    term: ptr[u8] = arena_alloc(v.arena, v.size + 8)
    term[0] = MAIN_INDEX
    memory_copy(term + 1, v.text, v.size)
    term[v.size + 1] = 0
    walk_begin(v, term, v.size + 2)


def begin_term(v: Vocabulary) -> bool:
    """Go to the next term of the main index and its first row."""
    if v.heads.n_readers:
        v.live = pass_heads(v.heads, v.readers, v.live)
    if v.live == 0:
        return False
    least_term(v.heads, v.readers, v.live)
    first: SegmentReader = SegmentReader(v.heads.readers[0])
    if first.term.size == 0 or first.term.data[0] != MAIN_INDEX:
        return False
    v.size = first.term.size - 1
    v.text = first.term.data + 1
    v.rows = 0
    v.places = 0
    for i in range(v.heads.n_readers):
        _ = next_row(SegmentReader(v.heads.readers[i]))
    settle(v.heads)
    if v.kind == VOCABULARY_PLACES and v.heads.ended == 0:
        begin_row(v)
    return True


def next_of_term(v: Vocabulary) -> None:
    """Go to the term's next row."""
    step(v.heads)
    settle(v.heads)


def count_rows(v: Vocabulary) -> None:
    """Count the term's rows and places."""
    while v.heads.ended == 0:
        v.rows += 1
        if v.index.detail == DETAIL_FULL:
            positions_start(v.position, v.heads.positions, v.heads.size)
            while position_next(v.position) != NO_POSITION:
                v.places += 1
        next_of_term(v)
    v.column = v.config.n_columns


def column_at(v: Vocabulary) -> i32:
    """The column of the position. Errors: SQLITE_CORRUPT."""
    position: i64 = v.position.position
    column: i32 = column_of(position) if v.index.detail == DETAIL_FULL else i32(position)
    if column < 0 or column >= v.config.n_columns:
        fts_corrupt()
    return column


def count_columns(v: Vocabulary) -> None:
    """Count the term's rows and places in each column."""
    memory_fill(v.row_counts, 0, 8 * v.config.n_columns)
    memory_fill(v.place_counts, 0, 8 * v.config.n_columns)
    while v.heads.ended == 0:
        last: i32 = -1
        v.rows += 1
        positions_start(v.position, v.heads.positions, v.heads.size)
        while position_next(v.position) != NO_POSITION:
            column: i32 = column_at(v)
            v.place_counts[column] += 1
            v.places += 1
            if column != last:
                v.row_counts[column] += 1
            last = column
        next_of_term(v)
    v.column = -1


def next_column(v: Vocabulary) -> bool:
    """Go to the next column that has the term."""
    if v.kind != VOCABULARY_COLUMNS and v.kind != VOCABULARY_FTS4:
        return False
    while v.column + 1 < v.config.n_columns:
        v.column += 1
        v.rows = v.row_counts[v.column]
        v.places = v.place_counts[v.column]
        if v.rows:
            return True
    return False


def begin_row(v: Vocabulary) -> None:
    """Before the first place of a row."""
    positions_start(v.position, v.heads.positions, v.heads.size)
    v.column = -2  # detail=none: the row is still to be shown


def next_place(v: Vocabulary) -> bool:
    """Go to the next place of the term."""
    while v.heads.ended == 0:
        if v.index.detail == DETAIL_NONE:
            if v.column == -2:
                v.column = -1
                return True
        elif position_next(v.position) != NO_POSITION:
            v.column = column_at(v)
            return True
        next_of_term(v)
        if v.heads.ended == 0:
            begin_row(v)
    return False


@export
def fts_vocabulary_column(place: ptr[i32], column: i32) -> tuple[i32, i64]:
    """A column of the row: those of VOCABULARY_COLUMNS (term, col, doc, cnt), for places (term, doc, col, offset)."""
    v: Vocabulary = Vocabulary(place[0])
    if column == 0:
        copy: ptr[u8] = alloc(v.stmt, v.size + 8)
        memory_copy(copy, v.text, v.size)
        return TEXT, pack(copy, v.size)
    if v.kind == VOCABULARY_PLACES:
        if column == 1:
            return INTEGER, v.heads.rowid
        if column == 2:
            return name_of(v)
        return known(v, v.position.position & 0x7FFFFFFF)
    if column == 1:
        return name_of(v)
    if column == 2:
        return INTEGER, v.rows
    return known(v, v.places)


def known(v: Vocabulary, value: i64) -> tuple[i32, i64]:
    """A number that is known with detail=full only."""
    if v.index.detail == DETAIL_FULL:
        return INTEGER, value
    return NULL, i64(0)


def name_of(v: Vocabulary) -> tuple[i32, i64]:
    """The name of the row's column; of FTS4 its number, of all columns an asterisk."""
    if v.kind == VOCABULARY_FTS4:
        if v.column < 0:
            return TEXT, pack(b"*", 1)
        return INTEGER, i64(v.column)
    if v.column < 0 or v.column >= v.config.n_columns:
        return NULL, i64(0)
    p, n = column_name(v.config, v.column)
    return TEXT, pack(p, n)
