"""The table of printers, and how names, values and types are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from turso_wasm.base.characters import ID_CHAR
from turso_wasm.base.errors import InternalError
from turso_wasm.sql.ast_base import Name, Node
from turso_wasm.sql.keywords import KEYWORDS

PRINTERS: Final[dict[type, Callable[[Any], str]]] = {}
"""One function per node class; each module of this package adds its own."""

_PLAIN_NAME = re.compile(rf"(?![0-9$\ufeff]){ID_CHAR}+")


def print_node(node: Node) -> str:
    """The text of any node. Errors: InternalError for a class that has no printer."""
    printer = PRINTERS.get(type(node))
    if printer is None:
        raise InternalError(f"no printer for {type(node).__name__}", "print", repr(node))
    return printer(node)


# --- names and values ------------------------------------------------------------------------------------------------


def quote_name(name: str) -> str:
    """A name as it can stand in SQL: bare, or in double quotes."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_column(name: str) -> str:
    """A column's name alone: backquotes, because double quotes would make it a string where there is no such column."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in KEYWORDS:
        return name
    return "`" + name.replace("`", "``") + "`"


def comma(nodes: Iterable[Node]) -> str:
    """The nodes, separated by commas."""
    return ", ".join([print_node(node) for node in nodes])


def name_list(names: Iterable[Name]) -> str:
    """`(name, name, …)`."""
    return "(" + ", ".join([quote_name(name.text) for name in names]) + ")"


def qualified(name: str, schema: str | None) -> str:
    """`[schema.]name`."""
    return quote_name(name) if schema is None else f"{quote_name(schema)}.{quote_name(name)}"


# --- types -----------------------------------------------------------------------------------------------------------

_NUMBER = r"[+-]?\s*(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_TYPE = re.compile(
    rf"((?:{_PLAIN_NAME.pattern})(?:\s+{_PLAIN_NAME.pattern})*)(?:\s*\(\s*{_NUMBER}\s*(?:,\s*{_NUMBER}\s*)?\))?"
)
_NOT_IN_TYPE: Final = KEYWORDS | {"GENERATED", "ALWAYS"}


def print_type(type_name: str) -> str:
    """A type with a space before it, '' for none: as it is if its words are no keywords, else as one quoted name."""
    if not type_name:
        return ""
    match = _TYPE.fullmatch(type_name)
    if match and not any(word.upper() in _NOT_IN_TYPE for word in match[1].split()):
        return " " + type_name
    return ' "' + type_name.replace('"', '""') + '"'
