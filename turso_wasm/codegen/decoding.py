"""Columns decoded inline: the hot path of scans.

The record under a cursor is walked once a row, as far as columns are needed, by straight code over one-byte serial
types; anything unusual (long header, long serial type, a column past the end of the record or on an overflow page)
takes the kernel's `cursor_column`. Format: https://sqlite.org/fileformat2.html section 2.1

Invariants:
  D1  `body` is the offset of the body of the column at `reached`; it is FAR after an unusual row, so that all
      later columns
      of that row are read by the kernel too.
  D3  A walk goes on only inside the loop body it was begun in: in an inner loop the code runs again with `body`
      already moved.
  D2  Reading eight bytes at any column is safe: readable bytes follow every page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import stored_constant
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, REAL, TEXT, Cursor
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, load

Constant = None | int | float | str | bytes
FAR = 0x3FFFFFFF
ONE_BYTE = 128
SIZES = bytes((0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0, *((n - 12) // 2 for n in range(12, 128)))) + bytes(128)
REVERSED = (7, 6, 5, 4, 3, 2, 1, 0) * 2


class RecordWalk:
    """The walk over the record under `cursor`, within the code of one row. n_columns: of a record; -1: not known."""

    def __init__(self, cursor: Local, n_columns: int, ctx: Context) -> None:
        f = ctx.f
        self.cursor = cursor
        self.n_columns = n_columns
        self.payload, self.header, self.body = (f.local(I32, name) for name in ("payload", "header", "body"))
        self.reached = 0
        self.loop = -1  # the loop in whose body `body` was set (D3)

    def restart(self) -> None:
        """What was emitted last may be skipped: the next columns are found from the start of the record."""
        self.loop = -1

    def decode(self, columns: Sequence[tuple[int, AffinityLetter, Constant]], ctx: Context) -> list[SqlValue]:
        """The values of (position in the record, affinity, value when absent) triples, positions ascending."""
        f = ctx.f
        values = [SqlValue(f.local(I32), f.local(I64)) for _ in columns]
        with f.block() as done:
            with f.block() as unusual:
                places = self._walk([position for position, _, _ in columns], ctx, lambda odd: f.br(unusual, if_=odd))
                for value, place, (_, affinity, _) in zip(values, places, columns, strict=True):
                    _decode(value, affinity, *place, ctx)
                f.br(done)
            f.set(self.body, FAR)
            for value, (position, _, absent) in zip(values, columns, strict=True):
                assert isinstance(value.tag, Local) and isinstance(value.payload, Local)
                default = stored_constant(absent, ctx)
                f.call_multi("cursor_column_or", self.cursor, position, *default.pair, into=[value.tag, value.payload])
        return values

    def _walk(
        self, positions: Sequence[int], ctx: Context, leave: Callable[[Expr], None]
    ) -> list[tuple[Local, Local, Expr]]:
        """Find each position: (serial type, size, address). `leave(condition)` is called for unusual records."""
        f = ctx.f
        sizes = ctx.f.local(I32, "", ctx.data_address(SIZES))
        if positions[0] < self.reached or self.loop != ctx.loop:
            self.loop = ctx.loop
            f.set(self.payload, load("i32", self.cursor, Cursor.offset("payload")))
            f.set(self.header, load("i32_8u", self.payload))
            f.set(self.body, self.header)
            self.reached = 0
        seen: Expr = self.header
        places = []
        for position in range(self.reached, positions[-1] + 1):
            serial = f.local(I32, "serial", load("i32_8u", self.payload, 1 + position))
            size = f.local(I32, "size", load("i32_8u", sizes + serial))
            if position in positions:
                at = f.local(I32, "at", self.body)
                places.append((serial, size, self.payload + at))
            seen = seen | serial
            f.set(self.body, self.body + size)
        self.reached = positions[-1] + 1
        in_page = load("i32", self.cursor, Cursor.offset("local_size"))
        if self.reached == self.n_columns:  # then the record must end here
            leave((seen >= ONE_BYTE) | (self.header != self.reached + 1) | (self.body != in_page))
        else:
            leave((seen >= ONE_BYTE) | (self.header <= self.reached) | (self.body > in_page))
        return places


def _decode(value: SqlValue, affinity: AffinityLetter, serial: Local, size: Local, address: Expr, ctx: Context) -> None:
    """Decode what a column of this affinity usually holds inline, everything else in the kernel."""
    f = ctx.f
    tag, payload = value.tag, value.payload
    assert isinstance(tag, Local) and isinstance(payload, Local)
    if affinity == "B":
        usual = (serial >= 13) & serial
        expected, inline = TEXT, address.extend_u() | (size.extend_u() << 32)
    elif affinity == "E":
        usual = serial == 7
        expected, inline = REAL, big_endian(address)
    else:
        usual = (serial - 1).lt_u(6)
        expected, inline = INTEGER, big_endian(address) >> (64 - (size << 3).extend_u())
    with f.if_(usual) as otherwise:
        f.set(payload, inline)
        if affinity == "E":  # a stored NaN is NULL
            real = payload.reinterpret()
            f.set(tag, (real == real) << 1)
        else:
            f.set(tag, expected)
        otherwise.else_()
        f.call_multi("serial_value", serial, address, into=[tag, payload])


def big_endian(address: Expr) -> Expr:
    """The eight bytes at `address` as a big-endian i64."""
    word = load("v128_64zero", address)
    return word.i8x16_shuffle(word, REVERSED).i64x2_extract_lane(0)
