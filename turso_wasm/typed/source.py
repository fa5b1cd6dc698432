"""A Python function as the compiler reads it: its tree, its annotations, and what the names in it mean.

What a function names outside of itself is taken as it is when the function is compiled: numbers and texts by value.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.types import BOOL, BYTES, FLOAT, INT, LISTS, NONE, STR, TUPLES, Constant, Type, join

_TYPES: Final[dict[Any, Type]] = {
    bool: BOOL, int: INT, float: FLOAT, str: STR, bytes: BYTES, type(None): NONE, None: NONE
}  # fmt: skip
MISSING: Final = object()


class Source:
    """A function's source. Errors: NotTyped, when it has none that can be read or is not a plain function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not isinstance(function, types.FunctionType):
            raise NotTyped(f"a {type(function).__name__} is no plain function")
        self.function = function
        self.name = function.__name__
        self.path = function.__code__.co_filename
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            raise NotTyped(f"the source of {self.name}() cannot be read") from None
        self.text = textwrap.dedent("".join(lines))
        self.first_line = first
        self.node = self._definition()
        self._closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def _definition(self) -> ast.FunctionDef:
        try:
            body = ast.parse(self.text).body
        except SyntaxError:
            raise NotTyped(f"the source of {self.name}() cannot be read alone") from None
        if not body or not isinstance(body[0], ast.FunctionDef):
            raise NotTyped(f"{self.name} is not written as a `def`")
        return body[0]

    def lookup(self, name: str) -> Any:
        """What a name outside of the function stands for, or MISSING. Its own name is taken for the function itself."""
        found = self._bound(name)
        if name == self.name and (found is MISSING or callable(found)):
            return self.function  # a decorator runs before the name is bound
        return found

    def _bound(self, name: str) -> Any:
        if name in self._closure:
            try:
                return self._closure[name].cell_contents
            except ValueError:  # not assigned yet
                return MISSING
        namespace = self.function.__globals__
        return namespace.get(name, vars(builtins).get(name, MISSING))

    def annotations(self) -> dict[str, Type]:
        """The types of the parameters, and under "return" of the result. Errors: NotTyped."""
        try:
            hints = typing.get_type_hints(self.function)
        except Exception as error:
            raise NotTyped(f"the annotations of {self.name}() cannot be understood: {error}", self.node) from None
        arguments = self.node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise NotTyped("a typed function takes positional parameters only", self.node)
        found = {}
        for parameter in [*arguments.posonlyargs, *arguments.args]:
            if parameter.arg not in hints:
                raise NotTyped(f"parameter {parameter.arg!r} has no type", parameter)
            found[parameter.arg] = as_type(hints[parameter.arg], parameter)
        if "return" not in hints:
            raise NotTyped(f"{self.name}() does not say what it returns: write `-> int` or the like", self.node)
        found["return"] = as_type(hints["return"], self.node.returns or self.node)
        return found

    def written_type(self, node: ast.expr) -> Type:
        """The type that an annotation amid the function writes. Errors: NotTyped."""
        try:
            return as_type(self._hint(node), node)
        except TypeError:
            raise NotTyped("this is no type", node) from None

    def _hint(self, node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._hint(node.left) | self._hint(node.right)
        if isinstance(node, ast.Name):
            return self.lookup(node.id)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "list":
            return list[self._hint(node.slice)]  # type: ignore[misc]
        return None if isinstance(node, ast.Constant) and node.value is None else MISSING

    def defaults(self, params: dict[str, Type]) -> list[Constant]:
        """The defaults of the last parameters. Errors: NotTyped."""
        values = self.function.__defaults__ or ()
        names = list(params)[len(params) - len(values) :]
        found = []
        for name, value, node in zip(names, values, self.node.args.defaults, strict=True):
            have = type_of(value)
            if have is None or join(params[name], have) != params[name]:
                raise NotTyped(f"the default of {name!r} is no {params[name]}", node)
            found.append(
                Constant(
                    type=params[name], value=float(value) if params[name].kind == "float" and have == INT else value
                )
            )
        return found


def as_type(hint: Any, node: ast.AST) -> Type:
    """An annotation as a type. Errors: NotTyped."""
    if typing.get_origin(hint) is list:
        (element,) = typing.get_args(hint)
        found = LISTS.get(as_type(element, node))
        if found is not None:
            return found
    known = _TYPES.get(hint) if isinstance(hint, type) or hint is None else None
    if known is not None:
        return known
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [as_type(part, node) for part in typing.get_args(hint)]
        rest = [kind for kind in kinds if kind != NONE]
        if len(rest) == 1:
            return Type(rest[0].kind, len(kinds) > len(rest))
    shown = hint.__name__ if isinstance(hint, type) else hint
    raise NotTyped(
        f"{shown} is no type that can be compiled: int, float, bool, str, bytes, or one of them | None", node
    )


def type_of(value: object) -> Type | None:
    """The type of a constant, None if it has none; integers beyond 64 bits have none."""
    if isinstance(value, tuple):
        held = {type_of(item) for item in value}
        return TUPLES.get(held.pop() or NONE) if len(held) == 1 else None
    found = _TYPES.get(type(value))
    if found is INT and not -(1 << 63) <= typing.cast("int", value) < 1 << 63:
        return None
    if found is STR and not typing.cast("str", value).isascii():
        try:
            typing.cast("str", value).encode()
        except UnicodeEncodeError:
            return None
    return found
