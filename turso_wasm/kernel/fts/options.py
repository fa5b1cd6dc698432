"""The options of a full-text table: rows of %_config.

Source: https://sqlite.org/fts5.html section 6, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, TEXT, UTF8, Cursor, KeyInfo, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.insert import index_insert
from turso_wasm.kernel.fts.rank_function import OPTION_KEY, RankFunction, option_row, parse_rank, same_name
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.kernel.values.utf16 import texts_stored
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer
from turso_wasm.wasm.lang import Struct, i32, i64, lit, ptr, scratch, sizeof, u8, u32

__subset__ = True

PAGE_SIZE = 4050
AUTOMERGE = 4
USERMERGE = 4
CRISISMERGE = 16
HASH_SIZE = 4 * 1024 * 1024  # four times SQLite's: fewer segments, to merge and to look into
DELETEMERGE = 10
CRISISMERGE_MAX = 1999
VERSION = 4
VERSION_SECURE = 5  # some leaves are as secure-delete leaves them


class Options(Struct):
    """The options that the index goes by."""

    page_size: i32
    automerge: i32
    usermerge: i32
    crisismerge: i32
    hash_size: i32
    deletemerge: i32
    secure_delete: i32
    version: i32


def options_read(o: Options, stmt: Run, config: FtsConfig) -> None:
    """Read %_config; what is not there, or out of range, is as by default. Raises for a version that is unknown."""
    o.page_size = PAGE_SIZE
    o.automerge = AUTOMERGE
    o.usermerge = USERMERGE
    o.crisismerge = CRISISMERGE
    o.hash_size = HASH_SIZE
    o.deletemerge = DELETEMERGE
    o.secure_delete = 0
    o.version = 0
    c: Cursor = cursor_open(stmt, config.slot, config.options, KeyInfo(i32(OPTION_KEY)), 0)
    values: ptr[Value] = ptr[Value](scratch(32))
    on: i32 = cursor_first(c)
    while on:
        option_row(c, stmt, config.encoding, values)
        if values[0].tag == TEXT and values[1].tag == INTEGER:
            _ = option_take(o, bytes_of(values[0].payload), size_of(values[0].payload), values[1].payload)
        on = cursor_next(c)
    cursor_close(c)
    if o.version != VERSION and o.version != VERSION_SECURE:
        raise_error(SQLITE_ERROR, *lit(b"invalid fts5 file format - run 'rebuild'"))


def option_take(o: Options, name: ptr[u8], n: i32, value: i64) -> i32:
    """Set a numeric option; 0: there is none of that name, or it cannot be that."""
    v: i32 = i32(value)
    if value < 0 or value > 0x7FFFFFFF:
        return 0
    if same_name(name, n, *lit(b"pgsz")):
        if v < 32 or v > 65536:
            return 0
        o.page_size = v
    elif same_name(name, n, *lit(b"automerge")):
        if v > 64:
            return 0
        o.automerge = AUTOMERGE if v == 1 else v
    elif same_name(name, n, *lit(b"usermerge")):
        if v < 2 or v > 16:
            return 0
        o.usermerge = v
    elif same_name(name, n, *lit(b"crisismerge")):
        o.crisismerge = CRISISMERGE if v <= 1 else v if v < CRISISMERGE_MAX else CRISISMERGE_MAX
    elif same_name(name, n, *lit(b"hashsize")):
        if v == 0:
            return 0
        o.hash_size = v
    elif same_name(name, n, *lit(b"deletemerge")):
        o.deletemerge = v if v <= 100 else 0
    elif same_name(name, n, *lit(b"secure-delete")):
        o.secure_delete = 1 if v else 0
    elif same_name(name, n, *lit(b"version")):
        o.version = v
    else:
        return 1 if same_name(name, n, *lit(b"insttoken")) else 0
    return 1


def option_write(stmt: Run, config: FtsConfig, root: u32, name: ptr[u8], n: i32, tag: i32, payload: i64) -> None:
    """Put an option into %_config."""
    c: Cursor = cursor_open(stmt, config.slot, root, KeyInfo(i32(OPTION_KEY)), 1)
    values: ptr[Value] = ptr[Value](scratch(32))
    values[0].tag = TEXT
    values[0].payload = pack(name, n)
    values[1].tag = tag
    values[1].payload = payload
    if config.encoding != UTF8:
        texts_stored(stmt, values, 2, config.encoding)
    record: i64 = record_encode(stmt, values, 2)
    index_insert(c, ptr[u8](i32(record)), i32(record >> 32))
    cursor_close(c)


def option_set(stmt: Run, config: FtsConfig, name: ptr[u8], n: i32, tag: i32, payload: i64) -> i32:
    """Check an option and write it; 0: it cannot be."""
    if same_name(name, n, *lit(b"rank")):
        if tag != TEXT:
            return 0
        f: RankFunction = RankFunction(scratch(sizeof(RankFunction)))
        if parse_rank(f, stmt.arena, bytes_of(payload), size_of(payload)) == 0:
            return 0
    else:
        o: Options = Options(scratch(sizeof(Options)))
        is_version: bool = same_name(name, n, *lit(b"version"))
        if tag != INTEGER or is_version or option_take(o, name, n, to_integer(tag, payload)) == 0:
            return 0
    option_write(stmt, config, config.options, name, n, tag, payload)
    return 1
