"""Where statements end: for shells that read line by line, and for scripts that are run statement by statement."""

from __future__ import annotations

import re
from typing import Final

from turso_wasm.sql.lexer import END, ILLEGAL, tokenize

_CLOSED_SPACE: Final = re.compile(r"(?:[ \t\n\f\r\ufeff]|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*+\*/)*+")
# What most scripts are made of: one statement that is no trigger, without comments or names in quotes.
_ONE_STATEMENT: Final = re.compile(
    r"(?![\s\ufeff]*(?:create|explain)\b)(?:'[^']*'|-(?!-)|/(?!\*)|[^'\"`\[;/\-\0])*+;", re.IGNORECASE
)


def is_complete(sql: str) -> bool:
    """True if the text ends with a whole statement, so that a shell need not ask for more lines.

    As sqlite3_complete: the last token is a ';' outside strings, comments and the body of a CREATE TRIGGER, and no
    comment is open. Text without any token is not complete. Nothing else is checked: `SELEC 1;` is complete.
    """
    if _ONE_STATEMENT.fullmatch(sql):
        return True
    complete = False
    at, end = 0, len(sql)
    while True:
        if at == end:
            return complete
        tokens = tokenize(sql, at)
        if tokens.kinds[0] == END:
            return complete and _CLOSED_SPACE.fullmatch(sql, at) is not None
        complete = tokens.kinds[tokens.count - 1] == ";" and not tokens.is_open_trigger
        at = tokens.end


def split_statements(sql: str) -> list[tuple[int, int]]:
    """(start, end) of each statement, from its first token to its ';' or last token; empty statements are left out.

    A token that is none does not end the splitting: its statement reaches to the next ';'.
    """
    spans: list[tuple[int, int]] = []
    at, length = 0, len(sql)
    while at < length:
        tokens = tokenize(sql, at)
        if tokens.kinds[0] == END:
            return spans
        start = tokens.starts[0]
        empty = tokens.kinds[0] == ";"
        while ILLEGAL in tokens.kinds:
            tokens = tokenize(sql, tokens.end)
        if not empty:
            spans.append((start, tokens.ends[tokens.count - 1]))
        at = tokens.end
    return spans
