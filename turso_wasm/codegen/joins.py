"""Joins: nested loops, left joins that re-enter their right side for the NULL row, and hash joins."""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import columns_of, emit_value, ensure, ensure_outer, for_comparison
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.rowsets import first_conjunct
from turso_wasm.codegen.sources import RecordSource, Source, decoded_columns, forget_since, set_null
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

ROW_LINK = 8  # a build row: next row of the same key (i32), size (i32), then the record


def _nested_loop(node: nodes.NestedLoop, ctx: Context, then: Then) -> None:

    def each() -> None:
        ensure_outer(node.right, ctx)  # once a left row, not once a pair
        emit_source(node.right, ctx, then)

    emit_source(node.left, ctx, each)


def _left_join(node: nodes.LeftJoin, ctx: Context, then: Then) -> None:
    """The body is emitted once. When no row matched, the right side is entered again and everything up to the body
    skipped; its columns are NULL.
    """
    emit_source(node.left, ctx, lambda: _outer_rows(node, ctx, then))


def _outer_rows(node: nodes.LeftJoin, ctx: Context, then: Then) -> None:
    f = ctx.f
    matched, null_row = f.local(I32, "matched"), f.local(I32, "null_row")
    ensure_outer(node.right, ctx)
    f.set(matched, 0)
    f.set(null_row, 0)
    point = Point()
    decoded = decoded_columns(ctx)
    with f.block() as done, f.loop() as again:

        def body() -> None:
            ctx.land(point)
            forget_since(decoded, ctx, node.right_sources)  # the NULL row comes here without the code of the right side
            f.set(matched, 1)
            _mark_nullable(node.right_sources, null_row, ctx)
            then()
            f.br(done, if_=null_row)

        emit_source(node.right, ctx, body)
        f.br(done, if_=matched)
        f.set(null_row, 1)
        ctx.goto(point)
        f.br(again)


def _mark_nullable(sources: tuple[int, ...], null_row: Local, ctx: Context) -> None:
    """From here on these sources may be a NULL row: what was decoded so far moves to locals that are NULL then."""
    for number in sources:
        source = ctx.sources.get(number)
        if source is None:
            continue
        source.null_row = (
            null_row if source.null_row is None else ctx.f.local(I32, "null_row", source.null_row | null_row)
        )
        source.decoded = {column: ctx.copy(value) for column, value in source.decoded.items()}
        if source.decoded:
            with ctx.f.if_(null_row):
                set_null(source.decoded.values(), ctx)


# --- hash join ------------------------------------------------------------------------------------------


class BuildSource(Source):
    """Columns of one of the build side's sources, found in the materialized row."""

    def __init__(self, record: RecordSource, positions: dict[int, int]) -> None:
        super().__init__()
        self.record = record
        self.positions = positions

    def decode(self, columns, ctx):  # type: ignore[no-untyped-def]
        """See Source."""
        found = self.record.decode([self.positions[column] for column in columns], ctx)
        return {column: found[self.positions[column]] for column in columns}


def _key(exprs: tuple[bound.Expr, ...], node: nodes.HashJoin, missing: Label, ctx: Context) -> None:
    """Build the normalized key; jumps to `missing` when a part is NULL (which equals nothing)."""
    ensure(exprs, ctx)
    values = [for_comparison(expr, affinity, ctx) for expr, affinity in zip(exprs, node.affinities, strict=True)]
    for value in values:
        ctx.f.br(missing, if_=value.has_tag(NULL))
    ctx.do("key_reset", ctx.stmt)
    for value, collation in zip(values, node.collations, strict=True):
        ctx.do("key_add", ctx.stmt, value, collation_code(collation))


def _hash_join(node: nodes.HashJoin, ctx: Context, then: Then) -> None:
    f = ctx.f
    table = f.local(I32, "table")
    built = f.local(I32, "built")
    with f.block() as ready:
        f.br(ready, if_=built)
        f.set(table, f.call("hash_new", ctx.stmt, 8))
        emit_source(node.build, ctx, lambda: _build_row(node, table, ctx))
        f.set(built, 1)
    row = f.local(I32, "row")
    record = RecordSource(f.local(I64, "record"), len(node.build_columns))
    emit_source(node.probe, ctx, lambda: _probe(node, table, row, record, ctx, then))


def _build_row(node: nodes.HashJoin, table: Local, ctx: Context) -> None:
    """Append the row to the chain of its key: entry = first row, last row."""
    f = ctx.f
    with f.block() as skip:
        _key(node.build_keys, node, skip, ctx)
        entry = f.local(I32, "entry", f.call("hash_add", table))
        refs = [bound.ColumnRef(source=source, column=column) for source, column in node.build_columns]
        ensure(refs, ctx)
        blob = encode_record([emit_value(ref, ctx) for ref in refs], ctx)
        size = f.local(I32, "size", blob.shr_u(32).wrap())
        new = f.local(I32, "new", f.call("hash_alloc", table, size + ROW_LINK))
        f.store("i32", new, 0)
        f.store("i32", new, size, 4)
        f.memory_copy(new + ROW_LINK, blob.wrap(), size)
        with f.if_(f.load("i32", entry, 4)):
            f.store("i32", f.load("i32", entry, 4), new)
            f.else_()
            f.store("i32", entry, new)
        f.store("i32", entry, new, 4)


def encode_record(values: list[SqlValue], ctx: Context) -> Local:
    """Encode values as a record in the arena; the blob in a local."""
    f = ctx.f
    ctx.allocates = True
    slots = f.local(I32, "fields", ctx.frame_values(len(values)))
    for at, value in enumerate(values):
        ctx.store_value(slots, value, at)
    return f.local(I64, "record", f.call("record_encode", ctx.stmt, slots, len(values)))


def _probe(node: nodes.HashJoin, table: Local, row: Local, record: RecordSource, ctx: Context, then: Then) -> None:
    f = ctx.f
    null_row, matched = f.local(I32, "null_row"), f.local(I32, "matched")
    _place_build_columns(node, record, ctx)
    for source, columns in columns_of([node.probe_keys, node.residual]).items():
        if source not in node.build_sources and source in ctx.sources:
            ctx.sources[source].ensure(columns, ctx)

    def begin() -> Expr:
        f.set(null_row, 0)
        f.set(matched, 0)
        f.set(row, 0)
        with f.block() as missing:
            _key(node.probe_keys, node, missing, ctx)
            entry = f.local(I32, "entry", f.call("hash_find", table))
            with f.if_(entry):
                f.set(row, f.load("i32", entry))
        if not node.keeps_probe:
            return row
        f.set(null_row, row.eqz())
        return i32(1)

    def step() -> Expr:
        if not node.keeps_probe:
            f.set(row, f.load("i32", row))
            return row
        # After the last match: one NULL row if none passed the residual condition.
        with f.if_(null_row):
            f.set(row, 0)
            f.set(matched, 1)
            f.else_()
            f.set(row, f.load("i32", row))
            f.set(null_row, row.eqz() & matched.eqz())
        return (row != 0) | (null_row & matched.eqz())

    def body(done: Label) -> None:
        with f.block() as rejected:
            f.set(record.payload, (row + ROW_LINK).extend_u() | (f.load("i32", row, 4).extend_u() << 32))
            if node.residual is not None:
                with f.block() as accepted:
                    if node.keeps_probe:
                        f.br(accepted, if_=null_row)
                    ensure(first_conjunct(node.residual), ctx)
                    jump(node.residual, rejected, ctx, when=False, on_null=True)
            f.set(matched, 1)
            then()

    if node.keeps_probe:
        for source in node.build_sources:
            ctx.sources[source].null_row = null_row
    visit(ctx, begin, step, body)


def _place_build_columns(node: nodes.HashJoin, record: RecordSource, ctx: Context) -> None:
    by_source: dict[int, dict[int, int]] = {source: {} for source in node.build_sources}
    for at, (source, column) in enumerate(node.build_columns):
        by_source.setdefault(source, {})[column] = at
    for source, positions in by_source.items():
        ctx.sources[source] = BuildSource(record, positions)


SOURCES.update({nodes.NestedLoop: _nested_loop, nodes.LeftJoin: _left_join, nodes.HashJoin: _hash_join})
