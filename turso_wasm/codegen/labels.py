"""Comments in the code that say for which node of the plan it runs: what EXPLAIN shows beside each operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from turso_wasm.base.tree import Node
from turso_wasm.codegen.context import Context, Then


class Labels:
    """Marks the code of nodes. details: what EXPLAIN QUERY PLAN says of a node, by its id."""

    def __init__(self, details: Mapping[int, str]) -> None:
        self.details = details
        self._current = ""

    def root(self, node: Node, ctx: Context, emit: Callable[[Any, Context], None]) -> None:
        """Emit a statement's plan, marked."""
        outer = self._current
        self._mark(node, ctx)
        emit(node, ctx)
        self._set(outer, ctx)

    def measure(self, node: Node, ctx: Context, then: Then, emit: Callable[..., None]) -> None:
        """Emit the rows of a node, marked; what is done for each row is marked as that of who asks for them."""
        outer = self._current
        self._mark(node, ctx)

        def each() -> None:
            self._set(outer, ctx)
            then()
            self._mark(node, ctx)

        emit(node, ctx, each)
        self._set(outer, ctx)

    def _mark(self, node: Node, ctx: Context) -> None:
        name, detail = type(node).__name__, self.details.get(id(node))
        self._set(f"{name}: {detail}" if detail else name, ctx)

    def _set(self, label: str, ctx: Context) -> None:
        self._current = label
        ctx.f.comment(label)
