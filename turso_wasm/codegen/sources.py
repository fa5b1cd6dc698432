"""Row sources: where the columns of a row come from, and the loops that visit rows.

A Source answers `value(column)`; `ensure(columns)` decodes them once, at a place that dominates their later uses.
Each plan node that visits rows has one emitter here: `emit_source(node, ctx, then)` runs `then` once a row.
"""

from __future__ import annotations

import struct
from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Iterable, Sequence

from turso_wasm.bind import nodes as b
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.codegen.cells import cell_table, is_cell, load_cells
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.decoding import RecordWalk
from turso_wasm.codegen.expressions import emit_value, ensure, for_comparison
from turso_wasm.codegen.values import ANY, SqlValue, collation_code, mask
from turso_wasm.kernel.abi import BLOB, INTEGER, KEY_DESC, NULL, REAL, SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT, Cursor
from turso_wasm.plan import nodes as p
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64

ROWID = -1
FEW_COLUMNS = 4  # so many are decoded inline in a long loop; more are left to one kernel call
FAR_COLUMN = 24  # position in the record beyond which walking inline is too much code


class Source:
    """The columns of a row source, decoded on demand. `null_row`: local that is 1 while an outer join supplies NULLs."""

    def __init__(self) -> None:
        self.decoded: dict[int, SqlValue] = {}
        self.null_row: Local | None = None

    def value(self, column: int, ctx: Context) -> SqlValue:
        """The column's value: from the locals of `ensure`, else decoded here."""
        found = self.decoded.get(column)
        return found if found is not None else self._decode_or_null((column,), ctx)[column]

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        """Decode the columns here and remember them."""
        missing = tuple(sorted(column for column in columns if column not in self.decoded))
        if missing:
            self.decoded.update(self._decode_or_null(missing, ctx))

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


class LocalSource(Source):
    """Columns that already are locals: VALUES, groups, constants."""

    def __init__(self, values: Sequence[SqlValue]) -> None:
        super().__init__()
        self.decoded = dict(enumerate(values))


class RecordSource(Source):
    """Columns of a record in memory (sorter rows, materialized rows): `payload` is a blob."""

    def __init__(self, payload: Local, n_columns: int) -> None:
        super().__init__()
        self.payload = payload
        self.n_columns = n_columns
        self.slots = -1

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        address, size = self.payload.wrap(), self.payload.shr_u(32).wrap()
        if len(columns) == 1 or max(columns) > 63:
            return {column: ctx.call("record_column", address, size, column) for column in columns}
        if self.slots < 0:
            self.slots = ctx.frame_alloc(self.n_columns * VALUE_SIZE)
        out = ctx.frame + self.slots
        ctx.do("record_columns", address, size, _bits(columns), out)
        return {column: ctx.load_value(out, column) for column in columns}


def _bits(columns: Iterable[int]) -> Expr:
    bits = 0
    for column in columns:
        bits |= 1 << column
    return i64(bits)


class EntrySource(Source):
    """Columns of the entry a cursor is on. `positions`: table column → position in the record."""

    def __init__(self, cursor: Local, table: Table, positions: dict[int, int]) -> None:
        super().__init__()
        self.cursor = cursor
        self.table = table
        self.positions = positions
        self.slots = -1
        self.hot = False  # the source of a long loop: a few columns are decoded inline
        self._walk: RecordWalk | None = None

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        missing = sorted({c for c in columns if c not in self.decoded}, key=lambda c: self.positions.get(c, -1))
        stored = [c for c in missing if c != ROWID and c != self.table.rowid_alias]
        if self.hot and 0 < len(stored) <= FEW_COLUMNS and self.positions[stored[-1]] <= FAR_COLUMN:
            self.decoded.update(self._nullable(lambda: self._decode_inline(stored, ctx), ctx))
            missing = [c for c in missing if c not in self.decoded]
        super().ensure(missing, ctx)

    def _decode_inline(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        if self._walk is None:
            self._walk = RecordWalk(self.cursor, ctx)
        plan = [(self.positions[c], self.table.columns[c].affinity, self.default(c)) for c in columns]
        values = dict(zip(columns, self._walk.decode(plan, ctx)))
        return {column: self._typed(column, value, ctx) for column, value in values.items()}

    def _typed(self, column: int, value: SqlValue, ctx: Context) -> SqlValue:
        return _stored_real(value, ctx) if self.table.columns[column].affinity == "E" else value

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
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
        return values

    def rowid(self, ctx: Context) -> Expr:
        """The entry's rowid (i64)."""
        return ctx.f.load("i64", self.cursor, Cursor.offset("rowid"))

    def default(self, column: int) -> None | int | float | str | bytes:
        """The value of a column that the record is too short for (ALTER TABLE ADD COLUMN)."""
        return self.table.columns[column].absent_value

    def _decode_together(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        positions = [self.positions[column] for column in columns]
        if self.slots < 0:
            self.slots = ctx.frame_alloc((max(min(n, 63) for n in self.positions.values()) + 1) * VALUE_SIZE)
        out = ctx.frame + self.slots
        ctx.do("cursor_columns", self.cursor, _bits(positions), out)
        return {column: ctx.load_value(out, at) for column, at in zip(columns, positions)}

    def _decode_one(self, column: int, ctx: Context) -> SqlValue:
        at = self.positions[column]
        default = self.default(column)
        if default is None:
            return ctx.call("cursor_column", self.cursor, at)
        return ctx.call("cursor_column_or", self.cursor, at, ctx.constant(default))


def _stored_real(value: SqlValue, ctx: Context) -> SqlValue:
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
    when the first of them is needed."""

    def __init__(self, entry: EntrySource, row: EntrySource, seek: Callable[[Context], None]) -> None:
        super().__init__(row.cursor, row.table, row.positions)
        self.entry = entry
        self.row = row
        self.seek = seek
        self.sought = False

    def ensure(self, columns: Iterable[int], ctx: Context) -> None:
        missing = {column for column in columns if column not in self.decoded}
        if not self.sought and any(not self._in_entry(column) for column in missing):
            with _unless(self.null_row, ctx):
                self.seek(ctx)
            self.sought = True
        super().ensure(missing, ctx)

    def _in_entry(self, column: int) -> bool:
        return column in (ROWID, self.table.rowid_alias) or column in self.entry.positions

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
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
        return ctx.f.call("cursor_index_rowid", self.cursor)

    def default(self, column: int) -> None:
        return None


def _unless(flag: Local | None, ctx: Context) -> ContextManager[Any]:
    return nullcontext() if flag is None else ctx.f.if_(flag.eqz())


# --- cursors ------------------------------------------------------------------------------------------


def key_info(columns: Sequence[IndexColumn]) -> bytes:
    """The KeyInfo of an index b-tree with these fields (kernel/abi.py)."""
    flags = bytes(collation_code(c.collation) | (KEY_DESC if c.desc else 0) for c in columns)
    return struct.pack("<i", len(flags)) + flags


def index_fields(index: Index, table: Table) -> tuple[IndexColumn, ...]:
    """All fields of the index's record: key columns, then the rowid or the rest of the primary key."""
    if table.without_rowid:
        return index.columns + index.suffix
    return (*index.columns, IndexColumn(ROWID))


def open_table(table: Table, ctx: Context, write: bool = False) -> Local:
    """A cursor on the table's b-tree, opened at the start of the statement."""
    info = key_info(table.primary_key) if table.without_rowid else None
    return open_cursor(table.slot, i32(table.root), info, ctx, write)


def scan_cursor(source: int, table: Table, ctx: Context) -> Local:
    """The cursor that scans the table as `source`."""
    found = ctx.scan_cursors.get(source)
    return found if found is not None else open_table(table, ctx)


def open_index(index: Index, table: Table, ctx: Context, write: bool = False) -> Local:
    """A cursor on an index."""
    return open_cursor(table.slot, i32(index.root), key_info(index_fields(index, table)), ctx, write)


def open_cursor(slot: int, root: Expr, info: bytes | None, ctx: Context, write: bool, here: bool = False) -> Local:
    """Open a cursor at the start of the statement (or `here`)."""
    f = ctx.f
    cursor = f.local(I32, "cursor")
    address = i32(0) if info is None else ctx.data_address(info, align=4)
    call = f.call("cursor_open", ctx.stmt, slot, root, address, int(write))
    if here:
        f.set(cursor, call)
    else:
        with f.into(ctx.opens):
            f.set(cursor, call)
    return cursor


def table_source(table: Table, cursor: Local, hot: bool = False) -> EntrySource:
    """The columns of the table row under `cursor`; `hot` in a long loop."""
    order = table.storage_order if table.without_rowid else range(len(table.columns))
    source = EntrySource(cursor, table, {column: at for at, column in enumerate(order)})
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


# --- loops --------------------------------------------------------------------------------------------


def visit(ctx: Context, begin: Callable[[], Expr], advance: Callable[[], Expr], body: Callable[[Label], None]) -> None:
    """`begin()`, then `body(done)` for each row until `advance()` says 0; `done` is the label behind the loop."""
    f = ctx.f
    with f.block() as done:
        with ctx.guard():
            f.br(done, if_=begin().eqz())
        with f.loop() as top:
            ctx.tick()
            with ctx.row_memory(), f.block():
                body(done)
            f.br(top, if_=advance())


def emit_source(node: p.Plan, ctx: Context, then: Then) -> None:
    """Run `then` for each row of `node`."""
    SOURCES[type(node)](node, ctx, then)


def _one_row(node: p.OneRow, ctx: Context, then: Then) -> None:
    then()


def _table_scan(node: p.TableScan, ctx: Context, then: Then) -> None:
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor, hot=True)
    first, step = ("cursor_last", "cursor_prev") if node.reverse else ("cursor_first", forward(node.table))
    visit(ctx, lambda: ctx.f.call(first, cursor), lambda: advance(step, cursor, ctx), lambda done: then())


def forward(table: Table) -> str:
    """The kernel routine that moves a table cursor to the next row."""
    return "cursor_next" if table.without_rowid else "table_next"


def advance(step: str, cursor: Local, ctx: Context) -> Expr:
    """The expression that moves a cursor; 0 at the end. "table_next" is expanded inline."""
    return ctx.f.call(step, cursor, inline=step == "table_next")


def _rowid_seek(node: p.RowidSeek, ctx: Context, then: Then) -> None:
    f = ctx.f
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor)
    with f.block() as done:
        with ctx.guard():
            ensure(node.key, ctx)
            key = emit_value(node.key, ctx)
            rowid = _exact_rowid(key, done, ctx)
            f.br(done, if_=f.call("cursor_seek_rowid", cursor, rowid).eqz())
        then()


def _exact_rowid(key: SqlValue, missing: Label, ctx: Context) -> Expr:
    """`key` as a rowid; jumps to `missing` when no rowid equals it."""
    f = ctx.f
    if key.is_always(INTEGER):
        return key.payload
    rowid = f.local(I64, "", key.payload)
    with f.if_(key.has_tag(INTEGER).eqz()):
        ok, exact = f.call_multi("rowid_exact", *key.pair)
        f.br(missing, if_=ok.eqz())
        f.set(rowid, exact)
    return rowid


def _rowid_range(node: p.RowidRange, ctx: Context, then: Then) -> None:
    f = ctx.f
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor, hot=True)
    first, last = f.local(I64, "first"), f.local(I64, "last")
    rowid = f.load("i64", cursor, Cursor.offset("rowid"))

    def begin() -> Expr:
        ok = f.local(I32, "ok", 1)
        f.set(first, i64(-(2**63)))
        f.set(last, i64(2**63 - 1))
        for bound, name, target in ((node.lower, "rowid_lower", first), (node.upper, "rowid_upper", last)):
            if bound is not None:
                ensure(bound.expr, ctx)
                found, limit = f.call_multi(name, *emit_value(bound.expr, ctx).pair, int(bound.inclusive))
                f.set(ok, ok & found)
                f.set(target, limit)
        if node.reverse:
            return ok & f.call("cursor_seek_rowid_op", cursor, last, SEEK_LE)
        return ok & f.call("cursor_seek_rowid_op", cursor, first, SEEK_GE)

    def body(done: Label) -> None:
        with ctx.guard():
            if node.reverse and node.lower is not None:
                f.br(done, if_=rowid < first)
            elif not node.reverse and node.upper is not None:
                f.br(done, if_=rowid > last)
        then()

    visit(ctx, begin, lambda: advance("cursor_prev" if node.reverse else "table_next", cursor, ctx), body)


# --- index scans ----------------------------------------------------------------------------------------


class _Range:
    """The ends of an index scan in scan direction: `start` positions the cursor, `end` stops it. Probes are Value slots."""

    def __init__(self, node: p.IndexScan, ctx: Context) -> None:
        table = node.table
        self.fields = index_fields(node.index, table) if node.index else table.primary_key
        self.n_equal = len(node.equal)
        desc = self.n_equal < len(self.fields) and self.fields[self.n_equal].desc
        self.backward = node.reverse
        low_first = desc == node.reverse  # the scan meets small values first
        self.low_first = low_first
        self.start, self.end = (node.lower, node.upper) if low_first else (node.upper, node.lower)
        size = (self.n_equal + 1) * VALUE_SIZE
        self.start_probe, self.end_probe = ctx.frame_alloc(size), ctx.frame_alloc(size)
        self.node = node


def _index_scan(node: p.IndexScan, ctx: Context, then: Then) -> None:
    table, index = node.table, node.index
    cursor = open_index(index, table, ctx) if index else open_table(table, ctx)
    ctx.sources[node.source] = _index_scan_source(node, cursor, ctx)
    ends = _Range(node, ctx)
    step = "cursor_prev" if node.reverse else "cursor_next"

    def body(done: Label) -> None:
        with ctx.guard():
            _check_end(ends, cursor, done, ctx)
        then()

    if node.unique and not node.lower and not node.upper:
        _unique_lookup(ends, cursor, ctx, then)
        return
    visit(ctx, lambda: _seek_start(ends, cursor, ctx), lambda: advance(step, cursor, ctx), body)


def _unique_lookup(ends: _Range, cursor: Local, ctx: Context, then: Then) -> None:
    f = ctx.f
    with f.block() as done:
        with ctx.guard():
            f.br(done, if_=_seek_start(ends, cursor, ctx).eqz())
            _check_end(ends, cursor, done, ctx)
        then()


def _index_scan_source(node: p.IndexScan, cursor: Local, ctx: Context) -> Source:
    table, index = node.table, node.index
    if index is None:
        return table_source(table, cursor)
    entry = index_source(index, table, cursor)
    entry.hot = not node.unique
    if node.covering:
        return entry
    row_cursor = open_table(table, ctx)
    row = table_source(table, row_cursor)

    def seek(ctx: Context) -> None:
        f = ctx.f
        if not table.without_rowid:
            found = f.call("cursor_seek_rowid", row_cursor, entry.rowid(ctx))
        else:
            key_columns = [column.column for column in table.primary_key]
            values = entry.decode(key_columns, ctx)
            probe = f.local(I32, "", ctx.frame_values(len(key_columns)))
            for at, column in enumerate(key_columns):
                ctx.store_value(probe, values[column], at)
            found = f.call("cursor_seek_key", row_cursor, probe, len(key_columns), SEEK_GE)
        with f.if_(found.eqz()):
            ctx.do("raise_corrupt", 0)

    return IndexedSource(entry, row, seek)


def _probe_value(expr: b.Expr, at: int, node: p.IndexScan, ctx: Context) -> SqlValue:
    affinity = node.affinities[at] if at < len(node.affinities) else None
    return for_comparison(expr, affinity, ctx)


def _seek_start(ends: _Range, cursor: Local, ctx: Context) -> Expr:
    """Fill the probes and position the cursor on the first entry of the range; 0 when there is none."""
    f, node = ctx.f, ends.node
    ok = f.local(I32, "found", 0)
    with f.block() as nothing:
        for at, expr in enumerate(node.equal):
            ensure(expr, ctx)
            value = _probe_value(expr, at, node, ctx)
            if not (node.null_equal and node.null_equal[at]):
                f.br(nothing, if_=value.has_tag(NULL))
            ctx.store_value(ctx.frame + ends.start_probe, value, at)
            if ends.end is not None or ends.start is not None:
                ctx.store_value(ctx.frame + ends.end_probe, value, at)
        for bound, probe in ((ends.start, ends.start_probe), (ends.end, ends.end_probe)):
            if bound is not None:
                ensure(bound.expr, ctx)
                value = _probe_value(bound.expr, ends.n_equal, node, ctx)
                f.br(nothing, if_=value.has_tag(NULL))
                ctx.store_value(ctx.frame + probe, value, ends.n_equal)
        f.set(ok, _position(ends, cursor, ctx))
    return ok


def _position(ends: _Range, cursor: Local, ctx: Context) -> Expr:
    f = ctx.f
    n = ends.n_equal
    inclusive, exclusive = (SEEK_LE, SEEK_LT) if ends.backward else (SEEK_GE, SEEK_GT)
    probe = ctx.frame + ends.start_probe
    if ends.start is not None:
        return f.call("cursor_seek_key", cursor, probe, n + 1, inclusive if ends.start.inclusive else exclusive)
    if ends.end is not None and ends.low_first:  # NULLs come first and satisfy no range
        ctx.store_value(probe, SqlValue(NULL, i64(0)), n)
        return f.call("cursor_seek_key", cursor, probe, n + 1, exclusive)
    if n:
        return f.call("cursor_seek_key", cursor, probe, n, inclusive)
    return f.call("cursor_last" if ends.backward else "cursor_first", cursor)


def _check_end(ends: _Range, cursor: Local, done: Label, ctx: Context) -> None:
    """Jump to `done` when the entry lies beyond the range."""
    f = ctx.f
    n = ends.n_equal
    probe = ctx.frame + ends.end_probe
    if ends.end is not None:
        order = f.call("cursor_compare_key", cursor, probe, n + 1)
        inclusive = ends.end.inclusive
    elif ends.start is not None and not ends.low_first:  # the scan goes down towards the NULLs
        ctx.store_value(probe, SqlValue(NULL, i64(0)), n)
        order = f.call("cursor_compare_key", cursor, probe, n + 1)
        inclusive = False
    elif n:
        f.br(done, if_=f.call("cursor_compare_key", cursor, ctx.frame + ends.start_probe, n) != 0)
        return
    else:
        return
    # Entries are visited in index order, or backwards: stop as soon as one is past the probe.
    if ends.backward:
        past = order < 0 if inclusive else order <= 0
    else:
        past = order > 0 if inclusive else order >= 0
    f.br(done, if_=past)


# --- rows that are not in a b-tree ------------------------------------------------------------------------


def _values(node: p.Values, ctx: Context, then: Then) -> None:
    f = ctx.f
    if len(node.rows) == 1:
        with ctx.guard():
            values = [
                ctx.copy(emit_value(expr, ctx)) if not is_cell(expr) else emit_value(expr, ctx) for expr in node.rows[0]
            ]
        ctx.sources[node.source] = LocalSource(values)
        then()
        return
    if not node.rows:
        return
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in range(node.n_columns)]
    ctx.sources[node.source] = LocalSource(columns)
    row = f.local(I32, "row")

    def assign(values: Sequence[SqlValue]) -> None:
        for column, value in zip(columns, values):
            assert isinstance(column.tag, Local) and isinstance(column.payload, Local)
            f.set(column.tag, value.tag_expr)
            f.set(column.payload, value.payload)

    def begin() -> Expr:
        f.set(row, 0)
        return i32(1)

    def step() -> Expr:
        f.set(row, row + 1)
        return row < len(node.rows)

    def body(done: Label) -> None:
        with ctx.guard():
            if all(is_cell(expr) for one in node.rows for expr in one):
                table = ctx.data_address(cell_table(node.rows, ctx), align=4)
                at = f.local(I32, "", table + row * (4 * node.n_columns))
                assign(load_cells(at, node.n_columns, ctx))
            else:
                _switch_rows(node, row, assign, ctx)
        then()

    visit(ctx, begin, step, body)


def _literal_rows(node: p.LiteralRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    list_ = ctx.parameter(ctx.n_user_params + node.literal, BLOB)
    at, end = f.local(I32, "row"), f.local(I32, "rows_end")
    width = node.n_columns * VALUE_SIZE

    def begin() -> Expr:
        f.set(at, list_.payload.wrap())
        f.set(end, at + list_.payload.shr_u(32).wrap() * width)
        return at.lt_u(end)

    def step() -> Expr:
        f.set(at, at + width)
        return at.lt_u(end)

    def body(done: Label) -> None:
        with ctx.guard():
            values = [ctx.load_value(at, column) for column in range(node.n_columns)]
        ctx.sources[node.source] = LocalSource(values)
        then()

    visit(ctx, begin, step, body)


def _switch_rows(node: p.Values, row: Local, assign: Callable[[Sequence[SqlValue]], None], ctx: Context) -> None:
    """Rows of expressions: a branch table, one block a row."""
    f = ctx.f
    with f.block() as chosen:
        labels = [f.block() for _ in node.rows]
        for label in reversed(labels):
            label.__enter__()
        f.switch(row, labels, labels[-1])
        for label, exprs in zip(labels, node.rows):
            label.__exit__(None, None, None)
            assign([emit_value(expr, ctx) for expr in exprs])
            f.br(chosen)


def _filter(node: p.Filter, ctx: Context, then: Then) -> None:
    def body() -> None:
        with ctx.f.block() as rejected:
            with ctx.guard():
                ensure(first_conjunct(node.predicate), ctx)
                jump(node.predicate, rejected, ctx, when=False, on_null=True)
            then()

    emit_source(node.child, ctx, body)


def first_conjunct(node: b.Expr) -> object:
    """What is evaluated unconditionally of a condition: all of it, unless AND/OR/CASE may stop early."""
    while isinstance(node, b.Binary) and node.op in ("and", "or"):
        node = node.left
    return node


def _append(node: p.Append, ctx: Context, then: Then) -> None:
    """UNION ALL: each child in turn assigns the common columns and runs its own copy of `then`."""
    f = ctx.f
    columns = [SqlValue(f.local(I32), f.local(I64)) for _ in node.outputs[0]]
    for child, outputs in zip(node.children, node.outputs):

        def assign(outputs: Sequence[b.Expr] = outputs) -> None:
            with ctx.guard():
                ensure(outputs, ctx)
                for column, expr in zip(columns, outputs):
                    value = emit_value(expr, ctx)
                    assert isinstance(column.tag, Local) and isinstance(column.payload, Local)
                    f.set(column.tag, value.tag_expr)
                    f.set(column.payload, value.payload)
            ctx.sources[node.source] = LocalSource(columns)
            then()

        with ctx.stage():
            emit_source(child, ctx, assign)


def _count_rows(node: p.CountRows, ctx: Context, then: Then) -> None:
    cursor = open_index(node.index, node.table, ctx) if node.index else open_table(node.table, ctx)
    count = ctx.f.local(I64, "count")
    with ctx.guard():
        ctx.f.set(count, ctx.f.call("btree_count", cursor))
    ctx.sources[node.source] = LocalSource([SqlValue(INTEGER, count)])
    then()


SOURCES: dict[type, Callable[..., None]] = {
    p.OneRow: _one_row,
    p.Values: _values,
    p.LiteralRows: _literal_rows,
    p.TableScan: _table_scan,
    p.RowidSeek: _rowid_seek,
    p.RowidRange: _rowid_range,
    p.IndexScan: _index_scan,
    p.Filter: _filter,
    p.Append: _append,
    p.CountRows: _count_rows,
}
