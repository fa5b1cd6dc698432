"""turso_wasm: a SQLite-compatible database compiled by Python, run by WebAssembly.

    import turso_wasm as turso
    with turso.connect("app.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t(a, b)")

The names here are those of the standard library's `sqlite3` module (turso_wasm/dbapi). They are imported when they are
first used: the compiler and the tools under this package do not pay for the whole engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turso_wasm.dbapi import *  # noqa: F403

__version__ = "0.1.0"


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


_DEPRECATED = ("version", "version_info")
_BROWSER = frozenset(("connect_async", "close_async"))  # in Pyodide: files of the origin private file system


def __getattr__(name: str) -> Any:
    if name in __all__ or name.startswith("SQLITE_") or name in _DEPRECATED:
        return getattr(import_module("turso_wasm.dbapi"), name)
    if name == "dbapi2":
        return import_module("turso_wasm.dbapi2")
    if name in _BROWSER:
        return getattr(import_module("turso_wasm.browser"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """What IPython calls for `%load_ext turso_wasm` (turso_wasm/notebook.py)."""
    import_module("turso_wasm.notebook").load(shell)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
