"""Temporary files of streams of bytes, as sorters write them.

Owns their codec: bytes at an offset of a temporary file are written scrambled when one is set, so that nothing of an
encrypted database lies readable in them.
"""

from turso_wasm.kernel.abi import OPEN_MEMORY, OPEN_TEMP, TEMP_STORE_MEMORY, KernelConnection
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import check_io, vfs_open, vfs_read, vfs_write
from turso_wasm.wasm.lang import Struct, fn, i32, i64, memory_copy, ptr, u8

__subset__ = True

CHUNK = 1 << 16


class Scrambler(Struct):
    """How bytes become unreadable: a function that is its own inverse, of (offset in the file, bytes, their number)."""

    apply: fn[[i64, ptr[u8], i32], None]


scrambler: i32 = 0  # Scrambler, 0: none


def temp_scramble(how: Scrambler) -> None:
    """Scramble all temporary files from now on; none may be open."""
    global scrambler
    scrambler = i32(how)


def temp_flags(c: KernelConnection) -> i32:
    """How the connection's temporary files are opened (PRAGMA temp_store)."""
    return OPEN_MEMORY if c.temp_store == TEMP_STORE_MEMORY else OPEN_TEMP


def temp_open(flags: i32) -> i32:
    """A new temporary file. Errors: SQLITE_CANTOPEN, …"""
    fd: i32 = vfs_open(ptr[u8](0), 0, flags)
    check_io(fd)
    return fd


def temp_write(fd: i32, p: ptr[u8], n: i32, offset: i64) -> None:
    """Write n bytes. Raises on I/O errors."""
    if not scrambler:
        check_io(vfs_write(fd, p, n, offset))
        return
    buffer: ptr[u8] = malloc(CHUNK)
    done: i32 = 0
    rc: i32 = 0
    while done < n and rc == 0:
        length: i32 = n - done if n - done < CHUNK else CHUNK
        memory_copy(buffer, p + done, length)
        Scrambler(scrambler).apply(offset + i64(done), buffer, length)
        rc = vfs_write(fd, buffer, length, offset + i64(done))
        done += length
    mfree(buffer)
    check_io(rc)


def temp_read(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Read up to n bytes; the number read. Raises on I/O errors."""
    got: i32 = vfs_read(fd, p, n, offset)
    check_io(got)
    if scrambler:
        Scrambler(scrambler).apply(offset, p, got)
    return got
