"""Encodings of bytes as text.

Source: RFC 4648 (base 16, 32, 64), RFC 1924 and Python's base64.b85encode (base 85), RFC 3986 (percent-encoding)
"""

_WORD = 0xFFFFFFFF
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_HEX = "0123456789ABCDEF"
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


def _by_bits(data: bytes, digits: str, bits: int, group: int) -> str:
    """Each `bits` bits as a digit, filled up with `=` to whole groups of digits."""
    out = ""
    held, n = 0, 0
    for byte in data:
        held, n = (held << 8 | byte) & 0xFFFF, n + 8
        while n >= bits:
            n -= bits
            out += digits[held >> n & ((1 << bits) - 1)]
    if n > 0:
        out += digits[held << (bits - n) & ((1 << bits) - 1)]
    return out + "=" * (-len(out) % group)


def _of_bits(text: str, digits: str, bits: int) -> bytes:
    out: list[int] = []
    held, n = 0, 0
    end = len(text)
    while end > 0 and text[end - 1] == "=":
        end -= 1
    for char in text[:end]:
        value = digits.find(char)
        if value < 0:
            raise ValueError("malformed encoding")
        held, n = (held << bits | value) & 0xFFFF, n + bits
        if n >= 8:
            n -= 8
            out.append(held >> n & 255)
    return bytes(out)


def _to_base85(data: bytes) -> str:
    out = ""
    for first in range(0, len(data), 4):
        given = min(4, len(data) - first)
        value = 0
        for at in range(4):
            value = value * 256 + (data[first + at] if at < given else 0)
        part = ""
        for _ in range(5):
            part = _BASE85[value % 85] + part
            value = value // 85
        out += part[: given + 1]
    return out


def _of_base85(text: str) -> bytes:
    out: list[int] = []
    for first in range(0, len(text), 5):
        given = min(5, len(text) - first)
        value = 0
        for at in range(5):
            digit = _BASE85.find(text[first + at]) if at < given else 84
            if digit < 0:
                raise ValueError("malformed encoding")
            value = value * 85 + digit
        if given == 1 or value > _WORD:
            raise ValueError("malformed encoding")
        for at in range(given - 1):
            out.append(value >> (24 - 8 * at) & 255)
    return bytes(out)


def _to_url(data: bytes) -> str:
    out = ""
    for byte in data:
        char = chr(byte) if byte < 128 else ""
        out += char if char != "" and char in _UNRESERVED else "%" + _HEX[byte >> 4] + _HEX[byte & 15]
    return out


def _nibble(byte: int) -> int:
    """The value of a hexadecimal digit, or -1."""
    found = "0123456789ABCDEFabcdef".find(chr(byte))
    return found if found < 16 else found - 6


def _of_url(data: bytes) -> bytes:
    out: list[int] = []
    at = 0
    while at < len(data):
        if data[at] == 37:
            high = _nibble(data[at + 1]) if at + 2 < len(data) else -1
            low = _nibble(data[at + 2]) if at + 2 < len(data) else -1
            if high < 0 or low < 0:
                raise ValueError("malformed encoding")
            out.append(high * 16 + low)
            at += 3
        else:
            out.append(data[at])
            at += 1
    return bytes(out)


def crypto_encode(data: bytes, how: str) -> str:
    """The bytes as text in `hex`, `base32`, `base64`, `base85` or `url`."""
    if how == "hex":
        return data.hex()
    if how == "base32":
        return _by_bits(data, _BASE32, 5, 8)
    if how == "base64":
        return _by_bits(data, _BASE64, 6, 4)
    if how == "base85":
        return _to_base85(data)
    if how == "url":
        return _to_url(data)
    raise ValueError("unknown encoding")


def crypto_decode(text: str, how: str) -> bytes:
    """The bytes that a text in that encoding stands for. Raises for one that is malformed."""
    if how == "hex":
        return _of_hex(text)
    if how == "base32":
        return _of_bits(text, _BASE32, 5)
    if how == "base64":
        return _of_bits(text, _BASE64, 6)
    if how == "base85":
        return _of_base85(text)
    if how == "url":
        return _of_url(text.encode())
    raise ValueError("unknown encoding")


def _of_hex(text: str) -> bytes:
    for byte in text.encode():
        if _nibble(byte) < 0:
            raise ValueError("malformed encoding")
    if len(text) % 2 == 1:
        raise ValueError("malformed encoding")
    return bytes.fromhex(text)
