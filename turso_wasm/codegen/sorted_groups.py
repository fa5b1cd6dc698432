"""GROUP BY over rows of which those with equal keys come one after the other: a group at a time, in the frame."""

from __future__ import annotations

from turso_wasm.codegen.aggregates import aggregate_of
from turso_wasm.codegen.aggregation import Layout, open_seen, starts_bare, step_all, value_of
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value
from turso_wasm.codegen.kept_keys import KEPT_SIZE, KeptKeys, forget_at_first, keep_value
from turso_wasm.codegen.ordered_aggregates import open_ordered, run_ordered
from turso_wasm.codegen.runs import emit_runs
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.subtypes import marked_like
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Label


class _Group:
    """The group that rows are taken into: its keys, its bare columns, the states of the aggregates."""

    def __init__(self, node: nodes.Aggregate, layout: Layout, ctx: Context) -> None:
        self.node = node
        self.layout = layout
        self.ctx = ctx
        self.keys = KeptKeys(node.keys, node.collations, ctx)
        self.bare_at = ctx.frame_alloc(max(len(node.bare), 1) * KEPT_SIZE)
        self.states_at = ctx.frame_alloc(layout.size)
        self.address = ctx.f.local(I32, "group", ctx.frame + self.states_at)
        self.ordered = open_ordered(node, ctx)
        self.seen = open_seen(node, ctx)

    def forget(self) -> None:
        """See kept_keys.Memory."""
        self.keys.forget()
        ctx = self.ctx
        ctx.f.memory_fill(ctx.frame + self.bare_at, 0, max(len(self.node.bare), 1) * KEPT_SIZE)
        ctx.f.memory_fill(ctx.frame + self.states_at, 0, self.layout.size)

    def begin(self) -> None:
        """With the current row a group begins."""
        self.keys.keep()
        for call, at in zip(self.node.aggregates, self.layout.states, strict=True):
            aggregate_of(call).clear(self.address + at, self.ctx)
        for sorter in self.ordered.values():
            self.ctx.do("sorter_clear", sorter)
        for table in self.seen.values():
            self.ctx.do("hash_clear", table)
        if starts_bare(self.node) and not self.node.bare_last:
            self._store_bare()

    def goes_on(self, same: Label) -> None:
        """See runs.Run."""
        self.ctx.f.br(same, if_=self.keys.differ().eqz())

    def take(self) -> None:
        """Take in the current row."""
        node = self.node
        if node.bare_last:
            self._store_bare()
        step_all(node, self.layout, self.address, {}, self.ordered, self.seen, self._store_bare, self.ctx)

    def _store_bare(self) -> None:
        for number, expr in enumerate(self.node.bare):
            keep_value(emit_value(expr, self.ctx), self.bare_at + number * KEPT_SIZE, self.ctx)

    def show(self) -> None:
        """The columns of the node are those of this group."""
        node, ctx, layout = self.node, self.ctx, self.layout
        run_ordered(node, self.ordered, self.address, layout.states, ctx)
        values = [marked_like(value, key) for value, key in zip(self.keys.values(), node.keys, strict=True)]
        values += [value_of(a, self.address + layout.states[i], None, ctx) for i, a in enumerate(node.aggregates)]
        values += [ctx.load_value(ctx.frame, at=self.bare_at + i * KEPT_SIZE) for i in range(len(node.bare))]
        ctx.sources[node.source] = LocalSource(values)


def one_by_one(node: nodes.Aggregate, layout: Layout, ctx: Context, then: Then) -> None:
    """Run `then` for each group."""
    group = _Group(node, layout, ctx)
    forget_at_first(ctx, group)

    def each_group() -> None:
        group.show()
        then()

    needed = [call.args for call in node.aggregates if call.filter is None]
    emit_runs(node.child, group, needed, ctx, each_group)
