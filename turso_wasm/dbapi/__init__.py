"""PEP 249 as the standard library's `sqlite3` module has it."""

from turso_wasm.catalog.build import SQLITE_VERSION
from turso_wasm.dbapi.compiled import compiled
from turso_wasm.dbapi.connection import LEGACY_TRANSACTION_CONTROL, Connection, connect
from turso_wasm.dbapi.cursor import Cursor
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
from turso_wasm.dbapi.functions import enable_callback_tracebacks
from turso_wasm.dbapi.row import Row
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
    complete_statement,
    register_adapter,
    register_converter,
)

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
    "apilevel",
    "compiled",
    "complete_statement",
    "connect",
    "enable_callback_tracebacks",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
    "threadsafety",
]
