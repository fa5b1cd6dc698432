"""The plan nodes of a join whose order and methods have been chosen (joins.py J2, J3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from turso_wasm.base import tree
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.walk import all_of, columns_used, is_deterministic, walk
from turso_wasm.plan import nodes
from turso_wasm.plan.join_states import Choice, HashKey, State, Unit, finds_one
from turso_wasm.plan.paths import path_plan
from turso_wasm.plan.terms import Term

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


@dataclass(slots=True)
class Assembler:
    """Makes the nodes of one join. terms: its conjuncts. own: its sources. correlated: terms may read others."""

    planner: Planner
    terms: list[Term]
    own: frozenset[int]
    correlated: bool

    def assemble(self, best: State) -> nodes.Plan:
        """The nodes of a sequence of choices for all units."""
        remaining = [term for term in self.terms if not term.derived]
        plan: nodes.Plan | None = None
        available: frozenset[int] = frozenset()
        constant = [term for term in remaining if not (term.sources & self.own) and is_deterministic(term.expr)]
        if constant and not self.correlated:
            plan = with_filter(nodes.OneRow(), constant)
            remaining = [term for term in remaining if term not in constant]
        for place, choice in enumerate(best.choices):
            available |= choice.unit.sources
            if choice.method == "loop":
                right, used = self._loop(choice)
                ready = self._ready(remaining, used, available)
                if place + 1 < len(best.choices) and finds_one(best.choices[place + 1]):
                    ready = [term for term in ready if not _is_costly(term)]
                tested = ready
                if plan is not None:
                    right, tested = self._sieved(choice.unit, right, ready)
                right = with_filter(right, tested)
                plan = right if plan is None else nodes.NestedLoop(left=plan, right=right)
            else:
                joined, used = self._joined(plan or nodes.OneRow(), choice)
                ready = self._ready(remaining, used, available)
                plan = with_filter(joined, ready)
            remaining = [term for term in remaining if term not in used and term not in ready]
        return plan or nodes.OneRow()  # without units: SELECTs without FROM alone

    def _ready(self, remaining: list[Term], used: set[Term], available: frozenset[int]) -> list[Term]:
        """The terms that can be tested now."""
        return [term for term in remaining if term not in used and (term.sources & self.own) <= available]

    def _sieved(self, unit: Unit, plan: nodes.Plan, ready: list[Term]) -> tuple[nodes.Plan, list[Term]]:
        """A look-up by rowid takes care of the terms about its table alone; (the plan, the terms that are left)."""
        if not isinstance(plan, nodes.RowidSeek) or plan.table is self.planner.changing:
            return plan, ready
        if "sieves" in self.planner.binder.without:
            return plan, ready
        own = [term for term in ready if term.sources == unit.sources and not term.late and is_deterministic(term.expr)]
        if not own:
            return plan, ready
        sieve = all_of([term.expr for term in own])
        return replace(plan, sieve=sieve), [term for term in ready if term not in own]

    def _joined(self, plan: nodes.Plan, choice: Choice) -> tuple[nodes.Plan, set[Term]]:
        match choice.method:
            case "hash":
                return self._hash(plan, choice)
            case "match":
                return _match(plan, choice.unit), set()
            case "loop":
                raise AssertionError("a loop is no node of its own")
            case _:
                assert_never(choice.method)

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
        terms = unit.on if unit.has_on else [term for term in self.terms if not term.derived]
        used: set[Term] = set()
        build: nodes.Plan
        if choice.path is not None:
            assert unit.access is not None
            build = path_plan(self.planner, unit.access, choice.path, False)
            used = {sarg.term for sarg in choice.path.sargs()} | set(choice.path.implied)
        elif unit.item is not None:
            build = self.planner.item_plan(unit.item).plan
        else:
            side = unit.alone or unit.subplan
            assert side is not None
            build = side.plan
        alone = [term for term in terms if term not in used and term.sources <= unit.sources and term.sources]
        build = with_filter(build, alone)
        used.update(alone)
        used.update(key.term for key in choice.keys if key.term is not None)
        residual = None
        if unit.has_on:
            residual = all_of([term.expr for term in by_cost(unit.on) if term not in used])
        join = hash_join(self.planner, probe, build, choice.keys, unit.sources)
        return replace(
            join,
            residual=residual,
            kind=_kind(unit),
            build_columns=_read_by(residual, unit.sources) if unit.asked else join.build_columns,
        ), used


def _match(left: nodes.Plan, unit: Unit) -> nodes.Plan:
    assert unit.subplan is not None
    right = unit.subplan.plan
    if unit.left:
        return nodes.LeftJoin(left=left, right=right, right_sources=tuple(sorted(unit.sources)))
    join = nodes.SemiJoin if unit.step.kind == "semi" else nodes.AntiJoin
    return join(left=left, right=right, number=unit.step.number)


def _kind(unit: Unit) -> nodes.HashKind:
    kind = unit.step.kind
    return kind if kind == "left" or kind == "semi" or kind == "anti" else "inner"


def _read_by(expr: bound.Expr | None, sources: frozenset[int]) -> tuple[tuple[int, int], ...]:
    if expr is None:
        return ()
    return tuple(sorted({(ref.source, ref.column) for ref in columns_used(expr) if ref.source in sources}))


def _is_costly(term: Term) -> bool:
    """It runs a subquery for every row."""
    return term.late and any(isinstance(part, bound.SubqueryExpr) and part.outer for part in walk(term.expr))


def hash_join(
    planner: Planner, probe: nodes.Plan, build: nodes.Plan, keys: Sequence[HashKey], sources: frozenset[int]
) -> nodes.HashJoin:
    """An inner hash join whose build side holds `sources`."""
    columns = [(source, column) for source in sorted(sources) for column in planner.used_columns(source)]
    return nodes.HashJoin(
        probe=probe,
        build=build,
        probe_keys=tuple(key.probe for key in keys),
        build_keys=tuple(key.build for key in keys),
        collations=tuple(key.collation for key in keys),
        affinities=tuple(key.affinity for key in keys),
        build_columns=tuple(sorted(columns)),
        build_sources=tuple(sorted(sources)),
        fresh=_is_fresh(planner, build),
    )


def reads_changing(planner: Planner, unit: Unit) -> bool:
    """It reads the table that the statement is changing meanwhile: what was read once would be stale."""
    if unit.access is not None:
        return planner.may_change(unit.access.table)
    assert unit.subplan is not None
    return _is_fresh(planner, unit.subplan.plan)


def _is_fresh(planner: Planner, plan: nodes.Plan) -> bool:
    """The plan must be run whenever its rows are wanted."""
    if any(planner.may_change(getattr(node, "table", None)) for node in tree.walk((plan,))):
        return True
    return bool(outer_sources(plan))


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


def by_cost(terms: list[Term]) -> list[Term]:
    """Expensive terms last."""
    return [term for term in terms if not term.late] + [term for term in terms if term.late]


def with_filter(plan: nodes.Plan, terms: list[Term]) -> nodes.Plan:
    """`plan` under the conditions, cheap ones first."""
    predicate = all_of([term.expr for term in by_cost(terms)])
    return plan if predicate is None else nodes.Filter(child=plan, predicate=predicate)
