"""Rows of a full-text table: inserting, deleting.

A row is in %_content (or where the user keeps it), its terms are in the index, and the number of tokens of each of its
columns is in %_docsize.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, UTF8, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import CONTENT_NONE, CONTENT_OTHER, CONTENT_OWN, NOWHERE, ROWID, FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_CONSTRAINT, SQLITE_MISMATCH, raise_error
from turso_wasm.kernel.base.memory import alloc, arena_mark, arena_release
from turso_wasm.kernel.btree.cursor.move import cursor_first
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_column, cursor_payload
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.delete import cursor_delete
from turso_wasm.kernel.btree.insert import table_insert, table_new_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_varint
from turso_wasm.kernel.fts.config import is_unindexed, stored_at
from turso_wasm.kernel.fts.damage import fts_corrupt, raise_logic
from turso_wasm.kernel.fts.fts3.convert import converted
from turso_wasm.kernel.fts.fts3.directory import fts3_clear
from turso_wasm.kernel.fts.fts3.stat import write_numbers
from turso_wasm.kernel.fts.gather import (
    Gather,
    IndexWriter,
    gather_of,
    gather_reset,
    gather_row,
    index_close,
    index_writer,
)
from turso_wasm.kernel.fts.locale import fn_fts_text, split_locale, take_locales
from turso_wasm.kernel.fts.merge import structure_write
from turso_wasm.kernel.fts.parse import TOKEN_MAX
from turso_wasm.kernel.fts.search import read_blob
from turso_wasm.kernel.fts.structure import MAIN_INDEX, Reader, read_varint
from turso_wasm.kernel.fts.terms import term_add, term_delete
from turso_wasm.kernel.fts.tokenize import Tokenizer, row_start, token_next
from turso_wasm.kernel.fts.tombstones import bury
from turso_wasm.kernel.values.record import record_column, record_encode
from turso_wasm.kernel.values.utf8 import skip_chars
from turso_wasm.kernel.values.utf16 import as_text, text_loaded, texts_stored
from turso_wasm.kernel.values.value import apply_numeric, bytes_of, pack, size_of, to_integer
from turso_wasm.wasm.lang import (
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    inline,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True


def add_token(g: Gather, column: i32, position: i32) -> None:
    """The tokenizer's token is at a position of the row, or was there if the row is being deleted."""
    t: Tokenizer = g.tokenizer
    n: i32 = t.size if t.size < TOKEN_MAX else TOKEN_MAX
    add_term(g, MAIN_INDEX, n, column, position)
    for i in range(g.config.n_prefixes):
        chars: i32 = g.config.prefixes[i]
        if n >= chars:
            end: i32 = chars if g.config.format else prefix_end(t.token, n, chars)
            if end:
                add_term(g, MAIN_INDEX + 1 + i, end, column, position)


def prefix_end(p: ptr[u8], n: i32, chars: i32) -> i32:
    """Bytes of the first so many characters; 0: there are fewer."""
    at: i32 = 0
    for _ in range(chars):
        if at >= n:
            return 0
        at = skip_chars(p, n, at, 1)
    return at


@inline
def add_term(g: Gather, index: i32, n: i32, column: i32, position: i32) -> None:
    """The first n bytes of the token, in one index."""
    if g.deleting:
        term_delete(g.terms, index, g.tokenizer.token, n, g.rowid)
    else:
        term_add(g.terms, index, g.tokenizer.token, n, g.rowid, column, position)


def gather_texts(g: Gather, stmt: Run, values: ptr[Value], counts: ptr[i64]) -> None:
    """Take the tokens of all columns; counts: how many each has, and behind them how many bytes all have."""
    counts[g.config.n_columns] = 0
    for column in range(g.config.n_columns):
        v: Value = values[column]
        counts[column] = 0
        if v.tag != NULL and not is_unindexed(g.config, column):
            mark: i32 = arena_mark(stmt.arena)
            text: i64 = as_text(stmt, v.tag, v.payload, g.config.encoding)
            row_start(g.tokenizer, g.config, bytes_of(text), size_of(text))
            counts[g.config.n_columns] += i64(size_of(text))
            position: i32 = 0
            while token_next(g.tokenizer):
                position -= g.tokenizer.ahead
                add_token(g, column, position)
                position += 1
            counts[column] = i64(position)
            arena_release(stmt.arena, mark)


# --- inserting -----------------------------------------------------------------------------------------------------


@export
def fts_given_rowid(tag: i32, payload: i64) -> i64:
    """A rowid that was given. Raises "datatype mismatch" for what is no integer."""
    tag, payload = apply_numeric(tag, payload)
    if tag != INTEGER:
        whole: f64 = float_from_bits(payload)
        if tag != 2 or f64(i64(whole)) != whole:
            raise_error(SQLITE_MISMATCH, *lit(b"datatype mismatch"))
        payload = i64(whole)
    return payload


def row_table(stmt: Run, config: FtsConfig, write: i32) -> Cursor:
    """A cursor on the table whose rowids are those of the rows; null: there is none."""
    root: u32 = config.content if config.source != CONTENT_OTHER and config.content else config.docsize
    return cursor_open(stmt, config.slot, root, None, write) if root else Cursor(0)


@export
def fts_conflicts(stmt: Run, config: FtsConfig, tag: i32, payload: i64) -> i32:
    """Whether there is a row with a rowid that is given for a new one. Raises "datatype mismatch"."""
    keeps: bool = config.contentless_delete != 0 or (config.source != CONTENT_OTHER and config.content != 0)
    if tag == NULL or not keeps:
        return 0
    rowid: i64 = fts_given_rowid(tag, payload)
    c: Cursor = row_table(stmt, config, 0)
    found: i32 = cursor_seek_rowid(c, rowid)
    cursor_close(c)
    return found


@export
def fts_insert(stmt: Run, config: FtsConfig, values: ptr[Value], tag: i32, payload: i64) -> i64:
    """Insert a row whose rowid is free, NULL: any: its rowid. values: of the columns. Raises "datatype mismatch"."""
    mark: i32 = arena_mark(stmt.arena)
    locales: ptr[i64] = take_locales(stmt, config, values)
    rowid: i64 = fts_given_rowid(tag, payload) if tag != NULL else new_rowid(stmt, config)
    g: Gather = gather_of(stmt, config)
    gather_row(g, stmt, rowid, 0, language_of(config, values))
    if config.source != CONTENT_OTHER and config.content:
        write_content(stmt, config, rowid, values, locales)
    take_row(g, stmt, rowid, values)
    arena_release(stmt.arena, mark)
    return rowid


def language_of(config: FtsConfig, values: ptr[Value]) -> i64:
    """FTS4: the language of a row, the last of its columns. Raises "constraint failed" for one below 0."""
    if config.language == 0:
        return i64(0)
    v: Value = values[config.n_columns + 2]
    language: i64 = i64(i32(to_integer(v.tag, v.payload)))
    if language < 0:
        raise_error(SQLITE_CONSTRAINT, *lit(b"constraint failed"))
    return language


def n_sums(config: FtsConfig) -> i32:
    """How many sums a table keeps."""
    return config.n_columns + 1 if config.format else config.n_columns


def take_row(g: Gather, stmt: Run, rowid: i64, values: ptr[Value]) -> None:
    """Take the terms of a new row, its sums and its row of %_docsize."""
    n: i32 = g.config.n_columns
    counts: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 8))
    gather_texts(g, stmt, values, counts)
    if g.config.docsize:
        write_docsize(g, stmt, rowid, counts)
    g.n_rows += 1
    for i in range(n_sums(g.config)):
        g.tokens[i] += counts[i]
    g.sums_changed = 1


def new_rowid(stmt: Run, config: FtsConfig) -> i64:
    """A rowid for a new row."""
    c: Cursor = row_table(stmt, config, 0)
    if config.format and config.source != CONTENT_OWN:
        raise_error(SQLITE_CONSTRAINT, *lit(b"constraint failed"))
    if c == None:  # noqa: E711
        raise_error(SQLITE_MISMATCH, *lit(b"datatype mismatch"))
    rowid: i64 = table_new_rowid(c)
    cursor_close(c)
    return rowid


@export
def fts_set_unindexed(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value]) -> None:
    """Keep other values of columns that are only stored, where that is all that is kept."""
    if config.content:
        mark: i32 = arena_mark(stmt.arena)
        write_content(stmt, config, rowid, values, take_locales(stmt, config, values))
        arena_release(stmt.arena, mark)


def write_content(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value], locales: ptr[i64]) -> None:
    """Put a row into %_content. locales: of its columns, 0: none; null: the table keeps none."""
    n: i32 = 0
    record: ptr[Value] = ptr[Value](alloc(stmt, 16 * (2 * config.n_columns + 2)))
    record[0].tag = NULL
    record[0].payload = 0
    for i in range(config.n_columns):
        if stored_at(config, i) != NOWHERE:
            n += 1
            tag, payload = converted(stmt, config.compress, values[i].tag, values[i].payload)
            record[n].tag = tag
            record[n].payload = payload
    for i in range(config.n_columns if config.locale else 0):
        if not is_unindexed(config, i):
            n += 1
            record[n].tag = TEXT if locales[i] else NULL
            record[n].payload = locales[i]
    if config.language:
        n += 1
        record[n].tag = INTEGER
        record[n].payload = language_of(config, values)
    if config.encoding != UTF8:
        texts_stored(stmt, record, n + 1, config.encoding)
    row: i64 = record_encode(stmt, record, n + 1)
    c: Cursor = cursor_open(stmt, config.slot, config.content, None, 1)
    table_insert(c, rowid, bytes_of(row), size_of(row))
    cursor_close(c)


def write_docsize(g: Gather, stmt: Run, rowid: i64, counts: ptr[i64]) -> None:
    """Put a row into %_docsize."""
    if g.config.format:
        fts3: Cursor = cursor_open(stmt, g.config.slot, g.config.docsize, None, 1)
        write_numbers(stmt, fts3, rowid, counts, g.config.n_columns)
        cursor_close(fts3)
        return
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, stmt.arena)
    for i in range(g.config.n_columns):
        bytes_varint(b, counts[i])
    values: ptr[Value] = ptr[Value](scratch(48))
    values[0].tag = NULL
    values[0].payload = 0
    values[1].tag = BLOB
    values[1].payload = pack(b.data, b.size)
    values[2].tag = INTEGER
    values[2].payload = g.origin
    row: i64 = record_encode(stmt, values, 3 if g.config.contentless_delete else 2)
    c: Cursor = cursor_open(stmt, g.config.slot, g.config.docsize, None, 1)
    table_insert(c, rowid, bytes_of(row), size_of(row))
    cursor_close(c)


# --- deleting -------------------------------------------------------------------------------------------------------


@export
def fts_delete(stmt: Run, config: FtsConfig, rowid: i64) -> None:
    """Delete a row."""
    mark: i32 = arena_mark(stmt.arena)
    if config.contentless_delete:
        delete_buried(stmt, config, rowid)
        arena_release(stmt.arena, mark)
        return
    values: ptr[Value] = ptr[Value](alloc(stmt, 16 * config.n_columns + 48))
    if read_content(stmt, config, rowid, values):
        delete_terms(stmt, config, rowid, values)
    delete_row(stmt, config, config.docsize, rowid)
    if config.source != CONTENT_OTHER:
        delete_row(stmt, config, config.content, rowid)
    if config.format and config.source == CONTENT_OWN and is_empty(stmt, config):
        empty_index(stmt, config)
    arena_release(stmt.arena, mark)


def is_empty(stmt: Run, config: FtsConfig) -> bool:
    """Whether no row is left."""
    c: Cursor = cursor_open(stmt, config.slot, config.content, None, 0)
    found: i32 = cursor_first(c)
    cursor_close(c)
    return found == 0


def empty_index(stmt: Run, config: FtsConfig) -> None:
    """The last row of FTS3 takes the index with it, what is gathered, too."""
    g: Gather = gather_of(stmt, config)
    gather_reset(g)
    g.n_rows = i64(0)
    memory_fill(g.tokens, 0, 8 * config.n_columns + 8)
    g.sums_changed = 1
    fts3_clear(stmt, config)


def delete_row(stmt: Run, config: FtsConfig, root: u32, rowid: i64) -> None:
    """Delete the row of a table, if both are there."""
    if root:
        c: Cursor = cursor_open(stmt, config.slot, root, None, 1)
        if cursor_seek_rowid(c, rowid):
            cursor_delete(c)
        cursor_close(c)


def read_content(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value]) -> i32:
    """The columns of a row, copied, of FTS4 with its language; 0: it is not there. Raises for a column that the user's
    records do not hold.
    """
    if config.content == 0:
        return 0
    c: Cursor = cursor_open(stmt, config.slot, config.content, None, 0)
    found: i32 = cursor_seek_rowid(c, rowid)
    if found:
        n: i32 = c.payload_size
        copy: ptr[u8] = alloc(stmt, n + 16)
        memory_copy(copy, cursor_payload(c), n)
        for i in range(config.n_columns + config.language):
            at: i32 = stored_at(config, i)
            tag: i32 = NULL
            payload: i64 = i64(0)
            if at == ROWID:
                tag = INTEGER
                payload = rowid
            elif at != NOWHERE:
                tag, payload = record_column(copy, n, at)
                if config.encoding != UTF8:
                    tag, payload = text_loaded(stmt, tag, payload, config.encoding)
            elif config.source == CONTENT_OTHER:
                raise_logic()
            if i < config.n_columns:
                tag, payload = converted(stmt, config.uncompress, tag, payload)
            if config.locale:
                tag, payload = fn_fts_text(stmt, tag, payload)
            column: i32 = i if i < config.n_columns else i + 2
            values[column].tag = tag
            values[column].payload = payload
    cursor_close(c)
    return found


def delete_buried(stmt: Run, config: FtsConfig, rowid: i64) -> None:
    """Delete a row whose terms are not known (kernel/fts/tombstones.py)."""
    g: Gather = gather_of(stmt, config)
    gather_row(g, stmt, rowid, 1, i64(0))
    sizes: Cursor = cursor_open(stmt, config.slot, config.docsize, None, 1)
    if cursor_seek_rowid(sizes, rowid):
        tag, payload = cursor_column(sizes, 2)
        origin: i64 = to_integer(tag, payload)
        r: Reader = Reader(scratch(sizeof(Reader)))
        read_blob(sizes, rowid, 1, r)
        g.n_rows -= 1
        for i in range(config.n_columns):
            g.tokens[i] -= read_varint(r)
        g.sums_changed = 1
        cursor_delete(sizes)
        w: IndexWriter = index_writer(stmt, config)
        bury(w.index, g.options.page_size, origin, rowid)
        structure_write(w.index)
        index_close(w)
        delete_row(stmt, config, config.content, rowid)
    cursor_close(sizes)


@export
def fts_delete_terms(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value]) -> None:
    """Take a row that had these values out of the index."""
    mark: i32 = arena_mark(stmt.arena)
    for i in range(config.n_columns):
        tag, payload, _ = split_locale(values[i].tag, values[i].payload)
        if tag != values[i].tag and config.locale == 0:
            raise_logic()
        values[i].tag = tag
        values[i].payload = payload
    delete_terms(stmt, config, rowid, values)
    delete_row(stmt, config, config.docsize, rowid)
    if config.source == CONTENT_NONE:
        delete_row(stmt, config, config.content, rowid)
    arena_release(stmt.arena, mark)


def delete_terms(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value]) -> None:
    """Take a row's terms out of the index, and out of the sums."""
    g: Gather = gather_of(stmt, config)
    gather_row(g, stmt, rowid, 1, language_of(config, values))
    counts: ptr[i64] = ptr[i64](alloc(stmt, 8 * config.n_columns + 8))
    gather_texts(g, stmt, values, counts)
    g.n_rows = less(config, g.n_rows, i64(1))
    for i in range(n_sums(config)):
        g.tokens[i] = less(config, g.tokens[i], counts[i])
    g.sums_changed = 1


def less(config: FtsConfig, sum: i64, n: i64) -> i64:
    """A sum less what is deleted. Below 0 it was wrong, about which FTS3 does not care. Raises SQLITE_CORRUPT_VTAB."""
    if sum >= n:
        return sum - n
    if config.format == 0:
        fts_corrupt()
    return i64(0)
