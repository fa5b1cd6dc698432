"""R*Trees in the Program: the loop over the entries that a search finds, and the writer (kernel/rtree)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.bind import bound
from turso_wasm.catalog.modules.rtree import RtreeOptions
from turso_wasm.catalog.names import fold
from turso_wasm.codegen.conditions import compare_values
from turso_wasm.codegen.constraints import violated
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.encodings import store_field
from turso_wasm.codegen.expressions import EMITTERS, emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.sources import ROWID, Source, open_cursor, open_table
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.kernel.abi_modules import (
    RTREE_EQUAL,
    RTREE_GREATER,
    RTREE_GREATER_OR_EQUAL,
    RTREE_LESS,
    RTREE_LESS_OR_EQUAL,
    Rtree,
    RtreeLimit,
    RtreeScan,
)
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32

OPERATORS: Final = {
    "=": RTREE_EQUAL,
    "<": RTREE_LESS,
    "<=": RTREE_LESS_OR_EQUAL,
    ">": RTREE_GREATER,
    ">=": RTREE_GREATER_OR_EQUAL,
}
CONSTRAINT: Final = 19
CHECKED: Final = ("rtree", "rtree_i32")


class EntrySource(Source):
    """The entry that a search is at."""

    def __init__(self, scan: Expr) -> None:
        super().__init__()
        self.scan = scan

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        return {
            column: SqlValue(INTEGER, f.local(I64, "rowid", f.call("rtree_scan_rowid", self.scan)))
            if column == ROWID
            else ctx.call("rtree_scan_coord", self.scan, column)
            for column in columns
        }


def _rows(node: nodes.RtreeRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    read = [node.key, *(value for _, _, value in node.limits)]
    ensure([expr for expr in read if expr is not None], ctx)
    at = ctx.frame_alloc(RtreeScan.size + RtreeLimit.size * len(node.limits))
    ctx.zero_at_start(at + RtreeScan.offset("path"))
    scan = ctx.frame + at
    cursors = [open_table(node.shadows[suffix], ctx) for suffix in ("node", "rowid")]
    key = None if node.key is None else emit_value(node.key, ctx)
    values = [emit_value(value, ctx) for _, _, value in node.limits]

    def begin() -> Expr:
        ctx.do("rtree_open", scan, ctx.stmt, *cursors, 0, node.n_coords, int(node.is_int))
        ctx.do("rtree_scan_restart", scan)
        for (at, op, _), value in zip(node.limits, values, strict=True):
            ctx.do("rtree_limit", scan, at, OPERATORS[op], value)
        if key is None:
            return f.local(I32, "found", f.call("rtree_scan_first", scan))
        found = f.local(I32, "found", i32(0))
        is_rowid, rowid = f.call_multi("rowid_exact", *key.pair)
        with f.if_(is_rowid):
            f.set(found, f.call("rtree_scan_find", scan, rowid))
        return found

    def body(done: Label) -> None:
        ctx.sources[node.source] = EntrySource(scan)
        then()

    visit(ctx, begin, lambda: f.call("rtree_scan_next", scan) if key is None else i32(0), body)


class RtreeWriter(Writer):
    """Entries are inserted and deleted by the kernel; a changed one is deleted and inserted anew."""

    begins_with = (1, 1)

    def __init__(self, change: nodes.WriteVirtual, ctx: Context) -> None:
        super().__init__(change, ctx)
        self.options = _options(change)
        self.rowids = open_table(change.shadows["rowid"], ctx, write=True)
        cursors = [open_table(change.shadows[suffix], ctx, write=True) for suffix in ("node", "parent")]
        self.tree = ctx.frame + ctx.frame_alloc(Rtree.size)
        self.values = ctx.frame_values(self.options.n_coords)
        self.auxiliary = ctx.frame_values(self.options.n_aux)
        self.box = ctx.frame + ctx.frame_alloc(4 * self.options.n_coords)
        kind = 2 * self.options.n_aux + self.options.is_int
        nodes_, parents = cursors
        ctx.do("rtree_open", self.tree, ctx.stmt, nodes_, self.rowids, parents, self.options.n_coords, kind)
        ctx.allocates = True

    @classmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """See Writer: an empty root."""
        options = _options(step)
        cursor = open_cursor(step.table.slot, roots["node"], None, ctx, write=True, here=True)
        tree = ctx.frame + ctx.frame_alloc(Rtree.size)
        ctx.do("rtree_open", tree, ctx.stmt, cursor, 0, 0, options.n_coords, int(options.is_int))
        ctx.do("rtree_create", tree)

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer. The rowid is the first column; another one is not looked at."""
        self.ctx.do("rtree_check_not_read", self.tree)
        self._check_box(row, skipped)
        rowid = self._rowid(row.columns[0], None, skipped)
        self._put(row, rowid)
        return rowid

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> None:
        """See Writer."""
        ctx = self.ctx
        ctx.do("rtree_check_not_read", self.tree)
        if self.change.changed and min(self.change.changed) > self.options.n_coords:
            self._store_auxiliary(row)
            ctx.do("rtree_set_aux", self.tree, old, self.auxiliary)
            return
        self._check_box(row, skipped)
        self._put(row, self._rowid(row.columns[0], old, skipped))

    def delete(self, rowid: Local) -> None:
        """See Writer."""
        self.ctx.do("rtree_check_not_read", self.tree)
        self.ctx.f.do(self.ctx.f.call("rtree_delete", self.tree, rowid))

    def _check_box(self, row: VirtualRow, skipped: Label) -> None:
        """Write the coordinates to `box`. No minimum may exceed its maximum."""
        ctx, f = self.ctx, self.ctx.f
        names = [column.name for column in self.change.table.columns]
        for at in range(self.options.n_coords):
            ctx.store_value(self.values, row.columns[1 + at], at)
        bad = f.local(I32, "bad", f.call("rtree_box", self.tree, self.values, self.box))
        for at in range(0, self.options.n_coords, 2):
            with f.if_(bad == at // 2 + 1):
                pair = f"{names[1 + at]}<={names[2 + at]}"
                self._violated(f"rtree constraint failed: {self.change.table.name}.({pair})", skipped, replaces=False)

    def _rowid(self, value: SqlValue, old: Local | None, skipped: Label) -> Local:
        """The rowid that is given, NULL: a new one. An entry that has it makes way, or is an error.

        old: the entry that is to have it, which is removed; a new rowid may be its own again.
        """
        f = self.ctx.f
        rowid = f.local(I64, "rowid")
        with f.if_(value.has_tag(NULL)) as missing:
            if old is not None:
                f.do(f.call("rtree_delete", self.tree, old))
            f.set(rowid, f.call("table_new_rowid", self.rowids))
            missing.else_()
            f.set(rowid, f.call("to_integer", *value.pair))
            with f.block() as free:
                if old is not None:
                    f.br(free, if_=rowid == old)
                f.br(free, if_=f.call("cursor_seek_rowid", self.rowids, rowid).eqz())
                table = self.change.table
                message = f"UNIQUE constraint failed: {table.name}.{table.columns[0].name}"
                self._violated(message, skipped, replaces=True)
                f.do(f.call("rtree_delete", self.tree, rowid))
            if old is not None:
                f.do(f.call("rtree_delete", self.tree, old))
        return rowid

    def _violated(self, message: str, skipped: Label, replaces: bool) -> None:
        how = self.change.conflict or "ABORT"
        if how != "REPLACE" or not replaces:
            violated(self.ctx, "ABORT" if how == "REPLACE" else how, skipped, CONSTRAINT, message)

    def _put(self, row: VirtualRow, rowid: Expr) -> None:
        self._store_auxiliary(row)
        self.ctx.do("rtree_insert", self.tree, rowid, self.box, self.auxiliary)

    def _store_auxiliary(self, row: VirtualRow) -> None:
        for at, value in enumerate(row.columns[-self.options.n_aux :] if self.options.n_aux else ()):
            store_field(self.auxiliary, value, at, self.ctx)


def check_tree(node: bound.CheckedVirtual, ctx: Context) -> SqlValue:
    """What is wrong with a tree, NULL: nothing."""
    declared = node.table.declared
    assert declared is not None and isinstance(declared.options, RtreeOptions)
    tree = ctx.frame + ctx.frame_alloc(Rtree.size)
    cursors = [open_table(node.shadows[suffix], ctx) for suffix in ("node", "rowid", "parent")]
    ctx.do("rtree_open", tree, ctx.stmt, *cursors, declared.options.n_coords, int(declared.options.is_int))
    ctx.allocates = True
    return ctx.call("rtree_check", tree)


def tree_faults(node: bound.CheckedVirtual, ctx: Context) -> SqlValue:
    """The row of PRAGMA integrity_check about a tree, NULL: nothing is wrong."""
    found = ctx.chosen()
    faults = check_tree(node, ctx)
    ctx.choose(found, faults)
    with ctx.f.if_(faults.has_tag(NULL).eqz()):
        head = ctx.constant(f"In RTree {node.table.schema}.{node.table.name}:\n")
        ctx.choose(found, ctx.call_alloc("value_concat", head, faults))
    return found


def _check_virtual(node: bound.CheckVirtual, ctx: Context) -> SqlValue:
    """The value of rtreecheck(): the tree is looked for by its name."""
    f = ctx.f
    schema, name = ctx.copy(emit_value(node.schema, ctx)), ctx.copy(emit_value(node.table, ctx))
    result = ctx.chosen()
    ctx.choose(result, ctx.constant("ok"))
    with f.block() as done:
        for candidate in node.candidates:
            with f.block() as other:
                for value, wanted in ((schema, candidate.table.schema), (name, candidate.table.name)):
                    same = compare_values("is", value, ctx.constant(wanted), "NOCASE", ctx)
                    f.br(other, if_=same.eqz())
                if fold(candidate.table.module) not in CHECKED:
                    ctx.choose(result, ctx.constant("Schema corrupt or not an rtree"))
                else:
                    faults = check_tree(candidate, ctx)
                    f.br(done, if_=faults.has_tag(NULL))
                    ctx.choose(result, faults)
                f.br(done)
        ctx.raise_error(SQLITE_ERROR, "SQL logic error")
    return result


EMITTERS[bound.CheckVirtual] = _check_virtual


def _options(node: nodes.WriteVirtual | nodes.CreateVirtual) -> RtreeOptions:
    declared = node.table.declared
    assert declared is not None and isinstance(declared.options, RtreeOptions)
    return declared.options


SOURCES[nodes.RtreeRows] = _rows
