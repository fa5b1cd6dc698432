"""AEGIS-256: authenticated encryption with a key and a nonce of 32 bytes, and a tag of 16.

Owns the cipher's state, six vectors in memory. Whoever calls keeps the order: start, associated data, message, tag; a
part that is not the last of the data or of the message is a multiple of 16 bytes. A nonce serves for one message.

Source: draft-irtf-cfrg-aegis-aead, section 2.4.
"""

from turso_wasm.kernel.crypto.aes import aes_round
from turso_wasm.wasm.lang import i32, i64, inline, memory_copy, memory_fill, ptr, put_le64, scratch, u8, v128, vector

__subset__ = True

KEY_SIZE = 32
NONCE_SIZE = 32
TAG_SIZE = 16
STATE_SIZE = 96
BLOCK = 16
C0 = bytes.fromhex("000101020305080d1522375990e97962")  # Fibonacci's numbers
C1 = bytes.fromhex("db3d18556dc22ff12011314273b528dd")

ABSORB = 0
ENCRYPT = 1
DECRYPT = 2


def aegis_start(state: ptr[v128], key: ptr[u8], nonce: ptr[u8]) -> None:
    """Begin a message."""
    k: ptr[v128] = ptr[v128](key)
    n: ptr[v128] = ptr[v128](nonce)
    state[0] = k[0] ^ n[0]
    state[1] = k[1] ^ n[1]
    state[2] = vector(C1)
    state[3] = vector(C0)
    state[4] = k[0] ^ vector(C0)
    state[5] = k[1] ^ vector(C1)
    keys: ptr[v128] = ptr[v128](scratch(64))
    keys[0] = k[0]
    keys[1] = k[1]
    keys[2] = k[0] ^ n[0]
    keys[3] = k[1] ^ n[1]
    for _i in range(4):
        blocks(state, ptr[u8](keys), ptr[u8](0), 4, ABSORB)
    memory_fill(keys, 0, 64)


def blocks(state: ptr[v128], data: ptr[u8], out: ptr[u8], n: i32, how: i32) -> None:
    """Take n blocks of data: associated data (ABSORB), or a message, whose other form goes to `out`, which may be
    `data`.
    """
    s0: v128 = state[0]
    s1: v128 = state[1]
    s2: v128 = state[2]
    s3: v128 = state[3]
    s4: v128 = state[4]
    s5: v128 = state[5]
    source: ptr[v128] = ptr[v128](data)
    target: ptr[v128] = ptr[v128](out)
    for i in range(n):
        x: v128 = source[i]
        if how != ABSORB:
            other: v128 = x ^ s1 ^ s4 ^ s5 ^ (s2 & s3)
            target[i] = other
            if how == DECRYPT:
                x = other
        last: v128 = s5
        s5 = aes_round(s4, s5)
        s4 = aes_round(s3, s4)
        s3 = aes_round(s2, s3)
        s2 = aes_round(s1, s2)
        s1 = aes_round(s0, s1)
        s0 = aes_round(last, s0 ^ x)
    state[0] = s0
    state[1] = s1
    state[2] = s2
    state[3] = s3
    state[4] = s4
    state[5] = s5


@inline
def key_stream(state: ptr[v128]) -> v128:
    """What the next block of the message is combined with."""
    return state[1] ^ state[4] ^ state[5] ^ (state[2] & state[3])


def aegis_run(state: ptr[v128], data: ptr[u8], out: ptr[u8], size: i32, how: i32) -> None:
    """Take `size` bytes as `blocks` does; what is missing of the last block counts as zeros."""
    whole: i32 = size // BLOCK
    blocks(state, data, out, whole, how)
    rest: i32 = size - whole * BLOCK
    if rest == 0:
        return
    block: ptr[u8] = scratch(BLOCK)
    done: i32 = whole * BLOCK
    memory_fill(block, 0, BLOCK)
    memory_copy(block, data + done, rest)
    if how == DECRYPT:
        # What the message is extended with is not what its other form was cut from.
        ptr[v128](block)[0] = ptr[v128](block)[0] ^ key_stream(state)
        memory_fill(block + rest, 0, BLOCK - rest)
        memory_copy(out + done, block, rest)
        how = ABSORB
    blocks(state, block, block, 1, how)
    if how == ENCRYPT:
        memory_copy(out + done, block, rest)


def aegis_tag(state: ptr[v128], data_size: i32, size: i32, tag: ptr[u8]) -> None:
    """End the message: the tag of `size` bytes with `data_size` bytes of associated data. The state is erased."""
    sizes: ptr[u8] = scratch(BLOCK)
    put_le64(sizes, i64(data_size) << 3)
    put_le64(sizes + 8, i64(size) << 3)
    last: ptr[v128] = ptr[v128](sizes)
    last[0] = last[0] ^ state[3]
    for _i in range(7):
        blocks(state, sizes, ptr[u8](0), 1, ABSORB)
    out: ptr[v128] = ptr[v128](tag)
    out[0] = state[0] ^ state[1] ^ state[2] ^ state[3] ^ state[4] ^ state[5]
    memory_fill(state, 0, STATE_SIZE)
    memory_fill(sizes, 0, BLOCK)
