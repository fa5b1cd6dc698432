"""INSERT INTO t(t) VALUES ('optimize'): commands, and options.

Source: https://sqlite.org/fts5.html section 6, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, Cursor, KernelConnection, Run, Value
from turso_wasm.kernel.abi_modules import CONTENT_NONE, CONTENT_OWN, FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc, arena_mark, arena_release
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_rowid
from turso_wasm.kernel.btree.tree import btree_clear
from turso_wasm.kernel.fts.check import integrity_check
from turso_wasm.kernel.fts.damage import raise_logic
from turso_wasm.kernel.fts.fts3.directory import fts3_clear
from turso_wasm.kernel.fts.gather import (
    Gather,
    IndexWriter,
    gather_flush,
    gather_forget,
    gather_of,
    gather_row,
    index_close,
    index_writer,
)
from turso_wasm.kernel.fts.merge import merge_all, merge_levels, structure_write
from turso_wasm.kernel.fts.options import VERSION, option_set, option_write, options_read
from turso_wasm.kernel.fts.rank_function import same_name
from turso_wasm.kernel.fts.rows import fts_delete_terms, fts_given_rowid, language_of, read_content, take_row
from turso_wasm.kernel.fts.structure import AVERAGES_ROW, STRUCTURE_ROW, WITH_ORIGINS, structure_changed
from turso_wasm.kernel.fts.writer import store_blob
from turso_wasm.kernel.values.value import bytes_of, size_of, to_integer, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, u8, u32

__subset__ = True

NEW_STRUCTURE = bytes(7)
NEW_STRUCTURE_WITH_ORIGINS = bytes(4) + WITH_ORIGINS + bytes(3)


@export
def fts3_create(stmt: Run, config: FtsConfig, segments: u32) -> None:
    """A new table of FTS3, with the root of its %_segments: nothing is known of it."""
    gather_forget(stmt, config.slot, segments)
    structure_changed()


@export
def fts_create(stmt: Run, config: FtsConfig, data: u32, options: u32) -> None:
    """A new table: what its %_data and %_config, with these roots, begin with."""
    gather_forget(stmt, config.slot, data)
    c: Cursor = cursor_open(stmt, config.slot, data, None, 1)
    begin_data(stmt, config, c)
    cursor_close(c)
    option_write(stmt, config, options, *lit(b"version"), INTEGER, i64(VERSION))


def begin_data(stmt: Run, config: FtsConfig, c: Cursor) -> None:
    """The rows of an index without terms."""
    structure_changed()
    store_blob(stmt, c, i64(AVERAGES_ROW), b"", 0)
    if config.contentless_delete:
        store_blob(stmt, c, i64(STRUCTURE_ROW), *lit(NEW_STRUCTURE_WITH_ORIGINS))
    else:
        store_blob(stmt, c, i64(STRUCTURE_ROW), *lit(NEW_STRUCTURE))


@export
def fts_command(stmt: Run, config: FtsConfig, values: ptr[Value], tag: i32, payload: i64) -> None:
    """Do what the hidden columns say. values: of all columns, with the command and rank; tag, payload: the rowid.

    Errors: "SQL logic error" for what there is not, and the messages below.
    """
    mark: i32 = arena_mark(stmt.arena)
    command: Value = values[config.n_columns]
    rank: Value = values[config.n_columns + 1]
    text: i64 = to_text(stmt, command.tag, command.payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if same_name(p, n, *lit(b"delete")):
        command_delete(stmt, config, values, tag, payload)
    elif same_name(p, n, *lit(b"delete-all")):
        if config.source == CONTENT_OWN:
            raise_error(
                SQLITE_ERROR,
                *lit(b"'delete-all' may only be used with a contentless or external content fts5 table"),
            )
        delete_all(stmt, config)
    elif same_name(p, n, *lit(b"rebuild")):
        if config.source == CONTENT_NONE:
            raise_error(SQLITE_ERROR, *lit(b"'rebuild' may not be used with a contentless fts5 table"))
        if config.content == 0:  # the user's table is gone
            raise_logic()
        rebuild(stmt, config)
    elif same_name(p, n, *lit(b"integrity-check")):
        flushed: Gather = flush_of(stmt, config)
        compare: bool = config.source == CONTENT_OWN or (
            config.source != CONTENT_NONE and to_integer(rank.tag, rank.payload) != 0
        )
        if compare and config.content == 0:
            raise_logic()
        integrity_check(flushed, stmt, config, compare)
    elif same_name(p, n, *lit(b"optimize")):
        merge(stmt, config, -1)
    elif same_name(p, n, *lit(b"merge")):
        merge(stmt, config, to_integer(rank.tag, rank.payload))
    elif same_name(p, n, *lit(b"flush")):
        _ = flush_of(stmt, config)
    else:
        set_option(stmt, config, p, n, rank)
    arena_release(stmt.arena, mark)


def flush_of(stmt: Run, config: FtsConfig) -> Gather:
    """What is gathered, written."""
    g: Gather = gather_of(stmt, config)
    gather_flush(stmt, ptr[u8](i32(g)))
    return g


def command_delete(stmt: Run, config: FtsConfig, values: ptr[Value], tag: i32, payload: i64) -> None:
    """Take a row that had these values out of an index that keeps no texts."""
    if config.source == CONTENT_OWN:
        raise_logic()
    if config.contentless_delete:
        raise_error(SQLITE_ERROR, *lit(b"'delete' may not be used with a contentless_delete=1 table"))
    if tag != NULL:
        fts_delete_terms(stmt, config, fts_given_rowid(tag, payload), values)


def delete_all(stmt: Run, config: FtsConfig) -> None:
    """Make the index empty."""
    gather_forget(stmt, config.slot, config.data)
    if config.format:
        fts3_clear(stmt, config)
        return
    _ = btree_clear(stmt, config.slot, config.data)
    _ = btree_clear(stmt, config.slot, config.index)
    if config.docsize:
        _ = btree_clear(stmt, config.slot, config.docsize)
    if config.source == CONTENT_NONE and config.content:
        _ = btree_clear(stmt, config.slot, config.content)
    c: Cursor = cursor_open(stmt, config.slot, config.data, None, 1)
    begin_data(stmt, config, c)
    cursor_close(c)


def rebuild(stmt: Run, config: FtsConfig) -> None:
    """Make the index anew from the texts."""
    if config.format == 0:
        option_write(stmt, config, config.options, *lit(b"version"), INTEGER, i64(VERSION))
    delete_all(stmt, config)
    g: Gather = gather_of(stmt, config)
    values: ptr[Value] = ptr[Value](alloc(stmt, 16 * config.n_columns + 48))
    rows: Cursor = cursor_open(stmt, config.slot, config.content, None, 0)
    on: i32 = cursor_first(rows)
    while on:
        mark: i32 = arena_mark(stmt.arena)
        rowid: i64 = cursor_rowid(rows)
        _ = read_content(stmt, config, rowid, values)
        gather_row(g, stmt, rowid, 0, language_of(config, values))
        take_row(g, stmt, rowid, values)
        arena_release(stmt.arena, mark)
        on = cursor_next(rows)
    g.sums_changed = 1
    cursor_close(rows)


def merge(stmt: Run, config: FtsConfig, pages: i64) -> None:
    """Merge levels that are wide enough; pages < 0: make one segment of all."""
    g: Gather = flush_of(stmt, config)
    w: IndexWriter = index_writer(stmt, config)
    leaves: i32 = 0
    if pages < 0:
        leaves = merge_all(w.index, g.options.page_size)
    elif pages > 0:
        leaves = merge_levels(w.index, g.options.page_size, g.options.usermerge)
    if leaves:
        structure_write(w.index)
        KernelConnection(stmt.connection).total_changes += 1
    if config.contentless_delete:
        g.origin = w.index.structure.origin + 1
    index_close(w)


def set_option(stmt: Run, config: FtsConfig, p: ptr[u8], n: i32, rank: Value) -> None:
    """Set an option; a new cookie tells other connections."""
    g: Gather = flush_of(stmt, config)
    if option_set(stmt, config, p, n, rank.tag, rank.payload) == 0:
        raise_logic()
    options_read(g.options, stmt, config)
    w: IndexWriter = index_writer(stmt, config)
    w.index.structure.cookie += 1
    structure_write(w.index)
    index_close(w)
