"""Full-text tables: the rows that match, with the columns and functions of a row.

The index gives rowids; a row's columns are looked up in %_content, or in the table of the user's that content=… names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.generated import with_virtual
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_of, column_ref, table_item
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.providers import NULL, ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS_THAT_MATCH: Final = 50.0
ROWS: Final = 10000.0
HANDLE: Final = 0  # the column of nodes.FtsRows that functions of the row want
ARGUMENTS: Final = {"highlight": (3, 3), "snippet": (5, 5), "bm25": (0, 2000)}


class Fts5Provider:
    """MATCH by the index, all else by the rowid, or all rows."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        rows = _Rows(request)
        matches = [sarg for sarg in request.conditions if rows.is_match(sarg)]
        rank = next((sarg for sarg in request.conditions if rows.is_rank(sarg)), None)
        key = next((sarg for sarg in request.conditions if sarg.column == ROWID and sarg.op in ("=", "is")), None)
        consumed = (*matches, *([] if rank is None else [rank]))
        if matches:
            asked = sorted((sarg.column for sarg in matches), reverse=True)
            label = "r" * (rank is not None) + "".join(f"M{column}" for column in asked)
            return [Offer(ROWS_THAT_MATCH, 20.0, consumed, lambda _: rows.matching(matches, rank), label=label)]
        if key is not None:
            return [Offer(1.0, 2.0, (*consumed, key), lambda _: rows.of_content(key.value), label="=")]
        lower, upper = [rows.limit(request, operators) for operators in ((">", ">="), ("<", "<="))]
        bounds = [sarg for sarg in (lower, upper) if sarg is not None]
        n = ROWS / 4 ** len(bounds)
        label = ">" * (lower is not None) + "<" * (upper is not None)
        order = (OrderColumn(ROWID),)
        consumed = (*consumed, *bounds)
        return [Offer(n, n, consumed, lambda back: rows.of_content(None, lower, upper, back), order, label=label)]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """A scan of the user's table that has the texts, if there is one."""
        content = content_table(planner, table)
        if content is None or not has_rowids(content, table):
            return ()
        return (nodes.TableScan(source=planner.new_source(), table=content, columns=frozenset()),)


def options_of(table: Table) -> Fts5Options:
    """What the table's arguments say."""
    assert table.declared is not None and isinstance(table.declared.options, Fts5Options)
    return table.declared.options


def content_table(planner: Planner, table: Table) -> Table | None:
    """The table that content=… names."""
    catalog = planner.binder.catalogs.slots[table.slot]
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


class _Rows:
    """The rows of one table in FROM."""

    def __init__(self, request: Request) -> None:
        table = request.item.table
        assert table is not None
        self.request, self.table, self.options = request, table, options_of(table)
        self.n = len(self.options.names)
        self.shadows = shadows(request.planner.binder, table)

    @property
    def ranks_by_text(self) -> bool:
        """The index lacks what bm25 needs."""
        return self.options.detail != "full" or not self.options.columnsize

    def is_match(self, sarg: Sarg) -> bool:
        """T MATCH x, a MATCH x, t = x, t('x')."""
        if sarg.op == "call":
            return sarg.function == "match" and 0 <= sarg.column <= self.n
        return sarg.op == "=" and sarg.column == self.n

    def is_rank(self, sarg: Sarg) -> bool:
        """Rank MATCH 'bm25(…)', rank = 'bm25(…)'."""
        return sarg.column == self.n + 1 and (sarg.op == "=" or (sarg.op == "call" and sarg.function == "match"))

    def matching(self, matches: list[Sarg], rank: Sarg | None) -> GivenRows:
        """The rows that match."""
        values, parts = self.request.evaluated([sarg.value for sarg in matches])
        source = self.request.planner.new_source()
        queries = tuple(
            nodes.Match(column=-1 if sarg.column == self.n else sarg.column, query=part)
            for sarg, part in zip(matches, parts, strict=True)
        )
        found = nodes.FtsRows(source=source, table=self.table, shadows=self.shadows, matches=queries)
        rows = nodes.NestedLoop(left=values, right=found)
        rowid = bound.ColumnRef(source=source, column=ROWID)
        return self._given(rows, rowid, bound.ColumnRef(source=source, column=HANDLE), rank)

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

    def _given(self, rows: nodes.Plan, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None) -> GivenRows:
        """The rows, and the columns of those that are wanted."""
        if not self._wants_content():
            return GivenRows(rows, self._columns(None, rowid, handle, rank))
        item = self._content_item()
        if item is not None:
            rows = nodes.NestedLoop(left=rows, right=self._scan(item, rowid, self._stored(item)))
        return GivenRows(rows, self._columns(item, rowid, handle, rank))

    def _scan(self, item: Item, key: bound.Expr | None, used: frozenset[int], back: bool = False) -> nodes.Plan:
        assert item.table is not None
        if key is not None:
            return nodes.RowidSeek(source=item.source, table=item.table, columns=used, key=key)
        return nodes.TableScan(source=item.source, table=item.table, columns=used, reverse=back)

    # --- content -----------------------------------------------------------------------------------------------------

    def _wants_content(self) -> bool:
        calls = [call for call in self.request.item.calls if call.name != "bm25" or self.ranks_by_text]
        wants_rank = self.n + 1 in self.request.used and self.ranks_by_text
        return bool(calls) or wants_rank or any(0 <= column < self.n for column in self.request.used)

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
        table = content_table(self.request.planner, self.table)
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

    def _columns(
        self, item: Item | None, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None, is_searched: bool = True
    ) -> dict[int, bound.Expr]:
        texts = [self._text(item, column) for column in range(self.n)]
        columns: dict[int, bound.Expr] = dict(enumerate(texts))
        columns[ROWID] = rowid
        tail = texts if self.ranks_by_text else []
        spec = NULL if rank is None else rank.value
        columns[self.n + 1] = self._call("rank", handle, [spec], tail) if is_searched else NULL
        for number, call in enumerate(self.request.item.calls, self.n + 2):
            columns[number] = self._row_function(call, handle, texts, tail)
        return columns

    def _text(self, item: Item | None, column: int) -> bound.Expr:
        number = None if item is None else self._number(item, column)
        return NULL if item is None or number is None else column_of(item, number)

    def _row_function(
        self, call: bound.Call, handle: bound.Expr, texts: list[bound.Expr], tail: list[bound.Expr]
    ) -> bound.Expr:
        first, *given = call.args
        if not isinstance(first, bound.ColumnRef) or first.column != self.n:
            raise SqlError(SQLITE_ERROR, "no such cursor: 0")
        least, most = ARGUMENTS[call.name]
        if not least <= len(given) <= most:
            raise SqlError(SQLITE_ERROR, f"wrong number of arguments to function {call.name}()")
        return self._call(call.name, handle, given, tail if call.name == "bm25" else texts)

    def _call(self, name: str, handle: bound.Expr, given: list[bound.Expr], texts: list[bound.Expr]) -> bound.Expr:
        n_given = bound.Constant(value=len(given))
        args = (handle, n_given, *given, *texts)
        return bound.Call(name=name, args=args, kernel=f"fn_fts_{name}", style="array", deterministic=False)
