"""The groups of GROUP BY, of which more may come than fit into memory.

The first table takes groups until it is full. From then on it knows those it has; a row of any other is put aside: what
is needed of it, in a sorter under its keys. When all rows have come, those put aside do so again, in the order of their
keys, into a table that is emptied whenever it is full: a batch. So the groups of a batch come before those of the
next one, and merged with those of the first table all come in the order of their keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turso_wasm.base.tree import walk
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import columns_of, emit_value, ensure
from turso_wasm.codegen.hashing import add_key, make_key
from turso_wasm.codegen.records import encode_record
from turso_wasm.codegen.sources import LocalSource, RecordSource
from turso_wasm.codegen.values import SqlValue
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i64

if TYPE_CHECKING:
    from collections.abc import Sequence


class Groups:
    """`table`: where groups are looked for; `group`: the one that was found. second: rows come that were put aside.
    full: the batch is, and the row that came last waits for the next one. own: the sources that rows come from.
    """

    def __init__(self, node: nodes.Aggregate, size: int, group: Local, ctx: Context) -> None:
        f = ctx.f
        self.node = node
        self.ctx = ctx
        self.size = size
        self.group = group
        self.first, self.table, self._aside = f.local(I32, "first"), f.local(I32, "groups"), f.local(I32, "aside")
        self.second, self.full, self._waiting = f.local(I32, "second"), f.local(I32, "full"), f.local(I32, "waiting")
        self._mark, self._record = f.local(I32, "mark"), f.local(I64, "record")
        self.own = {getattr(plan, "source", -1) for plan in walk([node.child]) if isinstance(plan, nodes.Plan)}
        needed = columns_of([node.aggregates, node.bare])
        self._columns = [(source, column) for source in sorted(needed.keys() & self.own) for column in needed[source]]
        self._row: list[SqlValue] = []
        self._open()

    def _open(self) -> None:
        f, ctx = self.ctx.f, self.ctx
        for resource in (self.first, self.table, self._aside):  # an inner loop comes here again
            with f.if_(resource):
                ctx.do("resource_free", ctx.stmt, resource)
        for local in (self._aside, self.second, self.full, self._waiting):
            f.set(local, 0)
        f.set(self.first, self._new_table())
        f.set(self.table, self.first)

    def _new_table(self) -> Expr:
        return self.ctx.f.call("groups_new", self.ctx.stmt, self.size)

    # --- rows --------------------------------------------------------------------------------------------------------

    def take_row(self) -> list[SqlValue]:
        """The keys of the current row. They and all columns that are needed of it move to locals of their own."""
        ctx = self.ctx
        ensure([self.node.keys, self.node.aggregates, self.node.bare], ctx)
        keys = [ctx.copy(emit_value(key, ctx)) for key in self.node.keys]
        self._row = [*keys, *(ctx.copy(ctx.sources[source].value(column, ctx)) for source, column in self._columns)]
        return keys

    def use_row(self) -> None:
        """From here on the columns are those locals."""
        for source, _ in self._columns:
            self.ctx.sources[source] = LocalSource([])
        for (source, column), value in zip(self._columns, self._row[len(self.node.keys) :], strict=True):
            self.ctx.sources[source].decoded[column] = value

    def find(self, keys: Sequence[SqlValue]) -> None:
        """Find or make the group of these keys, or set `group` to 0: it does not fit."""
        add_key(self.table, keys, self.node.collations, self.ctx, self.group)

    def put_aside(self, keys: Sequence[SqlValue], aside: Label, following: Label) -> None:
        """Emitted for a new group. One that does not fit: go to `aside`, or, its row being one that was put aside
        before, to `following`.
        """
        f, ctx = self.ctx.f, self.ctx
        with f.if_(self.group.eqz()):
            with f.if_(self.second):
                f.set(self.full, 1)
                f.br(following)
            with f.if_(self._aside.eqz()):
                f.set(self._aside, f.call("sorter_new", ctx.stmt, i64(-1)))
            with ctx.row_memory():  # rows of groups that fit need none
                record = encode_record(self._row, ctx)
                make_key(keys, self.node.collations, ctx)
                ctx.do("sorter_add", self._aside, record)
            f.br(aside)

    # --- batches -----------------------------------------------------------------------------------------------------

    def end_first(self) -> None:
        """All rows have come."""
        f, ctx = self.ctx.f, self.ctx
        f.set(self.second, 1)
        ctx.do("hash_sort", self.first)
        with f.if_(self._aside):
            ctx.do("sorter_sort", self._aside)
            f.set(self.table, self._new_table())
        f.set(self._mark, f.call("arena_mark", ctx.stmt))

    def next_row(self, complete: Label) -> None:
        """The next row that was put aside is in the locals; `complete`: the batch has all that it can take."""
        f, ctx = self.ctx.f, self.ctx
        ctx.do("arena_release", ctx.stmt, self._mark)
        f.br(complete, if_=self._aside.eqz() | self.full)
        ctx.tick()
        with f.if_(self._waiting.eqz()):
            f.br(complete, if_=f.call("sorter_next", self._aside).eqz())
        f.set(self._waiting, 0)
        f.set(self._record, f.call("sorter_row", self._aside))
        places = range(len(self._row))
        for place, value in RecordSource(self._record, len(places)).decode(places, ctx).items():
            ctx.assign(self._row[place], value)

    def begin_batch(self) -> None:
        """Empty the table; the row that waits comes again."""
        f = self.ctx.f
        self.ctx.do("hash_clear", self.table)
        f.set(self.full, 0)
        f.set(self._waiting, 1)

    # --- groups ------------------------------------------------------------------------------------------------------

    def sort(self) -> None:
        """Before the first group of a batch."""
        with self.ctx.f.if_(self._aside):
            self.ctx.do("hash_sort", self.table)

    def next(self) -> Expr:
        """Go to the next group, in the order of their keys; 0: the batch has no more."""
        return self.ctx.f.tee(self.group, self.ctx.f.call("groups_next", self.first, self.table, self.full))
