"""How SQLite compares names, and which names it reserves.

Owns case folding of identifiers (ASCII letters only), the names of the rowid and of the schema tables.

Source: https://sqlite.org/lang_keywords.html, https://sqlite.org/schematab.html
"""

from __future__ import annotations

from typing import Final

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

ROWID_NAMES: Final = frozenset({"rowid", "_rowid_", "oid"})

SCHEMA_TABLE_NAMES: Final = frozenset({"sqlite_schema", "sqlite_master"})
TEMP_SCHEMA_TABLE_NAMES: Final = frozenset({"sqlite_temp_schema", "sqlite_temp_master"})

TEMP_SLOT: Final = 1


def fold(name: str) -> str:
    """`name` in the form in which names are equal: ASCII letters lowered, all others as they are."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def schema_table_names(slot: int) -> frozenset[str]:
    """The names of a database's schema table. (Behind `temp.` it answers to those of the others, too.)"""
    return TEMP_SCHEMA_TABLE_NAMES if slot == TEMP_SLOT else SCHEMA_TABLE_NAMES


def same_name(a: str, b: str) -> bool:
    """Whether two identifiers name the same thing."""
    return a == b or fold(a) == fold(b)


def is_reserved(name: str) -> bool:
    """Names no user object may have."""
    return fold(name[:7]) == "sqlite_"


def quote_identifier(name: str) -> str:
    """`name` in double quotes, as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text in single quotes, as SQL text."""
    return "'" + text.replace("'", "''") + "'"
