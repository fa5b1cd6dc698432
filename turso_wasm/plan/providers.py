"""The interface to what gives the rows of table-valued functions.

A *provider* is asked for offers: given the conditions that can be used when the function is entered (arguments are
conditions on its hidden columns, see bind/table_functions.py), it says in which ways it can give rows, what each costs,
in which order the rows come and which of the conditions they satisfy. The join planner weighs offers as it weighs the
paths of a table, and asks the chosen one for its rows: any row source, with an expression for each column.

To add a function: its line in catalog/table_functions.py, and its provider in plan/table_functions.py; where no row
source there is can give the rows, a node and its emitter (codegen/table_functions.py).

Invariants:
  F1  The conditions of a request read nothing that is not there yet. While a hidden column's value is not there the
      function is not asked: it waits.
  F2  A condition that an offer consumes is true of every row; all others are tested again.
  F3  A provider is not told of an IN on a hidden column, but of `=` with one of its values, if it consumes that: it
      gives the rows for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Protocol

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.query import Item
from turso_wasm.catalog.modules.registry import find_module
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn, Path, in_rows
from turso_wasm.plan.terms import Sarg, Term, call_sargs

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

NULL = bound.Constant(value=None)
ROWID = -1


@dataclass(slots=True, eq=False)
class GivenRows:
    """The rows of an offer that was taken: those of `child`, with the columns that it makes of them.

    columns: by number, visible ones first, then the arguments, -1 the rowid. A rowid that is missing counts the rows;
    all else that is missing is NULL.
    """

    child: nodes.Plan
    columns: dict[int, bound.Expr]


@dataclass(slots=True, eq=False)
class Offer:
    """One way to give the rows. rows, cost: of one visit, in the units of cost.py.

    consumed: F2. tested: conditions by which it finds rows, but which are tested again. listed: F3, what it was told
    and what the condition is. order: the columns by which the rows come, in one of both directions. number, label: what
    EXPLAIN QUERY PLAN says. make: is called with True for rows in reverse order.
    """

    rows: float
    cost: float
    consumed: tuple[Sarg, ...]
    make: Callable[[bool], GivenRows]
    order: tuple[OrderColumn, ...] = ()
    number: int = 0
    label: str = ""
    listed: tuple[tuple[Sarg, Sarg], ...] = ()
    tested: tuple[Sarg, ...] = ()


@dataclass(slots=True, eq=False)
class Request:
    """A function in FROM, and the conditions on its columns that can be used (F1). used: the columns anything reads."""

    item: Item
    conditions: list[Sarg]
    used: frozenset[int]
    planner: Planner

    def argument(self, number: int) -> Sarg | None:
        """The condition that gives an argument its value, counted from 0."""
        column = len(self.item.columns) + number
        return next((sarg for sarg in self.conditions if sarg.column == column and sarg.op == "="), None)

    def evaluated(self, values: Iterable[bound.Expr]) -> tuple[nodes.Plan, tuple[bound.ColumnRef, ...]]:
        """One row of these values, each computed once, and the columns that hold them."""
        source = self.planner.new_source()
        row = tuple(values)
        columns = tuple(bound.ColumnRef(source=source, column=number) for number in range(len(row)))
        return nodes.Values(source=source, rows=(row,), n_columns=len(row)), columns


def _for_each(offer: Offer, listed: tuple[tuple[Sarg, Sarg], ...], n: float) -> Offer:
    return replace(offer, rows=offer.rows * n, cost=offer.cost * n, order=(), listed=listed)


class Provider(Protocol):
    """What gives the rows of a function."""

    def offers(self, request: Request) -> list[Offer]:
        """The ways to give the rows, at least one. Errors: SqlError when an argument is missing that must be there."""


@dataclass(slots=True, eq=False)
class FunctionAccess:
    """A function in FROM, as the join planner sees it: the counterpart of a TableAccess."""

    item: Item
    used: frozenset[int]
    planner: Planner
    provider: Provider

    @property
    def table(self) -> Table:
        """The function's columns."""
        assert self.item.table is not None
        return self.item.table

    def paths(self, terms: Iterable[Term], blocked: frozenset[int]) -> list[Path]:
        """The offers, given terms whose values must not read the sources in `blocked`; none while arguments wait."""
        source = self.item.source
        sargs = [sarg for term in terms if source in term.sources for sarg in self._sargs(term)]
        conditions = [sarg for sarg in sargs if not sarg.sources & blocked]
        ignored = self._ignored(sargs, conditions)
        if any(sarg.sources & blocked and self._is_given(sarg) and sarg.column not in ignored for sarg in sargs):
            return []
        return [self._path(offer) for offer in self._offers(conditions)]

    def searches(self, paths: Iterable[Path]) -> bool:
        """Whether all take care of a condition that only the module understands."""
        return all(any(map(self._is_search, path.equal)) for path in paths)

    def _ignored(self, sargs: Iterable[Sarg], conditions: Iterable[Sarg]) -> frozenset[int]:
        """The hidden columns that are arguments of nothing while nothing is searched for. Where an outer join might
        have given NULL, SQLite does not take a value that is not there yet for one to be searched for.
        """
        declared = self.table.declared
        if declared is None or any(map(self._is_search, conditions)):
            return frozenset()
        if declared.searched is None:
            return frozenset() if any(map(self._is_search, sargs)) else declared.of_search
        return declared.of_search | {declared.searched} if self.item.nullable else frozenset()

    def _is_search(self, sarg: Sarg) -> bool:
        declared = self.table.declared
        searched = None if declared is None else declared.searched
        return sarg.op == "call" or (sarg.op == "=" and sarg.column == searched)

    def _is_given(self, sarg: Sarg) -> bool:
        """Whether it gives a hidden column its value, or one of some: what the rows are may depend on it."""
        outputs = self.table.declared.outputs if self.table.declared is not None else ()
        return sarg.op in ("=", "in") and sarg.column >= len(self.item.columns) and sarg.column not in outputs

    def _offers(self, conditions: list[Sarg]) -> list[Offer]:
        """The offers (F3)."""
        told = {sarg: self._one_of(sarg) for sarg in conditions if sarg.op == "in" and self._is_given(sarg)}
        while True:
            known = [told.get(sarg, sarg) for sarg in conditions]
            offers = self.provider.offers(Request(self.item, known, self.used, self.planner))
            unused = [sarg for sarg, one in told.items() if any(one not in offer.consumed for offer in offers)]
            if not unused:
                listed = tuple((one, sarg) for sarg, one in told.items())
                n = prod(in_rows(sarg) for sarg in told)
                return [_for_each(offer, listed, n) for offer in offers] if listed else offers
            for sarg in unused:
                del told[sarg]

    def _one_of(self, sarg: Sarg) -> Sarg:
        value = bound.ColumnRef(source=self.planner.new_source(), column=0)
        return replace(sarg, op="=", value=value, affinity=None, items=(), subquery=None, rows=None)

    def _sargs(self, term: Term) -> list[Sarg]:
        """The conditions a term is on columns, those by functions and operators of the table's module included."""
        module = find_module(self.table.module) if self.table.kind == "virtual" else None
        found = [sarg for sarg in term.sargs_for(self.item.source) if sarg.rows is None or not sarg.is_select]
        if module is None or not module.conditions:
            return found
        return [*found, *call_sargs(term, self.item.source, module.conditions)]

    def _path(self, offer: Offer) -> Path:
        path = Path("function", equal=offer.consumed, rows=offer.rows, cost=offer.cost, order=offer.order)
        path.offer = offer
        listed = [*(sarg for _, sarg in offer.listed), *(sarg for sarg in offer.consumed if sarg.op == "in")]
        path.in_sarg = listed[0] if listed else None
        return path

    def plan(self, offer: Offer, reverse: bool, loops: Sequence[nodes.Plan] = ()) -> nodes.Plan:
        """The nodes of the offer that was taken, for each row of the loops."""
        given = offer.make(reverse)
        child = given.child
        for loop in reversed(loops):
            child = nodes.NestedLoop(left=loop, right=child)
        is_numbered = ROWID in self.used and ROWID not in given.columns
        columns = tuple(sorted(self.used - {ROWID} if is_numbered else self.used))
        return nodes.FunctionScan(
            source=self.item.source,
            name=self.table.name,
            child=child,
            columns=columns,
            outputs=tuple(given.columns.get(column, NULL) for column in columns),
            is_numbered=is_numbered,
            number=offer.number,
            label=offer.label,
        )
