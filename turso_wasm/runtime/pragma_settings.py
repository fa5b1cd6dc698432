"""The arguments of PRAGMAs that set something, as SQLite reads them.

Source: https://sqlite.org/pragma.html
"""

from __future__ import annotations

import re
from typing import Final

FIXED: Final = ("mmap_size", "threads")
"""Settings that mean nothing here, where no memory is mapped and there are no threads: they answer as in a build of
SQLite without it, and setting them changes nothing.
"""


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


def large_integer(text: str) -> int:
    """The integer a text begins with, 0 if with none, as a 64-bit number."""
    found = re.match(r"\s*[+-]?\d+", text)
    if (hexadecimal := re.match(r"0[xX]([0-9a-fA-F]{1,16})", text)) is not None:
        number = int(hexadecimal[1], 16)
        return number - (number >> 63 << 64)
    return max(-(1 << 63), min(int(found[0]), (1 << 63) - 1)) if found else 0


def whole_integer(text: str) -> int | None:
    """A text that is an integer of 64 bits; None: it is not."""
    found = re.fullmatch(r"\s*[+-]?(0[xX][0-9a-fA-F]+|\d+)\s*", text)
    number = int(text, 0 if "x" in text.lower() else 10) if found is not None else None
    return number if number is not None and -(1 << 63) <= number < 1 << 63 else None


def header_integer(text: str) -> int:
    """A signed 32-bit header field."""
    return integer(text)


def auto_vacuum(text: str) -> int:
    """NONE FULL INCREMENTAL, or their numbers; what is neither is NONE."""
    names = ("none", "full", "incremental")
    number = integer(text)
    return names.index(text.lower()) if text.lower() in names else number if 0 <= number <= 2 else 0


def page_size(text: str) -> int | None:
    """A power of two from 512 to 65536."""
    size = integer(text)
    return size if 512 <= size <= 65536 and size & (size - 1) == 0 else None


def safety_level(text: str) -> int:
    """OFF NORMAL FULL EXTRA, or a number or a boolean word that means one of them."""
    words = {"off": 0, "no": 0, "false": 0, "on": 1, "yes": 1, "true": 1, "normal": 1, "full": 2, "extra": 3}
    word = text.lower()
    if word in words:
        return words[word]
    number = integer(text) & 0xFF
    return max((number + 1) & 7, 1) - 1 if word[:1].isdigit() else 1


def secure_delete(text: str) -> int:
    """OFF ON FAST."""
    return 2 if text.lower() == "fast" else int(boolean(text))


def cache_spill(text: str) -> int:
    """A number of pages, or a boolean: what is neither turns it on."""
    return integer(text) if re.match(r"[+-]?[0-9]", text) else int(text.lower() not in ("off", "no", "false"))


def locking_mode(text: str) -> int | None:
    """NORMAL or EXCLUSIVE."""
    return {"normal": 0, "exclusive": 1}.get(text.lower())
