"""PRAGMA integrity_check: the whole file, and whether each index has an entry for each row.

Owns the order of the check: freelist, trees, pages that belong to nothing. What needs the schema (index entries and
constraints of rows) is done by generated code, which walks damaged trees, too, and may end in SQLITE_CORRUPT.
"""

from turso_wasm.kernel.abi import Cursor, KernelConnection, KeyInfo, Run
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.base.resources import KIND_CHECK, resource_add
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.check.lists import check_freelist, check_unused
from turso_wasm.kernel.btree.check.pages import check_tree
from turso_wasm.kernel.btree.check.report import (
    WHERE_NOWHERE,
    Check,
    Uses,
    begin,
    check_entry,
    check_release,
    check_row,
    database_done,
    put_bytes,
    put_page,
    report,
    structure_end,
)
from turso_wasm.kernel.btree.cursor.patched import is_cut
from turso_wasm.kernel.btree.cursor.read import cursor_compare_key, cursor_index_rowid, cursor_payload, spilled_header
from turso_wasm.kernel.btree.page import PAGE_SIZE_MAX
from turso_wasm.kernel.btree.ptrmap import INCREMENTAL, LARGEST_ROOT
from turso_wasm.kernel.pager.pages import pager_get, pager_of, pager_page_count
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.kernel.values.record import serial_size
from turso_wasm.wasm.lang import be32, export, funcref, i32, i64, lit, memory_copy, ptr, sizeof, u8, u32

__subset__ = True


def check_largest_root(k: Check, roots: ptr[u32], n: i32) -> None:
    """Compare the largest root page with the header of an auto-vacuum database."""
    data: ptr[u8] = pager_get(k.pager, u32(1)).data
    k.where = WHERE_NOWHERE
    largest: u32 = u32(1)
    for i in range(n):
        if roots[i] > largest:
            largest = roots[i]
    if k.mapped:
        if largest != be32(data + LARGEST_ROOT) and begin(k):
            put_page(k, *lit(b"max rootpage ("), largest)
            put_page(k, *lit(b") disagrees with header ("), be32(data + LARGEST_ROOT))
            put_bytes(k, *lit(b")"))
    elif be32(data + INCREMENTAL):
        report(k, *lit(b"incremental_vacuum enabled with a max rootpage of zero"))


def check_trees(k: Check, roots: ptr[u32]) -> None:
    """Check the trees, and count their entries."""
    for i in range(k.n_trees):
        k.entries = 0
        if roots[i]:
            check_tree(k, roots[i])
        k.counts[i] = k.entries


@export
def check_new(stmt: Run, most: i32) -> Check:
    """A check that finds at most `most` things."""
    k: Check = Check(i32(resource_add(stmt, sizeof(Check), KIND_CHECK, funcref(check_release))))
    k.statement = stmt
    k.left = most
    return k


@export
def check_database(k: Check, slot: i32, roots: ptr[u32], n: i32, name: ptr[u8], name_size: i32) -> None:
    """Check freelist, pointer map and these b-trees (page 1 among them, each once) of the database of that name.

    roots[0] == 0: only the other trees, not what belongs to none.
    """
    p: Pager = pager_of(KernelConnection(k.statement.connection), slot)
    database_done(k)
    k.pager = p
    k.database = name
    k.database_size = name_size
    k.pages = pager_page_count(p)
    k.mapped = 0
    k.n_trees = n
    k.counts = ptr[i32](i32(mzalloc(n * 4 + 4)))
    whole: i32 = i32(n == 0 or roots[0] != 0)
    if k.pages:
        k.mapped = i32(be32(pager_get(p, u32(1)).data + LARGEST_ROOT) != 0)
        k.used = mzalloc(i32(k.pages >> 3) + 1)
        k.uses = ptr[Uses](malloc(PAGE_SIZE_MAX * sizeof(Uses)))
        if whole:
            check_freelist(k)
            check_largest_root(k, roots, n)
        check_trees(k, roots)
        if whole:
            check_unused(k)
    structure_end(k)


@export
def check_enter(k: Check) -> None:
    """The rows of a table are walked from now on."""
    k.last_size = 0


@export
def check_record(k: Check, c: Cursor, n: i32) -> i32:
    """1 if a cursor's entry can be decoded as n columns; if not that is said, and the check is over. Raises, also
    SQLITE_CORRUPT if the entry goes on behind its page, or is an empty one of an index b-tree.
    """
    if c.keyinfo and c.payload_size == 0:
        raise_corrupt(u32(0))
    if record_sound(c, n):
        return 1
    if is_cut(c):
        raise_corrupt(u32(0))
    check_row(k, *lit(b"database disk image is malformed"))
    k.left = 0
    return 0


def record_sound(c: Cursor, n: i32) -> i32:
    """1 if the columns of an entry, n or what it has, lie within its payload, and end with it if there are no more."""
    p: ptr[u8] = spilled_header(c) if c.local_size < c.payload_size else c.payload
    long_end, at = get_varint(p)
    if long_end < i64(at) or long_end > i64(c.payload_size):
        return i32(long_end == 0)
    end: i32 = i32(long_end)
    body: i64 = long_end
    while n > 0 and at < end:
        st, width = get_varint(p + at)
        length: i32 = serial_size(st)
        if length < 0:
            return 0
        body += i64(length)
        at += width
        n -= 1
    return i32(at <= end and body <= i64(c.payload_size) and (at < end or body == i64(c.payload_size)))


@export
def check_row_end(k: Check, row: i64, c: Cursor, rowid: i64, text: ptr[u8], size: i32) -> None:
    """A row (as check_entry's) unless the entry of an index ends with this rowid. Raises."""
    if cursor_index_rowid(c) != rowid and k.left > 0:
        put_bytes(k, *lit(b"rowid not at end-of-record for "))
        check_entry(k, row, text, size)


@export
def check_order(k: Check, c: Cursor, text: ptr[u8], size: i32) -> None:
    """A row with this text unless the entry of an index b-tree is greater than the one before. Raises."""
    if k.last_size:
        n: i32 = record_fields(k.last, k.last_size, c.probe, KeyInfo(c.keyinfo).n_fields)
        if n and cursor_compare_key(c, c.probe, n) <= 0:
            check_row(k, text, size)
    record: ptr[u8] = cursor_payload(c)
    if c.payload_size > k.last_capacity:
        mfree(k.last)
        k.last_capacity = c.payload_size * 2
        k.last = malloc(k.last_capacity)
    memory_copy(k.last, record, c.payload_size)
    k.last_size = c.payload_size


@export
def check_counts(k: Check, tree: i32, table: i32, text: ptr[u8], size: i32) -> None:
    """A row with this text unless two trees of the list, an index and its table, have as many entries."""
    if k.counts[tree] != k.counts[table]:
        check_row(k, text, size)
