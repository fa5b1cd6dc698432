"""rank MATCH 'bm25(10.0, 5.0)', and the option of that name: the function that gives the column rank, its weights."""

import struct

from turso_wasm.kernel.abi import NULL, REAL, TEXT, UTF8, Arena, Cursor, KeyInfo, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.memory import arena_alloc, copy_value
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_columns
from turso_wasm.kernel.fts.expression import raise_about
from turso_wasm.kernel.fts.lexer import is_bare
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.number import text_to_number
from turso_wasm.kernel.values.utf16 import text_loaded
from turso_wasm.kernel.values.value import bytes_of, size_of, to_text
from turso_wasm.wasm.lang import Struct, i32, i64, lit, ptr, scratch, u8

__subset__ = True

OPTION_KEY = struct.pack("<2i", 1, 0)  # of %_config


class RankFunction(Struct):
    """A call of a function with numbers."""

    name: ptr[u8]
    name_size: i32
    weights: ptr[Value]
    n: i32


def option_row(c: Cursor, stmt: Run, encoding: i32, values: ptr[Value]) -> None:
    """The name and the value of the option a cursor on %_config is on."""
    cursor_columns(c, i64(3), values)
    if encoding != UTF8:
        for i in range(2):
            tag, payload = text_loaded(stmt, values[i].tag, values[i].payload, encoding)
            values[i].tag = tag
            values[i].payload = payload


def read_option(stmt: Run, config: FtsConfig, name: ptr[u8], n: i32) -> tuple[i32, i64]:
    """The value of an option in %_config, in the statement's arena; NULL: it is not set."""
    c: Cursor = cursor_open(stmt, config.slot, config.options, KeyInfo(i32(OPTION_KEY)), 0)
    values: ptr[Value] = ptr[Value](scratch(32))
    tag: i32 = NULL
    payload: i64 = i64(0)
    on: i32 = cursor_first(c)
    while on and tag == NULL:
        option_row(c, stmt, config.encoding, values)
        if values[0].tag == TEXT and same_name(bytes_of(values[0].payload), size_of(values[0].payload), name, n):
            tag, payload = copy_value(stmt, values[1].tag, values[1].payload)
        on = cursor_next(c)
    cursor_close(c)
    return tag, payload


def same_name(p: ptr[u8], n: i32, q: ptr[u8], m: i32) -> bool:
    """Whether two names are the same, whatever the letter case."""
    i: i32 = 0
    while i < n and i < m and fold(p[i]) == fold(q[i]):
        i += 1
    return i == n and i == m


def skip_spaces(p: ptr[u8], n: i32, at: i32) -> i32:
    """The offset of the next character that is not a space."""
    while at < n and (p[at] == 32 or (p[at] >= 9 and p[at] <= 13)):
        at += 1
    return at


def parse_rank(f: RankFunction, arena: Arena, p: ptr[u8], n: i32) -> i32:
    """Read name(number, …); 0: it is none."""
    f.n = 0
    f.weights = ptr[Value](arena_alloc(arena, (n + 1) * 16))
    at: i32 = skip_spaces(p, n, 0)
    f.name = p + at
    while at < n and is_bare(p[at]):
        at += 1
    f.name_size = i32(p + at - f.name)
    at = skip_spaces(p, n, at)
    if f.name_size == 0 or at >= n or p[at] != 40:
        return 0
    at = skip_spaces(p, n, at + 1)
    while at < n and p[at] != 41:
        end: i32 = literal_end(p, n, at)
        if end == at:
            return 0
        tag, payload, _ = text_to_number(p + at, end - at)
        f.weights[f.n].tag = tag
        f.weights[f.n].payload = payload
        f.n += 1
        at = skip_spaces(p, n, end)
        if at < n and p[at] == 44:
            at = skip_spaces(p, n, at + 1)
        elif at < n and p[at] != 41:
            return 0
    return 1 if at < n and skip_spaces(p, n, at + 1) >= n else 0


def literal_end(p: ptr[u8], n: i32, at: i32) -> i32:
    """Where a number, a string or NULL ends; its beginning: it is none."""
    if p[at] == 39:
        at += 1
        while at < n and p[at] != 39:
            at += 1
        return at + 1 if at < n else at
    while at < n and (is_bare(p[at]) or p[at] == 46 or p[at] == 43 or p[at] == 45):
        at += 1
    return at


def find_rank(f: RankFunction, stmt: Run, config: FtsConfig, arena: Arena, given: Value) -> None:
    """The function of a search: the one that is given, that of the option, or bm25().

    Errors: "parse error in rank function: …", "no such function: …".
    """
    tag: i32 = given.tag
    payload: i64 = given.payload
    if tag == NULL and config.weights:
        f.n = config.n_columns
        f.weights = ptr[Value](arena_alloc(arena, f.n * 16))
        given_weights: ptr[i64] = ptr[i64](i32(config) + config.weights)
        for i in range(f.n):
            f.weights[i].tag = REAL
            f.weights[i].payload = given_weights[i]
        return
    if tag == NULL:
        tag, payload = read_option(stmt, config, *lit(b"rank"))
    if tag == NULL:
        f.n = 0
        return
    text: i64 = to_text(stmt, tag, payload)
    if parse_rank(f, arena, bytes_of(text), size_of(text)) == 0:
        raise_about(arena, *lit(b"parse error in rank function: "), bytes_of(text), size_of(text), *lit(b""))
    if not same_name(f.name, f.name_size, *lit(b"bm25")):
        raise_about(arena, *lit(b"no such function: "), f.name, f.name_size, *lit(b""))
