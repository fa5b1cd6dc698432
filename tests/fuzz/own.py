"""Functions, an aggregate and a collation of the user's that the fuzzer's statements call, on both engines."""

from __future__ import annotations

from typing import Any

import apsw

from turso_wasm.dbapi import Connection

NUMBER, TEXT, AGGREGATE, COLLATION = "own_number", "own_text", "own_total", "own_order"
REGEXP = "regexp"


def number(value: Any) -> int:
    """Different for most values."""
    return len(value) * 3 if isinstance(value, str | bytes) else 1 if value is None else int(value > 5) + 7


def text(*values: Any) -> str:
    """What it was given."""
    return "|".join(type(value).__name__[0] for value in values)


def regexp(pattern: Any, value: Any) -> int | None:
    """What REGEXP calls, of which SQLite has none and we have another."""
    return None if value is None or pattern is None else int(str(pattern) in str(value))


def order(a: str, b: str) -> int:
    """Texts from their ends, in lower case."""
    x, y = a.lower()[::-1], b.lower()[::-1]
    return (x > y) - (x < y)


class Total:
    """Of what `number` makes of values, NULL without any; with an inverse."""

    def __init__(self) -> None:
        self.total = self.rows = 0

    def step(self, value: Any) -> None:
        """Take in."""
        self.total += number(value)
        self.rows += 1

    def inverse(self, value: Any) -> None:
        """Take out."""
        self.total -= number(value)
        self.rows -= 1

    def value(self) -> int | None:
        """So far."""
        return self.total if self.rows else None

    final = finalize = value


def register(connection: apsw.Connection | Connection) -> None:
    """Let a connection know them."""
    if isinstance(connection, Connection):
        connection.create_function(NUMBER, 1, number, deterministic=True)
        connection.create_function(TEXT, -1, text, deterministic=True)
        connection.create_function(REGEXP, 2, regexp, deterministic=True)
        connection.create_window_function(AGGREGATE, 1, Total)
    else:
        connection.create_scalar_function(NUMBER, number, 1, deterministic=True)
        connection.create_scalar_function(TEXT, text, -1, deterministic=True)
        connection.create_scalar_function(REGEXP, regexp, 2, deterministic=True)
        connection.create_window_function(AGGREGATE, Total, 1)
    connection.create_collation(COLLATION, order)
