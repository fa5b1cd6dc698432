"""SHA-512, HMAC and PBKDF2: a key from a passphrase.

Owns nothing that lasts: what was worked with is erased.

Sources: FIPS 180-4; RFC 2104; RFC 8018 section 5.2.
"""

from math import isqrt

from turso_wasm.wasm.lang import (
    at_import,
    be64,
    i32,
    i64,
    inline,
    memory_copy,
    memory_fill,
    ptr,
    put_be32,
    put_be64,
    rotr,
    scratch,
    u8,
    u64,
)

__subset__ = True

BLOCK = 128
HASH_SIZE = 64
LENGTH_AT = 112  # in the last block, the bits of the message
SALT_SIZE = 16
KEY_SIZE = 32


@at_import
def _primes(n: int) -> list[int]:
    """The first n primes."""
    found: list[int] = []
    candidate = 2
    while len(found) < n:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


@at_import
def _cube_root(n: int) -> int:
    """Rounded down."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= n else (low, middle - 1)
    return low


@at_import
def _words(values: list[int]) -> bytes:
    """Their low 64 bits in the order of memory."""
    return b"".join((value % 2**64).to_bytes(8, "little") for value in values)


START = _words([isqrt(prime << 128) for prime in _primes(8)])  # fractions of square roots
ROUNDS = _words([_cube_root(prime << 192) for prime in _primes(80)])  # fractions of cube roots


@inline
def schedule(w: ptr[u64], i: i32) -> u64:
    """Word i >= 16 of the message schedule."""
    a: u64 = w[i - 15]
    b: u64 = w[i - 2]
    return w[i - 16] + (rotr(a, 1) ^ rotr(a, 8) ^ (a >> 7)) + w[i - 7] + (rotr(b, 19) ^ rotr(b, 61) ^ (b >> 6))


def compress(state: ptr[u64], block: ptr[u8]) -> None:
    """Take a block of 128 bytes into the state of eight words."""
    w: ptr[u64] = ptr[u64](scratch(640))
    constants: ptr[u64] = ptr[u64](ROUNDS)
    a: u64 = state[0]
    b: u64 = state[1]
    c: u64 = state[2]
    d: u64 = state[3]
    e: u64 = state[4]
    f: u64 = state[5]
    g: u64 = state[6]
    h: u64 = state[7]
    for i in range(80):
        word: u64 = u64(be64(block + i * 8)) if i < 16 else schedule(w, i)
        w[i] = word
        first: u64 = h + (rotr(e, 14) ^ rotr(e, 18) ^ rotr(e, 41)) + (g ^ (e & (f ^ g))) + constants[i] + word
        second: u64 = (rotr(a, 28) ^ rotr(a, 34) ^ rotr(a, 39)) + ((a & b) | (c & (a | b)))
        h = g
        g = f
        f = e
        e = d + first
        d = c
        c = b
        b = a
        a = first + second
    state[0] = state[0] + a
    state[1] = state[1] + b
    state[2] = state[2] + c
    state[3] = state[3] + d
    state[4] = state[4] + e
    state[5] = state[5] + f
    state[6] = state[6] + g
    state[7] = state[7] + h


def hash_end(state: ptr[u64], text: ptr[u8], size: i32, before: i32, out: ptr[u8]) -> None:
    """The hash of a message whose first `before` bytes, whole blocks, the state has taken; `size` bytes follow."""
    whole: i32 = size // BLOCK * BLOCK
    at: i32 = 0
    while at < whole:
        compress(state, text + at)
        at += BLOCK
    block: ptr[u8] = scratch(BLOCK)
    memory_fill(block, 0, BLOCK)
    memory_copy(block, text + at, size - at)
    block[size - at] = 0x80
    if size - at >= LENGTH_AT:
        compress(state, block)
        memory_fill(block, 0, BLOCK)
    put_be64(block + BLOCK - 8, i64(before + size) << 3)
    compress(state, block)
    for i in range(8):
        put_be64(out + i * 8, state[i])
    memory_fill(block, 0, BLOCK)


def pad_start(key: ptr[u8], pad: i32, state: ptr[u64]) -> None:
    """The state of a hash that has taken an HMAC's key, one block long, combined with a byte."""
    block: ptr[u8] = scratch(BLOCK)
    for i in range(BLOCK):
        block[i] = i32(key[i]) ^ pad
    memory_copy(state, START, HASH_SIZE)
    compress(state, block)
    memory_fill(block, 0, BLOCK)


def hmac(inner: ptr[u64], outer: ptr[u64], text: ptr[u8], size: i32, out: ptr[u8]) -> None:
    """HMAC-SHA-512 of a text under the key that both states have taken."""
    state: ptr[u64] = ptr[u64](scratch(HASH_SIZE))
    memory_copy(state, inner, HASH_SIZE)
    hash_end(state, text, size, BLOCK, out)
    memory_copy(state, outer, HASH_SIZE)
    hash_end(state, out, HASH_SIZE, BLOCK, out)


def pbkdf2(password: ptr[u8], size: i32, salt: ptr[u8], iterations: i32, out: ptr[u8]) -> None:
    """PBKDF2-HMAC-SHA-512 with a salt of 16 bytes: a key of 32."""
    work: ptr[u8] = scratch(5 * BLOCK)
    memory_fill(work, 0, 5 * BLOCK)
    key: ptr[u8] = work
    inner: ptr[u64] = ptr[u64](work + BLOCK)
    outer: ptr[u64] = ptr[u64](work + BLOCK + HASH_SIZE)
    turn: ptr[u8] = work + 2 * BLOCK
    total: ptr[u64] = ptr[u64](work + 2 * BLOCK + HASH_SIZE)
    if size > BLOCK:
        memory_copy(inner, START, HASH_SIZE)
        hash_end(inner, password, size, 0, key)
    else:
        memory_copy(key, password, size)
    pad_start(key, 0x36, inner)
    pad_start(key, 0x5C, outer)
    memory_copy(turn, salt, SALT_SIZE)
    put_be32(turn + SALT_SIZE, 1)
    hmac(inner, outer, turn, SALT_SIZE + 4, turn)
    memory_copy(total, turn, HASH_SIZE)
    for _i in range(1, iterations):
        hmac(inner, outer, turn, HASH_SIZE, turn)
        for k in range(4):
            total[k] = total[k] ^ ptr[u64](turn)[k]
    memory_copy(out, total, KEY_SIZE)
    memory_fill(work, 0, 5 * BLOCK)
