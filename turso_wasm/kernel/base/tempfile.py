"""Temporary files of streams of bytes, as sorters write them.

Owns their encryption: once a database with a key was opened, what is written to new ones is combined with a key stream
that nobody else knows, so that nothing of an encrypted database lies readable in them. Pages that go to temporary files
are encrypted already (kernel/pager/pageio.py).

Invariants:
  T1  The key stream of CHUNK bytes is that of AEGIS-256 under the process's key, with the file's number, which is
      random, and the chunk's for a nonce. A byte of it serves once: whoever writes over what is in a file gives it
      another number first.
  T2  A file in `numbered` is encrypted; one that was opened before there was a key is not.
"""

from turso_wasm.kernel.abi import OPEN_MEMORY, OPEN_TEMP, TEMP_STORE_MEMORY, KernelConnection
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.base.vfs import check_io, host_random, vfs_open, vfs_read, vfs_write
from turso_wasm.kernel.crypto.aegis import ENCRYPT, KEY_SIZE, NONCE_SIZE, STATE_SIZE, aegis_run, aegis_start
from turso_wasm.wasm.lang import (
    Struct,
    array,
    i32,
    i64,
    le64,
    memory_copy,
    memory_fill,
    ptr,
    put_le64,
    scratch,
    sizeof,
    u8,
    v128,
)

__subset__ = True

PIECE = 1 << 16  # bytes that are encrypted and written at once
CHUNK = 1024
NUMBER_SIZE = 16


class Numbered(Struct):
    """An encrypted file."""

    next: "Numbered"
    fd: i32
    number: array[u8, 16]


key: i32 = 0  # the address of the process's key; 0: there is none yet
numbered: i32 = 0  # list of Numbered


def temp_encrypt() -> None:
    """Encrypt temporary files that are opened from now on."""
    global key
    if not key:
        key = i32(malloc(KEY_SIZE))
        host_random(ptr[u8](key), KEY_SIZE)


def temp_is_encrypted() -> i32:
    """1 once there was a key."""
    return i32(key != 0)


def temp_flags(c: KernelConnection) -> i32:
    """How the connection's temporary files are opened (PRAGMA temp_store)."""
    return OPEN_MEMORY if c.temp_store == TEMP_STORE_MEMORY else OPEN_TEMP


def temp_open(flags: i32) -> i32:
    """A new temporary file. Errors: SQLITE_CANTOPEN, …"""
    fd: i32 = vfs_open(ptr[u8](0), 0, flags)
    check_io(fd)
    if key:
        number_give(fd)
    return fd


def temp_rewind(fd: i32) -> None:
    """What the file has is not needed any more and will be written over (T1)."""
    if number_of(fd):
        number_give(fd)


def number_of(fd: i32) -> Numbered:
    """The file's entry, null if it is not encrypted."""
    file: Numbered = Numbered(numbered)
    while file and file.fd != fd:
        file = file.next
    return file


def number_give(fd: i32) -> None:
    """Give a file a new number."""
    global numbered
    file: Numbered = number_of(fd)
    if not file:
        file = Numbered(mzalloc(sizeof(Numbered)))
        file.fd = fd
        file.next = Numbered(numbered)
        numbered = i32(file)
    host_random(file.number, NUMBER_SIZE)


def temp_write(fd: i32, p: ptr[u8], n: i32, offset: i64) -> None:
    """Write n bytes. Raises on I/O errors."""
    file: Numbered = number_of(fd)
    if not file:
        check_io(vfs_write(fd, p, n, offset))
        return
    buffer: ptr[u8] = malloc(PIECE)
    done: i32 = 0
    rc: i32 = 0
    while done < n and rc == 0:
        length: i32 = n - done if n - done < PIECE else PIECE
        memory_copy(buffer, p + done, length)
        combine(file.number, offset + i64(done), buffer, length)
        rc = vfs_write(fd, buffer, length, offset + i64(done))
        done += length
    mfree(buffer)
    check_io(rc)


def temp_read(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    """Read up to n bytes; the number read. Raises on I/O errors."""
    got: i32 = vfs_read(fd, p, n, offset)
    check_io(got)
    file: Numbered = number_of(fd)
    if file:
        combine(file.number, offset, p, got)
    return got


def combine(number: ptr[u8], offset: i64, p: ptr[u8], n: i32) -> None:
    """Combine the bytes at an offset of a file with its key stream, which is its own inverse."""
    stream: ptr[u8] = scratch(CHUNK)
    state: ptr[v128] = ptr[v128](scratch(STATE_SIZE))
    nonce: ptr[u8] = scratch(NONCE_SIZE)
    memory_fill(nonce, 0, NONCE_SIZE)
    memory_copy(nonce, number, NUMBER_SIZE)
    done: i32 = 0
    while done < n:
        at: i32 = i32(offset + i64(done)) & (CHUNK - 1)
        put_le64(nonce + NUMBER_SIZE, (offset + i64(done)) >> 10)
        aegis_start(state, ptr[u8](key), nonce)
        memory_fill(stream, 0, CHUNK)
        length: i32 = CHUNK - at if CHUNK - at < n - done else n - done
        aegis_run(state, stream, stream, at + length, ENCRYPT)
        bytes_combine(p + done, stream + at, length)
        done += length
    memory_fill(stream, 0, CHUNK)


def bytes_combine(p: ptr[u8], q: ptr[u8], n: i32) -> None:
    """Exclusive or, into p."""
    i: i32 = 0
    while i + 8 <= n:
        put_le64(p + i, le64(p + i) ^ le64(q + i))
        i += 8
    while i < n:
        p[i] = i32(p[i]) ^ i32(q[i])
        i += 1
