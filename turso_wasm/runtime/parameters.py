"""Parameters: from Python values to the kernel's Values.

What is written for a statement is one block: `Value`s (kernel/abi.py: tag i32, 4 unused bytes, payload i64), the
user's parameters first, then the literals lifted out of the text, and behind them the bytes of texts and blobs.
Payloads of texts and blobs are address | size << 32, so the block is made for the address it will lie at.

A literal may be a list of rows (`VALUES (1, 'a'), (2, 'b'), …` is one literal to the lexer): its payload is
address | number of rows << 32, and at that address lie the Values of all rows, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT

VALUE_SIZE = 16
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


# --- packers: one compiled function per combination of types ----------------------------------------------------

Packer = Callable[[Sequence[Any], int], bytes | None]
PLAIN = frozenset((int, float, str, bytes, type(None)))
MAX_PACKED = 64  # columns

_packers: dict[tuple[type, ...], Packer | None] = {}


def packer_for(types: tuple[type, ...]) -> Packer | None:
    """A function (values, address) -> block for values of exactly these types, or None when some are not plain.

    The function answers None for as many values of other types, so that whoever has one may try it. For what it cannot
    do (a NaN, an int beyond 64 bits, something huge) it calls encode_parameters, which says what is wrong.
    """
    try:
        return _packers[types]
    except KeyError:
        if len(_packers) > 1024:
            _packers.clear()
        made = _make_packer(types) if len(types) <= MAX_PACKED and PLAIN.issuperset(types) else None
        _packers[types] = made
        return made


def _make_packer(types: tuple[type, ...]) -> Packer:
    """Write the function: `size` and `end` run through the heap behind the Values."""
    n = len(types)
    names = [f"v{i}" for i in range(n)]
    lines = [f"    ({', '.join(names)}{',' if n == 1 else ''}) = values" if n else "    pass"]
    if others := [_is_not(name, kind) for name, kind in zip(names, types, strict=True)]:
        lines.append(f"    if {' or '.join(others)}: return None")
    layout, cells, heap, floats = "<", [], [], []
    lines.append(f"    end = at + {n * VALUE_SIZE}")
    for name, kind in zip(names, types, strict=True):
        layout += "qd" if kind is float else "qq"
        if kind is int:
            cells.append(f"{INTEGER}, {name}")
        elif kind is float:
            cells.append(f"{REAL}, {name}")
            floats.append(f"{name} != {name}")
        elif kind is type(None):
            cells.append(f"{NULL}, 0")
        else:
            if kind is str:
                lines.append(f"    {name} = {name}.encode()")
            lines += [f"    size = len({name})", f"    s{name} = end | size << 32", "    end += size"]
            cells.append(f"{TEXT if kind is str else BLOB}, s{name}")
            heap.append(name)
    if heap:
        floats.append(f"end > at + {MAX_LENGTH}")
    if floats:
        lines.append(f"    if {' or '.join(floats)}: return slow(values, {n}, at)")
    packed = " + ".join([f"pack({', '.join(cells)})", *heap])
    lines += ["    try:", f"        return {packed}", "    except error:", f"        return slow(values, {n}, at)"]
    scope: dict[str, Any] = {"pack": Struct(layout).pack, "slow": encode_parameters, "error": StructError}
    exec("def packer(values, at):\n" + "\n".join(lines), scope)
    made: Packer = scope["packer"]
    return made


def _is_not(name: str, kind: type) -> str:
    return f"{name} is not None" if kind is type(None) else f"type({name}) is not {kind.__name__}"


def pack_block(values: Sequence[Any], literals: Sequence[Any], at: int) -> bytes | None:
    """The block of a statement all of whose parameters are given, for address `at`; None: see encode_block.

    The members of lists are Values behind the last literal.
    """
    flat: Sequence[Any] = values
    if literals:
        flat = (*values, *literals)
        if tuple in map(type, literals):
            flat = _with_members(values, literals, at)
    packer = packer_for(tuple(map(type, flat)))
    return None if packer is None else packer(flat, at)


def _with_members(values: Sequence[Any], literals: Sequence[Any], at: int) -> list[Any]:
    found = list(values)
    members: list[Any] = []
    n_values = len(values) + len(literals)
    for literal in literals:
        if type(literal) is tuple:
            found.append(at + (n_values + len(members)) * VALUE_SIZE | len(literal) << 32)
            members += [value for row in literal for value in row]
        else:
            found.append(literal)
    return found + members


# --- the general way --------------------------------------------------------------------------------------------


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
        _CELL.pack_into(block, i * VALUE_SIZE, BLOB, start | len(content) << 32)
    return bytes(block)


def encode_parameters(values: Iterable[Any], n_values: int, at: int) -> bytes:
    """The block for `values`, which will lie at address `at` and has `n_values` Values in all; unset ones are NULL.

    None, bool, int, float (NaN is NULL), str and bytes-like objects are taken.
    Errors: UnsupportedType; TooBig; OverflowError for an int beyond 64 bits; UnicodeEncodeError for a lone surrogate.
    """
    kinds = ""
    cells: list[Any] = []
    heap: list[bytes] = []
    end = at + n_values * VALUE_SIZE
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
    if len(packed) < n_values * VALUE_SIZE:
        packed += bytes(n_values * VALUE_SIZE - len(packed))
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
    """Address | size << 32, as the signed 64-bit integer it is stored as."""
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
            if not view.c_contiguous:
                raise BufferError("memoryview: underlying buffer is not C-contiguous")
            return BLOB, view.tobytes()
    except TypeError:
        raise UnsupportedType(index, value) from None
