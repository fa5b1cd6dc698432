"""`getlimit`, `setlimit`, `getconfig`, `setconfig`: what they know, and what is done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turso_wasm.base.errors import SQLITE_ERROR, SQLITE_TOOBIG, SqlError
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.constants import LIMITS, SETTINGS
from turso_wasm.dbapi.errors import DataError, NotSupportedError, OperationalError, ProgrammingError

if TYPE_CHECKING:
    from turso_wasm.runtime.connection import HostConnection

LENGTH = LIMITS["SQLITE_LIMIT_LENGTH"]
SQL_LENGTH = LIMITS["SQLITE_LIMIT_SQL_LENGTH"]
VARIABLE_NUMBER = LIMITS["SQLITE_LIMIT_VARIABLE_NUMBER"]
FUNCTION_ARG = LIMITS["SQLITE_LIMIT_FUNCTION_ARG"]
ENFORCED = frozenset((LENGTH, SQL_LENGTH, VARIABLE_NUMBER, FUNCTION_ARG))  # below what the engine itself enforces

# SQLite's limits, https://sqlite.org/limits.html, as it is built by default
MAXIMA = (1_000_000_000, 1_000_000_000, 2000, 1000, 500, 250_000_000, 127, 10, 50_000, 32_766, 1000, 8)
UNLIMITED = dict(enumerate(MAXIMA))

_PRAGMAS = {
    SETTINGS["SQLITE_DBCONFIG_ENABLE_FKEY"]: "foreign_keys",
    SETTINGS["SQLITE_DBCONFIG_ENABLE_TRIGGER"]: "enable_trigger",
    SETTINGS["SQLITE_DBCONFIG_ENABLE_VIEW"]: "enable_view",
    SETTINGS["SQLITE_DBCONFIG_LEGACY_ALTER_TABLE"]: "legacy_alter_table",
    SETTINGS["SQLITE_DBCONFIG_TRUSTED_SCHEMA"]: "trusted_schema",
    SETTINGS["SQLITE_DBCONFIG_WRITABLE_SCHEMA"]: "writable_schema",
}
_DOUBLE_QUOTED = frozenset(SETTINGS[f"SQLITE_DBCONFIG_DQS_{name}"] for name in ("DML", "DDL"))
_KNOWN = frozenset(SETTINGS.values())


class Limited:
    """Base of Connection."""

    _runtime: HostConnection
    _limits: dict[int, int]

    def _check(self) -> None:
        raise NotImplementedError

    def _query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def getlimit(self, category: int, /) -> int:
        """The limit of a category (SQLITE_LIMIT_…). Errors: ProgrammingError."""
        return self.setlimit(category, -1)

    def setlimit(self, category: int, limit: int, /) -> int:
        """Set a limit, unless it is negative, to what SQLite allows at most; the limit before.

        Errors: ProgrammingError; NotSupportedError for less than the engine's own where that cannot be set.
        """
        self._check()
        category, limit = arguments.integer(category), arguments.integer(limit)
        if category not in UNLIMITED:
            raise ProgrammingError("'category' is out of bounds")
        before = self._limits[category]
        if limit >= 0:
            limit = min(limit, UNLIMITED[category])
            if category not in ENFORCED and limit != before:
                raise NotSupportedError("this limit cannot be changed")
            self._limits = {**self._limits, category: limit}
        return before

    def getconfig(self, op: int, /) -> bool:
        """Whether a setting (SQLITE_DBCONFIG_…) is on. Errors: ValueError."""
        self._check()
        if arguments.integer(op) not in _KNOWN:
            raise ValueError(f"unknown config 'op': {op}")
        if op in _PRAGMAS:
            return bool(self._query(f"PRAGMA {_PRAGMAS[op]}")[0][0])
        return op in _DOUBLE_QUOTED

    def setconfig(self, op: int, enable: bool = True, /) -> None:
        """Switch a setting. Errors: ValueError; NotSupportedError for one that cannot be switched."""
        is_on = self.getconfig(op)
        if op in _PRAGMAS:
            self._query(f"PRAGMA {_PRAGMAS[op]} = {int(bool(enable))}")
            if self.getconfig(op) != bool(enable):
                raise OperationalError("Unable to set config")
        elif is_on != bool(enable):
            raise NotSupportedError("this setting cannot be changed")

    # --- enforcing ----------------------------------------------------------------------------------------------

    def _check_sql(self, sql: str, what: str = "query string is too large") -> None:
        """Errors: DataError for a text that is too long."""
        if len(sql) > self._limits[SQL_LENGTH] or len(sql.encode()) > self._limits[SQL_LENGTH]:
            raise DataError(what)

    def _check_calls(self, sql: str) -> None:
        """Errors: SqlError for a function with too many arguments, in a text that has been prepared."""
        most = self._limits[FUNCTION_ARG]
        if most == UNLIMITED[FUNCTION_ARG]:
            return
        from turso_wasm.sql.ast import FunctionCall
        from turso_wasm.sql.parser import parse
        from turso_wasm.sql.walk import walk

        for node in (each for statement in parse(sql) for each in walk(statement)):
            if isinstance(node, FunctionCall) and len(node.arguments) > most:
                raise SqlError(SQLITE_ERROR, f"too many arguments on function {node.name}", node.span)

    def _check_values(self, n: int, values: Any) -> None:
        """Errors: SqlError for too many parameters, or one that is too long."""
        if n > self._limits[VARIABLE_NUMBER]:
            raise SqlError(SQLITE_ERROR, "too many SQL variables")
        longest = self._limits[LENGTH]
        for value in values:
            if isinstance(value, (str, bytes)) and len(value if isinstance(value, bytes) else value.encode()) > longest:
                raise SqlError(SQLITE_TOOBIG, "string or blob too big")
