"""Declared types: their affinity and the types a STRICT table knows.

Source: https://sqlite.org/datatype3.html section 3.1, https://sqlite.org/stricttables.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, TypeAlias, cast

from turso_wasm.values.types import declared_affinity

AffinityLetter: TypeAlias = Literal["A", "B", "C", "D", "E", "F"]
"""An affinity: BLOB (also called NONE), TEXT, NUMERIC, INTEGER, REAL, FLEXNUM."""

BLOB: Final = "A"
TEXT: Final = "B"
NUMERIC: Final = "C"
INTEGER: Final = "D"
REAL: Final = "E"
FLEXNUM: Final = "F"
"""NUMERIC of a compound's column whose numbers stay as they are; it holds no texts."""

NUMERIC_AFFINITIES: Final[frozenset[AffinityLetter | None]] = frozenset({"C", "D", "E", "F"})

STRICT_TYPES: Final[dict[str, AffinityLetter]] = {
    "int": "D",
    "integer": "D",
    "real": "E",
    "text": "B",
    "blob": "A",
    "any": "A",
}

TYPE_PREFIX: Final = "type "
"""What the name of a CHECK begins with that says of which type beyond SQLite's a column is."""

STANDARD_TYPES: Final = {name: name.upper() for name in ("any", "blob", "int", "integer", "real", "text")}
"""Types that SQLite reports in capitals however they were written."""


@lru_cache(maxsize=256)
def affinity_of_type(type_name: str) -> AffinityLetter:
    """The affinity of a declared type ('' for none): the five rules, in order."""
    return cast(AffinityLetter, chr(declared_affinity(type_name)))
