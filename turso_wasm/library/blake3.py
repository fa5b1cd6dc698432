"""BLAKE3: a tree whose leaves are chunks of 1024 bytes.

Source: https://github.com/BLAKE3-team/BLAKE3-specs (O'Connor, Aumasson, Neves, Wilcox-O'Hearn: BLAKE3, 2020)
"""

_WORD = 0xFFFFFFFF
_START = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_MIXED = (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 5, 10, 15, 1, 6, 11, 12, 2, 7, 8, 13, 3, 4, 9, 14)
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8


def _turned(word: int, n: int) -> int:
    """A word turned to the right."""
    return (word >> n | word << (32 - n)) & _WORD


def _compress(chain: list[int], words: list[int], counter: int, size: int, flags: int) -> list[int]:
    """The chaining value behind a block of 16 words, `size` bytes of which count."""
    v = [0] * 16
    for i in range(8):
        v[i] = chain[i]
    for i in range(4):
        v[8 + i] = _START[i]
    v[12] = counter & _WORD
    v[13] = counter >> 32
    v[14] = size
    v[15] = flags
    for _ in range(7):
        for i in range(8):
            a, b, c, d = _MIXED[4 * i], _MIXED[4 * i + 1], _MIXED[4 * i + 2], _MIXED[4 * i + 3]
            v[a] = (v[a] + v[b] + words[2 * i]) & _WORD
            v[d] = _turned(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & _WORD
            v[b] = _turned(v[b] ^ v[c], 12)
            v[a] = (v[a] + v[b] + words[2 * i + 1]) & _WORD
            v[d] = _turned(v[d] ^ v[a], 8)
            v[c] = (v[c] + v[d]) & _WORD
            v[b] = _turned(v[b] ^ v[c], 7)
        moved = [0] * 16
        for i in range(16):
            moved[i] = words[_ORDER[i]]
        words = moved
    out = [0] * 8
    for i in range(8):
        out[i] = v[i] ^ v[i + 8]
    return out


def _start() -> list[int]:
    out = [0] * 8
    for i in range(8):
        out[i] = _START[i]
    return out


def _block(data: bytes, first: int) -> list[int]:
    """Sixteen words of the bytes, the last ones filled up with zeros."""
    words = [0] * 16
    for at in range(first, min(first + 64, len(data))):
        words[(at - first) // 4] |= data[at] << 8 * (at % 4)
    return words


def _chunk(data: bytes, counter: int, flags: int) -> list[int]:
    """The chaining value of up to 1024 bytes."""
    chain = _start()
    blocks = max(1, (len(data) + 63) // 64)
    for i in range(blocks):
        which = flags if i == blocks - 1 else 0
        which |= (_CHUNK_START if i == 0 else 0) | (_CHUNK_END if i == blocks - 1 else 0)
        size = min(64, len(data) - 64 * i)
        chain = _compress(chain, _block(data, 64 * i), counter, size, which)
    return chain


def _parent(stack: list[int], depth: int, right: list[int], flags: int) -> list[int]:
    """The chaining value of the two subtrees: the upper one of the stack, and `right`."""
    words = [0] * 16
    for i in range(8):
        words[i] = stack[8 * (depth - 1) + i]
        words[8 + i] = right[i]
    return _compress(_start(), words, 0, 64, _PARENT | flags)


def crypto_blake3(data: bytes) -> bytes:
    """The BLAKE3 digest, 32 bytes."""
    chunks = max(1, (len(data) + 1023) // 1024)
    stack = [0] * 512
    depth = 0
    for number in range(chunks - 1):
        chain = _chunk(data[1024 * number : 1024 * number + 1024], number, 0)
        done = number + 1
        while done % 2 == 0:
            chain = _parent(stack, depth, chain, 0)
            depth -= 1
            done = done // 2
        for i in range(8):
            stack[8 * depth + i] = chain[i]
        depth += 1
    chain = _chunk(data[1024 * (chunks - 1) :], chunks - 1, _ROOT if chunks == 1 else 0)
    while depth > 0:
        chain = _parent(stack, depth, chain, _ROOT if depth == 1 else 0)
        depth -= 1
    out: list[int] = []
    for word in chain:
        for shift in range(0, 32, 8):
            out.append(word >> shift & 255)
    return bytes(out)
