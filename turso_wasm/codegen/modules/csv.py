"""csv tables in the Program: the loop over the rows (kernel/functions/csv.py)."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.sources import ROWID, Source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.kernel.abi_modules import Csv
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, Label


class FieldSource(Source):
    """The fields of the row that is read."""

    def __init__(self, reader: Expr) -> None:
        super().__init__()
        self.reader = reader

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        return {
            column: SqlValue(INTEGER, f.local(I64, "row", f.load("i64", self.reader, Csv.offset("row"))))
            if column == ROWID
            else ctx.call_alloc("csv_column", self.reader, column)
            for column in columns
        }


def _rows(node: nodes.CsvRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    at = ctx.frame_alloc(Csv.size)
    ctx.zero_at_start(at + Csv.offset("fields"))
    reader = ctx.frame + at
    raw = node.text.encode()
    text = (ctx.data_address(raw), len(raw))

    def begin() -> Expr:
        flags = (int(node.is_file), node.n_columns, int(node.has_header))
        return f.call("csv_first", ctx.stmt, reader, *text, *flags)

    def body(done: Label) -> None:
        ctx.sources[node.source] = FieldSource(reader)
        then()

    visit(ctx, begin, lambda: f.call("csv_next", reader), body)


SOURCES[nodes.CsvRows] = _rows
