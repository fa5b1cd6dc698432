"""ATTACH and DETACH: the names of a connection's databases, and slots that come and go.

Owns the fields `names`, `name_sizes` and `orders` of KernelConnection. Opening and closing files is
kernel/session/connection.py's.

Invariants:
  A1  A slot from 2 on has a name exactly while it has a pager. Names differ, but for ASCII case, from each other and
      from "main" and "temp".
  A2  `orders` grow with every ATTACH: databases are searched in the order in which they were attached, which the
      numbers of slots that are used again do not tell.
  A3  An ATTACH that fails after the file was opened leaves `attaching` behind; the abort of its statement closes it.
"""

from turso_wasm.kernel.abi import BLOB, N_SLOTS, NULL, OPEN_URI, TEMP_SLOT, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_CANTOPEN, SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc, malloc
from turso_wasm.kernel.base.tempfile import temp_encrypt
from turso_wasm.kernel.base.vfs import check_io, vfs_locate
from turso_wasm.kernel.pager.database import same_name
from turso_wasm.kernel.pager.encryption import FORMAT_OURS, Secret, key_set, secret_given, secret_new
from turso_wasm.kernel.pager.snapshot import pager_begin_read, pager_end_read
from turso_wasm.kernel.pager.storage import PAGER_NONE, Pager, SharedFile
from turso_wasm.kernel.session.connection import slot_close, slot_open
from turso_wasm.kernel.session.settings import connection_encoding
from turso_wasm.kernel.values.value import to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_copy, memory_fill, ptr, u8, u32

__subset__ = True

FILE_NAME_MAX = 4096


@export
def database_attach(
    s: Run, file_tag: i32, file: i64, name_tag: i32, name: i64, keyed: i32, key_tag: i32, key: i64
) -> None:
    """ATTACH file AS name KEY key; keyed: whether there is a key.

    Errors: SQLITE_ERROR when there are too many, the name is taken, or the encoding is another one, and inside BEGIN
    CONCURRENT, which must see all that is read; SQLITE_CANTOPEN; what reading a file raises.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if c.concurrent:
        raise_error(SQLITE_ERROR, *lit(b"cannot attach a database inside BEGIN CONCURRENT"))
    at, size = text_of(s, name_tag, name)
    slot: i32 = slot_free(c)
    if slot == 0:
        raise_error(SQLITE_ERROR, *lit(b"too many attached databases - max 10"))
    if slot_named(c, at, size) >= 0:
        raise_about(s, SQLITE_ERROR, *lit(b"database "), at, size, *lit(b" is already in use"))
    c.attaching = slot
    attach_file(s, c, slot, file_tag, file)
    p: Pager = Pager(c.pagers[slot])
    if keyed:
        key_set(p, secret_of(s, key_tag, key))
    pager_begin_read(p)
    pager_end_read(p)
    _ = connection_encoding(c)
    copy: ptr[u8] = malloc(size)
    memory_copy(copy, at, size)
    c.attaching = 0
    c.names[slot] = i32(copy)
    c.name_sizes[slot] = size
    c.attached += 1
    c.orders[slot] = c.attached
    c.schema_epoch += 1


def attach_file(s: Run, c: KernelConnection, slot: i32, tag: i32, payload: i64) -> None:
    """Open the file that the user calls so. Raises SQLITE_CANTOPEN."""
    at, size = text_of(s, tag, payload)
    rc, name, name_size, flags, secret = file_locate(s, at, size)
    if rc == 0:
        rc = slot_open(c, slot, name, name_size, flags)
    if rc == 0:
        key_set(Pager(c.pagers[slot]), secret)
    if rc == -SQLITE_CANTOPEN:
        raise_about(s, SQLITE_CANTOPEN, *lit(b"unable to open database: "), at, size, *lit(b""))
    check_io(rc)


def file_locate(s: Run, at: ptr[u8], size: i32) -> tuple[i32, ptr[u8], i32, i32, Secret]:
    """What a file is called that the user calls so: 0 or a negative result code, the name, its size, OPEN_* flags, the
    key that a URI gives.

    Errors: what the host says of the name.
    """
    c: KernelConnection = KernelConnection(s.connection)
    main: SharedFile = Pager(c.pagers[0]).database
    name: ptr[u8] = alloc(s, FILE_NAME_MAX)
    memory_fill(name, 0, FILE_NAME_MAX)
    found: i32 = vfs_locate(at, size, main.name, main.name_size, c.open_flags, name, FILE_NAME_MAX)
    if found < 0 and -found >> 8:
        raise_error(-found & 0xFF, name, -found >> 8)
    if found < 0:
        return found, name, 0, 0, Secret(0)
    return 0, name, found >> 8, found & 0xFF & ~OPEN_URI, secret_behind(name + (found >> 8) + 1)


def secret_behind(at: ptr[u8]) -> Secret:
    """The key that vfs_locate has put behind a name, which is overwritten; null: there is none."""
    size: i32 = 0
    while at[size]:
        size += 1
    if size < 2:
        return Secret(0)
    temp_encrypt()
    secret: Secret = secret_new(at + 1, size - 1, at[0] & 1)
    memory_fill(at, 0, size)
    return secret


@export
def database_detach(s: Run, tag: i32, payload: i64) -> None:
    """DETACH name. Errors: SQLITE_ERROR when there is none, or it is in use."""
    c: KernelConnection = KernelConnection(s.connection)
    at, size = text_of(s, tag, payload)
    slot: i32 = slot_named(c, at, size)
    if slot < 0 or not c.pagers[slot]:
        raise_about(s, SQLITE_ERROR, *lit(b"no such database: "), at, size, *lit(b""))
    if slot <= TEMP_SLOT:
        raise_about(s, SQLITE_ERROR, *lit(b"cannot detach database "), at, size, *lit(b""))
    p: Pager = Pager(c.pagers[slot])
    if p.state != PAGER_NONE or p.readers:
        raise_about(s, SQLITE_ERROR, *lit(b"database "), at, size, *lit(b" is locked"))
    slot_close(c, slot)
    c.schema_epoch += 1


def secret_of(s: Run, tag: i32, payload: i64) -> Secret:
    """The key that a value is: a blob the key itself, or what secret_new takes. Null: NULL and what is empty."""
    if tag == NULL:
        return Secret(0)
    temp_encrypt()
    if tag == BLOB:
        return secret_given(ptr[u8](u32(payload)), i32(payload >> 32))
    text: i64 = to_text(s, tag, payload)
    return secret_new(ptr[u8](u32(text)), i32(text >> 32), FORMAT_OURS)


def slot_free(c: KernelConnection) -> i32:
    """A slot for an attached database, 0 if there is none."""
    for slot in range(TEMP_SLOT + 1, N_SLOTS):
        if not c.pagers[slot]:
            return slot
    return 0


def slot_named(c: KernelConnection, at: ptr[u8], size: i32) -> i32:
    """The slot of the database of that name, -1 if there is none (A1)."""
    if same_name(at, size, *lit(b"main")):
        return 0
    if same_name(at, size, *lit(b"temp")):
        return TEMP_SLOT
    for slot in range(TEMP_SLOT + 1, N_SLOTS):
        if c.pagers[slot] and same_name(at, size, ptr[u8](c.names[slot]), c.name_sizes[slot]):
            return slot
    return -1


def text_of(s: Run, tag: i32, payload: i64) -> tuple[ptr[u8], i32]:
    """A value as text: address and size. NULL is empty."""
    if tag == NULL:
        return ptr[u8](0), 0
    text: i64 = to_text(s, tag, payload)
    return ptr[u8](u32(text)), i32(text >> 32)


def raise_about(
    s: Run, code: i32, head: ptr[u8], head_size: i32, at: ptr[u8], size: i32, tail: ptr[u8], tail_size: i32
) -> None:
    """Raise an error that names something."""
    total: i32 = head_size + size + tail_size
    message: ptr[u8] = alloc(s, total)
    memory_copy(message, head, head_size)
    memory_copy(message + head_size, at, size)
    memory_copy(message + head_size + size, tail, tail_size)
    raise_error(code, message, total)
