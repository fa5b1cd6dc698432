"""The writer of geopoly tables: that of R*Trees, where the box is the polygon's."""

from __future__ import annotations

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.codegen.modules.module import VirtualRow
from turso_wasm.codegen.modules.rtree import RtreeWriter
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import NULL
from turso_wasm.wasm.dsl import Expr, Label, Local

SHAPE = 0


class GeopolyWriter(RtreeWriter):
    """Polygons are kept as blobs; a text that is none is kept as it is, with a box of no size, as in SQLite."""

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer."""
        self.ctx.do("rtree_check_not_read", self.tree)
        self._measure(row)
        rowid = self._rowid(row.rowid, None, skipped)
        self._put(row, rowid)
        return rowid

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> None:
        """See Writer. A new rowid alone is an error, as in SQLite: the polygon must be given with it."""
        ctx, f = self.ctx, self.ctx.f
        ctx.do("rtree_check_not_read", self.tree)
        if SHAPE not in self.change.changed:
            with f.if_(row.rowid.payload != old):
                self._refuse()
            self._store_auxiliary(row)
            ctx.do("rtree_set_aux", self.tree, old, self.auxiliary)
            return
        self._measure(row)
        rowid = self._rowid(row.rowid, old, skipped)
        f.do(f.call("rtree_delete", self.tree, old))
        self._put(row, rowid)

    def _measure(self, row: VirtualRow) -> None:
        """Write the polygon's box, and make the blob of it that is kept."""
        ctx, f = self.ctx, self.ctx.f
        shape = row.columns[SHAPE]
        with f.if_(f.call("geopoly_box", ctx.stmt, self.values, *shape.pair).eqz()):
            self._refuse()
        f.do(f.call("rtree_box", self.tree, self.values, self.box))
        row.columns[SHAPE] = self._kept(shape)

    def _kept(self, shape: SqlValue) -> SqlValue:
        ctx = self.ctx
        kept = ctx.chosen()
        blob = ctx.call_alloc("fn_geopoly_blob", shape)
        ctx.choose(kept, blob)
        with ctx.f.if_(blob.has_tag(NULL)):
            ctx.choose(kept, shape)
        return kept

    def _refuse(self) -> None:
        self.ctx.raise_error(SQLITE_ERROR, "_shape does not contain a valid polygon")
