"""Digests of bytes, in words of 32 bits.

Source: RFC 1321 (MD5), RFC 3174 (SHA-1), RFC 6234 (SHA-256)
"""

import math

_WORD = 0xFFFFFFFF


def primes(n: int) -> list[int]:
    """The first primes."""
    found: list[int] = []
    candidate = 2
    while len(found) < n:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def root_bits(value: int, power: int, bits: int) -> int:
    """The first bits behind the point of a root."""
    scaled = value << (bits * power)
    low, high = 0, 1 << (bits + value.bit_length())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**power <= scaled else (low, middle)
    return low & ((1 << bits) - 1)


_SHA256_K = tuple(root_bits(prime, 3, 32) for prime in primes(64))
_SHA256_START = tuple(root_bits(prime, 2, 32) for prime in primes(8))
_MD5_K = tuple(int(abs(math.sin(i + 1)) * 4294967296) for i in range(64))
_MD5_TURNS = (7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)


def _padded(data: bytes, big_endian: bool) -> list[int]:
    """The bytes in blocks of 64: a bit behind them, zeros, and their number of bits."""
    out: list[int] = []
    for byte in data:
        out.append(byte)
    out.append(128)
    while len(out) % 64 != 56:
        out.append(0)
    bits = len(data) * 8
    for at in range(8):
        out.append(bits >> (56 - 8 * at) & 255 if big_endian else bits >> (8 * at) & 255)
    return out


def _turned(word: int, n: int) -> int:
    """A word rotated to the left."""
    return (word << n | word >> (32 - n)) & _WORD


def _digest(words: list[int], big_endian: bool) -> bytes:
    out: list[int] = []
    for word in words:
        for at in range(4):
            out.append(word >> (24 - 8 * at) & 255 if big_endian else word >> (8 * at) & 255)
    return bytes(out)


def crypto_md5(data: bytes) -> bytes:
    """The MD5 digest."""
    message = _padded(data, False)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for block in range(0, len(message), 64):
        a, b, c, d = state[0], state[1], state[2], state[3]
        for i in range(64):
            if i < 16:
                mixed, place = b & c | ~b & d, i
            elif i < 32:
                mixed, place = d & b | ~d & c, (5 * i + 1) % 16
            elif i < 48:
                mixed, place = b ^ c ^ d, (3 * i + 5) % 16
            else:
                mixed, place = c ^ (b | ~d & _WORD), 7 * i % 16
            at = block + 4 * place
            word = message[at] | message[at + 1] << 8 | message[at + 2] << 16 | message[at + 3] << 24
            summed = ((mixed & _WORD) + a + _MD5_K[i] + word) & _WORD
            a, d, c, b = d, c, b, (b + _turned(summed, _MD5_TURNS[i // 16 * 4 + i % 4])) & _WORD
        state[0] = (state[0] + a) & _WORD
        state[1] = (state[1] + b) & _WORD
        state[2] = (state[2] + c) & _WORD
        state[3] = (state[3] + d) & _WORD
    return _digest(state, False)


def _schedule(message: list[int], block: int, size: int) -> list[int]:
    """Room for `size` words, the first sixteen of them those of a block."""
    words = [0] * size
    for i in range(16):
        at = block + 4 * i
        words[i] = message[at] << 24 | message[at + 1] << 16 | message[at + 2] << 8 | message[at + 3]
    return words


def crypto_sha1(data: bytes) -> bytes:
    """The SHA-1 digest."""
    message = _padded(data, True)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    for block in range(0, len(message), 64):
        words = _schedule(message, block, 80)
        for i in range(16, 80):
            words[i] = _turned(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1)
        a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
        for i in range(80):
            if i < 20:
                mixed, constant = b & c | ~b & d, 0x5A827999
            elif i < 40:
                mixed, constant = b ^ c ^ d, 0x6ED9EBA1
            elif i < 60:
                mixed, constant = b & c | b & d | c & d, 0x8F1BBCDC
            else:
                mixed, constant = b ^ c ^ d, 0xCA62C1D6
            turned = (_turned(a, 5) + (mixed & _WORD) + e + constant + words[i]) & _WORD
            a, b, c, d, e = turned, a, _turned(b, 30), c, d
        state[0] = (state[0] + a) & _WORD
        state[1] = (state[1] + b) & _WORD
        state[2] = (state[2] + c) & _WORD
        state[3] = (state[3] + d) & _WORD
        state[4] = (state[4] + e) & _WORD
    return _digest(state, True)


def crypto_sha256(data: bytes) -> bytes:
    """The SHA-256 digest."""
    message = _padded(data, True)
    state = [0] * 8
    for i in range(8):
        state[i] = _SHA256_START[i]
    for block in range(0, len(message), 64):
        words = _schedule(message, block, 64)
        for i in range(16, 64):
            x, y = words[i - 15], words[i - 2]
            low = _turned(x, 25) ^ _turned(x, 14) ^ x >> 3
            high = _turned(y, 15) ^ _turned(y, 13) ^ y >> 10
            words[i] = (words[i - 16] + low + words[i - 7] + high) & _WORD
        a, b, c, d = state[0], state[1], state[2], state[3]
        e, f, g, h = state[4], state[5], state[6], state[7]
        for i in range(64):
            high = _turned(e, 26) ^ _turned(e, 21) ^ _turned(e, 7)
            first = (h + high + ((e & f) ^ (~e & g)) + _SHA256_K[i] + words[i]) & _WORD
            low = _turned(a, 30) ^ _turned(a, 19) ^ _turned(a, 10)
            second = (low + ((a & b) ^ (a & c) ^ (b & c))) & _WORD
            h, g, f, e = g, f, e, (d + first) & _WORD
            d, c, b, a = c, b, a, (first + second) & _WORD
        state[0] = (state[0] + a) & _WORD
        state[1] = (state[1] + b) & _WORD
        state[2] = (state[2] + c) & _WORD
        state[3] = (state[3] + d) & _WORD
        state[4] = (state[4] + e) & _WORD
        state[5] = (state[5] + f) & _WORD
        state[6] = (state[6] + g) & _WORD
        state[7] = (state[7] + h) & _WORD
    return _digest(state, True)
