"""PEP 249 as the standard library's `sqlite3` module has it."""

import sys
from typing import Any

from turso_wasm.catalog.build import SQLITE_VERSION
from turso_wasm.dbapi.blob import Blob
from turso_wasm.dbapi.changes import Change, ChangeReader
from turso_wasm.dbapi.compiled import compiled
from turso_wasm.dbapi.connection import Connection, connect
from turso_wasm.dbapi.constants import CONSTANTS
from turso_wasm.dbapi.cursor import Cursor
from turso_wasm.dbapi.deprecations import deprecated
from turso_wasm.dbapi.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from turso_wasm.dbapi.hooks import enable_callback_tracebacks
from turso_wasm.dbapi.row import Row
from turso_wasm.dbapi.transactions import LEGACY_TRANSACTION_CONTROL
from turso_wasm.dbapi.types import (
    PARSE_COLNAMES,
    PARSE_DECLTYPES,
    Binary,
    Date,
    DateFromTicks,
    PrepareProtocol,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
    adapt,
    adapters,
    complete_statement,
    converters,
    register_adapter,
    register_converter,
)

globals().update(CONSTANTS)

apilevel = "2.0"
threadsafety = 3
paramstyle = "qmark"
sqlite_version = SQLITE_VERSION
sqlite_version_info = tuple(map(int, SQLITE_VERSION.split(".")))

__all__ = [
    "LEGACY_TRANSACTION_CONTROL",
    "PARSE_COLNAMES",
    "PARSE_DECLTYPES",
    "Binary",
    "Blob",
    "Change",
    "ChangeReader",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "PrepareProtocol",
    "ProgrammingError",
    "Row",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "adapt",
    "adapters",
    "apilevel",
    "compiled",
    "complete_statement",
    "connect",
    "converters",
    "enable_callback_tracebacks",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
    "threadsafety",
]


def __getattr__(name: str) -> Any:
    """The version of the interface, which Python 3.12 warns about and 3.14 has no more."""
    if name not in ("version", "version_info") or sys.version_info >= (3, 14):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    deprecated(f"{name} is deprecated and will be removed in Python 3.14")
    return "2.6.0" if name == "version" else (2, 6, 0)
