"""Tables of FTS3 and FTS4: as those of FTS5 (plan/modules/fts5.py), but for the columns and functions of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.calls import scalar_call
from turso_wasm.bind.purity import failing
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_of
from turso_wasm.catalog.modules.fts3 import CONVERTERS, Fts3Options
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.own import Function
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn
from turso_wasm.plan.modules.fts5 import ROWS, ROWS_THAT_MATCH, Fts5Provider
from turso_wasm.plan.modules.fts_table import HANDLE, FtsTable, content_table, options_of
from turso_wasm.plan.paths import equal_values
from turso_wasm.plan.providers import NULL, ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

OPTIMIZE: Final = "optimize"  # the function that writes
ARGUMENTS: Final = {"snippet": 5, "offsets": 0, "matchinfo": 1, OPTIMIZE: 0}
WITHOUT_TEXTS: Final = ("matchinfo", OPTIMIZE)
NO_TEXTS: Final = "SQL logic error"
ZERO: Final = bound.Constant(value=0)
# What EXPLAIN QUERY PLAN says.
BY_ROWID: Final = 1
BY_COLUMN: Final = 2
WITH_LANGUAGE: Final = 1 << 16
FROM: Final = 1 << 17
UP_TO: Final = 1 << 18


class Fts3Provider(Fts5Provider):
    """One MATCH by the index, all else by the docid, or all rows."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        rows = _Rows(request)
        match = next((sarg for sarg in request.conditions if rows.is_match(sarg)), None)
        key = next((sarg for sarg in request.conditions if rows.is_docid(sarg) and sarg.op == "="), None)
        lower, upper = [rows.limit(request, operators) for operators in ((">", ">="), ("<", "<="))]
        number = FROM * (lower is not None) + UP_TO * (upper is not None)
        if match is not None:
            language = next((sarg for sarg in request.conditions if rows.is_language(sarg)), None)
            number += BY_COLUMN + match.column + WITH_LANGUAGE * (language is not None)
            consumed = (match,) if language is None else (match, language)
            return [Offer(ROWS_THAT_MATCH, 20.0, consumed, lambda _: rows.matching(match, language), number=number)]
        if key is not None:
            return [Offer(1.0, 2.0, (key,), lambda _: rows.of_content(key.value), number=BY_ROWID)]
        listed = next((sarg for sarg in request.conditions if rows.is_docid(sarg) and sarg.op == "in"), None)
        found = [] if listed is None else [rows.listed_offer(listed, number=BY_ROWID)]
        bounds = [sarg for sarg in (lower, upper) if sarg is not None]
        n = ROWS / 4 ** len(bounds)
        down = rows.fts3.descending

        def make(back: bool) -> GivenRows:
            return rows.of_content(None, lower, upper, back != down)

        order = (OrderColumn(ROWID, desc=down),)
        return [*found, Offer(n, n, (), make, order, number=number)]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """See Fts5Provider. Errors: "not supported yet" for a function that the kernel cannot call."""
        options = options_of(table)
        if isinstance(options, Fts3Options) and options.is_compressed:
            for name in (options.compress, options.uncompress):
                converter(planner.binder, name or "")
        return super().plans_for_writing(planner, table)


def converter(binder: Binder, name: str) -> Function | None:
    """The function that compress= or uncompress= names; None: there is none."""
    found = binder.registry.find_scalar(fold(name), 1)
    if found is not None and found.number < 0 and found.name not in CONVERTERS:
        raise SqlError(SQLITE_ERROR, f"not supported yet: {name}() between a row and what is kept of it")
    return found


class _Rows(FtsTable):
    """The rows of one table in FROM."""

    family = "fts3"
    keeps_lost = True

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.language: bound.Expr | None = None

    @property
    def fts3(self) -> Fts3Options:
        """What the table's arguments say."""
        assert isinstance(self.options, Fts3Options)
        return self.options

    def is_match(self, sarg: Sarg) -> bool:
        """T MATCH x, a MATCH x."""
        return sarg.op == "call" and sarg.function == "match" and 0 <= sarg.column <= self.n

    def is_docid(self, sarg: Sarg) -> bool:
        """Whether it is about the rowid."""
        return sarg.column in (ROWID, self.n + 1)

    def is_language(self, sarg: Sarg) -> bool:
        """The language is given."""
        return sarg.column == self.n + 2 and sarg.op == "="

    def limit(self, request: Request, operators: tuple[str, str]) -> Sarg | None:
        """A condition on the rowid by one of these operators."""
        return next((sarg for sarg in request.conditions if self.is_docid(sarg) and sarg.op in operators), None)

    def matching(self, match: Sarg, language: Sarg | None) -> GivenRows:
        """The rows that match, in a language."""
        values, (query,) = self.request.evaluated((match.value,))
        spoken: bound.Expr = ZERO
        if language is not None:
            spoken_rows, spoken = self._languages(language)
            values = nodes.NestedLoop(left=values, right=spoken_rows)
        source = self.request.planner.new_source()
        column = -1 if match.column == self.n else match.column
        found = nodes.FtsRows(
            source=source,
            table=self.table,
            shadows=self.shadows,
            matches=(nodes.Match(column=column, query=query),),
            language=spoken,
        )
        self.language = spoken
        rows = nodes.NestedLoop(left=values, right=found)
        rowid = bound.ColumnRef(source=source, column=ROWID)
        return self._given(rows, rowid, bound.ColumnRef(source=source, column=HANDLE), None)

    def _languages(self, language: Sarg) -> tuple[nodes.Plan, bound.Expr]:
        """What the language is to be equal to; no row has one that is no integer."""
        rows, value = equal_values(self.request.planner, language)
        number = bound.Cast(operand=value, affinity="D")
        return nodes.Filter(child=rows, predicate=bound.Compare(op="=", left=value, right=number)), number

    def _wants_content(self) -> bool:
        calls = [call for call in self.request.item.calls if call.name not in WITHOUT_TEXTS]
        return bool(calls) or any(0 <= column < self.n for column in self.request.used)

    def of_content(
        self, key: bound.Expr | None, lower: Sarg | None = None, upper: Sarg | None = None, back: bool = False
    ) -> GivenRows:
        """See FtsTable. Where there are no texts, whoever asks for the first row fails."""
        if self._has_texts:
            return super().of_content(key, lower, upper, back)
        row, _ = self.request.evaluated(())
        return GivenRows(nodes.Filter(child=row, predicate=failing(NO_TEXTS)), {})

    def _given(self, rows: nodes.Plan, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None) -> GivenRows:
        if self._has_texts or not self._wants_content():
            return super()._given(rows, rowid, handle, rank)
        return GivenRows(rows, self._columns(None, rowid, handle, rank))  # whoever asks for a text fails

    @property
    def _has_texts(self) -> bool:
        """The index is not all there is, and the table that content= names is there."""
        if self.options.content is None:
            return True
        return self.options.content != "" and content_table(self.request.planner.binder, self.table) is not None

    def _number(self, item: Item, column: int) -> int | None:
        if (
            self.options.content
            and item.table is not None
            and fold(self.options.names[column]) not in item.table.numbers
        ):
            raise SqlError(SQLITE_ERROR, NO_TEXTS)
        return super()._number(item, column)

    def _text(self, item: Item | None, column: int) -> bound.Expr:
        if not self._has_texts:
            return failing(NO_TEXTS)
        kept = super()._text(item, column)
        if not self.fts3.is_compressed or item is None:
            return kept
        function = self._uncompress
        return failing(NO_TEXTS) if function is None else scalar_call(function, (kept,))

    @property
    def _uncompress(self) -> Function | None:
        return converter(self.request.planner.binder, self.fts3.uncompress or "")

    def _columns(
        self, item: Item | None, rowid: bound.Expr, handle: bound.Expr, rank: Sarg | None, is_searched: bool = True
    ) -> dict[int, bound.Expr]:
        if not is_searched and self.fts3.is_compressed and self._uncompress is None:
            raise SqlError(SQLITE_ERROR, NO_TEXTS)
        texts = [self._text(item, column) for column in range(self.n)]
        columns: dict[int, bound.Expr] = dict(enumerate(texts))
        columns[ROWID] = columns[self.n + 1] = rowid
        columns[self.n + 2] = self._spoken(item)
        for number, call in enumerate(self.request.item.calls, self.n + 3):
            columns[number] = self._function(call, handle, texts)
        return columns

    def _spoken(self, item: Item | None) -> bound.Expr:
        """The language of a row."""
        if self.language is not None or self.fts3.language is None or item is None:
            return self.language or ZERO
        assert item.table is not None
        number = item.table.numbers.get(fold(self.fts3.language)) if self.options.content else self.n + 1
        return NULL if number is None else column_of(item, number)

    def _function(self, call: bound.Call, handle: bound.Expr, texts: list[bound.Expr]) -> bound.Expr:
        first, *given = call.args
        if not isinstance(first, bound.ColumnRef) or first.column != self.n:
            raise SqlError(SQLITE_ERROR, f"illegal first argument to {call.name}")
        if len(given) > ARGUMENTS[call.name]:
            raise SqlError(SQLITE_ERROR, f"wrong number of arguments to function {call.name}()")
        if call.name == OPTIMIZE:
            self.request.planner.binder.written.add(self.table.slot)
        return self._call(call.name, handle, given, [] if call.name in WITHOUT_TEXTS else texts)
