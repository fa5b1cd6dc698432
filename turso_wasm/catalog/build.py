"""What this build is: the version of SQLite that it answers as, where it comes from, its options.

Source: https://sqlite.org/c3ref/libversion.html, https://sqlite.org/compile.html
"""

from __future__ import annotations

import re
from typing import Final

SQLITE_VERSION: Final = "3.54.1"

SOURCE_ID: Final = "2026-11-22 00:00:00 1114b2531a698fc0e8ac48a4531079e7fe3a63b4b7365905b28814b2bf3caff1"
"""As SQLite's: date, time and a hash, SHA3-256 of the name and the version of the last release."""

OPTIONS: Final = (
    "DEFAULT_AUTOVACUUM=0",
    "DEFAULT_CACHE_SIZE=-2000",
    "ENABLE_MATH_FUNCTIONS",
    "ENABLE_PERCENTILE",
    "ENGINE=turso_wasm",
    "THREADSAFE=1",
)


def option_names() -> tuple[str, ...]:
    """What asks for an option: it, or what it begins with up to the end of a word, each also after "SQLITE_"."""
    found = [option[:end] for option in OPTIONS for end in _ends(option)]
    return (*found, *(f"SQLITE_{name}" for name in found))


def _ends(option: str) -> list[int]:
    return [at for at in range(1, len(option) + 1) if not re.match(r"[\w$]", option[at:], re.ASCII)]
