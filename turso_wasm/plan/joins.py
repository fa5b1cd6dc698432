"""Join order, access paths and join methods: chosen together, by dynamic programming over sets of FROM elements.

A *unit* is one operand of the join: a table, a subquery, or (right of a left join) a group joined among itself. A
state is a sequence of units with a choice for each; for every set of units the cheapest state per order property is
kept (exact up to EXACT_UNITS, beyond that only the best states of each size: BEAM, fewer of very large joins).

Invariants:
  J1  The right side of a LEFT or CROSS JOIN is visited after everything to its left, that of a semi- or anti-join after
      what it reads. But what a CROSS JOIN looks up as one row may come as soon as its key is there.
  J2  A condition is tested at the first place where all it reads is there, and exactly once; one that runs a subquery
      for every row waits for the look-ups of one row that come next.
  J3  The build side of a hash join is read once, so it reads nothing from outside the join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, sqrt
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.query import USUAL_RUNS, OrderKey, Step
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.walk import all_of, sources_used, step_expressions
from turso_wasm.plan import cost
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.alternatives import Arm, arms_of, or_path
from turso_wasm.plan.join_nodes import Assembler, by_cost, hash_join, outer_sources, reads_changing
from turso_wasm.plan.join_states import (
    SAME_KEY,
    Choice,
    HashKey,
    JoinPlan,
    State,
    Unit,
    hash_keys,
    is_lookup,
    keep,
    useful,
)
from turso_wasm.plan.ordering import AnyOrder, Ordering, OrderState
from turso_wasm.plan.providers import FunctionAccess
from turso_wasm.plan.rewrite import compared_rows
from turso_wasm.plan.sizes import LOOKED_UP_FAST, KnownSizes
from turso_wasm.plan.terms import Term, make_term
from turso_wasm.plan.ties import best_beginning, is_sweep, rest_of_order
from turso_wasm.plan.transfer import pass_filters

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

CHOICES = (
    "join_order",
    "hash_joins",
    "in_look_ups",
    "or_look_ups",
    "indexes",
    "vector_indexes",
    "row_order",
    "sieves",
    "lookup_tables",
    "memo",
    "count_ranges",
    "arm_limits",
    "skip_scans",
    "sizes",
    "key_filters",
    "early_look_ups",
)
"""What can be switched off besides the passes of rewrite.py."""

EXACT_UNITS = 6
MIN_BOUNDED = 4  # with so many units what a greedy order costs, which is then the most, is worth knowing first
BEAM = 16
LIMIT_ROWS = 100.0  # a query with LIMIT is taken to want that many rows
MUCH_BETTER = 2.0
HASH_MIN_OUTER = 3.0  # fewer probes do not pay for building a table

COMPLETE = OrderState(0, True)


class JoinPlanner:
    """Plans one join: `steps` under the conjuncts `terms`. outer: whether expressions may read sources from outside.
    shown: users see in which order its rows come.
    """

    def __init__(
        self,
        planner: Planner,
        steps: Sequence[Step],
        terms: list[Term],
        ordering: Ordering | None = None,
        correlated: bool = False,
        limited: bool = False,
        runs: float = USUAL_RUNS,
        shown: bool = False,
    ) -> None:
        self.planner = planner
        self.runs = runs
        self.terms = terms
        self.ordering = ordering
        self.correlated = correlated
        self.limited = limited
        self.shown = shown
        self.own = frozenset(item.source for step in steps for item in step.items())
        self.without = planner.binder.without
        self.outer = frozenset().union(*(term.sources for term in terms)) - self.own if correlated else frozenset()
        self.sizes: KnownSizes | None = None
        self.units: list[Unit] = []
        for number, step in enumerate(steps):
            self.units.append(self._unit(number, step))

    def plan(self) -> JoinPlan:
        """The cheapest plan. Errors: "no query solution" (INDEXED BY an index that cannot be used)."""
        best = self._search()
        if not self.planner.sizes.rows.keys().isdisjoint(self.own):
            best = self._with_sizes(best)
        further = self._further(best)
        plan = Assembler(self.planner, self.terms, self.own, self.correlated).assemble(best)
        if "key_filters" not in self.without:
            plan = pass_filters(plan)
        ordered = self.ordering is not None and self.ordering.complete(best.order)
        path = best.choices[0].path if len(best.choices) == 1 else None
        ties = self._ties(best)
        return JoinPlan(plan, best.rows, best.cost, ordered, best.order.satisfied, ties, path, further=further)

    def _with_sizes(self, usual: State) -> State:
        """What is best for the sizes that are known, if it is better by far than the usual plan, whose order of rows is
        SQLite's.
        """
        self.sizes = self.planner.sizes
        for unit in self.units:
            if isinstance(unit.access, TableAccess):
                unit.access.know_sizes(self.sizes)
                unit.cache.clear()
                unit.arms = None
        best = self._search()
        again = self._followed(usual)
        is_better = again is None or self._final_cost(best) * MUCH_BETTER < self._final_cost(again)
        return best if is_better else usual

    def _followed(self, plan: State) -> State | None:
        """The same choices at what they cost now."""
        state = self._nothing()
        for choice in plan.choices:
            shape = choice.method, _shape_of(choice.path)
            alike = [
                following
                for following in self._extend(state, choice.unit)
                if (following.choices[-1].method, _shape_of(following.choices[-1].path)) == shape
            ]
            if not alike:
                return None
            state = min(alike, key=lambda following: following.cost)
        return state

    def _nothing(self) -> State:
        """Of no unit yet."""
        return State(0, frozenset(), 0.0, 1.0, OrderState() if self.ordering is not None else COMPLETE)

    def _ties(self, state: State) -> bound.Expr | None:
        """Of the first rows of an order that an index begins, where SQLite sorts a whole table: the table's order."""
        if not self.limited or len(state.choices) != 1:
            return None
        path, item = state.choices[0].path, state.choices[0].unit.item
        if path is None or path.index is None or path.covering or path.sargs() or path.skipped:
            return None
        assert item is not None and item.table is not None
        return None if item.table.without_rowid else column_ref(item, -1)

    def _further(self, state: State) -> list[OrderKey]:
        """Of rows that are sorted, and that SQLite visits by an index which begins as their order does (with a LIMIT,
        with more than half of it): how that index goes on.
        """
        ordering = self.ordering
        if type(ordering) is not Ordering or state.order.satisfied or "row_order" in self.without or not state.choices:
            return []
        access, path = state.choices[0].unit.access, state.choices[0].path
        if not isinstance(access, TableAccess) or path is None or not is_sweep(path):
            return []
        least = len(ordering.keys) // 2 + 1 if self.limited else 1
        found = best_beginning(ordering, access, self.own, self.terms, least)
        keys = [] if found is None else rest_of_order(ordering, access, path, *found)
        for key in keys:
            self.planner.note_expression(key.expr)
        return keys

    # --- units ---------------------------------------------------------------------------------------------------

    def _unit(self, number: int, step: Step) -> Unit:
        unit = Unit(number, step, frozenset(item.source for item in step.items()))
        if step.kind in ("left", "cross"):
            unit.before = (1 << number) - 1
        elif unit.asked:
            read = _sources_read(step)
            unit.before = sum(1 << other.number for other in self.units if other.sources & read)
        item = unit.item
        if step.left:
            unit.subplan = self._plan_outer_join(step)
        elif item is None and not unit.has_on:
            unit.subplan = self._plan_operand(step.group, step.group_where)
            unit.subplan.correlated = bool(outer_sources(unit.subplan.plan))
        elif item is not None and item.table is not None and item.table.is_provided:
            unit.access = self.planner.function_access(item)
        elif item is not None and item.table is not None:
            unit.access = self.planner.table_access(item)
            unit.access.range_first = item.source != self.planner.target and not isinstance(self.ordering, AnyOrder)
        elif item is not None:
            assert item.query is not None
            unit.subplan = self.planner.plan_item(item)
            unit.subplan.correlated = bool(item.query.outer)
        if unit.has_on:
            unit.on = [make_term(self.planner.finish(expr)) for expr in step.on]
            depends = item is not None and item.query is not None and bool(item.query.outer)
            unit.subplan = self._plan_right_side(unit)
            unit.subplan.correlated = depends
        unit.terms = [term for term in self.terms if term.sources & unit.sources]
        unit.related = frozenset().union(*(term.sources for term in unit.terms)) & self.own
        return unit

    def _plan_right_side(self, unit: Unit) -> JoinPlan:
        """The right side of a join for one row of the left: its ON condition is tested inside."""
        step = unit.step
        known = self.planner.right_sides.get((id(step), self.runs))
        if known is not None:
            return known[1]
        inner = step.group if step.item is None else [Step(step.item)]
        terms = [*unit.on, *(make_term(self.planner.finish(expr)) for expr in step.group_where)]
        terms += [make_term(expr, derived=True) for expr in step.derived]
        plan = JoinPlanner(self.planner, inner, terms, correlated=True, runs=self.runs).plan()
        self.planner.right_sides[id(step), self.runs] = step, plan
        return plan

    def _plan_outer_join(self, step: Step) -> JoinPlan:
        """A RIGHT or FULL join: the right side is read first, then each row of the left looks for its matches."""
        left = self._plan_operand(step.left, step.left_where)
        right = self._plan_operand([Step(step.item)] if step.item is not None else step.group, step.group_where)
        terms = [make_term(self.planner.finish(expr)) for expr in step.on]
        left_sources = frozenset(item.source for item in step.left_items())
        own = frozenset(item.source for item in step.own_items())
        keys = hash_keys(left_sources, own, terms)
        used = {key.term for key in keys}
        join = hash_join(self.planner, left.plan, right.plan, keys or SAME_KEY, own)
        join = replace(
            join,
            residual=all_of([term.expr for term in by_cost(terms) if term not in used]),
            kind="full" if step.kind == "full" else "right",
            probe_sources=tuple(sorted(left_sources)),
        )
        price = left.cost + right.cost + right.rows * cost.PER_BUILD + left.rows * cost.PER_PROBE
        rows = max(left.rows, right.rows) if keys else left.rows * right.rows
        return JoinPlan(join, rows, price + rows * cost.PER_OUTPUT, correlated=bool(outer_sources(join)))

    def _plan_operand(self, steps: Sequence[Step], where: list[bound.Expr]) -> JoinPlan:
        terms = [make_term(self.planner.finish(expr)) for expr in where]
        return JoinPlanner(self.planner, steps, terms, correlated=self.correlated, runs=self.runs).plan()

    # --- search --------------------------------------------------------------------------------------------------

    def _search(self) -> State:
        is_exact = len(self.units) <= EXACT_UNITS
        width = 0 if is_exact else min(BEAM, 400 // len(self.units))
        found: list[State] = []
        if is_exact and len(self.units) >= MIN_BOUNDED and not self.limited:
            found = self._orders(1, inf)
        found += self._orders(width, min(map(self._final_cost, found), default=inf))
        if not found:
            raise SqlError(SQLITE_ERROR, "no query solution")
        return min(found, key=self._final_cost)

    def _orders(self, width: int, most: float) -> list[State]:
        """The best sequences of all units. width: so many states of each size are gone on with, 0: all of them that do
        not cost more than `most`.
        """
        states = [self._nothing()]
        for _ in self.units:
            found: dict[int, list[State]] = {}
            for state in states:
                for unit in self._candidates(state):
                    extended = self._extend(state, unit)
                    for following in extended:
                        if following.cost <= most:
                            keep(found.setdefault(following.mask, []), following)
                    if extended and "join_order" in self.without:
                        break
            states = [state for group in found.values() for state in group]
            if width:
                states.sort(key=lambda state: state.cost)
                del states[width:]
        return states

    def _candidates(self, state: State) -> list[Unit]:
        """The units that can come next; in a large join only those that a condition connects with what is there, if
        there are any.
        """
        found = [unit for unit in self.units if not (state.mask >> unit.number & 1 or unit.before & ~state.mask)]
        if "join_order" in self.without:
            return found
        if state.mask and "early_look_ups" not in self.without:
            found += [unit for unit in self.units if self._may_be_early(state, unit)]
        if self.limited and not state.mask:  # rows without end cannot be kept, but the first of them can be had
            found = [unit for unit in found if unit.is_endless] or found
        if len(self.units) > EXACT_UNITS and state.mask:
            return [unit for unit in found if unit.has_on or unit.related & state.sources] or found
        return found

    def _may_be_early(self, state: State, unit: Unit) -> bool:
        """It is forced to come after others that are not there, but might be looked up: one row more or less between
        them changes neither which rows come nor their order.
        """
        waits = unit.before & ~state.mask and not state.mask >> unit.number & 1
        return bool(waits) and unit.step.kind == "cross" and isinstance(unit.access, TableAccess)

    def _final_cost(self, state: State) -> float:
        """With sorting where the order is not there yet; a LIMIT makes ordered plans cheaper."""
        share = min(LIMIT_ROWS / state.rows, 1.0) if self.limited else 1.0
        if self.ordering is None or self.ordering.complete(state.order):
            return state.cost * share
        if not state.order.satisfied:
            return state.cost + cost.sort_cost(state.rows)
        # Groups are sorted one by one, and are taken to be as many as a group has rows.
        unsorted = max(1.0 - state.order.satisfied / len(self.ordering.keys), 0.5)
        return (state.cost + cost.sort_cost(state.rows, unsorted)) * sqrt(share)

    def _extend(self, state: State, unit: Unit) -> list[State]:
        if unit.has_on:
            return self._extend_matches(state, unit)
        found = []
        if unit.access is not None:
            paths = self._paths(state, unit)
            is_early = bool(unit.before & ~state.mask)
            for path in paths:
                if is_early and not (path.kind == "rowid" or path.unique):
                    continue
                order, reverse = self._order_after(state, unit, path)
                rows = state.rows * max(path.rows * self._selectivity(state, unit, path), 0.001)
                total = state.cost + self._visits(state, unit, path) + rows * cost.PER_OUTPUT
                choice = Choice(unit, "loop", path, reverse)
                found.append(self._next(state, unit, total, rows, order, choice))
        elif unit.subplan is not None and (not state.mask or unit.subplan.correlated or unit.is_kept):
            rows = state.rows * unit.subplan.rows
            total = state.cost + (rows if unit.is_kept else state.rows * unit.subplan.cost)
            found.append(self._next(state, unit, total, rows, self._broken(state), Choice(unit, "loop")))
        is_sure = self.runs <= USUAL_RUNS  # without statistics a look-up is the safer choice
        looks_up = is_sure and any(is_lookup(following.choices[-1]) for following in found)
        if (state.mask or self.correlated) and not (looks_up or unit.before & ~state.mask):
            hashed = self._extend_hash(state, unit)
            if hashed is not None:
                found.append(hashed)
        return found

    def _visits(self, state: State, unit: Unit, path: Path) -> float:
        """Following a path for each row that is there; where a sieve can take over, at most twice that."""
        price = state.rows * path.cost
        if path.kind != "rowid" or not state.mask or "sieves" in self.without:
            return price
        if not any(term.sources == unit.sources and not term.late and not term.derived for term in unit.terms):
            return price
        assert isinstance(unit.access, TableAccess)
        return min(price, unit.access.rows + state.rows * cost.PER_PROBE)

    def _next(self, state: State, unit: Unit, total: float, rows: float, order: OrderState, choice: Choice) -> State:
        return State(
            state.mask | 1 << unit.number,
            state.sources | unit.sources,
            total,
            rows,
            order,
            (*state.choices, choice),
        )

    def _paths(self, state: State, unit: Unit) -> list[Path]:
        key = state.sources & unit.related
        paths = unit.cache.get(key)
        if paths is None:
            assert unit.access is not None
            blocked = self.own - state.sources
            terms: Sequence[Term] = self.terms
            if isinstance(unit.access, FunctionAccess):
                never = self._always_later(unit)  # else what waits for them has no way to be found
                terms = [term for term in terms if not term.sources & never] if never else terms
            paths = unit.access.paths(terms, blocked)
            whole = [(term, arms) for term, arms in self._arms(unit) if not term.sources & blocked - unit.sources]
            found = [or_path(term, arms, blocked, self.shown) for term, arms in whole]
            alternatives = [path for path in found if path is not None]
            if not isinstance(unit.access, FunctionAccess):
                paths += alternatives
            elif not unit.access.searches(paths):  # else a condition of a module is found so or not at all
                paths = alternatives or paths
            unit.cache[key] = paths = useful(paths, self.ordering is not None)
        if state.mask:
            # Inside a loop an IN (SELECT …) is tested by look-up; driving the loop it would run again and again.
            usable = [path for path in paths if not path.runs_select]
            return usable or paths
        return paths

    def _always_later(self, unit: Unit) -> frozenset[int]:
        """The sources from the next CROSS or outer join on."""
        later = self.units[unit.number + 1 :]
        at = next((at for at, each in enumerate(later) if each.step.kind in ("left", "cross")), len(later))
        return frozenset().union(*(each.sources for each in later[at:]))

    def _arms(self, unit: Unit) -> list[tuple[Term, list[Arm]]]:
        if unit.arms is None:
            assert unit.access is not None
            item = unit.access.item
            is_fixed = item.indexed_by is not None or item.not_indexed
            is_search = isinstance(unit.access, FunctionAccess)  # what a module searches for is found no other way
            if is_fixed or ("or_look_ups" in self.without and not is_search):
                unit.arms = []
                return unit.arms
            plain = [term for term in unit.terms if not (term.derived or term.late)]
            pairs = [
                (term, arms_of(self.planner, unit.access, term, [other.expr for other in plain if other is not term]))
                for term in unit.terms
                if not compared_rows(term.expr, self.planner.binder)  # a range by itself
            ]
            unit.arms = [(term, arms) for term, arms in pairs if arms]
        return unit.arms

    def _selectivity(self, state: State, unit: Unit, path: Path) -> float:
        """What the terms leave that the path does not use."""
        used = {sarg.term for sarg in path.sargs()} | set(path.implied)
        factor = 1.0
        available = state.sources | unit.sources
        for term in unit.terms:
            if term in used or term.derived:
                continue
            if (term.sources & self.own) <= available:
                op = term.expr.op if isinstance(term.expr, bound.Compare) else ""
                factor *= cost.FILTER_SELECTIVITY.get(op, cost.OTHER_SELECTIVITY)
        return factor

    def _order_after(self, state: State, unit: Unit, path: Path) -> tuple[OrderState, bool]:
        if self.ordering is None:
            return COMPLETE, False
        (source,) = unit.sources
        return self.ordering.extend(state.order, path, source, self.own, state.sources, self.terms)

    def _broken(self, state: State) -> OrderState:
        return state.order if self.ordering is None else self.ordering.broken(state.order)

    # --- joins with an ON of their own ---------------------------------------------------------------------------

    def _extend_matches(self, state: State, unit: Unit) -> list[State]:
        """The right side of a left, semi- or anti-join for each row."""
        right = unit.subplan
        assert right is not None
        order = self._broken(state)
        if unit.asked:
            rows, order = max(state.rows * cost.MATCH_SELECTIVITY, 0.001), state.order
            total = state.cost + state.rows * right.cost * (1.0 if right.rows <= 1 else cost.MATCH_SELECTIVITY)
        else:
            rows = state.rows * max(right.rows, 1.0)
            total = state.cost + state.rows * right.cost + rows * cost.PER_OUTPUT
        if right.path is not None and right.path.unique and self.ordering is not None and unit.left and unit.access:
            (source,) = unit.sources
            order, _ = self.ordering.extend(state.order, right.path, source, self.own, state.sources, self.terms)
        found = [self._next(state, unit, total, rows, order, Choice(unit, "match"))]
        hashed = self._extend_hash(state, unit)
        if hashed is not None and not self._looks_up(unit, right.path, hashed):
            found.append(hashed)
        return found

    def _looks_up(self, unit: Unit, path: Path | None, hashed: State) -> bool:
        """Without statistics a look-up is the safer choice, unless the hash table finds by more columns."""
        if path is None or not is_lookup(Choice(unit, "match", path)):
            return False
        return unit.left or path.unique or len(hashed.choices[-1].keys) <= len(path.equal)

    # --- hash joins ----------------------------------------------------------------------------------------------

    def _extend_hash(self, state: State, unit: Unit) -> State | None:
        """Read the unit once into a hash table; subqueries without an equality become a table with one chain."""
        item = unit.item
        if (item is None and unit.left) or (unit.subplan is not None and unit.subplan.correlated):
            return None
        terms = unit.on if unit.has_on else unit.terms
        equalities = hash_keys(state.sources | self.outer, unit.sources, terms)
        is_query = unit.access is None
        if not equalities and (not is_query or unit.is_kept or unit.asked):
            return None
        if "hash_joins" in self.without and not is_query:
            return None
        runs = state.rows if state.mask else self.runs
        if not state.mask and reads_changing(self.planner, unit):
            return None
        keys = tuple(equalities or SAME_KEY)
        path: Path | None = None
        if unit.access is not None:
            build = self._build_paths(unit, terms)
            if not build:
                return None
            path = min(build, key=lambda each: each.cost)
            rows, price = path.rows, path.cost
        else:
            source = self._build_side(unit)
            if source is None:
                return None
            rows, price = source.rows, source.cost
        if runs < HASH_MIN_OUTER and not is_query:
            return None
        matches = self._matches(keys, rows) if equalities else max(rows, 1.0)
        build_cost = price + rows * cost.PER_BUILD
        if not state.mask:
            build_cost /= self.runs
        rows_out = state.rows * (cost.MATCH_SELECTIVITY if unit.asked else matches)
        per_row, per_probe = cost.PER_OUTPUT, cost.PER_PROBE
        if self.sizes is not None:
            per_row = per_row if unit.asked else cost.PER_MATCH
            per_probe = cost.SMALL_PROBE if rows <= LOOKED_UP_FAST else per_probe
        total = state.cost + build_cost + state.rows * per_probe + rows_out * per_row
        order = state.order if unit.asked else self._broken(state)
        return self._next(state, unit, total, rows_out, order, Choice(unit, "hash", path, keys=keys))

    def _matches(self, keys: Sequence[HashKey], rows: float) -> float:
        """Of so many rows those with the keys of one other row."""
        known = self.sizes.matches(rows, ((key.probe, key.build) for key in keys)) if self.sizes is not None else 0.0
        return known or max(min(rows, 10.0), 1.0)

    def _build_side(self, unit: Unit) -> JoinPlan | None:
        """A unit that is no table, to be read once; None if it reads what stands outside."""
        if unit.item is not None:
            return self.planner.item_plan(unit.item)
        if unit.asked and unit.alone is None:
            unit.alone = self._plan_operand(unit.step.group, unit.step.group_where)
            unit.alone.correlated = bool(outer_sources(unit.alone.plan))
        found = unit.alone or unit.subplan
        assert found is not None
        return None if found.correlated else found

    def _build_paths(self, unit: Unit, terms: list[Term]) -> list[Path]:
        """Paths for the build side: no term may read anything else."""
        assert unit.access is not None
        if isinstance(unit.access, FunctionAccess):  # it must know of the arguments that are not there
            others = frozenset().union(*(term.sources for term in terms)) - unit.sources
            return unit.access.paths(terms, others)
        alone = [term for term in terms if term.sources <= unit.sources]
        return unit.access.paths(alone, frozenset())


def _shape_of(path: Path | None) -> object:
    return None if path is None else (path.kind, path.index, len(path.equal), path.lower, path.upper)


def _sources_read(step: Step) -> set[int]:
    """The sources that the right side of a join looks at, inside and outside."""
    found: set[int] = set()
    for expr in step_expressions(step):
        found |= sources_used(expr)
    return found
