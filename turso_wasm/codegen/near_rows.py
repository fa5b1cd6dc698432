"""Rows that an index of vectors finds (kernel/ivf/search.py)."""

from __future__ import annotations

from turso_wasm.catalog.methods.ivf import settings_of
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.modules.fts5 import SearchSource
from turso_wasm.codegen.sources import open_table
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Expr, Label


def _near_rows(node: nodes.NearRows, ctx: Context, then: Then) -> None:
    f, known = ctx.f, settings_of(node.index)
    place = ctx.frame_alloc(8)
    ctx.zero_at_start(place)
    cursors = ctx.frame + ctx.frame_alloc(16)
    opened = [open_table(table, ctx) for table in (*node.parts, node.table)]
    ensure([node.query, node.limit], ctx)
    query, limit = emit_value(node.query, ctx), emit_value(node.limit, ctx)
    search = f.local(I32, "search")

    def begin() -> Expr:
        for number, cursor in enumerate(opened):
            f.store("i32", cursors, cursor, 4 * number)
        f.set(search, f.call("ivf_open", ctx.stmt, ctx.frame + place, cursors, known.metric_number, known.bits))
        return f.call("ivf_first", search, *query.pair, *limit.pair, known.probes)

    def body(done: Label) -> None:
        ctx.sources[node.source] = SearchSource(search, "ivf_rowid")
        then()

    visit(ctx, begin, lambda: f.call("ivf_next", search), body)


SOURCES[nodes.NearRows] = _near_rows
