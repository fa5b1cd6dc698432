"""A stream: a connection of its own and what Hrana's requests do with it.

Source: The Hrana protocol specification, version 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from turso_wasm.base.errors import SqlError
from turso_wasm.codegen.program import Program
from turso_wasm.runtime import engine
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.schema import Prepared
from turso_wasm.runtime.statement import HostStatement
from turso_wasm.runtime.uri import Location
from turso_wasm.server.values import Json, ProtocolError, error_json, value_json, value_of

BUSY_TIMEOUT_MS: Final = 5000
CLIENTS: Final = "turso_sync_clients"
CAPTURE: Final = "PRAGMA capture_data_changes_conn('full')"
MAKE_CLIENTS: Final = f"CREATE TABLE IF NOT EXISTS {CLIENTS}(client TEXT PRIMARY KEY, change_id INTEGER NOT NULL)"
"""How far each client's changes have been taken."""
MAX_TEXTS: Final = 1000  # stored by one client
FAILURES: Final = (SqlError, ProtocolError, MemoryError)


class Stream:
    """Requests of one client, in order, from one thread at a time."""

    def __init__(self, location: Location, captures: bool = False) -> None:
        """captures: what it changes, for those who synchronize (docs/sync.md)."""
        self.texts: dict[int, str] = {}
        self.is_closed = False
        self.connection = HostConnection(engine.host(), location)
        self.connection.busy_timeout_ms = BUSY_TIMEOUT_MS
        if captures:
            self._sequence({"sql": CAPTURE})

    def close(self) -> None:
        """Roll back what is open, and close."""
        self.is_closed = True
        self.connection.close()

    def respond(self, request: Any) -> Json:
        """The structure StreamResult for a StreamRequest."""
        try:
            return {"type": "ok", "response": self.answer(request)}
        except FAILURES as error:
            return {"type": "error", "error": error_json(error)}

    def answer(self, request: Any) -> Json:
        """The response to a request. Errors: SqlError, ProtocolError, MemoryError."""
        if self.is_closed:
            raise ProtocolError("The stream is closed", "STREAM_CLOSED")
        kind = request.get("type") if isinstance(request, dict) else None
        answer = _ANSWERS.get(kind) if isinstance(kind, str) else None
        if answer is None:
            raise ProtocolError(f"unknown type of request: {kind!r}")
        return {"type": kind, **answer(self, request)}

    # --- requests -----------------------------------------------------------------------------------------------

    def _close(self, _request: Json) -> Json:
        self.close()
        return {}

    def _execute(self, request: Json) -> Json:
        return {"result": self.execute(_given(request, "stmt"))}

    def _batch(self, request: Json) -> Json:
        steps = steps_of(_given(request, "batch"))
        results: list[Json | None] = [None] * len(steps)
        errors: list[Json | None] = [None] * len(steps)
        for at, step in enumerate(steps):
            if self.holds(step.get("condition"), results, errors):
                try:
                    results[at] = self.execute(_given(step, "stmt"))
                except FAILURES as error:
                    errors[at] = error_json(error)
        return {"result": {"step_results": results, "step_errors": errors}}

    def _sequence(self, request: Json) -> Json:
        sql, at = self.text(request), 0
        while (prepared := self.connection.prepare(sql, at)) is not None:
            for _ in _Run(self.connection, prepared, ()):
                pass
            at = prepared.end
        return {}

    def _describe(self, request: Json) -> Json:
        program = self.prepared(self.text(request)).program
        columns = [{"name": column.name, "decltype": column.decltype} for column in program.columns]
        return {
            "result": {
                "params": [{"name": name} for name in program.param_names],
                "cols": columns,
                "is_explain": program.kind == "explain",
                "is_readonly": program.readonly,
            }
        }

    def _store_sql(self, request: Json) -> Json:
        number, text = number_of(request, "sql_id"), request.get("sql")
        if not isinstance(text, str):
            raise ProtocolError("sql is missing")
        if number in self.texts:
            raise ProtocolError(f"SQL text {number} is in use already")
        if len(self.texts) >= MAX_TEXTS:
            raise ProtocolError(f"more than {MAX_TEXTS} SQL texts are stored")
        self.texts[number] = text
        return {}

    def _close_sql(self, request: Json) -> Json:
        self.texts.pop(number_of(request, "sql_id"), None)
        return {}

    def _get_autocommit(self, _request: Json) -> Json:
        return {"is_autocommit": not self.connection.in_transaction}

    # --- statements ---------------------------------------------------------------------------------------------

    def text(self, found: Json) -> str:
        """The SQL that `sql` or `sql_id` give. Errors: ProtocolError."""
        sql, number = found.get("sql"), found.get("sql_id")
        if (sql is None) == (number is None):
            raise ProtocolError("either sql or sql_id must be given")
        if sql is None:
            sql = self.texts.get(number_of(found, "sql_id"))
            if sql is None:
                raise ProtocolError(f"SQL text {number} is not stored", "SQL_NOT_FOUND")
        if not isinstance(sql, str):
            raise ProtocolError("sql is no text")
        return sql

    def prepared(self, sql: str) -> Prepared:
        """One statement. Errors: SqlError; ProtocolError if it is none, or several."""
        prepared = self.connection.prepare(sql)
        if prepared is None:
            raise ProtocolError("SQL string does not contain any statement", "SQL_NO_STATEMENT")
        if prepared.has_tail:
            raise ProtocolError("SQL string contains more than one statement", "SQL_MANY_STATEMENTS")
        return prepared

    def execute(self, stmt: Any) -> Json:
        """The structure StmtResult."""
        run = self.run(stmt)
        wants_rows = stmt.get("want_rows") is not False
        rows = [[value_json(value) for value in row] for row in run if wants_rows]
        return {"cols": run.columns(), "rows": rows, **run.counts()}

    def run(self, stmt: Any) -> _Run:
        """Start a statement. Errors: SqlError, ProtocolError."""
        if not isinstance(stmt, dict):
            raise ProtocolError("stmt is no object")
        prepared = self.prepared(self.text(stmt))
        return _Run(self.connection, prepared, _values(prepared.program, stmt))

    def entries(self, steps: Sequence[Json]) -> Iterator[Json]:
        """The structures CursorEntry of a batch, as it runs."""
        results: list[Json | None] = [None] * len(steps)
        errors: list[Json | None] = [None] * len(steps)
        for at, step in enumerate(steps):
            try:
                if not self.holds(step.get("condition"), results, errors):
                    continue
                run = self.run(_given(step, "stmt"))
                yield {"type": "step_begin", "step": at, "cols": run.columns()}
                for row in run:
                    yield {"type": "row", "row": [value_json(value) for value in row]}
                results[at] = run.counts()
                yield {"type": "step_end", **run.counts()}
            except FAILURES as error:
                errors[at] = error_json(error)
                yield {"type": "step_error", "step": at, "error": errors[at]}

    def holds(self, condition: Any, results: Sequence[Json | None], errors: Sequence[Json | None]) -> bool:
        """Whether a BatchCond is true; there is none: true. Errors: ProtocolError."""
        match condition:
            case None:
                return True
            case {"type": "ok" | "error" as kind, "step": int() as step} if 0 <= step < len(results):
                return (results if kind == "ok" else errors)[step] is not None
            case {"type": "not", "cond": dict() as one}:
                return not self.holds(one, results, errors)
            case {"type": "and" | "or" as kind, "conds": list() as several}:
                found = [self.holds(one, results, errors) for one in several]
                return all(found) if kind == "and" else any(found)
            case {"type": "is_autocommit"}:
                return not self.connection.in_transaction
        raise ProtocolError("not a condition of a batch")


_ANSWERS: Final[dict[str, Callable[[Stream, Json], Json]]] = {
    "close": Stream._close,
    "execute": Stream._execute,
    "batch": Stream._batch,
    "sequence": Stream._sequence,
    "describe": Stream._describe,
    "store_sql": Stream._store_sql,
    "close_sql": Stream._close_sql,
    "get_autocommit": Stream._get_autocommit,
}


class _Run:
    """A statement that is running: its rows, and afterwards what it counted."""

    def __init__(self, connection: HostConnection, prepared: Prepared, values: Sequence[Any]) -> None:
        self.connection = connection
        self.statement: HostStatement
        self.statement, self.rows = connection.execute(prepared, values, _text)

    def columns(self) -> list[Json]:
        """The structures Col."""
        return [{"name": column.name, "decltype": column.decltype} for column in self.statement.program.columns]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.rows or ()
            while not self.statement.finished:
                yield from self.statement.step() or ()
        finally:
            self.connection.release(self.statement)

    def counts(self) -> Json:
        """What StmtResult says behind the rows."""
        program = self.statement.program
        return {
            "affected_row_count": self.statement.changed if program.counts_changes else 0,
            "last_insert_rowid": str(self.connection.last_rowid()) if program.kind == "insert" else None,
        }


def steps_of(batch: Any) -> list[Json]:
    """The steps of a Batch. Errors: ProtocolError."""
    steps = batch.get("steps") if isinstance(batch, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ProtocolError("a batch has steps")
    return steps


def _values(program: Program, stmt: Json) -> list[Any]:
    """What is bound. Errors: ProtocolError: too many, too few, or of another name."""
    given, named = stmt.get("args") or [], stmt.get("named_args") or []
    if not isinstance(given, list) or not isinstance(named, list):
        raise ProtocolError("args and named_args are arrays")
    n = program.n_user_params
    if len(given) > n:
        raise ProtocolError(f"{len(given)} arguments for a statement with {n} parameters", "ARGS_INVALID")
    values: dict[int, Any] = {at: value_of(one) for at, one in enumerate(given)}
    places = {name: at for at, name in enumerate(program.param_names) if name is not None}
    for one in named:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise ProtocolError("an argument of named_args has a name and a value")
        at = next((places[each] for each in (name, f":{name}", f"@{name}", f"${name}") if each in places), None)
        if at is None:
            raise ProtocolError(f"the statement has no parameter {name}", "ARGS_INVALID")
        values[at] = value_of(one.get("value"))
    if len(values) < n:
        missing = next(at for at in range(n) if at not in values)
        what = (program.param_names[missing] if missing < len(program.param_names) else None) or missing + 1
        raise ProtocolError(f"no argument for parameter {what}", "ARGS_INVALID")
    return [values[at] for at in range(n)]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _given(found: Json, name: str) -> Any:
    if name not in found:
        raise ProtocolError(f"{name} is missing")
    return found[name]


def number_of(found: Json, name: str) -> int:
    """A field. Errors: ProtocolError."""
    number = found.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise ProtocolError(f"{name} is no number")
    return number
