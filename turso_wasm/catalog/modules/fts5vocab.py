"""USING fts5vocab(t, kind): the terms of a full-text table.

Source: https://sqlite.org/fts5.html section 9, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.module import Declared, Module, Using, column, refuse
from turso_wasm.catalog.names import fold
from turso_wasm.sql.lexer import dequote

COLUMNS: Final = {
    "row": ("term", "doc", "cnt"),
    "col": ("term", "col", "doc", "cnt"),
    "instance": ("term", "doc", "col", "offset"),
}


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """The full-text table, its database (None: that of the table), and what is a row: "row", "col" or "instance"."""

    table: str
    schema: str | None
    kind: str


def declare(using: Using) -> Declared:
    """Errors: "wrong number of vtable arguments", "fts5vocab: unknown table type: 'x'"."""
    arguments = [dequote(argument) for argument in using.arguments]
    schema = arguments.pop(0) if len(arguments) == 3 and fold(using.schema) == "temp" else None
    if len(arguments) != 2:
        raise refuse("wrong number of vtable arguments")
    table, kind = arguments
    if fold(kind) not in COLUMNS:
        raise refuse(f"fts5vocab: unknown table type: {kind!r}")
    columns = tuple(column(name) for name in COLUMNS[fold(kind)])
    return Declared(columns=columns, options=VocabularyOptions(table, schema, fold(kind)))


FTS5VOCAB: Final = Module(name="fts5vocab", declare=declare, is_writable=False)
