"""Cursors: executing statements and fetching rows, with the semantics and messages of the `sqlite3` module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from turso_wasm.base.errors import SQLITE_SCHEMA, SqlError
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.ahead import give_up_rows
from turso_wasm.dbapi.columnar import Fetching, check_plain, given_frame, insert_frame
from turso_wasm.dbapi.deprecations import WARNS, warn_of_names
from turso_wasm.dbapi.errors import DataError, OperationalError, ProgrammingError, fail
from turso_wasm.dbapi.limits import UNLIMITED
from turso_wasm.dbapi.types import PARSE_COLNAMES, PLAIN, adapted, adapted_plain, converted, find_converter
from turso_wasm.runtime.bulk import insert_batches
from turso_wasm.runtime.many import AT_HAND, run_many
from turso_wasm.runtime.parameters import TooBig, UnsupportedType
from turso_wasm.runtime.rows import UndecodableText
from turso_wasm.runtime.statement import HostStatement

if TYPE_CHECKING:
    from turso_wasm.codegen.program import Program
    from turso_wasm.dbapi.connection import Connection
    from turso_wasm.runtime.schema import Prepared

Parameters = Sequence[Any] | Mapping[str, Any]
Description = tuple[tuple[str, None, None, None, None, None, None], ...]

T = TypeVar("T")

NO_ROWS: Iterator[Any] = iter(())
DML = frozenset(("insert", "update", "delete"))


class Cursor(Fetching, arguments.NotPickled):
    """Executes statements one after the other and gives the rows of the last one."""

    __slots__ = (
        "__weakref__",
        "_busy",
        "_closed",
        "_connection",
        "_converters",
        "_description",
        "_lastrowid",
        "_looped",
        "_n_read",
        "_query",
        "_rowcount",
        "_rows",
        "_statement",
        "arraysize",
        "row_factory",
    )

    def __init__(self, connection: Connection, /) -> None:
        if getattr(self, "_busy", False):
            raise ProgrammingError("Recursive use of cursors not allowed.")
        self._statement: HostStatement | None = None
        try:
            connection._runtime.address  # noqa: B018
            self.row_factory: Callable[[Cursor, tuple[Any, ...]], Any] | None = connection.row_factory
        except AttributeError:
            raise arguments.wrong_type("Cursor() argument 1", "turso_wasm.Connection", connection) from None
        self._connection = connection
        self.arraysize = 1
        self._description: Description | None = None
        self._lastrowid: int | None = None
        self._rowcount = -1
        self._rows: Iterator[tuple[Any, ...]] = NO_ROWS
        self._n_read = 0  # rows that `_rows` had so far, with those before
        self._query: tuple[Prepared, Sequence[Any]] | None = None  # whose rows were read ahead
        self._converters: list[Callable[[bytes], Any] | None] | None = None
        self._busy = False  # amid code of the caller's: parameters, adapters, converters, functions
        self._looped = False  # over by a generator, which has `_rows`
        self._closed = False

    # --- what the last statement was --------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The connection it belongs to."""
        return self._connection

    @property
    def description(self) -> Description | None:
        """A tuple for each result column, of its name and six times None; None without result columns."""
        return self._description

    @property
    def rowcount(self) -> int:
        """Rows changed by the last INSERT, UPDATE, DELETE or `executemany`; -1 for other statements."""
        return self._rowcount

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the last row inserted."""
        return self._lastrowid

    # --- executing ----------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """Execute one statement.

        Errors: ProgrammingError for several statements, a wrong number of parameters, a closed cursor; the engine's.
        """
        connection = self._usable()
        if type(sql) is not str or not sql.isascii():
            arguments.sql_text(sql, "execute() argument 1")
        if self._looped or self._rows is not NO_ROWS:
            self._finish()
        self._description = None
        self._rowcount = -1
        runtime = connection._runtime
        prepared = runtime.find(sql) if runtime.authorizer is None and connection._limits is UNLIMITED else None
        if prepared is None or prepared.has_tail:
            prepared = connection._prepare(sql)
            if prepared is None:
                return self
        program = prepared.program
        changes = program.kind in DML
        if changes:
            connection._begin_implicitly()
            self._rowcount = 0
        if WARNS and isinstance(parameters, (tuple, list)):
            warn_of_names(program.param_names)
        self._busy = True
        try:
            values: Sequence[Any]
            if (
                type(parameters) is tuple
                and len(parameters) == program.n_user_params
                and PLAIN.issuperset(map(type, parameters))
                and not adapted_plain
            ):
                values = parameters
            else:
                values = parameters_for(program, parameters)
            if connection._trace_callback is not None:
                self._busy = False
                connection._trace(prepared, values)
                self._busy = True
            if connection._limits is not UNLIMITED:
                connection._check_values(program.n_user_params, values)
            if changes and connection._reading:
                give_up_rows(connection, program)
            statement, rows = runtime.execute(prepared, values, connection._text)
        except Exception as error:
            self._rowcount = -1
            _fail(error, program)
        finally:
            self._busy = False
        if not statement.finished:
            self._statement = statement
        if changes and (statement.finished or program.returns_rows):
            self._rowcount = statement.changed if statement.finished else statement.changes
        if program.columns:
            self._description = prepared.description
            if self._description is None or connection.detect_types or statement.program is not program:
                self._describe(prepared, statement.program)
            self._rows = iter(rows or ())
            if rows and program.reads:
                self._n_read = len(rows)
                if self._n_read > 1 or not statement.finished:
                    self._query = prepared, values
                    connection._reading.add(self)
        self._lastrowid = runtime.last_rowid()
        return self

    def _describe(self, prepared: Prepared, program: Program) -> None:
        detect = self._connection.detect_types
        names = [column.name for column in program.columns]
        if not detect and prepared.program is program:
            if prepared.description is None:
                prepared.description = _description(names)
            self._description = prepared.description
            return
        found = [find_converter(detect, column.name, column.decltype) for column in program.columns]
        self._converters = found if any(found) else None
        if detect & PARSE_COLNAMES:
            names = [name.partition(" [")[0] if name.endswith("]") else name for name in names]
        self._description = _description(names)

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> Cursor:
        """Execute one INSERT, UPDATE or DELETE for each set of parameters; `rowcount` sums up.

        Rows of RETURNING are dropped.

        Errors: as execute; ProgrammingError for another kind of statement.
        """
        connection = self._usable()
        arguments.sql_text(sql, "executemany() argument 1")
        frame = given_frame(parameters)
        sets = iter(parameters) if frame is None else iter(())
        self._finish()
        self._description = None
        self._rowcount = -1
        prepared = connection._prepare(sql)
        if prepared is None:
            raise ProgrammingError("executemany() can only execute DML statements.")
        program = prepared.program
        if program.kind not in DML:
            raise ProgrammingError("executemany() can only execute DML statements.")
        connection._begin_implicitly()
        if program.columns:
            self._describe(prepared, program)
        give_up_rows(connection, program)
        self._busy = True
        try:
            changed = 0
            if frame is not None:
                sets = frame.rows(0)
                if connection._trace_callback is None and connection._limits is UNLIMITED:
                    changed, sets = insert_frame(connection._runtime, prepared, frame)
            changed += self._run_many(connection, prepared, sets)
        except Exception as error:
            _fail(error, program)
        finally:
            self._busy = False
        connection._check_open()
        self._rowcount = changed
        return self

    def _run_many(self, connection: Connection, prepared: Prepared, sets: Iterator[Parameters]) -> int:
        """Run for each set; how many rows were changed. A schema that changes under it costs a retry of one row."""
        runtime = connection._runtime
        changed = 0

        def values_of(one: Parameters) -> Sequence[Any]:
            values = parameters_for(prepared.program, one)
            connection._trace(prepared, values)
            if connection._limits is not UNLIMITED:
                connection._check_values(prepared.program.n_user_params, values)
            return values

        if connection._trace_callback is not None or adapted_plain or connection._limits is not UNLIMITED:
            sets = (list(one) if type(one) is tuple else one for one in sets)  # tuples take a way without values_of
        if type(sets) in AT_HAND:
            changed, sets = insert_batches(runtime, prepared, sets)
        while True:
            with runtime.running(prepared) as statement:
                try:
                    run_many(statement, sets, prepared.literals, values_of)
                    return changed + statement.changed
                except SqlError as error:
                    if error.code != SQLITE_SCHEMA:
                        raise
                    changed += statement.changed
                    sets = iter([*statement.left, *sets]) if type(sets) in AT_HAND else chain(statement.left, sets)
            prepared = runtime.prepare_again(prepared)

    def executescript(self, sql_script: str, /) -> Cursor:
        """Execute all statements of a script; rows they give are dropped. A pending implicit transaction is committed
        first.
        """
        connection = self._usable()
        arguments.text(sql_script, "executescript() argument")
        self._finish()
        connection._check_sql(sql_script, "query string is too large")
        connection._commit_implicitly()
        runtime = connection._runtime
        at = 0
        while at < len(sql_script):
            try:
                prepared = runtime.prepare(sql_script, at)
                if prepared is None:
                    break
                connection._trace(prepared, ())
                give_up_rows(connection, prepared.program)
                statement, rows = runtime.execute(prepared, (None,) * prepared.program.n_user_params)
                try:
                    while rows is not None and not statement.finished:
                        rows = statement.step()
                finally:
                    runtime.release(statement)
                at = prepared.end
            except SqlError as error:
                fail(error)
        return self

    # --- fetching -----------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left; a generator, because that is the fastest loop Python has."""
        self._usable()
        return self._left()

    def _left(self) -> Iterator[Any]:
        self._looped = True
        while True:
            rows = self._rows
            if self._converters is None and self.row_factory is None:
                yield from rows
            else:
                for row in rows:
                    yield self._shaped(row)
            if self._rows is rows:
                first = self._next_batch()
                if first is None:
                    return
                yield self._shaped(first)

    def __next__(self) -> Any:
        self._usable()
        for row in self._rows:
            return self._shaped(row)
        first = self._next_batch()
        if first is None:
            raise StopIteration
        return self._shaped(first)

    def _next_batch(self) -> tuple[Any, ...] | None:
        """The first row of the next batch that has one, None when the statement is finished."""
        text = self._usable()._text
        while self._statement is not None:
            rows = self._stepped(lambda statement: statement.step(text))
            if rows:
                self._rows = iter(rows)
                self._n_read += len(rows)
                return next(self._rows)
        return None

    def _stepped(self, step: Callable[[HostStatement], T | None]) -> T | None:
        """What a step gives, None when the statement was finished before."""
        connection, statement = self._usable(), self._statement
        if statement is None:
            return None
        runtime = connection._runtime
        with runtime.host.lock:
            self._busy = True
            try:
                found = step(statement)
            except Exception as error:
                self._statement = None
                runtime.release(statement)
                _fail(error, statement.program)
            finally:
                self._busy = False
            if statement.finished:
                self._statement = None
                runtime.release(statement)
        return found

    def _plain_rows(self) -> list[tuple[Any, ...]]:
        check_plain(self._usable()._text_factory)
        return list(self._rows)

    def _batches(self) -> Iterator[tuple[bytes, bytes]]:
        """The rows behind those that were read ahead, as columns."""
        while (found := self._stepped(HostStatement.step_columns)) is not None:
            if found[0]:
                yield found

    def _shaped(self, row: tuple[Any, ...]) -> Any:
        if self._converters is not None:
            self._busy = True
            try:
                row = converted(row, self._converters)
            finally:
                self._busy = False
        return row if self.row_factory is None else self.row_factory(self, row)

    def fetchone(self) -> Any:
        """The next row, or None."""
        self._usable()
        for row in self._rows:
            return row if self.row_factory is None and self._converters is None else self._shaped(row)
        return None if self._statement is None else next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Up to `size` rows (default: arraysize); all that are left below 1."""
        self._usable()
        wanted = arguments.integer(self.arraysize if size is None else size)
        if wanted < 1:
            return self.fetchall()
        rows: list[Any] = []
        for row in self:
            rows.append(row)
            if len(rows) == wanted:
                break
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        self._usable()
        rows = list(self._rows)
        while (row := self._next_batch()) is not None:
            rows.append(row)
            rows += self._rows
        if self.row_factory is None and self._converters is None:
            return rows
        return [self._shaped(row) for row in rows]

    # --- the rest -----------------------------------------------------------------------------------------------

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the result columns."""
        return tuple(column[0] for column in self._description or ())

    def setinputsizes(self, sizes: object, /) -> None:
        """Required by PEP 249; does nothing."""

    def setoutputsize(self, size: object, column: object = None, /) -> None:
        """Required by PEP 249; does nothing."""

    def close(self) -> None:
        """Give up the statement; the cursor is unusable from now on."""
        try:
            connection = self._connection
        except AttributeError:
            raise ProgrammingError("Base Cursor.__init__ not called.") from None
        if self._busy:
            raise ProgrammingError("Recursive use of cursors not allowed.")
        connection._check()
        self._finish()
        self._closed = True

    def __del__(self) -> None:
        try:
            statement = self._statement
        except AttributeError:
            return  # its __init__ was not called
        if statement is not None:
            statement.connection.drop(statement)

    def _finish(self) -> None:
        """Give the running statement back."""
        if self._looped:
            self._looped = False
            for _ in self._rows:  # the loop goes on with what comes next
                pass
        self._rows = NO_ROWS
        self._query = None
        self._converters = None
        statement = self._statement
        if statement is not None:
            self._statement = None
            if self._connection._runtime.address:
                self._connection._runtime.release(statement)

    def _usable(self) -> Connection:
        try:
            connection = self._connection
        except AttributeError:
            raise ProgrammingError("Base Cursor.__init__ not called.") from None
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed cursor.")
        if self._busy:
            raise ProgrammingError("Recursive use of cursors not allowed.")
        if connection._thread != get_ident() or not connection._runtime.address:
            connection._check()
        return connection


def _description(names: Sequence[str]) -> Description:
    return tuple((name, None, None, None, None, None, None) for name in names)


def parameters_for(program: Program, given: Parameters) -> Sequence[Any]:
    """The values of a Program's parameters in order. Errors: ProgrammingError as the sqlite3 module's."""
    n = program.n_user_params
    if isinstance(given, (tuple, list)):
        if len(given) != n:
            uses = f"The current statement uses {n}, and there are {len(given)} supplied."
            raise ProgrammingError(f"Incorrect number of bindings supplied. {uses}")
        if type(given) is list and not PLAIN.issuperset(map(type, given)):
            return [adapted((given[i],))[0] for i in range(n)]  # adapters may change the list
        return adapted(given)
    if isinstance(given, Mapping):
        return adapted([_named(program, i, given) for i in range(n)])
    if hasattr(given, "__getitem__"):
        return parameters_for(program, [given[i] for i in range(len(given))])
    raise ProgrammingError("parameters are of unsupported type")


def _named(program: Program, at: int, given: Mapping[str, Any]) -> Any:
    name = program.param_names[at] if at < len(program.param_names) else None
    if name is None:
        raise ProgrammingError(f"Binding {at + 1} has no name, but you supplied a dictionary (which has only names).")
    try:
        return given[name[1:]]
    except LookupError:
        raise ProgrammingError(f"You did not supply a value for binding parameter :{name[1:]}.") from None


def _fail(error: Exception, program: Program) -> Any:
    """Raise what the sqlite3 module raises for an error of the runtime."""
    if isinstance(error, SqlError):
        fail(error)
    if isinstance(error, UnsupportedType):
        which = f"Error binding parameter {error.index + 1}"
        raise ProgrammingError(f"{which}: type '{error.type_name}' is not supported") from None
    if isinstance(error, TooBig):
        raise DataError("string or blob too big") from None
    if isinstance(error, UndecodableText):
        column = program.columns[error.column].name
        text = error.raw.decode("utf-8", "replace")
        raise OperationalError(f"Could not decode to UTF-8 column '{column}' with text '{text}'") from None
    raise error
