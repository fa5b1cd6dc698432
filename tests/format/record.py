"""Records: rows and index entries as bytes.

Owns serial types and the record format. A record is a header (a varint with the header's size, itself included, and a
serial type varint for each column) followed by the columns' bytes.

  SERIAL TYPE   SIZE      MEANING
  0             0         NULL
  1 2 3 4 5 6   1 2 3 4 6 8  big-endian two's complement integer
  7             8         big-endian IEEE double (a NaN reads as NULL)
  8 9           0         the integers 0 and 1
  10 11         -         reserved, never in a well-formed file
  even >= 12    (n-12)/2  BLOB
  odd >= 13     (n-13)/2  TEXT, in the database's encoding

Source: https://sqlite.org/fileformat2.html section 2.1.

Invariants:
  R1  The header ends where its last serial type ends; the body ends where the record ends.
  R2  encode_record stores integers in the shortest serial type.
"""

from __future__ import annotations

import math
import struct

from tests.format.varint import decode_varint, encode_varint, varint_size
from turso_wasm.base.errors import Corrupt
from turso_wasm.values.types import SqlValue, text_bytes

INTEGER_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def serial_type(value: SqlValue) -> int:
    """The serial type a value is stored with. Errors: OverflowError for an integer of more than 64 bits."""
    match value:
        case None:
            return 0
        case int():
            if value in (0, 1):
                return 8 + value
            for serial, size in INTEGER_SIZES.items():
                if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
                    return serial
            raise OverflowError("an INTEGER has 64 bits")
        case float():
            return 0 if math.isnan(value) else 7
        case str():
            return 13 + 2 * len(text_bytes(value))
        case bytes():
            return 12 + 2 * len(value)


def serial_size(serial: int) -> int:
    """Bytes of the body part. Errors: Corrupt for a reserved or negative serial type."""
    if serial >= 12:
        return (serial - 12) // 2
    if serial < 0 or serial in (10, 11):
        raise Corrupt(0, -1, f"serial type {serial}")
    return INTEGER_SIZES.get(serial, 8 if serial == 7 else 0)


def encode_body(value: SqlValue) -> bytes:
    """The body part of a value."""
    serial = serial_type(value)
    if serial in INTEGER_SIZES:
        assert isinstance(value, int)
        return value.to_bytes(INTEGER_SIZES[serial], "big", signed=True)
    if isinstance(value, str):
        return text_bytes(value)
    if isinstance(value, bytes):
        return value
    return struct.pack(">d", value) if serial == 7 else b""


def encode_record(values: list[SqlValue] | tuple[SqlValue, ...]) -> bytes:
    """The record of some values; text in UTF-8."""
    types = b"".join(encode_varint(serial_type(value)) for value in values)
    header_size = len(types) + 1
    while varint_size(header_size) + len(types) != header_size:
        header_size += 1
    return encode_varint(header_size) + types + b"".join(map(encode_body, values))


def decode_value(serial: int, body: bytes, encoding: str = "utf-8") -> SqlValue:
    """The value of a serial type whose body part is `body`."""
    if serial >= 12:
        invalid = "surrogateescape" if encoding == "utf-8" else "replace"
        return body.decode(encoding, invalid) if serial & 1 else body
    if serial in INTEGER_SIZES:
        return int.from_bytes(body, "big", signed=True)
    if serial == 7:
        real: float = struct.unpack(">d", body)[0]
        return None if math.isnan(real) else real
    return {0: None, 8: 0, 9: 1}[serial]


def decode_record(record: bytes | memoryview, encoding: str = "utf-8") -> list[SqlValue]:
    """The values of a record; a header of size 0 has none. Errors: Corrupt if it breaks R1, a reserved serial type."""
    header_size, at = decode_varint(record, 0)
    if header_size == 0:
        return []
    if not at <= header_size <= len(record):
        raise Corrupt(0, 0, "the header is larger than the record")
    body = header_size
    values: list[SqlValue] = []
    while at < header_size:
        serial, at = decode_varint(record, at)
        size = serial_size(serial)
        if at > header_size or body + size > len(record):
            raise Corrupt(0, body, "a column lies beyond the end of the record")
        values.append(decode_value(serial, bytes(record[body : body + size]), encoding))
        body += size
    if body != len(record):
        raise Corrupt(0, body, "the record goes on behind its last column")
    return values
