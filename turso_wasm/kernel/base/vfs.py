"""The door to storage and to the clock: functions a host implements (imports of the module "vfs").

Owns the declarations, and how their failures become SQL errors. Does not decide when to call them.

Contract with a host:
  V1  A call that fails returns a negative result code, extended where there is one (-SQLITE_FULL, -SQLITE_IOERR_WRITE,
      …); it never throws.
  V2  vfs_read is short only at the end of the file. vfs_write writes everything or fails, and extends the file.
  V3  What was written before a successful vfs_sync survives a crash; of later writes any part may survive.
      A name that was deleted durably, or is made anew and synced, stays as it is now; of one deleted otherwise a crash
      may leave what was durable of it.
  V4  Locks are SQLite's five levels. vfs_lock(LOCK_EXCLUSIVE) takes LOCK_PENDING by itself and may keep it when it
      fails, unless nothing was held; vfs_unlock goes down to LOCK_SHARED or LOCK_NONE. A file with CAP_OWNED is
      never locked.
  V5  OPEN_TEMP and OPEN_MEMORY make a new private file and ignore the name.
  V6  The shared index of a log is memory: it survives no crash, and is empty for whoever opens it while nobody else has
      it open. What vfs_shm_read reads is from after its call, the bytes 0..47 before those behind them; what
      vfs_shm_write wrote is seen before anything written later. Its locks are one lock each, shared or exclusive.
"""

from turso_wasm.kernel.base.errors import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_CORRUPT,
    SQLITE_FULL,
    SQLITE_IOERR,
    SQLITE_NOMEM,
    SQLITE_READONLY,
    raise_corrupt,
    raise_error,
    raise_nomem,
)
from turso_wasm.wasm.lang import f64, i32, i64, imported, lit, ptr, u8, u32

__subset__ = True


@imported("vfs")
def vfs_open(name: ptr[u8], size: i32, flags: i32) -> i32:
    """Open a file; flags: OPEN_*. A file descriptor >= 0, or a negative result code."""


@imported("vfs")
def vfs_locate(name: ptr[u8], size: i32, near: ptr[u8], near_size: i32, flags: i32, out: ptr[u8], room: i32) -> i32:
    """What the kernel calls the database that a user calls `name`: written to `out`, `room` bytes.

    near: the name of the connection's main database (size 0: it is private), in whose storage others are. flags:
    OPEN_* of the main database; with OPEN_URI `name` may be a URI. Returns size << 8 | OPEN_* to open it with, or minus
    (size << 8 | result code), a message of that size in `out`. The key that a URI gives follows the name: a NUL, 0 or 1
    for the format of a database that is made (FORMAT_*), the key, a NUL.
    """


@imported("vfs")
def vfs_close(fd: i32) -> None:
    """Close a file; a temporary file is deleted, locks are given up."""


@imported("vfs")
def vfs_delete(name: ptr[u8], size: i32, durable: i32) -> i32:
    """Delete a file, if durable so that it survives a crash (V3); deleting what does not exist succeeds."""


@imported("vfs")
def vfs_exists(name: ptr[u8], size: i32) -> i32:
    """1 or 0, or a negative result code."""


@imported("vfs")
def vfs_read(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Read up to n bytes; the number read (V2), or a negative result code."""


@imported("vfs")
def vfs_write(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Write n bytes; 0 or a negative result code."""


@imported("vfs")
def vfs_truncate(fd: i32, size: i64) -> i32:
    """Make the file `size` bytes long, zero-filled when it grows; 0 or a negative result code."""


@imported("vfs")
def vfs_sync(fd: i32) -> i32:
    """Make all writes durable; 0 or a negative result code."""


@imported("vfs")
def vfs_size(fd: i32) -> i64:
    """Bytes in the file, or a negative result code."""


@imported("vfs")
def vfs_lock(fd: i32, level: i32) -> i32:
    """Raise this file's lock to LOCK_*; 0, -SQLITE_BUSY, or another negative result code."""


@imported("vfs")
def vfs_unlock(fd: i32, level: i32) -> None:
    """Lower this file's lock to LOCK_SHARED or LOCK_NONE."""


@imported("vfs")
def vfs_begin(fd: i32, journal: ptr[u8], size: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """What every transaction on a known file begins with, in one call: vfs_lock(LOCK_SHARED); then, if there is no file
    called `journal`, vfs_read, and the number of bytes read. JOURNAL_EXISTS if there is one.

    A negative result code: the file is not locked.
    """


@imported("vfs")
def vfs_begin_log(fd: i32, log: i32, journal: ptr[u8], size: i32, p: ptr[u8], offset: i64) -> i32:
    """vfs_begin for a file with a known log, which is used by one process at a time: vfs_lock(LOCK_EXCLUSIVE); then, if
    no file is called `journal` and neither name leads elsewhere (vfs_moved), vfs_read of the log: LOG_HEAD_SIZE bytes
    from its beginning, and if there are so many LOG_NEXT_SIZE from `offset`; the number of bytes read. Otherwise
    JOURNAL_EXISTS.

    A negative result code: the file is not locked.
    """


@imported("vfs")
def vfs_shm_open(fd: i32) -> i32:
    """Open the index that the log of a file with CAP_SHARED has in common with other processes, which the first to come
    finds empty (V6); 0, or a negative result code.
    """


@imported("vfs")
def vfs_shm_close(fd: i32, delete: i32) -> None:
    """Close it, and give up its locks; if delete is 1 its name goes."""


@imported("vfs")
def vfs_shm_lock(fd: i32, first: i32, n: i32, how: i32) -> i32:
    """Lock n of its locks; how: SHM_*, whatever was held of them. n = 0: wait a millisecond. 0, -SQLITE_BUSY (then
    nothing has changed), or another negative result code.
    """


@imported("vfs")
def vfs_shm_begin(fd: i32, which: i32, how: i32, p: ptr[u8]) -> i32:
    """vfs_shm_lock of one lock, then vfs_shm_read of SHM_HEAD_SIZE bytes from its beginning, in one call."""


@imported("vfs")
def vfs_shm_read(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Read n bytes of it, zeros where nothing was written yet; 0, or a negative result code."""


@imported("vfs")
def vfs_shm_write(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Write n bytes into it, seen by all at once; 0, or a negative result code."""


@imported("vfs")
def vfs_check_reserved(fd: i32) -> i32:
    """1 if anybody holds LOCK_RESERVED or more on the file, else 0, or a negative result code."""


@imported("vfs")
def vfs_moved(fd: i32) -> i32:
    """1 if the name the file was opened by leads to it no more (deleted, or another file in its place), else 0."""


@imported("vfs")
def vfs_capabilities(fd: i32) -> i32:
    """CAP_* bits of an open file."""


@imported("vfs")
def host_now() -> f64:
    """Milliseconds since 1970-01-01 UTC."""


@imported("vfs")
def host_clock() -> f64:
    """Milliseconds since any moment, by a clock that is never set."""


@imported("vfs")
def host_random(p: ptr[u8], n: i32) -> None:
    """Fill with random bytes."""


@imported("vfs")
def host_sleep(ms: i32) -> i32:
    """Sleep; 0 at once when this host cannot sleep inside the kernel."""


@imported("vfs")
def host_poll() -> i32:
    """Called by long programs now and then: nonzero interrupts them."""


def raise_busy() -> None:
    """Raise SQLITE_BUSY."""
    raise_error(SQLITE_BUSY, *lit(b"database is locked"))


def raise_io(rc: i32) -> None:
    """Raise the error of a failed vfs call. rc: its negative result."""
    code: i32 = -rc
    kind: i32 = code & 255
    if kind == SQLITE_FULL:
        raise_error(code, *lit(b"database or disk is full"))
    elif kind == SQLITE_CORRUPT:
        raise_corrupt(u32(0))
    elif kind == SQLITE_NOMEM:
        raise_nomem()
    elif kind == SQLITE_BUSY:
        raise_busy()
    elif kind == SQLITE_READONLY:
        raise_error(code, *lit(b"attempt to write a readonly database"))
    elif kind == SQLITE_CANTOPEN:
        raise_error(code, *lit(b"unable to open database file"))
    else:
        raise_error(code if kind == SQLITE_IOERR else SQLITE_IOERR, *lit(b"disk I/O error"))


def check_io(rc: i32) -> None:
    """Raise the error of a vfs call that returned a negative result."""
    if rc < 0:
        raise_io(rc)
