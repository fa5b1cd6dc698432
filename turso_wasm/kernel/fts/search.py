"""A search: a query that is walked through, and the table it is about.

Owns the resource that a Program holds while it reads the rows that match. What is pending for the table is written
before, so the segments are all there is.
"""

import struct

from turso_wasm.kernel.abi import BLOB, NULL, Arena, Cursor, KeyInfo, Resource, Run
from turso_wasm.kernel.abi_modules import FORMAT_DESCENDING, FtsConfig
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, mfree
from turso_wasm.kernel.base.pending import pending_flush
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.btree.cursor.position import cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.expression import AND, Node, Phrase, join
from turso_wasm.kernel.fts.fts3.directory import directory_read
from turso_wasm.kernel.fts.fts3.parse import parse_fts3
from turso_wasm.kernel.fts.language import parse_marked
from turso_wasm.kernel.fts.locale import split_locale
from turso_wasm.kernel.fts.parse import Parser, parse_query, restrict
from turso_wasm.kernel.fts.postings import FIRST_ROW, LAST_ROW, Index
from turso_wasm.kernel.fts.rank_function import RankFunction
from turso_wasm.kernel.fts.structure import Reader, structure_read, structure_revision
from turso_wasm.kernel.fts.tokenize import Tokenizer, tokenizer_init
from turso_wasm.kernel.fts.top import Top, top_wants
from turso_wasm.kernel.fts.unicode import MARKS_KEEP
from turso_wasm.kernel.fts.walk import node_open, node_seek, seek
from turso_wasm.kernel.values.best import best_is_full
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import export, f64, funcref, i32, i64, inline, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

KIND_SEARCH = 10
INDEX_KEY = struct.pack("<3i", 2, 0, 0)  # of %_idx, of the index of %_segdir
ANY_COLUMN = -1
PASSED_MOST = 10000  # rows that are passed over in one call: the statement may have to pause


class Search(Resource):
    """A query of a table."""

    arena: Arena.embed
    reading: Arena.embed  # what the walk through the index uses
    revision: i32  # structure_revision() when that began
    stmt: Run
    config: FtsConfig
    tokenizer: Tokenizer.embed
    index: Index.embed
    docsize: Cursor
    parser: Parser.embed
    root: Node
    rowid: i64
    hits_of: i64  # the row whose hits the phrases have
    has_hits: i32
    rank: RankFunction.embed  # of the column rank
    rank_known: i32
    ranked: i32  # 1: what follows, and Phrase.idf, is known
    n_rows: i64
    average: f64  # tokens of a row
    top: Top.embed


def search_release(resource: i32) -> None:
    """Free a search."""
    s: Search = Search(resource)
    arena_free(s.arena)
    arena_free(s.reading)
    mfree(ptr[u8](resource))


def read_tokenizer(t: Tokenizer, stmt: Run, config: FtsConfig, arena: Arena) -> None:
    """The tokenizer of a table."""
    base: ptr[u8] = ptr[u8](i32(config))
    t.kind = config.tokenizer
    t.stems = config.stems
    t.stemmer = config.stemmer
    t.ideographs = config.ideographs
    t.marks = MARKS_KEEP if config.stemmer else config.marks
    t.marks_of_stems = config.marks
    t.cased = config.cased
    t.gram_min = config.gram_min
    t.gram_max = config.gram_max
    t.categories = config.categories
    t.exceptions = ptr[i32](base + config.exceptions)
    t.n_exceptions = config.n_exceptions
    t.synonyms = 0
    t.ahead = 0
    t.user.stmt = stmt
    t.user.number = config.number
    t.user.n_settings = config.n_settings
    t.user.settings = base + config.settings
    memory_copy(t.ascii, base + config.ascii, 256)
    tokenizer_init(t, arena)


def index_cursors(x: Index, stmt: Run, config: FtsConfig, write: i32) -> None:
    """Open the cursors of an index."""
    x.data = cursor_open(stmt, config.slot, config.data, None, write)
    x.terms = cursor_open(stmt, config.slot, config.index, KeyInfo(i32(INDEX_KEY)), write)
    if config.format:
        x.directory = cursor_open(stmt, config.slot, config.directory, None, write)


def index_open(x: Index, stmt: Run, config: FtsConfig, arena: Arena) -> None:
    """The index of a table as it is now; its cursors are there."""
    x.stmt = stmt
    x.arena = arena
    x.detail = config.detail
    x.n_columns = config.n_columns
    x.prefixes = config.prefixes
    x.n_prefixes = config.n_prefixes
    x.format = config.format
    x.encoding = config.encoding
    x.tokendata = config.tokendata
    x.structure = directory_read(x) if x.format else structure_read(x.data, arena)


def search_new(stmt: Run, config: FtsConfig) -> Search:
    """A search of a table, with its cursors."""
    s: Search = Search(i32(resource_add(stmt, sizeof(Search), KIND_SEARCH, funcref(search_release))))
    s.stmt = stmt
    s.config = config
    index_cursors(s.index, stmt, config, 0)
    if config.docsize:
        s.docsize = cursor_open(stmt, config.slot, config.docsize, None, 0)
        s.index.rows = cursor_open(stmt, config.slot, config.docsize, None, 0)
    return s


@export
def fts_open(stmt: Run, place: ptr[i32], config: FtsConfig) -> Search:
    """A search without a query of the table that `config` describes: that at `place`, begun anew, or a new one."""
    pending_flush(stmt)
    if place[0] == 0:
        place[0] = i32(search_new(stmt, config))
    s: Search = Search(place[0])
    arena_free(s.arena)
    read_tokenizer(s.tokenizer, stmt, config, s.arena)
    memory_fill(s.parser, 0, sizeof(Parser))
    s.parser.arena = s.arena
    s.parser.config = config
    s.parser.tokenizer = s.tokenizer
    s.root = None
    s.ranked = 0
    s.rank_known = 0
    s.top.best.limit = 0
    s.top.best.n = 0
    s.has_hits = 0
    s.index.language = 0
    return s


@export
def fts_language(s: Search, tag: i32, payload: i64) -> None:
    """FTS4: look for rows of a language; none has NULL."""
    s.index.language = payload if tag != NULL else i64(-1)


@export
def fts_match(s: Search, column: i32, tag: i32, payload: i64) -> None:
    """Only rows that match a query, in a column (ANY_COLUMN: in any). Errors: those of parse_query."""
    tag, payload, _ = split_locale(tag, payload)
    text: i64 = as_text(s.stmt, tag, payload, s.config.encoding) if tag != NULL else i64(0)
    copy: ptr[u8] = arena_alloc(s.arena, size_of(text) + 16)
    memory_copy(copy, bytes_of(text), size_of(text))
    if s.config.format:
        s.root = parse_fts3(s.parser, copy, size_of(text), column + 1)
        return
    if size_of(text) and copy[0] == 1:
        node: Node = parse_marked(s.parser, copy + 1, size_of(text) - 1)
    else:
        node = parse_query(s.parser, copy, size_of(text))
    if column != ANY_COLUMN:
        columns: ptr[u8] = arena_alloc(s.arena, s.config.n_columns)
        memory_fill(columns, 0, s.config.n_columns)
        columns[column] = 1
        restrict(s.parser, node, columns)
    s.root = join(s.arena, AND, s.root, node) if s.root else node


@export
def fts_first(s: Search) -> i32:
    """Go to the first row that matches; 0: there is none. Without a query: to none in particular."""
    if s.root == None:  # noqa: E711
        return 1
    return walk_from(s, i64(FIRST_ROW))


def walk_from(s: Search, rowid: i64) -> i32:
    """Begin to walk through the index as it is now, on the first row from `rowid` on; 0: there is none."""
    arena_free(s.reading)
    phrase: Phrase = s.parser.phrases
    while phrase:
        phrase.hits = None
        phrase.n_hits = 0
        phrase.capacity = 0
        phrase.node.twin = None
        phrase = phrase.later
    s.has_hits = 0
    s.revision = structure_revision()
    index_open(s.index, s.stmt, s.config, s.reading)
    node_open(s.index, s.root)
    node_seek(s.index, s.root, rowid)
    s.rowid = s.root.rowid
    return 1 - s.root.ended


@export
def fts_next(s: Search) -> i32:
    """Go to the next row that may be wanted; 0: there is none."""
    on: i32 = next_match(s)
    passed: i32 = 0
    while on and best_is_full(s.top.best) and passed < PASSED_MOST:
        if top_wants(s.top, s.parser.phrases, s.rowid):
            break
        on = next_match(s)
        passed += 1
    return on


@inline
def next_match(s: Search) -> i32:
    """Go to the next row that matches; 0: there is none."""
    if s.rowid == LAST_ROW or s.root == None:  # noqa: E711
        return 0
    if s.revision != structure_revision():
        return walk_from(s, s.rowid + 1)
    seek(s.index, s.root, s.rowid + 1)
    s.rowid = s.root.rowid
    return 1 - s.root.ended


@export
def fts_rowid(s: Search) -> i64:
    """The rowid of the row."""
    return row_of(s, s.rowid)


def row_of(s: Search, rowid: i64) -> i64:
    """The rowid that stands in the index as another one: of order=desc its complement."""
    return ~rowid if s.config.format == FORMAT_DESCENDING else rowid


def read_blob(c: Cursor, rowid: i64, column: i32, r: Reader) -> None:
    """Begin with reading varints of a blob in a table. Errors: SQLITE_CORRUPT."""
    r.size = 0
    r.at = 0
    if cursor_seek_rowid(c, rowid) == 0:
        fts_corrupt()
    tag, payload = cursor_column(c, column)
    if tag != BLOB:
        fts_corrupt()
    r.p = bytes_of(payload)
    r.size = size_of(payload)
