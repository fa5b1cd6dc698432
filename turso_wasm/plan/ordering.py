"""Whether a sequence of nested loops already delivers rows in the order of ORDER BY.

The state after some loops: how many terms are satisfied, and whether the next loop can go on with the following
ones (it can while every combination of the satisfied terms' values comes from at most one row of the loops so far).
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.comparison import collation_of
from turso_wasm.bind.query import OrderKey
from turso_wasm.bind.walk import is_deterministic, same_expression, sources_used, strip_collation
from turso_wasm.plan.access import OrderColumn, Path
from turso_wasm.plan.terms import Term


@dataclass(slots=True, frozen=True)
class OrderState:
    """satisfied: leading terms that hold. alive: further loops may satisfy more."""

    satisfied: int = 0
    alive: bool = True


class Ordering:
    """The terms of an ORDER BY, asked loop by loop."""

    def __init__(self, keys: Sequence[OrderKey], pin: object) -> None:
        self.keys = tuple(keys)
        self.pin = pin
        self.sources = [frozenset(sources_used(key.expr)) for key in self.keys]

    def complete(self, state: OrderState) -> bool:
        """All terms are satisfied."""
        return state.satisfied == len(self.keys)

    def broken(self, state: OrderState) -> OrderState:
        """After a loop without order."""
        return state if self.complete(state) else OrderState(state.satisfied, False)

    def extend(
        self,
        state: OrderState,
        path: Path,
        source: int,
        own: frozenset[int],
        before: frozenset[int],
        terms: Sequence[Term],
    ) -> tuple[OrderState, bool]:
        """The state after one more loop over `source` by `path`, and whether the path must run backwards for it.

        own: all sources of this join. before: those of them visited so far. terms: all conditions of the join.
        """
        if not state.alive or self.complete(state):
            return state, False
        done = before | {source}
        k = state.satisfied
        at = 0
        direction: bool | None = None
        order = path.order
        exhausted = path.unique or not order
        if path.in_sarg is not None:
            exhausted = False
        while k < len(self.keys):
            key = self.keys[k]
            if self._is_fixed(key, path, source, own, before, terms):
                k += 1
                continue
            if path.unique or (at == len(order) and path.distinct_order and at > 0):
                # One row at most for each value of what came before: whatever it holds is in order.
                if self.sources[k] & own <= done:
                    k += 1
                    continue
                exhausted = True
                break
            if at < len(order) and self._column_is_fixed(order[at], source, own, before, terms):
                at += 1
                continue
            if at == len(order) or not self._matches(key, order[at], source):
                break
            backwards = key.desc != order[at].desc
            if direction is None:
                direction = backwards
            elif direction != backwards:
                break
            k += 1
            if order[at].column == -1:  # a rowid: nothing after it matters within this loop
                at = len(order)
            else:
                at += 1
        exhausted = exhausted or (at == len(order) and path.distinct_order)
        return OrderState(k, exhausted), bool(direction)

    def _is_fixed(
        self,
        key: OrderKey,
        path: Path,
        source: int,
        own: frozenset[int],
        before: frozenset[int],
        terms: Sequence[Term],
    ) -> bool:
        """The term has one value for all rows of this loop: it reads no source of the join, or a condition says so."""
        expr = key.expr
        if type(expr) is bound.Constant:
            return True
        if isinstance(expr, bound.ColumnRef) and expr.source == source:
            return self._column_is_fixed(OrderColumn(expr.column, key.collation), source, own, before, terms)
        return is_deterministic(expr) and not (sources_used(expr) & own)

    def _column_is_fixed(
        self, column: OrderColumn, source: int, own: frozenset[int], before: frozenset[int], terms: Sequence[Term]
    ) -> bool:
        """An equality with a value that is constant throughout the join."""
        if column.column == -2:
            return False
        for term in terms:
            if source not in term.sources:
                continue
            for sarg in term.sargs_for(source):
                if sarg.column != column.column or sarg.op not in ("=", "is", "isnull"):
                    continue
                if not (sarg.sources & own) and sarg.collation == column.collation:
                    return True
        return False

    def _matches(self, key: OrderKey, column: OrderColumn, source: int) -> bool:
        expr = key.expr
        if key.nulls is not None and (key.nulls == "first") == key.desc:
            return False  # NULLs are at the other end than in the index
        if column.expr is not None:
            if not same_expression(expr, column.expr, self.pin):  # type: ignore[arg-type]
                return False
        elif not isinstance(expr, bound.ColumnRef) or expr.source != source or expr.column != column.column:
            return False
        return column.column == -1 or key.collation == column.collation


class AnyOrder(Ordering):
    """Equal rows together, in whatever order: what DISTINCT and GROUP BY wish. They do not depend on it, but SQLite
    visits the rows so, and where an index has all that is read, or finds the rows, it costs no more. at_any_price:
    another index will do too: few rows of the result are wanted.
    """

    def __init__(self, exprs: Sequence[bound.Expr], pin: object, at_any_price: bool = False) -> None:
        keys = [OrderKey(expr=strip_collation(expr), collation=collation_of(expr)) for expr in exprs]
        super().__init__(keys, pin)
        self.at_any_price = at_any_price

    def extend(
        self,
        state: OrderState,
        path: Path,
        source: int,
        own: frozenset[int],
        before: frozenset[int],
        terms: Sequence[Term],
    ) -> tuple[OrderState, bool]:
        """As for an ordering; only the first loop counts."""
        if before or not self._is_worth_it(path):
            return self.broken(state), False
        return self._first(state, path, source, own, before, terms)

    def _first(
        self,
        state: OrderState,
        path: Path,
        source: int,
        own: frozenset[int],
        before: frozenset[int],
        terms: Sequence[Term],
    ) -> tuple[OrderState, bool]:
        wanted = [key for key in self.keys if not self._is_fixed(key, path, source, own, before, terms)]
        for column in path.order:
            if not wanted or self._column_is_fixed(column, source, own, before, terms):
                continue
            found = next((key for key in wanted if self._matches(key, column, source)), None)
            if found is None:
                break
            wanted.remove(found)
            if column.column == -1:  # a rowid: all else that this loop gives is one row's
                wanted = [key for key in wanted if sources_used(key.expr) & own - {source}]
        return OrderState(0 if wanted else len(self.keys), False), False

    def _is_worth_it(self, path: Path) -> bool:
        looks_up = bool(path.equal) and path.in_sarg is None
        return self.at_any_price or path.covering or path.kind == "scan" or looks_up


class GroupOrder(AnyOrder):
    """As AnyOrder, in the order of these keys: that of groups too."""

    def __init__(self, keys: Sequence[OrderKey], pin: object, at_any_price: bool = False) -> None:
        Ordering.__init__(self, keys, pin)
        self.at_any_price = at_any_price

    def _first(
        self,
        state: OrderState,
        path: Path,
        source: int,
        own: frozenset[int],
        before: frozenset[int],
        terms: Sequence[Term],
    ) -> tuple[OrderState, bool]:
        found, reverse = Ordering.extend(self, state, path, source, own, before, terms)
        return (found, reverse) if self.complete(found) else (OrderState(0, False), False)
