"""The operands of a join, and the states of the search for its best order (joins.py)."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.query import Item, OrderKey, Step
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan import cost, nodes
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.alternatives import Arm
from turso_wasm.plan.ordering import OrderState
from turso_wasm.plan.providers import FunctionAccess
from turso_wasm.plan.terms import Term

ONE = bound.Constant(value=1)


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
    subplan: JoinPlan | None = None  # of a subquery, or of the right side of a join that has an ON
    alone: JoinPlan | None = None  # of a semi- or anti-join's right side of several tables, without what is outside
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

    @property
    def asked(self) -> bool:
        """It is the right side of a semi- or anti-join."""
        return self.step.kind == "semi" or self.step.kind == "anti"

    @property
    def has_on(self) -> bool:
        """Its conditions are its own: they say what matches, not which rows pass."""
        return self.left or self.asked


@dataclass(slots=True, eq=False)
class JoinPlan:
    """A finished join (or any row source) with its estimates. n_in_order: of the order that was wished for, the leading
    terms that hold; ordered: all do. ties: by what to sort rows that are equal in it. further: the same, where rows are
    sorted that SQLite visits by an index. path: of a single table.
    """

    plan: nodes.Plan
    rows: float
    cost: float
    ordered: bool = False
    n_in_order: int = 0
    ties: bound.Expr | None = None
    path: Path | None = None
    correlated: bool = False
    further: list[OrderKey] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Choice:
    """How one unit is visited: its rows for each that is there; by hash table; by what they match, as its step says."""

    unit: Unit
    method: Literal["loop", "hash", "match"]
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


def keep(group: list[State], new: State) -> None:
    """Add a state to those of the same set, unless one is as cheap and as well ordered; drop those it beats."""
    for old in group:
        if old.cost <= new.cost and _order_rank(old.order) >= _order_rank(new.order):
            return
    group[:] = [old for old in group if not (new.cost <= old.cost and _order_rank(new.order) >= _order_rank(old.order))]
    group.append(new)


def _order_rank(order: OrderState) -> int:
    return order.satisfied * 2 + order.alive


def useful(paths: list[Path], ordered: bool) -> list[Path]:
    """Without ORDER BY only the cheapest path counts; with it every one that has an order of its own."""
    if not paths:
        return []
    best = min(paths, key=lambda path: path.cost + path.rows * cost.PER_OUTPUT)
    if not ordered:
        return [best]
    return [path for path in paths if path is best or path.order]


def hash_keys(probe: frozenset[int], build: frozenset[int], terms: list[Term]) -> list[HashKey]:
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


def finds_one(choice: Choice) -> bool:
    """It gives at most one row for each that is there."""
    path = choice.path if choice.method == "loop" else None
    return path is not None and (path.kind == "rowid" or path.unique)


def is_lookup(choice: Choice) -> bool:
    """It finds its rows by equality, not by reading them all."""
    return choice.path is not None and bool(choice.path.equal or choice.path.arms)
