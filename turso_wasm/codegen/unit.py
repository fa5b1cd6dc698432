"""A Program under construction, apart from the code of its routines: the module, its data, what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import UTF8
from turso_wasm.wasm.dsl import I32, Function
from turso_wasm.wasm.module import Module

if TYPE_CHECKING:
    from turso_wasm.codegen.labels import Labels
    from turso_wasm.codegen.profile import Profiler
    from turso_wasm.plan import nodes
    from turso_wasm.wasm.symbols import Symbols


@dataclass(frozen=True, slots=True)
class UserCode:
    """The user's own code a Program may ask for. calls: it calls functions or aggregates, which may change what the
    Program reads. collations, tokenizers, converters (functions of one argument): their numbers in the registry, by
    folded name.
    """

    calls: bool = False
    collations: Mapping[str, int] = field(default_factory=dict)
    tokenizers: Mapping[str, int] = field(default_factory=dict)
    converters: Mapping[str, int] = field(default_factory=dict)


NO_USER_CODE = UserCode()


class Unit:
    """What the routines of one Program share: the module, its data, the root frame."""

    def __init__(self, n_user_params: int, symbols: Symbols | None, user: UserCode, encoding: int = UTF8) -> None:
        self.user = user
        self.encoding = encoding
        self.module = Module(symbols, name="program")
        self.module.import_memory("kernel", "memory")
        self.data_base = self.module.import_global("program", "data", I32)
        self.n_user_params = n_user_params
        self.data = bytearray()
        self.data_offsets: dict[bytes, int] = {}
        self.pinned: dict[int, object] = {}
        self.once: dict[int, tuple[int, object]] = {}  # id of a node → its place in its statement's frame, the node
        self.full_texts: dict[int, object] = {}  # by number, the node that stands for all of it
        self.without_subqueries: dict[int, object] = {}  # expressions by their ids (codegen/late_operands.py)
        self.routines: dict[Any, Any] = {}  # compiled subqueries, by their node
        self.bases: list[Routine] = []  # the triggers with which a segment may begin (codegen/driver.py)
        self.typed: dict[Any, Any] = {}  # compiled functions of the user's (codegen/typed/function.py)
        self.counts_changes = False
        self.changed: set[tuple[int, str]] = set()  # tables: slot, name
        self.commit: nodes.Fire | None = None  # what is fired where the statement may commit captured changes
        self.fails: Callable[[Any], None] | None = None  # … if it ends by an error that keeps what was done
        self.profile: Profiler | None = None  # EXPLAIN ANALYZE: what is emitted is measured
        self.labels: Labels | None = None  # EXPLAIN: what is emitted says which node it is of, and is never run

    def base_number(self, routine: Routine) -> int:
        """The number by which the driver knows a routine."""
        if routine not in self.bases:
            self.bases.append(routine)
        return self.bases.index(routine)

    def data_offset(self, content: bytes, align: int = 1) -> int:
        """Place bytes in the program's data (deduplicated); their offset."""
        at = self.data_offsets.get(content)
        if at is None or at % align:
            self.data.extend(b"\0" * (-len(self.data) % align))
            at = self.data_offsets[content] = len(self.data)
            self.data.extend(content)
        return at

    def reserve(self) -> int:
        """Room in the program's data for an i32 that is known later (`fill`); its offset."""
        self.data.extend(b"\0" * (4 + -len(self.data) % 4))
        return len(self.data) - 4

    def fill(self, at: int, value: int) -> None:
        """Set a reserved i32."""
        self.data[at : at + 4] = value.to_bytes(4, "little")


class Routine:
    """A routine that was compiled: its function, the size of its frame, whether it can yield, or end by RAISE(IGNORE).

    size_at: of one that calls itself, so that its size is not known when it is called, where the data has it.
    """

    def __init__(
        self, function: Function, frame_size: int, yields: bool, ignores: bool = False, size_at: int | None = None
    ) -> None:
        self.function = function
        self.frame_size = frame_size
        self.yields = yields
        self.ignores = ignores
        self.size_at = size_at
