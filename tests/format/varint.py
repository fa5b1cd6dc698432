"""Variable-length integers.

Owns the varint: 1 to 9 bytes, big-endian, seven bits a byte, the high bit set on all but the last; the ninth byte
contributes all eight bits. Source: https://sqlite.org/fileformat2.html section 1.6.

Invariants:
  V1  Values are signed 64-bit integers; negative ones take nine bytes.
  V2  encode_varint writes the shortest form; decode_varint accepts longer ones.
"""

from __future__ import annotations

from turso_wasm.base.errors import Corrupt

MASK_64 = (1 << 64) - 1


def encode_varint(value: int) -> bytes:
    """The varint of a signed (or unsigned) 64-bit integer. Errors: OverflowError if it has more bits."""
    if not -(1 << 63) <= value <= MASK_64:
        raise OverflowError("a varint has 64 bits")
    rest = value & MASK_64
    if rest >> 56:
        out = [rest & 255]
        rest >>= 8
        out += [128 | (rest >> shift & 127) for shift in range(0, 56, 7)]
        return bytes(reversed(out))
    out = [rest & 127]
    while rest := rest >> 7:
        out.append(128 | (rest & 127))
    return bytes(reversed(out))


def decode_varint(buf: bytes | memoryview, at: int) -> tuple[int, int]:
    """Decode the varint at buf[at]: (value, index behind it). Errors: Corrupt if `buf` ends first."""
    value = 0
    for i in range(9):
        if at + i >= len(buf):
            raise Corrupt(0, at, "a varint goes beyond the end")
        byte = buf[at + i]
        if i == 8:
            value = value << 8 | byte
            return value - (1 << 64) if value >> 63 else value, at + 9
        value = value << 7 | (byte & 127)
        if byte < 128:
            return value, at + i + 1
    raise AssertionError("unreachable")


def varint_size(value: int) -> int:
    """Bytes of the varint: 1..9."""
    bits = (value & MASK_64).bit_length()
    return 1 if bits <= 7 else 9 if bits > 56 else -(-bits // 7)
