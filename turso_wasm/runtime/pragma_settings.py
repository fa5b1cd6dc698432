"""Settings of SQLite that mean nothing here, where no memory is mapped and there are no threads: they answer as in a
build of SQLite without it, and setting them changes nothing.

Source: https://sqlite.org/pragma.html
"""

from __future__ import annotations

import re
from typing import Final

FIXED: Final = ("mmap_size", "threads")


def boolean(text: str) -> bool:
    """How SQLite reads ON and OFF: other words are false."""
    return text.lower() in ("on", "yes", "true") or (text[:1].isdigit() and integer(text) != 0)


def integer(text: str) -> int:
    """The integer a text begins with, 0 if with none, or with one of more than 32 bits."""
    return leading_integer(text) or 0


def leading_integer(text: str) -> int | None:
    """The integer a text begins with, None if with none, or with one of more than 32 bits."""
    found = re.match(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+", text)
    if found is None:
        return None
    number = int(found[0], 16 if found[0][1:2] in ("x", "X") else 10)
    return number if -(1 << 31) <= number < 1 << 31 else None
