"""Context managers of the typed builder: blocks, loops, ifs, holes and captured statements (see dsl.py).

A function's output is a list of bytes, Comments, Holes (which have such a list of their own) and Late items. Bytes that
open and close blocks, branch, or assign a local are of subclasses that say so: coroutine.py reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm.expr import Expr, type_text
from turso_wasm.wasm.opcodes import CODE

if TYPE_CHECKING:
    from turso_wasm.wasm.dsl import Function

_IF = CODE["if"]
_VOID = b"\x40"


class Open(bytes):
    """The start of `label`'s block; `cond` is the code of an if's condition, else None."""

    label: Label
    cond: bytes | None


class Mark(bytes):
    """`else` or `end`."""


ELSE, END = Mark(CODE["else"]), Mark(CODE["end"])


class Branch(bytes):
    """A branch to `labels`: `head` and their relative depths; a table has its number of labels in the head."""

    head: bytes
    labels: tuple[Label, ...]


class Assign(bytes):
    """A statement that ends in assigning the locals `targets`."""

    targets: tuple[int, ...]


class Late:
    """A statement whose code is known when the function is encoded."""

    __slots__ = ()

    def code(self) -> bytes:
        """Its bytes."""
        raise NotImplementedError


class Label:
    """A branch target: the end of a block or the start of a loop. Also the context manager of its `with`."""

    __slots__ = ("depth", "function", "is_else", "opener")

    def __init__(self, function: Function, opener: bytes) -> None:
        self.function = function
        self.opener = opener
        self.depth = -1

    def __enter__(self) -> Label:
        function = self.function
        opening = Open(self.opener)
        opening.label, opening.cond = self, None
        function.out.append(opening)
        self.depth = function.depth
        function.depth += 1
        return self

    def __exit__(self, *error: object) -> None:
        function = self.function
        function.depth -= 1
        function.out.append(END)


class If(Label):
    """`with f.if_(c) as alt: … f.else_() …`; with a constant condition only the live branch is kept."""

    __slots__ = ("cond", "outer", "previous")

    def __init__(self, function: Function, cond: Expr) -> None:
        self.function = function
        self.cond = cond
        self.depth = -1
        self.is_else = False

    def __enter__(self) -> If:
        function = self.function
        self.previous = function.innermost_if
        function.innermost_if = self
        if self.cond.const is not None:
            self.outer = function.out
            if not self.cond.const:
                function.out = []
            return self
        opening = Open(self.cond.code + _IF + _VOID)
        opening.label, opening.cond = self, self.cond.code
        function.out.append(opening)
        self.depth = function.depth
        function.depth += 1
        return self

    def else_(self) -> None:
        """The alternative begins here."""
        function = self.function
        if self.is_else:
            raise RuntimeError("this if already has its else")
        self.is_else = True
        if self.cond.const is not None:
            function.out = [] if self.cond.const else self.outer
        else:
            function.out.append(ELSE)

    def __exit__(self, *error: object) -> None:
        function = self.function
        function.innermost_if = self.previous
        if self.cond.const is not None:
            function.out = self.outer
            return
        function.depth -= 1
        function.out.append(END)


class Hole:
    """A place in a function whose code is decided later."""

    __slots__ = ("depth", "function", "out", "outer")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.depth = function.depth
        self.out: list[Any] = []

    def fill(self, code: bytes | Expr) -> None:
        """Append code: bytes, or an expression without a value."""
        if isinstance(code, Expr):
            if code.type is not None:
                raise TypeError(f"a hole takes statements, not {type_text(code.type)}; use f.into(hole)")
            code = code.code
        self.out.append(code)

    def __enter__(self) -> Hole:
        self.outer = (self.function.out, self.function.depth)
        self.function.out, self.function.depth = self.out, self.depth
        return self

    def __exit__(self, *error: object) -> None:
        self.function.out, self.function.depth = self.outer


class Capture:
    """`with f.capture() as body: …` collects statements as bytes (`body.code()`) instead of emitting them."""

    __slots__ = ("depth", "function", "out", "outer")

    def __init__(self, function: Function, extra_depth: int = 0) -> None:
        self.function = function
        self.out: list[Any] = []
        self.depth = extra_depth

    def __enter__(self) -> Capture:
        self.outer = self.function.out
        self.function.out = self.out
        self.function.depth += self.depth
        return self

    def __exit__(self, *error: object) -> None:
        self.function.out = self.outer
        self.function.depth -= self.depth

    def code(self) -> bytes:
        """What was emitted."""
        return b"".join(flatten(self.out))


class Comment(str):
    """A comment in a function's output; it has no bytes."""


def flatten(out: list[Any]) -> Iterator[bytes]:
    """The bytes of an output list, holes included."""
    for item in out:
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, Hole):
            yield from flatten(item.out)
        elif isinstance(item, Late):
            yield item.code()
