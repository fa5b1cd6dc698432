"""INSERT … SELECT of rows as they are: the record is copied, without decoding it and making it anew."""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.sources import EntrySource
from turso_wasm.kernel.abi import Cursor
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Expr


def copied_record(node: nodes.Insert, values: tuple[bound.Expr, ...], ctx: Context) -> EntrySource | None:
    """The entry whose record is that of the row to be inserted, if there is one and nothing asks for the values."""
    table = node.table
    if node.upserts or node.returning or node.effects or node.effects.arriving or node.replaced or node.checks:
        return None
    if table.without_rowid or table.strict or table.indexes or not all(map(_takes_anything, table.columns)):
        return None
    first = next((value for at, value in enumerate(values) if at != table.rowid_alias), None)
    source = ctx.sources.get(first.source) if isinstance(first, bound.ColumnRef) else None
    # IndexEntrySource is one, too, and its records are others.
    if type(source) is not EntrySource or source.null_row is not None or not _same_records(source.table, table):
        return None
    places = source.table.record_order
    for at, value in enumerate(values):
        if at == table.rowid_alias:
            continue
        if not isinstance(value, bound.ColumnRef) or ctx.sources.get(value.source) is not source:
            return None
        if value.column != places[at]:
            return None
    return source


def record_of(source: EntrySource, ctx: Context) -> tuple[Expr, Expr]:
    """(address, size) of the record of the entry."""
    f = ctx.f
    address = f.local(I32, "record", f.call("cursor_payload", source.cursor))
    return address, f.load("i32", source.cursor, Cursor.offset("payload_size"))


def _takes_anything(column: Column) -> bool:
    return column.generated is None and (not column.not_null or column.primary_key > 0)


def _same_records(source: Table, target: Table) -> bool:
    """Whether a record of one table, short ones included, means the same in the other."""
    if source.kind != "table" or source.without_rowid or len(source.record_order) != len(target.columns):
        return False
    columns = [source.columns[at] for at in source.record_order]
    alias = source.record_order.index(source.rowid_alias) if source.rowid_alias >= 0 else -1
    return alias == target.rowid_alias and all(
        (one.affinity, one.absent_value) == (other.affinity, other.absent_value)
        for one, other in zip(columns, target.columns, strict=True)
    )
