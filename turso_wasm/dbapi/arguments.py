"""Checks of arguments, with the exceptions and messages of the functions in C they stand for."""

from __future__ import annotations

import math
import operator
from typing import Any

MIN_INT, MAX_INT = -(1 << 31), (1 << 31) - 1


class NotPickled:
    """Base of what belongs to a process: it can be neither pickled nor copied."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        kind = type(self)
        name = f"turso_wasm.{kind.__name__}" if kind.__module__.startswith("turso_wasm.") else kind.__name__
        raise TypeError(f"cannot pickle '{name}' object")


def type_name(value: object) -> str:
    """How messages call the type of a value."""
    return "None" if value is None else type(value).__name__


def wrong_type(what: str, wanted: str, value: object) -> TypeError:
    """The exception for an argument of a wrong type."""
    return TypeError(f"{what} must be {wanted}, not {type_name(value)}")


def sql_text(value: Any, what: str) -> str:
    """A text that SQLite could be given. Errors: TypeError; UnicodeEncodeError for a lone surrogate."""
    if not isinstance(value, str):
        raise wrong_type(what, "str", value)
    if not value.isascii():
        value.encode()
    return value


def text(value: Any, what: str) -> str:
    """A text without a null character. Errors: as sql_text; ValueError."""
    if "\0" in sql_text(value, what):
        raise ValueError("embedded null character")
    return str(value)


def integer(value: Any) -> int:
    """An int of 32 bits. Errors: TypeError, OverflowError."""
    number = operator.index(value)
    if not MIN_INT <= number <= MAX_INT:
        raise OverflowError("Python int too large to convert to C int")
    return number


def real(value: Any) -> float:
    """A float. Errors: TypeError."""
    return math.copysign(math.fabs(value), value)
