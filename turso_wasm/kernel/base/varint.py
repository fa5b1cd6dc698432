"""Variable-length integers of the file format.

Owns reading and writing one varint. Does not know where a record or page ends: callers compare the index behind it
with their limit.

A varint is 1 to 9 bytes, big-endian, seven bits a byte, the high bit set on all but the last; the ninth byte
contributes all eight bits. Source: https://sqlite.org/fileformat2.html section 1.6.

Invariants:
  V1  get_varint reads at most 16 bytes at p, so p must lie in a page, record or other memory of malloc.
  V2  put_varint writes the shortest form and may overwrite nothing behind it.
"""

from turso_wasm.wasm.lang import be64, clz, export, i32, i64, inline, ptr, u8, u64

__subset__ = True

HIGH_BITS = 0x8080808080808080


@inline
def squeeze(x: u64) -> u64:
    """Drop bit 7 of each byte and close the gaps: eight 7-bit groups become 56 bits."""
    x = (x & 0x007F007F007F007F) | ((x & 0x7F007F007F007F00) >> 1)
    x = (x & 0x00003FFF00003FFF) | ((x & 0x3FFF00003FFF0000) >> 2)
    return (x & 0x000000000FFFFFFF) | ((x & 0x0FFFFFFF00000000) >> 4)


def get_varint_long(p: ptr[u8]) -> tuple[i64, i32]:
    """get_varint for any length, eight bytes at once."""
    word: u64 = u64(be64(p))
    stops: u64 = ~word & HIGH_BITS
    if stops == 0:
        return i64((squeeze(word) << 8) | u64(p[8])), 9
    skip: u64 = clz(stops)
    return i64(squeeze(word >> (56 - skip))), i32(skip >> 3) + 1


@export
@inline
def get_varint(p: ptr[u8]) -> tuple[i64, i32]:
    """The varint at p and its size in bytes (V1)."""
    first: i32 = p[0]
    if first < 128:
        return i64(first), 1
    second: i32 = p[1]
    if second < 128:
        return i64((first & 127) << 7 | second), 2
    return get_varint_long(p)


@export
def varint_size(v: i64) -> i32:
    """Bytes of v as a varint: 1..9."""
    n: i32 = (70 - i32(clz(v | 1))) // 7
    return 9 if n > 9 else n


@export
def put_varint(p: ptr[u8], v: i64) -> i32:
    """Write v at p; its size in bytes."""
    rest: u64 = u64(v)
    if rest < 128:
        p[0] = i32(rest)
        return 1
    n: i32 = varint_size(v)
    at: i32 = n - 1
    if n == 9:
        p[8] = i32(rest) & 255
        rest >>= 8
        at = 7
        p[7] = (i32(rest) & 127) | 128
    else:
        p[at] = i32(rest) & 127
    while at > 0:
        at -= 1
        rest >>= 7
        p[at] = (i32(rest) & 127) | 128
    return n
