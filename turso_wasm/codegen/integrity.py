"""PRAGMA integrity_check: the kernel looks at the structure of the files, the code here at rows and index entries.

Each table has a routine of its own, so that the size of a function does not grow with the schema.
"""

from __future__ import annotations

import struct

from turso_wasm.bind import bound
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.constraints import STRICT_TAGS
from turso_wasm.codegen.context import VALUE_SIZE, Context, Then
from turso_wasm.codegen.encodings import store_field
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.modules.registry import CHECKS
from turso_wasm.codegen.routines import Argument, open_routine, pass_arguments
from turso_wasm.codegen.sources import ROWID, LocalSource, Source, index_fields, open_index, open_table
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i64

NUMERIC_AFFINITIES = "CDE"


def emit_integrity_check(node: nodes.IntegrityCheck, ctx: Context, then: Then) -> None:
    """Check everything, then hand over what was found."""
    f = ctx.f
    check = f.local(I32, "check", f.call("check_new", ctx.stmt, node.most))
    for database in node.databases:
        roots = ctx.data_address(struct.pack(f"<{len(database.roots)}i", *database.roots), align=4)
        ctx.do("check_database", check, database.slot, roots, len(database.roots), *_text(database.name, ctx))
        for table in database.tables:
            _counts(table, check, ctx)
        for table in database.tables:
            _call(table, check, ctx)
        for virtual in database.virtual:
            _check_virtual(virtual, check, ctx)
    line = f.local(I64, "line")

    def following() -> Expr:
        f.set(line, f.call("check_next", check))
        return line != -1

    def body(done: Label) -> None:
        ctx.sources[node.source] = LocalSource([SqlValue(TEXT, line)])
        then()

    visit(ctx, following, following, body)


def _counts(table: nodes.CheckedTable, check: Local, ctx: Context) -> None:
    """An index has as many entries as its table has rows."""
    for index in table.indexes:
        if index.where is None:
            text = f"wrong # of entries in index {index.index.name}"
            ctx.do("check_counts", check, index.tree, table.tree, *_text(text, ctx))


def _check_virtual(node: bound.CheckedVirtual, check: Local, ctx: Context) -> None:
    """What the module of a virtual table has found is a row."""
    checker = CHECKS.get(fold(node.table.module))
    if checker is None:
        return
    faults = checker(node, ctx)
    with ctx.f.if_(faults.has_tag(NULL).eqz()):
        ctx.do("check_row", check, faults.payload.wrap(), faults.payload.shr_u(32).wrap())


def _text(text: str, ctx: Context) -> tuple[Expr | int, int]:
    raw = text.encode()
    return ctx.data_address(raw), len(raw)


def _call(table: nodes.CheckedTable, check: Local, ctx: Context) -> None:
    """Run the routine of a table."""
    arguments = [Argument(None, -1, SqlValue(INTEGER, check.extend_u()))]
    inner, at, values = open_routine("check", ctx, arguments, 1, resumable=True)
    _Rows(table, inner.f.local(I32, "check", values[0].payload.wrap()), inner).emit()
    routine = inner.finish()
    frame = ctx.callee_frame(routine)
    pass_arguments(frame, at, arguments, ctx)
    ctx.activate(routine, frame)


class _Rows:
    """The rows of one table."""

    def __init__(self, node: nodes.CheckedTable, check: Local, ctx: Context) -> None:
        self.node = node
        self.check = check
        self.ctx = ctx
        self.row = ctx.f.local(I64, "row", i64(0))

    def emit(self) -> None:
        node, ctx, f = self.node, self.ctx, self.ctx.f
        columns = frozenset(node.table.record_order)
        ctx.do("check_enter", self.check)
        with f.block() as over:
            cursor = open_table(node.table, ctx)
            ctx.scan_cursors[node.source] = cursor

            def each() -> None:
                f.br(over, if_=f.call("check_full", self.check))
                f.br(over, if_=f.call("check_record", self.check, cursor, len(node.table.record_order)).eqz())
                f.set(self.row, self.row + 1)
                if node.table.without_rowid and not node.quick:
                    text = f"row not in PRIMARY KEY order for {node.table.name}"
                    ctx.do("check_order", self.check, cursor, *_text(text, ctx))
                self._row(ctx.sources[node.source])

            emit_source(nodes.TableScan(source=node.source, table=node.table, columns=columns), ctx, each)

    def _say(self, text: str) -> None:
        self.ctx.do("check_row", self.check, *_text(text, self.ctx))

    def _row(self, source: Source) -> None:
        node, ctx, f = self.node, self.ctx, self.ctx.f
        table = node.table
        source.ensure(table.record_order, ctx)
        for at, column in enumerate(table.columns):
            if at != table.rowid_alias and not column.is_virtual:
                self._value(column, source.value(at, ctx))
        if node.checks:
            ensure(node.checks, ctx)
            with f.block() as fine:
                with f.block() as violated:
                    for expr in node.checks:
                        jump(expr, violated, ctx, when=False, on_null=False)
                    f.br(fine)
                self._say(f"CHECK constraint failed in {table.name}")
        for index in node.indexes if not node.quick else ():
            self._entry(index, source)

    def _value(self, column: Column, value: SqlValue) -> None:
        """NOT NULL, and a storage class that the column cannot have."""
        f, table = self.ctx.f, self.node.table
        place = f"value in {table.name}.{column.name}"
        if column.not_null or (table.without_rowid and column.primary_key):
            with f.if_(value.has_tag(NULL)):
                self._say(f"NULL {place}")
        if table.strict:
            declared = (column.decltype or "").upper()
            wanted = STRICT_TAGS.get(declared)
            if wanted is not None:
                with f.if_((value.has_tag(NULL) | value.has_tag(wanted)).eqz()):
                    self._say(f"non-{declared} {place}")
        elif column.affinity == "B":
            with f.if_(value.has_tag(INTEGER) | value.has_tag(REAL)):
                self._say(f"NUMERIC {place}")
        elif column.affinity in NUMERIC_AFFINITIES:
            with f.if_(value.has_tag(TEXT)):
                number = self.ctx.call("apply_numeric", value)
                with f.if_(number.has_tag(TEXT).eqz()):
                    self._say(f"TEXT {place}")

    def _entry(self, node: nodes.CheckedIndex, source: Source) -> None:
        """The row has an entry in the index, and in a unique one no other has an equal key."""
        ctx, f = self.ctx, self.ctx.f
        index, table = node.index, self.node.table
        fields = index_fields(index, table)
        n = len(index.columns)
        cursor = open_index(index, table, ctx)
        with f.block() as over:
            ensure([expr for expr in (node.where, *node.exprs) if expr is not None], ctx)
            if node.where is not None:
                jump(node.where, over, ctx, when=False, on_null=True)
            values = []
            for at, field in enumerate(fields):
                expr = node.exprs[at] if at < n else None
                values.append(emit_value(expr, ctx) if expr is not None else source.value(field.column, ctx))
            key = f.local(I32, "key", ctx.frame + ctx.frame_alloc(len(fields) * VALUE_SIZE))
            for at, value in enumerate(values):
                store_field(key, value, at, ctx)
            with f.if_(f.call("cursor_bisect_key", cursor, key, len(fields)).eqz()):
                ctx.do("check_entry", self.check, self.row, *_text(f" missing from index {index.name}", ctx))
                f.br(over)
            if not table.without_rowid:
                rowid = source.value(ROWID, ctx).payload
                text = f" of index {index.name}"
                ctx.do("check_row_end", self.check, self.row, cursor, rowid, *_text(text, ctx))
            if index.unique:
                for value in values[:n]:
                    f.br(over, if_=value.has_tag(NULL))
                f.br(over, if_=f.call("cursor_next", cursor).eqz())
                f.br(over, if_=f.call("cursor_compare_key", cursor, key, n) > 0)
                self._say(f"non-unique entry in index {index.name}")


SOURCES[nodes.IntegrityCheck] = emit_integrity_check
