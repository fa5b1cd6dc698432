"""sqlite_stmt: the statements of the connection.

Source: https://sqlite.org/stmt.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.catalog.modules.module import Declared, Module, Using, column
from turso_wasm.catalog.statements import COLUMNS


def _declare(using: Using) -> Declared:
    return Declared(columns=tuple(column(name) for name in COLUMNS))


STMT: Final = Module(name="sqlite_stmt", declare=_declare, is_eponymous=True, is_creatable=False, is_writable=False)
