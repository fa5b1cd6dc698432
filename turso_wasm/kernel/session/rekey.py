"""Keys of connections: setting one, and changing that of a database.

A change of the key is a VACUUM: the pages are made anew, since encrypted ones have less room, and replace the old ones
in one transaction.

Invariants:
  K1  The journal of the transaction has the pages as they were, under the old key: whoever rolls it back needs none. A
      log, whose frames could not be told apart so, is moved into the file before; the same commit brings it back.
"""

from turso_wasm.kernel.abi import JOURNAL_DELETE, JOURNAL_WAL, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.tempfile import temp_encrypt
from turso_wasm.kernel.pager.encryption import (
    TAIL,
    Secret,
    cipher_create,
    key_set,
    rekey_begin,
    secret_free,
    secret_new,
)
from turso_wasm.kernel.pager.header import USABLE_MIN
from turso_wasm.kernel.pager.modes import mode_change
from turso_wasm.kernel.pager.pages import pager_of
from turso_wasm.kernel.pager.storage import PAGER_NONE, Pager, SharedFile
from turso_wasm.kernel.session.attach import secret_of
from turso_wasm.kernel.session.statement import statement_begin
from turso_wasm.kernel.session.vacuum import CopiedObject, Vacuum, check_alone, copy_begin, copy_open, vacuum_new
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, u8

__subset__ = True


@export
def connection_key(c: KernelConnection, slot: i32, text: ptr[u8], size: i32, format: i32) -> None:
    """The key of a database that the connection has not read yet; no text: none. format: FORMAT_* of a new database.

    Errors: SQLITE_ERROR while it is read, and for x'…' that is no key.
    """
    p: Pager = Pager(c.pagers[slot])
    if p.state != PAGER_NONE:
        raise_error(SQLITE_ERROR, *lit(b"a key is given before a database is used"))
    key_set(p, secret_new(text, size, format))
    if size:
        temp_encrypt()


@export
def vacuum_rekey(s: Run, slot: i32, objects: ptr[CopiedObject], n: i32, tag: i32, payload: i64) -> Vacuum:
    """vacuum_begin, after which the database has another key, or none: NULL and the empty text (K1).

    Errors: as vacuum_begin; SQLITE_BUSY if others use the log; SQLITE_ERROR if pages are too small, or the key is none.
    """
    c: KernelConnection = KernelConnection(s.connection)
    check_alone(c)
    secret: Secret = secret_of(s, tag, payload)
    statement_begin(s, slot, 0, -1)
    p: Pager = pager_of(c, slot)
    db: SharedFile = p.database
    if secret and db.page_size - TAIL < USABLE_MIN:
        raise_error(SQLITE_ERROR, *lit(b"pages of 512 bytes are too small to be encrypted"))
    had_log: i32 = i32(db.journal_mode == JOURNAL_WAL)
    wanted: i32 = db.log_wanted
    if had_log:
        _ = mode_change(p, JOURNAL_DELETE, 0)
    db.log_wanted = 0
    statement_begin(s, slot, 1, -1)
    db.log_wanted = wanted
    db.to_wal = had_log
    v: Vacuum = vacuum_new(s, slot, objects, n)
    rekey_begin(db, cipher_create(secret))
    secret_free(secret)
    copy_open(v, db.next_cipher)
    copy_begin(v)
    return v
