"""fts5_locale(l, x): a text that says its locale, for tokenizers that cut by it.

Such a value is a blob: LOCALE_HEADER, the locale, a zero byte, the text. A table with locale=1 keeps the two apart; a
user's table with the texts has the blob. SQLite's header is another one in each connection.

Source: https://sqlite.org/fts5.html sections 4.3.6 and 6.5, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, UTF8, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_RANGE, raise_error
from turso_wasm.kernel.base.memory import alloc, copy_value
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.config import locale_at
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.utf16 import text_loaded
from turso_wasm.kernel.values.value import apply_numeric, bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_copy, ptr, u8

__subset__ = True

LOCALE_HEADER = bytes.fromhex("9f0e5c3ab76d41e8a2170bd4c6f38e51")


@export
def fn_fts5_locale(stmt: Run, locale_tag: i32, locale_payload: i64, tag: i32, payload: i64) -> tuple[i32, i64]:
    """fts5_locale(locale, text): the text itself without a locale."""
    locale: i64 = to_text(stmt, locale_tag, locale_payload) if locale_tag != NULL else i64(0)
    if size_of(locale) == 0:
        if tag == NULL:
            return NULL, i64(0)
        return TEXT, to_text(stmt, tag, payload)
    text: i64 = to_text(stmt, tag, payload) if tag != NULL else i64(0)
    size: i32 = terminated_size(bytes_of(locale), size_of(locale))
    return BLOB, with_locale(stmt, bytes_of(locale), size, text)


def with_locale(stmt: Run, locale: ptr[u8], size: i32, text: i64) -> i64:
    """The blob of a locale and a text."""
    head: i32 = len(LOCALE_HEADER)
    out: ptr[u8] = alloc(stmt, head + size + 1 + size_of(text) + 16)
    memory_copy(out, LOCALE_HEADER, head)
    memory_copy(out + head, locale, size)
    out[head + size] = 0
    memory_copy(out + (head + size + 1), bytes_of(text), size_of(text))
    return pack(out, head + size + 1 + size_of(text))


@export
def fn_fts5_insttoken(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """fts5_insttoken(query): the query; which tokens are at its instances is always known here."""
    return tag, payload


def locale_size(tag: i32, payload: i64) -> i32:
    """Bytes of the locale that a value has; -1: it is none of fts5_locale."""
    head: i32 = len(LOCALE_HEADER)
    if tag != BLOB or size_of(payload) <= head:
        return -1
    p: ptr[u8] = bytes_of(payload)
    i: i32 = 0
    while i < head and p[i] == LOCALE_HEADER[i]:
        i += 1
    if i < head:
        return -1
    n: i32 = size_of(payload) - head
    size: i32 = terminated_size(p + head, n)
    return size if size < n else -1


def split_locale(tag: i32, payload: i64) -> tuple[i32, i64, i64]:
    """(tag and payload of the text, the locale, 0: none) of a value."""
    size: i32 = locale_size(tag, payload)
    if size < 0:
        return tag, payload, i64(0)
    head: i32 = len(LOCALE_HEADER)
    at: i32 = head + size + 1
    p: ptr[u8] = bytes_of(payload)
    return TEXT, pack(p + at, size_of(payload) - at), pack(p + head, size)


def take_locales(stmt: Run, config: FtsConfig, values: ptr[Value]) -> ptr[i64]:
    """Make texts of the values; their locales, 0: none. Raises "fts5_locale() requires locale=1"."""
    n: i32 = config.n_columns
    if config.locale == 0:
        for i in range(n):
            if values[i].tag == BLOB and locale_size(values[i].tag, values[i].payload) >= 0:
                raise_error(SQLITE_MISMATCH, *lit(b"fts5_locale() requires locale=1"))
        return ptr[i64](0)
    locales: ptr[i64] = ptr[i64](alloc(stmt, 8 * n))
    for i in range(n):
        tag, payload, locale = split_locale(values[i].tag, values[i].payload)
        values[i].tag = tag
        values[i].payload = payload
        locales[i] = locale
    return locales


@export
def fts_keep_locale(stmt: Run, config: FtsConfig, rowid: i64, values: ptr[Value], column: i32) -> None:
    """A column of a row that an update does not touch keeps its locale."""
    v: Value = values[column]
    at: i32 = locale_at(config, column)
    if at == 0 or v.tag == NULL:
        return
    c: Cursor = cursor_open(stmt, config.slot, config.content, None, 0)
    if cursor_seek_rowid(c, rowid):
        tag, payload = cursor_column(c, at)
        if config.encoding != UTF8:
            tag, payload = text_loaded(stmt, tag, payload, config.encoding)
        if tag == TEXT:
            v.payload = with_locale(stmt, bytes_of(payload), size_of(payload), to_text(stmt, v.tag, v.payload))
            v.tag = BLOB
    cursor_close(c)


@export
def fn_fts_text(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """A value without its locale."""
    tag, payload, _ = split_locale(tag, payload)
    return tag, payload


@export
def fn_fts_locale(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The locale of a value, NULL: it has none."""
    _, _, locale = split_locale(tag, payload)
    return TEXT if locale else NULL, locale


@export
def fn_fts_fts5_get_locale(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """fts5_get_locale(t, column). values: the Search; 1; the column; of each column its locale.

    Errors: "non-integer argument passed to function fts5_get_locale()", "column index out of range".
    """
    tag, payload = apply_numeric(values[2].tag, values[2].payload)
    if tag != INTEGER:
        raise_error(SQLITE_ERROR, *lit(b"non-integer argument passed to function fts5_get_locale()"))
    if payload < 0 or payload >= i64(n - 3):
        raise_error(SQLITE_RANGE, *lit(b"column index out of range"))
    v: Value = values[3 + i32(payload)]
    return copy_value(stmt, v.tag, v.payload)
