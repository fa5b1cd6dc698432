"""A compiled statement: the one thing hosts execute.

A Program is plain data. It can be serialized, cached and run again by a host that has no compiler at hand.
Its wasm module imports `kernel.memory`, kernel functions by name, and the immutable global `program.data: i32`
(address at which
the host placed `data` in linear memory); it exports `step(stmt: i32) -> i32` returning DONE, ROWS or YIELD
(kernel/abi.py).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

MAGIC = b"TWP1"


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

    The statement's parameter slots are the user's parameters (1..n_user_params) followed by the literals that
    were lifted out of the text; `pinned` are the literal ordinals whose value the plan depends on, with that value.
    """

    kind: str  # select insert update delete ddl transaction pragma explain
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
    cookies: dict[int, int] = field(default_factory=dict)  # database slot -> schema cookie compiled against
    loops: str = ""  # it visits any number of rows: "through" for a single row, else "yielding"; "": it does not
    listing: str = ""  # what EXPLAIN CODE prints besides the code: the plan

    @property
    def n_params(self) -> int:
        """Parameter slots in all: the user's and the lifted literals."""
        return self.n_user_params + self.n_literals

    def to_bytes(self) -> bytes:
        """Serialize: magic, header size (u32 LE), JSON header, wasm, data."""
        head = {name: getattr(self, name) for name in _PLAIN}
        head["columns"] = [[c.name, c.decltype, c.table, c.origin] for c in self.columns]
        head["pinned"] = [
            [k, v.hex() if isinstance(v, bytes) else v, isinstance(v, bytes)] for k, v in self.pinned.items()
        ]
        head["cookies"] = list(self.cookies.items())
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
        pinned = {k: bytes.fromhex(v) if is_bytes else v for k, v, is_bytes in head.pop("pinned")}
        cookies = dict(head.pop("cookies"))
        head["param_names"] = tuple(head["param_names"])
        return cls(
            wasm=raw[at : at + n_wasm], data=raw[at + n_wasm :], columns=columns, pinned=pinned, cookies=cookies, **head
        )


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
    "loops",
    "listing",
)
