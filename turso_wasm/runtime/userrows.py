"""Rows of a table function of the user's, as the kernel asks for them (kernel/base/user_rows.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Protocol

from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import REAL
from turso_wasm.runtime.usercells import encoded

_HEAD = Struct("<ii")
_CELL = Struct("<i4xq")
_REAL_CELL = Struct("<i4xd")


@dataclass(frozen=True)
class RowsCode:
    """What gives the rows: code(*arguments) is iterable; a row is a sequence of the columns, or a mapping by name."""

    code: Callable[..., Iterable[Any]]
    columns: tuple[str, ...]

    def generator(self, arguments: Sequence[Any]) -> Rows:
        """Its rows for these arguments, from the first."""
        return Generator(self, arguments)


class Rows(Protocol):
    """Rows in work."""

    def take(self, wanted: int) -> bytes:
        """The answer with that many rows, with fewer at the end (kernel/base/user_rows.py)."""


class Generator:
    """Rows in work. An error comes when the rows before it were taken."""

    def __init__(self, made: RowsCode, arguments: Sequence[Any]) -> None:
        self.columns = made.columns
        self.rows: Iterator[Any] = iter(made.code(*arguments))
        self.error: BaseException | None = None

    def take(self, wanted: int) -> bytes:
        """The answer with that many rows, with fewer at the end. Errors: what the code raises; as `encoded`."""
        if self.error is not None:
            raise self.error
        cells, texts = bytearray(), bytearray()
        width = len(self.columns)
        found: list[tuple[int, int, bytes | None, Any]] = []
        try:
            while len(found) < wanted * width:
                row = next(self.rows, None)
                if row is None:
                    break
                found += [(*encoded(value), value) for value in self._values(row)]
        except Exception as error:
            if not found:
                raise
            self.error = error
            wanted = len(found) // width  # the next question raises it
        start = _HEAD.size + len(found) * _CELL.size
        for tag, payload, raw, value in found:
            if tag == REAL:
                cells += _REAL_CELL.pack(tag, value)
                continue
            if raw is not None:
                payload = start + len(texts) | len(raw) << 32
                texts += raw
            cells += _CELL.pack(tag, payload)
        return _HEAD.pack(len(found) // width, wanted) + cells + texts

    def _values(self, row: Any) -> Sequence[Any]:
        if isinstance(row, Mapping):
            return [row[name] for name in self.columns]
        values = tuple(row)
        if len(values) != len(self.columns):
            raise ValueError(f"a row has {len(values)} values, not {len(self.columns)}")
        return values
