"""rtree and rtree_i32: entries are boxes in one to five dimensions, with auxiliary columns.

Source: https://sqlite.org/rtree.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.module import Declared, Module, Shadow, Using, column, refuse
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.sql.lexer import END, ILLEGAL, dequote, tokenize

MAX_COORDS: Final = 10
MAX_AUXILIARY: Final = 100  # columns in all, less those of an empty table
SUFFIXES: Final = ("rowid", "node", "parent")


@dataclass(frozen=True, slots=True)
class RtreeOptions:
    """n_coords: two a dimension. n_aux: auxiliary columns. is_int: coordinates are 32-bit integers."""

    n_coords: int
    n_aux: int
    is_int: bool


def _column_name(argument: str) -> str:
    """The first token of an argument; what follows it is not looked at."""
    tokens = tokenize(argument)
    kind = tokens.kinds[0]
    if kind in (END, ILLEGAL) or tokens.starts[0]:
        return ""
    return dequote(argument[tokens.starts[0] : tokens.ends[0]])


def shadows_of(name: str, n_aux: int) -> tuple[Shadow, ...]:
    """The shadow tables of a tree, in the order in which SQLite makes them."""
    columns = {
        "rowid": "rowid INTEGER PRIMARY KEY,nodeno" + "".join(f",a{at}" for at in range(n_aux)),
        "node": "nodeno INTEGER PRIMARY KEY,data",
        "parent": "nodeno INTEGER PRIMARY KEY,parentnode",
    }
    return tuple(
        Shadow(suffix=suffix, sql=f"CREATE TABLE {quote_identifier(f'{name}_{suffix}')}({columns[suffix]})")
        for suffix in SUFFIXES
    )


def _declare(using: Using, *, is_int: bool) -> Declared:
    """Errors: "Too few columns for an rtree table" and its sisters, "duplicate column name: x"."""
    arguments = using.arguments
    if len(arguments) > MAX_AUXILIARY:
        raise refuse("Too many columns for an rtree table")
    coords = [argument for argument in arguments[1:] if not argument.startswith("+")]
    auxiliary = arguments[1 + len(coords) :]
    if any(not argument.startswith("+") for argument in auxiliary):
        raise refuse("Auxiliary rtree columns must be last")
    if len(coords) < 2:
        raise refuse("Too few columns for an rtree table")
    if len(coords) > MAX_COORDS:
        raise refuse("Too many columns for an rtree table")
    if len(coords) % 2:
        raise refuse("Wrong number of columns for an rtree table")
    names = [_column_name(argument.removeprefix("+") if at else argument) for at, argument in enumerate(arguments)]
    _check_names(names)
    types = ["INT", *["INT" if is_int else "REAL"] * len(coords), *[""] * len(auxiliary)]
    columns = tuple(column(name, decltype) for name, decltype in zip(names, types, strict=True))
    options = RtreeOptions(len(coords), len(auxiliary), is_int)
    return Declared(columns=columns, shadows=shadows_of(using.name, len(auxiliary)), options=options)


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if not name:
            raise refuse(f'near "{"," if at < len(names) - 1 else ")"}": syntax error')
        if name.lower() in seen:
            raise refuse(f"duplicate column name: {name}")
        seen.add(name.lower())


def _declare_float(using: Using) -> Declared:
    return _declare(using, is_int=False)


def _declare_int(using: Using) -> Declared:
    return _declare(using, is_int=True)


RTREE: Final = Module(
    name="rtree", declare=_declare_float, suffixes=frozenset(SUFFIXES), conditions=frozenset({"match"})
)
RTREE_I32: Final = Module(
    name="rtree_i32", declare=_declare_int, suffixes=frozenset(SUFFIXES), conditions=frozenset({"match"})
)
