"""Calling the kernel's ciphers and hashes; and AEGIS-256 once more, written for the tests from its specification."""

from __future__ import annotations

from tests.harness.kernel import Kernel

MODULES = [f"turso_wasm.kernel.crypto.{name}" for name in ("aegis", "sha512")]
ABSORB, ENCRYPT, DECRYPT = range(3)


class Crypto:
    """Each call works in memory of its own."""

    def __init__(self) -> None:
        self.kernel = Kernel(MODULES)

    def _put(self, data: bytes) -> int:
        return self.kernel.alloc(data + bytes(16))

    def _run(self, how: int, key: bytes, nonce: bytes, data: bytes, message: bytes) -> tuple[bytes, bytes]:
        kernel, state = self.kernel, self._put(bytes(96))
        out, tag, text = self._put(message), self._put(bytes(16)), self._put(message)
        kernel.call("aegis_start", state, self._put(key), self._put(nonce))
        kernel.call("aegis_run", state, self._put(data), 0, len(data), ABSORB)
        kernel.call("aegis_run", state, text, out, len(message), how)
        kernel.call("aegis_tag", state, len(data), len(message), tag)
        assert kernel.read(state, 96) == bytes(96)
        return kernel.read(out, len(message)), kernel.read(tag, 16)

    def encrypt(self, key: bytes, nonce: bytes, data: bytes, message: bytes) -> tuple[bytes, bytes]:
        """(ciphertext, tag)."""
        return self._run(ENCRYPT, key, nonce, data, message)

    def decrypt(self, key: bytes, nonce: bytes, data: bytes, ciphertext: bytes) -> tuple[bytes, bytes]:
        """(message, the tag it should have)."""
        return self._run(DECRYPT, key, nonce, data, ciphertext)

    def sha512(self, text: bytes) -> bytes:
        """The hash."""
        state, out = self._put(bytes(64)), self._put(bytes(64))
        self.kernel.write(state, start_words())
        self.kernel.call("hash_end", state, self._put(text), len(text), 0, out)
        return self.kernel.read(out, 64)

    def pbkdf2(self, password: bytes, salt: bytes, iterations: int) -> bytes:
        """A key of 32 bytes."""
        out = self._put(bytes(32))
        self.kernel.call("pbkdf2", self._put(password), len(password), self._put(salt), iterations, out)
        return self.kernel.read(out, 32)

    def aes_round(self, block: bytes, key: bytes) -> bytes:
        """Of AEGIS: the state's first vector is a round of the last one, under the first one and the message."""
        state, message = self._put(bytes(80) + block), self._put(key)
        self.kernel.call("blocks", state, message, 0, 1, ABSORB)
        return self.kernel.read(state, 16)


def start_words() -> bytes:
    """How SHA-512 begins, as the module has it."""
    from turso_wasm.kernel.crypto.sha512 import START as WORDS

    return WORDS


# --- AEGIS-256 for comparison ------------------------------------------------------------------------------------


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = a << 1 ^ (0x11B if a & 0x80 else 0), b >> 1
    return product


def _sub(x: int) -> int:
    inverse = next((y for y in range(256) if _times(x, y) == 1), 0)
    turned = [(inverse << n | inverse >> (8 - n)) & 0xFF for n in range(5)]
    return turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63


SBOX = bytes(map(_sub, range(256)))
DOUBLE = bytes(_times(x, 2) for x in range(256))


def aes_round(block: bytes, key: bytes) -> bytes:
    """SubBytes, ShiftRows, MixColumns, AddRoundKey."""
    out = bytearray(16)
    for column in range(4):
        a = [SBOX[block[(column + row) % 4 * 4 + row]] for row in range(4)]
        for row in range(4):
            b, c, d, e = (a[(row + n) % 4] for n in range(4))
            out[column * 4 + row] = DOUBLE[b] ^ DOUBLE[c] ^ c ^ d ^ e ^ key[column * 4 + row]
    return bytes(out)


def _xor(*parts: bytes) -> bytes:
    total = 0
    for part in parts:
        total ^= int.from_bytes(part, "big")
    return total.to_bytes(16, "big")


def _update(s: list[bytes], message: bytes) -> list[bytes]:
    return [aes_round(s[n - 1], _xor(s[n], message) if n == 0 else s[n]) for n in range(6)]


def _blocks(data: bytes) -> list[bytes]:
    return [data[at : at + 16].ljust(16, b"\0") for at in range(0, len(data), 16)]


def aegis_256(key: bytes, nonce: bytes, data: bytes, message: bytes) -> tuple[bytes, bytes]:
    """(ciphertext, tag)."""
    c0, c1 = bytes.fromhex("000101020305080d1522375990e97962"), bytes.fromhex("db3d18556dc22ff12011314273b528dd")
    k, n = _blocks(key), _blocks(nonce)
    s = [_xor(k[0], n[0]), _xor(k[1], n[1]), c1, c0, _xor(k[0], c0), _xor(k[1], c1)]
    for word in [*k, _xor(k[0], n[0]), _xor(k[1], n[1])] * 4 + _blocks(data):
        s = _update(s, word)
    ciphertext = b""
    for word in _blocks(message):
        both = (int.from_bytes(s[2], "big") & int.from_bytes(s[3], "big")).to_bytes(16, "big")
        ciphertext += _xor(word, s[1], s[4], s[5], both)
        s = _update(s, word)
    sizes = (len(data) * 8).to_bytes(8, "little") + (len(message) * 8).to_bytes(8, "little")
    last = _xor(s[3], sizes)
    for _ in range(7):
        s = _update(s, last)
    return ciphertext[: len(message)], _xor(*s)
