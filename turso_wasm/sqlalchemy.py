"""SQLAlchemy's dialect: `create_engine("turso+wasm:///file.db")`.

It is SQLAlchemy's own dialect for the standard library's `sqlite3`, over this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite


class TursoDialect(SQLiteDialect_pysqlite):
    """See the module docstring."""

    driver = "wasm"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """The module of PEP 249."""
        return import_module("turso_wasm.dbapi2")


dialect = TursoDialect
