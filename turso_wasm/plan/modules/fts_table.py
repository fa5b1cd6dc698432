"""The rows of a full-text table: those an index finds, or all, with their texts.

The index gives rowids; a row's columns are looked up in %_content, or in the table of the user's that content=… names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.generated import with_virtual
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_of, column_ref, table_item
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import in_rows
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.paths import equal_values
from turso_wasm.plan.providers import NULL, ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

HANDLE: Final = 0  # the column of nodes.FtsRows that functions of the row want


def options_of(table: Table) -> Fts5Options:
    """What the table's arguments say."""
    assert table.declared is not None and isinstance(table.declared.options, Fts5Options)
    return table.declared.options


def content_table(binder: Binder, table: Table) -> Table | None:
    """The table that content=… names."""
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    name = options_of(table).content
    return catalog.find_table(name) if name else None


def has_rowids(content: Table, table: Table) -> bool:
    """Whether its rows can be found by the rowids of the full-text table's."""
    rowid = fold(options_of(table).content_rowid or "rowid")
    is_rowid = rowid == "rowid" or content.numbers.get(rowid, -2) == content.rowid_alias
    return content.kind == "table" and not content.without_rowid and is_rowid


def _bound(sarg: Sarg | None) -> nodes.Bound | None:
    return None if sarg is None else nodes.Bound(expr=sarg.value, inclusive=sarg.op in ("<=", ">="))


class FtsTable(ABC):
    """The rows of one table in FROM."""

    family = "fts"  # of the kernel's functions of a row
    keeps_lost = False  # rows that the index has and the table with the texts has not are rows

    def __init__(self, request: Request) -> None:
        table = request.item.table
        assert table is not None
        self.request, self.table, self.options = request, table, options_of(table)
        self.n = len(self.options.names)
        self.shadows = shadows(request.planner.binder, table)

    def limit(self, request: Request, operators: tuple[str, str]) -> Sarg | None:
        """A condition on the rowid by one of these operators."""
        return next((sarg for sarg in request.conditions if sarg.column == ROWID and sarg.op in operators), None)

    def of_content(
        self, key: bound.Expr | None, lower: Sarg | None = None, upper: Sarg | None = None, back: bool = False
    ) -> GivenRows:
        """The row with a rowid, those between bounds, or all; a search without a query is there for functions of the
        row.
        """
        content = self._content_item()
        item = content
        if item is None:
            shadow = self.shadows.get("docsize")
            if shadow is None:
                raise SqlError(SQLITE_ERROR, f"{self.table.name}: table does not support scanning")
            item = table_item(self.request.planner.new_source(), shadow, None)
        used = self._stored(item)
        rows = self._scan(item, key, used, back)
        if (lower is not None or upper is not None) and item.table is not None:
            rows = nodes.RowidRange(
                source=item.source,
                table=item.table,
                columns=used,
                lower=_bound(lower),
                upper=_bound(upper),
                reverse=back,
            )
        handle: bound.Expr = NULL
        if self.request.item.calls:
            source = self.request.planner.new_source()
            search = nodes.FtsRows(source=source, table=self.table, shadows=self.shadows, matches=())
            rows, handle = nodes.NestedLoop(left=search, right=rows), bound.ColumnRef(source=source, column=HANDLE)
        return GivenRows(rows, self._columns(content, column_ref(item, ROWID), handle, None, is_searched=False))

    def listed_offer(self, listed: Sarg, number: int = 0, label: str = "") -> Offer:
        """The rows whose rowids are in a list or a subquery."""

        def make(_: bool) -> GivenRows:
            keys, value = equal_values(self.request.planner, listed)
            given = self.of_content(value)
            return GivenRows(nodes.NestedLoop(left=keys, right=given.child), given.columns)

        n = in_rows(listed)
        return Offer(n, n * 2, (listed,), make, number=number, label=label)

    def _given(self, rows: nodes.Plan, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None) -> GivenRows:
        """The rows, and the columns of those that are wanted."""
        if not self._wants_content():
            return GivenRows(rows, self._columns(None, rowid, handle, rank))
        item = self._content_item()
        if item is not None:
            texts = self._scan(item, rowid, self._stored(item))
            if self.keeps_lost:
                rows = nodes.LeftJoin(left=rows, right=texts, right_sources=(item.source,))
            else:
                rows = nodes.NestedLoop(left=rows, right=texts)
        return GivenRows(rows, self._columns(item, rowid, handle, rank))

    def _scan(self, item: Item, key: bound.Expr | None, used: frozenset[int], back: bool = False) -> nodes.Plan:
        assert item.table is not None
        if key is not None:
            return nodes.RowidSeek(source=item.source, table=item.table, columns=used, key=key)
        return nodes.TableScan(source=item.source, table=item.table, columns=used, reverse=back)

    # --- content -----------------------------------------------------------------------------------------------------

    def _content_item(self) -> Item | None:
        """The table with the texts; None: there is none."""
        table = self.shadows.get("content")
        if self.options.content:
            table = self._content_table(self.options.content)
        if table is None:
            return None
        planner = self.request.planner
        return with_virtual(planner.binder, table_item(planner.new_source(), table, None))

    def _content_table(self, name: str) -> Table:
        table = content_table(self.request.planner.binder, self.table)
        if table is None:
            raise SqlError(SQLITE_ERROR, f"no such table: {self.table.schema}.{name}")
        if not has_rowids(table, self.table):
            raise SqlError(SQLITE_ERROR, f"content={name}: only a table with rowids is supported")
        return table

    def _number(self, item: Item, column: int) -> int | None:
        """Which column of the table with the texts a column is; None: it is not kept."""
        assert item.table is not None
        if not self.options.content:
            stored = self.options.stored
            return stored.index(column) + 1 if column in stored else None
        name = self.options.names[column]
        number = item.table.numbers.get(fold(name))
        if number is None:
            raise SqlError(SQLITE_ERROR, f"no such column: T.{name}")
        return number

    def _stored(self, item: Item) -> frozenset[int]:
        assert item.table is not None
        return frozenset(number for number, column in enumerate(item.table.columns) if not column.is_virtual)

    # --- columns -----------------------------------------------------------------------------------------------------

    def _text(self, item: Item | None, column: int) -> bound.Expr:
        number = None if item is None else self._number(item, column)
        return NULL if item is None or number is None else column_of(item, number)

    @abstractmethod
    def _wants_content(self) -> bool:
        """Whether anything that is read needs the texts."""

    @abstractmethod
    def _columns(
        self, item: Item | None, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None, is_searched: bool = True
    ) -> dict[int, bound.Expr]:
        """The columns of a row. item: the table with the texts, if they are read; rank: a condition on rank."""

    def _call(self, name: str, handle: bound.Expr, given: list[bound.Expr], texts: list[bound.Expr]) -> bound.Expr:
        n_given = bound.Constant(value=len(given))
        args = (handle, n_given, *given, *texts)
        return bound.Call(name=name, args=args, kernel=f"fn_{self.family}_{name}", style="array", deterministic=False)
