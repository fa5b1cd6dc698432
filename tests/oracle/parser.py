"""SQLite as the oracle of the parser: what it says of a statement that is prepared but never run."""

from __future__ import annotations

import re
from dataclasses import dataclass

import apsw

from turso_wasm.base.errors import SqlError
from turso_wasm.sql.parser import parse_one

PARSER_MESSAGES = re.compile(
    r"syntax error|^incomplete input|^unrecognized token|^a JOIN clause is required|^unknown join type"
    r"|^unknown table option|clause should come after|^all VALUES must|^duplicate WITH|^unsupported (use|frame)"
    r"|^too many (arguments|SQL variables)|^variable number must|^hex literal too big"
    r"|^DISTINCT is not supported for window|columns assigned|within triggers$|^cannot use RETURNING in a trigger"
    r"|^parameters are not allowed in views|^temporary table name must|^Recursion limit|^Expression tree is too large"
)
"""Errors that belong to parsing. All others need a schema, and well-formed statements meet them on an empty one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """message, and the offset in bytes of UTF-8 that the error points at (-1: none)."""

    message: str
    offset: int


class _Prepared(Exception):
    """Raised instead of running a statement."""


def _stop(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
    raise _Prepared


_EMPTY = apsw.Connection(":memory:")
_FILLED = apsw.Connection(":memory:")
_FILLED.execute(
    "CREATE TABLE t (a, b INTEGER PRIMARY KEY, c CONSTRAINT c CHECK (c > 1)); CREATE TABLE u (a, b);"
    "CREATE TABLE after (a); CREATE VIEW v AS SELECT 1 AS a"
)
_NEEDS_TABLES = re.compile(r"\s*(explain\s+(query\s+plan\s+)?)?(alter|create\s+(temp\s+)?trigger)\b", re.IGNORECASE)


class MetLater(Exception):
    """SQLite refuses the statement, but not in its parser; the parser has seen an unknown part of it."""


def sqlite_refusal(sql: str) -> Refusal | None:
    """How SQLite's parser refuses the first statement of `sql`; None if it does not. Raises MetLater."""
    cursor = (_FILLED if _NEEDS_TABLES.match(sql) else _EMPTY).cursor()
    cursor.exec_trace = _stop
    try:
        cursor.execute(sql)
    except _Prepared:
        return None
    except (apsw.BindingsError, apsw.AuthError):
        return None
    except apsw.Error as error:
        message = str(error)
        if not PARSER_MESSAGES.search(message):
            raise MetLater(message) from None
        return Refusal(message, error.error_offset)
    return None


def sqlite_accepts(sql: str) -> bool:
    """True unless SQLite's parser refuses the first statement of `sql`; later stages may."""
    try:
        return sqlite_refusal(sql) is None
    except MetLater:
        return True


def our_refusal(sql: str) -> Refusal | None:
    """How our parser refuses the first statement of `sql`; like SQLite it passes over empty ones."""
    try:
        statement, end = None, 0
        while statement is None and end < len(sql):
            statement, end = parse_one(sql, end)
    except SqlError as error:
        start = -1 if error.span is None else len(sql[: error.span[0]].encode())
        return Refusal(error.message, start)
    return None
