"""Typed Python functions, compiled into the statements that call them (docs/typed-python.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turso_wasm.dbapi.errors import NotSupportedError, ProgrammingError
from turso_wasm.typed.callable import TypedCallable, typed_body


class CompiledFunction(TypedCallable):
    """A typed function: `create_function` takes it as any other."""

    def check_arity(self, n: int) -> None:
        """Errors: ProgrammingError, when it cannot be called with n arguments."""
        most = len(self.body.params)
        if not most - len(self.body.defaults) <= n <= most:
            raise ProgrammingError(f"{self.body.name}() cannot be called with {n} arguments")


def compiled(function: Callable[..., Any]) -> CompiledFunction:
    """Compile a function in typed Python, as a decorator. Any connection's `create_function` takes it.

    Errors: NotSupportedError, with the line, for what typed Python has not.
    """
    found = compiled_function(function, demanded=True)
    assert found is not None, "it was demanded"
    return found


def compiled_function(function: Callable[..., Any], demanded: bool) -> CompiledFunction | None:
    """The function compiled; None if it cannot be. Errors: NotSupportedError if that was demanded."""
    if isinstance(function, CompiledFunction):
        return function
    from turso_wasm.typed.errors import NotTyped  # loaded when somebody uses it

    try:
        return CompiledFunction(function, typed_body(function))
    except NotTyped as error:
        if demanded:
            raise NotSupportedError(f"{function.__name__}() cannot be compiled: {error}") from None
        return None
