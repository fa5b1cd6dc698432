"""The 100-byte header of a database file: checking it, and making the first page of a new database.

Owns the layout. Does not read files; the fields that SQL can set are read and written by kernel/session/settings.py.

  OFFSET  SIZE  MEANING
  0       16    "SQLite format 3\\0"
  16      2     page size, a power of two from 512; 1 means 65536
  18      1     write version: 1 rollback journal, 2 WAL; above 2 the file can only be read
  19      1     read version; above 2 the file cannot be read
  20      1     bytes reserved at the end of each page; at least 480 must be left
  21      3     payload fractions: 64, 32, 32
  24      4     change counter
  28      4     pages in the database; valid if not 0 and offset 24 = offset 92
  32      8     first freelist trunk page, number of freelist pages
  40      4     schema cookie
  44      4     schema format
  48      4     default cache size
  52      4     largest root page if auto-vacuum, else 0
  56      4     text encoding: 1 UTF-8, 2 UTF-16le, 3 UTF-16be; 0 until there is a schema
  60      4     user version
  64      4     1: incremental vacuum
  68      4     application id
  72      20    zero
  92      4     the change counter when the version number was stored
  96      4     version number of the writing library

Source: https://sqlite.org/fileformat2.html section 1.3.

Invariants:
  H1  Nothing of a header is believed before header_check accepted it.
  H2  A change of the file updates 24, 28, 92 and 96 together (header_stamp); in a log only when page 1 or the number of
      pages changes.
"""

from turso_wasm.kernel.base.errors import SQLITE_NOTADB, raise_corrupt, raise_error
from turso_wasm.kernel.pager.storage import SharedFile, Wal
from turso_wasm.wasm.lang import be16, be32, i32, i64, lit, memory_copy, memory_fill, ptr, put_be16, put_be32, u8, u32

__subset__ = True

HEADER_SIZE = 100
USABLE_MIN = 480  # bytes of a page that are not reserved
MAGIC = b"SQLite format 3\x00"
FRACTIONS = b"\x40\x20\x20"
LIBRARY_VERSION = 3054001  # what SQLite would write; offset 96

AT_PAGE_SIZE = 16
AT_WRITE_VERSION = 18
AT_READ_VERSION = 19
AT_RESERVED = 20
AT_CHANGE_COUNTER = 24
AT_PAGE_COUNT = 28
AT_FREELIST_COUNT = 36
AT_SCHEMA_COOKIE = 40
AT_SCHEMA_FORMAT = 44
AT_DEFAULT_CACHE_SIZE = 48
AT_LARGEST_ROOT = 52
AT_ENCODING = 56
AT_USER_VERSION = 60
AT_INCREMENTAL = 64
AT_APPLICATION_ID = 68
AT_VALID_FOR = 92
AT_LIBRARY_VERSION = 96

VERSION_ROLLBACK = 1
VERSION_WAL = 2
SCHEMA_FORMAT = 4  # DESC indexes, and 0 and 1 without a byte of their own


def bytes_equal(p: ptr[u8], q: ptr[u8], n: i32) -> i32:
    """1 if n bytes are the same."""
    for i in range(n):
        if p[i] != q[i]:
            return 0
    return 1


def raise_not_a_database() -> None:
    """Raise SQLITE_NOTADB."""
    raise_error(SQLITE_NOTADB, *lit(b"file is not a database"))


def page_size_valid(size: u32) -> i32:
    """1 if a page can have this size."""
    return i32(size >= 512 and size <= 65536 and (size & (size - 1)) == 0)


def header_page_size(p: ptr[u8]) -> i32:
    """The page size a header states; 0 if it is impossible."""
    size: u32 = u32(be16(p + AT_PAGE_SIZE))
    if size == 1:
        size = 65536
    if page_size_valid(size):
        return i32(size)
    return 0


def header_check(p: ptr[u8]) -> None:
    """Check a file's header (H1); a file that ends within it counts as filled up with zeros.

    Errors: SQLITE_NOTADB.
    """
    if not bytes_equal(p, MAGIC, len(MAGIC)):
        raise_not_a_database()
    page_size: i32 = header_page_size(p)
    if page_size == 0 or page_size - p[AT_RESERVED] < USABLE_MIN or p[AT_READ_VERSION] > 2:
        raise_not_a_database()
    if not bytes_equal(p + 21, FRACTIONS, 3):
        raise_not_a_database()


def header_page_count(p: ptr[u8]) -> u32:
    """The number of pages a header states; 0 if it is not to be trusted."""
    if be32(p + AT_CHANGE_COUNTER) != be32(p + AT_VALID_FOR):
        return 0
    return be32(p + AT_PAGE_COUNT)


def log_page_count(w: Wal, size: i64) -> u32:
    """The number of pages that the log's last commit states. Raises SQLITE_CORRUPT if it is impossible.

    Pages may be neither in the file nor in the log: leaves of the freelist need not be written. But a trunk page, which
    must be, lists at most page size / 4 of them. So what is allocated by this number is in proportion to the files.
    """
    stored: i64 = (size + i64(w.page_size - 1)) // i64(w.page_size) + i64(w.committed)
    if i64(w.page_count) > stored * i64(w.page_size >> 2):
        raise_corrupt(u32(1))
    return w.page_count


def file_page_count(header: ptr[u8], page_size: i32, size: i64) -> u32:
    """The number of pages in a file of `size` bytes. Raises SQLITE_CORRUPT if the header states more."""
    in_file: i64 = (size + i64(page_size - 1)) // i64(page_size)
    stated: u32 = header_page_count(header)
    if i64(stated) > in_file:
        raise_corrupt(u32(1))
    return stated if stated else u32(in_file)


def header_stamp(p: ptr[u8], page_count: u32) -> None:
    """Note a change in the header (H2)."""
    counter: u32 = be32(p + AT_CHANGE_COUNTER) + 1
    put_be32(p + AT_CHANGE_COUNTER, counter)
    put_be32(p + AT_VALID_FOR, counter)
    put_be32(p + AT_PAGE_COUNT, page_count)
    put_be32(p + AT_LIBRARY_VERSION, LIBRARY_VERSION)


def header_create(db: SharedFile, p: ptr[u8], version: i32) -> None:
    """Write page 1 of an empty database: the header and an empty table leaf. version: VERSION_*."""
    memory_fill(p, 0, db.page_size)
    memory_copy(p, MAGIC, len(MAGIC))
    put_be16(p + AT_PAGE_SIZE, 1 if db.page_size == 65536 else db.page_size)
    p[AT_WRITE_VERSION] = version
    p[AT_READ_VERSION] = version
    p[AT_RESERVED] = db.page_size - db.usable_size
    memory_copy(p + 21, FRACTIONS, 3)
    put_be32(p + AT_PAGE_COUNT, u32(1))
    if db.new_auto_vacuum:
        put_be32(p + AT_LARGEST_ROOT, u32(1))
        put_be32(p + AT_INCREMENTAL, u32(db.new_auto_vacuum == 2))
    put_be32(p + AT_LIBRARY_VERSION, LIBRARY_VERSION)
    p[HEADER_SIZE] = 13  # a leaf of a table b-tree: no cells, the cell content area is empty
    put_be16(p + HEADER_SIZE + 5, 0 if db.usable_size == 65536 else db.usable_size)
