"""Registering code of the user's with a connection: signatures and messages of the `sqlite3` module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from turso_wasm.base.errors import SQLITE_MISUSE, SqlError
from turso_wasm.catalog.names import fold
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.compiled import CompiledFunction, compiled_function
from turso_wasm.dbapi.deprecations import soon_by_position
from turso_wasm.dbapi.errors import OperationalError, ProgrammingError, fail
from turso_wasm.runtime.userrows import RowsCode
from turso_wasm.typed.callable import arities

if TYPE_CHECKING:
    from turso_wasm.catalog.own import Own
    from turso_wasm.runtime.connection import HostConnection

F = TypeVar("F", bound=Callable[..., Any])
MAX_ARGUMENTS = 127  # SQLITE_MAX_FUNCTION_ARG as SQLite is built by default
MAX_NAME = 255  # bytes

Value = int | float | str | bytes | None
"""What code of the user's is given, and may return; bool and other bytes-like objects too."""


class Aggregate(Protocol):
    """An aggregate: one instance for each group of rows, made without arguments."""

    def step(self, *values: Any) -> object:
        """Take a row in."""

    def finalize(self) -> Any:
        """The result."""


class WindowAggregate(Aggregate, Protocol):
    """An aggregate that can be a window function."""

    def inverse(self, *values: Any) -> object:
        """Take the oldest row out."""

    def value(self) -> Any:
        """The result of the rows of now."""


class Registering:
    """Base of Connection."""

    _runtime: HostConnection

    def _check(self) -> None:
        raise NotImplementedError

    @soon_by_position("name", "narg", "func")
    def create_function(
        self, name: str, narg: int, func: Callable[..., Any] | None, *, deterministic: bool = False
    ) -> None:
        """Let SQL call `func` as name(…) with narg arguments; -1: any number. None: remove that function.

        It is given and returns a `Value`. What it raises fails the statement, and is the cause of that error.
        deterministic: equal arguments always give equal results, so indexes, CHECKs and generated columns may use it.
        Errors: ProgrammingError for a wrong narg; OperationalError when a running statement may call what is replaced.
        """
        from turso_wasm.catalog.own import Function

        self._check()
        name = arguments.text(name, "create_function() argument 'name'")
        n = _arity(narg, "narg")
        if not _is_name(name):
            raise OperationalError("Error creating function")
        if isinstance(func, CompiledFunction):
            func.check_arity(n)
            entry = Function(fold(name), n, n, style="typed", body=func.body)
        else:
            entry = Function(fold(name), max(n, 0), n, style="user", deterministic=bool(deterministic))
        self._register(entry, func, "Error creating function")

    @overload
    def function(self, func: F, /) -> F: ...

    @overload
    def function(
        self, func: None = None, /, *, name: str | None = ..., deterministic: bool = ..., compiled: bool | None = ...
    ) -> Callable[[F], F]: ...

    def function(
        self,
        func: Any = None,
        /,
        *,
        name: str | None = None,
        deterministic: bool = False,
        compiled: bool | None = None,
    ) -> Any:
        """Let SQL call the decorated function by its name, or `name`, with as many arguments as it takes.

        A function in typed Python (docs/typed-python.md) is compiled into the statements that call it, and counts as
        deterministic; any other is called as by `create_function`. compiled: True demands the one, False the other.
        Errors: NotSupportedError when it was demanded and cannot be; as create_function.
        """
        if func is None:
            return lambda func: self.function(func, name=name, deterministic=deterministic, compiled=compiled)
        code = compiled_function(func, demanded=compiled is True) if compiled is not False else None
        for n in arities(func):
            self.create_function(name or func.__name__, n, code or func, deterministic=deterministic)
        return func

    @soon_by_position("name", "n_arg", "aggregate_class")
    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Callable[[], Aggregate] | None) -> None:
        """Let SQL call an aggregate of n_arg arguments (-1: any number). None: remove it.

        Errors: as create_function.
        """
        from turso_wasm.catalog.own import AggregateFunction

        self._check()
        name = arguments.text(name, "create_aggregate() argument 'name'")
        n = _arity(n_arg, "n_arg")
        if not _is_name(name):
            raise OperationalError("Error creating aggregate")
        entry = AggregateFunction(fold(name), max(n, 0), n, inverts=False)
        self._register(entry, aggregate_class, "Error creating aggregate")

    def create_window_function(
        self, name: str, num_params: int, aggregate_class: Callable[[], WindowAggregate] | None, /
    ) -> None:
        """Let SQL call an aggregate that can be a window function; otherwise as create_aggregate."""
        from turso_wasm.catalog.own import AggregateFunction

        self._check()
        name = arguments.text(name, "create_window_function() argument 1")
        n = _arity(num_params, "num_params")
        if not _is_name(name):
            fail(SqlError(SQLITE_MISUSE, "bad parameter or other API misuse"))
        self._register(AggregateFunction(fold(name), max(n, 0), n), aggregate_class, "database is locked")

    def create_collation(self, name: str, callable: Callable[[str, str], int] | None, /) -> None:
        """Let SQL order texts by `callable`, which is negative, 0 or positive for two of them. None: remove it.

        It must order all texts one way for as long as an index by it exists. Errors: as create_function; TypeError.
        """
        from turso_wasm.catalog.own import OwnCollation

        self._check()
        name = arguments.text(name, "create_collation() argument 1")
        if callable is not None and not hasattr(callable, "__call__"):  # noqa: B004
            raise TypeError("parameter must be callable")
        self._register(OwnCollation(name), callable, None)

    def create_tokenizer(self, name: str, callable: Callable[..., Iterable[Sequence[int | str]]] | None, /) -> None:
        """Let full-text tables cut their texts by `callable`: tokenize='name setting …'. None: remove it.

        It is given a text and the settings, as str, and gives tokens in order: (start, end), places in the text, or
        (start, end, token, synonym, …). A query looks for the first token of a place. It must always give the same; a
        table can be used only where it is there. What it raises fails the statement, and is the cause of that error.
        Errors: as create_function; TypeError.
        """
        from turso_wasm.catalog.own import OwnTokenizer

        self._check()
        name = arguments.text(name, "create_tokenizer() argument 1")
        if callable is not None and not hasattr(callable, "__call__"):  # noqa: B004
            raise TypeError("parameter must be callable")
        self._register(OwnTokenizer(name), callable, None)

    def create_table_function(
        self,
        name: str,
        columns: Sequence[str],
        func: Callable[..., Iterable[Any]] | None,
        /,
        *,
        parameters: Sequence[str] | None = None,
    ) -> None:
        """Let SQL call `func` in FROM: name(…) is a table with these columns, of the rows that it yields.

        A row is a sequence of `Value`, or a mapping by column. parameters: names of the arguments, which are hidden
        columns too, those of `func` if not given; arguments that are missing at the end are not passed. None as `func`:
        remove it. What it raises fails the statement, and is the cause of that error.
        Errors: ValueError for no columns, or two of one name; TypeError when the parameters of `func` are not known;
        OperationalError when a statement is running that may call what is replaced.
        """
        from turso_wasm.catalog.own import TableFunction

        self._check()
        name = arguments.text(name, "create_table_function() argument 1")
        if func is not None and not callable(func):
            raise TypeError("parameter must be callable")
        shown = _names(columns, "columns")
        hidden = _names(parameters, "parameters") if parameters is not None else _parameters(func)
        names = {fold(column) for column in (*shown, *hidden)}
        if func is not None and (not shown or len(names) < len(shown + hidden)):
            raise ValueError("columns and parameters must be different names, and there must be a column")
        entry = TableFunction(name, shown, hidden)
        self._register(entry, None if func is None else RowsCode(func, shown), "Error creating table function")

    def _register(self, entry: Own, code: Callable[..., Any] | RowsCode | None, message: str | None) -> None:
        """message: what the sqlite3 module says whatever went wrong."""
        try:
            if code is None:
                self._runtime.unregister(entry)
            else:
                self._runtime.register(entry, code)
        except SqlError as error:
            if message is not None:
                raise OperationalError(message) from error
            fail(error)


def _names(given: Sequence[str], what: str) -> tuple[str, ...]:
    """Names of columns. Errors: TypeError."""
    if isinstance(given, str):
        raise TypeError(f"create_table_function() argument '{what}' must be a sequence of str, not str")
    return tuple([arguments.text(name, f"create_table_function() argument '{what}'") for name in given])


def _parameters(func: Callable[..., Any] | None) -> tuple[str, ...]:
    """The names of the parameters that can be passed by place. Errors: TypeError, ValueError."""
    if func is None:
        return ()
    import inspect

    found = inspect.signature(func).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in found):
        raise TypeError("a function of any number of arguments needs parameters=")
    return tuple(p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def _arity(given: int, what: str) -> int:
    """A number of arguments. Errors: TypeError, OverflowError, ProgrammingError."""
    n = arguments.integer(given)
    if not -1 <= n <= MAX_ARGUMENTS:
        raise ProgrammingError(f"'{what}' must be between -1 and {MAX_ARGUMENTS}, not {n}")
    return n


def _is_name(name: str) -> bool:
    return len(name.encode()) <= MAX_NAME
