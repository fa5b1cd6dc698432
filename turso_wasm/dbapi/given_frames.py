"""Data frames that SQL reads: columns of other libraries, encoded as Values of the kernel many rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from turso_wasm.dbapi.errors import NotSupportedError
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.runtime.parameters import VALUE_SIZE
from turso_wasm.runtime.userrows import RowsCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD = Struct("<ii")
_LIST = Struct("<qq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A column: a tag and a payload for each row; text number i is `heap[bounds[i]:bounds[i + 1]]`, its payload 0."""

    tags: NDArray[np.int64]
    payloads: NDArray[np.int64]
    bounds: NDArray[np.int64] | None = None
    heap: memoryview | bytes = b""

    def value(self, at: int) -> Any:
        """The value in a row, as Python has it."""
        tag = int(self.tags[at])
        if self.bounds is not None and tag >= TEXT:
            raw = bytes(self.heap[self.bounds[at] : self.bounds[at + 1]])
            return raw.decode() if tag == TEXT else raw
        if tag == NULL:
            return None
        return int(self.payloads[at]) if tag == INTEGER else float(self.payloads.view(np.float64)[at])


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A frame: names of columns, their values, and how many rows there are."""

    names: tuple[str, ...]
    columns: Sequence[Given]
    n_rows: int

    def encode(self, start: int, end: int, at: int) -> bytes:
        """The Values of some rows, row by row, for address `at`, and the texts and blobs behind them."""
        width, n = len(self.columns), end - start
        cells = np.empty((n, width, 2), np.int64)
        heap: list[memoryview | bytes] = []
        behind = at + n * width * VALUE_SIZE
        for i, column in enumerate(self.columns):
            cells[:, i, 0] = column.tags[start:end]
            cells[:, i, 1] = column.payloads[start:end]
            if column.bounds is None:
                continue
            bounds = column.bounds[start : end + 1]
            first, last = int(bounds[0]), int(bounds[-1])
            spans = (bounds[:-1] - first + behind) | (bounds[1:] - bounds[:-1]) << 32
            cells[:, i, 1] = np.where(column.tags[start:end] == NULL, 0, spans)
            heap.append(column.heap[first:last])
            behind += last - first
        return b"".join((cells.tobytes(), *heap))

    def encode_list(self, start: int, end: int, at: int) -> bytes:
        """The block, for address `at`, of a statement whose one parameter is the list of these rows."""
        behind = at + VALUE_SIZE
        return _LIST.pack(BLOB, behind | (end - start) << 32) + self.encode(start, end, behind)

    def rows(self, start: int) -> Iterator[tuple[Any, ...]]:
        """The rows from there on, as Python has them."""
        for at in range(start, self.n_rows):
            yield tuple([column.value(at) for column in self.columns])


class FrameCode(RowsCode):
    """A frame as the code of a table function."""

    def __init__(self, source: Source) -> None:
        object.__setattr__(self, "source", source)
        super().__init__(lambda: source.rows(0), source.names)

    source: Source

    def generator(self, arguments: Sequence[Any]) -> FrameRows:
        """Its rows, from the first."""
        return FrameRows(self.source)


class FrameRows:
    """Rows of a frame, as the kernel asks for them (kernel/base/user_rows.py)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0

    def take(self, wanted: int) -> bytes:
        """The answer with that many rows, with fewer at the end."""
        start, self.at = self.at, min(self.at + wanted, self.source.n_rows)
        return _HEAD.pack(self.at - start, wanted) + self.source.encode(start, self.at, _HEAD.size)


# --- reading frames -----------------------------------------------------------------------------------------------


def read_frame(frame: Any) -> Source:
    """Anything that Connection.register takes. Errors: as there."""
    if isinstance(frame, Mapping):
        named = {str(name): np.asanyarray(values) for name, values in frame.items()}
    elif hasattr(frame, "__arrow_c_stream__"):
        return _read_arrow(frame)
    elif isinstance(frame, np.ndarray):
        named = _array_columns(frame)
    else:
        raise TypeError(f"'{type(frame).__name__}' is no frame: it has no __arrow_c_stream__")
    sizes = {len(values) for values in named.values()}
    if len(sizes) > 1 or any(values.ndim != 1 for values in named.values()):
        raise ValueError("the columns of a frame must be arrays of one dimension and one length")
    columns = [_read_numpy(name, values) for name, values in named.items()]
    return Source(names=tuple(named), columns=columns, n_rows=max(sizes, default=0))


def _array_columns(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names}
    if array.ndim != 2:
        raise ValueError("a NumPy array as a frame has two dimensions, or fields")
    return {f"column{i + 1}": array[:, i] for i in range(array.shape[1])}


def _read_numpy(name: str, values: NDArray[Any]) -> Given:
    kind = values.dtype.kind
    hidden = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain = np.ma.getdata(values)
    if kind in "bi" or (kind == "u" and (values.dtype.itemsize < 8 or not len(plain) or plain.max() < 1 << 63)):
        return _numbers(INTEGER, plain.astype(np.int64), hidden)
    if kind == "u":
        raise OverflowError("Python int too large to convert to SQLite INTEGER")
    if kind == "f":
        reals = plain.astype(np.float64)
        is_null = np.isnan(reals) if hidden is None else np.isnan(reals) | hidden
        return _numbers(REAL, reals.view(np.int64), is_null)
    if kind in "UOMT":
        import pyarrow as pa

        return _read_column(name, pa.chunked_array([pa.array(values.tolist() if kind in "UT" else values)]))
    raise NotSupportedError(f"column '{name}' is of type {values.dtype}, which SQLite has not")


def _numbers(tag: int, payloads: NDArray[np.int64], is_null: NDArray[np.bool_] | None) -> Given:
    payloads = np.ascontiguousarray(payloads)
    if is_null is None or not is_null.any():
        return Given(tags=np.broadcast_to(np.int64(tag), len(payloads)), payloads=payloads)
    return Given(tags=np.where(is_null, NULL, tag).astype(np.int64), payloads=np.where(is_null, 0, payloads))


def _read_arrow(frame: Any) -> Source:
    import pyarrow as pa

    table = pa.table(frame)
    columns = [_read_column(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    return Source(names=tuple(table.column_names), columns=columns, n_rows=table.num_rows)


def _read_column(name: str, column: Any) -> Given:
    """A pyarrow.ChunkedArray. Errors: NotSupportedError, OverflowError."""
    import pyarrow as pa

    column, tag = _plain(name, column.combine_chunks())
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    n = len(column)
    is_null = np.asarray(column.is_null(nan_is_null=True)) if tag == REAL or column.null_count else None
    if tag in (NULL, INTEGER, REAL):
        if tag == NULL:
            return _numbers(INTEGER, np.zeros(n, np.int64), np.ones(n, bool))
        filled = column.fill_null(0).to_numpy(zero_copy_only=False)
        return _numbers(tag, filled if tag == INTEGER else filled.view(np.int64), is_null)
    _, bounds, heap = column.buffers()
    ends = np.frombuffer(bounds, np.int64, n + 1, 8 * column.offset) if n else np.zeros(1, np.int64)
    tags = np.full(n, tag, np.int64) if is_null is None else np.where(is_null, NULL, tag).astype(np.int64)
    zeros = np.broadcast_to(np.int64(0), n)
    return Given(tags=tags, payloads=zeros, bounds=ends, heap=b"" if heap is None else memoryview(heap))


def _plain(name: str, column: Any) -> tuple[Any, int]:
    """The column as int64, double, large_string, large_binary or null, and the tag of that."""
    import pyarrow as pa
    import pyarrow.types as kinds

    type_ = column.type
    if kinds.is_dictionary(type_):
        return _plain(name, column.dictionary_decode())
    if kinds.is_null(type_):
        return column, NULL
    if kinds.is_boolean(type_):
        return column.cast(pa.int8()).cast(pa.int64()), INTEGER
    if kinds.is_integer(type_):
        try:
            return column.cast(pa.int64()), INTEGER
        except pa.ArrowInvalid:
            raise OverflowError("Python int too large to convert to SQLite INTEGER") from None
    if kinds.is_floating(type_):
        return column.cast(pa.float64()), REAL
    if kinds.is_binary(type_) or kinds.is_large_binary(type_) or kinds.is_fixed_size_binary(type_):
        return column.cast(pa.large_binary()), BLOB
    texts = (kinds.is_string, kinds.is_large_string, kinds.is_date, kinds.is_time, kinds.is_timestamp, kinds.is_decimal)
    if any(is_text(type_) for is_text in texts) or str(type_) == "string_view":
        return column.cast(pa.large_string()), TEXT
    if str(type_) == "binary_view":
        return column.cast(pa.large_binary()), BLOB
    raise NotSupportedError(f"column '{name}' is of type {type_}, which SQLite has not")
