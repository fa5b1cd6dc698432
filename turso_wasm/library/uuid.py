"""UUIDs of version 4 and 7 (RFC 9562), as 16 bytes or as text."""

import math

_DIGITS = "0123456789abcdef"


def _shown(data: bytes) -> str:
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _parsed(text: str) -> bytes | None:
    """The bytes of a text: 32 digits, hyphens between them and braces around them do not count."""
    plain = ""
    for char in text.lower():
        if char in _DIGITS:
            plain += char
        elif char not in "-{}":
            return None
    return bytes.fromhex(plain) if len(plain) == 32 else None


def _version(data: bytes, version: int) -> bytes:
    """The bytes marked as a UUID of that version."""
    return data[:6] + bytes([version * 16 + data[6] % 16, data[7], 128 + data[8] % 64]) + data[9:]


def uuid4(random: bytes) -> bytes:
    """A random UUID."""
    return _version(random, 4)


def uuid4_str(random: bytes) -> str:
    """A random UUID as text."""
    return _shown(_version(random, 4))


def _at(seconds: float, random: bytes) -> bytes:
    left = math.floor(seconds * 1000.0)
    stamp = [0] * 6
    for at in range(5, -1, -1):
        stamp[at] = left % 256
        left = left // 256
    return _version(bytes(stamp) + random[6:], 7)


def uuid7(seconds: float, random: bytes) -> bytes:
    """A UUID that begins with a time: seconds since 1970, to the millisecond."""
    return _at(seconds, random)


def uuid7_str(seconds: float, random: bytes) -> str:
    """A UUID that begins with a time, as text."""
    return _shown(_at(seconds, random))


def uuid_str(data: bytes) -> str | None:
    """The text of 16 bytes; None for others."""
    return _shown(data) if len(data) == 16 else None


def uuid_blob(text: str) -> bytes | None:
    """The bytes of a UUID's text; None if it is none."""
    return _parsed(text)


def uuid7_timestamp_ms(data: bytes) -> int | None:
    """The milliseconds since 1970 with which a UUID of version 7 begins; None for other bytes."""
    if len(data) != 16 or data[6] // 16 != 7:
        return None
    stamp = 0
    for byte in data[:6]:
        stamp = stamp * 256 + byte
    return stamp
