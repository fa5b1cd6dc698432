"""Settings of SQLite that we have in one position only: it can be read and set; another one is refused.

Source: https://sqlite.org/pragma.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError


@dataclass(frozen=True, slots=True)
class Setting:
    """value: the only one there is. is_fixed: what cannot be here, memory that is mapped and threads, as in a build of
    SQLite without it: setting it changes nothing. answers: PRAGMA name = value answers as PRAGMA name does.
    """

    value: int
    is_fixed: bool = False
    answers: bool = False

    def check(self, name: str, written: str) -> None:
        """Refuse to set it to something else. Errors: "not supported yet: PRAGMA name = value"."""
        wanted = int(boolean(written))
        if wanted != self.value:
            raise SqlError(SQLITE_ERROR, f"not supported yet: PRAGMA {name} = {written}")


def boolean(text: str) -> bool:
    """How SQLite reads ON and OFF: other words are false."""
    return text.lower() in ("on", "yes", "true") or (text[:1].isdigit() and integer(text) != 0)


def integer(text: str) -> int:
    """The integer a text begins with, 0 if with none."""
    sign, digits = (text[:1], text[1:]) if text[:1] in ("-", "+") else ("", text)
    end = next((at for at, char in enumerate(digits) if not ("0" <= char <= "9")), len(digits))
    return int(sign + digits[:end]) if end else 0


SETTINGS: Final[dict[str, Setting]] = {
    "trusted_schema": Setting(1),
    **dict.fromkeys(("mmap_size", "threads"), Setting(0, is_fixed=True, answers=True)),
}
