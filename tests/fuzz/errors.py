"""Statements with more than one error.

Which of them is reported is an accident of how a compiler is made, so both answers are taken for one if both errors
are there: each engine gives the other's message for some smaller statement. Errors that only one engine knows remain
faults.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.smaller import smaller_texts
from tests.fuzz.statements import Statement

MAX_TRIED = 300

Message = Callable[[str], str | None]
"""The error of a statement, None without one; the statement is not run."""


def both_are_there(sql: str, sqlite: Message, ours: Message) -> bool:
    """True if the statement has the error that we report as well as the one SQLite reports."""
    theirs, mine = sqlite(sql), ours(sql)
    if theirs is None or mine is None:
        return False
    return _gives(sql, mine, sqlite, ours) and _gives(sql, theirs, ours, sqlite)


def _gives(sql: str, wanted: str, engine: Message, other: Message) -> bool:
    """True if the engine gives the message that the other one gives for `sql`, once enough else is left out."""
    tried = 0
    progress = True
    while progress:
        progress = False
        for text in smaller_texts(Statement(sql)):
            tried += 1
            if tried > MAX_TRIED:
                return False
            if engine(text) == wanted:
                return True
            if len(text) < len(sql) and other(text) == wanted:
                sql, progress = text, True
                break
    return False
