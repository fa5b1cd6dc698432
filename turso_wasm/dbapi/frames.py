"""Result rows as arrays and data frames, without a Python object for each value. NumPy is needed, pyarrow for Arrow.

What comes out of the kernel are columns of tags and payloads (turso_wasm/kernel/values/columns.py); NumPy looks at
them where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from turso_wasm.dbapi.errors import DataError, OperationalError
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.runtime.bulk import encode_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

Turned = tuple[bytes, bytes]
NUMBERS = frozenset((INTEGER, REAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The values of a column: of a TEXT or BLOB the payload is its size, and `heap` has them one after the other."""

    name: str
    tags: NDArray[np.uint8]
    payloads: NDArray[np.int64]
    heap: bytes

    @property
    def kinds(self) -> frozenset[int]:
        """The storage classes of the values that are not NULL."""
        found = np.bincount(self.tags, minlength=BLOB + 1).nonzero()[0].tolist() if len(self.tags) else []
        return frozenset(found) - {NULL}

    @property
    def is_null(self) -> NDArray[np.bool_]:
        """Where the NULLs are."""
        found: NDArray[np.bool_] = self.tags == NULL
        return found

    def numbers(self) -> NDArray[Any]:
        """int64 if there are only integers, else float64, where NULL is NaN."""
        kinds = self.kinds
        if kinds == {INTEGER}:
            return self.payloads
        reals = self.payloads.view(np.float64)
        if INTEGER in kinds:
            reals = np.where(self.tags == INTEGER, self.payloads.astype(np.float64), reals)
        return np.where(self.tags == NULL, np.nan, reals) if not self.tags.all() else reals

    def offsets(self) -> NDArray[np.int64]:
        """Where the texts and blobs begin in the heap, and the end of the last one."""
        found = np.zeros(len(self.tags) + 1, np.int64)
        np.cumsum(np.where(self.tags >= TEXT, self.payloads, 0), out=found[1:])
        return found

    def objects(self) -> NDArray[np.object_]:
        """The values as Python has them. Errors: OperationalError for a text that is not UTF-8."""
        found = np.empty(len(self.tags), object)
        bounds = self.offsets().tolist()
        reals = self.payloads.view(np.float64).tolist()
        for i, (tag, payload) in enumerate(zip(self.tags.tolist(), self.payloads.tolist(), strict=True)):
            if tag >= TEXT:
                raw = self.heap[bounds[i] : bounds[i + 1]]
                found[i] = self._text(raw) if tag == TEXT else raw
            elif tag != NULL:
                found[i] = payload if tag == INTEGER else reals[i]
        return found

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
            message = f"Could not decode to UTF-8 column '{self.name}' with text '{text}'"
            raise OperationalError(message) from None

    def numpy(self) -> NDArray[Any]:
        """Numbers as `numbers`, masked where an integer is NULL; everything else as objects."""
        kinds = self.kinds
        if not kinds <= NUMBERS:
            return self.objects()
        found = self.numbers()
        if kinds == {INTEGER} and not self.tags.all():
            masked: NDArray[Any] = np.ma.masked_array(found, self.is_null)
            return masked
        return found

    def arrow(self) -> Any:
        """The pyarrow.Array. Errors: DataError when texts, blobs and numbers are mixed; as `objects`."""
        import pyarrow as pa

        kinds, n, n_null = self.kinds, len(self.tags), len(self.tags) - int(np.count_nonzero(self.tags))
        if not kinds:
            return pa.nulls(n)
        valid = pa.py_buffer(np.packbits(self.tags != NULL, bitorder="little")) if n_null else None
        if kinds <= NUMBERS:
            type_ = pa.int64() if kinds == {INTEGER} else pa.float64()
            return pa.Array.from_buffers(type_, n, [valid, pa.py_buffer(self.numbers())], n_null)
        if len(kinds) > 1:
            raise DataError(f"column '{self.name}' has values of several storage classes, and Arrow one: CAST it")
        buffers = [valid, pa.py_buffer(self.offsets()), pa.py_buffer(self.heap)]
        made = pa.Array.from_buffers(pa.large_string() if kinds == {TEXT} else pa.large_binary(), n, buffers, n_null)
        try:
            made.validate(full=True)
        except pa.ArrowInvalid:
            self.objects()  # says which text it was
            raise
        return made

    def pandas(self) -> Any:
        """What a pandas.DataFrame is given for it."""
        import pandas as pd

        if self.kinds == {INTEGER} and not self.tags.all():
            return pd.arrays.IntegerArray(self.payloads, self.is_null)
        if self.kinds == {TEXT}:
            return pd.array(self.objects(), dtype="str")
        return self.numpy()


def columns_of(names: Sequence[str], first: Sequence[tuple[Any, ...]], batches: Iterable[Turned]) -> list[Column]:
    """The columns of a result: rows that were decoded already, and those that come as columns."""
    width = len(names)
    tags: list[list[Any]] = [[] for _ in names]
    payloads: list[list[Any]] = [[] for _ in names]
    heaps: list[list[bytes]] = [[] for _ in names]
    if first:
        for i, values in enumerate(zip(*first, strict=True)):
            *cells, raw = encode_column(values, 0)
            kinds, found = (np.frombuffer(cell, np.int64) for cell in cells)
            tags[i].append(kinds.astype(np.uint8))
            payloads[i].append(np.where(kinds >= TEXT, found >> 32, found))
            heaps[i] += raw
    for rows, heap in batches:
        n = len(rows) // (9 * width)
        at = 0
        for i in range(width):
            of_column = np.frombuffer(rows, np.uint8, n, 8 * n * width + n * i)
            values_of = np.frombuffer(rows, np.int64, n, 8 * n * i)
            tags[i].append(of_column)
            payloads[i].append(values_of)
            if heap and (size := int(values_of[of_column >= TEXT].sum())):
                heaps[i].append(heap[at : at + size])
                at += size
    return [
        Column(name=name, tags=_joined(t, np.uint8), payloads=_joined(p, np.int64), heap=b"".join(h))
        for name, t, p, h in zip(unlike(names), tags, payloads, heaps, strict=True)
    ]


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


def unlike(names: Sequence[str]) -> list[str]:
    """The names, made different as SQLite does: a, a:1, …"""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        made, n = name, 0
        while made in taken:
            n += 1
            made = f"{name}:{n}"
        taken.add(made)
        found.append(made)
    return found
