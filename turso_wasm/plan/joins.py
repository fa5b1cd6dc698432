"""Join order, access paths and join methods: chosen together, by dynamic programming over sets of FROM elements.

A *unit* is one operand of the join: a table, a subquery, or (right of a left join) a group joined among itself. A
state is a sequence of units with a choice for each; for every set of units the cheapest state per order property is
kept (exact up to EXACT_UNITS, beyond that only the best states of each size: BEAM, fewer of very large joins).

Invariants:
  J1  The right side of a LEFT or CROSS JOIN is visited after everything to its left.
  J2  A condition is tested at the first place where all it reads is there, and exactly once.
  J3  The build side of a hash join is read once, so it reads nothing from outside the join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from turso_wasm.base import tree
from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.query import Item, Step
from turso_wasm.bind.walk import all_of, is_deterministic
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan import cost, nodes
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.alternatives import Arm, arms_of, or_path
from turso_wasm.plan.ordering import Ordering, OrderState
from turso_wasm.plan.paths import path_plan
from turso_wasm.plan.providers import FunctionAccess
from turso_wasm.plan.terms import Term, make_term

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

CHOICES = ("join_order", "hash_joins", "or_look_ups", "indexes", "row_order")
"""What can be switched off besides the passes of rewrite.py."""

EXACT_UNITS = 6
BEAM = 16
LIMIT_ROWS = 100.0  # a query with LIMIT is taken to want that many rows
HASH_MIN_OUTER = 3.0  # fewer probes do not pay for building a table
RUNS = 25.0  # a subquery that reads outer columns is taken to run that often

ONE = bound.Constant(value=1)
COMPLETE = OrderState(0, True)


@dataclass(slots=True, eq=False)
class Unit:
    """One operand. before: bit mask of the units that must come first. related: sources of the join its terms look
    at.
    """

    number: int
    step: Step
    sources: frozenset[int]
    before: int = 0
    access: TableAccess | FunctionAccess | None = None
    subplan: JoinPlan | None = None  # of a subquery, or of a left join's right side
    on: list[Term] = field(default_factory=list)
    related: frozenset[int] = frozenset()
    terms: list[Term] = field(default_factory=list)  # of the join, those that look at it
    cache: dict[frozenset[int], list[Path]] = field(default_factory=dict)
    arms: list[tuple[Term, list[Arm]]] | None = None  # of ORs about a table, once they are asked for

    @property
    def item(self) -> Item | None:
        """The FROM element, None for a join."""
        return None if self.step.left else self.step.item

    @property
    def is_kept(self) -> bool:
        """Its rows are materialized anyway."""
        return self.subplan is not None and isinstance(self.subplan.plan, nodes.SharedScan)

    @property
    def is_endless(self) -> bool:
        """It is a recursive common table that nothing in it limits."""
        plan = self.subplan.plan if self.subplan is not None else None
        while isinstance(plan, nodes.Append) and len(plan.children) == 1:
            plan = plan.children[0]
        return isinstance(plan, nodes.Recursive)

    @property
    def left(self) -> bool:
        """It is the right side of a left join."""
        return self.step.kind == "left"


@dataclass(slots=True, eq=False)
class JoinPlan:
    """A finished join (or any row source) with its estimates. path: of a single table."""

    plan: nodes.Plan
    rows: float
    cost: float
    ordered: bool = False
    path: Path | None = None
    correlated: bool = False


@dataclass(slots=True, eq=False)
class Choice:
    """How one unit is visited."""

    unit: Unit
    method: Literal["loop", "hash", "left", "hash-left"]
    path: Path | None = None
    reverse: bool = False
    keys: tuple[HashKey, ...] = ()


@dataclass(slots=True, eq=False)
class HashKey:
    """An equality as a key of a hash join."""

    term: Term | None  # None: a key that all rows have
    probe: bound.Expr
    build: bound.Expr
    collation: str
    affinity: AffinityLetter | None


SAME_KEY = [HashKey(None, ONE, ONE, "BINARY", None)]


@dataclass(slots=True, eq=False)
class State:
    """A sequence of choices for the units in `mask`."""

    mask: int
    sources: frozenset[int]
    cost: float
    rows: float
    order: OrderState
    choices: tuple[Choice, ...] = ()


class JoinPlanner:
    """Plans one join: `steps` under the conjuncts `terms`. outer: whether expressions may read sources from outside."""

    def __init__(
        self,
        planner: Planner,
        steps: Sequence[Step],
        terms: list[Term],
        ordering: Ordering | None = None,
        correlated: bool = False,
        limited: bool = False,
    ) -> None:
        self.planner = planner
        self.terms = terms
        self.ordering = ordering
        self.correlated = correlated
        self.limited = limited
        self.own = frozenset(item.source for step in steps for item in step.items())
        self.without = planner.binder.without
        self.outer = frozenset().union(*(term.sources for term in terms)) - self.own if correlated else frozenset()
        self.units = [self._unit(number, step) for number, step in enumerate(steps)]

    def plan(self) -> JoinPlan:
        """The cheapest plan. Errors: "no query solution" (INDEXED BY an index that cannot be used)."""
        best = self._search()
        plan = self._assemble(best)
        ordered = self.ordering is not None and self.ordering.complete(best.order)
        path = best.choices[0].path if len(best.choices) == 1 else None
        return JoinPlan(plan, best.rows, best.cost, ordered, path)

    # --- units ---------------------------------------------------------------------------------------------------

    def _unit(self, number: int, step: Step) -> Unit:
        unit = Unit(number, step, frozenset(item.source for item in step.items()))
        if step.kind in ("left", "cross"):
            unit.before = (1 << number) - 1
        item = unit.item
        if step.left:
            unit.subplan = self._plan_outer_join(step)
        elif item is None and step.kind != "left":
            unit.subplan = self._plan_operand(step.group, step.group_where)
            unit.subplan.correlated = bool(outer_sources(unit.subplan.plan))
        elif item is not None and item.function is not None:
            unit.access = self.planner.function_access(item)
        elif item is not None and item.table is not None:
            unit.access = self.planner.table_access(item)
        elif item is not None:
            assert item.query is not None
            unit.subplan = self.planner.plan_item(item)
            unit.subplan.correlated = bool(item.query.outer)
        if unit.left:
            unit.on = [make_term(self.planner.finish(expr)) for expr in step.on]
            depends = item is not None and item.query is not None and bool(item.query.outer)
            unit.subplan = self._plan_right_side(unit)
            unit.subplan.correlated = depends
        unit.terms = [term for term in self.terms if term.sources & unit.sources]
        unit.related = frozenset().union(*(term.sources for term in unit.terms)) & self.own
        return unit

    def _plan_right_side(self, unit: Unit) -> JoinPlan:
        """The right side of a left join for one row of the left: its ON condition is tested inside."""
        step = unit.step
        inner = step.group if step.item is None else [Step(step.item)]
        terms = [*unit.on, *(make_term(self.planner.finish(expr)) for expr in step.group_where)]
        return JoinPlanner(self.planner, inner, terms, correlated=True).plan()

    def _plan_outer_join(self, step: Step) -> JoinPlan:
        """A RIGHT or FULL join: the right side is read first, then each row of the left looks for its matches."""
        left = self._plan_operand(step.left, step.left_where)
        right = self._plan_operand([Step(step.item)] if step.item is not None else step.group, step.group_where)
        terms = [make_term(self.planner.finish(expr)) for expr in step.on]
        left_sources = frozenset(item.source for item in step.left_items())
        own = frozenset(item.source for item in step.own_items())
        keys = _hash_keys(left_sources, own, terms)
        used = {key.term for key in keys}
        join = self._hash_node(left.plan, right.plan, keys or SAME_KEY, own)
        join = replace(
            join,
            residual=all_of([term.expr for term in _by_cost(terms) if term not in used]),
            kind="full" if step.kind == "full" else "right",
            probe_sources=tuple(sorted(left_sources)),
        )
        price = left.cost + right.cost + right.rows * cost.PER_BUILD + left.rows * cost.PER_PROBE
        rows = max(left.rows, right.rows) if keys else left.rows * right.rows
        return JoinPlan(join, rows, price + rows * cost.PER_OUTPUT, correlated=bool(outer_sources(join)))

    def _plan_operand(self, steps: Sequence[Step], where: list[bound.Expr]) -> JoinPlan:
        terms = [make_term(self.planner.finish(expr)) for expr in where]
        return JoinPlanner(self.planner, steps, terms, correlated=self.correlated).plan()

    # --- search --------------------------------------------------------------------------------------------------

    def _search(self) -> State:
        first = State(0, frozenset(), 0.0, 1.0, OrderState() if self.ordering is not None else COMPLETE)
        states = [first]
        for _ in self.units:
            found: dict[int, list[State]] = {}
            for state in states:
                for unit in self._candidates(state):
                    for following in self._extend(state, unit):
                        _keep(found.setdefault(following.mask, []), following)
            states = [state for group in found.values() for state in group]
            if len(self.units) > EXACT_UNITS:
                states.sort(key=lambda state: state.cost)
                del states[min(BEAM, 400 // len(self.units)) :]
        if not states:
            raise SqlError(SQLITE_ERROR, "no query solution")
        return min(states, key=self._final_cost)

    def _candidates(self, state: State) -> list[Unit]:
        """The units that can come next; in a large join only those that a condition connects with what is there, if
        there are any.
        """
        found = [unit for unit in self.units if not (state.mask >> unit.number & 1 or unit.before & ~state.mask)]
        if "join_order" in self.without:
            return found[:1]
        if self.limited and not state.mask:  # rows without end cannot be kept, but the first of them can be had
            found = [unit for unit in found if unit.is_endless] or found
        if len(self.units) > EXACT_UNITS and state.mask:
            return [unit for unit in found if unit.left or unit.related & state.sources] or found
        return found

    def _final_cost(self, state: State) -> float:
        """With sorting where the order is not there yet; a LIMIT makes ordered plans cheaper."""
        if self.ordering is not None and not self.ordering.complete(state.order):
            return state.cost + cost.sort_cost(state.rows)
        if self.limited and state.rows > LIMIT_ROWS:
            return state.cost * (LIMIT_ROWS / state.rows)
        return state.cost

    def _extend(self, state: State, unit: Unit) -> list[State]:
        if unit.left:
            return self._extend_left(state, unit)
        found = []
        if unit.access is not None:
            paths = self._paths(state, unit)
            for path in paths:
                order, reverse = self._order_after(state, unit, path)
                rows = state.rows * max(path.rows * self._selectivity(state, unit, path), 0.001)
                total = state.cost + state.rows * path.cost + rows * cost.PER_OUTPUT
                choice = Choice(unit, "loop", path, reverse)
                found.append(self._next(state, unit, total, rows, order, choice))
        elif unit.subplan is not None and (not state.mask or unit.subplan.correlated or unit.is_kept):
            rows = state.rows * unit.subplan.rows
            total = state.cost + (rows if unit.is_kept else state.rows * unit.subplan.cost)
            found.append(self._next(state, unit, total, rows, self._broken(state), Choice(unit, "loop")))
        if (state.mask or self.correlated) and not any(_is_lookup(_last(following)) for following in found):
            hashed = self._extend_hash(state, unit)
            if hashed is not None:
                found.append(hashed)
        return found

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
            paths = unit.access.paths(self.terms, blocked)
            found = [or_path(term, arms, blocked) for term, arms in self._arms(unit)]
            paths += [path for path in found if path is not None]
            unit.cache[key] = paths = _useful(paths, self.ordering is not None)
        if state.mask:
            # Inside a loop an IN (SELECT …) is tested by look-up; driving the loop it would run again and again.
            usable = [path for path in paths if path.in_sarg is None or path.in_sarg.subquery is None]
            return usable or paths
        return paths

    def _arms(self, unit: Unit) -> list[tuple[Term, list[Arm]]]:
        if unit.arms is None:
            assert unit.access is not None
            item = unit.access.item
            is_fixed = item.indexed_by is not None or item.not_indexed or item.function is not None
            if "or_look_ups" in self.without or is_fixed:
                unit.arms = []
                return unit.arms
            assert isinstance(unit.access, TableAccess)
            pairs = [(term, arms_of(self.planner, unit.access, term)) for term in unit.terms]
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

    # --- left joins ----------------------------------------------------------------------------------------------

    def _extend_left(self, state: State, unit: Unit) -> list[State]:
        right = unit.subplan
        assert right is not None
        rows = state.rows * max(right.rows, 1.0)
        total = state.cost + state.rows * right.cost + rows * cost.PER_OUTPUT
        order = self._broken(state)
        if right.path is not None and right.path.unique and self.ordering is not None and unit.access is not None:
            (source,) = unit.sources
            order, _ = self.ordering.extend(state.order, right.path, source, self.own, state.sources, self.terms)
        found = [self._next(state, unit, total, rows, order, Choice(unit, "left"))]
        if _is_lookup(Choice(unit, "left", right.path)):
            return found  # without statistics a look-up is the safer choice
        hashed = self._extend_hash(state, unit)
        if hashed is not None:
            found.append(hashed)
        return found

    # --- hash joins ----------------------------------------------------------------------------------------------

    def _extend_hash(self, state: State, unit: Unit) -> State | None:
        """Read the unit once into a hash table; subqueries without an equality become a table with one chain."""
        item = unit.item
        if (item is None and unit.left) or (unit.subplan is not None and unit.subplan.correlated):
            return None
        terms = unit.on if unit.left else unit.terms
        equalities = _hash_keys(state.sources | self.outer, unit.sources, terms)
        is_query = unit.access is None
        if not equalities and (not is_query or unit.is_kept):
            return None
        if "hash_joins" in self.without and not is_query:
            return None
        runs = state.rows if state.mask else RUNS
        if not state.mask and self._reads_changing(unit):
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
            assert unit.subplan is not None
            source = unit.subplan if item is None else self.planner.item_plan(item)
            rows, price = source.rows, source.cost
        if runs < HASH_MIN_OUTER and not is_query:
            return None
        matches = max(min(rows, 10.0 if equalities else rows), 1.0)
        build_cost = price + rows * cost.PER_BUILD
        if not state.mask:
            build_cost /= RUNS
        rows_out = state.rows * matches
        total = state.cost + build_cost + state.rows * cost.PER_PROBE + rows_out * cost.PER_OUTPUT
        choice = Choice(unit, "hash-left" if unit.left else "hash", path, keys=keys)
        return self._next(state, unit, total, rows_out, self._broken(state), choice)

    def _build_paths(self, unit: Unit, terms: list[Term]) -> list[Path]:
        """Paths for the build side: no term may read anything else."""
        assert unit.access is not None
        if isinstance(unit.access, FunctionAccess):  # it must know of the arguments that are not there
            others = frozenset().union(*(term.sources for term in terms)) - unit.sources
            return unit.access.paths(terms, others)
        alone = [term for term in terms if term.sources <= unit.sources]
        return unit.access.paths(alone, frozenset())

    # --- plan nodes ----------------------------------------------------------------------------------------------

    def _assemble(self, best: State) -> nodes.Plan:
        remaining = [term for term in self.terms if not term.derived]
        plan: nodes.Plan | None = None
        available: frozenset[int] = frozenset()
        constant = [term for term in remaining if not (term.sources & self.own) and is_deterministic(term.expr)]
        if constant and not self.correlated:
            plan = with_filter(nodes.OneRow(), constant)
            remaining = [term for term in remaining if term not in constant]
        for choice in best.choices:
            unit = choice.unit
            if choice.method == "loop":
                right, used = self._loop(choice)
                remaining = [term for term in remaining if term not in used]
                available |= unit.sources
                ready = [term for term in remaining if (term.sources & self.own) <= available]
                right = with_filter(right, ready)
                plan = right if plan is None else nodes.NestedLoop(left=plan, right=right)
            else:
                plan = plan or nodes.OneRow()
                ready = []
                if choice.method == "left":
                    assert unit.subplan is not None
                    plan = nodes.LeftJoin(left=plan, right=unit.subplan.plan, right_sources=tuple(sorted(unit.sources)))
                else:
                    plan, used = self._hash(plan, choice)
                    remaining = [term for term in remaining if term not in used]
                available |= unit.sources
                ready = [term for term in remaining if (term.sources & self.own) <= available]
                plan = with_filter(plan, ready)
            remaining = [term for term in remaining if term not in ready]
        assert plan is not None
        return plan

    def _loop(self, choice: Choice) -> tuple[nodes.Plan, set[Term]]:
        unit = choice.unit
        if choice.path is None:
            assert unit.subplan is not None
            return unit.subplan.plan, set()
        assert unit.access is not None
        plan = path_plan(self.planner, unit.access, choice.path, choice.reverse)
        used = {sarg.term for sarg in choice.path.sargs()}
        used.update(choice.path.implied)
        return plan, used

    def _hash(self, probe: nodes.Plan, choice: Choice) -> tuple[nodes.Plan, set[Term]]:
        """Terms on the build side alone are tested while it is read; the rest of a left join's ON is the residual."""
        unit = choice.unit
        terms = unit.on if unit.left else [term for term in self.terms if not term.derived]
        used: set[Term] = set()
        build: nodes.Plan
        if choice.path is not None:
            assert unit.access is not None
            build = path_plan(self.planner, unit.access, choice.path, False)
            used = {sarg.term for sarg in choice.path.sargs()} | set(choice.path.implied)
        elif unit.item is not None:
            build = self.planner.item_plan(unit.item).plan
        else:
            assert unit.subplan is not None
            build = unit.subplan.plan
        alone = [term for term in terms if term not in used and term.sources <= unit.sources and term.sources]
        build = with_filter(build, alone)
        used.update(alone)
        used.update(key.term for key in choice.keys if key.term is not None)
        residual = None
        if unit.left:
            residual = all_of([term.expr for term in _by_cost(unit.on) if term not in used])
        join = self._hash_node(probe, build, choice.keys, unit.sources)
        return replace(join, residual=residual, kind="left" if unit.left else "inner"), used

    def _reads_changing(self, unit: Unit) -> bool:
        """It reads the table that the statement is changing meanwhile: what was read once would be stale."""
        if unit.access is not None:
            return unit.access.table is self.planner.changing
        assert unit.subplan is not None
        return self._is_fresh(unit.subplan.plan)

    def _is_fresh(self, plan: nodes.Plan) -> bool:
        """The plan must be run whenever its rows are wanted."""
        changing = self.planner.changing
        if changing is not None and any(getattr(node, "table", None) is changing for node in tree.walk((plan,))):
            return True
        return bool(outer_sources(plan))

    def _hash_node(
        self, probe: nodes.Plan, build: nodes.Plan, keys: Sequence[HashKey], sources: frozenset[int]
    ) -> nodes.HashJoin:
        columns = [(source, column) for source in sorted(sources) for column in self.planner.used_columns(source)]
        return nodes.HashJoin(
            probe=probe,
            build=build,
            probe_keys=tuple(key.probe for key in keys),
            build_keys=tuple(key.build for key in keys),
            collations=tuple(key.collation for key in keys),
            affinities=tuple(key.affinity for key in keys),
            build_columns=tuple(sorted(columns)),
            build_sources=tuple(sorted(sources)),
            fresh=self._is_fresh(build),
        )


def _hash_keys(probe: frozenset[int], build: frozenset[int], terms: list[Term]) -> list[HashKey]:
    """Equalities between the sources of two sides; both sides of a key get the comparison's affinity."""
    found = []
    for term in terms:
        if term.sides is None:
            continue
        left, right = term.sides
        expr = term.expr
        assert isinstance(expr, bound.Compare)
        affinity = expr.left_affinity or expr.right_affinity
        if left <= build and right <= probe:
            found.append(HashKey(term, expr.right, expr.left, expr.collation, affinity))
        elif right <= build and left <= probe:
            found.append(HashKey(term, expr.left, expr.right, expr.collation, affinity))
    return found


def outer_sources(plan: nodes.Plan) -> set[int]:
    """The sources that a plan reads and does not hold."""
    read: set[int] = set()
    own: set[int] = set()
    for node in tree.walk((plan,)):
        if isinstance(node, bound.ColumnRef):
            read.add(node.source)
        elif isinstance(node, nodes.Plan):
            own.add(getattr(node, "source", -1))
    return read - own


def _is_lookup(choice: Choice) -> bool:
    return choice.path is not None and bool(choice.path.equal or choice.path.arms)


def _last(state: State) -> Choice:
    return state.choices[-1]


def _keep(group: list[State], new: State) -> None:
    """Add a state to those of the same set, unless one is as cheap and as well ordered; drop those it beats."""
    for old in group:
        if old.cost <= new.cost and _order_rank(old.order) >= _order_rank(new.order):
            return
    group[:] = [old for old in group if not (new.cost <= old.cost and _order_rank(new.order) >= _order_rank(old.order))]
    group.append(new)


def _order_rank(order: OrderState) -> int:
    return order.satisfied * 2 + order.alive


def _useful(paths: list[Path], ordered: bool) -> list[Path]:
    """Without ORDER BY only the cheapest path counts; with it every one that has an order of its own."""
    if not paths:
        return []
    best = min(paths, key=lambda path: path.cost + path.rows * cost.PER_OUTPUT)
    if not ordered:
        return [best]
    return [path for path in paths if path is best or path.order]


def _by_cost(terms: list[Term]) -> list[Term]:
    return [term for term in terms if not term.late] + [term for term in terms if term.late]


def with_filter(plan: nodes.Plan, terms: list[Term]) -> nodes.Plan:
    """`plan` under the conditions, cheap ones first."""
    predicate = all_of([term.expr for term in _by_cost(terms)])
    return plan if predicate is None else nodes.Filter(child=plan, predicate=predicate)
