"""What the library asks about characters: compiled, the tables of the kernel's full-text search answer.

Not for functions of the user's: what they compute must be what Python computes.
"""

from __future__ import annotations

import unicodedata
from typing import Final

CATEGORY_NAMES: Final = (
    "*", "Lu", "Ll", "Cc", "Cf", "Co", "Lm", "Lo", "Lt", "Mc", "Me", "Mn", "Nd", "Nl", "No", "Pc", "Pd", "Pe", "Pf",
    "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs",
)  # fmt: skip
"""By number, the categories that the kernel knows; the first: none of the others."""


def category(code: int) -> int:
    """The number of a character's category in CATEGORY_NAMES; 0: it has none."""
    name = unicodedata.category(chr(code))
    return CATEGORY_NAMES.index(name) if name in CATEGORY_NAMES else 0


def folded(code: int) -> int:
    """The lower case of a character, if that is one character; else itself."""
    lower = chr(code).lower()
    return ord(lower) if len(lower) == 1 else code
