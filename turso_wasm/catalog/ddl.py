"""Names in CREATE and DROP: which are free, which are reserved, what is found; and the text that SQLite stores.

Source: https://sqlite.org/schematab.html, https://sqlite.org/lang_createtable.html
"""

from __future__ import annotations

import re
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.names import TEMP_SLOT, fold, is_reserved, quote_identifier
from turso_wasm.catalog.tables import fail
from turso_wasm.sql import ast
from turso_wasm.sql.keywords import KEYWORDS
from turso_wasm.sql.lexer import tokenize

_SPACE_OR_COMMENT: Final = re.compile(r"(?:[ \t\n\f\r]+|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/)?)*")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def target_catalog(catalogs: Catalogs, name: ast.QualifiedName, temporary: bool) -> Catalog:
    """The database in which CREATE makes `name`. Errors: "unknown database x", "temporary table name must be
    unqualified".
    """
    if name.schema is not None:
        catalog = catalogs.must_find(name.schema, name)
        if temporary and catalog.slot != TEMP_SLOT:
            fail("temporary table name must be unqualified", name)
        return catalog
    if temporary:
        return catalogs.temp()
    return catalogs.main()


def check_new_table(catalog: Catalog, name: ast.QualifiedName, if_not_exists: bool, sql: str) -> bool:
    """Whether a table or view of that name can be made; False: it is there already, and that is fine. sql: the text.

    Errors: "object name reserved for internal use: x", "table x already exists", "there is already an index named x".
    """
    if is_reserved(name.name):
        fail(f"object name reserved for internal use: {name.name}", name)
    entry = catalog.entries.get(fold(name.name))
    if entry is not None:
        if if_not_exists:
            return False
        raise SqlError(SQLITE_ERROR, f"{entry.type} {sql[slice(*name.name_span)]} already exists", name.name_span)
    if fold(name.name) in catalog.index_entries:
        fail(f"there is already an index named {name.name}", name)
    return True


def check_new_index(catalog: Catalog, name: ast.QualifiedName, if_not_exists: bool) -> bool:
    """As `check_new_table`, for an index."""
    if is_reserved(name.name):
        fail(f"object name reserved for internal use: {name.name}", name)
    if fold(name.name) in catalog.entries:
        fail(f"there is already a table named {name.name}", name)
    if fold(name.name) in catalog.index_entries or fold(name.name) in catalog.derived:
        if if_not_exists:
            return False
        fail(f"index {name.name} already exists", name)
    return True


# --- stored text --------------------------------------------------------------------------------------------------


def name_start(sql: str, name: ast.QualifiedName) -> int:
    """Where the name itself begins in the text, behind the schema's name and the dot."""
    start = name.span[0]
    if name.schema is None:
        return start
    tokens = tokenize(sql, start)
    return tokens.starts[2]


def statement_end(sql: str, at: int) -> int:
    """Where the statement's text ends: at its ';', or where the whole text ends."""
    found = _SPACE_OR_COMMENT.match(sql, at)
    assert found is not None
    return found.end()


def stored_table_sql(sql: str, node: ast.CreateTable) -> str:
    """CREATE TABLE as SQLite stores it: up to the closing parenthesis, or with table options all up to the ';'."""
    end = node.span[1]
    if node.without_rowid or node.strict:
        end = statement_end(sql, end)
    return "CREATE TABLE " + sql[name_start(sql, node.name) : end]


def stored_virtual_table_sql(sql: str, node: ast.CreateVirtualTable) -> str:
    """CREATE VIRTUAL TABLE as SQLite stores it: up to the closing parenthesis, or the module's name."""
    return "CREATE VIRTUAL TABLE " + sql[name_start(sql, node.name) : node.span[1]]


def stored_index_sql(sql: str, node: ast.CreateIndex) -> str:
    """CREATE INDEX as SQLite stores it: all up to the ';'."""
    head = "CREATE UNIQUE INDEX " if node.unique else "CREATE INDEX "
    return head + sql[name_start(sql, node.name) : statement_end(sql, node.span[1])]


def stored_view_sql(sql: str, node: ast.CreateView) -> str:
    """CREATE VIEW as SQLite stores it: all up to the ';', without space at the end."""
    text = sql[name_start(sql, node.name) : statement_end(sql, node.span[1])]
    return "CREATE VIEW " + text.rstrip(" \t\n\f\r\v")


def stored_trigger_sql(sql: str, node: ast.CreateTrigger) -> str:
    """CREATE TRIGGER as SQLite stores it: up to its END."""
    return "CREATE TRIGGER " + sql[name_start(sql, node.name) : node.span[1]]


_CREATED_TYPES: Final = {"A": "", "B": " TEXT", "C": " NUM", "D": " INT", "E": " REAL", "F": " NUM"}


def created_table_sql(name: str, columns: list[tuple[str, str]]) -> str:
    """The text SQLite makes up for CREATE TABLE name AS SELECT; columns: (name, affinity)."""
    size = sum(_quoted_size(column) + 5 for column, _ in columns) + _quoted_size(name)
    first, between, last = ("", ",", ")") if size < 50 else ("\n  ", ",\n  ", "\n)")
    parts = [quote_if_needed(column) + _CREATED_TYPES[affinity] for column, affinity in columns]
    return f"CREATE TABLE {quote_if_needed(name)}({first}{between.join(parts)}{last}"


def _quoted_size(name: str) -> int:
    return len(name.encode()) + name.count('"') + 2


def quote_if_needed(name: str) -> str:
    """An identifier in double quotes unless it can stand bare."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in KEYWORDS:
        return name
    return quote_identifier(name)
