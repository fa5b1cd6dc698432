"""Look-ups by rowid; those in a loop whose row must pass a condition of its own have a sieve.

Rows that are found and rejected are counted. When they are many beside the table, the table is read once: the rowids of
the rows that pass make a set, and from then on a rowid that is not in it is not looked for. So a join whose condition
lets few rows of a table through costs at most about twice what the better of both ways would, whatever the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.scans import advance, forward
from turso_wasm.codegen.sources import ROWID, EntrySource, open_cursor, scan_cursor, table_source
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, Cursor, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

REJECTED, PASSING = 0, 4  # of the statement's memory: how many rows failed, the set
EVERY = 512  # so many rejected rows, the table is measured
MOST = 4 << 20  # rows of a table for which a set is made


def _rowid_seek(node: nodes.RowidSeek, ctx: Context, then: Then) -> None:
    if node.sieve is not None:
        _sieved_seek(node, ctx, then)
        return
    f = ctx.f
    cursor = scan_cursor(node.source, node.table, ctx)
    ctx.sources[node.source] = table_source(node.table, cursor)
    with f.block() as done:
        ensure(node.key, ctx)
        key = emit_value(node.key, ctx)
        rowid = _exact_rowid(key, done, ctx)
        f.br(done, if_=f.call("cursor_seek_rowid", cursor, rowid).eqz())
        then()


def _exact_rowid(key: SqlValue, missing: Label, ctx: Context) -> Expr:
    """`key` as a rowid; jumps to `missing` when no rowid equals it."""
    f = ctx.f
    if key.is_always(INTEGER):
        return key.payload
    rowid = f.local(I64, "", key.payload)
    with f.if_(key.has_tag(INTEGER).eqz()):
        ok, exact = f.call_multi("rowid_exact", *key.pair)
        f.br(missing, if_=ok.eqz())
        f.set(rowid, exact)
    return rowid


class SoughtSource(EntrySource):
    """A row that is known to be there; it is looked for when the first column of it is needed."""

    def __init__(self, cursor: Local, node: nodes.RowidSeek, key: Local, sought: Local) -> None:
        plain = table_source(node.table, cursor)
        super().__init__(cursor, node.table, plain.positions)
        self.key = key
        self.sought = sought

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        if any(column not in (ROWID, self.table.rowid_alias) for column in columns):
            with f.if_(self.sought.eqz()):
                found = f.local(I32, "found", f.call("cursor_seek_rowid", self.cursor, self.key))
                if not ctx.unit.user.calls:  # which may have deleted the row
                    with f.if_(found.eqz()):
                        ctx.do("raise_corrupt", 0)
                f.set(self.sought, 1)
        return super().decode(columns, ctx)

    def rowid(self, ctx: Context) -> Expr:
        """See the base class."""
        return self.key


def _sieved_seek(node: nodes.RowidSeek, ctx: Context, then: Then) -> None:
    """The row with that rowid, if it passes. One that is in the set need not be looked at for that."""
    f = ctx.f
    assert node.sieve is not None
    cursor = scan_cursor(node.source, node.table, ctx)
    place, passing, sought = (f.local(I32, name) for name in ("sieve", "passing", "sought"))
    at = ctx.statement.frame_alloc(8)
    ctx.statement.zero_at_start(at)
    with f.block() as done:
        ensure(node.key, ctx)
        rowid = f.local(I64, "key", _exact_rowid(emit_value(node.key, ctx), done, ctx))
        f.set(place, ctx.statement_frame + at)
        f.set(passing, f.load("i32", place, PASSING))
        f.set(sought, 0)
        with f.block() as passed:
            with f.if_(passing):
                f.br(done, if_=f.call("hash_find_int", passing, rowid).eqz())
                f.br(passed)
            f.br(done, if_=f.call("cursor_seek_rowid", cursor, rowid).eqz())
            f.set(sought, 1)
            ctx.sources[node.source] = table_source(node.table, cursor)
            ensure(node.sieve, ctx)
            jump(node.sieve, passed, ctx, when=True, on_null=False)
            rejected = f.local(I32, "rejected", f.load("i32", place, REJECTED) + 1)
            f.store("i32", place, rejected, REJECTED)
            with f.if_((rejected & (EVERY - 1)).eqz()):
                _measure(node, place, rejected, ctx)
            f.br(done)
        ctx.sources[node.source] = SoughtSource(cursor, node, rowid, sought)
        then()


def _measure(node: nodes.RowidSeek, place: Local, rejected: Local, ctx: Context) -> None:
    """Make the set if the table is not large beside the number of rejected rows."""
    f = ctx.f
    cursor = open_cursor(node.table.slot, i32(node.table.root), None, ctx, write=False, here=True)
    rows = f.local(I32, "rows", f.call("btree_estimate", cursor))
    with f.if_((rejected >= rows >> 2) & (rows <= MOST)):
        f.store("i32", ctx.stmt, ctx.statement_scope, Run.offset("scope"))
        passing = f.local(I32, "passing", f.call("hash_new", ctx.stmt, 0))
        f.store("i32", ctx.stmt, ctx.scope, Run.offset("scope"))
        outside = ctx.sources[node.source]
        ctx.sources[node.source] = table_source(node.table, cursor, hot=True)

        def body(done: Label) -> None:
            assert node.sieve is not None
            with f.block() as next_row:
                ensure(node.sieve, ctx)
                jump(node.sieve, next_row, ctx, when=False, on_null=True)
                f.do(f.call("hash_add_int", passing, f.load("i64", cursor, Cursor.offset("rowid"))))

        def step() -> Expr:
            return advance(forward(node.table), cursor, ctx)

        visit(ctx, lambda: f.call("cursor_first", cursor), step, body)
        ctx.sources[node.source] = outside
        f.store("i32", place, passing, PASSING)
    ctx.do("cursor_close", cursor)


SOURCES[nodes.RowidSeek] = _rowid_seek
