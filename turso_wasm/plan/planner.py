"""From bound queries to plans.

Owns the stages of one SELECT: FROM and WHERE (joins.py), grouping, HAVING, DISTINCT, ORDER BY, LIMIT; subqueries in
FROM and in expressions; compounds.py has what consists of several. What is true of a query before a plan is chosen is
done by the passes in rewrite.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from turso_wasm.base import tree
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import collation_of
from turso_wasm.bind.query import Common, Core, Item, OrderKey, Query, Step
from turso_wasm.bind.schema import bind_index_terms
from turso_wasm.bind.walk import (
    columns_used,
    has_subquery,
    is_deterministic,
    is_stable,
    query_expressions,
    same_expression,
    strip_collation,
    transform,
    walk,
)
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import cost, nodes
from turso_wasm.plan.access import TableAccess
from turso_wasm.plan.batches import gather_in_subquery
from turso_wasm.plan.compounds import plan_compound, plan_recursive
from turso_wasm.plan.grouping import plan_aggregate
from turso_wasm.plan.in_look_ups import plan_look_up
from turso_wasm.plan.join_states import JoinPlan
from turso_wasm.plan.joins import JoinPlanner
from turso_wasm.plan.near_rows import with_near_rows
from turso_wasm.plan.ordering import AnyOrder, Ordering
from turso_wasm.plan.planned_rows import NULL, Rows, append, is_single, sorted_column
from turso_wasm.plan.providers import FunctionAccess
from turso_wasm.plan.rewrite import simplify
from turso_wasm.plan.sizes import KnownSizes, note_sizes
from turso_wasm.plan.table_functions import provider_of
from turso_wasm.plan.terms import RowSelect, Term, make_term, row_select
from turso_wasm.plan.top_ranks import with_top_ranks
from turso_wasm.plan.windows import Windowing

MAX_INT = 2**63 - 1
ROWID = -1
LEAST_TOP = 9  # so many rows are worth an index that has half of their order


class Planner:
    """Plans the queries of one statement."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.used: dict[int, set[int]] = {}
        self._accesses: dict[int, TableAccess] = {}
        self._items: dict[int, JoinPlan] = {}
        self._finished: dict[
            int, tuple[bound.Expr, bound.Expr]
        ] = {}  # by id: the expression, with its subqueries planned
        self.right_sides: dict[tuple[int, float], tuple[Step, JoinPlan]] = {}  # by id of the step and how often it runs
        self._shared: dict[int, tuple[Common, nodes.Shared, Rows]] = {}
        self._row_selects: dict[int, tuple[bound.Expr, RowSelect]] = {}  # by id of the EXISTS, planned
        self.sizes = KnownSizes()
        self.alone = -1  # the source whose rows the SELECT that is being planned sees once each
        self.target = -1  # the source whose rows are to be changed
        self.fetched = -1  # the same, if they are fetched whole
        self.passed_on: dict[int, frozenset[int]] = {}  # columns that an UPDATE of a module leaves alone, by source
        self.changing: Table | None = None  # the table that is being changed while what is planned now runs
        self.all_changing = False  # any table may be: by triggers, by actions of foreign keys

    def new_source(self) -> int:
        """A number for a new row source."""
        return self.binder.new_source()

    def may_change(self, table: object) -> bool:
        """The table may be changed while what is planned now runs."""
        return isinstance(table, Table) and (self.all_changing or table is self.changing)

    # --- queries -------------------------------------------------------------------------------------------------

    def plan_query(self, query: Query, correlated: bool = False) -> Rows:
        """A whole SELECT. correlated: it reads columns of enclosing queries."""
        query = simplify(query, self.binder)
        self.note_columns(query)
        if query.recursive:
            rows = plan_recursive(self, query, correlated)
        elif query.operators:
            rows = plan_compound(self, query, correlated)
        else:
            rows = self.plan_core(query.cores[0], query, correlated)
        return self.limited(query, rows)

    def limited(self, query: Query, rows: Rows) -> Rows:
        """With the LIMIT and OFFSET of `query`."""
        if query.limit is None and query.offset is None:
            return rows
        limit = None if query.limit is None else self.finish(query.limit)
        offset = None if query.offset is None else self.finish(query.offset)
        plan = nodes.Limit(child=rows.plan, limit=limit, offset=offset)
        return Rows(plan, rows.exprs, min(rows.rows, 100.0), rows.cost, rows.single or _is_one(limit))

    def plan_core(self, core: Core, query: Query | None, correlated: bool) -> Rows:
        """One SELECT with the ORDER BY of `query`."""
        around, self.alone = self.alone, _only_source(core)
        rows = self._plan_select(core, query, correlated)
        self.alone = around
        return rows

    def _plan_select(self, core: Core, query: Query | None, correlated: bool) -> Rows:
        order_by = list(query.order_by) if query is not None else []
        limit = query.limit if query is not None else None
        if core.values_source >= 0:
            return self.sorted(self._values(core), order_by, query)
        windowing = Windowing(self, core, order_by) if core.windows else None
        wish = order_by if windowing is None else windowing.wished_order()
        windows = core.windows
        in_order, n_in_order = False, 0
        ties: list[OrderKey] = []
        if core.is_aggregate:
            limited = limit is not None and windowing is None and not core.distinct
            sorting = order_by if windowing is None else windowing.first_order
            grouped = plan_aggregate(self, core, order_by, wish, sorting, correlated, limited)
            rows = Rows(grouped.plan, grouped.exprs, grouped.rows, grouped.cost, grouped.single)
            order_by, windows, own = grouped.order_by, grouped.windows, frozenset({grouped.source})
            ordered, ties = grouped.ordered, grouped.ties
        else:
            ordering = Ordering(wish, self.binder.pin) if wish else None
            if core.distinct and not wish and windowing is None and "row_order" not in self.binder.without:
                ordering = AnyOrder(core.outputs, self.binder.pin, limit is not None)
            limited = limit is not None and (windowing is None or windowing.streams)
            joined = self.plan_from(core, ordering, correlated, limited)
            exprs = tuple(strip_collation(expr) for expr in core.outputs)
            rows = Rows(joined.plan, exprs, joined.rows, joined.cost, is_single(joined.plan))
            own = frozenset(item.source for step in core.steps for item in step.items())
            ordered = joined.ordered
            together = isinstance(ordering, AnyOrder) or self._all_ordered(core.outputs, wish)
            in_order = ordered and together and windowing is None
            if windowing is None and order_by and "row_order" not in self.binder.without:
                n_in_order = joined.n_in_order
            if wish and not ordered and not core.distinct and (windowing is None or wish is windowing.first_order):
                ties = joined.further
            if n_in_order and not ordered and query is not None and joined.ties is not None:
                order_by += self._ties(joined.ties, n_in_order, query)
        if windowing is not None:
            order_by, ordered = windowing.plan(rows, own, windows, order_by, wish if ordered else [], ties)
        else:
            order_by = [*order_by, *ties]
        rows.exprs = tuple([self.finish(expr) for expr in rows.exprs])
        if core.distinct and not rows.single:
            collations = tuple(collation_of(expr) for expr in core.outputs)
            rows.plan = nodes.Distinct(child=rows.plan, keys=rows.exprs, collations=collations, in_order=in_order)
        if not order_by or ordered or rows.single:
            return rows
        return self.sorted(rows, order_by, query, n_in_order)

    def _all_ordered(self, outputs: Sequence[bound.Expr], order: Sequence[OrderKey]) -> bool:
        """Rows in this order have equal ones together: all that they show is in it."""
        return all(
            any(
                same_expression(strip_collation(expr), key.expr, self.binder.pin)
                and collation_of(expr) == key.collation
                for key in order
            )
            for expr in outputs
        )

    def plan_from(
        self, core: Core, ordering: Ordering | None = None, correlated: bool = False, limited: bool = False
    ) -> JoinPlan:
        """The rows of FROM that satisfy WHERE."""
        note_sizes(self.sizes, self.binder, core)
        terms = [self._term(expr) for expr in core.where]
        if not core.steps:
            plan: nodes.Plan = nodes.OneRow()
            for term in terms:
                if not term.derived:
                    plan = nodes.Filter(child=plan, predicate=term.expr)
            return JoinPlan(plan, 1.0, 1.0)
        terms += [make_term(expr, derived=True) for expr in core.derived]
        shown = ordering is None and not core.is_aggregate and self.alone != self.target
        return JoinPlanner(self, core.steps, terms, ordering, correlated, limited, core.runs, shown).plan()

    def _term(self, expr: bound.Expr) -> Term:
        term = make_term(self.finish(expr))
        known = self._row_selects.get(id(term.expr))
        term.rows = None if known is None else known[1]
        return term

    def _values(self, core: Core) -> Rows:
        """VALUES with several rows, as data where possible."""
        source = core.values_source
        n = len(core.columns)
        exprs = tuple(core.outputs)
        if core.literal_rows is not None:
            n_rows = float(len(core.literal_rows))
            if core.literal_index >= 0:
                return Rows(
                    nodes.LiteralRows(
                        source=source, literal=core.literal_index, n_columns=n, n_rows=len(core.literal_rows)
                    ),
                    exprs,
                    n_rows,
                    n_rows,
                )
            rows = tuple(tuple(bound.Constant(value=value) for value in row) for row in core.literal_rows)  # type: ignore[arg-type]
            return Rows(nodes.Values(source=source, rows=rows, n_columns=n), exprs, n_rows, n_rows)
        assert core.rows is not None
        finished = tuple(tuple(self.finish(strip_collation(expr)) for expr in row) for row in core.rows)
        return Rows(
            nodes.Values(source=source, rows=finished, n_columns=n), exprs, float(len(finished)), float(len(finished))
        )

    # --- ORDER BY ------------------------------------------------------------------------------------------------

    def sorted(self, rows: Rows, order_by: list[OrderKey], query: Query | None, n_in_order: int = 0) -> Rows:
        """Sort the rows; with LIMIT only as many as it and OFFSET want are kept. n_in_order: see nodes.Sort."""
        if not order_by:
            return rows
        source = self.new_source()
        keys = self.sort_keys(order_by)
        limit = self.top(query) if query is not None else None
        plan = nodes.Sort(
            source=source, child=rows.plan, keys=keys, outputs=rows.exprs, limit=limit, n_in_order=n_in_order
        )
        exprs = tuple(sorted_column(source, at, expr) for at, expr in enumerate(rows.exprs))
        plan = with_top_ranks(plan)
        if "vector_indexes" not in self.binder.without:
            plan = with_near_rows(plan, self.binder.catalogs, self.new_source())
        return Rows(plan, exprs, rows.rows, rows.cost + cost.sort_cost(rows.rows), rows.single)

    def _ties(self, rowid: bound.Expr, n_in_order: int, query: Query) -> list[OrderKey]:
        """By what to sort further where SQLite does not begin with an index, but sorts the whole table, for a LIMIT."""
        if n_in_order * 2 > len(query.order_by):
            return []
        top = self.top(query)
        if n_in_order * 2 == len(query.order_by) and top is not None:
            few = bound.Compare(op="<", left=top, right=bound.Constant(value=LEAST_TOP))
            rowid = bound.Case(whens=((few, rowid),), otherwise=NULL)
        return [OrderKey(expr=rowid)]

    def sort_keys(self, order_by: list[OrderKey]) -> tuple[nodes.SortKey, ...]:
        """An ORDER BY, its subqueries planned."""
        return tuple(
            nodes.SortKey(expr=self.finish(key.expr), desc=key.desc, nulls=key.nulls, collation=key.collation)
            for key in order_by
        )

    def top(self, query: Query) -> bound.Expr | None:
        """Limit + offset, negative for no limit."""
        if query.limit is None:
            return None
        limit = self.finish(query.limit)
        if query.offset is None:
            return limit
        offset = self.finish(query.offset)
        zero, room = bound.Constant(value=0), bound.Binary(op="-", left=bound.Constant(value=MAX_INT), right=limit)
        fits = bound.Binary(
            op="and",
            left=bound.Compare(op=">=", left=limit, right=zero),
            right=bound.Compare(op="<=", left=offset, right=room),
        )
        skipped = bound.Case(whens=((bound.Compare(op=">", left=offset, right=zero), offset),), otherwise=zero)
        total = bound.Binary(op="+", left=limit, right=skipped)
        return bound.Case(whens=((fits, total),), otherwise=bound.Constant(value=-1))

    # --- FROM ----------------------------------------------------------------------------------------------------

    def note_columns(self, query: Query) -> None:
        """Remember which columns of each source anything in the query reads, nested queries included."""
        stack = list(query_expressions(query))
        entered: set[int] = set()  # a subquery among the outputs may be a key of the order, too
        while stack:
            for part in walk(stack.pop()):
                if type(part) is bound.ColumnRef:
                    self.used.setdefault(part.source, set()).add(part.column)
                elif isinstance(part, bound.SubqueryExpr) and id(part.plan) not in entered:
                    entered.add(id(part.plan))
                    if isinstance(part.plan, Query):
                        stack.extend(query_expressions(part.plan))

    def note_expression(self, expr: bound.Expr) -> None:
        """As `note_columns`, for an expression outside a query."""
        for ref in columns_used(expr):
            self.used.setdefault(ref.source, set()).add(ref.column)

    def used_columns(self, source: int) -> frozenset[int]:
        """The columns of a source that are read anywhere."""
        return frozenset(self.used.get(source, ()))

    def function_access(self, item: Item) -> FunctionAccess:
        """What the provider of a function in FROM, or of a virtual table, needs to know."""
        return FunctionAccess(item, self.used_columns(item.source), self, provider_of(item))

    def table_access(self, item: Item) -> TableAccess:
        """What access paths need to know of a table in FROM."""
        found = self._accesses.get(item.source)
        if found is None:
            found = TableAccess(item, self.used_columns(item.source), self.binder.pin, registry=self.binder.registry)
            assert item.table is not None
            found.use_skips = "skip_scans" not in self.binder.without
            if item.source != self.target or not item.table.without_rowid:  # those are changed as they are found
                found.use_row_lists = "or_look_ups" not in self.binder.without
            found.is_fetched = item.source == self.fetched
            found.use_indexes = "indexes" not in self.binder.without or item.indexed_by is not None
            for index in item.table.indexes:
                if index.where is not None or any(column.column == -2 for column in index.columns):
                    found.index_terms[index.name] = bind_index_terms(self.binder, index, item)
            self._accesses[item.source] = found
        return found

    def plan_item(self, item: Item) -> JoinPlan:
        """A subquery in FROM: its result columns as columns of its source; columns that nobody reads are left out."""
        found = self._items.get(item.source)
        if found is None:
            assert item.query is not None
            if item.shared:
                return self._shared_item(item)
            used = self.used_columns(item.source)
            rows = self.plan_query(item.query, bool(item.query.outer))
            exprs = tuple(
                expr if at in used or not is_deterministic(expr) else NULL for at, expr in enumerate(rows.exprs)
            )
            named = append([replace(rows, exprs=exprs)], item.source)
            found = self._items[item.source] = JoinPlan(named.plan, rows.rows, rows.cost)
        return found

    item_plan = plan_item

    def _shared_item(self, item: Item) -> JoinPlan:
        """A common table that is run once, by whoever reads it first: all its columns are kept."""
        common = item.common
        assert common is not None
        known = self._shared.get(id(common))
        if known is None:
            rows = self.plan_query(common.query)
            number = len(self._shared)
            shared = nodes.Shared(number=number, child=rows.plan, outputs=rows.exprs, label=common.query.label)
            known = self._shared[id(common)] = (common, shared, rows)
        _, shared, rows = known
        scan = nodes.SharedScan(source=item.source, shared=shared)
        price = rows.rows + rows.cost / max(common.uses, 1)
        found = self._items[item.source] = JoinPlan(scan, rows.rows, price)
        return found

    # --- expressions ---------------------------------------------------------------------------------------------

    def finish(self, expr: bound.Expr) -> bound.Expr:
        """`expr` with its subqueries planned."""
        if not has_subquery(expr):
            return expr
        known = self._finished.get(id(expr))
        if known is None:
            known = self._finished[id(expr)] = (expr, transform(expr, self._finish_subquery))
        return known[1]

    def _finish_subquery(self, expr: bound.Expr) -> bound.Expr | None:
        if not isinstance(expr, bound.SubqueryExpr) or not isinstance(expr.plan, Query):
            return None
        known = self._finished.get(id(expr))
        if known is None:
            known = self._finished[id(expr)] = (expr, self._plan_subquery(expr, expr.plan))
        return known[1]

    def _plan_subquery(self, expr: bound.SubqueryExpr, query: Query) -> bound.Expr:
        if expr.kind == "exists" and not query.operators and query.limit is None and not query.cores[0].is_aggregate:
            query = replace(
                query, order_by=[], cores=[replace(query.cores[0], outputs=[bound.Constant(value=1)], distinct=False)]
            )
        member = None
        if expr.is_member:
            query = simplify(query, self.binder)
            member = row_select(expr, query.cores[0])
        rows = self.plan_query(query, bool(expr.outer))
        operand = None if expr.operand is None else self.finish(expr.operand)
        output = nodes.Output(child=rows.plan, exprs=rows.exprs, single=rows.single)
        planned = replace(
            expr,
            plan=gather_in_subquery(output, self.binder),
            operand=operand,
            remembered=self._is_remembered(expr, output),
            look_up=plan_look_up(self, expr),
        )
        if member is not None:
            self._row_selects[id(planned)] = (planned, member)
        return planned

    def _is_remembered(self, expr: bound.SubqueryExpr, output: nodes.Output) -> bool:
        """Its answers are kept: it always gives the same ones, not at once, and not for values that do not repeat."""
        if "memo" in self.binder.without or not expr.outer or is_single(output.child):
            return False
        if any(ref.column == ROWID and ref.source == self.alone for ref in expr.outer):
            return False
        if self.changing is not None and self.changing.kind == "virtual":  # any of its shadow tables may be read
            return False
        parts = tree.walk((output,))
        return not any(self.may_change(getattr(part, "table", None)) or not is_stable(part) for part in parts)

    def subquery_rows(self, expr: bound.SubqueryExpr) -> tuple[nodes.Plan, tuple[bound.Expr, ...]]:
        """The rows of an IN (SELECT …) that has been planned."""
        output = expr.plan
        assert isinstance(output, nodes.Output)
        return output.child, output.exprs


def _only_source(core: Core) -> int:
    """The source whose rows FROM gives, each once; -1 if it joins."""
    items = [item for step in core.steps if step.kind not in ("semi", "anti") for item in step.items()]
    return items[0].source if len(items) == 1 else -1


def _is_one(limit: bound.Expr | None) -> bool:
    return isinstance(limit, bound.Constant) and limit.lifted is None and limit.value in (0, 1)
