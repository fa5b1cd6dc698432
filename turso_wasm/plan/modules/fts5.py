"""Full-text tables: the rows that match, with the columns and functions of a row.

The index gives rowids; a row's columns are looked up in %_content, or in the table of the user's that content=… names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_of
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn
from turso_wasm.plan.modules.fts_table import HANDLE, FtsTable, content_table, has_rowids
from turso_wasm.plan.providers import NULL, ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS_THAT_MATCH: Final = 50.0
ROWS: Final = 10000.0
ARGUMENTS: Final = {"highlight": (3, 3), "snippet": (5, 5), "bm25": (0, 2000), "fts5_get_locale": (1, 1)}


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
        listed = next((sarg for sarg in request.conditions if sarg.column == ROWID and sarg.op == "in"), None)
        found = [] if listed is None else [rows.listed_offer(listed, label="=")]
        lower, upper = [rows.limit(request, operators) for operators in ((">", ">="), ("<", "<="))]
        bounds = [sarg for sarg in (lower, upper) if sarg is not None]
        n = ROWS / 4 ** len(bounds)
        label = ">" * (lower is not None) + "<" * (upper is not None)
        order = (OrderColumn(ROWID),)
        consumed = (*consumed, *bounds)
        scan = Offer(n, n, consumed, lambda back: rows.of_content(None, lower, upper, back), order, label=label)
        return [*found, scan]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """A scan of the user's table that has the texts, if there is one."""
        content = content_table(planner.binder, table)
        if content is None or not has_rowids(content, table):
            return ()
        return (nodes.TableScan(source=planner.new_source(), table=content, columns=frozenset()),)


class _Rows(FtsTable):
    """The rows of one table in FROM."""

    found: bound.Expr | None = None  # the rowid that the index has given

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.keeps_lost = bool(self.options.content)  # a table of the user's: who asks for a text that is lost, fails

    def _lost(self, texts: Table, rowid: bound.Expr, is_called: bool) -> bound.Expr:
        tail = bound.Constant(value=f" from content table '{texts.schema}'.'{texts.name}'")
        message: bound.Expr = bound.Constant(value="fts5: missing row ")
        for part in (rowid, tail):
            message = bound.Binary(op="||", left=message, right=part)
        if is_called:  # SQLite says no more where a function asks
            message = bound.Constant(value="database disk image is malformed")
        return bound.Call(name="raise_damage", args=(message,), style="special", deterministic=False)

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

    def _given(self, rows: nodes.Plan, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None) -> GivenRows:
        self.found = rowid
        return super()._given(rows, rowid, handle, rank)

    def _wants_content(self) -> bool:
        calls = [call for call in self.request.item.calls if call.name != "bm25" or self.ranks_by_text]
        wants_rank = self.n + 1 in self.request.used and self.ranks_by_text
        return bool(calls) or wants_rank or any(0 <= column < self.n for column in self.request.used)

    # --- columns -----------------------------------------------------------------------------------------------------

    def _columns(
        self, item: Item | None, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None, is_searched: bool = True
    ) -> dict[int, bound.Expr]:
        columns: dict[int, bound.Expr] = {column: self._text(item, column) for column in range(self.n)}
        texts = [self._text(item, column, is_called=True) for column in range(self.n)]
        columns[ROWID] = rowid
        columns[self.n] = bound.Constant(value=self.request.item.source + 1)  # a number of the search
        tail = texts if self.ranks_by_text else []
        spec = NULL if rank is None else rank.value
        columns[self.n + 1] = self._call("rank", handle, [spec], tail) if is_searched else NULL
        for number, call in enumerate(self.request.item.calls, self.n + 2):
            columns[number] = self._row_function(call, item, handle, texts, tail)
        return columns

    def _row_function(
        self, call: bound.Call, item: Item | None, handle: bound.Expr, texts: list[bound.Expr], tail: list[bound.Expr]
    ) -> bound.Expr:
        first, *given = call.args
        if not isinstance(first, bound.ColumnRef) or first.column != self.n:
            raise SqlError(SQLITE_ERROR, "no such cursor: 0")
        least, most = ARGUMENTS[call.name]
        if not least <= len(given) <= most:
            raise SqlError(SQLITE_ERROR, f"wrong number of arguments to function {call.name}()")
        if call.name == "fts5_get_locale":
            return self._call(call.name, handle, given, [self._locale(item, column) for column in range(self.n)])
        return self._call(call.name, handle, given, tail if call.name == "bm25" else texts)

    def _text(self, item: Item | None, column: int, is_called: bool = False) -> bound.Expr:
        kept = super()._text(item, column)
        passed_on = self.request.planner.passed_on.get(self.request.item.source, frozenset())
        if column in passed_on and not is_called:
            return kept
        if self.keeps_lost and self.found is not None and item is not None and item.table is not None:
            is_lost = bound.IsNull(operand=column_of(item, ROWID))
            kept = bound.Case(whens=((is_lost, self._lost(item.table, self.found, is_called)),), otherwise=kept)
        if not self.options.locale or kept is NULL:
            return kept
        return bound.Call(name="fts_text", args=(kept,), kernel="fn_fts_text")

    def _locale(self, item: Item | None, column: int) -> bound.Expr:
        """The locale of a column."""
        if item is None or not self.options.locale:
            return NULL
        if self.options.content:
            return bound.Call(name="fts_locale", args=(super()._text(item, column),), kernel="fn_fts_locale")
        located = self.options.located
        at = len(self.options.stored) + 1 + located.index(column) if column in located else None
        return NULL if at is None else column_of(item, at)
