"""Index entries of a statement that changes many rows: collected, sorted, and applied when all rows are done.

So each page of an index is visited once, in order, however the rows lie. Which statements are for that: `writes.
entries_can_wait`. Unique indexes stay up to date, since each row is checked against them.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.catalog.objects import Index, Table
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import encode_entry
from turso_wasm.codegen.loops import visit
from turso_wasm.codegen.sources import index_fields
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import COLLATION_MASK, COLLATION_USER, KEY_DESC
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i64

DELETED, INSERTED = 0, 1


class SortedChanges:
    """The changes of the entries of these of a table's indexes, as far as they can wait."""

    def __init__(self, table: Table, indexes: Sequence[Index], ctx: Context) -> None:
        self.ctx = ctx
        self.fields = {index.name: index_fields(index, table) for index in indexes if not index.unique}
        self._sorters: dict[str, Local] = {}
        for name in list(self.fields):
            codes = [collation_code(field.collation, ctx) for field in self.fields[name]]
            if any(code & COLLATION_MASK == COLLATION_USER for code in codes):
                del self.fields[name]
                continue
            sorter = self._sorters[name] = ctx.f.local(I32, "changes")
            with ctx.at_start():
                ctx.f.set(sorter, ctx.f.call("sorter_new", ctx.stmt, i64(-1)))

    def add(self, index: Index, kind: int, values: Sequence[SqlValue], stored: Sequence[SqlValue]) -> bool:
        """Collect a change of the entry with these fields (and as they are stored); False if it can't wait."""
        sorter = self._sorters.get(index.name)
        if sorter is None:
            return False
        ctx, f = self.ctx, self.ctx.f
        blob = encode_entry(stored, ctx)
        # A record has room behind it for the byte that says what to do.
        f.store("i32_8", blob.wrap() + blob.shr_u(32).wrap(), kind)
        ctx.do("key_reset", ctx.stmt)
        for field, value in zip(self.fields[index.name], values, strict=True):
            flags = collation_code(field.collation, ctx) | (KEY_DESC if field.desc else 0)
            ctx.do("key_add", ctx.stmt, value, flags)
        ctx.do("sorter_add", sorter, blob + (1 << 32))
        return True

    def apply(self, cursors: dict[str, Local]) -> None:
        """Change the indexes under these cursors. Of equal entries those removed come before those put in their place,
        because sorting is stable.
        """
        for name, sorter in self._sorters.items():
            self._apply(sorter, cursors[name])

    def _apply(self, sorter: Local, cursor: Local) -> None:
        ctx, f = self.ctx, self.ctx.f
        change = f.local(I64, "change")

        def fetch() -> Expr:
            return f.call("sorter_next", sorter)

        def one(_: Label) -> None:
            f.set(change, f.call("sorter_row", sorter))
            ctx.do("index_change", cursor, change.wrap(), change.shr_u(32).wrap())

        ctx.do("sorter_sort", sorter)
        visit(ctx, fetch, fetch, one)
        ctx.do("resource_free", ctx.stmt, sorter)
