"""Recovery of the write-ahead log: which frames of a file that is there are committed transactions."""

from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import check_io, vfs_read, vfs_size
from turso_wasm.kernel.pager.log_format import (
    FRAME_HEADER_SIZE,
    HEADER_SIZE,
    frame_offset,
    header_decode,
    wal_checksum,
)
from turso_wasm.kernel.pager.log_index import index_append, index_reserve, index_truncate
from turso_wasm.kernel.pager.storage import SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_open
from turso_wasm.wasm.lang import be32, i32, i64, memory_copy, ptr, scratch, u8, u32

__subset__ = True

READ_BYTES = 1 << 20


def wal_recover(db: SharedFile) -> None:
    """Open an existing log and build its index; afterwards committed is 0 if it holds nothing of use. Raises."""
    w: Wal = db.wal
    check_io(wal_open(db))
    size: i64 = vfs_size(w.fd - 1)
    check_io(i32(size) if size < 0 else 0)
    w.reserved = size
    w.used = 1  # an empty one too: the truncation may not be durable
    if size < HEADER_SIZE:
        return
    head: ptr[u8] = scratch(HEADER_SIZE)
    n: i32 = vfs_read(w.fd - 1, head, HEADER_SIZE, i64(0))
    check_io(n)
    memory_copy(w.seen, head, n)
    if n < HEADER_SIZE or not header_decode(w, head):
        return
    recover_frames(w)
    index_truncate(w, w.committed)
    w.sum1 = w.committed_sum1
    w.sum2 = w.committed_sum2


def recover_frames(w: Wal) -> None:
    """Index the valid frames; `committed` is the last commit frame. Raises on I/O errors."""
    frame_size: i32 = w.page_size + FRAME_HEADER_SIZE
    chunk: i32 = READ_BYTES // frame_size
    buffer: ptr[u8] = malloc(chunk * frame_size)
    valid: i32 = 1
    while valid:
        n: i32 = vfs_read(w.fd - 1, buffer, chunk * frame_size, frame_offset(w, w.end + 1))
        if n < 0:
            mfree(buffer)
            check_io(n)
        frames: i32 = n // frame_size
        index_reserve(w, frames)
        i: i32 = 0
        while i < frames and valid:
            valid = recover_frame(w, buffer + i * frame_size)
            i += 1
        if frames < chunk:
            valid = 0
    mfree(buffer)


def recover_frame(w: Wal, p: ptr[u8]) -> i32:
    """Append the frame at p to the index if it is valid; 0 if not."""
    pgno: u32 = be32(p)
    if pgno == 0 or be32(p + 8) != w.salt1 or be32(p + 12) != w.salt2:
        return 0
    sum1: u32 = w.sum1
    sum2: u32 = w.sum2
    sum1, sum2 = wal_checksum(p, 8, sum1, sum2, w.big_endian)
    sum1, sum2 = wal_checksum(p + FRAME_HEADER_SIZE, w.page_size, sum1, sum2, w.big_endian)
    if sum1 != be32(p + 16) or sum2 != be32(p + 20):
        return 0
    w.sum1 = sum1
    w.sum2 = sum2
    index_append(w, pgno)
    page_count: u32 = be32(p + 4)
    if page_count:
        w.committed = w.end
        w.committed_sum1 = sum1
        w.committed_sum2 = sum2
        w.page_count = page_count
    return 1
