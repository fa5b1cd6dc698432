"""What is said of a concurrent transaction that cannot be committed: which row or key, of which table.

Kernels know b-trees by their root pages; sqlite_schema knows what these are called.
"""

from turso_wasm.kernel.abi import INTEGER, TEXT, UTF8, Cursor, KeyInfo, Run
from turso_wasm.kernel.base.errors import raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_new
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.functions.scalar import fn_quote
from turso_wasm.kernel.pager.header import AT_ENCODING
from turso_wasm.kernel.pager.pages import pager_get
from turso_wasm.kernel.pager.share import BUSY_SNAPSHOT
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.values.utf16 import text_loaded
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, be32, i32, i64, lit, memory_copy, ptr, scratch, sizeof, u8, u32

__subset__ = True

MESSAGE_MAX = 1024
NAME_MAX = 200  # bytes of a name or a value that are told
COLUMN_NAME = 1
COLUMN_TABLE = 2
COLUMN_ROOT = 3


class Message(Struct):
    """A text in the making, MESSAGE_MAX bytes at most."""

    p: ptr[u8]
    n: i32
    encoding: i32  # of texts in the database


def say(m: Message, p: ptr[u8], size: i32) -> None:
    """Add a text, of a long one the beginning."""
    if size > NAME_MAX:
        size = NAME_MAX
        while size and (p[size] & 0xC0) == 0x80:
            size -= 1
    if m.n + size > MESSAGE_MAX:
        return
    memory_copy(m.p + m.n, p, size)
    m.n += size


def raise_schema_conflict() -> None:
    """Raise SQLITE_BUSY_SNAPSHOT: the schema was changed."""
    raise_error(BUSY_SNAPSHOT, *lit(b"conflict: the schema was changed since the transaction began"))


def raise_conflict(s: Run, root: u32, entry: Cursor) -> None:
    """Raise SQLITE_BUSY_SNAPSHOT for an entry of the b-tree with that root page."""
    m: Message = Message(scratch(sizeof(Message)))
    m.p = alloc(s, MESSAGE_MAX)
    m.n = 0
    m.encoding = i32(be32(pager_get(Pager(entry.pager), u32(1)).data + AT_ENCODING) & 3)
    schema: Cursor = cursor_new(Pager(entry.pager), s, u32(1), KeyInfo(0), 0)
    found: i32 = schema_find(schema, root)
    is_table: i32 = 1
    if found:
        _tag, name = cursor_column(schema, COLUMN_NAME)
        _tag2, table = cursor_column(schema, COLUMN_TABLE)
        is_table = i32(size_of(name) == size_of(table) and same_bytes(bytes_of(name), bytes_of(table), size_of(name)))
        say_entry(s, m, entry, is_table)
        if is_table == 0:
            say(m, *lit(b" of index "))
            say_text(s, m, name)
        say(m, *lit(b" of table "))
        say_text(s, m, table)
    else:
        say_entry(s, m, entry, 1)
        say(m, *lit(b" of table sqlite_schema"))
    raise_error(BUSY_SNAPSHOT, m.p, m.n)


def schema_find(schema: Cursor, root: u32) -> i32:
    """Go to the row of sqlite_schema that has the root page; 0: there is none."""
    on: i32 = cursor_first(schema)
    while on:
        tag, payload = cursor_column(schema, COLUMN_ROOT)
        if tag == INTEGER and payload == i64(root):
            return 1
        on = cursor_next(schema)
    return 0


def same_bytes(a: ptr[u8], b: ptr[u8], n: i32) -> i32:
    """1 if two texts of n bytes are equal."""
    for i in range(n):
        if a[i] != b[i]:
            return 0
    return 1


def say_entry(s: Run, m: Message, entry: Cursor, is_table: i32) -> None:
    """Say which row or key it is."""
    if entry.keyinfo == 0:
        say(m, *lit(b"conflict on row "))
        say_value(s, m, INTEGER, entry.rowid)
        return
    if is_table:
        say(m, *lit(b"conflict on row ("))
    else:
        say(m, *lit(b"conflict on key ("))
    n: i32 = KeyInfo(entry.keyinfo).n_fields - (1 - is_table)  # the rowid of an index entry says nothing
    for i in range(n):
        if i:
            say(m, *lit(b", "))
        tag, payload = cursor_column(entry, i)
        say_value(s, m, tag, payload)
    say(m, *lit(b")"))


def say_text(s: Run, m: Message, payload: i64) -> None:
    """Say a text of the database."""
    _tag, text = text_decoded(s, m, TEXT, payload)
    say(m, bytes_of(text), size_of(text))


def text_decoded(s: Run, m: Message, tag: i32, payload: i64) -> tuple[i32, i64]:
    """A value of the database, a text in UTF-8."""
    if m.encoding > UTF8:
        tag, payload = text_loaded(s, tag, payload, m.encoding)
    return tag, payload


def say_value(s: Run, m: Message, tag: i32, payload: i64) -> None:
    """Say a value, as an SQL literal."""
    tag, payload = text_decoded(s, m, tag, payload)
    _tag, text = fn_quote(s, tag, payload)
    say(m, bytes_of(text), size_of(text))
