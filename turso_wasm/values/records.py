"""SQLite's record format, read. Source: https://sqlite.org/fileformat2.html section 2.1."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
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
