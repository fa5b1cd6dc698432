"""The kernel's ciphers and hashes beside others: on random keys, texts and sizes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.crypto import Crypto, aegis_256

crypto = Crypto()
BYTES_32 = st.binary(min_size=32, max_size=32)
TEXT = st.binary(max_size=300)


@given(BYTES_32, BYTES_32, TEXT, TEXT)
def test_aegis_256(key: bytes, nonce: bytes, data: bytes, message: bytes) -> None:
    ciphertext, tag = crypto.encrypt(key, nonce, data, message)
    assert (ciphertext, tag) == aegis_256(key, nonce, data, message)
    assert crypto.decrypt(key, nonce, data, ciphertext) == (message, tag)


@given(BYTES_32, BYTES_32, TEXT, st.binary(min_size=1, max_size=300), st.data())
def test_a_changed_bit_changes_the_tag(
    key: bytes, nonce: bytes, data: bytes, message: bytes, draw: st.DataObject
) -> None:
    ciphertext, tag = crypto.encrypt(key, nonce, data, message)
    everything = bytearray(data + ciphertext)
    bit = draw.draw(st.integers(0, len(everything) * 8 - 1))
    everything[bit // 8] ^= 1 << bit % 8
    changed = bytes(everything)
    assert crypto.decrypt(key, nonce, changed[: len(data)], changed[len(data) :])[1] != tag


def test_aes_beside_cryptography() -> None:
    """A round of ours is one of AES: ten of them, and the schedule of keys, are AES-128."""
    ciphers = pytest.importorskip("cryptography.hazmat.primitives.ciphers")
    from tests.harness.crypto import SBOX, aes_round

    key = bytes(range(16))
    words = [key[at : at + 4] for at in range(0, 16, 4)]
    constant = 1
    for n in range(4, 44):
        last = words[-1]
        if n % 4 == 0:
            last = bytes([SBOX[last[1]] ^ constant, SBOX[last[2]], SBOX[last[3]], SBOX[last[0]]])
            constant = constant << 1 ^ (0x11B if constant & 0x80 else 0)
        words.append(bytes(a ^ b for a, b in zip(words[-4], last, strict=True)))
    keys = [b"".join(words[n : n + 4]) for n in range(0, 44, 4)]
    for n in range(50):
        plain = hashlib.sha256(bytes([n])).digest()[:16]
        block = bytes(a ^ b for a, b in zip(plain, keys[0], strict=True))
        for number in range(1, 10):
            ours = crypto.aes_round(block, keys[number])
            assert ours == aes_round(block, keys[number])
            block = ours
        shifted = bytes(SBOX[block[(at // 4 + at % 4) % 4 * 4 + at % 4]] for at in range(16))
        block = bytes(a ^ b for a, b in zip(shifted, keys[10], strict=True))
        algorithm = ciphers.algorithms.AES(key)
        encryptor = ciphers.Cipher(algorithm, ciphers.modes.ECB()).encryptor()
        assert block == encryptor.update(plain)


@given(st.binary(max_size=600))
def test_sha_512(text: bytes) -> None:
    assert crypto.sha512(text) == hashlib.sha512(text).digest()


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=16), st.integers(1, 20))
def test_pbkdf2(password: bytes, salt: bytes, iterations: int) -> None:
    assert crypto.pbkdf2(password, salt, iterations) == hashlib.pbkdf2_hmac("sha512", password, salt, iterations, 32)
