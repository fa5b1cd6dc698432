"""A module of virtual tables as small as can be, which uses all that a module may: `USING echo(a, b)` keeps its rows in
the shadow table t_rows, has the hidden column t, `t MATCH x` (column a is x), and `shout(t)`: column a in capitals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from turso_wasm.bind import bound
from turso_wasm.bind.scope import column_ref, table_item
from turso_wasm.catalog.modules.module import Declared, Module, Shadow, Using, column, hidden_column, refuse
from turso_wasm.catalog.modules.registry import MODULES, register
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.codegen.constraints import violated
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.modules.registry import WRITERS
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.sources import open_cursor
from turso_wasm.codegen.tables import TableWriter
from turso_wasm.codegen.values import NULL_VALUE
from turso_wasm.kernel.abi import NULL
from turso_wasm.plan import nodes
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.modules.registry import PLANNED
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request
from turso_wasm.wasm.dsl import I64, Expr, Label, Local, i64


def declare(using: Using) -> Declared:
    """`echo(a, b, …)`."""
    if not using.arguments:
        raise refuse("echo has no columns")
    columns = [column(name) for name in using.arguments]
    stored = "".join(f", c{at}" for at in range(len(columns)))
    sql = f"CREATE TABLE {quote_identifier(using.name + '_rows')}(id INTEGER PRIMARY KEY{stored})"
    return Declared(columns=(*columns, hidden_column(using.name)), shadows=(Shadow(suffix="rows", sql=sql),))


class EchoProvider:
    """All rows, or the one with a rowid, in the order of rowids; MATCH is a filter."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        match = next((sarg for sarg in request.conditions if sarg.op == "call" and sarg.function == "match"), None)
        called = request.argument(0)  # SELECT … FROM t('x')
        key = next((sarg for sarg in request.conditions if sarg.column == ROWID and sarg.op == "="), None)
        consumed = tuple(sarg for sarg in (match, called, key) if sarg is not None)
        wanted = [sarg.value for sarg in (match, called) if sarg is not None]
        cost = 1.0 if key is not None else 1000.0
        return [Offer(cost, cost, consumed, lambda _: self._rows(request, wanted, key and key.value))]

    def _rows(self, request: Request, wanted: list[bound.Expr], key: bound.Expr | None) -> GivenRows:
        assert request.item.table is not None
        table = shadows(request.planner.binder, request.item.table)["rows"]
        item = table_item(request.planner.new_source(), table, None)
        used = frozenset(range(len(table.columns)))
        child: nodes.Plan = nodes.TableScan(source=item.source, table=table, columns=used)
        if key is not None:
            child = nodes.RowidSeek(source=item.source, table=table, columns=used, key=key)
        first = column_ref(item, 1)
        for value in wanted:
            child = nodes.Filter(child=child, predicate=bound.Compare(op="=", left=first, right=value))
        columns: dict[int, bound.Expr] = {at: column_ref(item, at + 1) for at in range(len(table.columns) - 1)}
        columns[ROWID] = column_ref(item, ROWID)
        for at, _ in enumerate(request.item.calls, len(request.item.table.columns)):
            columns[at] = bound.Call(name="upper", args=(first,), kernel="fn_upper")
        return GivenRows(child, columns)

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()


class EchoWriter(Writer):
    """Rows of t_rows."""

    def __init__(self, change: nodes.WriteVirtual, ctx: Context) -> None:
        super().__init__(change, ctx)
        self.rows = TableWriter(change.shadows["rows"], ctx)

    @classmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """A new table begins with the row 100."""
        cursor = open_cursor(step.table.slot, roots["rows"], None, ctx, write=True, here=True)
        n = len(step.shadows["rows"].columns) - 1
        blob = encode_record([NULL_VALUE, *[ctx.constant("first")] * n], ctx)
        ctx.do("table_insert", cursor, i64(100), blob.wrap(), blob.shr_u(32).wrap())

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer. Raises SQLITE_CONSTRAINT for a rowid that is taken."""
        f, cursor = self.ctx.f, self.rows.cursor
        rowid = f.local(I64, "rowid", row.rowid.payload)
        with f.if_(row.rowid.has_tag(NULL)) as none:
            f.set(rowid, f.call("table_new_rowid", cursor))
            none.else_()
            with f.if_(f.call("cursor_seek_rowid", cursor, rowid)):
                violated(self.ctx, self.change.conflict or "ABORT", skipped, 2067, "taken")
        self._put(row, rowid)
        return rowid

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> None:
        """See Writer."""
        self.delete(old)
        self._put(row, row.rowid.payload)

    def delete(self, rowid: Local) -> None:
        """See Writer."""
        f = self.ctx.f
        with f.if_(f.call("cursor_seek_rowid", self.rows.cursor, rowid)):
            self.ctx.do("cursor_delete", self.rows.cursor)

    def _put(self, row: VirtualRow, rowid: Expr) -> None:
        self.rows.insert_row([NULL_VALUE, *row.columns[:-1]], rowid)


@contextmanager
def echo_module() -> Iterator[None]:
    """The module is known for the time of the block."""
    register(
        Module(
            name="echo",
            declare=declare,
            suffixes=frozenset({"rows"}),
            row_functions=frozenset({"shout"}),
            conditions=frozenset({"match"}),
        )
    )
    PLANNED["echo"], WRITERS["echo"] = EchoProvider(), EchoWriter
    yield
    del MODULES["echo"], PLANNED["echo"], WRITERS["echo"]
