"""ORDER BY, DISTINCT and LIMIT."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind import bound
from turso_wasm.bind.walk import has_subquery
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.hashing import add_key, hash_found
from turso_wasm.codegen.kept_keys import KeptKeys, forget_at_first
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.runs import emit_runs
from turso_wasm.codegen.sources import RecordSource
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import INTEGER, KEY_DESC, KEY_NULLS_FIRST, KEY_NULLS_LAST
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, i64

MISMATCH = 20


def key_flags(key: nodes.SortKey | bound.OrderTerm, ctx: Context) -> int:
    """Flags of kernel/values/key.py for one ORDER BY term."""
    flags = collation_code(key.collation, ctx) | (KEY_DESC if key.desc else 0)
    if key.nulls == "last":
        flags |= KEY_NULLS_LAST
    elif key.nulls == "first":
        flags |= KEY_NULLS_FIRST
    return flags


BATCH = 100  # rows that are worth sorting by themselves


class _Sorter:
    """The kernel's sorter of a node.

    Of rows that come in the order of the first keys, runs are sorted: with a LIMIT those of equal first keys, by the
    other keys; without, several of these together, by all keys, as runs of few rows cost more than their rows.
    """

    def __init__(self, node: nodes.Sort, ctx: Context) -> None:
        self.node = node
        self.ctx = ctx
        self.is_batched = node.limit is None and node.n_in_order > 0
        self.sort_keys = node.keys if self.is_batched else node.keys[node.n_in_order :]
        before = node.keys[: node.n_in_order]
        self.keys = KeptKeys([key.expr for key in before], [key.collation for key in before], ctx)
        f = ctx.f
        self.sorter = f.local(I32, "sorter")
        self.n_rows = f.local(I32, "n_rows")
        with f.if_(self.sorter):  # an inner loop comes here again
            ctx.do("resource_free", ctx.stmt, self.sorter)
        limit = integer_value(node.limit, ctx) if node.limit is not None else i64(-1)
        f.set(self.sorter, f.call("sorter_new", ctx.stmt, limit))

    def forget(self) -> None:
        """See kept_keys.Memory."""
        self.keys.forget()

    def begin(self) -> None:
        """See runs.Run."""
        if self.is_batched:
            self.ctx.f.set(self.n_rows, 0)
        else:
            self.keys.keep()
        self.ctx.do("sorter_clear", self.sorter)

    def goes_on(self, same: Label) -> None:
        """See runs.Run. The keys that count are those of the row that makes a batch full."""
        f = self.ctx.f
        if self.is_batched:
            f.set(self.n_rows, self.n_rows + 1)
            f.br(same, if_=self.n_rows.lt_u(BATCH))
            with f.if_(self.n_rows == BATCH):
                self.keys.keep()
                f.br(same)
        f.br(same, if_=self.keys.differ().eqz())

    def take(self) -> None:
        """Put the current row into the sorter."""
        node, ctx, f, sorter = self.node, self.ctx, self.ctx.f, self.sorter
        exprs = [key.expr for key in self.sort_keys]
        values: dict[int, SqlValue] = {}  # what is a key and a column is computed once

        def value_of(expr: bound.Expr) -> SqlValue:
            if id(expr) not in values:
                values[id(expr)] = emit_value(expr, ctx)
            return values[id(expr)]

        with f.block() as dropped:
            if node.limit is None:
                ensure([exprs, node.outputs], ctx)
                row = encode_record([value_of(expr) for expr in node.outputs], ctx)
            else:  # most rows come too late: that is known before anything of them is written
                ensure(exprs, ctx)
                first = value_of(exprs[0])
                if first.may_be(INTEGER):
                    inverted = first.payload ^ (-1 if self.sort_keys[0].desc else 0)
                    drops = f.call("sorter_drops_int", sorter, inverted, inline=True)
                    f.br(dropped, if_=first.has_tag(INTEGER) & drops)
            keys = [value_of(expr) for expr in exprs]
            _make_key(self.sort_keys, keys, ctx)
            if node.limit is not None:
                f.br(dropped, if_=f.call("sorter_wants", sorter).eqz())
                n_keys = ctx.n_keys
                ensure(node.outputs, ctx)
                row = encode_record([value_of(expr) for expr in node.outputs], ctx)
                if ctx.n_keys > n_keys or any(map(has_subquery, node.outputs)):
                    _make_key(self.sort_keys, keys, ctx)
            ctx.do("sorter_add", sorter, row)

    def show(self, then: Then) -> None:
        """Run `then` for each row that was put in, in their order."""
        ctx, f = self.ctx, self.ctx.f
        ctx.do("sorter_sort", self.sorter)
        row = f.local(I64, "row")

        def next_row() -> Expr:
            return f.call("sorter_next", self.sorter)

        def body(done: Label) -> None:
            f.set(row, f.call("sorter_row", self.sorter))
            ctx.sources[self.node.source] = RecordSource(row, len(self.node.outputs))
            then()

        visit(ctx, next_row, next_row, body)


def _sort(node: nodes.Sort, ctx: Context, then: Then) -> None:
    sorter = _Sorter(node, ctx)
    if node.n_in_order:
        forget_at_first(ctx, sorter)
        emit_runs(node.child, sorter, (), ctx, lambda: sorter.show(then))
        return
    emit_source(node.child, ctx, sorter.take)
    sorter.show(then)


def _make_key(sort_keys: Sequence[nodes.SortKey], values: Sequence[SqlValue], ctx: Context) -> None:
    """Make the values the statement's current key, of which there is one: a subquery, a long IN list make others."""
    ctx.do("key_reset", ctx.stmt)
    for key, value in zip(sort_keys, values, strict=True):
        ctx.do("key_add", ctx.stmt, value, key_flags(key, ctx))


def _distinct(node: nodes.Distinct, ctx: Context, then: Then) -> None:
    if node.in_order:
        _distinct_in_order(node, ctx, then)
        return
    f = ctx.f
    table = f.local(I32, "seen")
    with f.if_(table):
        ctx.do("resource_free", ctx.stmt, table)
    f.set(table, f.call("hash_new", ctx.stmt, 0))

    def each() -> None:
        with f.block() as repeated:
            ensure(node.keys, ctx)
            values = [emit_value(key, ctx) for key in node.keys]
            add_key(table, values, node.collations, ctx)
            f.br(repeated, if_=hash_found(table))
            then()

    emit_source(node.child, ctx, each)


def _distinct_in_order(node: nodes.Distinct, ctx: Context, then: Then) -> None:
    """A row is compared with the one before it."""
    f = ctx.f
    before, begun = KeptKeys(node.keys, node.collations, ctx), f.local(I32, "begun")
    forget_at_first(ctx, before)
    f.set(begun, 0)

    def each() -> None:
        ensure(node.keys, ctx)
        with f.block() as repeated:
            with f.block() as first:
                f.br(first, if_=begun.eqz())
                f.br(repeated, if_=before.differ().eqz())
            f.set(begun, 1)
            before.keep()
            then()

    emit_source(node.child, ctx, each)


def _limit(node: nodes.Limit, ctx: Context, then: Then) -> None:
    f = ctx.f
    left, skip = f.local(I64, "left"), f.local(I64, "skip")
    with f.block() as done:
        f.set(left, integer_value(node.limit, ctx) if node.limit is not None else i64(-1))
        f.br(done, if_=left.eqz())  # then nobody looks at OFFSET
        f.set(skip, integer_value(node.offset, ctx) if node.offset is not None else i64(0))

        def each() -> None:
            with f.block() as skipped:
                if node.offset is not None:
                    with f.if_(skip > 0):
                        f.set(skip, skip - 1)
                        f.br(skipped)
                then()
                if node.limit is not None:
                    f.set(left, left - 1)
                    f.br(done, if_=left.eqz())

        emit_source(node.child, ctx, each)


def integer_value(expr: bound.Expr, ctx: Context) -> Expr:
    """LIMIT and OFFSET as i64. Raises "datatype mismatch" when it is not an integer."""
    f = ctx.f
    value = emit_value(expr, ctx)
    if value.is_always(INTEGER):
        return value.payload
    ok, number = f.call_multi("limit_value", *value.pair)
    with f.if_(ok.eqz()):
        ctx.raise_error(MISMATCH, "datatype mismatch")
    return number


SOURCES.update({nodes.Sort: _sort, nodes.Distinct: _distinct, nodes.Limit: _limit})
