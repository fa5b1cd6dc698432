"""What an engine answers to a step, and when two answers agree."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.statements import Statement
from tests.oracle.engines import Answer, Engine, Failure, literal, row_text

ROWID = re.compile(r"^(_rowid_|oid)$", re.IGNORECASE)


@dataclass(slots=True)
class Reply:
    """What a step answered: rows as text (and as values), or an error."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    columns: list[str] | None = None
    failure: Failure | None = None

    def lines(self) -> list[str]:
        """The reply, readable."""
        return [str(self.failure)] if self.failure else [row_text(row) for row in self.rows]


def ask(engine: Engine, step: Statement) -> Reply:
    """Run a statement."""
    try:
        answer: Answer = engine.run(step.connection, step.sql, step.parameters)
    except Failure as failure:
        return Reply(failure=failure)
    return Reply(answer.rows, answer.columns)


def place_of(failure: Failure) -> str:
    """Where in our Python an error came from, with a colon; nothing if it did not come from there."""
    cause = failure.__cause__
    frames = traceback.extract_tb(cause.__traceback__) if cause is not None else []
    ours = [frame for frame in frames if "turso_wasm" in frame.filename and "dbapi" not in frame.filename]
    return f"{Path(ours[-1].filename).stem}.{ours[-1].name}: " if ours else ""


def plain(value: object) -> str:
    """A value as text; numbers that are equal look alike, and so do texts that some collation equates."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return literal(int(value))
    return literal(value).rstrip(" '").upper() if isinstance(value, str) else literal(value)


def names(reply: Reply) -> list[str]:
    """Names of columns, without the numbers that SQLite gives to some that appear twice in what it rewrites, and with
    one name for rowids, whose own is lost on the way.
    """
    return [ROWID.sub("rowid", re.sub(r":\d+$", "", name)) for name in reply.columns or []]


def same_names(expected: Reply, ours: Reply) -> bool:
    """The columns are called the same. To SQLite a rowid is `_ROWID_` behind parentheses, whatever its name."""
    pairs = list(zip(names(expected), names(ours), strict=False))
    return len(names(expected)) == len(names(ours)) and all(a == b or a == "rowid" for a, b in pairs)


def agree(expected: Reply, ours: Reply, order: tuple[int, ...]) -> bool:
    """The same rows, in an order that the statement allows."""
    if expected.failure and ours.failure and "Incorrect number of bindings" in ours.failure.message:
        return "Incorrect number of bindings" in expected.failure.message
    if expected.failure or ours.failure:
        return str(expected.failure) == str(ours.failure)
    if [row_text(row) for row in expected.rows] == [row_text(row) for row in ours.rows]:
        return True
    width = len((expected.rows or ours.rows)[0])
    keys = [
        [[plain(row[place]) for place in order if place < width] for row in reply.rows] for reply in (expected, ours)
    ]
    if keys[0] != keys[1]:
        return False
    return Counter(map(row_text, expected.rows)) == Counter(map(row_text, ours.rows))


def agree_about_numbers(expected: Reply, ours: Reply, order: tuple[int, ...]) -> bool:
    """As `agree`, but 1 and 1.0 are the same."""
    if agree(expected, ours, order):
        return True
    rows = [Counter("|".join(map(plain, row)) for row in reply.rows) for reply in (expected, ours)]
    return not expected.failure and not ours.failure and rows[0] == rows[1]
