"""geopoly: polygons, found by the boxes around them. An R*Tree in two dimensions whose entries have the polygon and the
columns of the table, as auxiliary columns.

Source: https://sqlite.org/geopoly.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SqlError
from turso_wasm.catalog.modules.module import Declared, Module, Using, column, refuse
from turso_wasm.catalog.modules.rtree import SUFFIXES, RtreeOptions, shadows_of
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.types import STANDARD_TYPES
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

SHAPE: Final = "_shape"
OVERLAP, WITHIN = "geopoly_overlap", "geopoly_within"


def _declare(using: Using) -> Declared:
    """Arguments are columns as in CREATE TABLE. Errors: "duplicate column name: x", those of the syntax."""
    text = "".join(f", {argument}" for argument in using.arguments)
    try:
        node, _ = parse_one(f"CREATE TABLE x({SHAPE}{text})")
    except SqlError as error:
        raise refuse(error.message) from None
    if not isinstance(node, ast.CreateTable):
        raise refuse("SQL logic error")
    seen: set[str] = set()
    for definition in node.columns:
        if fold(definition.name) in seen:
            raise refuse(f"duplicate column name: {definition.name}")
        seen.add(fold(definition.name))
    columns = tuple(column(definition.name, _type(definition)) for definition in node.columns)
    options = RtreeOptions(n_coords=4, n_aux=len(columns), is_int=False)
    return Declared(columns=columns, shadows=shadows_of(using.name, len(columns)), options=options, is_loose=True)


def _type(definition: ast.ColumnDef) -> str:
    return STANDARD_TYPES.get(fold(definition.type_name), definition.type_name)


GEOPOLY: Final = Module(
    name="geopoly", declare=_declare, suffixes=frozenset(SUFFIXES), conditions=frozenset({OVERLAP, WITHIN})
)
