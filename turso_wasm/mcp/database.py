"""The database behind the tools: one statement at a time, of one kind, within limits of rows and time."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mcp.server.mcpserver.exceptions import ToolError

from turso_wasm.base.errors import SQLITE_INTERRUPT, SqlError
from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.errors import Error
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse

SCHEMA_CHANGES: Final = (
    ast.CreateTable,
    ast.CreateVirtualTable,
    ast.CreateIndex,
    ast.CreateIndexUsing,
    ast.CreateView,
    ast.CreateMaterializedView,
    ast.RefreshView,
    ast.CreateTrigger,
    ast.Drop,
    ast.RenameTable,
    ast.RenameColumn,
    ast.AlterColumn,
    ast.AddColumn,
    ast.DropColumn,
    ast.AddConstraint,
    ast.DropConstraint,
    ast.AlterColumnNotNull,
)
MEMORY: Final = ":memory:"
LONGEST: Final = 20_000  # characters of a value that is told

JsonValue = int | float | str | None
"""A value in JSON: a BLOB is written as an SQL literal, an infinity as its name."""


class Refused(ToolError):
    """What was asked for cannot be done; the text is for the assistant, which the SDK tells it."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a statement gave. is_cut: there are more rows. changed: rows, by INSERT, UPDATE, DELETE."""

    columns: list[str]
    rows: list[list[JsonValue]]
    is_cut: bool
    changed: int


class Database:
    """The current database, safe to use from any thread.

    max_rows: of one result. time_limit: seconds that one statement may take, 0 for no limit.
    """

    def __init__(self, path: str, *, readonly: bool = False, max_rows: int = 1000, time_limit: float = 30.0) -> None:
        self.readonly, self.max_rows, self.time_limit = readonly, max_rows, time_limit
        self._lock = threading.RLock()
        self._connection = self._connect(path)
        self.path = path

    def open(self, path: str) -> None:
        """Go over to another database. Errors: Refused; the one that was open stays open."""
        opened = None
        try:
            opened = self._connect(path)
            opened.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # whether it is a database shows here
        except Error as error:
            if opened is not None:
                opened.close()
            raise Refused(f"{path}: {error}") from None
        with self._lock:
            self._connection.close()
            self._connection, self.path = opened, path

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def run(self, sql: str, kinds: type | tuple[type, ...], wanted: str) -> Outcome:
        """Run one statement. Errors: as `check` and `execute`."""
        self.check(sql, kinds, wanted)
        return self.execute(sql)

    def check(self, sql: str, kinds: type | tuple[type, ...], wanted: str) -> None:
        """See that the text is one statement of these kinds. Errors: Refused; `wanted` says of which."""
        try:
            found = parse(sql)
        except SqlError as error:
            raise Refused(f"{error.message}{_place(sql, error.span)}") from None
        if len(found) != 1:
            raise Refused(f"Only a single {wanted} statement is allowed")
        if not isinstance(found[0], kinds):
            raise Refused(f"Only {wanted} statements are allowed")

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> Outcome:
        """Run a statement. Errors: Refused."""
        with self._lock, self._limited() as is_late:
            try:
                cursor = self._connection.execute(sql, values)
                if cursor.description is None:
                    return Outcome(columns=[], rows=[], is_cut=False, changed=max(cursor.rowcount, 0))
                columns = [column[0] for column in cursor.description]
                rows = cursor.fetchmany(self.max_rows + 1)
                is_cut = len(rows) > self.max_rows
                if is_cut and cursor.rowcount >= 0:  # the rows of RETURNING: the statement goes on to its end
                    for _ in cursor:
                        pass
                changed = max(cursor.rowcount, 0)
                cursor.close()
            except (Error, MemoryError, OverflowError) as error:
                if is_late.is_set() and getattr(error, "sqlite_errorcode", None) == SQLITE_INTERRUPT:
                    raise Refused(f"stopped: it took longer than {self.time_limit:g} seconds") from None
                raise Refused(f"{error}{_place(sql, getattr(error, 'span', None))}") from None
        shown = [[_json(value) for value in row] for row in rows[: self.max_rows]]
        return Outcome(columns=columns, rows=shown, is_cut=is_cut, changed=changed)

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement of the server's own. Errors: Refused."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except Error as error:
                raise Refused(str(error)) from None

    @contextmanager
    def _limited(self) -> Iterator[threading.Event]:
        """Interrupt what runs when the time is over, and tell so."""
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            self._connection.interrupt()

        timer = threading.Timer(self.time_limit, stop)
        timer.daemon = True
        if self.time_limit > 0:
            timer.start()
        try:
            yield is_late
        finally:
            timer.cancel()

    def _connect(self, path: str) -> Connection:
        location = path
        if self.readonly and path not in ("", MEMORY) and not path.startswith("file:"):
            location = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
        connection = Connection(
            location, isolation_level=None, check_same_thread=False, uri=location.startswith("file:")
        )
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        if self.readonly:
            connection.execute("PRAGMA query_only=1")
        return connection


def _json(value: object) -> JsonValue:
    if isinstance(value, bytes):
        return f"X'{value[: LONGEST // 2].hex()}'" + _cut(len(value), LONGEST // 2, "bytes")
    if isinstance(value, str):
        return value[:LONGEST] + _cut(len(value), LONGEST, "characters")
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    assert value is None or isinstance(value, int | float)
    return value


def _cut(n: int, shown: int, unit: str) -> str:
    """What is said behind a value that is too long to be read."""
    return f"… (the first {shown} of {n} {unit}; substr() gives others)" if n > shown else ""


def _place(sql: str, span: tuple[int, int] | None) -> str:
    """Where in the statement, for a reader of text."""
    if span is None:
        return ""
    line = sql.count("\n", 0, span[0]) + 1
    return f" (line {line}, column {span[0] - (sql.rfind(chr(10), 0, span[0]) + 1) + 1}: {sql[span[0] : span[1]]})"
