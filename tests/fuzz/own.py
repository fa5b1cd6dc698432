"""Functions, an aggregate and a collation of the user's that the fuzzer's statements call, on both engines.

Functions beyond SQLite's (docs/functions.md) are compiled there, and on SQLite's side the Python they are written in.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import apsw

from turso_wasm.catalog.library import LIBRARY, arity
from turso_wasm.dbapi import Connection

NUMBER, TEXT, AGGREGATE, COLLATION = "own_number", "own_text", "own_total", "own_order"
REGEXP = "regexp"
LIBRARY_TEXTS: Final = (
    "reverse({})", "lpad({}, 5, 'xy')", "rpad({}, 3)", "repeat({}, 2)", "btrim({}, '03')", "fuzzy_soundex({})",
    "fuzzy_translit({})", "crypto_encode({}, 'base64')", "hex(crypto_md5({}))", "iphost({})", "uuid_str({})",
)  # fmt: skip
"""Calls with a text; those that give texts."""
LIBRARY_NUMBERS: Final = (
    "strpos({}, '3')", "char_length({})", "gcd(length({}), 12)", "lcm(6, length({}))", "fuzzy_leven({}, 'a3b')",
    "fuzzy_hamming({}, '33')", "fuzzy_damlev('ab', {})", "ipfamily({})", "time_to_unix(time_unix(length({}) * 86399))",
    "time_get_year(make_date(2000, length({}), 31))",
)  # fmt: skip
LIBRARY_NAMES: Final = (
    "reverse", "lpad", "rpad", "repeat", "btrim", "fuzzy_soundex", "fuzzy_translit", "crypto_encode", "crypto_md5",
    "iphost", "uuid_str", "strpos", "char_length", "gcd", "lcm", "fuzzy_leven", "fuzzy_hamming", "fuzzy_damlev",
    "ipfamily", "time_to_unix", "time_unix", "time_get_year", "make_date",
)  # fmt: skip
"""All that these call."""


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


CASTS: Final = {"str": "TEXT", "bytes": "BLOB", "int": "INTEGER", "float": "REAL"}


def from_library(name: str) -> Callable[..., Any]:
    """The Python of one of our functions: NULL for NULL, arguments cast to the types it takes, errors of SQL's."""
    code = getattr(import_module(f"turso_wasm.library.{LIBRARY[name].module}"), LIBRARY[name].name)
    casts = [CASTS[getattr(kind, "__name__", kind)] for at, kind in code.__annotations__.items() if at != "return"]
    caster = apsw.Connection(":memory:")

    def call(*values: Any) -> Any:
        if None in values:
            return None
        places = ", ".join(f"CAST(? AS {cast})" for cast, _ in zip(casts, values, strict=False))
        try:
            return code(*next(caster.execute(f"SELECT {places}", values)))
        except UnicodeDecodeError:  # a text that is none, which no Python sees
            raise
        except Exception as error:
            raise apsw.SQLError(str(error)) from error

    return call


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
        for name in LIBRARY_NAMES:
            least, most = arity(LIBRARY[name])
            for n in range(least, most + 1):
                connection.create_scalar_function(name, from_library(name), n, deterministic=True)
    connection.create_collation(COLLATION, order)
