"""The pinned SQLite that answers are recorded from, and our engine, behind one small interface.

`Engine.run` executes one statement on a named connection and gives its rows, or raises `Failure` with SQLite's code
name and message.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import apsw

SQLITE_VERSION = (3, 54)

UNDECODABLE = "UNDECODABLE"  # a TEXT that is not UTF-8 (made with CAST), which neither engine's Python face gives out

Row = tuple[Any, ...]


class Failure(Exception):
    """A statement failed: `code` is SQLite's (extended) code name, `message` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(slots=True)
class Answer:
    """What one statement gave. `columns` is None when it returns no rows at all (INSERT, CREATE …)."""

    columns: list[str] | None
    rows: list[Row]


class Engine(Protocol):
    """Connections by name on one database."""

    def run(self, connection: str, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Execute one statement. Raises Failure."""

    def counters(self, connection: str) -> tuple[int, int, bool]:
        """(changes, last_insert_rowid, in transaction) of a connection."""

    def close(self) -> None:
        """Close all connections."""


def check_version() -> None:
    """Fail when the oracle is not the SQLite the recorded answers come from."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split(".")[:2])
    if version != SQLITE_VERSION:
        raise RuntimeError(f"the oracle must be SQLite {SQLITE_VERSION}, this is {version}")


class Oracle:
    """SQLite through apsw."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        check_version()
        self.path = str(path)
        self.connections: dict[str, apsw.Connection] = {}

    def _connection(self, name: str) -> apsw.Connection:
        if name not in self.connections:
            self.connections[name] = apsw.Connection(self.path)
        return self.connections[name]

    def run(self, connection: str, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Execute one statement on SQLite."""
        columns: list[str] | None = None

        def describe(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            nonlocal columns
            columns = [column[0] for column in cursor.get_description()] or None
            return True

        cursor = self._connection(connection).cursor()
        cursor.exec_trace = describe
        try:
            rows = list(cursor.execute(sql, tuple(parameters) or None))
        except apsw.Error as error:
            raise _failure(error) from None
        except UnicodeDecodeError:
            cursor.close(True)
            raise Failure(UNDECODABLE, "") from None
        return Answer(columns, rows if columns else [])  # PRAGMA incremental_vacuum gives rows without columns

    def counters(self, connection: str) -> tuple[int, int, bool]:
        """(changes, last_insert_rowid, in transaction)."""
        it = self._connection(connection)
        return it.changes(), it.last_insert_rowid(), it.in_transaction

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections.values():
            connection.close(True)
        self.connections.clear()


def _failure(error: apsw.Error) -> Failure:
    code = getattr(error, "extendedresult", None) or getattr(error, "result", 1)
    name = apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes.get(code) or "SQLITE_ERROR"
    return Failure(str(name), str(error))


class Ours:
    """turso_wasm through its sqlite3-like face."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.path = str(path)
        self.connections: dict[str, Any] = {}

    def _connection(self, name: str) -> Any:
        import turso_wasm

        if name not in self.connections:
            self.connections[name] = turso_wasm.connect(self.path, timeout=0, isolation_level=None)
        return self.connections[name]

    def run(self, connection: str, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Execute one statement on our engine."""
        import turso_wasm

        try:
            cursor = self._connection(connection).execute(sql, tuple(parameters))
            columns = [column[0] for column in cursor.description] if cursor.description else None
            return Answer(columns, cursor.fetchall())
        except turso_wasm.Error as error:
            if str(error).startswith("Could not decode"):
                raise Failure(UNDECODABLE, "") from None
            raise Failure(error.sqlite_errorname or type(error).__name__, str(error)) from error
        except MemoryError as error:
            raise Failure("SQLITE_NOMEM", str(error)) from error
        except Exception as error:
            raise Failure(f"BUG {type(error).__name__}", str(error)) from error

    def counters(self, connection: str) -> tuple[int, int, bool]:
        """(changes, last_insert_rowid, in transaction)."""
        it = self._connection(connection)
        changes, rowid = it.execute("SELECT changes(), last_insert_rowid()").fetchone()
        return changes, rowid, it.in_transaction

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()


# --- values as SQL literals -------------------------------------------------------------------------------------


def literal(value: Any) -> str:
    """A value as an SQL literal, so that 1, 1.0, '1' and NULL never look alike."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        if math.isinf(value):
            return "9e999" if value > 0 else "-9e999"
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"x'{bytes(value).hex()}'"
    return text_literal(value)


def text_literal(text: str) -> str:
    """A text as an SQL literal; control characters are written with unistr()."""
    quoted = text.replace("'", "''")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        escaped = "".join(
            f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c for c in quoted.replace("\\", "\\\\")
        )
        return f"unistr('{escaped}')"
    return f"'{quoted}'"


def row_text(row: Row) -> str:
    """A row as one line."""
    return "|".join(literal(value) for value in row)
