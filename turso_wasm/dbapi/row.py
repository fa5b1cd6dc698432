"""Rows that know their column names, as `sqlite3.Row`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.cursor import Cursor


class Row(arguments.NotPickled, Sequence[Any]):
    """A tuple of values that can also be indexed by column name, in any letter case. Use it as `row_factory`."""

    __slots__ = ("_names", "_values")

    def __init__(self, cursor: Cursor, values: tuple[Any, ...], /) -> None:
        if not issubclass(type(cursor), Cursor):
            raise arguments.wrong_type("Row() argument 1", "turso_wasm.Cursor", cursor)
        if not isinstance(values, tuple):
            raise arguments.wrong_type("Row() argument 2", "tuple", values)
        self._names = cursor.column_names
        self._values = values

    def keys(self) -> list[str]:
        """The column names."""
        return list(self._names)

    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, (int, slice)):
            return self._values[key]
        if not isinstance(key, str):
            raise IndexError("Index must be int or string")
        for at, name in enumerate(self._names):
            if name == key or (name.isascii() and key.isascii() and name.lower() == key.lower()):
                return self._values[at]
        raise IndexError("No item with that key")

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._names == other._names and self._values == other._values

    def __hash__(self) -> int:
        return hash((self._names, self._values))

    def __repr__(self) -> str:
        return f"<turso_wasm.Row object at {id(self):#x}>"
