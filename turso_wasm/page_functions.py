"""Functions in Python that a page gives as source text (web/python_function.js).

A function in typed Python is compiled into the statements that call it; the worker asks Python for any other, and where
the compiled code leaves it to Python.
"""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Any, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.typed.callable import TypedCallable, arities, typed_body
from turso_wasm.typed.errors import NotTyped

_WHOLE: Final = 1 << 63
_numbers = count(1)


class PageFunction:
    """The function that a source text defines: that of the given name, or else the last one.

    Errors: SQLITE_ERROR, for a text that defines none, or fails; where it is demanded that the function is compiled,
    for what typed Python has not.
    """

    def __init__(self, source: str, name: str, compiled: bool | None = None) -> None:
        function = _defined(source, name)
        self.body = None
        self.function: Callable[..., Any] = function
        if compiled is not False:
            try:
                self.body = typed_body(function)
                self.function = TypedCallable(function, self.body)
            except NotTyped as error:
                if compiled:
                    raise SqlError(SQLITE_ERROR, f"{function.__name__}() cannot be compiled: {error}") from None
        self.arities = arities(self.function)

    def call(self, kinds: str, real: Callable[[float], Any], *values: Any) -> Any:
        """What the function makes of values of SQL. kinds: i, r, t, b, n for each: in JavaScript a whole number does
        not show that it is a REAL. real: marks one. Errors: what the function raises; TypeError, OverflowError.
        """
        given = [_given(kind, value) for kind, value in zip(kinds, values, strict=True)]
        result = self.function(*given)
        if isinstance(result, float):
            if result != result:
                return None
            return real(result) if result.is_integer() else result
        if isinstance(result, int):
            if not -_WHOLE <= result < _WHOLE:
                raise OverflowError("Python int too large to convert to SQLite INTEGER")
            return int(result)
        if result is None or isinstance(result, str):
            return result
        try:
            return bytes(memoryview(result))
        except TypeError:
            raise TypeError(f"type '{type(result).__name__}' is not supported") from None


@lru_cache(maxsize=256)
def typed_function(source: str, name: str) -> PageFunction:
    """The typed function of a source text, for who compiles statements that call it."""
    return PageFunction(source, name, compiled=True)


def _given(kind: str, value: Any) -> Any:
    if kind == "r":
        return float(value)
    if kind == "n":
        return None
    return value.to_bytes() if kind == "b" else value


def _defined(source: str, name: str) -> types.FunctionType:
    path = f"<{name}() {next(_numbers)}>"
    linecache.cache[path] = len(source), None, source.splitlines(keepends=True), path  # tracebacks, typed Python
    namespace: dict[str, Any] = {"__name__": "__page__"}
    try:
        tree = ast.parse(source, path)
        exec(compile(tree, path, "exec", dont_inherit=True), namespace)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise SqlError(SQLITE_ERROR, f"the source text of {name}() is no Python that can be run: {what}") from error
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    wanted = name if name in names else names[-1] if names else ""
    found = namespace.get(wanted)
    if not isinstance(found, types.FunctionType):
        raise SqlError(SQLITE_ERROR, f"the source text of {name}() defines no function")
    return found
