"""SHA-384 and SHA-512: words of 64 bits as two of 32, the high one first.

Source: RFC 6234
"""

from turso_wasm.library.crypto import primes, root_bits

_WORD = 0xFFFFFFFF


def _halves(words: list[int]) -> tuple[int, ...]:
    return tuple(half for word in words for half in (word >> 32, word & _WORD))


_K = _halves([root_bits(prime, 3, 64) for prime in primes(80)])
_START_512 = _halves([root_bits(prime, 2, 64) for prime in primes(8)])
_START_384 = _halves([root_bits(prime, 2, 64) for prime in primes(16)[8:]])


def _padded(data: bytes) -> list[int]:
    """The bytes in blocks of 128: a bit behind them, zeros, and their number of bits."""
    out: list[int] = []
    for byte in data:
        out.append(byte)
    out.append(128)
    while len(out) % 128 != 112:
        out.append(0)
    for _ in range(8):
        out.append(0)
    bits = len(data) * 8
    for at in range(8):
        out.append(bits >> (56 - 8 * at) & 255)
    return out


def _high(high: int, low: int, n: int) -> int:
    """The high half of a word turned to the right."""
    if n >= 32:
        high, low, n = low, high, n - 32
    return (high >> n | low << (32 - n)) & _WORD


def _mix(high: int, low: int, a: int, b: int, c: int) -> int:
    """The high half of three turns of a word, one upon the other."""
    return _high(high, low, a) ^ _high(high, low, b) ^ _high(high, low, c)


def _schedule(message: list[int], block: int) -> list[int]:
    """The words of a block, and those made of them."""
    words = [0] * 160
    for i in range(32):
        at = block + 4 * i
        words[i] = message[at] << 24 | message[at + 1] << 16 | message[at + 2] << 8 | message[at + 3]
    for i in range(32, 160, 2):
        h, low = words[i - 30], words[i - 29]
        h2, low2 = words[i - 4], words[i - 3]
        first = _high(h, low, 1) ^ _high(h, low, 8) ^ h >> 7
        first_low = _high(low, h, 1) ^ _high(low, h, 8) ^ (low >> 7 | h << 25) & _WORD
        second = _high(h2, low2, 19) ^ _high(h2, low2, 61) ^ h2 >> 6
        second_low = _high(low2, h2, 19) ^ _high(low2, h2, 61) ^ (low2 >> 6 | h2 << 26) & _WORD
        below = words[i - 31] + first_low + words[i - 13] + second_low
        words[i + 1] = below & _WORD
        words[i] = (words[i - 32] + first + words[i - 14] + second + (below >> 32)) & _WORD
    return words


def _compressed(state: list[int], words: list[int]) -> list[int]:
    """The state behind a block."""
    v = [0] * 16
    for i in range(16):
        v[i] = state[i]
    for i in range(0, 160, 2):
        e, e_low, a, a_low = v[8], v[9], v[0], v[1]
        low = v[15] + _mix(e_low, e, 14, 18, 41) + ((e_low & v[11]) ^ (~e_low & v[13])) + _K[i + 1] + words[i + 1]
        high = v[14] + _mix(e, e_low, 14, 18, 41) + ((e & v[10]) ^ (~e & v[12])) + _K[i] + words[i] + (low >> 32)
        low = low & _WORD
        sum_low = _mix(a_low, a, 28, 34, 39) + ((a_low & v[3]) ^ (a_low & v[5]) ^ (v[3] & v[5])) + low
        sum_high = _mix(a, a_low, 28, 34, 39) + ((a & v[2]) ^ (a & v[4]) ^ (v[2] & v[4])) + high + (sum_low >> 32)
        next_low = v[7] + low
        next_high = v[6] + high + (next_low >> 32)
        for j in range(15, 1, -1):
            v[j] = v[j - 2]
        v[0] = sum_high & _WORD
        v[1] = sum_low & _WORD
        v[8] = next_high & _WORD
        v[9] = next_low & _WORD
    for i in range(0, 16, 2):
        below = state[i + 1] + v[i + 1]
        state[i + 1] = below & _WORD
        state[i] = (state[i] + v[i] + (below >> 32)) & _WORD
    return state


def _digest(data: bytes, state: list[int], size: int) -> bytes:
    message = _padded(data)
    for block in range(0, len(message), 128):
        state = _compressed(state, _schedule(message, block))
    out: list[int] = []
    for i in range(size // 4):
        for shift in range(24, -1, -8):
            out.append(state[i] >> shift & 255)
    return bytes(out)


def crypto_sha384(data: bytes) -> bytes:
    """The SHA-384 digest."""
    state = [0] * 16
    for i in range(16):
        state[i] = _START_384[i]
    return _digest(data, state, 48)


def crypto_sha512(data: bytes) -> bytes:
    """The SHA-512 digest."""
    state = [0] * 16
    for i in range(16):
        state[i] = _START_512[i]
    return _digest(data, state, 64)
