"""Values in linear memory as columns: the arguments and results of many calls of the user's code at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT, TEXT_RUN, Value

SIZE = Value.size
Read: TypeAlias = Callable[[int, int], "bytes | memoryview"]
"""(address, size) → bytes of linear memory."""


class Cells:
    """Rows of `width` Values; `read` gives the bytes of texts and blobs."""

    def __init__(self, raw: memoryview, width: int, read: Read) -> None:
        self.width = width
        self.read = read
        self._given = (0, 0)
        self._arguments = range(0)
        self._split: dict[int, list[str]] | None = None
        self.raw = raw
        self._ints = raw.cast("i")
        self._longs = raw.cast("q")
        self._doubles = raw.cast("d")

    def know_given(self, at: int, size: int, columns: range) -> None:
        """The texts and blobs of these columns lie there, in their order by rows, a NUL behind each."""
        self._given, self._arguments = (at, size), columns

    def tags(self, column: int) -> memoryview:
        """The tags of a column."""
        return self._ints[column * 4 :: self.width * 4]

    def payloads(self, column: int) -> memoryview:
        """The payloads of a column, as integers."""
        return self._longs[column * 2 + 1 :: self.width * 2]

    def reals(self, column: int) -> memoryview[float]:
        """The payloads of a column, as doubles."""
        return self._doubles[column * 2 + 1 :: self.width * 2]

    # --- arguments ----------------------------------------------------------------------------------------------

    def column(self, column: int) -> list[Any]:
        """The values of a column. Errors: UnicodeDecodeError."""
        tags = self.tags(column).tolist()
        n = len(tags)
        if tags.count(INTEGER) == n:
            return self.payloads(column).tolist()
        if tags.count(REAL) == n:
            return self.reals(column).tolist()
        if tags.count(TEXT) == n:
            if self._split is None:
                self._split = self._split_given(n)
            return self._split.get(column) or self._texts(self.payloads(column).tolist())
        payloads, reals = self.payloads(column), self.reals(column)
        return [self._value(tag, payloads[row], reals[row]) for row, tag in enumerate(tags)]

    def part(self, n: int, width: int) -> list[list[Any]]:
        """The first n cells of a single column as rows of `width`: all their columns but the first.

        Errors: UnicodeDecodeError.
        """
        table = Cells(self.raw[: n * SIZE], width, self.read)
        return [table.column(column) for column in range(1, width)]

    def cell(self, tag: int, payload: int, number: int) -> Any:
        """The value of a cell of a single column. Errors: UnicodeDecodeError."""
        return self._value(tag, payload, self._doubles[number * 2 + 1])

    def row(self, row: int, first: int, n: int) -> list[Any]:
        """`n` values of a row. Errors: UnicodeDecodeError."""
        at = row * self.width + first
        return [
            self._value(self._ints[cell * 4], self._longs[cell * 2 + 1], self._doubles[cell * 2 + 1])
            for cell in range(at, at + n)
        ]

    def _value(self, tag: int, payload: int, real: float) -> Any:
        if tag == INTEGER:
            return payload
        if tag == REAL:
            return real
        if tag == NULL:
            return None
        raw = self.read(payload & 0xFFFFFFFF, payload >> 32)
        return str(raw, "utf-8") if tag == TEXT else bytes(raw)

    def _split_given(self, n: int) -> dict[int, list[str]]:
        """The arguments in columns of texts, if they can be told apart by what is behind each."""
        columns = [column for column in self._arguments if self.tags(column).tolist().count(TEXT) == n]
        texts = str(self.read(*self._given), "utf-8").split("\0")
        if len(texts) != n * len(columns) + 1:
            return {}
        del texts[-1]
        return {column: texts[at :: len(columns)] for at, column in enumerate(columns)}

    def _texts(self, payloads: list[int]) -> list[str]:
        """Texts, which lie close to one another as a rule: they are read at once then."""
        starts = [payload & 0xFFFFFFFF for payload in payloads]
        sizes = [payload >> 32 for payload in payloads]
        low, high = min(starts), max(starts) + max(sizes)
        if high - low > 4 * sum(sizes) + 16 * len(sizes):
            return [str(self.read(start, size), "utf-8") for start, size in zip(starts, sizes, strict=True)]
        region = bytes(self.read(low, high - low))
        if region.isascii():
            whole = region.decode("ascii")
            return [whole[start - low : start - low + size] for start, size in zip(starts, sizes, strict=True)]
        return [region[start - low : start - low + size].decode() for start, size in zip(starts, sizes, strict=True)]

    # --- results ------------------------------------------------------------------------------------------------

    def put_all(self, column: int, values: Sequence[Any], texts: list[bytes], used: int) -> bool:
        """Write the first values of a column that are all of one plain kind; False: they are not.

        What has no room in a cell goes to `texts`, which hold `used` bytes already. Errors: UnicodeEncodeError.
        """
        kinds = set(map(type, values))
        n = len(values)
        if kinds == {int}:
            try:
                found = array("q", values)
            except OverflowError:
                return False
            self.payloads(column)[:n] = memoryview(found)
            self._mark(column, INTEGER, n)
        elif kinds == {float}:
            if any(value != value for value in values):
                return False
            self.reals(column)[:n] = memoryview(array("d", values))
            self._mark(column, REAL, n)
        elif kinds == {str}:
            whole = "\0".join(values)
            if whole.count("\0") != n - 1:
                return False
            texts.append(whole.encode() + b"\0")
            self.tags(column)[0] = TEXT_RUN
            self.payloads(column)[0] = used
        else:
            return False
        return True

    def _mark(self, column: int, tag: int, n: int) -> None:
        self.tags(column)[:n] = memoryview(array("i", [tag]) * n)

    def put(self, row: int, column: int, value: Any, texts: list[bytes], used: int) -> int:
        """Write one value; how many bytes of it went to `texts`. Errors: as `encoded`."""
        tag, payload, raw = encoded(value)
        cell = row * self.width + column
        self._ints[cell * 4] = tag
        if tag == REAL:
            self._doubles[cell * 2 + 1] = value
        else:
            self._longs[cell * 2 + 1] = payload if raw is None else used | len(raw) << 32
        if raw:
            texts.append(raw)
        return len(raw or b"")


def encoded(value: Any) -> tuple[int, int, bytes | None]:
    """(tag, payload of an integer, bytes of a text or blob) of what code of the user's gave.

    Errors: OverflowError, TypeError, UnicodeEncodeError.
    """
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return INTEGER, int(value), None
    if value is None or (value != value and isinstance(value, float)):
        return NULL, 0, None
    if isinstance(value, float):
        return REAL, 0, None
    if isinstance(value, str):
        return TEXT, 0, value.encode()
    try:
        return BLOB, 0, bytes(memoryview(value))
    except TypeError:
        raise TypeError(f"type '{type(value).__name__}' is not supported") from None
