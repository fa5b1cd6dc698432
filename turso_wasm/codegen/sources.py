"""Row sources: where the columns of a row come from, and the loops that visit rows.

A Source answers `value(column)`; `ensure(columns)` decodes them once, at a place that dominates their later uses.
Each plan node that visits rows has one emitter here: `emit_source(node, ctx, then)` runs `then` once a row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.decoding import RecordWalk
from turso_wasm.codegen.encodings import loaded, stored_constant
from turso_wasm.codegen.values import ANY, TEXTUAL, SqlValue, key_collation_code, mask
from turso_wasm.kernel.abi import INTEGER, KEY_DESC, NULL, REAL, Cursor, Run
from turso_wasm.wasm.dsl import I32, I64, Expr, Local, i32, i64

ROWID = -1
FEW_COLUMNS = 4  # so many are decoded inline in a long loop; more are left to one kernel call
FAR_COLUMN = 24  # position in the record beyond which walking inline is too much code


class Source:
    """The columns of a row source, decoded on demand. `null_row`: local, 1 while an outer join supplies NULLs."""

    def __init__(self) -> None:
        self.decoded: dict[int, SqlValue] = {}
        self.null_row: Local | None = None

    def forget(self, kept: set[int]) -> None:
        """Later uses decode again all columns but `kept`."""
        self.decoded = {column: value for column, value in self.decoded.items() if column in kept}

    def value(self, column: int, ctx: Context) -> SqlValue:
        """The column's value: from the locals of `ensure`, else decoded here."""
        found = self.decoded.get(column)
        return found if found is not None else self._decode_or_null((column,), ctx)[column]

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        """Decode the columns here and remember them."""
        missing = tuple(sorted(column for column in columns if column not in self.decoded))
        if missing:
            self.decoded.update(self._decode_or_null(missing, ctx))

    def is_cheap(self, columns: Collection[int]) -> bool:
        """To decode these columns where one of them is decoded costs next to nothing."""
        return False

    def _decode_or_null(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        return self._nullable(lambda: self.decode(columns, ctx), ctx)

    def _nullable(self, decode: Callable[[], dict[int, SqlValue]], ctx: Context) -> dict[int, SqlValue]:
        """What `decode` reads, or NULLs while an outer join supplies them."""
        if self.null_row is None:
            return decode()
        f = ctx.f
        with f.if_(self.null_row) as missing:
            nothing = f.hole()
            missing.else_()
            values = {column: ctx.copy(value) for column, value in decode().items()}
        with f.into(nothing):
            set_null(values.values(), ctx)
        return values

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """Code that reads the columns; their values, in locals of their own."""
        raise NotImplementedError


def set_null(values: Iterable[SqlValue], ctx: Context) -> None:
    """Assign NULL to values that own their locals."""
    for value in values:
        assert isinstance(value.tag, Local) and isinstance(value.payload, Local)
        value.types |= mask(NULL)
        ctx.f.set(value.tag, NULL)
        ctx.f.set(value.payload, 0)


def decoded_columns(ctx: Context) -> dict[int, set[int]]:
    """What each source has decoded so far."""
    return {number: set(source.decoded) for number, source in ctx.sources.items()}


def forget_since(before: Mapping[int, set[int]], ctx: Context, but: Collection[int] = ()) -> None:
    """Forget what the sources, `but` these, decoded since then: in code that may have been skipped."""
    for number, source in ctx.sources.items():
        if number not in but:
            source.forget(before.get(number, set()))


class LocalSource(Source):
    """Columns that already are locals: VALUES, groups, constants."""

    def __init__(self, values: Sequence[SqlValue]) -> None:
        super().__init__()
        self.decoded = dict(enumerate(values))

    def forget(self, kept: set[int]) -> None:
        """Nothing: the values are there before any code that could be skipped."""


class RecordSource(Source):
    """Columns of a record in memory (sorter rows, materialized rows): `payload` is a blob."""

    def __init__(self, payload: Local, n_columns: int) -> None:
        super().__init__()
        self.payload = payload
        self.n_columns = n_columns
        self.values_at = -1

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        address, size = self.payload.wrap(), self.payload.shr_u(32).wrap()
        if len(columns) == 1 or max(columns) > 63:
            return {column: ctx.call("record_column", address, size, column) for column in columns}
        if self.values_at < 0:
            self.values_at = ctx.frame_alloc(self.n_columns * VALUE_SIZE)
        out = ctx.frame + self.values_at
        ctx.do("record_columns", address, size, _bits(columns), out)
        return {column: ctx.load_value(out, column) for column in columns}


def _bits(columns: Iterable[int]) -> Expr:
    bits = 0
    for column in columns:
        bits |= 1 << column
    return i64(bits)


class EntrySource(Source):
    """Columns of the entry a cursor is on. `positions`: table column → position in the record, which has `n_fields` as
    a rule (-1: not known).
    """

    def __init__(self, cursor: Local, table: Table, positions: dict[int, int], n_fields: int = -1) -> None:
        super().__init__()
        self.cursor = cursor
        self.table = table
        self.positions = positions
        self.n_fields = n_fields
        self.values_at = -1
        self.hot = False  # the source of a long loop: a few columns are decoded inline
        self._walk: RecordWalk | None = None

    def forget(self, kept: set[int]) -> None:
        """See the base class."""
        if self._walk is not None and not self.decoded.keys() <= kept:
            self._walk.restart()
        super().forget(kept)

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        """See the base class."""
        missing = sorted({c for c in columns if c not in self.decoded}, key=lambda c: self.positions.get(c, -1))
        stored = [c for c in missing if c != ROWID and c != self.table.rowid_alias]
        if (
            self.hot
            and not ctx.asks_user
            and 0 < len(stored) <= FEW_COLUMNS
            and self.positions[stored[-1]] <= FAR_COLUMN
        ):
            self.decoded.update(self._nullable(lambda: self._decode_inline(stored, ctx), ctx))
            missing = [c for c in missing if c not in self.decoded]
        super().ensure(missing, ctx)

    def is_cheap(self, columns: Collection[int]) -> bool:
        """See the base class."""
        places = [self.positions.get(column, FAR_COLUMN + 1) for column in columns]
        return self.hot and len(places) <= FEW_COLUMNS and max(places) <= FAR_COLUMN

    def _decode_inline(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        if self._walk is None:
            self._walk = RecordWalk(self.cursor, self.n_fields, ctx)
        plan = [(self.positions[c], self.table.columns[c].affinity, self.default(c)) for c in columns]
        values = dict(zip(columns, self._walk.decode(plan, ctx), strict=True))
        return {column: self._typed(column, value, ctx) for column, value in values.items()}

    def _typed(self, column: int, value: SqlValue, ctx: Context) -> SqlValue:
        value = loaded(value, ctx)
        return stored_real(value, ctx) if self.table.columns[column].affinity == "E" else value

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        values = {}
        stored = []
        for column in columns:
            if column == ROWID or column == self.table.rowid_alias:
                values[column] = SqlValue(INTEGER, ctx.f.local(I64, "rowid", self.rowid(ctx)))
            else:
                stored.append(column)
        plain = [c for c in stored if self.default(c) is None and self.positions[c] < 64]
        if len(plain) > 1:
            values.update(self._decode_together(plain, ctx))
        for column in stored:
            if column not in values:
                values[column] = self._decode_one(column, ctx)
            values[column] = self._typed(column, values[column], ctx)
        return kept_across_calls(values, ctx)

    def rowid(self, ctx: Context) -> Expr:
        """The entry's rowid (i64)."""
        return ctx.f.load("i64", self.cursor, Cursor.offset("rowid"))

    def default(self, column: int) -> int | float | str | bytes | None:
        """The value of a column that the record is too short for (ALTER TABLE ADD COLUMN)."""
        return self.table.columns[column].absent_value

    def _decode_together(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        positions = [self.positions[column] for column in columns]
        if self.values_at < 0:
            self.values_at = ctx.frame_alloc((max(min(n, 63) for n in self.positions.values()) + 1) * VALUE_SIZE)
        out = ctx.frame + self.values_at
        ctx.do("cursor_columns", self.cursor, _bits(positions), out)
        return {column: ctx.load_value(out, at) for column, at in zip(columns, positions, strict=True)}

    def _decode_one(self, column: int, ctx: Context) -> SqlValue:
        at = self.positions[column]
        default = self.default(column)
        if default is None:
            return ctx.call("cursor_column", self.cursor, at)
        return ctx.call("cursor_column_or", self.cursor, at, stored_constant(default, ctx))


def kept_across_calls(values: dict[int, SqlValue], ctx: Context) -> dict[int, SqlValue]:
    """The values, which may lie in pages, where code of the user's can run and change these: copied."""
    if not ctx.asks_user:
        return values
    return {
        column: ctx.call_alloc("copy_value", value, types=value.types) if value.types & TEXTUAL else value
        for column, value in values.items()
    }


def stored_real(value: SqlValue, ctx: Context) -> SqlValue:
    """A REAL column stores whole numbers as integers; reading makes them REAL again."""
    f = ctx.f
    assert isinstance(value.tag, Local) and isinstance(value.payload, Local)
    with f.if_(value.tag == INTEGER):
        f.set(value.tag, REAL)
        f.set(value.payload, value.payload.to_f64_s().reinterpret())
    value.types = ANY & ~mask(INTEGER)
    return value


class IndexedSource(EntrySource):
    """A row found through an index: columns of the index entry come from it, others from the table, which is sought
    when the first of them is needed.
    """

    def __init__(self, entry: EntrySource, row: EntrySource, seek: Callable[[Context], None]) -> None:
        super().__init__(row.cursor, row.table, row.positions)
        self.entry = entry
        self.row = row
        self.seek = seek
        self.sought = False

    def forget(self, kept: set[int]) -> None:
        """See the base class."""
        super().forget(kept)
        self.sought = False

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        """See the base class."""
        missing = {column for column in columns if column not in self.decoded}
        if not self.sought and any(not self._in_entry(column) for column in missing):
            with _unless(self.null_row, ctx):
                self.seek(ctx)
            self.sought = True
        super().ensure(missing, ctx)

    def _in_entry(self, column: int) -> bool:
        return column in (ROWID, self.table.rowid_alias) or column in self.entry.positions

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        if self.sought:
            return self.row.decode(columns, ctx)
        inside = [column for column in columns if self._in_entry(column)]
        outside = [column for column in columns if not self._in_entry(column)]
        values = self.entry.decode(inside, ctx) if inside else {}
        if outside:
            self.seek(ctx)
            values.update(self.row.decode(outside, ctx))
        return values


class IndexEntrySource(EntrySource):
    """The entry of a rowid table's index: its rowid is the record's last field."""

    def rowid(self, ctx: Context) -> Expr:
        """See the base class."""
        return ctx.f.call("cursor_index_rowid", self.cursor)

    def default(self, column: int) -> None:
        """See the base class."""
        return


def _unless(flag: Local | None, ctx: Context) -> AbstractContextManager[Any]:
    return nullcontext() if flag is None else ctx.f.if_(flag.eqz())


# --- cursors ------------------------------------------------------------------------------------------


def key_info(columns: Sequence[IndexColumn], ctx: Context) -> bytes:
    """The KeyInfo of an index b-tree with these fields (kernel/abi.py)."""
    flags = [key_collation_code(c.collation, ctx) | (KEY_DESC if c.desc else 0) for c in columns]
    return struct.pack(f"<{1 + len(flags)}i", len(flags), *flags)


def index_fields(index: Index, table: Table) -> tuple[IndexColumn, ...]:
    """All fields of the index's record: key columns, then the rowid or the rest of the primary key."""
    if table.without_rowid:
        return index.columns + index.suffix
    return (*index.columns, IndexColumn(ROWID))


def open_table(table: Table, ctx: Context, write: bool = False) -> Local:
    """A cursor on the table's b-tree, opened at the start of the statement."""
    info = key_info(table.primary_key, ctx) if table.without_rowid else None
    return open_cursor(table.slot, root_page(table.root, ctx), info, ctx, write, here=table.root < 0)


def root_page(root: int, ctx: Context) -> Expr:
    """Where a b-tree begins; a root below 0 is that of one which the statement makes: see nodes.Fill."""
    if root >= 0:
        return i32(root)
    return ctx.f.load("i32", ctx.f.load("i32", ctx.stmt, Run.offset("made")), 4 * (-root - 1))


def scan_cursor(source: int, table: Table, ctx: Context) -> Local:
    """The cursor that scans the table as `source`."""
    found = ctx.scan_cursors.get(source)
    return found if found is not None else open_table(table, ctx)


def open_index(index: Index, table: Table, ctx: Context, write: bool = False) -> Local:
    """A cursor on an index."""
    root, info = root_page(index.root, ctx), key_info(index_fields(index, table), ctx)
    return open_cursor(table.slot, root, info, ctx, write, here=index.root < 0)


def open_cursor(slot: int, root: Expr, info: bytes | None, ctx: Context, write: bool, here: bool = False) -> Local:
    """Open a cursor at the start of the routine's first activation (or `here`)."""
    f = ctx.f
    cursor = f.local(I32, "cursor")
    address = i32(0) if info is None else ctx.data_address(info, align=4)
    call = f.call("cursor_open", ctx.stmt, slot, root, address, int(write))
    if here:
        f.set(cursor, call)
    else:
        ctx.open_once(cursor, call)
    return cursor


def table_source(table: Table, cursor: Local, hot: bool = False) -> EntrySource:
    """The columns of the table row under `cursor`; `hot` in a long loop."""
    positions = {column: at for at, column in enumerate(table.record_order)}
    source = EntrySource(cursor, table, positions, len(positions))
    source.hot = hot
    return source


def index_source(index: Index, table: Table, cursor: Local) -> EntrySource:
    """The columns of the index entry under `cursor`."""
    positions: dict[int, int] = {}
    for at, field in enumerate(index_fields(index, table)):
        if field.column >= 0:
            positions.setdefault(field.column, at)
    kind = EntrySource if table.without_rowid else IndexEntrySource
    return kind(cursor, table, positions)
