"""sqlite_dbpage: the pages of a database, as blobs.

Source: https://sqlite.org/dbpage.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.catalog.modules.module import Declared, Module, Using, column, hidden_column


def _declare(using: Using) -> Declared:
    """Arguments are not looked at."""
    columns = (column("pgno", "INTEGER"), column("data", "BLOB"), hidden_column("schema"))
    return Declared(columns=columns)


DBPAGE: Final = Module(name="sqlite_dbpage", declare=_declare, is_eponymous=True, direct_only=True)
