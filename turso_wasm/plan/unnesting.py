"""The pass that makes joins of subqueries in WHERE: EXISTS and a correlated IN become semi-joins, their negations
anti-joins.

A subquery that reads the row around it would run for every row. As an operand of the join it is planned with the other
operands: its tables are looked up by index, or read once into a hash table. Its own subqueries have been unnested
before, so all levels become one join. What cannot be a join (a scalar value, LIMIT, grouping) stays an expression; its
equalities with outer columns are hash look-ups all the same (join_nodes.py).

A negation must not lose rows to NULL: NOT EXISTS is true where a condition is unknown, x NOT IN (SELECT y …) is not.
So an anti-join of NOT IN looks for a row with (x = y) IS NOT FALSE.

Source: Neumann and Kemper, "Unnesting Arbitrary Queries", BTW 2015
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import affinity_of, collation_of, needed_affinity
from turso_wasm.bind.query import Core, JoinKind, Query, Step
from turso_wasm.bind.walk import core_expressions, is_deterministic, sources_used, strip_collation
from turso_wasm.catalog.names import fold

Simplify = Callable[[Query, Binder], Query]


def unnest_subqueries(query: Query, binder: Binder, simplify: Simplify) -> Query:
    """The conjuncts of each WHERE that can be joins become steps behind the others. simplify: for their queries."""
    if query.recursive:
        return query
    for core in query.cores:
        kept: list[bound.Expr] = []
        for expr in core.where:
            found = _unnested(expr, core, binder, simplify)
            if found is None:
                kept.append(expr)
            else:
                step, conditions = found
                core.steps.append(step)
                kept += conditions
        core.where = kept
    return query


def _unnested(expr: bound.Expr, core: Core, binder: Binder, simplify: Simplify) -> tuple[Step, list[bound.Expr]] | None:
    """The join that a conjunct is, and conditions on the row around it alone."""
    subquery, kind = _subquery(expr)
    if subquery is None or not core.steps or not _is_plain(subquery, binder):
        return None
    around = frozenset(item.source for step in core.steps for item in step.items())
    if not around & {ref.source for ref in subquery.outer}:
        return None
    if kind == "semi" and subquery.is_member and _begin_index(subquery.outer, core, binder):
        return None  # the planner may look the rows of the SELECT up there (terms.RowSelect)
    assert isinstance(subquery.plan, Query)
    inner = simplify(subquery.plan, binder).cores[0]
    if not inner.steps:
        return None
    own = frozenset(item.source for step in inner.steps for item in step.items())
    where = [*inner.where, *_membership(subquery, inner, kind)]
    outside = [part for part in where if kind == "semi" and not sources_used(part) & own]
    step = _step(kind, inner, [part for part in where if part not in outside])
    step.number = subquery.number
    return step, outside


def _subquery(expr: bound.Expr) -> tuple[bound.SubqueryExpr | None, JoinKind]:
    """The subquery that a conjunct asks, and which join answers."""
    negated = False
    while isinstance(expr, bound.Unary) and expr.op == "not":
        expr, negated = expr.operand, not negated
    if not isinstance(expr, bound.SubqueryExpr) or expr.kind == "scalar":
        return None, "semi"
    return expr, "anti" if negated != expr.negated else "semi"


def _begin_index(refs: Sequence[bound.ColumnRef], core: Core, binder: Binder) -> bool:
    """Rows can be looked up by one of these columns."""
    if "indexes" in binder.without or "or_look_ups" in binder.without:
        return False
    tables = {item.source: item.table for step in core.steps for item in step.items() if item.table is not None}
    for ref in refs:
        table = tables.get(ref.source)
        if table is None or table.is_provided:
            continue
        keys = [index.columns for index in table.indexes] + ([table.primary_key] if table.without_rowid else [])
        if (ref.column == -1 and not table.without_rowid) or ref.column in (key[0].column for key in keys):
            return True
    return False


def _is_plain(subquery: bound.SubqueryExpr, binder: Binder) -> bool:
    """Whether a row exists, or has the value that IN seeks, depends on FROM and WHERE alone."""
    plan = subquery.plan
    if not isinstance(plan, Query) or plan.operators or plan.recursive or plan.offset is not None:
        return False
    core = plan.cores[0]
    if core.is_aggregate or core.windows or core.values_source >= 0 or not core.steps:
        return False
    if not all(map(is_deterministic, core_expressions(core))):
        return False
    if subquery.kind == "in":
        return plan.limit is None and not (core.distinct and _drops_values(subquery, core))
    return plan.limit is None or _is_positive(plan.limit, binder)


def _drops_values(subquery: bound.SubqueryExpr, core: Core) -> bool:
    """DISTINCT may take values for equal that IN tells apart."""
    return fold(collation_of(core.outputs[0])) not in ("binary", fold(subquery.collation))


def _is_positive(limit: bound.Expr, binder: Binder) -> bool:
    if not isinstance(limit, bound.Constant) or type(limit.value) is not int or limit.value <= 0:
        return False
    binder.pin(limit)
    return True


def _membership(subquery: bound.SubqueryExpr, inner: Core, kind: JoinKind) -> list[bound.Expr]:
    """Of an IN: that its operand is equal to the column; in an anti-join that it is not known to be another."""
    if subquery.kind != "in":
        return []
    operand, column = subquery.operand, strip_collation(inner.outputs[0])
    assert operand is not None
    equal = bound.Compare(
        op="=",
        left=operand,
        right=column,
        collation=subquery.collation,
        left_affinity=needed_affinity(operand, affinity_of(operand), subquery.affinity),
        right_affinity=needed_affinity(column, affinity_of(column), subquery.affinity),
    )
    if kind == "semi" or (_is_known(operand) and _is_known(column)):
        return [equal]
    return [bound.IsTruth(operand=equal, wanted=False, negated=True)]


def _is_known(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.ColumnRef) and expr.not_null


def _step(kind: JoinKind, inner: Core, where: list[bound.Expr]) -> Step:
    """The subquery's FROM as an operand. Of several tables, what is about them alone is a condition of their join."""
    only = inner.only_item()
    if only is not None:
        return Step(only, kind, where, derived=inner.derived)
    own = frozenset(item.source for step in inner.steps for item in step.items())
    inside = [part for part in where if sources_used(part) <= own]
    on = [part for part in where if not sources_used(part) <= own]
    return Step(None, kind, on, inner.steps, inside, derived=inner.derived)
