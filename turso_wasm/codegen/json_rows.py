"""The rows of json_each and json_tree: a walk through a document (kernel/json/each.py)."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.encodings import as_document, as_text, result
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.sources import Source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.abi_states import JsonWalk
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Expr, Label

VALUE = 1  # the column that may be marked as JSON
BINARY = 2
PART = 4


class JsonSource(Source):
    """The columns of the row that a walk is at."""

    def __init__(self, walk: Expr) -> None:
        super().__init__()
        self.walk = walk

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        found = {}
        for column in columns:
            value = found[column] = result(ctx.call_alloc("json_walk_column", self.walk, column), ctx)
            if column == VALUE:
                value.subtype = ctx.f.local(I32, "subtype", ctx.f.load("i32", ctx.stmt, Run.offset("subtype")))
        return found


def _json_rows(node: nodes.JsonRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    ensure((node.document, node.path), ctx)
    document, path = as_document(emit_value(node.document, ctx), ctx), as_text(emit_value(node.path, ctx), ctx)
    walk = ctx.frame + ctx.frame_alloc(JsonWalk.size)
    kind = int(node.is_tree) + BINARY * node.is_binary + PART * node.is_partial
    ctx.allocates = True

    def body(done: Label) -> None:
        ctx.sources[node.source] = JsonSource(walk)
        then()

    visit(
        ctx,
        lambda: f.call("json_walk_begin", ctx.stmt, walk, *document.pair, *path.pair, kind),
        lambda: f.call("json_walk_next", ctx.stmt, walk),
        body,
    )


SOURCES[nodes.JsonRows] = _json_rows
