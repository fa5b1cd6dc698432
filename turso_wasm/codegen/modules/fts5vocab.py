"""The terms of a full-text table (kernel/fts/vocabulary.py)."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.modules.fts5_config import config_bytes
from turso_wasm.codegen.sources import Source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi_modules import VOCABULARY_COLUMNS, VOCABULARY_FTS4, VOCABULARY_PLACES, VOCABULARY_TERMS
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Expr, Label, i64

KINDS = {"row": VOCABULARY_TERMS, "col": VOCABULARY_COLUMNS, "instance": VOCABULARY_PLACES, "fts4aux": VOCABULARY_FTS4}


class VocabularySource(Source):
    """The row a walk is on."""

    def __init__(self, place: Expr) -> None:
        super().__init__()
        self.place = place

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        ctx.allocates = True
        return {column: ctx.call("fts_vocabulary_column", self.place, column) for column in columns}


def _fts_terms(node: nodes.FtsTerms, ctx: Context, then: Then) -> None:
    f = ctx.f
    at = ctx.frame_alloc(8)
    ctx.zero_at_start(at)
    place = ctx.frame + at
    ensure([] if node.language is None else [node.language], ctx)
    language = i64(0) if node.language is None else emit_value(node.language, ctx).payload
    config = ctx.data_address(config_bytes(node.table, node.shadows, ctx.unit), align=8)

    def body(done: Label) -> None:
        ctx.sources[node.source] = VocabularySource(place)
        then()

    visit(
        ctx,
        lambda: f.call("fts_vocabulary", ctx.stmt, place, config, KINDS[node.kind], language),
        lambda: f.call("fts_vocabulary_next", place),
        body,
    )


SOURCES[nodes.FtsTerms] = _fts_terms
