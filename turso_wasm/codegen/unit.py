"""A Program under construction, apart from the code of its routines: the module, its data, what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turso_wasm.wasm.dsl import I32, Function
from turso_wasm.wasm.module import Module

if TYPE_CHECKING:
    from turso_wasm.wasm.symbols import Symbols


class Unit:
    """What the routines of one Program share: the module, its data, the root frame."""

    def __init__(self, n_user_params: int, symbols: Symbols | None) -> None:
        self.module = Module(symbols, name="program")
        self.module.import_memory("kernel", "memory")
        self.data_base = self.module.import_global("program", "data", I32)
        self.n_user_params = n_user_params
        self.data = bytearray()
        self.data_offsets: dict[bytes, int] = {}
        self.pinned: dict[int, object] = {}
        self.root_size = 0
        self.once: dict[int, tuple[int, object]] = {}  # id of a node → its place in the root frame, the node
        self.routines: dict[Any, Any] = {}  # compiled subqueries, by their node
        self.counts_changes = False

    def root_alloc(self, size: int) -> int:
        """Reserve bytes of the statement's own frame (zero at the start); the offset, 8-aligned."""
        at = self.root_size
        self.root_size += (size + 7) & ~7
        return at


class Routine:
    """A routine that was compiled: its function, the size of its frame, whether it can yield."""

    def __init__(self, function: Function, frame_size: int, yields: bool) -> None:
        self.function = function
        self.frame_size = frame_size
        self.yields = yields
