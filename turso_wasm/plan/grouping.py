"""GROUP BY and aggregates: the Aggregate node, and what is above it rewritten to its columns.

Columns of the node: keys, aggregates, bare columns. Groups come in ascending order of the keys, so ORDER BY on
(some of) the keys needs no sort; the keys are put in the order that ORDER BY wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import children
from turso_wasm.bind import bound
from turso_wasm.bind.comparison import affinity_of, collation_of
from turso_wasm.bind.query import AggregateRef, Core, OrderKey
from turso_wasm.bind.walk import (
    fingerprint,
    order_key,
    same_expression,
    strip_collation,
    transform,
    transform_aggregate,
    transform_window,
    walk,
)
from turso_wasm.plan import cost, nodes
from turso_wasm.plan.join_states import JoinPlan
from turso_wasm.plan.ordering import AnyOrder, GroupOrder, Ordering

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


@dataclass(slots=True, eq=False)
class Grouped:
    """The result of grouping: its plan and its source, estimates; result columns, ORDER BY terms and windows over it,
    whose subqueries are still to be planned. ordered: the groups come in the order that was wished for. ties: the order
    in which SQLite has them, where it is another one.
    """

    plan: nodes.Plan
    source: int
    exprs: tuple[bound.Expr, ...]
    order_by: list[OrderKey]
    windows: list[bound.WindowCall]
    ordered: bool
    ties: list[OrderKey]
    rows: float
    cost: float
    single: bool


@dataclass(slots=True, eq=False)
class _Rewriter:
    """Replaces what the Aggregate node computes by references to its columns; collects bare columns."""

    planner: Planner
    core: Core
    keys: list[bound.Expr]
    own: frozenset[int]
    source: int
    extreme: int  # index of the min() or max() whose row bare columns come from, -1: any row
    bare: list[bound.Expr] = field(default_factory=list)

    def __call__(self, expr: bound.Expr) -> bound.Expr | None:
        pin = self.planner.binder.pin
        if isinstance(expr, AggregateRef):
            if expr.source != self.core.aggregate_source:
                return None
            return bound.ColumnRef(source=self.source, column=len(self.keys) + expr.index)
        for at, key in enumerate(self.keys):
            if type(key) is type(expr) and same_expression(key, expr, pin) and not self._varies(key):
                return self.column(at, expr)
        if isinstance(expr, bound.ColumnRef) and expr.source in self.own:
            for at, known in enumerate(self.bare):
                if same_expression(known, expr, pin):
                    return self.column(self._first_bare + at, expr)
            self.bare.append(expr)
            return self.column(self._first_bare + len(self.bare) - 1, expr)
        return None

    def _varies(self, key: bound.Expr) -> bool:
        """Equal keys can look different (1 and 1.0, 'a' and 'A').

        With a lone min() or max() the one in the extreme's row is shown.
        """
        if self.extreme < 0 or not isinstance(key, bound.ColumnRef):
            return False
        return key.collation != "BINARY" or key.affinity in (None, "A")

    @property
    def _first_bare(self) -> int:
        return len(self.keys) + len(self.core.aggregates)

    def column(self, at: int, expr: bound.Expr) -> bound.ColumnRef:
        """Column `at` of the node, which stands for `expr`."""
        if isinstance(expr, bound.ColumnRef):
            return replace(expr, source=self.source, column=at, not_null=False, exact=False)
        return bound.ColumnRef(source=self.source, column=at, affinity=affinity_of(expr), collation=collation_of(expr))


def plan_aggregate(
    planner: Planner,
    core: Core,
    order_by: list[OrderKey],
    wish: list[OrderKey],
    sorting: Sequence[OrderKey],
    correlated: bool,
    limited: bool,
) -> Grouped:
    """Plan a SELECT with GROUP BY or aggregates; the groups had best come in the order `wish`, and are sorted by the
    terms `sorting` next. limited: the first of them are wanted.
    """
    collations = [collation_of(expr) for expr in core.group_by]
    keys = [strip_collation(expr) for expr in core.group_by]
    keys, collations, sorts = _arrange(planner, keys, collations, wish)
    own = frozenset(item.source for step in core.steps for item in step.items())
    source = planner.new_source()
    bare_from = _bare_from(core, order_by)
    rewrite = _Rewriter(planner, core, keys, own, source, bare_from)
    outputs = tuple(transform(strip_collation(expr), rewrite) for expr in core.outputs)
    having = None if core.having is None else transform(core.having, rewrite)
    order_by = [order_key(key, rewrite) for key in order_by]
    windows = [transform_window(call, rewrite) for call in core.windows]
    counted = None if keys or rewrite.bare else _count_rows(planner, core, source)
    child, ordered = (
        (counted, False) if counted else _rows(planner, core, rewrite, correlated, collations, wish, sorts, limited)
    )
    in_order = bool(keys) and child.ordered
    ties = [] if in_order else _descending(planner, core, sorting, rewrite, collations, child.plan)
    plan, rows = child.plan, 1.0
    if counted is None and _counts_entries(planner, core, child.plan, bool(keys or rewrite.bare)):
        assert isinstance(child.plan, nodes.IndexScan)
        plan = nodes.CountRows(source=source, table=child.plan.table, scan=child.plan)
    elif counted is None:
        plan = nodes.Aggregate(
            source=source,
            child=child.plan,
            keys=tuple(planner.finish(key) for key in keys),
            collations=tuple(collations),
            aggregates=tuple(transform_aggregate(call, planner.finish) for call in core.aggregates),
            bare=tuple(rewrite.bare),
            bare_from=bare_from,
            in_order=in_order,
        )
        rows = max(child.rows / 5, 1.0) if keys else 1.0
    if having is not None:
        plan = nodes.Filter(child=plan, predicate=planner.finish(having))
    total = child.cost + child.rows * (cost.PER_BUILD if keys and not in_order else 0.2)
    return Grouped(plan, source, outputs, order_by, windows, ordered, ties, rows, total, not keys)


def _bare_from(core: Core, order_by: list[OrderKey]) -> int:
    """Bare columns come from the row of the extreme that the last min() or max() finds: HAVING's come last."""
    extremes = [at for at, call in enumerate(core.aggregates) if call.name in ("min", "max")]
    if len(extremes) > 1 and core.having is not None:
        shown = walk(*core.outputs, *(key.expr for key in order_by))
        first = {part.index for part in shown if isinstance(part, AggregateRef)}
        extremes.sort(key=lambda at: at not in first)
    return extremes[-1] if extremes else -1


def _arrange(
    planner: Planner, keys: list[bound.Expr], collations: list[str], order_by: list[OrderKey]
) -> tuple[list[bound.Expr], list[str], bool]:
    """Keys without repetitions and (unless nothing is left) constants, in an order that serves ORDER BY if one does."""
    pin = planner.binder.pin
    pairs: list[tuple[bound.Expr, str]] = []
    alike: dict[tuple[int, str], list[bound.Expr]] = {}
    for key, collation in zip(keys, collations, strict=True):
        known = alike.setdefault((fingerprint(key), collation), [])
        if not any(same_expression(key, other, pin) for other in known):
            known.append(key)
            pairs.append((key, collation))
    useful = [pair for pair in pairs if type(pair[0]) is not bound.Constant]
    pairs = useful or pairs[:1]
    first: list[tuple[bound.Expr, str]] = []
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


def _sorts_like(term: OrderKey, pair: tuple[bound.Expr, str], planner: Planner) -> bool:
    return not term.desc and term.nulls != "last" and _is_by(term, pair, planner)


def _is_by(term: OrderKey, pair: tuple[bound.Expr, str], planner: Planner) -> bool:
    return term.collation == pair[1] and same_expression(term.expr, pair[0], planner.binder.pin)


def _descending(
    planner: Planner,
    core: Core,
    sorting: Sequence[OrderKey],
    rewrite: _Rewriter,
    collations: list[str],
    plan: nodes.Plan,
) -> list[OrderKey]:
    """The order of the groups in SQLite if it is not the ascending one: where GROUP BY has as many terms as what sorts
    the groups next, they descend where its terms do, unless an index gives them.
    """
    if len(sorting) != len(core.group_by) or not any(term.desc for term in sorting):
        return []
    pairs = list(zip(rewrite.keys, collations, strict=True))
    if all(any(_is_by(term, pair, planner) for term in sorting) for pair in pairs) or _has_index(plan, pairs, planner):
        return []
    ties: dict[int, OrderKey] = {}
    for expr, term in zip(core.group_by, sorting, strict=True):
        key, collation = strip_collation(expr), collation_of(expr)
        for at, (other, its_collation) in enumerate(pairs):
            if collation == its_collation and same_expression(key, other, planner.binder.pin):
                ties.setdefault(at, OrderKey(expr=rewrite.column(at, other), desc=term.desc, collation=collation))
    return list(ties.values())


def _has_index(plan: nodes.Plan, pairs: list[tuple[bound.Expr, str]], planner: Planner) -> bool:
    """An index of the table that is scanned first has the keys, all of them, as its first columns."""
    while not isinstance(plan, nodes.TableScan):
        below = next((part for part in children(plan) if isinstance(part, nodes.Plan)), None)
        if below is None:
            return False
        plan = below
    wanted = {
        (key.column, collation)
        for key, collation in pairs
        if isinstance(key, bound.ColumnRef) and key.source == plan.source
    }
    return len(wanted) == len(pairs) and any(
        index.where is None and {(part.column, part.collation) for part in index.columns[: len(pairs)]} == wanted
        for index in plan.table.indexes
    )


def _count_rows(planner: Planner, core: Core, source: int) -> JoinPlan | None:
    """SELECT count(*) FROM t, nothing else: the b-tree is counted page by page."""
    if core.where or len(core.aggregates) != 1:
        return None
    call, item = core.aggregates[0], core.only_item()
    if not _counts_all(call) or item is None or item.table is None:
        return None
    table = item.table
    if table.is_provided:
        return None
    smallest = None
    if item.indexed_by is None and not item.not_indexed:
        sizes = {index.name: cost.entry_cost(table, index) for index in table.indexes if index.where is None}
        smaller = [index for index in table.indexes if sizes.get(index.name, 1.0) < 1.0]
        if table.without_rowid:  # an index of all columns is no smaller
            n = len(table.columns)
            smaller = [index for index in smaller if len(index.columns) + len(index.suffix) < n]
        smallest = min(smaller, key=lambda index: sizes[index.name], default=None)
    rows = cost.table_rows(table)
    return JoinPlan(nodes.CountRows(source=source, table=table, index=smallest), 1.0, rows / 50)


def _counts_entries(planner: Planner, core: Core, plan: nodes.Plan, shows_rows: bool) -> bool:
    """SELECT count(*) of a range of an index: entries are counted page by page."""
    if shows_rows or not isinstance(plan, nodes.IndexScan) or plan.reverse or "count_ranges" in planner.binder.without:
        return False
    return len(core.aggregates) == 1 and _counts_all(core.aggregates[0])


def _counts_all(call: bound.AggregateCall) -> bool:
    return call.name == "count" and not call.args and call.filter is None


def _rows(
    planner: Planner,
    core: Core,
    rewrite: _Rewriter,
    correlated: bool,
    collations: list[str],
    wish: list[OrderKey],
    sorts: bool,
    limited: bool,
) -> tuple[JoinPlan, bool]:
    """(the rows to group, whether the groups come as wished for). sorts: they do if they come in the order of the keys.
    For a lone min(x) or max(x) an index end will do.
    """
    call = core.aggregates[0] if len(core.aggregates) == 1 and not rewrite.keys else None
    if call is not None and call.name in ("min", "max") and call.filter is None and not rewrite.bare:
        found = _extreme(planner, core, call, correlated)
        if found is not None:
            return found, False
    wanted = None
    if "row_order" not in planner.binder.without:
        wanted = _wanted_order(planner, core, rewrite.keys, collations, wish, limited)
    rows = planner.plan_from(core, wanted, correlated, limited and wanted is not None)
    return rows, rows.ordered if isinstance(wanted, GroupOrder) and rows.ordered else sorts and not rows.ordered


def _wanted_order(
    planner: Planner, core: Core, keys: list[bound.Expr], collations: list[str], wish: list[OrderKey], limited: bool
) -> AnyOrder | None:
    """The order of rows that grouping makes use of: equal keys together, and in the order `wish` if it is one of keys;
    or, without keys, the values of the only aggregate with DISTINCT.
    """
    pin = planner.binder.pin
    if not keys:
        call = core.aggregates[0] if len(core.aggregates) == 1 else None
        return AnyOrder(call.args[:1], pin) if call is not None and call.distinct and call.args else None
    pairs = list(zip(keys, collations, strict=True))
    first = [term for term in wish if any(_is_by(term, pair, planner) for pair in pairs)]
    if len(first) < len(wish):
        return AnyOrder(core.group_by, pin)
    if not wish:
        return AnyOrder(core.group_by, pin, limited)
    rest = [pair for pair in pairs if not any(_is_by(term, pair, planner) for term in first)]
    if rest and any(term.desc for term in wish):  # SQLite groups forwards, then sorts
        return AnyOrder(core.group_by, pin)
    after = [OrderKey(expr=key, collation=collation) for key, collation in rest]
    return GroupOrder([*first, *after], pin, limited)


def _extreme(planner: Planner, core: Core, call: bound.AggregateCall, correlated: bool) -> JoinPlan | None:
    """The first row in order of x that is not NULL, if an index or the rowid gives that order."""
    operand, item = call.args[0], core.only_item()
    if not isinstance(operand, bound.ColumnRef) or item is None or item.table is None:
        return None
    key = OrderKey(expr=operand, desc=call.name == "max", nulls=None, collation=call.collation)
    not_null: bound.Expr = bound.IsNull(operand=operand, negated=True)
    if any(operand in _operands(expr) for expr in core.where):
        wanted = core
    else:
        wanted = replace(core, where=[*core.where, not_null]) if operand.column >= 0 else core
    ordering = Ordering([key], planner.binder.pin)
    found = planner.plan_from(wanted, ordering, correlated, limited=True)
    if not found.ordered:
        return None
    found.plan = nodes.Limit(child=found.plan, limit=bound.Constant(value=1), offset=None)
    return found


def _operands(expr: bound.Expr) -> tuple[bound.Expr, ...]:
    return (expr.left, expr.right) if isinstance(expr, bound.Compare) and expr.op not in ("is", "is not") else ()
