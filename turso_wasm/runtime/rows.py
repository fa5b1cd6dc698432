"""Result rows: from the kernel's row buffer to Python tuples.

A row of n columns in the buffer (kernel/values/rows.py writes it):

  OFFSET             SIZE      MEANING
  0                  n         storage class of each column (kernel/abi.py tags)
  (n + 7) & ~7       8 * n     payloads: an integer, the bits of a double, or offset in the heap | size << 32
The heap holds the bytes of texts and blobs.

Many rows are decoded column by column, because a column of one storage class is a strided view that C code turns into
a list; few rows are decoded one by one with a `struct.Struct` made for their storage classes.
"""

from __future__ import annotations

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
    size = row_size(n_columns)
    if len(rows) <= FEW_ROWS * size:
        return [_decode_row(rows, at, heap, n_columns, text) for at in range(0, len(rows), size)]
    heap_text = heap.decode("latin-1") if is_ascii and text is None else None
    view = memoryview(rows)
    columns = [_decode_column(rows, view, heap, heap_text, column, n_columns, text) for column in range(n_columns)]
    return list(zip(*columns, strict=True))


_layouts: dict[bytes, tuple[Struct, tuple[tuple[int, int], ...]]] = {}


def _layout(tags: bytes) -> tuple[Struct, tuple[tuple[int, int], ...]]:
    """How to unpack the payloads of a row with these tags, and which columns need more: (column, tag)."""
    found = _layouts.get(tags)
    if found is None:
        if len(_layouts) > 4096:
            _layouts.clear()
        layout = Struct("<" + "".join("d" if tag == REAL else "q" for tag in tags))
        found = _layouts[tags] = (layout, tuple((i, tag) for i, tag in enumerate(tags) if tag not in (INTEGER, REAL)))
    return found


def _decode_row(rows: bytes, at: int, heap: bytes, n_columns: int, text: TextFactory | None) -> tuple[Any, ...]:
    layout, rest = _layout(rows[at : at + n_columns])
    found = layout.unpack_from(rows, at + ((n_columns + 7) & ~7))
    if not rest:
        return found
    values = list(found)
    for column, tag in rest:
        if tag == NULL:
            values[column] = None
        elif tag == TEXT and text is None:
            payload = values[column]
            start = payload & 0xFFFFFFFF
            try:
                values[column] = heap[start : start + (payload >> 32)].decode()
            except UnicodeDecodeError:
                _heap_value(heap, payload, tag, column, text)  # raises
        else:
            values[column] = _heap_value(heap, values[column], tag, column, text)
    return tuple(values)


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
    rows: bytes,
    view: memoryview,
    heap: bytes,
    heap_text: str | None,
    column: int,
    n_columns: int,
    text: TextFactory | None,
) -> list[Any]:
    """All values of one column."""
    size = row_size(n_columns)
    tags = rows[column::size]
    tag = tags[0]
    stride = size // 8
    first = (n_columns + 7) // 8 + column
    if tags.count(tag) == len(tags):
        if tag == NULL:
            return [None] * len(tags)
        if tag == INTEGER:
            return view.cast("q")[first::stride].tolist()
        if tag == REAL:
            return view.cast("d")[first::stride].tolist()
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
