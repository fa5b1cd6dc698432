"""executemany of a plain INSERT: many sets of parameters become the rows of one statement.

`INSERT INTO t VALUES (?, ?)` run for each set does what `INSERT INTO t VALUES (…), (…), …` does at once, as long as
nobody can tell (codegen.inserts.takes_rows) and no row breaks a constraint. So a batch is tried at once, in a Program
that takes a list of rows (parameters.py); if it fails, it has changed nothing, and is run set by set.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, islice
from math import isnan
from struct import Struct
from typing import TYPE_CHECKING, Any

from turso_wasm.base.errors import SQLITE_BUSY, SqlError
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.runtime import layout
from turso_wasm.runtime.parameters import MAX_LENGTH, VALUE_SIZE

if TYPE_CHECKING:
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.schema import Prepared

BATCH = 1024  # sets at once
FEW = 8  # so many are not worth it

_TAGS: dict[type, int] = {int: INTEGER, float: REAL, str: TEXT, bytes: BLOB, type(None): NULL}
_REAL = Struct("<d")
_CELL = Struct("<qq")

Columns = list[tuple[Any, ...]]


def insert_batches(connection: HostConnection, prepared: Prepared, sets: Iterator[Any]) -> tuple[int, Iterator[Any]]:
    """Insert the rows of `sets`, which must be at hand, as far as that goes in batches.

    Returns how many were inserted, and the sets that are left.

    Errors: those that end the transaction, SQLITE_BUSY.
    """
    if not prepared.program.takes_rows or not connection.in_transaction:
        return 0, sets
    n_rows = 0
    text = rows_text(prepared.sql, prepared.program.n_user_params)
    while text is not None:
        batch = list(islice(sets, BATCH))
        columns = plain_columns(batch, prepared.program.n_user_params) if len(batch) > FEW else None
        if columns is None or not insert_batch(connection, prepared, text, partial(encode_rows, columns)):
            return n_rows, chain(batch, sets)
        n_rows += len(batch)
    return n_rows, sets


def insert_batch(connection: HostConnection, prepared: Prepared, text: str, encode: Callable[[int], bytes]) -> bool:
    """Insert a batch, which `encode` gives as the block for an address; False: not a row of it was."""
    with connection.host.lock:
        if connection.stepping:
            connection.wait_turn()
        many = connection.prepare(text, is_ours=True)
        if many is None or many.schema is not prepared.schema:
            return False
        try:
            with connection.running(many) as statement:
                statement.bind_rows(encode)
                statement.step()
        except (OverflowError, UnicodeEncodeError):
            return False
        except SqlError as error:
            if error.code & 0xFF == SQLITE_BUSY or not connection.in_transaction:
                raise
            return False
        connection.host.pack(layout.I64, connection.address + layout.COUNTERS_AT, 1)  # each set is a statement
        connection.host.give_way()
    return True


def rows_text(sql: str, n: int) -> str | None:
    """The INSERT with a list of rows in the place of `(?, …)`, n parameters, its end; None: it ends otherwise."""
    from turso_wasm.sql.lexer import normalize, tokenize

    tokens = tokenize(sql)
    key, _ = normalize(tokens)
    if not key.endswith(f"VALUES ( {' , '.join('?' * n)} )"):
        return None
    end = tokens.count - (tokens.kinds[tokens.count - 1] == ";")
    zeros = f"({', '.join('0' * n)})"
    return f"{sql[: tokens.starts[end - 2 * n - 1]]}{zeros}, {zeros}"


# --- encoding ---------------------------------------------------------------------------------------------------


def plain_columns(rows: Sequence[Any], n: int) -> Columns | None:
    """The columns of rows that are tuples or lists of n plain values each; None if they are not."""
    if not {tuple, list}.issuperset(map(type, rows)) or set(map(len, rows)) != {n}:
        return None
    columns = list(zip(*rows, strict=True))
    kinds = set().union(*(map(type, column) for column in columns))
    return columns if kinds <= _TAGS.keys() else None


def encode_rows(columns: Columns, at: int) -> bytes:
    """The parameter block, for address `at`, of a statement whose one parameter is the list of these rows.

    Errors: OverflowError for an int beyond 64 bits, or too much at once; UnicodeEncodeError for a lone surrogate.
    """
    start = at + VALUE_SIZE
    return _CELL.pack(BLOB, start | len(columns[0]) << 32) + _encode_cells(columns, start)


def encode_sets(columns: Columns, at: int) -> bytes:
    """The parameter block, for address `at`, of a statement that is to be run for each of these rows: room for the
    Values of one, a Repeated, the Values of all. Errors: as encode_rows.
    """
    head = VALUE_SIZE * len(columns) + layout.REPEATED.size
    return bytes(head) + _encode_cells(columns, at + head)


def _encode_cells(columns: Columns, start: int) -> bytes:
    """The Values of all rows, row by row, for address `start`, and behind them what they point to."""
    n_rows, n = len(columns[0]), len(columns)
    cells = array("q", bytes(VALUE_SIZE * n * n_rows))
    heap: list[bytes] = []
    end = start + len(cells) * 8
    for i, column in enumerate(columns):
        tags, payloads, raw = encode_column(column, end)
        cells[2 * i :: 2 * n] = tags
        cells[2 * i + 1 :: 2 * n] = payloads
        heap += raw
        end += sum(map(len, raw))
    if end > start + MAX_LENGTH:
        raise OverflowError("too much at once")
    return b"".join((cells.tobytes(), *heap))


def encode_column(column: tuple[Any, ...], end: int) -> tuple[array[int], array[int], list[bytes]]:
    """The tags, the payloads, and what lies at `end`."""
    kinds = set(map(type, column))
    if len(kinds) > 1 or (float in kinds and any(map(isnan, column))):
        return _encode_mixed(column, end)
    (kind,) = kinds
    tags = array("q", (_TAGS[kind],)) * len(column)
    if kind is int:
        return tags, array("q", column), []
    if kind is float:
        payloads = array("q")
        payloads.frombytes(array("d", column).tobytes())
        return tags, payloads, []
    if kind is str:
        raw = [value.encode() for value in column]
    elif kind is bytes:
        raw = list(column)
    else:
        return tags, array("q", bytes(8 * len(column))), []
    return tags, array("q", _spans(raw, end)), raw


def _encode_mixed(column: tuple[Any, ...], end: int) -> tuple[array[int], array[int], list[bytes]]:
    """The same of values of several types, and of NaN, which is NULL."""
    column = tuple([None if value != value else value for value in column])
    raw = [value.encode() if type(value) is str else value for value in column if type(value) in (str, bytes)]
    spans = iter(_spans(raw, end))
    payloads = array("q")
    for value in column:
        if type(value) is int:
            payloads.append(value)
        elif type(value) is float:
            payloads.frombytes(_REAL.pack(value))
        else:
            payloads.append(0 if value is None else next(spans))
    return array("q", [_TAGS[type(value)] for value in column]), payloads, raw


def _spans(raw: list[bytes], end: int) -> list[int]:
    """Address | size << 32 of each, the first at `end`."""
    sizes = list(map(len, raw))
    return [start | size << 32 for start, size in zip(accumulate(sizes, initial=end), sizes, strict=False)]
