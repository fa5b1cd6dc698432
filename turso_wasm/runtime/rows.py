"""Result rows: from the kernel's row buffer to Python tuples.

A row of n columns in the buffer (kernel/values/rows.py writes it):

  OFFSET             SIZE      MEANING
  0                  n         storage class of each column (kernel/abi.py tags)
  (n + 7) & ~7       8 * n     payloads: an integer, the bits of a double, or offset in the heap | size << 32
The heap holds the bytes of texts and blobs, in the order of rows and columns, a zero behind each.

Many rows are decoded column by column, because a column of one storage class is a strided view that C code turns into
a list, and columns of texts are cut where the zeros are; few rows are decoded one by one, a single one by a function
made for its storage classes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Any

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT

FEW_ROWS = 8  # up to here row-wise decoding is faster

TextFactory = Callable[[bytes], Any]


class UndecodableText(Exception):
    """A TEXT value is not UTF-8. `column`: its number; `raw`: its bytes."""

    def __init__(self, column: int, raw: bytes) -> None:
        super().__init__(column, raw)
        self.column = column
        self.raw = raw


def row_size(n_columns: int) -> int:
    """Bytes of a row in the buffer."""
    return ((n_columns + 7) & ~7) + 8 * n_columns


def decode_rows(
    rows: bytes, heap: bytes, n_columns: int, is_ascii: bool, text: TextFactory | None = None
) -> list[tuple[Any, ...]]:
    """The rows in `rows` (a whole number of them), in order.

    is_ascii: every TEXT in `heap` is ASCII. text: makes the Python value of a TEXT (default: str).
    Errors: UndecodableText.
    """
    padded = (n_columns + 7) & ~7
    size = padded + 8 * n_columns
    if len(rows) == size and text is None and (decode := _decoders.get(rows[:n_columns])) is not None:
        try:
            return [decode(rows, padded, heap)]
        except UnicodeDecodeError:
            pass  # the slow way says which value it was
    if len(rows) <= FEW_ROWS * size:
        return [_decode_row(rows, at, heap, n_columns, text) for at in range(0, len(rows), size)]
    tags = [rows[column::size] for column in range(n_columns)]
    texts = iter(_all_texts(tags, heap) or ()) if text is None else iter(())
    heap_text = heap.decode("latin-1") if is_ascii and text is None else None
    view = memoryview(rows)
    columns = []
    for column in range(n_columns):
        known = next(texts, None) if tags[column][0] == TEXT else None
        columns.append(known or _decode_column(tags[column], view, heap, heap_text, column, n_columns, text))
    return list(zip(*columns, strict=True))


def _all_texts(tags: list[bytes], heap: bytes) -> list[list[str]] | None:
    """The columns of texts alone, cut where the zeros are (kernel/values/rows.py W4); None: that cannot be done.

    tags: by column.
    """
    n_rows = len(tags[0])
    n_texts = [each.count(TEXT) for each in tags]
    width = n_texts.count(n_rows)
    if not width or sum(n_texts) != width * n_rows or any(BLOB in each for each in tags):
        return None
    try:
        found = heap.decode().split("\0")
    except UnicodeDecodeError:
        return None
    if len(found) != width * n_rows + 1:
        return None  # a text has zeros
    return [found[column:-1:width] for column in range(width)]


# --- row by row: one compiled function per combination of storage classes ----------------------------------------

Decoder = Callable[[bytes, int, bytes], tuple[Any, ...]]
MAX_DECODERS = 1024
COMPILE_AFTER = 8  # rows
MAX_COMPILED = 64  # columns


class _Shape:
    """Rows with these tags: how to unpack their payloads, and what else to do with which columns."""

    __slots__ = ("left", "rest", "unpack")

    def __init__(self, tags: bytes) -> None:
        self.unpack = Struct("<" + "".join("d" if tag == REAL else "q" for tag in tags)).unpack_from
        self.rest = tuple((i, tag) for i, tag in enumerate(tags) if tag not in (INTEGER, REAL))
        self.left = COMPILE_AFTER if len(tags) <= MAX_COMPILED else -1  # rows until a decoder is worth its compilation


_shapes: dict[bytes, _Shape] = {}
_decoders: dict[bytes, Decoder] = {}


def _decode_row(rows: bytes, at: int, heap: bytes, n_columns: int, text: TextFactory | None) -> tuple[Any, ...]:
    """The row at this offset."""
    tags = rows[at : at + n_columns]
    shape = _shapes.get(tags)
    if shape is None:
        if len(_shapes) > MAX_DECODERS:
            _shapes.clear()
        shape = _shapes[tags] = _Shape(tags)
    found = shape.unpack(rows, at + ((n_columns + 7) & ~7))
    if text is None and shape.left >= 0:
        shape.left -= 1
        if shape.left < 0:
            if len(_decoders) > MAX_DECODERS:
                _decoders.clear()
            _decoders[tags] = _make_decoder(tags)
    values = list(found)
    for column, tag in shape.rest:
        values[column] = None if tag == NULL else _heap_value(heap, values[column], tag, column, text)
    return tuple(values)


def _make_decoder(tags: bytes) -> Decoder:
    """Write the function: (rows, offset of the row's payloads, heap) -> values. Errors of it: UnicodeDecodeError."""
    layout, names, values = "<", [], []
    for i, tag in enumerate(tags):
        if tag == NULL:
            layout += "8x"
            values.append("None")
        elif tag in (INTEGER, REAL):
            layout += "d" if tag == REAL else "q"
            names.append(f"v{i}")
            values.append(f"v{i}")
        else:
            layout += "II"
            names += [f"at{i}", f"n{i}"]
            values.append(f"heap[at{i} : at{i} + n{i}]" + (".decode()" if tag == TEXT else ""))
    line = f"{', '.join(names)}, = unpack(rows, at)" if names else "pass"
    scope: dict[str, Any] = {"unpack": Struct(layout).unpack_from}
    exec(f"def decode(rows, at, heap):\n    {line}\n    return ({', '.join(values)},)", scope)
    made: Decoder = scope["decode"]
    return made


def _heap_value(heap: bytes, payload: int, tag: int, column: int, text: TextFactory | None) -> Any:
    start = payload & 0xFFFFFFFF
    raw = heap[start : start + (payload >> 32)]
    if tag == BLOB:
        return raw
    if text is not None:
        return text(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise UndecodableText(column, raw) from None


def _decode_column(
    tags: bytes,
    view: memoryview,
    heap: bytes,
    heap_text: str | None,
    column: int,
    n_columns: int,
    text: TextFactory | None,
) -> list[Any]:
    """All values of one column."""
    tag = tags[0]
    stride = row_size(n_columns) // 8
    first = (n_columns + 7) // 8 + column
    if tags.count(tag) == len(tags):
        if tag == NULL:
            return [None] * len(tags)
        if tag == INTEGER:
            return view.cast("q")[first::stride].tolist()
        if tag == REAL:
            return array("d", view.tobytes())[first::stride].tolist()  # faster than the view's own, for doubles alone
        halves = view.cast("I")
        starts, sizes = halves[2 * first :: 2 * stride].tolist(), halves[2 * first + 1 :: 2 * stride].tolist()
        pieces = zip(starts, sizes, strict=True)
        if tag == BLOB:
            return [heap[start : start + n] for start, n in pieces]
        if heap_text is not None:
            return [heap_text[start : start + n] for start, n in pieces]
        if text is None:
            with suppress(UnicodeDecodeError):  # the slow way below says which value it was
                return [heap[start : start + n].decode() for start, n in pieces]
    integers = view.cast("q")[first::stride].tolist()
    reals = view.cast("d")[first::stride].tolist() if REAL in tags else integers
    values: list[Any] = []
    for tag, integer, real in zip(tags, integers, reals, strict=True):
        if tag == INTEGER:
            values.append(integer)
        elif tag == NULL:
            values.append(None)
        elif tag == REAL:
            values.append(real)
        elif tag == TEXT and heap_text is not None:
            start = integer & 0xFFFFFFFF
            values.append(heap_text[start : start + (integer >> 32)])
        else:
            values.append(_heap_value(heap, integer, tag, column, text))
    return values
