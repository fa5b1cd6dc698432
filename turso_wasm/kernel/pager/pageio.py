"""Pages at rest: the one place where a page in memory becomes bytes in a file, and back.

Owns encoding and decoding, and the calls that read and write pages of the database file. The formats of the log and of
the journal are wal.py's and journal.py's: they carry pages encoded here.

Invariants:
  I1  A page has the same encoded form in every file: database, log, journal, images of savepoints. What is only moved
      from file to file is not decoded, and the checksums of log and journal are those of encoded bytes.
  I2  Without a cipher the encoded form is the page itself.
  I3  Bytes 16..23 of page 1 are the same in both forms: they tell the page size before anything can be decoded.
  I4  SharedFile.file_version is bytes 24..39 of page 1 as this process last read or wrote them in the file.
  I5  A transaction that changes the key writes its pages to the file under the new one, and everything else under the
      old one: what the journal has are the old pages. It has no log.
"""

from turso_wasm.kernel.base.vfs import vfs_read, vfs_write
from turso_wasm.kernel.pager.encryption import cipher_decode, cipher_encode
from turso_wasm.kernel.pager.storage import Cipher, SharedFile
from turso_wasm.wasm.lang import addr, i32, i64, inline, memory_copy, memory_fill, ptr, u8, u32

__subset__ = True

VERSION_AT = 24
VERSION_SIZE = 16
SHORT = -522  # SQLITE_IOERR_SHORT_READ: the file ends within the page


@inline
def page_encode(db: SharedFile, pgno: u32, data: ptr[u8], out: ptr[u8], size: i32) -> None:
    """Write the encoded form of a page of `size` bytes to `out`."""
    if db.cipher:
        cipher_encode(db.cipher, pgno, data, out, size)
    else:
        memory_copy(out, data, size)


@inline
def page_decode(db: SharedFile, pgno: u32, data: ptr[u8], size: i32) -> i32:
    """Decode a page in place; 0 or a negative result code."""
    if db.cipher:
        return cipher_decode(db.cipher, pgno, data, size)
    return 0


@inline
def file_cipher(db: SharedFile) -> Cipher:
    """How pages that the running transaction writes to the file are encoded (I5)."""
    return db.next_cipher if db.is_rekeyed else db.cipher


def page_read(db: SharedFile, fd: i32, at: i64, pgno: u32, data: ptr[u8], size: i32) -> i32:
    """Read the page that lies at an offset of some file; 0 or a negative result code, also if the file ends in it."""
    got: i32 = vfs_read(fd, data, size, at)
    if got < 0:
        return got
    return page_decode(db, pgno, data, size) if got == size else SHORT


@inline
def file_offset(pgno: u32, size: i32) -> i64:
    """Where a page of the database file lies."""
    return i64(pgno - 1) * i64(size)


def file_read(db: SharedFile, pgno: u32, n: i32, data: ptr[u8]) -> i32:
    """Read up to n pages of the file as they lie there; the bytes it had, 0 behind its end, or a negative result code.

    What the file lacks of the n pages is zeros.
    """
    size: i32 = db.page_size
    got: i32 = vfs_read(db.fd, data, n * size, file_offset(pgno, size))
    if got <= 0:
        return got
    memory_fill(data + got, 0, n * size - got)
    return got


def file_read_encoded(db: SharedFile, pgno: u32, data: ptr[u8]) -> i32:
    """Read a page of the file as it lies there, behind its end zeros; 0 or a negative result code."""
    got: i32 = file_read(db, pgno, 1, data)
    if got == 0:
        memory_fill(data, 0, db.page_size)
    return got if got < 0 else 0


def file_read_own(db: SharedFile, pgno: u32, data: ptr[u8]) -> i32:
    """Read a page that the running transaction has written to the file; 0 or a negative result code."""
    size: i32 = db.page_size
    got: i32 = vfs_read(db.fd, data, size, file_offset(pgno, size))
    if got != size:
        return got if got < 0 else SHORT
    cipher: Cipher = file_cipher(db)
    return cipher_decode(cipher, pgno, data, size) if cipher else 0


def file_write(db: SharedFile, pgno: u32, encoded: ptr[u8], n: i32, size: i32) -> i32:
    """Write n encoded pages of `size` bytes to their places in the file; 0 or a negative result code."""
    rc: i32 = vfs_write(db.fd, encoded, n * size, file_offset(pgno, size))
    if pgno == 1 and rc == 0:
        version_note(db, encoded)
    return rc


def version_note(db: SharedFile, encoded: ptr[u8]) -> None:
    """Remember what tells whether somebody else changed the file (I4). encoded: page 1."""
    memory_copy(addr(db.file_version), encoded + VERSION_AT, VERSION_SIZE)
