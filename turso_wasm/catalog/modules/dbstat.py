"""dbstat: the pages of a database, and what is on them.

Source: https://sqlite.org/dbstat.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.module import Declared, Module, Using, column, hidden_column, refuse
from turso_wasm.catalog.names import same_name
from turso_wasm.sql.lexer import dequote

TEXTS: Final = ("name", "path", "pagetype")
COLUMNS: Final = (
    "name",
    "path",
    "pageno",
    "pagetype",
    "ncell",
    "payload",
    "unused",
    "mx_payload",
    "pgoffset",
    "pgsize",
)


@dataclass(frozen=True, slots=True)
class DbstatOptions:
    """The database that is shown when none is asked for."""

    schema: str


def _declare(using: Using) -> Declared:
    """`dbstat(database)`. Errors: "no such database: x"."""
    schema = dequote(using.arguments[0]) if using.arguments else using.schema
    if using.databases is not None and not any(same_name(schema, name) for name in using.databases):
        raise refuse(f"no such database: {schema}")
    columns = [column(name, "TEXT" if name in TEXTS else "INTEGER") for name in COLUMNS]
    hidden = [hidden_column("schema", "TEXT"), hidden_column("aggregate", "BOOLEAN")]
    return Declared(columns=(*columns, *hidden), options=DbstatOptions(schema))


DBSTAT: Final = Module(name="dbstat", declare=_declare, is_eponymous=True, is_writable=False, direct_only=True)
