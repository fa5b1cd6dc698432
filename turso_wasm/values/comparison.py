"""The order of SQL values: NULL < numbers < text < blobs.

Source: https://sqlite.org/datatype3.html section 4
"""

from __future__ import annotations

from turso_wasm.values.types import Collation, SqlValue, StorageClass, storage_class, text_bytes

_FOLD = bytes(b + 32 if 65 <= b <= 90 else b for b in range(256))


def collation_key(text: str, collation: Collation) -> bytes:
    """Bytes whose order is the order of texts under the collation.

    NOCASE folds ASCII letters; behind a NUL at the same place in both texts only the lengths count.
    """
    data = text_bytes(text)
    if collation == Collation.NOCASE:
        shown, nul, _ = data.partition(b"\0")
        return shown.translate(_FOLD) + (nul + len(data).to_bytes(8, "big") if nul else b"")
    return data.rstrip(b" ") if collation == Collation.RTRIM else data


def compare(a: SqlValue, b: SqlValue, collation: Collation = Collation.BINARY) -> int:
    """-1, 0 or 1 in the total order of values: NULLs are equal, INTEGER and REAL compare exactly, by value."""
    left, right = _rank(a), _rank(b)
    if left != right:
        return -1 if left < right else 1
    if isinstance(a, str) and isinstance(b, str):
        x, y = collation_key(a, collation), collation_key(b, collation)
        return (x > y) - (x < y)
    if a is None or b is None:
        return 0
    return (a > b) - (a < b)  # type: ignore[operator]


def _rank(value: SqlValue) -> StorageClass:
    rank = storage_class(value)
    return StorageClass.INTEGER if rank == StorageClass.REAL else rank
