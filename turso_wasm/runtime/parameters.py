"""Parameters: from Python values to the kernel's Value slots.

What is written for a statement is one block: `Value` slots (kernel/abi.py: tag i32, 4 unused bytes, payload i64), the user's
parameters first, then the literals lifted out of the text, and behind the slots the bytes of texts and blobs.
Payloads of texts and blobs are address | size << 32, so the block is made for the address it will lie at.

A literal may be a list of rows (`VALUES (1, 'a'), (2, 'b'), …` is one literal to the lexer): its slot is a BLOB whose payload is
address | number of rows << 32, and at that address lie the Value slots of all rows, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT

SLOT_SIZE = 16
MIN_INTEGER, MAX_INTEGER = -(1 << 63), (1 << 63) - 1
MAX_LENGTH = 1_000_000_000  # SQLITE_MAX_LENGTH: bytes of a text or blob

_CELL = Struct("<qq")
_slots: dict[str, Struct] = {}


class UnsupportedType(Exception):
    """A value of a type that has no SQL counterpart. `index`: which one, from 0; `type_name`: of what type."""

    def __init__(self, index: int, value: object) -> None:
        super().__init__(index, value)
        self.index = index
        self.type_name = type(value).__name__


class TooBig(Exception):
    """A text or blob is longer than MAX_LENGTH."""


def encode_block(values: Sequence[Any], literals: Sequence[Any], n_values: int, at: int) -> bytes:
    """The block of a statement with `n_values` user parameters: `values` (missing ones are NULL), then `literals`.

    Errors: as encode_parameters.
    """
    if not literals:
        return encode_parameters(values, n_values, at)
    missing = n_values - len(values)
    flat = [*values, *([None] * missing), *literals]
    lists = [i for i in range(n_values, len(flat)) if type(flat[i]) is tuple]
    if not lists:
        return encode_parameters(flat, len(flat), at)
    rows = {i: flat[i] for i in lists}
    for i in lists:
        flat[i] = None
    block = bytearray(encode_parameters(flat, len(flat), at))
    for i, content in rows.items():
        block += bytes(-len(block) % 8)
        start = at + len(block)
        cells = [value for row in content for value in row]
        block += encode_parameters(cells, len(cells), start)
        _CELL.pack_into(block, i * SLOT_SIZE, BLOB, start | len(content) << 32)
    return bytes(block)


def encode_parameters(values: Iterable[Any], n_slots: int, at: int) -> bytes:
    """The block for `values`, which will lie at address `at` and has `n_slots` slots in all; unset slots are NULL.

    None, bool, int, float (NaN is NULL), str and bytes-like objects are taken.
    Errors: UnsupportedType; TooBig; OverflowError for an int beyond 64 bits; UnicodeEncodeError for a lone surrogate.
    """
    kinds = ""
    cells: list[Any] = []
    heap: list[bytes] = []
    end = at + n_slots * SLOT_SIZE
    for value in values:
        kind = type(value)
        if kind is int:
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                raise OverflowError("Python int too large to convert to SQLite INTEGER")
            kinds += "qq"
            cells += (INTEGER, value)
        elif kind is str:
            raw = value.encode()
            kinds += "qq"
            cells += (TEXT, _span(end, len(raw)))
            heap.append(raw)
            end += len(raw)
        elif kind is float:
            kinds += "qd"
            cells += (REAL, value) if value == value else (NULL, 0)
        elif value is None:
            kinds += "qq"
            cells += (NULL, 0)
        else:
            tag, plain = _unusual(value, len(cells) // 2)
            if tag == REAL:
                kinds += "qd"
                cells += (tag, plain)
            elif tag in (TEXT, BLOB):
                kinds += "qq"
                cells += (tag, _span(end, len(plain)))
                heap.append(plain)
                end += len(plain)
            else:
                kinds += "qq"
                cells += (tag, plain)
    packed = _layout(kinds).pack(*cells)
    if len(packed) < n_slots * SLOT_SIZE:
        packed += bytes(n_slots * SLOT_SIZE - len(packed))
    return packed + b"".join(heap) if heap else packed


def _layout(kinds: str) -> Struct:
    """A Struct for these kinds, kept when it is likely to be wanted again."""
    layout = _slots.get(kinds)
    if layout is None:
        layout = Struct("<" + kinds)
        if len(kinds) < 512:
            if len(_slots) > 4096:
                _slots.clear()
            _slots[kinds] = layout
    return layout


def _span(at: int, size: int) -> int:
    """address | size << 32, as the signed 64-bit integer it is stored as."""
    if size > MAX_LENGTH:
        raise TooBig
    return at | size << 32


def _unusual(value: Any, index: int) -> tuple[int, Any]:
    """Subclasses of the plain types, and buffers: (tag, plain value)."""
    if isinstance(value, int):  # bool too
        plain = int(value)
        if not MIN_INTEGER <= plain <= MAX_INTEGER:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return INTEGER, plain
    if isinstance(value, float):
        return (REAL, float(value)) if value == value else (NULL, 0)
    if isinstance(value, str):
        return TEXT, str.encode(value)
    try:
        with memoryview(value) as view:
            return BLOB, view.tobytes()
    except TypeError:
        raise UnsupportedType(index, value) from None
