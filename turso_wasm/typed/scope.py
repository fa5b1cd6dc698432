"""The variables of a typed function while it is read: their types, and which of them have a value for certain."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.source import MISSING, Source
from turso_wasm.typed.types import Constant, Function, Type, join

Known = frozenset[int]
_compiling: list[Callable[..., Any]] = []


@contextmanager
def compiling(function: Callable[..., Any]) -> Iterator[None]:
    """While a function is read; those it calls are read meanwhile. Errors: NotTyped, when they call it back."""
    if function in _compiling:
        raise NotTyped(f"{function.__name__}() and what it calls call each other")
    _compiling.append(function)
    try:
        yield
    finally:
        _compiling.pop()


class Scope:
    """See above. `known` is None where control does not get; widened: types are not what they were when it began.

    failed: the first error of this reading, which counts when it was the last.
    """

    def __init__(self, source: Source, params: dict[str, Type], defaults: list[Constant], result: Type) -> None:
        self.source = source
        self.result = result
        self.defaults = defaults
        self.numbers = {name: number for number, name in enumerate(params)}
        self.types = list(params.values())
        self.n_params = len(params)
        self.fixed: set[int] = set(range(len(params)))  # variables whose type somebody wrote
        self.assigned = _assigned(source.node)
        self.calls: dict[Callable[..., Any], Function] = {}
        self.named: dict[str, object] = {}  # constants from outside
        self.recursive = False
        self.known: Known | None = None
        self.widened = False
        self.failed: NotTyped | None = None
        self._loops: list[list[Known]] = []
        self._hidden: list[int] = []
        self._n_hidden = 0

    def begin(self) -> None:
        """Read from the start, with the types found so far."""
        self.known = frozenset(range(self.n_params))
        self.widened = False
        self.failed = None
        self._n_hidden = 0

    # --- variables ----------------------------------------------------------------------------------------------

    def assign(self, name: str, type_: Type, node: ast.AST) -> int:
        """A variable gets a value of that type; its number. Errors: NotTyped, when its type cannot hold it."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.types)
            self.types.append(type_)
            self.widened = True
        elif number not in self.fixed:
            joined = join(self.types[number], type_)
            if joined is None:
                raise NotTyped(f"{name!r} is {self.types[number]} elsewhere, and {type_} here", node)
            if joined != self.types[number]:
                self.types[number] = joined
                self.widened = True
        if self.known is not None:
            self.known |= {number}
        return number

    def annotate(self, name: str, annotation: ast.expr) -> None:
        """`name: annotation`. Errors: NotTyped."""
        type_ = self.source.written_type(annotation)
        number = self.numbers.setdefault(name, len(self.types))
        if number == len(self.types):
            self.types.append(type_)
        elif self.types[number] != type_:
            if number in self.fixed:
                raise NotTyped(f"{name!r} is {self.types[number]} elsewhere", annotation)
            self.types[number] = type_
            self.widened = True
        self.fixed.add(number)

    def hidden(self, type_: Type) -> int:
        """The number of a variable without a name, the same in every reading."""
        if self._n_hidden == len(self._hidden):
            self._hidden.append(len(self.types))
            self.types.append(type_)
        number = self._hidden[self._n_hidden]
        self.types[number] = type_
        self._n_hidden += 1
        return number

    def is_known(self, number: int) -> bool:
        """Whether the variable has a value whichever way led here."""
        return self.known is None or number in self.known

    def outside(self, name: str, node: ast.AST) -> Any:
        """What a name that is no variable means. Errors: NotTyped, when it means nothing."""
        found = self.source.lookup(name)
        if found is MISSING:
            raise NotTyped(f"name {name!r} is not defined", node)
        return found

    # --- ways through the function ----------------------------------------------------------------------------------

    def meet(self, other: Known | None) -> None:
        """Another way leads here too."""
        if self.known is None:
            self.known = other
        elif other is not None:
            self.known &= other

    @contextmanager
    def loop(self) -> Iterator[list[Known]]:
        """The body of a loop; what is known at each of its breaks."""
        self._loops.append([])
        yield self._loops[-1]
        self._loops.pop()

    def leave_loop(self, how: Literal["break", "continue"]) -> None:
        """At a break or continue."""
        if how == "break" and self.known is not None:
            self._loops[-1].append(self.known)
        self.known = None


def _assigned(function: ast.FunctionDef) -> frozenset[str]:
    return frozenset(
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
