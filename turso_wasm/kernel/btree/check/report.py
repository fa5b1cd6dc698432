"""What PRAGMA integrity_check has found so far: a list of messages, in SQLite's words.

Owns `Check`, the state of a running check, and writing messages. Those about the structure of the file are one row of
the result, under a head that names the database; each of the others is a row.

Invariants:
  M1  No more than `left` messages are written.
  M2  Rows end with a zero byte in `text`; one of structure is open, without it, while `structure` is 1.
"""

from turso_wasm.kernel.abi import Layout, Resource, Run
from turso_wasm.kernel.base.memory import mfree, mrealloc
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.wasm.lang import Struct, export, i32, i64, lit, memory_copy, ptr, u8, u32

__subset__ = True

WHERE_NOWHERE = 0
WHERE_FREELIST = 1
WHERE_PAGE = 2
WHERE_CELL = 3
WHERE_RIGHT_CHILD = 4
END = b"\x00"


class Uses(Struct):
    """The cells and freeblocks that begin at a byte of a page."""

    n: i32
    end: i32  # behind the shortest


class Check(Resource):
    """A running check."""

    statement: Run
    pager: Pager
    database: ptr[u8]  # its name
    database_size: i32
    pages: u32
    mapped: i32  # the file has pointer maps
    left: i32  # messages that may still be written
    used: ptr[u8]  # a bit for each page
    uses: ptr[Uses]  # of each byte of a page
    layout: Layout.embed
    root: u32  # where we are, for messages
    page: u32
    where: i32  # WHERE_*
    cell: i32  # the last cell looked at on this page, or on the way to it
    least: i64  # smallest rowid of the subtree checked last
    entries: i32  # of the tree checked last
    counts: ptr[i32]  # entries of each tree
    n_trees: i32
    text: ptr[u8]
    size: i32
    capacity: i32
    last: ptr[u8]  # the entry before, of a table that is walked
    last_size: i32
    last_capacity: i32
    structure: i32  # M2
    at: i32  # what was read of `text`


def check_release(resource: i32) -> None:
    """Free a Check."""
    k: Check = Check(resource)
    database_done(k)
    mfree(k.last)
    mfree(k.text)
    mfree(ptr[u8](resource))


def database_done(k: Check) -> None:
    """Free what was needed for one database."""
    mfree(k.used)
    mfree(ptr[u8](k.uses))
    mfree(ptr[u8](i32(k.counts)))
    k.used = ptr[u8](0)
    k.uses = ptr[Uses](0)
    k.counts = ptr[i32](0)


def put_bytes(k: Check, p: ptr[u8], size: i32) -> None:
    """Append text."""
    if k.size + size > k.capacity:
        k.capacity = 2 * (k.size + size)
        k.text = mrealloc(k.text, k.capacity)
    memory_copy(k.text + k.size, p, size)
    k.size += size


def put_number(k: Check, text: ptr[u8], size: i32, number: i64) -> None:
    """Append text and a number."""
    put_bytes(k, text, size)
    if k.size + 20 > k.capacity:
        k.capacity = 2 * k.size + 40
        k.text = mrealloc(k.text, k.capacity)
    k.size += int_to_text(number, k.text + k.size)


def put_page(k: Check, text: ptr[u8], size: i32, pgno: u32) -> None:
    """Append text and a page number."""
    put_number(k, text, size, i64(pgno))


def begin(k: Check) -> i32:
    """Begin a message about the structure with the place; 0 if there were enough messages (M1)."""
    if k.left <= 0:
        return 0
    k.left -= 1
    if k.structure == 0:
        k.structure = 1
        put_bytes(k, *lit(b"*** in database "))
        put_bytes(k, k.database, k.database_size)
        put_bytes(k, *lit(b" ***"))
    put_bytes(k, *lit(b"\n"))
    if k.where == WHERE_FREELIST:
        put_bytes(k, *lit(b"Freelist: "))
    if k.where <= WHERE_FREELIST:
        return 1
    put_page(k, *lit(b"Tree "), k.root)
    put_page(k, *lit(b" page "), k.page)
    if k.where == WHERE_CELL:
        put_number(k, *lit(b" cell "), i64(k.cell))
    elif k.where == WHERE_RIGHT_CHILD:
        put_bytes(k, *lit(b" right child"))
    put_bytes(k, *lit(b": "))
    return 1


def report(k: Check, text: ptr[u8], size: i32) -> None:
    """A message without numbers."""
    if begin(k):
        put_bytes(k, text, size)


def report_page(k: Check, text: ptr[u8], size: i32, pgno: u32) -> None:
    """A message that ends with a page number."""
    if begin(k):
        put_page(k, text, size, pgno)


def report_pair(k: Check, text: ptr[u8], size: i32, a: u32, then: ptr[u8], then_size: i32, b: u32) -> None:
    """A message with two numbers."""
    if begin(k):
        put_page(k, text, size, a)
        put_page(k, then, then_size, b)


# --- rows of the result ---------------------------------------------------------------------------------------


def structure_end(k: Check) -> None:
    """What follows is not about the structure."""
    if k.structure:
        put_bytes(k, END, 1)
    k.structure = 0


@export
def check_row(k: Check, text: ptr[u8], size: i32) -> None:
    """A row."""
    if k.left > 0:
        k.left -= 1
        put_bytes(k, text, size)
        put_bytes(k, END, 1)


@export
def check_entry(k: Check, row: i64, text: ptr[u8], size: i32) -> None:
    """A row about the index entry of a row of a table, which is counted from 1: "row 1" and the text."""
    if k.left > 0:
        put_number(k, *lit(b"row "), row)
        check_row(k, text, size)


@export
def check_full(k: Check) -> i32:
    """1 if there were enough messages."""
    return i32(k.left <= 0)


@export
def check_next(k: Check) -> i64:
    """The next row of the result, address | size << 32, or -1. A check that has found nothing has the row "ok"."""
    if k.size == 0:
        check_none(k)
    if k.at >= k.size:
        return i64(-1)
    start: i32 = k.at
    while k.text[k.at]:
        k.at += 1
    k.at += 1
    return i64(u32(k.text + start)) | i64(k.at - 1 - start) << 32


def check_none(k: Check) -> None:
    """All is well."""
    put_bytes(k, *lit(b"ok\x00"))
