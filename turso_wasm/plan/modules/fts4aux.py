"""The terms of an FTS4 table; the tokens of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.catalog.modules.fts3 import Fts3Options
from turso_wasm.catalog.modules.fts4aux import AUX_COLUMNS, TOKEN_COLUMNS, AuxOptions
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import equal_rows
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.paths import equal_values
from turso_wasm.plan.providers import GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

ROWS: Final = 10000.0
TOKENS: Final = 20.0
LANGUAGE: Final = len(AUX_COLUMNS)
WRONG: Final = "SQL logic error"


class Fts4AuxProvider:
    """All rows of a language, by term."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        given = next((sarg for sarg in request.conditions if sarg.column == LANGUAGE and sarg.op == "="), None)
        consumed = () if given is None else (given,)
        return [Offer(ROWS, ROWS, consumed, lambda _: _terms(request, given))]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """See PlannedModule."""
        return ()


def _terms(request: Request, given: Sarg | None) -> GivenRows:
    table = request.item.table
    assert table is not None and table.declared is not None and isinstance(table.declared.options, AuxOptions)
    binder = request.planner.binder
    owner = binder.catalogs.find_table(table.declared.options.table, table.declared.options.schema)
    if owner is None or owner.declared is None or fold(owner.module) not in ("fts3", "fts4"):
        raise SqlError(SQLITE_ERROR, WRONG)
    wanted = bound.Constant(value=0) if given is None else bound.Cast(operand=given.value, affinity="D")
    values, (language,) = request.evaluated((wanted,))
    source = request.planner.new_source()
    found = nodes.FtsTerms(
        source=source, table=owner, shadows=shadows(binder, owner), kind="fts4aux", language=language
    )
    columns: dict[int, bound.Expr] = {at: bound.ColumnRef(source=source, column=at) for at in range(len(AUX_COLUMNS))}
    return GivenRows(nodes.NestedLoop(left=values, right=found), columns | {LANGUAGE: language})


class Fts3TokenizeProvider:
    """The tokens of a text that is given."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule."""
        texts = [sarg for sarg in request.conditions if sarg.column == 0 and sarg.op in ("=", "in")]
        given = min(texts, key=lambda sarg: sarg.op == "in", default=None)
        if given is None:
            return [Offer(ROWS, ROWS * ROWS, (), lambda _: _refuse())]
        n = TOKENS * equal_rows(given)
        return [Offer(n, n, (given,), lambda _: _tokens(request, given), number=1)]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """See PlannedModule."""
        return ()


def _refuse() -> GivenRows:
    raise SqlError(SQLITE_ERROR, WRONG)


def _tokens(request: Request, given: Sarg) -> GivenRows:
    table = request.item.table
    assert table is not None and table.declared is not None and isinstance(table.declared.options, Fts3Options)
    values, text = equal_values(request.planner, given)
    source = request.planner.new_source()
    found = nodes.FtsTokens(source=source, table=table, text=text)
    columns: dict[int, bound.Expr] = {
        1 + at: bound.ColumnRef(source=source, column=at) for at in range(len(TOKEN_COLUMNS))
    }
    return GivenRows(nodes.NestedLoop(left=values, right=found), columns | {0: text})
