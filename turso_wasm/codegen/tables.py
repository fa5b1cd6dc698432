"""Writing one row: the cursors of a table and its indexes, records, index entries, and removing a row with its
entries.

Does not check constraints (constraints.py) and does not loop (writes.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import encode_entry, store_field
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.sorted_changes import DELETED, INSERTED, SortedChanges
from turso_wasm.codegen.sources import (
    ROWID,
    EntrySource,
    LocalSource,
    Source,
    index_fields,
    open_index,
    open_table,
    table_source,
)
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, REAL, SEEK_EQ
from turso_wasm.wasm.dsl import I32, Expr, Label, Local, i64

IndexExprs = Mapping[str, tuple["bound.Expr | None", ...]]
IndexWhere = Mapping[str, bound.Expr]


class TableWriter:
    """The write cursors of a table and of those of its indexes that a statement touches."""

    def __init__(self, table: Table, ctx: Context, indexes: Sequence[Index] | None = None) -> None:
        self.table = table
        self.ctx = ctx
        self.cursor = open_table(table, ctx, write=True)
        ctx.unit.changed.add((table.slot, table.name))
        self.indexes = list(table.indexes if indexes is None else indexes)
        self.index_cursors = {index.name: open_index(index, table, ctx, write=True) for index in self.indexes}
        self._probes: dict[str, int] = {}
        self.sorted: SortedChanges | None = None
        self.sweeps = False  # rows that are removed wait until the scan leaves their leaf (kernel/btree/sweep.py)

    def sort_changes(self) -> None:
        """Let the changes of index entries wait until `apply_changes`, where that is possible."""
        self.sorted = SortedChanges(self.table, self.indexes, self.ctx)

    def apply_changes(self) -> None:
        """All rows are done."""
        if self.sorted is not None:
            self.sorted.apply(self.index_cursors)

    # --- index keys ------------------------------------------------------------------------------

    def key_values(self, index: Index, row: Source, exprs: IndexExprs) -> list[SqlValue]:
        """The fields of the index entry of `row`: key columns, then rowid or primary key."""
        computed = exprs.get(index.name, ())
        values = []
        for at, field in enumerate(index_fields(index, self.table)):
            expr = computed[at] if at < len(computed) else None
            values.append(emit_value(expr, self.ctx) if expr is not None else row.value(field.column, self.ctx))
        return values

    def key_block(self, index: Index, values: Sequence[SqlValue]) -> Local:
        """Write the fields to the index's Values; their address."""
        ctx = self.ctx
        if index.name not in self._probes:
            self._probes[index.name] = ctx.frame_alloc(len(index_fields(index, self.table)) * 16)
        block = ctx.f.local(I32, "key", ctx.frame + self._probes[index.name])
        for at, value in enumerate(values):
            store_field(block, value, at, ctx)
        return block

    def if_indexed(self, index: Index, where: IndexWhere, skip: Label) -> None:
        """Jump to `skip` when a partial index does not cover the row."""
        if index.name in where:
            jump(where[index.name], skip, self.ctx, when=False, on_null=True)

    # --- writing ---------------------------------------------------------------------------------

    def insert_entries(
        self, row: Source, exprs: IndexExprs, where: IndexWhere, only: Sequence[Index] | None = None
    ) -> None:
        """Insert the row's index entries."""
        ctx, f = self.ctx, self.ctx.f
        for index in self.indexes if only is None else only:
            with f.block() as skip:
                self.if_indexed(index, where, skip)
                values = self.key_values(index, row, exprs)
                stored = self._entry(index, values)
                if self.sorted is not None and self.sorted.add(index, INSERTED, values, stored):
                    continue
                blob = encode_entry(stored, ctx)
                ctx.do("index_insert", self.index_cursors[index.name], blob.wrap(), blob.shr_u(32).wrap())

    def insert_row(self, values: Mapping[int, SqlValue], rowid: Expr | None, absent: bool = False) -> None:
        """Insert the table's record (replacing one with the same rowid).

        absent: the cursor was last asked for the rowid, in vain.
        """
        ctx = self.ctx
        blob = self._record(values)
        if self.table.without_rowid:
            ctx.do("index_insert", self.cursor, blob.wrap(), blob.shr_u(32).wrap())
        else:
            assert rowid is not None
            self.insert_record(blob.wrap(), blob.shr_u(32).wrap(), rowid, absent)

    def insert_record(self, address: Expr, size: Expr, rowid: Expr, absent: bool = False) -> None:
        """Insert a record as it lies there into a table with rowids; absent: as for insert_row."""
        name = "table_insert_absent" if absent else "table_insert"
        self.ctx.do(name, self.cursor, rowid, address, size)

    def replace_row(self, values: Mapping[int, SqlValue]) -> None:
        """Give the row under the cursor of a rowid table another record."""
        blob = self._record(values)
        self.ctx.do("cursor_replace", self.cursor, blob.wrap(), blob.shr_u(32).wrap())

    def patch_row(self, row: Source, columns: Sequence[int]) -> Expr:
        """Overwrite these columns (in the record's order) of the row under the cursor; i32, 0 if that cannot be."""
        ctx = self.ctx
        order = self.table.record_order
        block = ctx.f.local(I32, "fields", ctx.frame_values(len(columns)))
        for at, column in enumerate(columns):
            store_field(block, self._column(row.value(column, ctx), column), at, ctx)
        mask = sum(1 << order.index(column) for column in columns)
        return ctx.f.call("cursor_patch", self.cursor, block, i64(mask - (mask >> 63 << 64)))

    def _record(self, values: Mapping[int, SqlValue]) -> Local:
        return encode_entry([self._column(values[column], column) for column in self.table.record_order], self.ctx)

    def _column(self, value: SqlValue, column: int) -> SqlValue:
        """The value of a column as it is stored."""
        if column == self.table.rowid_alias:
            return NULL_VALUE
        return self._stored(value) if self.table.columns[column].affinity == "E" else value

    def _entry(self, index: Index, values: Sequence[SqlValue]) -> list[SqlValue]:
        """The fields as they are stored."""
        fields = index_fields(index, self.table)
        columns = self.table.columns
        return [
            self._stored(value) if field.column >= 0 and columns[field.column].affinity == "E" else value
            for field, value in zip(fields, values, strict=True)
        ]

    def _stored(self, value: SqlValue) -> SqlValue:
        """As REAL columns are stored: whole numbers as integers."""
        return self.ctx.call("store_real", value) if value.may_be(REAL) else value

    def remove_entries(
        self, row: Source, exprs: IndexExprs, where: IndexWhere, only: Sequence[Index] | None = None
    ) -> None:
        """Delete the index entries of the row `row` reads."""
        ctx, f = self.ctx, self.ctx.f
        for index in self.indexes if only is None else only:
            with f.block() as skip:
                self.if_indexed(index, where, skip)
                values = self.key_values(index, row, exprs)
                if self.sorted is not None and self.sorted.add(index, DELETED, values, self._entry(index, values)):
                    continue
                block = self.key_block(index, values)
                ctx.do("index_delete", self.index_cursors[index.name], block, len(values))

    def current_row(self) -> EntrySource:
        """The row the table cursor is on."""
        return table_source(self.table, self.cursor)

    def columns_of_indexes(self, indexes: Sequence[Index] | None = None) -> set[int]:
        """Table columns that index entries are made of."""
        found: set[int] = set()
        for index in self.indexes if indexes is None else indexes:
            found.update(field.column for field in index_fields(index, self.table) if field.column >= 0)
        return found

    def remove_row(self, source: int, exprs: IndexExprs, where: IndexWhere, row: EntrySource | None = None) -> None:
        """Delete the row under the table cursor and its index entries. `source` names it in exprs and where."""
        ctx = self.ctx
        row = row or self.current_row()
        if self.indexes:
            ctx.sources[source] = row
            row.ensure(self.columns_of_indexes() | ({ROWID} if not self.table.without_rowid else set()), ctx)
            ensure(list(exprs.values()), ctx)
            self.remove_entries(row, exprs, where)
        ctx.do("cursor_doom" if self.sweeps else "cursor_delete", self.cursor)

    # --- finding ---------------------------------------------------------------------------------

    def find_conflict(self, index: Index, values: Sequence[SqlValue], absent: Label) -> Local:
        """Position the cursor of a unique index on the entry with the same key; jumps to `absent` if there is none."""
        f = self.ctx.f
        n = len(index.columns)
        for value in values[:n]:
            f.br(absent, if_=value.has_tag(NULL))
        block = self.key_block(index, values)
        cursor = self.index_cursors[index.name]
        f.br(absent, if_=f.call("cursor_seek_key", cursor, block, n, SEEK_EQ).eqz())
        f.br(absent, if_=f.call("cursor_compare_key", cursor, block, n) != 0)
        return cursor

    def seek_primary_key(self, values: Mapping[int, SqlValue]) -> Expr:
        """WITHOUT ROWID: i32, a row with this primary key exists (the table cursor is on it). `values`: by column."""
        ctx, f = self.ctx, self.ctx.f
        n = len(self.table.primary_key)
        if "" not in self._probes:
            self._probes[""] = ctx.frame_alloc(n * 16)
        block = f.local(I32, "key", ctx.frame + self._probes[""])
        for at, column in enumerate(self.table.primary_key):
            store_field(block, values[column.column], at, ctx)
        found = f.local(I32, "found", f.call("cursor_seek_key", self.cursor, block, n, SEEK_EQ))
        with f.if_(found):
            f.set(found, f.call("cursor_compare_key", self.cursor, block, n).eqz())
        return found


class NewRow(LocalSource):
    """A row about to be written: column values after affinity, and its rowid."""

    def __init__(self, values: Sequence[SqlValue], rowid: Local | None, table: Table) -> None:
        super().__init__(values)
        if rowid is not None:
            self.set_rowid(rowid, table)

    def set_rowid(self, rowid: Local, table: Table) -> None:
        """The rowid, also as the value of its alias column."""
        self.decoded[ROWID] = SqlValue(INTEGER, rowid)
        if table.rowid_alias >= 0:
            self.decoded[table.rowid_alias] = self.decoded[ROWID]


def compute(generated: Sequence[tuple[int, bound.Expr]], source: int, row: Source, ctx: Context) -> None:
    """Compute generated columns of a row, which `source` names."""
    ctx.sources[source] = row
    for number, expr in generated:
        row.decoded[number] = emit_value(expr, ctx)
