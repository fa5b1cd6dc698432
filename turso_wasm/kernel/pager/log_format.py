"""The file format of the write-ahead log: its header, frames, checksums.

Header of the file, 32 bytes, big-endian:
  OFFSET  SIZE  MEANING
  0       4     magic: 0x377f0682, or 0x377f0683 if checksums are over big-endian words
  4       4     format version 3007000
  8       4     page size
  12      4     checkpoint sequence number
  16      8     salt-1, incremented at every restart, and salt-2, random
  24      8     checksum-1 and checksum-2 of the bytes before

Then frames, each a header of 24 bytes and a page:
  0       4     page number
  4       4     commit frames: size of the database in pages; others: 0
  8       8     the salts of the file's header
  16      8     running checksum over the header (its first 24 bytes), and of each frame so far bytes 0..7 and the page

Source: https://sqlite.org/fileformat2.html section 4.
"""

from turso_wasm.kernel.base.errors import SQLITE_CANTOPEN, raise_error
from turso_wasm.kernel.pager.header import page_size_valid
from turso_wasm.kernel.pager.pageio import page_encode
from turso_wasm.kernel.pager.storage import Page, SharedFile, Wal
from turso_wasm.wasm.lang import be32, i32, i64, inline, le32, lit, ptr, put_be32, u8, u32

__subset__ = True

MAGIC_LITTLE = 0x377F0682
MAGIC_BIG = 0x377F0683
VERSION = 3007000
HEADER_SIZE = 32
FRAME_HEADER_SIZE = 24


def wal_checksum(p: ptr[u8], n: i32, sum1: u32, sum2: u32, big_endian: i32) -> tuple[u32, u32]:
    """Continue a running checksum over n bytes (a multiple of 8)."""
    end: ptr[u8] = p + n
    if big_endian:
        while p < end:
            sum1 += be32(p) + sum2
            sum2 += be32(p + 4) + sum1
            p += 8
    else:
        while p < end:
            sum1 += le32(p) + sum2
            sum2 += le32(p + 4) + sum1
            p += 8
    return sum1, sum2


@inline
def frame_offset(w: Wal, frame: u32) -> i64:
    """Where a frame begins in the file."""
    return i64(HEADER_SIZE) + i64(frame - 1) * i64(w.page_size + FRAME_HEADER_SIZE)


@inline
def frame_data_offset(w: Wal, frame: u32) -> i64:
    """Where the page in a frame begins in the file."""
    return frame_offset(w, frame) + i64(FRAME_HEADER_SIZE)


def header_encode(w: Wal, p: ptr[u8]) -> None:
    """Write the file header; the running checksum begins with its checksum."""
    put_be32(p, MAGIC_BIG if w.big_endian else MAGIC_LITTLE)
    put_be32(p + 4, VERSION)
    put_be32(p + 8, w.page_size)
    put_be32(p + 12, w.sequence)
    put_be32(p + 16, w.salt1)
    put_be32(p + 20, w.salt2)
    w.sum1, w.sum2 = wal_checksum(p, 24, u32(0), u32(0), w.big_endian)
    put_be32(p + 24, w.sum1)
    put_be32(p + 28, w.sum2)


def header_decode(w: Wal, p: ptr[u8]) -> i32:
    """1 if this is the header of a log; then salts, page size and checksum are set. Raises SQLITE_CANTOPEN."""
    magic: u32 = be32(p)
    if magic != MAGIC_LITTLE and magic != MAGIC_BIG:
        return 0
    big_endian: i32 = i32(magic & 1)
    sum1: u32 = 0
    sum2: u32 = 0
    sum1, sum2 = wal_checksum(p, 24, sum1, sum2, big_endian)
    if sum1 != be32(p + 24) or sum2 != be32(p + 28) or not page_size_valid(be32(p + 8)):
        return 0
    if be32(p + 4) != VERSION:
        raise_error(SQLITE_CANTOPEN, *lit(b"unable to open database file"))
    w.big_endian = big_endian
    w.page_size = i32(be32(p + 8))
    w.sequence = be32(p + 12)
    w.salt1 = be32(p + 16)
    w.salt2 = be32(p + 20)
    w.sum1 = sum1
    w.sum2 = sum2
    return 1


def frame_encode(db: SharedFile, p: ptr[u8], page: Page, page_count: u32) -> None:
    """Write a frame with the page; page_count: not 0 makes it a commit frame."""
    w: Wal = db.wal
    put_be32(p, page.pgno)
    put_be32(p + 4, page_count)
    put_be32(p + 8, w.salt1)
    put_be32(p + 12, w.salt2)
    page_encode(db, page.pgno, page.data, p + FRAME_HEADER_SIZE, w.page_size)
    sum1: u32 = w.sum1
    sum2: u32 = w.sum2
    sum1, sum2 = wal_checksum(p, 8, sum1, sum2, w.big_endian)
    sum1, sum2 = wal_checksum(p + FRAME_HEADER_SIZE, w.page_size, sum1, sum2, w.big_endian)
    put_be32(p + 16, sum1)
    put_be32(p + 20, sum2)
    w.sum1 = sum1
    w.sum2 = sum2
