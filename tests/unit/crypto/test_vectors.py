"""The ciphers and hashes of the kernel on published vectors."""

from __future__ import annotations

import pytest

from tests.harness.crypto import Crypto

# draft-irtf-cfrg-aegis-aead, appendix "AEGIS-256 Test Vectors": associated data, message, ciphertext, tag.
KEY = "1001" + "00" * 30
NONCE = "100002" + "00" * 29
AEGIS = {
    "one block": ("", "00" * 16, "754fc3d8c973246dcc6d741412a4b236", "3fe91994768b332ed7f570a19ec5896e"),
    "nothing": ("", "", "", "e3def978a0f054afd1e761d7553afba3"),
    "whole blocks": (
        bytes(range(8)).hex(),
        bytes(range(32)).hex(),
        "f373079ed84b2709faee373584585d60accd191db310ef5d8b11833df9dec711",
        "8d86f91ee606e9ff26a01b64ccbdd91d",
    ),
    "less than a block": (
        bytes(range(8)).hex(),
        bytes(range(14)).hex(),
        "f373079ed84b2709faee37358458",
        "c60b9c2d33ceb058f96e6dd03c215652",
    ),
    "odd sizes": (
        bytes(range(42)).hex(),
        bytes(range(16, 56)).hex(),
        "57754a7d09963e7c787583a2e7b859bb24fa1e04d49fd550b2511a358e3bca252a9b1b8b30cc4a67",
        "ab8a7d53fd0e98d727accca94925e128",
    ),
}
# FIPS 180-4 examples.
SHA512 = {
    b"abc": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    b"": "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
}


@pytest.fixture(scope="module")
def crypto() -> Crypto:
    return Crypto()


@pytest.mark.parametrize("name", AEGIS)
def test_aegis_256(crypto: Crypto, name: str) -> None:
    data, message, ciphertext, tag = map(bytes.fromhex, AEGIS[name])
    key, nonce = bytes.fromhex(KEY), bytes.fromhex(NONCE)
    assert crypto.encrypt(key, nonce, data, message) == (ciphertext, tag)
    assert crypto.decrypt(key, nonce, data, ciphertext) == (message, tag)


@pytest.mark.parametrize("text", SHA512)
def test_sha_512(crypto: Crypto, text: bytes) -> None:
    assert crypto.sha512(text).hex() == SHA512[text]


def test_an_aes_round(crypto: Crypto) -> None:
    """FIPS 197 appendix B: from the beginning of round 1 to that of round 2."""
    block = bytes.fromhex("193de3bea0f4e22b9ac68d2ae9f84808")
    key = bytes.fromhex("a0fafe1788542cb123a339392a6c7605")
    assert crypto.aes_round(block, key).hex() == "a49c7ff2689f352b6b5bea43026a5049"
