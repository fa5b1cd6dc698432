"""The tokens of a text (kernel/fts/tokens.py)."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.modules.fts5_config import config_bytes
from turso_wasm.codegen.sources import Source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Expr, Label


class TokenSource(Source):
    """The token that is next."""

    def __init__(self, place: Expr) -> None:
        super().__init__()
        self.place = place

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        ctx.allocates = True
        return {column: ctx.call("fts_tokens_column", self.place, column) for column in columns}


def _tokens(node: nodes.FtsTokens, ctx: Context, then: Then) -> None:
    f = ctx.f
    at = ctx.frame_alloc(8)
    ctx.zero_at_start(at)
    place = ctx.frame + at
    ensure([node.text], ctx)
    text = emit_value(node.text, ctx)
    ctx.allocates = True
    config = ctx.data_address(config_bytes(node.table, {"segments": None, "segdir": None}, ctx.unit), align=8)

    def body(done: Label) -> None:
        ctx.sources[node.source] = TokenSource(place)
        then()

    visit(
        ctx,
        lambda: f.call("fts_tokens", ctx.stmt, place, config, *text.pair),
        lambda: f.call("fts_tokens_next", place),
        body,
    )


SOURCES[nodes.FtsTokens] = _tokens
