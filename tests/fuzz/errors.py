"""Statements with more than one error, and values that fail only if somebody asks for them.

Which of several errors is reported is an accident of how a compiler is made, so both answers are taken for one if both
errors are there: each engine gives the other's message for some smaller statement. In which order conditions are
tested, and whether the second operand of an AND is, is not said either: so an error of a value is excused if the other
engine gives it for a part of the statement. Errors that only one engine knows remain faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.fuzz.mending import complains_after_mending
from tests.fuzz.smaller import smaller_texts
from tests.fuzz.statements import Statement
from turso_wasm.sql import lexer

MAX_TRIED = 1500

Message = Callable[[str], str | None]
"""The error of a statement, None without one."""

OF_A_VALUE = re.compile(
    r"malformed JSON|bad JSON path|JSON path error|JSON cannot hold BLOB|json_\w+\(\) (?:labels|requires)"
    r"|ESCAPE expression|integer overflow|argument to (?:percentile|median|percentile_\w+)\(\)"
    r"|input to (?:percentile|median)|fraction argument|string or blob too big|frame (?:starting|ending) offset must be"
    r"|malformed MATCH expression|fts5: |unterminated string|unrecognized matchinfo request"
    r"|^no such column: nosuch$"  # which only full-text queries name
)
"""Messages about values, which come while a statement runs."""
CONDITIONS = re.compile(r"\b(AND|OR|IN|WHERE|ON|HAVING|FILTER|CHECK|UNION|INTERSECT|EXCEPT)\b", re.IGNORECASE)


def both_are_there(sql: str, sqlite: Message, ours: Message, bare: tuple[Message, Message] | None = None) -> bool:
    """True if the statement, which is only prepared, has the error that we report as well as the one SQLite reports.

    bare: SQLite and we without triggers, whose errors are not in the statement.
    """
    theirs, mine = sqlite(sql), ours(sql)
    if theirs is None or mine is None:
        return False
    ways = [(sqlite, ours)] if bare is None else [(sqlite, ours), bare]
    return any(_knows(sql, mine, each, ours) for each, _ in ways) and any(
        _knows(sql, theirs, each, sqlite) for _, each in ways
    )


def is_of_a_part(sql: str, message: str, other: Message) -> bool:
    """True if the error is one of a value that the other engine, which gave none, knows of a part of the statement."""
    if message.startswith(BAD_LITERAL) and message.removeprefix(BAD_LITERAL).lstrip("-") in sql:
        return True  # SQLite refuses it only where it makes code of it
    if not OF_A_VALUE.search(message) or not CONDITIONS.search(sql):
        return False
    return any(other(text) == message for text, _ in zip(_simpler(sql), range(MAX_TRIED), strict=False))


def _knows(sql: str, wanted: str, engine: Message, other: Message) -> bool:
    return complains_after_mending(sql, wanted, engine) or _gives(sql, wanted, engine, other)


def _gives(sql: str, wanted: str, engine: Message, other: Message) -> bool:
    """True if the engine gives the message that the other one gives for `sql`, once enough else is left out."""
    if wanted.startswith(BAD_LITERAL) and wanted.removeprefix(BAD_LITERAL).lstrip("-") in sql:
        return True  # each engine refuses it where it comes across it
    tried = 0
    while True:
        shorter = ""
        for text in _simpler(sql):
            tried += 1
            if tried > MAX_TRIED:
                return False
            if engine(text) == wanted:
                return True
            if not shorter and len(text) < len(sql) and other(text) == wanted:
                shorter = text
        if not shorter:
            return False
        sql = shorter


def _simpler(sql: str) -> Iterator[str]:
    """The statement with parts left out, and with names that there always are."""
    parses = False
    for text in smaller_texts(Statement(sql)):
        parses = True
        yield text
    tokens = lexer.tokenize(sql)
    spans = list(zip(tokens.starts, tokens.ends, strict=False))
    if not parses:
        for size in (16, 8, 4, 2, 1):
            for at in range(0, len(spans) - size, max(1, size // 2)):
                yield sql[: spans[at][0]] + sql[spans[at + size - 1][1] :]
    for kind, (start, end) in zip(tokens.kinds, spans, strict=False):
        if kind == lexer.ID:
            yield f"{sql[:start]}rowid{sql[end:]}"
    known = {sql[start:end]: None for kind, (start, end) in zip(tokens.kinds, spans, strict=False) if kind == lexer.ID}
    for kind, (start, end) in zip(tokens.kinds, spans, strict=False):
        if kind == lexer.ID:  # a table without rowids has another column
            yield from (f"{sql[:start]}{name}{sql[end:]}" for name in [*known][:6] if name != sql[start:end])
    added = ADDED.match(sql)
    if added:  # of a type that a STRICT table takes
        yield f"{added[1]} ANY {sql[added.end() :]}"
        yield added[0]
        yield re.sub(r"\s+STORED\b", "", sql, flags=re.IGNORECASE)


ADDED = re.compile(
    r"(ALTER TABLE .+? ADD\s+(?:COLUMN\s+)?(?:\w+|\"[^\"]+\"|`[^`]+`|\[[^]]+\]))"
    r"(?:\s+(?!AS\b|NOT\b|DEFAULT\b)\w+(?:\([^)]*\))?)?"
)
"""A new column and its type."""
SAME_OBJECT = re.compile(r"error in (?:view|trigger|table|index) (.+?)(?: after [a-z ]+)?: ")


BAD_LITERAL = "hex literal too big: "
MISMATCH = re.compile(r'foreign key mismatch - "(.+)" referencing "')


def mismatches_both(theirs: str, mine: str, sqlite: Message, ours: Message) -> bool:
    """True if both tables are there that PRAGMA foreign_key_check stops at: it takes them in no order that counts."""
    found = MISMATCH.match(theirs), MISMATCH.match(mine)
    if found[0] is None or found[1] is None:
        return False
    return ours(f'PRAGMA foreign_key_check("{found[0][1]}")') == theirs and (
        sqlite(f'PRAGMA foreign_key_check("{found[1][1]}")') == mine
    )


def are_of_one_object(theirs: str, mine: str) -> bool:
    """True if an ALTER is refused for what is wrong with the same view, trigger, table or index. Which of its faults is
    named, and whether before or after the change, depends on how its text is walked.
    """
    found = SAME_OBJECT.match(theirs), SAME_OBJECT.match(mine)
    return None not in found and found[0][1] == found[1][1]  # type: ignore[index]
