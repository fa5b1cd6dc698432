"""INSERT INTO t(t) VALUES ('optimize'): commands of FTS3 and FTS4; and optimize(t).

Source: https://sqlite.org/fts3.html section 7, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, KernelConnection, Run, Value
from turso_wasm.kernel.abi_modules import CONTENT_NONE, CONVERT_MISSING, FtsConfig
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.fts.check import integrity_check
from turso_wasm.kernel.fts.commands import flush_of, rebuild
from turso_wasm.kernel.fts.damage import raise_logic
from turso_wasm.kernel.fts.fts3.merge import SEGMENTS_MOST, fts3_merge_all, fts3_merge_levels
from turso_wasm.kernel.fts.fts3.stat import forget_merge, write_automerge
from turso_wasm.kernel.fts.gather import Gather, IndexWriter, index_close, index_writer
from turso_wasm.kernel.fts.rank_function import same_name
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.structure import Structure
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, u8

__subset__ = True

DEFAULT_MERGE = 8


@export
def fts3_docid(tag: i32, payload: i64, docid_tag: i32, docid: i64) -> tuple[i32, i64]:
    """The rowid of a new row, of which the rowid and the docid may be given. Raises "SQL logic error" if both are."""
    if docid_tag == NULL:
        return tag, payload
    if tag != NULL:
        raise_logic()
    return docid_tag, docid


@export
def fts3_command(stmt: Run, config: FtsConfig, values: ptr[Value]) -> None:
    """Do what the hidden column says. values: of all columns. Raises "SQL logic error" for what there is not."""
    mark: i32 = arena_mark(stmt.arena)
    command: Value = values[config.n_columns]
    text: i64 = to_text(stmt, command.tag, command.payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if same_name(p, n, *lit(b"optimize")):
        _, _ = merge(stmt, config, 0)
    elif same_name(p, n, *lit(b"rebuild")):
        if config.source == CONTENT_NONE or config.content == 0 or config.uncompress == CONVERT_MISSING:
            raise_logic()
        rebuild(stmt, config)
    elif same_name(p, n, *lit(b"integrity-check")):
        if (config.source != CONTENT_NONE and config.content == 0) or config.uncompress == CONVERT_MISSING:
            raise_logic()
        integrity_check(flush_of(stmt, config), stmt, config, config.source != CONTENT_NONE)
    elif n > 6 and same_name(p, 6, *lit(b"merge=")):
        merge_some(stmt, config, p + 6, n - 6)
    elif n > 10 and same_name(p, 10, *lit(b"automerge=")):
        set_automerge(stmt, config, p + 10, n - 10)
    elif same_name(p, n, *lit(b"flush")):
        _ = flush_of(stmt, config)
    else:
        raise_logic()
    arena_release(stmt.arena, mark)


def number(p: ptr[u8], n: i32) -> tuple[i32, i32]:
    """(the number of the digits at p, how many there are)."""
    value: i32 = 0
    at: i32 = 0
    while at < n and p[at] >= 48 and p[at] <= 57:
        if value < 100000000:
            value = value * 10 + i32(p[at]) - 48
        at += 1
    return value, at


def merge_some(stmt: Run, config: FtsConfig, p: ptr[u8], n: i32) -> None:
    """merge=blocks[,segments]: merge levels that have so many segments. A level is merged whole."""
    blocks, at = number(p, n)
    least: i32 = DEFAULT_MERGE
    if at + 1 < n and p[at] == 44:
        least, width = number(p + (at + 1), n - at - 1)
        at += 1 + width
    if at < n or least < 2:
        raise_logic()
    if blocks:
        _, _ = merge(stmt, config, least)


@export
def fn_fts3_optimize(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """optimize(t): merge all, and say whether every index, of each language and prefix, had more than one segment.
    values: the Search.
    """
    config: FtsConfig = Search(i32(values[0].payload)).config
    merged, n_languages = merge(stmt, config, 0)
    if merged and merged == n_languages * (1 + config.n_prefixes):
        return TEXT, pack(*lit(b"Index optimized"))
    return TEXT, pack(*lit(b"Index already optimal"))


def merge(stmt: Run, config: FtsConfig, least: i32) -> tuple[i32, i32]:
    """Merge levels that have `least` segments, 0: all of each index: how many merges that were, and how many languages
    the index has.
    """
    _ = flush_of(stmt, config)
    w: IndexWriter = index_writer(stmt, config)
    merged: i32 = fts3_merge_levels(w.index, least) if least else fts3_merge_all(w.index)
    n_languages: i32 = count_languages(w.index.structure)
    index_close(w)
    if merged:
        forget_merge(stmt, config)
        KernelConnection(stmt.connection).total_changes += 1
    return merged, n_languages


def count_languages(s: Structure) -> i32:
    """How many languages there are segments of."""
    count: i32 = 0
    for i in range(s.n_segments):
        known: bool = False
        for j in range(i):
            known = known or s.segments[j].language == s.segments[i].language
        count += 0 if known else 1
    return count


def set_automerge(stmt: Run, config: FtsConfig, p: ptr[u8], n: i32) -> None:
    """automerge=segments: 0: off. FTS3 has no %_stat to keep it in: it holds for what is gathered now."""
    value, _ = number(p, n)
    if value == 1 or value > SEGMENTS_MOST:
        value = DEFAULT_MERGE
    g: Gather = flush_of(stmt, config)
    if config.options:
        write_automerge(stmt, config, value)
    g.options.automerge = value
