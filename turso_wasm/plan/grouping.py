"""GROUP BY and aggregates: the Aggregate node, and what is above it rewritten to its columns.

Columns of the node: keys, aggregates, bare columns. Groups come in ascending order of the keys, so ORDER BY on
(some of) the keys needs no sort; the keys are put in the order that ORDER BY wants.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from turso_wasm.bind import nodes as b
from turso_wasm.bind.comparison import affinity_of, collation_of
from turso_wasm.bind.query import AggregateRef, Core, OrderKey
from turso_wasm.bind.walk import order_key, same_expression, strip_collation, transform, transform_aggregate
from turso_wasm.plan import cost
from turso_wasm.plan import nodes as p
from turso_wasm.plan.joins import JoinPlan
from turso_wasm.plan.ordering import Ordering

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


@dataclass(slots=True, eq=False)
class Grouped:
    """The result of grouping: plan, result columns, the ORDER BY terms left to do (rewritten), estimates."""

    plan: p.Plan
    exprs: tuple[b.Expr, ...]
    order_by: list[OrderKey]
    ordered: bool
    rows: float
    cost: float
    single: bool


@dataclass(slots=True, eq=False)
class _Rewriter:
    """Replaces what the Aggregate node computes by references to its columns; collects bare columns."""

    planner: Planner
    core: Core
    keys: list[b.Expr]
    own: frozenset[int]
    source: int
    extreme: int  # index of the min() or max() whose row bare columns come from, -1: any row
    bare: list[b.Expr] = field(default_factory=list)

    def __call__(self, expr: b.Expr) -> b.Expr | None:
        pin = self.planner.binder.pin
        if isinstance(expr, AggregateRef):
            if expr.source != self.core.aggregate_source:
                return None
            return b.ColumnRef(self.source, len(self.keys) + expr.index)
        for at, key in enumerate(self.keys):
            if type(key) is type(expr) and same_expression(key, expr, pin) and not self._varies(key):
                return self._column(at, expr)
        if isinstance(expr, b.ColumnRef) and expr.source in self.own:
            for at, known in enumerate(self.bare):
                if same_expression(known, expr, pin):
                    return self._column(self._first_bare + at, expr)
            self.bare.append(expr)
            return self._column(self._first_bare + len(self.bare) - 1, expr)
        return None

    def _varies(self, key: b.Expr) -> bool:
        """Equal keys can look different (1 and 1.0, 'a' and 'A').

        With a lone min() or max() the one in the extreme's row is shown.
        """
        if self.extreme < 0 or not isinstance(key, b.ColumnRef):
            return False
        return key.collation != "BINARY" or key.affinity in (None, "A")

    @property
    def _first_bare(self) -> int:
        return len(self.keys) + len(self.core.aggregates)

    def _column(self, at: int, expr: b.Expr) -> b.ColumnRef:
        if isinstance(expr, b.ColumnRef):
            return replace(expr, source=self.source, column=at, not_null=False, exact=False)
        return b.ColumnRef(self.source, at, affinity=affinity_of(expr), collation=collation_of(expr))


def plan_aggregate(planner: Planner, core: Core, order_by: list[OrderKey], correlated: bool) -> Grouped:
    """Plan a SELECT with GROUP BY or aggregates."""
    collations = [collation_of(expr) for expr in core.group_by]
    keys = [strip_collation(expr) for expr in core.group_by]
    keys, collations, ordered = _arrange(planner, keys, collations, order_by)
    own = frozenset(item.source for step in core.steps for item in step.items())
    source = planner.new_source()
    rewrite = _Rewriter(planner, core, keys, own, source, _bare_from(core))
    outputs = tuple(transform(strip_collation(expr), rewrite) for expr in core.outputs)
    having = None if core.having is None else transform(core.having, rewrite)
    order_by = [order_key(key, rewrite) for key in order_by]
    counted = None if keys or rewrite.bare else _count_rows(planner, core, source)
    child = counted or _rows(planner, core, rewrite, correlated)
    plan, rows = child.plan, 1.0
    if counted is None:
        plan = p.Aggregate(
            source,
            child.plan,
            tuple(planner.finish(key) for key in keys),
            tuple(collations),
            tuple(transform_aggregate(call, planner.finish) for call in core.aggregates),
            tuple(rewrite.bare),
            _bare_from(core),
        )
        rows = max(child.rows / 5, 1.0) if keys else 1.0
    if having is not None:
        plan = p.Filter(plan, planner.finish(having))
    exprs = tuple(planner.finish(expr) for expr in outputs)
    total = child.cost + child.rows * (cost.PER_BUILD if keys else 0.2)
    return Grouped(plan, exprs, order_by, ordered, rows, total, not keys)


def _bare_from(core: Core) -> int:
    """Bare columns come from the row of the extreme when there is exactly one min() or max()."""
    extremes = [at for at, call in enumerate(core.aggregates) if call.name in ("min", "max")]
    return extremes[0] if len(extremes) == 1 else -1


def _arrange(
    planner: Planner, keys: list[b.Expr], collations: list[str], order_by: list[OrderKey]
) -> tuple[list[b.Expr], list[str], bool]:
    """Keys without repetitions and (unless nothing is left) constants, in an order that serves ORDER BY if one does."""
    pin = planner.binder.pin
    pairs: list[tuple[b.Expr, str]] = []
    for key, collation in zip(keys, collations, strict=True):
        if not any(same_expression(key, known, pin) and collation == other for known, other in pairs):
            pairs.append((key, collation))
    useful = [pair for pair in pairs if type(pair[0]) is not b.Constant]
    pairs = useful or pairs[:1]
    first: list[tuple[b.Expr, str]] = []
    ordered = bool(order_by)
    for term in order_by:
        found = next((pair for pair in pairs if _sorts_like(term, pair, planner)), None)
        if found is None:
            ordered = False
            break
        if found not in first:
            first.append(found)
    if ordered:
        pairs = first + [pair for pair in pairs if pair not in first]
    return [key for key, _ in pairs], [collation for _, collation in pairs], ordered


def _sorts_like(term: OrderKey, pair: tuple[b.Expr, str], planner: Planner) -> bool:
    if term.desc or term.nulls == "last" or term.collation != pair[1]:
        return False
    return same_expression(term.expr, pair[0], planner.binder.pin)


def _count_rows(planner: Planner, core: Core, source: int) -> JoinPlan | None:
    """SELECT count(*) FROM t, nothing else: the b-tree is counted page by page."""
    if core.where or len(core.steps) != 1 or len(core.aggregates) != 1:
        return None
    call, item = core.aggregates[0], core.steps[0].item
    if call.name != "count" or call.args or call.filter is not None or item is None or item.table is None:
        return None
    table = item.table
    smallest = None
    if item.indexed_by is None and not item.not_indexed:
        whole = [index for index in table.indexes if index.where is None]
        smallest = min(whole, key=lambda index: len(index.columns) + len(index.suffix), default=None)
        if smallest is not None and len(smallest.columns) + len(smallest.suffix) > len(table.columns):
            smallest = None
    rows = cost.table_rows(table)
    return JoinPlan(p.CountRows(source, table, smallest), 1.0, rows / 50)


def _rows(planner: Planner, core: Core, rewrite: _Rewriter, correlated: bool) -> JoinPlan:
    """The rows to group. For a lone min(x) or max(x) an index end will do."""
    call = core.aggregates[0] if len(core.aggregates) == 1 and not rewrite.keys else None
    if (
        call is not None
        and call.name in ("min", "max")
        and call.filter is None
        and len(core.steps) == 1
        and not rewrite.bare
    ):
        found = _extreme(planner, core, call, correlated)
        if found is not None:
            return found
    return planner.plan_from(core, None, correlated)


def _extreme(planner: Planner, core: Core, call: b.AggregateCall, correlated: bool) -> JoinPlan | None:
    """The first row in order of x that is not NULL, if an index or the rowid gives that order."""
    operand = call.args[0]
    if not isinstance(operand, b.ColumnRef) or core.steps[0].item is None or core.steps[0].item.table is None:
        return None
    key = OrderKey(operand, call.name == "max", None, call.collation)
    not_null: b.Expr = b.IsNull(operand, True)
    if any(operand in _operands(expr) for expr in core.where):
        wanted = core
    else:
        wanted = replace(core, where=[*core.where, not_null]) if operand.column >= 0 else core
    ordering = Ordering([key], planner.binder.pin)
    found = planner.plan_from(wanted, ordering, correlated, limited=True)
    if not found.ordered:
        return None
    found.plan = p.Limit(found.plan, b.Constant(1), None)
    return found


def _operands(expr: b.Expr) -> tuple[b.Expr, ...]:
    return (expr.left, expr.right) if isinstance(expr, b.Compare) and expr.op not in ("is", "is not") else ()
