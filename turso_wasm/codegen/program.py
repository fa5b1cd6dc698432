"""A compiled statement: the one thing hosts execute.

A Program is plain data. It can be serialized, cached and run again by a host that has no compiler at hand. Its wasm
module imports `kernel.memory`, kernel functions by name, and the immutable global `program.data: i32` (address at which
the host placed `data` in linear memory); it exports `step(stmt: i32) -> i32` returning DONE, ROWS or YIELD
(kernel/abi.py).
"""

from __future__ import annotations

import json
import struct
from dataclasses import field
from typing import Any, TypeAlias

from turso_wasm.base.records import dataclass

MAGIC = b"TWP1"


TableSize: TypeAlias = tuple[int, int, int, int]
"""(slot, root page, 1 if the b-tree is one of records, class): kernel/abi.py TableSize, as far as it was planned."""


@dataclass(slots=True)
class ResultColumn:
    """What is known of a result column before any row: `table`/`origin` for plain columns, else None."""

    name: str
    decltype: str | None = None
    table: str | None = None
    origin: str | None = None


@dataclass(slots=True)
class Program:
    """Compiled bytes and what a host must know to run them.

    The statement's parameters are the user's parameters (1..n_user_params) followed by the literals that
    were lifted out of the text; `pinned` are the literal ordinals whose value the plan depends on, with that value.
    `table_sizes`: the sizes of tables that the plan depends on; it refuses to run when they are others by far.
    """

    kind: str  # select insert update delete ddl transaction attach pragma explain
    wasm: bytes = b""
    data: bytes = b""
    frame_size: int = 0
    n_user_params: int = 0
    param_names: tuple[str | None, ...] = ()  # with their prefix, ":a" "@a" "$a" "?5"; None for plain ?
    n_literals: int = 0
    pinned: dict[int, object] = field(default_factory=dict)
    columns: tuple[ResultColumn, ...] = ()
    readonly: bool = True
    counts_changes: bool = False
    changes_schema: bool = False
    returns_rows: bool = False
    table_sizes: tuple[TableSize, ...] = ()
    checks: tuple[int, ...] = ()  # database slots whose schema cookie must be the one that the statement is given
    changes: tuple[
        tuple[int, str], ...
    ] = ()  # slots and names of the tables whose rows it changes, triggers and foreign keys included
    reads: tuple[
        tuple[int, str], ...
    ] = ()  # of a statement that changes nothing: slots and names of the tables it reads
    shared: bool = True  # equal texts in equal environments (runtime/schema.py) may use it
    loops: str = ""  # it visits any number of rows: "through" for a single row, else "yielding"; "": it does not
    takes_rows: bool = False  # an INSERT whose executions, in one transaction, might as well be one with all their rows
    listing: str = ""  # what EXPLAIN CODE prints besides the code: the plan

    @property
    def n_params(self) -> int:
        """Parameters in all: the user's and the lifted literals."""
        return self.n_user_params + self.n_literals

    def to_bytes(self) -> bytes:
        """Serialize: magic, header size (u32 LE), JSON header, wasm, data."""
        head = {name: getattr(self, name) for name in _PLAIN}
        head["columns"] = [[c.name, c.decltype, c.table, c.origin] for c in self.columns]
        head["pinned"] = [[ordinal, spell_literal(value)] for ordinal, value in self.pinned.items()]
        head["sizes"] = [len(self.wasm), len(self.data)]
        text = json.dumps(head, separators=(",", ":")).encode()
        return MAGIC + struct.pack("<I", len(text)) + text + self.wasm + self.data

    @classmethod
    def from_bytes(cls, raw: bytes) -> Program:
        """Inverse of `to_bytes`. Raises ValueError when `raw` is not a serialized Program."""
        if raw[:4] != MAGIC:
            raise ValueError("not a serialized program")
        (size,) = struct.unpack_from("<I", raw, 4)
        head = json.loads(raw[8 : 8 + size])
        n_wasm, n_data = head.pop("sizes")
        at = 8 + size
        if len(raw) != at + n_wasm + n_data:
            raise ValueError("serialized program is cut short")
        columns = tuple(ResultColumn(*c) for c in head.pop("columns"))
        pinned = {ordinal: read_literal(spelled) for ordinal, spelled in head.pop("pinned")}
        head["param_names"] = tuple(head["param_names"])
        head["checks"] = tuple(head["checks"])
        head["changes"] = tuple((slot, name) for slot, name in head["changes"])
        head["reads"] = tuple((slot, name) for slot, name in head["reads"])
        head["table_sizes"] = tuple(map(tuple, head["table_sizes"]))
        return cls(wasm=raw[at : at + n_wasm], data=raw[at + n_wasm :], columns=columns, pinned=pinned, **head)


def spell_literal(value: object) -> object:
    """A literal as JSON that keeps its type, so that hosts can compare it (web/literals.js)."""
    match value:
        case None:
            return "n"
        case int():
            return f"i{value}"
        case float():
            return f"r{struct.pack('>d', value).hex()}"
        case bytes():
            return f"b{value.hex()}"
        case tuple():
            return [[spell_literal(item) for item in row] for row in value]
    return f"t{value}"


def read_literal(spelled: Any) -> object:
    """Inverse of `spell_literal`."""
    if isinstance(spelled, list):
        return tuple(tuple(read_literal(item) for item in row) for row in spelled)
    kind, text = spelled[0], spelled[1:]
    match kind:
        case "n":
            return None
        case "i":
            return int(text)
        case "r":
            (number,) = struct.unpack(">d", bytes.fromhex(text))
            return number
        case "b":
            return bytes.fromhex(text)
    return text


_PLAIN = (
    "kind",
    "frame_size",
    "n_user_params",
    "param_names",
    "n_literals",
    "readonly",
    "counts_changes",
    "changes_schema",
    "returns_rows",
    "checks",
    "changes",
    "reads",
    "table_sizes",
    "shared",
    "loops",
    "takes_rows",
    "listing",
)
