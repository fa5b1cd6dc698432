"""How errors are told: what went wrong, on which line, and where in the SQL."""

from __future__ import annotations

import re
from typing import Final

from turso_wasm.dbapi.errors import Error

_BEFORE: Final = 50  # characters shown before the place, at most
_SHOWN: Final = 78
_LEFT: Final = 25  # where the words come to stand on the other side of the arrow
_SPACES: Final = re.compile(r"\s")


class CommandError(Exception):
    """A dot-command cannot do what it was asked to; the text is what the user reads."""


def message_of(error: BaseException) -> str:
    """An error's words, with its code when it is more than "error"."""
    if isinstance(error, UnicodeEncodeError):
        return "the text is not UTF-8"
    code = getattr(error, "sqlite_errorcode", None)
    return f"{error} ({code & 0xFF})" if code is not None and code & 0xFF != 1 else str(error)


def pointer(sql: str, error: Error) -> str:
    """Two lines that show the place of an error in the statement; empty when it has none."""
    if error.span is None:
        return ""
    at = error.span[0]
    cut = max(at - _BEFORE, 0)
    at -= cut
    text = _SPACES.sub(" ", sql[cut : cut + _SHOWN])
    arrow = " " * at + "^--- error here" if at < _LEFT else " " * (at - 14) + "error here ---^"
    return f"  {text}\n  {arrow}\n"
