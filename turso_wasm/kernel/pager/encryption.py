"""Encrypted databases: keys, what page 1 says of them, and how a page is encrypted.

Owns Cipher and Secret, and both formats of files. A page is ciphertext of AEGIS-256, then its tag (16 bytes) and nonce
(32 bytes) in what the header reserves at the end of every page. Of page 1 the first 100 bytes stay readable and are
authenticated, but for those that say how the file is encrypted:

  OFFSET  SIZE  OURS                                              TURSO'S
  0       5     "TWasm"                                           "Turso"
  5       1     1: version of the format                          0
  6       1     3: AEGIS-256                                      3
  7       1     where the key is from: 0 it is given as it is,    0
                1 PBKDF2-HMAC-SHA-512 of a passphrase
  8       4     which key it is: the beginning of a tag           0
  12      4     checksum of bytes 0..11 and 72..91                0
  72      16    salt, of the passphrase and of all pages          as in the database
  88      4     iterations                                        as in the database

In memory these are what they are in any database: SQLite's magic, and zeros from 72 on.

Invariants:
  E1  What is authenticated along with a page: in our format the salt and the page's number, so that a page belongs to
      one place in one file; of page 1 bytes 0..99 as they are stored. In Turso's the latter only.
  E2  Every time a page is encrypted it gets a new nonce, from the host. None is drawn in advance: a process that is
      forked would have the same ones as its parent.
  E3  A page whose tag is wrong is zeros in memory: nothing of it is ever used.
  E4  A Cipher belongs to one SharedFile. Whoever frees a Cipher or a Secret has overwritten it.
  E5  Pager.admitted is the Cipher whose key the connection has shown that it knows; UNASKED: it came with a key.

Source of Turso's format: its documentation; https://docs.turso.tech/tursodb/encryption.
"""

from turso_wasm.kernel.base.errors import SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_NOTADB, raise_corrupt, raise_error
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.base.vfs import host_random
from turso_wasm.kernel.crypto.aegis import (
    ABSORB,
    DECRYPT,
    ENCRYPT,
    KEY_SIZE,
    NONCE_SIZE,
    STATE_SIZE,
    TAG_SIZE,
    aegis_run,
    aegis_start,
    aegis_tag,
)
from turso_wasm.kernel.crypto.sha512 import SALT_SIZE, pbkdf2
from turso_wasm.kernel.pager.header import AT_RESERVED, HEADER_SIZE, MAGIC, bytes_equal
from turso_wasm.kernel.pager.storage import Cipher, Pager, SharedFile
from turso_wasm.wasm.lang import (
    Struct,
    be32,
    i32,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    put_be32,
    scratch,
    sizeof,
    u8,
    u32,
    v128,
)

__subset__ = True

TAIL = TAG_SIZE + NONCE_SIZE  # bytes reserved at the end of each page
ITERATIONS = 210_000
ITERATIONS_MAX = 2_000_000  # a file that asks for more is malformed: nobody waits for it
UNASKED = 1
MAGIC_OURS = b"TWasm\x01\x03"
MAGIC_TURSO = b"Turso\x00\x03" + bytes(9)
PREFIX = 5
AT_DERIVATION = 7
AT_CHECK = 8
AT_CHECKSUM = 12
AT_SALT = 72
AT_ITERATIONS = 88
SALT_END = 92

FORMAT_OURS = 0
FORMAT_TURSO = 1
GIVEN = 0
PASSPHRASE = 1


class Secret(Struct):
    """A key as it was given. Its bytes follow."""

    derivation: i32  # GIVEN: 32 bytes, or PASSPHRASE
    format: i32  # of a database that is made with it
    size: i32


# --- keys -----------------------------------------------------------------------------------------------------


def secret_bytes(secret: Secret) -> ptr[u8]:
    """The key or passphrase."""
    return ptr[u8](i32(secret) + sizeof(Secret))


def hex_digit(byte: i32) -> i32:
    """The value of a hexadecimal digit, -1: it is none."""
    if byte >= 48 and byte <= 57:
        return byte - 48
    lower: i32 = byte | 32
    return lower - 87 if lower >= 97 and lower <= 102 else -1


def secret_new(text: ptr[u8], size: i32, format: i32) -> Secret:
    """A key from what a user gives: x'…' of 64 hexadecimal digits is the key itself, any other text a passphrase.
    Nothing: null.

    Errors: SQLITE_ERROR for x'…' of anything else.
    """
    if size == 0:
        return Secret(0)
    is_given: i32 = i32(size >= 3 and (text[0] | 32) == 120 and text[1] == 39 and text[size - 1] == 39)
    secret: Secret = Secret(mzalloc(sizeof(Secret) + (KEY_SIZE if is_given else size)))
    secret.derivation = GIVEN if is_given else PASSPHRASE
    secret.format = format
    secret.size = KEY_SIZE if is_given else size
    if not is_given:
        memory_copy(secret_bytes(secret), text, size)
    if (is_given and not hex_read(text + 2, size - 3, secret_bytes(secret))) or (format and not is_given):
        secret_free(secret)
        raise_error(SQLITE_ERROR, *lit(b"a key is 64 hexadecimal digits"))
    return secret


def secret_given(p: ptr[u8], size: i32) -> Secret:
    """A key from its bytes; none: null. Errors: SQLITE_ERROR."""
    if size == 0:
        return Secret(0)
    if size != KEY_SIZE:
        raise_error(SQLITE_ERROR, *lit(b"a key has 32 bytes"))
    secret: Secret = Secret(mzalloc(sizeof(Secret) + KEY_SIZE))
    secret.size = KEY_SIZE
    memory_copy(secret_bytes(secret), p, KEY_SIZE)
    return secret


def hex_read(text: ptr[u8], size: i32, out: ptr[u8]) -> i32:
    """Read the digits of a key; 0 if they are not."""
    if size != 2 * KEY_SIZE:
        return 0
    for i in range(KEY_SIZE):
        high: i32 = hex_digit(text[2 * i])
        low: i32 = hex_digit(text[2 * i + 1])
        if high < 0 or low < 0:
            return 0
        out[i] = high << 4 | low
    return 1


def secret_free(secret: Secret) -> None:
    """E4."""
    if secret:
        memory_fill(secret, 0, sizeof(Secret) + secret.size)
        mfree(ptr[u8](i32(secret)))


def key_derive(secret: Secret, c: Cipher, out: ptr[u8]) -> None:
    """The key that a secret stands for in a file with this salt."""
    if secret.derivation == PASSPHRASE:
        pbkdf2(secret_bytes(secret), secret.size, c.salt, c.iterations, out)
    else:
        memory_copy(out, secret_bytes(secret), KEY_SIZE)


def same_secret(p: ptr[u8], q: ptr[u8], n: i32) -> i32:
    """1 if n bytes are the same; how long it takes says nothing of them."""
    differ: i32 = 0
    for i in range(n):
        differ |= i32(p[i]) ^ i32(q[i])
    return i32(differ == 0)


# --- ciphers --------------------------------------------------------------------------------------------------


def cipher_free(c: Cipher) -> None:
    """E4."""
    if c:
        memory_fill(c, 0, sizeof(Cipher))
        mfree(ptr[u8](i32(c)))


def cipher_copy(c: Cipher) -> Cipher:
    """The same key for another SharedFile; null of null."""
    if not c:
        return c
    copy: Cipher = Cipher(mzalloc(sizeof(Cipher)))
    memory_copy(copy, c, sizeof(Cipher))
    return copy


def cipher_create(secret: Secret) -> Cipher:
    """For a database that is made; null without a secret."""
    if not secret:
        return Cipher(0)
    c: Cipher = Cipher(mzalloc(sizeof(Cipher)))
    c.format = secret.format
    c.derivation = secret.derivation
    c.iterations = ITERATIONS if secret.derivation == PASSPHRASE else 0
    host_random(c.salt, SALT_SIZE)
    key_derive(secret, c, c.key)
    head_make(c)
    return c


def cipher_random() -> Cipher:
    """With a key that nobody knows: for what ends with the process."""
    c: Cipher = Cipher(mzalloc(sizeof(Cipher)))
    host_random(c.salt, SALT_SIZE)
    host_random(c.key, KEY_SIZE)
    head_make(c)
    return c


def head_make(c: Cipher) -> None:
    """Write the 16 bytes that a file with this key begins with."""
    if c.format == FORMAT_TURSO:
        memory_copy(c.head, MAGIC_TURSO, len(MAGIC_TURSO))
        return
    memory_copy(c.head, MAGIC_OURS, len(MAGIC_OURS))
    c.head[AT_DERIVATION] = c.derivation
    state: ptr[v128] = ptr[v128](scratch(STATE_SIZE))
    work: ptr[u8] = scratch(NONCE_SIZE + TAG_SIZE)
    memory_fill(work, 0, NONCE_SIZE)
    memory_copy(work, c.salt, SALT_SIZE)
    aegis_start(state, c.key, work)
    aegis_tag(state, 0, 0, work + NONCE_SIZE)
    memory_copy(c.head + AT_CHECK, work + NONCE_SIZE, 4)
    put_be32(c.head + AT_CHECKSUM, head_checksum(c.head, c.salt, u32(c.iterations)))


def head_checksum(head: ptr[u8], salt: ptr[u8], iterations: u32) -> u32:
    """FNV-1a over what the header says of the encryption: a damaged one is not taken for a wrong key."""
    sum: u32 = (2166136261 ^ iterations) * 16777619
    for i in range(AT_CHECKSUM):
        sum = (sum ^ u32(head[i])) * 16777619
    for k in range(SALT_SIZE):
        sum = (sum ^ u32(salt[k])) * 16777619
    return sum


def format_of(page: ptr[u8]) -> i32:
    """FORMAT_* of the file that begins so, -1: it is not encrypted."""
    if bytes_equal(page, MAGIC_OURS, PREFIX):
        return FORMAT_OURS
    return FORMAT_TURSO if bytes_equal(page, MAGIC_TURSO, PREFIX) else -1


def cipher_find(db: SharedFile, page: ptr[u8]) -> None:
    """Have the cipher of a file whose first page is this one, as it is stored.

    Errors: SQLITE_NOTADB if it needs a key and there is none, or it is another one; SQLITE_CORRUPT.
    """
    format: i32 = format_of(page)
    old: Cipher = db.cipher
    if format < 0:
        db.cipher = Cipher(0)
        cipher_free(old)
        return
    is_known: i32 = i32(old and bytes_equal(page, old.head, 16))
    if is_known and (format == FORMAT_TURSO or bytes_equal(page + AT_SALT, old.salt, SALT_SIZE)):
        return
    if format == FORMAT_OURS:
        head_check(page)
    elif not bytes_equal(page, MAGIC_TURSO, len(MAGIC_TURSO)):
        raise_error(SQLITE_NOTADB, *lit(b"file is encrypted with a cipher that is not supported"))
    secret: Secret = Secret(db.secret)
    if not secret:
        raise_key_missing()
    c: Cipher = cipher_of(secret, page, format)
    if not bytes_equal(c.head, page, 16):
        cipher_free(c)
        raise_key_wrong()
    db.cipher = c
    db.secret = 0
    cipher_free(old)


def head_check(page: ptr[u8]) -> None:
    """Errors: SQLITE_CORRUPT, SQLITE_NOTADB for another version or cipher."""
    if be32(page + AT_CHECKSUM) != head_checksum(page, page + AT_SALT, be32(page + AT_ITERATIONS)):
        raise_corrupt(u32(1))
    if not bytes_equal(page, MAGIC_OURS, len(MAGIC_OURS)):
        raise_error(SQLITE_NOTADB, *lit(b"file is encrypted with a cipher that is not supported"))
    derivation: i32 = page[AT_DERIVATION]
    iterations: u32 = be32(page + AT_ITERATIONS)
    if derivation > PASSPHRASE or iterations > u32(ITERATIONS_MAX) or i32(iterations > 0) != derivation:
        raise_corrupt(u32(1))


def cipher_of(secret: Secret, page: ptr[u8], format: i32) -> Cipher:
    """What a secret is for the file with this first page. A key of the other kind gives some cipher that is wrong."""
    c: Cipher = Cipher(mzalloc(sizeof(Cipher)))
    c.format = format
    if format == FORMAT_OURS:
        memory_copy(c.salt, page + AT_SALT, SALT_SIZE)
        c.derivation = page[AT_DERIVATION]
        c.iterations = i32(be32(page + AT_ITERATIONS))
    if secret.derivation == c.derivation:
        key_derive(secret, c, c.key)
    else:
        host_random(c.key, KEY_SIZE)
    head_make(c)
    return c


def raise_key_missing() -> None:
    """Raise SQLITE_NOTADB."""
    raise_error(SQLITE_NOTADB, *lit(b"file is encrypted: a key is needed"))


def raise_key_wrong() -> None:
    """Raise SQLITE_NOTADB."""
    raise_error(SQLITE_NOTADB, *lit(b"file is encrypted with another key"))


# --- connections ----------------------------------------------------------------------------------------------


def key_set(p: Pager, secret: Secret) -> None:
    """A connection's key for a database that it has not read yet; null: none."""
    secret_free(Secret(p.secret))
    p.secret = i32(secret)
    p.admitted = UNASKED if secret else 0


def pager_admit(p: Pager) -> None:
    """See that a connection knows the key of a database that this process has open (E5). Raises SQLITE_NOTADB."""
    c: Cipher = p.database.cipher
    secret: Secret = Secret(p.secret)
    if not c:
        if secret:
            raise_error(SQLITE_NOTADB, *lit(b"file is not encrypted"))
        p.admitted = 0
        return
    if not secret:
        raise_key_missing()
    if p.database.secret and not is_key(secret, c):
        raise_key_wrong()
    p.admitted = i32(c)
    if p.database.page_count:
        secret_free(secret)
        p.secret = 0


def is_key(secret: Secret, c: Cipher) -> i32:
    """1 if a secret is what a cipher was made of."""
    if secret.derivation != c.derivation:
        return 0
    key: ptr[u8] = scratch(KEY_SIZE)
    key_derive(secret, c, key)
    same: i32 = same_secret(key, c.key, KEY_SIZE)
    memory_fill(key, 0, KEY_SIZE)
    return same


def reserved_new(db: SharedFile) -> i32:
    """Bytes at the end of each page of a database that is made which are not the b-trees'."""
    return TAIL if db.cipher and db.new_reserved < TAIL else db.new_reserved


def cipher_give(p: Pager, c: Cipher) -> None:
    """A database that is made by this pager is encrypted so; null: it is not."""
    p.database.cipher = c
    p.admitted = i32(c)


def cipher_replace(db: SharedFile, c: Cipher) -> None:
    """The database has another key, or none: those who knew the old one know it."""
    old: Cipher = db.cipher
    p: Pager = db.pagers
    while p:
        if p.admitted == i32(old):
            p.admitted = i32(c)
        p = p.next
    db.cipher = c
    if old != c:
        cipher_free(old)


def rekey_begin(db: SharedFile, c: Cipher) -> None:
    """From now on the running transaction writes the file under this key (pageio.py I5), which it takes over."""
    cipher_free(db.next_cipher)
    db.next_cipher = c
    db.is_rekeyed = 1


def rekey_end(db: SharedFile, committed: i32) -> None:
    """The transaction ends."""
    if not db.is_rekeyed:
        return
    c: Cipher = db.next_cipher
    db.next_cipher = Cipher(0)
    db.is_rekeyed = 0
    if committed:
        cipher_replace(db, c)
    else:
        cipher_free(c)


# --- pages ----------------------------------------------------------------------------------------------------


def page_begin(c: Cipher, pgno: u32, page: ptr[u8], nonce: ptr[u8], state: ptr[v128]) -> i32:
    """Begin with a page, whose first 100 bytes are as they are stored; the bytes of associated data (E1)."""
    aegis_start(state, c.key, nonce)
    if pgno == 1:
        aegis_run(state, page, ptr[u8](0), HEADER_SIZE, ABSORB)
        return HEADER_SIZE
    if c.format == FORMAT_TURSO:
        return 0
    place: ptr[u8] = scratch(SALT_SIZE + 4)
    memory_copy(place, c.salt, SALT_SIZE)
    put_be32(place + SALT_SIZE, pgno)
    aegis_run(state, place, ptr[u8](0), SALT_SIZE + 4, ABSORB)
    return SALT_SIZE + 4


def cipher_encode(c: Cipher, pgno: u32, data: ptr[u8], out: ptr[u8], size: i32) -> None:
    """Write the encrypted form of a page of `size` bytes to `out`."""
    state: ptr[v128] = ptr[v128](scratch(STATE_SIZE))
    start: i32 = HEADER_SIZE if pgno == 1 else 0
    end: i32 = size - TAIL
    memory_copy(out, data, start)
    if start:
        memory_copy(out, c.head, 16)
    if start and c.format == FORMAT_OURS:
        memory_copy(out + AT_SALT, c.salt, SALT_SIZE)
        put_be32(out + AT_ITERATIONS, u32(c.iterations))
    host_random(out + end + TAG_SIZE, NONCE_SIZE)
    authenticated: i32 = page_begin(c, pgno, out, out + end + TAG_SIZE, state)
    aegis_run(state, data + start, out + start, end - start, ENCRYPT)
    aegis_tag(state, authenticated, end - start, out + end)


def cipher_decode(c: Cipher, pgno: u32, page: ptr[u8], size: i32) -> i32:
    """Decrypt a page in place; 0 or -SQLITE_CORRUPT (E3)."""
    state: ptr[v128] = ptr[v128](scratch(STATE_SIZE))
    tag: ptr[u8] = scratch(TAG_SIZE)
    start: i32 = HEADER_SIZE if pgno == 1 else 0
    end: i32 = size - TAIL
    authenticated: i32 = page_begin(c, pgno, page, page + end + TAG_SIZE, state)
    aegis_run(state, page + start, page + start, end - start, DECRYPT)
    aegis_tag(state, authenticated, end - start, tag)
    if not same_secret(tag, page + end, TAG_SIZE):
        memory_fill(page, 0, size)
        return -SQLITE_CORRUPT
    memory_fill(page + end, 0, TAIL)
    if start:
        memory_copy(page, MAGIC, len(MAGIC))
        if c.format == FORMAT_OURS:
            memory_fill(page + AT_SALT, 0, SALT_END - AT_SALT)
        if page[AT_RESERVED] < TAIL:
            return -SQLITE_CORRUPT
    return 0
