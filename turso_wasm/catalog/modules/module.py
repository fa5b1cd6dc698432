"""What a module of virtual tables says about a table before anything of it is read or written.

A module has one file in each of three folders, and one line in the registry of each:

    catalog/modules/  its name, the columns and shadow tables that follow from the arguments    MODULES
    plan/modules/     its provider: in which ways it gives rows (plan/providers.py)              PLANNED
    codegen/modules/  its writer: the code that inserts, updates and deletes a row               WRITERS

*Shadow tables* are ordinary tables `<name>_<suffix>` in which a virtual table keeps its rows; so rollbacks, savepoints
and other connections need nothing of the module.

Source: https://sqlite.org/vtab.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.objects import Column
from turso_wasm.catalog.types import affinity_of_type

HIDDEN: Final = 1


def no_columns(table: str) -> tuple[str, ...] | None:
    """There is no such table."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Using:
    """`CREATE VIRTUAL TABLE schema.name USING module(arguments)`; arguments: raw texts, trimmed. columns_of: the names
    of the columns of another table of the database, None: there is none. databases: the names of all that are attached,
    where the table is new.
    """

    schema: str
    name: str
    arguments: tuple[str, ...] = ()
    columns_of: Callable[[str], tuple[str, ...] | None] = no_columns
    databases: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A shadow table. sql: of its row in sqlite_schema, a CREATE TABLE."""

    suffix: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A virtual table. columns: hidden ones last; those are the arguments of the table when it is called in FROM,
    in their order. shadows: in the order in which they are made. options: what else the module has read in the
    arguments; its provider and its writer know the type. outputs: the hidden columns that are no arguments. of_search:
    those that are arguments only of what the module's conditions look for. searched: the hidden column whose = is a
    search, and true of no row without one.
    tokenizer: the folded name of one of the user's that it needs, and what is wrong when the connection has none.
    is_loose: values need not have the affinities of their columns. calls: functions are called to read and write rows.
    """

    columns: tuple[Column, ...]
    shadows: tuple[Shadow, ...] = ()
    options: object = None
    outputs: frozenset[int] = frozenset()
    of_search: frozenset[int] = frozenset()
    searched: int | None = None
    is_loose: bool = False
    tokenizer: tuple[str, str] | None = None
    without_rowid: bool = False
    calls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module.

    declare: raises `SqlError` for arguments that make no table. suffixes: of all shadow tables that a table of it may
    have. columns_of: functions that belong to the row of a table: a call `f(t, …)` whose first argument is one of
    the table's columns is a column that the statement adds to the table (Item.calls). conditions: functions f(column,
    value), and operators ("match", "like", "glob", "regexp"), that the provider is told of as conditions on a column.
    arity: least and most arguments of those row functions that are refused with a wrong number when prepared.
    is_writable: it has a writer. drops_parts: a table is dropped even if a shadow table is missing. is_eponymous: the
    module is a table of its own name, without CREATE; is_creatable: or with it. direct_only: not to be used
    by a schema.
    """

    name: str
    declare: Callable[[Using], Declared]
    suffixes: frozenset[str] = frozenset()
    row_functions: frozenset[str] = frozenset()
    arity: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    conditions: frozenset[str] = frozenset()
    is_writable: bool = True
    drops_parts: bool = False
    is_eponymous: bool = False
    is_creatable: bool = True
    direct_only: bool = False


def column(name: str, decltype: str = "") -> Column:
    """A column of a virtual table, with the affinity of its type."""
    return Column(name, decltype or None, affinity_of_type(decltype))


def hidden_column(name: str, decltype: str = "") -> Column:
    """A hidden column. In one without a type SQLite takes the word HIDDEN for it, and then strikes it out: the column
    has the affinity NUMERIC, and a type of no letters.
    """
    return Column(name, decltype, affinity_of_type(decltype or "HIDDEN"), hidden=HIDDEN)


def refuse(message: str) -> SqlError:
    """The error of a constructor."""
    return SqlError(SQLITE_ERROR, message)
