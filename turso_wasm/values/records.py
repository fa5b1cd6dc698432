"""SQLite's record format, read and written. Source: https://sqlite.org/fileformat2.html section 2.1."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import Final

Value = int | float | str | bytes | None

_SIZES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}  # serial types of numbers


def decode_record(payload: bytes, text: Callable[[bytes], str] = bytes.decode) -> list[Value]:
    """The values of a record. Errors: ValueError; IndexError in a varint that is cut off."""
    end, at = varint(payload, 0)
    if not 1 <= end <= len(payload):
        raise ValueError("no record")
    body = end
    values: list[Value] = []
    while at < end:
        serial, at = varint(payload, at)
        value, body = _value(payload, serial, body, text)
        values.append(value)
    if at != end:
        raise ValueError("no record")
    return values


def _value(payload: bytes, serial: int, at: int, text: Callable[[bytes], str]) -> tuple[Value, int]:
    if serial in (0, 8, 9):
        return (None, 0, 1)[(0, 8, 9).index(serial)], at
    if serial in (10, 11) or serial < 0:
        raise ValueError("no record")
    size = _SIZES.get(serial) or (serial - 12) // 2
    if at + size > len(payload):
        raise ValueError("no record")
    raw = payload[at : at + size]
    if serial == 7:
        (real,) = struct.unpack(">d", raw)
        return None if math.isnan(real) else real, at + size
    if serial < 12:
        return int.from_bytes(raw, "big", signed=True), at + size
    return raw if serial % 2 == 0 else text(raw), at + size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at an offset, and the offset behind it. Errors: IndexError."""
    value = 0
    for nth in range(8):
        byte = data[at + nth]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + nth + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def encode_record(values: Iterable[Value]) -> bytes:
    """Inverse of decode_record. Texts are UTF-8; an integer takes the fewest bytes it can."""
    serials, bodies = [], []
    for value in values:
        serial, body = _encoded(value)
        serials.append(put_varint(serial))
        bodies.append(body)
    head = b"".join(serials)
    size = next(n for n in range(len(head) + 1, len(head) + 10) if len(put_varint(n)) + len(head) == n)
    return put_varint(size) + head + b"".join(bodies)


def _encoded(value: Value) -> tuple[int, bytes]:
    match value:
        case None:
            return 0, b""
        case 0 | 1 if isinstance(value, int):
            return 8 + value, b""
        case int():
            serial = next(
                serial for serial, size in _SIZES.items() if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1
            )
            return serial, value.to_bytes(_SIZES[serial], "big", signed=True)
        case float():
            return 7, struct.pack(">d", value)
        case str():
            raw = value.encode("utf-8", "surrogateescape")
            return 2 * len(raw) + 13, raw
        case _:
            return 2 * len(value) + 12, bytes(value)


def put_varint(value: int) -> bytes:
    """A number that is not negative as a varint."""
    if value >= 1 << 56:
        return bytes(value >> shift & 0x7F | 0x80 for shift in range(57, 7, -7)) + bytes((value & 0xFF,))
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
