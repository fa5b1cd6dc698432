"""Super-journals: what makes a transaction over several files with rollback journals happen in all of them or in none.

Owns the super-journal's file and the record that names it at the end of a journal. Does not decide when
(kernel/session/commit.py, kernel/pager/recovery.py).

The super-journal is made durable before any database is written. Every journal of the transaction names it, and is hot
only as long as it exists: its deletion is the commit. It lists the journals, each name ending in a zero byte, so that
whoever rolls the last one of them back can delete it. Its own name is a database's and "-mjHHHHHH9HH" (H: hexadecimal
digit). The record at the end of a journal:
  OFFSET FROM END  SIZE  MEANING
  -(20+n)          4     number of the lock-byte page
  -(16+n)          n     name of the super-journal
  -16              4     n
  -12              4     sum of the name's bytes, which are signed
  -8               8     the journal's magic

Invariants:
  U1  A super-journal is deleted by a commit that is complete, or when no journal names it any more.
  U2  The record is the end of the journal's file: bytes of an older journal behind it are cut off.
"""

from turso_wasm.kernel.abi import OPEN_CREATE
from turso_wasm.kernel.base.errors import SQLITE_CANTOPEN
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import (
    host_random,
    vfs_close,
    vfs_delete,
    vfs_exists,
    vfs_open,
    vfs_read,
    vfs_size,
    vfs_sync,
    vfs_truncate,
    vfs_write,
)
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.storage import Journal, SharedFile
from turso_wasm.wasm.lang import be32, i32, i64, memory_copy, ptr, put_be32, scratch, u8, u32

__subset__ = True

SUPER_NAME_MAX = 4096
SUPER_SIZE_MAX = 1 << 16
SUFFIX_SIZE = 12
RECORD_SIZE = 20
ATTEMPTS = 100


# --- the file -------------------------------------------------------------------------------------------------


def super_name_new(db: SharedFile, name: ptr[u8]) -> i32:
    """Write a name that no file has to `name`, SUPER_NAME_MAX bytes; its size, or a negative result code."""
    size: i32 = db.name_size + SUFFIX_SIZE
    if size > SUPER_NAME_MAX:
        return -SQLITE_CANTOPEN
    memory_copy(name, db.name, db.name_size)
    end: ptr[u8] = name + db.name_size
    random: ptr[u8] = scratch(4)
    for _ in range(ATTEMPTS):
        host_random(random, 4)
        end[0], end[1], end[2] = 45, 109, 106  # -mj
        for i in range(3):
            put_hex(end + (3 + 2 * i), random[i])
        end[9] = 57  # 9
        put_hex(end + 10, random[3])
        there: i32 = vfs_exists(name, size)
        if there <= 0:
            return there if there < 0 else size
    return -SQLITE_CANTOPEN


def put_hex(p: ptr[u8], byte: i32) -> None:
    """Write two hexadecimal digits."""
    for i in range(2):
        digit: i32 = (byte >> (4 - 4 * i)) & 15
        p[i] = digit + (48 if digit < 10 else 55)


def super_write(name: ptr[u8], size: i32, journals: ptr[u8], length: i32) -> i32:
    """Make a super-journal that lists these journals, durably; 0 or a negative result code."""
    fd: i32 = vfs_open(name, size, OPEN_CREATE)
    if fd < 0:
        return fd
    rc: i32 = vfs_write(fd, journals, length, i64(0))
    if rc == 0:
        rc = vfs_sync(fd)
    vfs_close(fd)
    return rc


def super_delete_unnamed(name: ptr[u8], size: i32) -> None:
    """Delete a super-journal unless one of its journals still names it (U1). What fails the next who tries will do."""
    fd: i32 = vfs_open(name, size, 0)
    if fd < 0:
        return
    length: i64 = vfs_size(fd)
    if length >= i64(0) and length <= i64(SUPER_SIZE_MAX):
        journals: ptr[u8] = malloc(i32(length) + 1)
        n: i32 = vfs_read(fd, journals, i32(length), i64(0))
        if n == i32(length) and not is_named(name, size, journals, n):
            _ = vfs_delete(name, size, 0)
        mfree(journals)
    vfs_close(fd)


def is_named(name: ptr[u8], size: i32, journals: ptr[u8], length: i32) -> i32:
    """1 if one of the journals in a list names the super-journal, or that cannot be told."""
    at: i32 = 0
    while at < length:
        end: i32 = at
        while end < length and journals[end]:
            end += 1
        if names_it(journals + at, end - at, name, size):
            return 1
        at = end + 1
    return 0


def names_it(journal: ptr[u8], journal_size: i32, name: ptr[u8], size: i32) -> i32:
    """1 if a journal names the super-journal, or that cannot be told."""
    there: i32 = vfs_exists(journal, journal_size)
    if there <= 0:
        return i32(there < 0)
    fd: i32 = vfs_open(journal, journal_size, 0)
    if fd < 0:
        return 1
    found: ptr[u8] = malloc(SUPER_NAME_MAX)
    length: i64 = vfs_size(fd)
    n: i32 = i32(length) if length < i64(0) else super_record_read(fd, length, found)
    same: i32 = i32(n < 0 or (n == size and bytes_equal(found, name, size)))
    mfree(found)
    vfs_close(fd)
    return same


# --- the record in a journal ----------------------------------------------------------------------------------


def super_record_write(j: Journal, at: i64, lock_page: u32, magic: ptr[u8]) -> i32:
    """End the journal with the name of the transaction's super-journal (U2); 0 or a negative result code."""
    size: i32 = j.super_size
    record: ptr[u8] = malloc(size + RECORD_SIZE)
    put_be32(record, lock_page)
    memory_copy(record + 4, j.super_name, size)
    put_be32(record + 4 + size, u32(size))
    put_be32(record + 8 + size, name_sum(j.super_name, size, 1))
    memory_copy(record + 12 + size, magic, 8)
    rc: i32 = vfs_write(j.fd - 1, record, size + RECORD_SIZE, at)
    mfree(record)
    end: i64 = at + i64(size + RECORD_SIZE)
    now: i64 = vfs_size(j.fd - 1)
    if rc == 0 and now < i64(0):
        rc = i32(now)
    if rc == 0 and now > end:
        rc = vfs_truncate(j.fd - 1, end)
    return rc


def super_record_read(fd: i32, size: i64, name: ptr[u8]) -> i32:
    """Read the super-journal's name at the end of a journal of `size` bytes; its length, 0: none, or a negative code.

    A name that was not written completely is none: the transaction cannot have been committed.
    """
    if size < i64(RECORD_SIZE):
        return 0
    tail: ptr[u8] = scratch(16)
    n: i32 = vfs_read(fd, tail, 16, size - i64(16))
    if n < 0:
        return n
    length: u32 = be32(tail)
    total: u32 = be32(tail + 4)
    if n < 16 or length == 0 or length > u32(SUPER_NAME_MAX) or i64(length) > size - i64(RECORD_SIZE):
        return 0
    if not is_magic(tail + 8):
        return 0
    n = vfs_read(fd, name, i32(length), size - i64(16) - i64(length))
    if n < 0:
        return n
    # Where characters are unsigned SQLite adds them up so.
    sums: i32 = i32(total == name_sum(name, i32(length), 0) or total == name_sum(name, i32(length), 1))
    if n < i32(length) or not sums or not super_name_valid(name, i32(length)):
        return 0
    return i32(length)


def super_record_ends(fd: i32, size: i64) -> i32:
    """1 if a journal of `size` bytes seems to end in such a record."""
    tail: ptr[u8] = scratch(8)
    return i32(size >= i64(RECORD_SIZE) and vfs_read(fd, tail, 8, size - i64(8)) == 8 and is_magic(tail))


def name_sum(name: ptr[u8], size: i32, signed: i32) -> u32:
    """The sum of a name's bytes."""
    total: i32 = 0
    for i in range(size):
        byte: i32 = name[i]
        total += byte - 256 if signed and byte > 127 else byte
    return u32(total)


def is_magic(p: ptr[u8]) -> i32:
    """1 if a journal's magic is here."""
    return i32(be32(p) == 0xD9D505F9 and be32(p + 4) == 0x20A163D7)


def super_name_valid(name: ptr[u8], size: i32) -> i32:
    """1 if the name ends like SQLite's super-journals: "-mj", six hexadecimal digits, "9", two more."""
    if size < SUFFIX_SIZE:
        return 0
    end: ptr[u8] = name + (size - SUFFIX_SIZE)
    if end[0] != 45 or end[1] != 109 or end[2] != 106 or end[9] != 57:
        return 0
    for i in range(3, SUFFIX_SIZE):
        digit: i32 = end[i]
        if not ((digit >= 48 and digit <= 57) or (digit >= 65 and digit <= 70)):
            return 0
    return 1
