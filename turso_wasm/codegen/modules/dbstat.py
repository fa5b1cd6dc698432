"""dbstat in the Program: the loop over the pages of a b-tree (kernel/btree/stat.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.sources import Source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER
from turso_wasm.kernel.abi_modules import BtreeStat
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label

AGGREGATE: Final = 9


class PageSource(Source):
    """The page that a walk is at."""

    def __init__(self, walk: Expr, aggregate: Expr) -> None:
        super().__init__()
        self.walk, self.aggregate = walk, aggregate

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        return {
            column: SqlValue(INTEGER, f.local(I64, "aggregate", self.aggregate.extend_u()))
            if column == AGGREGATE
            else ctx.call("btree_stat_column", self.walk, column)
            for column in columns
        }


def _pages(node: nodes.BtreePages, ctx: Context, then: Then) -> None:
    f = ctx.f
    ensure((node.slot, node.root, node.aggregate), ctx)
    slot, root, aggregate = [emit_value(expr, ctx) for expr in (node.slot, node.root, node.aggregate)]
    is_whole = f.local(I32, "aggregate", f.call("truth", *aggregate.pair) == 1)
    walk = ctx.frame + ctx.frame_alloc(BtreeStat.size)

    def begin() -> Expr:
        return f.call("btree_stat_first", ctx.stmt, walk, slot.payload.wrap(), root.payload.wrap(), is_whole)

    def body(done: Label) -> None:
        ctx.sources[node.source] = PageSource(walk, is_whole)
        then()

    visit(ctx, begin, lambda: f.call("btree_stat_next", walk), body)


SOURCES[nodes.BtreePages] = _pages
