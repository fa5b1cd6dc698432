"""Python functions as SQL calls them: with how many arguments, and typed ones with the types that they declare."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from turso_wasm.typed.types import Function, Kind, Type

_CLASSES: Final[dict[Kind, type]] = {"bool": int, "int": int, "float": float, "str": str, "bytes": bytes}


class TypedCallable:
    """A typed function. In Python it is the function it was made of, but that its arguments and its result are of the
    types they are declared to be: an int is a float where a float is expected.
    """

    def __init__(self, function: Callable[..., Any], body: Function) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.body = body

    def __call__(self, *args: Any) -> Any:
        """The function's result. Errors: what it raises; TypeError when the result is not of its declared type."""
        params = self.body.params
        result = self.function(*[_as_declared(arg, type_) for arg, type_ in zip(args, params, strict=False)])
        result = _as_declared(result, self.body.result)
        if not _is_a(result, self.body.result):
            raise TypeError(f"{self.body.name}() returned {type(result).__name__}, not {self.body.result}")
        return result


def typed_body(function: Callable[..., Any]) -> Function:
    """A function compiled. Errors: NotTyped, with the line, for what typed Python has not."""
    from turso_wasm.typed.check import compile_function  # loaded when somebody uses it
    from turso_wasm.typed.errors import NotTyped

    body = compile_function(function)
    if any(type_.element is not None for type_ in (*body.params, body.result)):
        raise NotTyped("a list cannot come from SQL or go there")
    return body


def arities(function: Callable[..., Any]) -> list[int]:
    """With how many arguments a function can be called; -1 when there is no limit."""
    if isinstance(function, TypedCallable):
        most = len(function.body.params)
        return list(range(most - len(function.body.defaults), most + 1))
    import inspect

    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return [-1]
    given = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return list(range(sum(p.default is p.empty for p in given), len(given) + 1))


def _as_declared(value: Any, type_: Type) -> Any:
    if type_.kind == "float" and type(value) is int:
        return float(value)
    if type_.kind == "bool" and type(value) is int and value in (0, 1):
        return bool(value)
    return value


def _is_a(value: Any, type_: Type) -> bool:
    if value is None:
        return type_.optional
    return isinstance(value, _CLASSES[type_.kind]) if type_.kind in _CLASSES else False
