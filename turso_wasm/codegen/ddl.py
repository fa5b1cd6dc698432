"""Schema changes: b-trees are created, filled and dropped, rows of sqlite_schema written, the cookie moved on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from turso_wasm.bind import bound
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.codegen.conditions import compare_values, jump
from turso_wasm.codegen.constraints import raise_constraint, unique_message
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.encodings import encode_entry
from turso_wasm.codegen.expressions import emit_value, ensure, with_affinity
from turso_wasm.codegen.lengths import LONG_STEPS
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.modules.registry import WRITERS
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.sources import (
    ROWID,
    LocalSource,
    RecordSource,
    Source,
    index_fields,
    key_info,
    open_cursor,
    open_table,
    table_source,
)
from turso_wasm.codegen.tables import NewRow
from turso_wasm.codegen.triggers import emit_commit_row, fire
from turso_wasm.codegen.values import NULL_VALUE, SqlValue, collation_code
from turso_wasm.codegen.writes import change_rows, decode_row, keep_values
from turso_wasm.kernel.abi import (
    DB_SCHEMA_COOKIE,
    INDEX_BTREE,
    INTEGER,
    KEY_DESC,
    NULL,
    TABLE_BTREE,
    KernelConnection,
    Run,
)
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64

TYPE, NAME, TBL_NAME, ROOTPAGE, SQL = range(5)
REWRITTEN = -10  # source numbers of RewriteRows, which no plan uses


def schema_table(slot: int) -> Table:
    """sqlite_schema of a database, root page 1."""
    names = ("type", "name", "tbl_name", "rootpage", "sql")
    columns = [
        Column(name, "INT" if name == "rootpage" else "TEXT", "D" if name == "rootpage" else "B") for name in names
    ]
    return Table("sqlite_schema", 1, columns, slot=slot)


class SchemaChange:
    """One statement: the registers that hold root pages, and the cursor on sqlite_schema."""

    def __init__(self, node: nodes.Ddl, ctx: Context) -> None:
        self.ctx = ctx
        self.node = node
        self.registers = [ctx.f.local(I32, f"root{i}") for i in range(node.n_registers)]
        self.schema = schema_table(node.slot)
        self._cursor: Local | None = None
        self._made: int | None = None  # where the frame has the registers, for tables that the steps make and fill
        if node.n_registers and any(isinstance(step, nodes.Fill) for step in node.steps):
            self._made = ctx.frame_alloc(4 * node.n_registers)
            ctx.f.store("i32", ctx.stmt, ctx.frame + self._made, Run.offset("made"))
        # Each root that will be dropped starts where the schema says it is; earlier drops may move it.
        drops = [step.root for step in node.steps if isinstance(step, nodes.DropBtree)]
        self._roots = {root: ctx.f.local(I32, "root", i32(root)) for root in drops}

    @property
    def cursor(self) -> Local:
        """The write cursor on sqlite_schema."""
        if self._cursor is None:
            self._cursor = open_table(self.schema, self.ctx, write=True)
        return self._cursor

    def each_schema_row(self, body: Callable[[Any], None]) -> None:
        """Visit the rows of sqlite_schema; `body(source)`."""
        f = self.ctx.f
        source = table_source(self.schema, self.cursor)

        def once(done: Label) -> None:
            source.decoded.clear()
            body(source)

        visit(self.ctx, lambda: f.call("cursor_first", self.cursor), lambda: f.call("cursor_next", self.cursor), once)

    # --- steps -----------------------------------------------------------------------------------

    def create_btree(self, step: nodes.CreateBtree) -> None:
        """A new root page."""
        kind = TABLE_BTREE if step.kind == "table" else INDEX_BTREE
        f = self.ctx.f
        f.set(self.registers[step.register], f.call("btree_create", self.ctx.stmt, self.node.slot, kind))
        if self._made is not None:
            f.store("i32", self.ctx.frame + self._made, self.registers[step.register], 4 * step.register)

    def clear_btree(self, step: nodes.ClearBtree) -> None:
        """An emptied tree is used as a new one."""
        f = self.ctx.f
        f.do(f.call("btree_clear", self.ctx.stmt, step.slot, step.root))
        f.set(self.registers[step.register], step.root)

    def add_schema_row(self, step: nodes.AddSchemaRow) -> None:
        """A row behind those there are."""
        ctx, f = self.ctx, self.ctx.f
        root = self.registers[step.register].extend_u() if step.register is not None else i64(0)
        texts = [ctx.constant(text) for text in (step.type, step.name, step.table_name)]
        blob = encode_entry([*texts, SqlValue(INTEGER, root), ctx.constant(step.sql)], ctx)
        rowid = f.local(I64, "rowid", f.call("table_new_rowid", self.cursor))
        ctx.do("table_insert", self.cursor, rowid, blob.wrap(), blob.shr_u(32).wrap())
        if step.captured and self.node.coming:
            row = NewRow([*texts, SqlValue(INTEGER, root), ctx.constant(step.sql)], rowid, self.schema)
            with f.block() as done:
                fire(self.node.coming, None, row, ctx, done)

    def remove_schema_rows(self, step: nodes.RemoveSchemaRows) -> None:
        """Those of one object."""
        ctx, f = self.ctx, self.ctx.f

        def body(source: Any) -> None:
            with f.block() as keep:
                source.ensure([TYPE, NAME, TBL_NAME], ctx)
                if step.type is None:
                    f.br(keep, if_=self._is(source, TYPE, "trigger"))
                    f.br(keep, if_=self._is(source, TBL_NAME, step.name).eqz())
                else:
                    f.br(keep, if_=self._is(source, TYPE, step.type).eqz())
                    f.br(keep, if_=self._is(source, NAME, step.name).eqz())
                captured = step.captured and bool(self.node.going)
                if captured:
                    decode_row(source, ctx)
                    keep_values(source, ctx)
                ctx.do("cursor_delete", self.cursor)
                if captured:
                    fire(self.node.going, source, None, ctx, keep)

        self.each_schema_row(body)

    def _is(self, source: Any, column: int, text: str) -> Expr:
        return compare_values("is", source.value(column, self.ctx), self.ctx.constant(text), "NOCASE", self.ctx)

    def drop_btree(self, step: nodes.DropBtree) -> None:
        """When auto-vacuum moved the file's last root page into the free place, its sqlite_schema row follows."""
        ctx, f = self.ctx, self.ctx.f
        moved = f.local(I32, "moved", f.call("btree_drop", ctx.stmt, self.node.slot, self._root(step.root)))
        with f.if_(moved):

            def body(source: Any) -> None:
                with f.block() as other:
                    source.ensure(range(5), ctx)
                    values = [source.value(at, ctx) for at in range(5)]
                    f.br(other, if_=values[ROOTPAGE].payload != moved.extend_u())
                    rowid = f.local(I64, "rowid", source.rowid(ctx))
                    values[ROOTPAGE] = SqlValue(INTEGER, self._root(step.root).extend_u())
                    blob = encode_entry(values, ctx)
                    ctx.do("table_insert", self.cursor, rowid, blob.wrap(), blob.shr_u(32).wrap())

            self.each_schema_row(body)
            for local in self._roots.values():
                with f.if_(local == moved):
                    f.set(local, self._root(step.root))

    def _root(self, root: int) -> Local:
        """Where the b-tree to drop is now."""
        return self._roots[root]

    def fill_index(self, step: nodes.FillIndex) -> None:
        """Sort the keys, then insert them in order; equal neighbours break a unique index."""
        ctx, f = self.ctx, self.ctx.f
        fields = index_fields(step.index, step.table)
        root = self.registers[step.register]
        cursor = open_cursor(step.table.slot, root, key_info(fields, ctx), ctx, write=True, here=True)
        sorter = f.local(I32, "sorter", f.call("sorter_new", ctx.stmt, i64(-1)))

        def collect() -> None:
            with f.block() as skip:
                source = ctx.sources[step.source]
                ensure([expr for expr in step.exprs if expr is not None], ctx)
                if step.where is not None:
                    jump(step.where, skip, ctx, when=False, on_null=True)
                values = []
                for at, field in enumerate(fields):
                    expr = step.exprs[at] if at < len(step.exprs) else None
                    values.append(emit_value(expr, ctx) if expr is not None else source.value(field.column, ctx))
                blob = encode_entry(values, ctx)
                ctx.do("key_reset", ctx.stmt)
                for field, value in zip(fields, values, strict=True):
                    flags = collation_code(field.collation, ctx) | (KEY_DESC if field.desc else 0)
                    ctx.do("key_add", ctx.stmt, value, flags)
                ctx.do("sorter_add", sorter, blob)

        change_rows(step.scan, ctx, collect)
        ctx.do("sorter_sort", sorter)
        row = f.local(I64, "entry")

        def insert(done: Label) -> None:
            f.set(row, f.call("sorter_row", sorter))
            if step.index.unique:
                self._check_duplicate(step, row, cursor)
            ctx.do("index_append", cursor, row.wrap(), row.shr_u(32).wrap())

        visit(ctx, lambda: f.call("sorter_next", sorter), lambda: f.call("sorter_next", sorter), insert)

    def _check_duplicate(self, step: nodes.FillIndex, row: Local, cursor: Local) -> None:
        ctx, f = self.ctx, self.ctx.f
        n = len(step.index.columns)
        record = RecordSource(row, len(index_fields(step.index, step.table)))
        values = record.decode(list(range(n)), ctx)
        probe = f.local(I32, "probe", ctx.frame_values(n))
        for at in range(n):
            ctx.store_value(probe, values[at], at)
        with f.block() as fine:
            for at in range(n):
                f.br(fine, if_=values[at].has_tag(NULL))
            f.br(fine, if_=f.call("cursor_last", cursor).eqz())
            f.br(fine, if_=f.call("cursor_compare_key", cursor, probe, n) != 0)
            code, message = unique_message(step.table, step.index)
            raise_constraint(ctx, "ABORT", 2067 if code == 1555 else code, message)

    def insert_rows(self, step: nodes.InsertRows) -> None:
        """The rows of a query, rowids from 1."""
        ctx, f = self.ctx, self.ctx.f
        cursor = open_cursor(self.node.slot, self.registers[step.register], None, ctx, write=True, here=True)
        rowid = f.local(I64, "rowid")

        def each() -> None:
            ensure(step.exprs, ctx)
            values = [
                with_affinity(emit_value(expr, ctx), affinity, ctx)
                for expr, affinity in zip(step.exprs, step.affinities, strict=True)
            ]
            blob = encode_entry(values, ctx)
            f.set(rowid, rowid + 1)
            ctx.do("table_insert", cursor, rowid, blob.wrap(), blob.shr_u(32).wrap())
            if step.coming:
                row = LocalSource(values)
                row.decoded[ROWID] = SqlValue(INTEGER, rowid)
                with f.block() as done:
                    fire(step.coming, None, row, ctx, done)

        change_rows(step.child, ctx, each)

    def first_row(self, step: nodes.FirstRow) -> None:
        """A row, and its entry in the index on the first column."""
        ctx, slot = self.ctx, self.node.slot
        texts = [ctx.constant(text) for text in step.values]
        (index,) = step.table.indexes
        key = key_info(index_fields(index, step.table), ctx)
        rows = open_cursor(slot, self.registers[step.register], None, ctx, write=True, here=True)
        entries = open_cursor(slot, self.registers[step.register + 1], key, ctx, write=True, here=True)
        blob = encode_entry(texts, ctx)
        ctx.do("table_insert", rows, i64(1), blob.wrap(), blob.shr_u(32).wrap())
        blob = encode_entry([texts[0], ctx.constant(1)], ctx)
        ctx.do("index_insert", entries, blob.wrap(), blob.shr_u(32).wrap())

    def raise_on_row(self, step: nodes.RaiseOnRow) -> None:
        """Fail if the child gives a row."""
        emit_source(step.child, self.ctx, lambda: self.ctx.raise_error(step.code, step.message))

    def rewrite_rows(self, step: nodes.RewriteRows) -> None:
        """Read all rows, empty the b-tree, put the rows back with the columns that stay."""
        ctx, f = self.ctx, self.ctx.f
        table = step.table
        old, source = REWRITTEN, REWRITTEN - 1
        columns = tuple(
            bound.Constant(value=None) if column.is_virtual else bound.ColumnRef(source=old, column=at)
            for at, column in enumerate(table.columns)
        )
        outputs = columns if table.without_rowid else (*columns, bound.ColumnRef(source=old, column=ROWID))
        child = nodes.TableScan(source=old, table=table, columns=frozenset(table.record_order))
        writer = open_table(table, ctx, write=True)
        cleared = f.local(I32, "cleared")

        def each() -> None:
            with f.if_(cleared.eqz()):
                f.do(f.call("btree_clear", ctx.stmt, table.slot, table.root))
                f.set(cleared, 1)
            row = ctx.sources[source]
            row.ensure(range(len(outputs)), ctx)
            fields = [self._kept(table, row, at) for at in table.record_order if at in step.keep]
            blob = encode_entry(fields, ctx)
            if table.without_rowid:
                ctx.do("index_insert", writer, blob.wrap(), blob.shr_u(32).wrap())
            else:
                rowid = row.value(len(columns), ctx).payload
                ctx.do("table_insert", writer, rowid, blob.wrap(), blob.shr_u(32).wrap())

        emit_source(nodes.Sort(source=source, child=child, keys=(), outputs=outputs), ctx, each)

    def _kept(self, table: Table, row: Source, column: int) -> SqlValue:
        if column == table.rowid_alias:
            return NULL_VALUE
        value = row.value(column, self.ctx)
        return self.ctx.call("store_real", value) if table.columns[column].affinity == "E" else value

    def create_virtual(self, step: nodes.CreateVirtual) -> None:
        """The module's writer makes the table's beginnings."""
        roots = {suffix: self.registers[register] for suffix, register in step.registers.items()}
        writer = WRITERS[fold(step.table.module)]
        writer.create(step, roots, self.ctx)
        if writer.begins_with is not None:
            n_rows, last_rowid = writer.begins_with
            f = self.ctx.f
            connection = f.load("i32", self.ctx.stmt, Run.offset("connection"))
            n_before = f.load("i64", connection, KernelConnection.offset("total_changes"))
            f.store("i64", connection, n_before + n_rows, KernelConnection.offset("total_changes"))
            f.store("i64", connection, i64(1), KernelConnection.offset("changes"))
            f.store("i64", connection, i64(last_rowid), KernelConnection.offset("last_insert_rowid"))

    def run_statement(self, step: nodes.RunStatement) -> None:
        """Another plan's code."""
        f = self.ctx.f
        self.ctx.in_ddl = not step.counts
        with f.if_(f.call("foreign_key_pending", self.ctx.stmt, 1)) if step.if_pending else nullcontext():
            emit_root(step.plan, self.ctx)
        self.ctx.in_ddl = True

    def fill(self, step: nodes.Fill) -> None:
        """Another plan's code, which may suspend."""
        emit_root(step.plan, self.ctx)

    def refuse_violations(self, step: nodes.RefuseViolations) -> None:
        """Fail before anything is done that violates foreign keys for good."""
        self.ctx.do("foreign_keys_check", self.ctx.stmt)


def _emptied(node: nodes.Emptied, ctx: Context, then: Then) -> None:
    f = ctx.f
    emptied = f.local(I32, "emptied", 0)

    def each() -> None:
        with f.if_(emptied.eqz()):
            for root in (node.table.root, *(index.root for index in node.table.indexes)):
                f.do(f.call("btree_clear", ctx.stmt, node.table.slot, root))
            f.set(emptied, 1)
        then()

    emit_source(node.child, ctx, each)


SOURCES[nodes.Emptied] = _emptied

STEPS: dict[type, Callable[[SchemaChange, Any], None]] = {
    nodes.CreateBtree: SchemaChange.create_btree,
    nodes.ClearBtree: SchemaChange.clear_btree,
    nodes.AddSchemaRow: SchemaChange.add_schema_row,
    nodes.RemoveSchemaRows: SchemaChange.remove_schema_rows,
    nodes.DropBtree: SchemaChange.drop_btree,
    nodes.Fill: SchemaChange.fill,
    nodes.FillIndex: SchemaChange.fill_index,
    nodes.InsertRows: SchemaChange.insert_rows,
    nodes.FirstRow: SchemaChange.first_row,
    nodes.RaiseOnRow: SchemaChange.raise_on_row,
    nodes.RewriteRows: SchemaChange.rewrite_rows,
    nodes.CreateVirtual: SchemaChange.create_virtual,
    nodes.RunStatement: SchemaChange.run_statement,
    nodes.RefuseViolations: SchemaChange.refuse_violations,
}


def emit_ddl(node: nodes.Ddl, ctx: Context) -> None:
    """Run the steps; if they change the schema, move its cookie on."""
    f = ctx.f
    with f.into(ctx.opens):
        ctx.do("concurrent_refuse", ctx.stmt, node.slot)
        ctx.do("statement_savepoint", ctx.stmt)
    ctx.in_ddl = True
    ddl = SchemaChange(node, ctx)
    for step in node.steps:
        if isinstance(step, nodes.DropBtree):  # which may move the table of changes
            emit_commit_row(ctx)
            ctx.unit.commit = None
        with nullcontext() if isinstance(step, LONG_STEPS) else ctx.unsuspended():
            STEPS[type(step)](ddl, step)
    if not node.changes_schema:
        return
    connection = f.load("i32", ctx.stmt, Run.offset("connection"))
    cookie = f.call("database_get", connection, node.slot, DB_SCHEMA_COOKIE)
    ctx.do("database_set", ctx.stmt, node.slot, DB_SCHEMA_COOKIE, cookie + 1)


ROOTS[nodes.Ddl] = emit_ddl


def _emit_prepared(node: nodes.Prepared, ctx: Context) -> None:
    for plan in node.before:
        emit_root(plan, ctx)
    ctx.in_ddl = False
    emit_root(node.child, ctx)


ROOTS[nodes.Prepared] = _emit_prepared


def _emit_captured(node: nodes.Captured, ctx: Context) -> None:
    ctx.unit.commit, ctx.unit.fails = node.commit, emit_commit_row
    emit_root(node.child, ctx)
    emit_commit_row(ctx)


ROOTS[nodes.Captured] = _emit_captured


def _emit_caught_up(node: nodes.CaughtUp, ctx: Context) -> None:
    with ctx.f.into(ctx.opens):
        ctx.do("statement_savepoint", ctx.stmt)
    with ctx.f.block() as done:
        fire(node.fires, None, None, ctx, done)
    emit_root(node.child, ctx)


ROOTS[nodes.CaughtUp] = _emit_caught_up
