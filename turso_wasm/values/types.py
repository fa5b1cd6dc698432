"""What a SQL value is: storage classes, affinities, collations.

Owns the Python form of values (`SqlValue`) and the codes of affinities and collations, which are those of the kernel's
contract. Text is `str`; bytes that are not UTF-8 are kept as lone surrogates (`surrogateescape`).

Source: https://sqlite.org/datatype3.html
"""

from __future__ import annotations

from enum import IntEnum

SqlValue = int | float | str | bytes | None

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1


class StorageClass(IntEnum):
    """The storage classes, ordered as SQL orders their values (INTEGER and REAL together)."""

    NULL = 0
    INTEGER = 1
    REAL = 2
    TEXT = 3
    BLOB = 4


class Affinity(IntEnum):
    """Column and expression affinities. BLOB is also what SQLite used to call NONE."""

    BLOB = 65
    TEXT = 66
    NUMERIC = 67
    INTEGER = 68
    REAL = 69

    @property
    def is_numeric(self) -> bool:
        """True for NUMERIC, INTEGER and REAL."""
        return self >= Affinity.NUMERIC


class Collation(IntEnum):
    """The built-in collating sequences."""

    BINARY = 0
    NOCASE = 1
    RTRIM = 2


def storage_class(value: SqlValue) -> StorageClass:
    """The storage class of a value."""
    if value is None:
        return StorageClass.NULL
    if isinstance(value, int):
        return StorageClass.INTEGER
    if isinstance(value, float):
        return StorageClass.REAL
    return StorageClass.TEXT if isinstance(value, str) else StorageClass.BLOB


def declared_affinity(type_name: str) -> Affinity:
    """The affinity of a declared column type ("" when none was declared).

    Source: https://sqlite.org/datatype3.html section 3.1; the rules apply in this order.
    """
    name = type_name.upper()
    if "INT" in name:
        return Affinity.INTEGER
    if "CHAR" in name or "CLOB" in name or "TEXT" in name:
        return Affinity.TEXT
    if "BLOB" in name or not name:
        return Affinity.BLOB
    if "REAL" in name or "FLOA" in name or "DOUB" in name:
        return Affinity.REAL
    return Affinity.NUMERIC


def find_collation(name: str) -> Collation | None:
    """The collation of that name (any case), or None."""
    return Collation.__members__.get(name.upper())


def text_bytes(text: str) -> bytes:
    """The UTF-8 bytes of a text."""
    return text.encode("utf-8", "surrogateescape")


def bytes_text(data: bytes) -> str:
    """The text that has these bytes."""
    return data.decode("utf-8", "surrogateescape")
