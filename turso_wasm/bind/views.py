"""The columns of a view, as PRAGMA table_info shows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from turso_wasm.base.errors import SqlError
from turso_wasm.bind.comparison import column_affinity
from turso_wasm.bind.select import SelectBinder
from turso_wasm.bind.tables import bind_table
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.types import affinity_of_type
from turso_wasm.sql import ast

_TYPES: Final = {"A": "BLOB", "B": "TEXT", "C": "NUM", "D": "INT", "E": "REAL", "F": "NUM", None: ""}


def view_columns(catalogs: Catalogs, view: Table) -> list[tuple[str, str]]:
    """(name, type) of each column. Errors: SqlError if the view cannot be read."""
    binder = SelectBinder(catalogs)
    binder.settings = replace(binder.settings, views=True)  # to be told of, they need not be allowed
    try:
        item = bind_table(binder, ast.TableSource(view.name, view.schema), None)
    except SqlError:
        if view.view_columns:
            return [(name, "") for name in view.view_columns]
        raise
    assert item.query is not None
    found = []
    for number, name in enumerate(item.columns):
        decltype = item.query.columns[number].decltype
        affinity = column_affinity(item.query, number)
        if decltype is None or affinity_of_type(decltype or "HIDDEN") != affinity:
            decltype = _TYPES[affinity]
        found.append((name, decltype))
    return found
