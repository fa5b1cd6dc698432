"""Values of literals: their types, how they are written, and what a list of them holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

LiteralValue: TypeAlias = int | float | str | bytes | None
"""The value of a literal: NULL, integer, real, text, blob."""

ListKind: TypeAlias = Literal["integers", "numbers", "texts", "mixed"]
"""What a list of literals holds: nothing but integers; integers and reals; texts; anything, NULLs too."""


def list_kind(values: Iterable[LiteralValue]) -> ListKind:
    """The narrowest kind of a list with these members."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return "integers"
    if kinds == {str}:
        return "texts"
    return "numbers" if kinds <= {int, float} else "mixed"


def print_value(value: LiteralValue) -> str:
    """A value as an SQL literal; negative numbers with their sign."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, int):
        return str(value)
    if value in (float("inf"), float("-inf")):
        return "9e999" if value > 0 else "-9e999"
    return repr(value)
