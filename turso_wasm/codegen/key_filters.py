"""Rows of which a hash join further on finds nothing are dropped early (plan/transfer.py).

A filter that lets nearly all rows pass is left alone after a while: looking twice would be for nothing.
"""

from __future__ import annotations

from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import ensure
from turso_wasm.codegen.joins import HashTable
from turso_wasm.codegen.loops import SOURCES, emit_source
from turso_wasm.codegen.sources import decoded_columns, forget_since
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32

TRIAL = 4096  # rows, after which a filter is judged
WORTH = 512  # of these must be dropped


def _key_filter(node: nodes.KeyFilter, ctx: Context, then: Then) -> None:
    f = ctx.f
    table = ctx.tables[node.join]
    assert isinstance(table, HashTable)
    row, left, dropped = (f.local(I32, name) for name in ("known", "left", "dropped"))
    f.set(left, TRIAL)
    f.set(dropped, 0)

    def each() -> None:
        ensure(table.node.probe_keys, ctx)
        decoded = decoded_columns(ctx)
        with f.block() as rejected:
            with f.if_(left):
                f.set(row, 0)
                table.find(row, ctx)
                f.set(left, left - 1)
                with f.if_(row.eqz()):
                    f.set(dropped, dropped + 1)
                with f.if_(left.eqz() & (dropped >= WORTH)):
                    f.set(left, TRIAL)
                    f.set(dropped, 0)
                f.br(rejected, if_=row.eqz())
            forget_since(decoded, ctx)
            then()

    emit_source(node.child, ctx, each)


SOURCES[nodes.KeyFilter] = _key_filter
