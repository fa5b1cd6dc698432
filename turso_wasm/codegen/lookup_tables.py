"""Look-ups by all key columns of an index, for each row of a join or of an outer query: when they have become many
beside the rows of the table, these are read once into a hash table (kernel/btree/lookup_table.py), and are found there
from then on, in the same order.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.records import kept_record
from turso_wasm.codegen.scans import equal_values, index_scan, index_scan_source
from turso_wasm.codegen.sources import RecordSource, Source, open_index, stored_real
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import UTF8, Lookup
from turso_wasm.kernel.abi_states import KeptRow
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Local

IN_INDEX = 1  # of lookup_seek


class TabledSource(Source):
    """The columns of a row that lookup_seek gave: of that which the index leads to, or of a record of the table.
    positions: column → position in these.
    """

    def __init__(self, index: Source, node: nodes.IndexScan, row: Local, ctx: Context) -> None:
        super().__init__()
        self.index = index
        self.node = node
        self.row = row
        stored = stored_columns(node)
        self.record = RecordSource(ctx.f.local(I64, "record"), len(stored) + 1)
        self.positions = {column: at for at, column in enumerate(stored)}
        self.rowid = len(stored)

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        places = {column: self.positions.get(column, self.rowid) for column in columns}
        values = {column: ctx.chosen() for column in columns}
        with f.if_(self.row == IN_INDEX) as otherwise:
            for column, value in self.index.decode(columns, ctx).items():
                ctx.choose(values[column], value)
            otherwise.else_()
            f.set(self.record.payload, kept_record(self.row, KeptRow.size, ctx))
            found = self.record.decode(sorted(set(places.values())), ctx)
            for column, place in places.items():
                ctx.choose(values[column], self._typed(column, ctx.copy(found[place]), ctx))
        return values

    def _typed(self, column: int, value: SqlValue, ctx: Context) -> SqlValue:
        is_real = column in self.positions and self.node.table.columns[column].affinity == "E"
        return stored_real(value, ctx) if is_real else value


def stored_columns(node: nodes.IndexScan) -> list[int]:
    """The columns in the records of the table, in their order; the rowid stands behind them."""
    return [column for column in sorted(node.columns) if column != node.table.rowid_alias]


def _index_scan(node: nodes.IndexScan, ctx: Context, then: Then) -> None:
    if not node.tabled or not ctx.statement.is_root or ctx.unit.user.calls or ctx.unit.encoding != UTF8:
        index_scan(node, ctx, then)
        return
    assert node.index is not None
    f = ctx.f
    cursor = open_index(node.index, node.table, ctx)
    row = f.local(I32, "row")
    ctx.sources[node.source] = TabledSource(index_scan_source(node, cursor, ctx), node, row, ctx)
    at = ctx.statement.frame_alloc(Lookup.size)
    probe = ctx.frame_alloc(len(node.equal) * VALUE_SIZE)
    plan = _lookup_plan(node, ctx)

    def begin() -> Expr:
        f.set(row, 0)
        with f.block() as nothing:
            for number, value in enumerate(equal_values(node, nothing, ctx)):
                ctx.store_value(ctx.frame + probe, value, number)
            asked = (ctx.statement_frame + at, cursor, ctx.frame + probe, ctx.data_address(plan, align=8))
            f.set(row, f.call("lookup_seek", ctx.stmt, *asked))
        return row

    def step() -> Expr:
        f.set(row, f.call("lookup_next", row, cursor, ctx.frame + probe, ctx.data_address(plan, align=8)))
        return row

    if node.unique:
        with f.if_(begin()):
            then()
    else:
        visit(ctx, begin, step, lambda done: then())


def _lookup_plan(node: nodes.IndexScan, ctx: Context) -> bytes:
    """A LookupPlan (kernel/abi.py)."""
    assert node.index is not None
    places = {column: at for at, column in enumerate(node.table.record_order)}
    keys = [places[field.column] for field in node.index.columns]
    flags = [collation_code(field.collation, ctx) for field in node.index.columns]
    columns = [places[column] for column in stored_columns(node)]
    mask = sum(1 << place for place in {*keys, *columns})
    fields = [number for pair in zip(keys, flags, strict=True) for number in pair]
    head = (mask, node.table.slot, node.table.root, len(keys), len(columns))
    return struct.pack(f"<qiIii{len(fields) + len(columns)}i", *head, *fields, *columns)


SOURCES[nodes.IndexScan] = _index_scan
