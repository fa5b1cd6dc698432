"""Settings of SQLite that mean nothing here, where no memory is mapped and there are no threads: they answer as in a
build of SQLite without it, and setting them changes nothing.

Source: https://sqlite.org/pragma.html
"""

from __future__ import annotations

from typing import Final

FIXED: Final = ("mmap_size", "threads")


def boolean(text: str) -> bool:
    """How SQLite reads ON and OFF: other words are false."""
    return text.lower() in ("on", "yes", "true") or (text[:1].isdigit() and integer(text) != 0)


def integer(text: str) -> int:
    """The integer a text begins with, 0 if with none, or with one of more than 32 bits."""
    sign, digits = (text[:1], text[1:]) if text[:1] in ("-", "+") else ("", text)
    end = next((at for at, char in enumerate(digits) if not ("0" <= char <= "9")), len(digits))
    number = int(sign + digits[:end]) if end else 0
    return number if -(1 << 31) <= number < 1 << 31 else 0
