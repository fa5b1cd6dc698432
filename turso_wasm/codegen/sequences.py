"""AUTOINCREMENT: the row of sqlite_sequence that remembers a table's largest rowid ever. Source:
https://sqlite.org/autoinc.html
"""

from __future__ import annotations

from turso_wasm.codegen.conditions import compare_values
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import encode_entry
from turso_wasm.codegen.sources import open_table, table_source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, Local, i64, select

FULL = 13
NAME, SEQ = 0, 1


class AutoIncrement:
    """`largest` starts as the stored value; `row` is the rowid of the sequence's row, 0 if there is none yet.

    last: the table's largest rowid at the start, which an UPDATE may have made larger than any that was inserted.
    """

    def __init__(self, node: nodes.Insert, table: Local, ctx: Context) -> None:
        assert node.sequence is not None
        f = ctx.f
        self.ctx = ctx
        self.name = node.table.name
        self.cursor = open_table(node.sequence, ctx, write=True)
        self.largest, self.row = f.local(I64, "sequence"), f.local(I64, "sequence_row")
        self.last = f.local(I64, "last")
        self.source = table_source(node.sequence, self.cursor)
        self.read()
        with f.if_(f.call("cursor_last", table)):
            f.set(self.last, table_source(node.table, table).rowid(ctx))

    def read(self) -> None:
        """Look the stored value up."""
        ctx, f, source = self.ctx, self.ctx.f, self.source
        f.set(self.row, 0)
        with f.block() as found:
            f.br(found, if_=f.call("cursor_first", self.cursor).eqz())
            with f.loop() as top:
                values = source.decode([NAME, SEQ], ctx)
                name = compare_values("is", values[NAME], ctx.constant(self.name), "BINARY", ctx)
                with f.if_(name):
                    f.set(self.row, source.rowid(ctx))
                    f.set(self.largest, f.call("to_integer", *values[SEQ].pair))
                    f.br(found)
                f.br(top, if_=f.call("cursor_next", self.cursor))

    def next(self, table: Local) -> Expr:
        """A rowid larger than any the table ever had. Raises FULL when there is none."""
        f = self.ctx.f
        found = f.local(I64, "next", f.call("table_new_rowid", table))
        with f.if_((self.largest == i64(2**63 - 1)) | (self.last == i64(2**63 - 1))):
            self.ctx.raise_error(FULL, "database or disk is full")
        following = self.largest + 1
        return select(found > following, found, following)

    def note(self, rowid: Local) -> None:
        """A row was inserted."""
        f = self.ctx.f
        f.set(self.largest, select(rowid > self.largest, rowid, self.largest))

    def write_first(self) -> None:
        """Store the value if there is none: of a table into which no row was inserted."""
        with self.ctx.f.if_(self.row.eqz()):
            self.write_back()

    def write_back(self) -> None:
        """Store the sequence value: at the end of the statement, or before its next part can ask for it."""
        ctx, f = self.ctx, self.ctx.f
        with f.if_(self.row.eqz()):
            f.set(self.row, f.call("table_new_rowid", self.cursor))
        blob = encode_entry([ctx.constant(self.name), SqlValue(INTEGER, self.largest)], ctx)
        f.do(f.call("table_insert", self.cursor, self.row, blob.wrap(), blob.shr_u(32).wrap()))
