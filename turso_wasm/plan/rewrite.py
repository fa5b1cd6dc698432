"""What is true of a query before any plan is chosen: an ordered tuple of named rewrites of bound queries.

Each pass keeps the rows of the query as they are (their order may change where the query does not ask for one).

Source: https://sqlite.org/optoverview.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import is_
from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import affinity_of
from turso_wasm.bind.query import Core, Item, JoinKind, Query, Step
from turso_wasm.bind.walk import (
    all_of,
    any_of,
    chain,
    conjuncts,
    has_subquery,
    has_subtype,
    is_deterministic,
    same_expression,
    size,
    transform_query,
    walk,
)
from turso_wasm.plan.disjunctions import split_disjunctions
from turso_wasm.plan.distinct import drop_distinct
from turso_wasm.plan.full_text import search_full_text
from turso_wasm.plan.given_values import use_given_values
from turso_wasm.plan.like_ranges import derive_like_ranges
from turso_wasm.plan.pushdown import (
    is_sought_in_compound,
    push_filters_into_subqueries,
    push_having_into_where,
    push_limits_into_compounds,
    test_arms,
)
from turso_wasm.plan.terms import rejects_null
from turso_wasm.plan.unnesting import unnest_subqueries
from turso_wasm.plan.unused_joins import drop_unused_joins

MOVED = 200
"""Larger expressions stay in their subquery: they would be repeated wherever its column is named."""

Pass = Callable[[Query, Binder], Query]


def simplify(query: Query, binder: Binder) -> Query:
    """The query after all passes. The argument is left as it is."""
    query = _copied(query)
    for name, rewrite in PASSES:
        if name not in binder.without:
            query = rewrite(query, binder)
    return query


def _copied(query: Query) -> Query:
    return replace(query, cores=[_copy(core) for core in query.cores])


def _copy(core: Core) -> Core:
    return replace(core, steps=[_copy_step(step) for step in core.steps], where=list(core.where), derived=[])


def _copy_step(step: Step) -> Step:
    return replace(
        step,
        on=list(step.on),
        group=[_copy_step(inner) for inner in step.group],
        group_where=list(step.group_where),
        left=[_copy_step(inner) for inner in step.left],
        left_where=list(step.left_where),
    )


# --- subqueries in FROM -------------------------------------------------------------------------------------------


def flatten_subqueries(query: Query, binder: Binder) -> Query:
    """A plain SELECT in FROM becomes part of the query around it: its tables, its conditions, its expressions."""
    for core in query.cores:
        for step in core.steps:
            _flatten_inside(step, binder)
    found = _flattenable(query)
    while found is not None:
        query = _flatten(query, *found)
        found = _flattenable(query)
    return query


def _flatten_inside(step: Step, binder: Binder) -> None:
    """The innermost first: so it is known how large what they show has become."""
    for inner in (*step.left, *step.group):
        _flatten_inside(inner, binder)
    item = step.item
    if item is not None and item.query is not None and not item.shared:
        step.item = replace(item, query=flatten_subqueries(_copied(item.query), binder))


def _flattenable(query: Query) -> tuple[Core, list[Step], int] | None:
    for core in query.cores:
        found = _flattenable_step(query, core, core.steps)
        if found is not None:
            return core, *found
    return None


def _flattenable_step(query: Query, core: Core, steps: list[Step]) -> tuple[list[Step], int] | None:
    for at, step in enumerate(steps):
        found = _flattenable_step(query, core, step.left)
        if step.item is None and found is None:
            found = _flattenable_step(query, core, step.group)
        if found is not None:
            return found
        if step.item is None:
            continue
        if step.item.query is not None and _is_plain(query, core, step, step.item):
            return steps, at
    return None


def _is_plain(outer: Query, core: Core, step: Step, item: Item) -> bool:
    query = item.query
    assert query is not None
    if (
        query.operators
        or item.shared
        or is_sought_in_compound(item)
        or (_is_limited(query) and not _limit_can_move(outer, core))
    ):
        return False
    inner = query.cores[0]
    if inner.distinct or inner.is_aggregate or inner.windows or inner.values_source >= 0:
        return False
    if any(size(expr) > MOVED for expr in inner.outputs):
        return False
    if query.order_by and not _order_can_move(outer, core):
        return False
    if item.nullable:
        own = {source.source for each in inner.steps for source in each.items()}
        return all(isinstance(expr, bound.ColumnRef) and expr.source in own for expr in inner.outputs) and bool(own)
    alone = len(core.steps) == 1 and bool(core.where) and not query.outer
    if not inner.steps and (step.kind != "inner" or alone):
        return False
    return all(is_deterministic(expr) and not has_subquery(expr) and not has_subtype(expr) for expr in inner.outputs)


def _order_can_move(outer: Query, core: Core) -> bool:
    """A subquery's ORDER BY is kept where it is the only source, and means nothing where the outer query sorts."""
    plain = not (core.is_aggregate or core.distinct or core.windows)
    return core.only_item() is not None and not outer.operators and plain


def _is_limited(query: Query) -> bool:
    return query.limit is not None or query.offset is not None


def _limit_can_move(outer: Query, core: Core) -> bool:
    """The outer query shows each row of the subquery, its only source, as it comes."""
    return _order_can_move(outer, core) and not (core.where or outer.order_by or _is_limited(outer))


def _flatten(query: Query, core: Core, steps: list[Step], at: int) -> Query:
    step = steps[at]
    item = step.item
    assert item is not None and item.query is not None
    inner = item.query.cores[0]
    if item.query.order_by and not query.order_by:
        query.order_by = list(item.query.order_by)
    if _is_limited(item.query):
        query.limit, query.offset = item.query.limit, item.query.offset
    inner_steps = [_copy_step(each) for each in inner.steps]
    if item.nullable:
        for each in inner_steps:
            for source in each.items():
                source.nullable = True
    if step.kind == "right" or step.kind == "full":
        steps[at] = replace(step, item=None, group=inner_steps, group_where=list(inner.where))
    elif step.kind == "left":
        if len(inner_steps) == 1 and inner_steps[0].item is not None and not inner_steps[0].left:
            steps[at] = Step(inner_steps[0].item, "left", [*step.on, *inner.where])
        else:
            steps[at] = Step(None, "left", step.on, inner_steps, list(inner.where))
    else:
        if inner_steps and step.kind == "cross":
            if inner_steps[0].left:
                inner_steps[0] = Step(None, group=inner_steps[:1])
            inner_steps[0].kind = "cross"
        steps[at : at + 1] = inner_steps
        _where_of(core, steps).extend(inner.where)
    return _substitute(query, item.source, inner.outputs, item.nullable)


def _where_of(core: Core, steps: list[Step]) -> list[bound.Expr]:
    """The conditions of the join that `steps` belongs to: of the core, or of a group."""
    if steps is core.steps:
        return core.where
    stack = list(core.steps)
    while stack:
        step = stack.pop()
        if step.group is steps:
            return step.group_where
        if step.left is steps:
            return step.left_where
        stack += (*step.left, *step.group)
    raise ValueError("steps of another core")


def _substitute(query: Query, source: int, outputs: list[bound.Expr], nullable: bool) -> Query:
    def rewrite(expr: bound.Expr) -> bound.Expr | None:
        if isinstance(expr, bound.ColumnRef) and expr.source == source:
            found = outputs[expr.column]
            if nullable and isinstance(found, bound.ColumnRef) and found.not_null:
                return replace(found, not_null=False)
            return found
        return None

    return transform_query(query, rewrite)


# --- outer joins --------------------------------------------------------------------------------------------------


def reduce_outer_joins(query: Query, binder: Binder) -> Query:
    """A left join whose NULL rows no condition lets through is an inner join."""
    for core in query.cores:
        changed = True
        while changed:
            changed = _reduce_one(core.steps, core.where)
    return query


def _reduce_one(steps: list[Step], where: list[bound.Expr]) -> bool:
    for at, step in enumerate(steps):
        if step.kind not in ("left", "right", "full"):
            continue
        if step.left:
            if _reduce_one(step.left, step.left_where) or _reduce_right(steps, at, where):
                return True
            continue
        sources = frozenset(item.source for item in step.items())
        if any(rejects_null(expr, sources) for expr in where):
            where.extend(step.on)
            if step.item is not None:
                steps[at] = Step(step.item)
            else:
                where.extend(step.group_where)
                steps[at : at + 1] = step.group
            return True
    return False


def _reduce_right(steps: list[Step], at: int, where: list[bound.Expr]) -> bool:
    """A right or full join whose left NULL rows do not come through is an inner or left join of the list around it; a
    full join whose right NULL rows do not is a right join.
    """
    step = steps[at]
    left = frozenset(item.source for item in step.left_items())
    own = frozenset(item.source for item in step.own_items())
    if any(rejects_null(expr, left) for expr in where):
        where.extend(step.left_where)
        kind: JoinKind = "left" if step.kind == "full" else "inner"
        if kind == "inner":
            where.extend(step.on)
            where.extend(step.group_where)
            steps[at : at + 1] = [*step.left, *(step.group if step.item is None else [Step(step.item)])]
        else:
            steps[at : at + 1] = [*step.left, replace(step, kind=kind, left=[], left_where=[])]
        return True
    if step.kind == "full" and any(rejects_null(expr, own) for expr in where):
        step.kind = "right"
        return True
    return False


# --- conditions ---------------------------------------------------------------------------------------------------


def forget_unknown(query: Query, binder: Binder) -> Query:
    """A condition that is NULL is as good as one that is false: CASE WHEN x THEN 1 WHEN y THEN NULL ELSE 0 END is x."""
    for core in query.cores:
        core.where = [part for expr in core.where for part in conjuncts(_known(expr))]
        for step in core.steps:
            step.on = [_known(expr) for expr in step.on]
        if core.having is not None:
            core.having = _known(core.having)
    return query


def _known(expr: bound.Expr) -> bound.Expr:
    if isinstance(expr, bound.Binary) and expr.op in ("and", "or"):
        parts = chain(expr, "and" if expr.op == "and" else "or")
        known = [_known(part) for part in parts]
        return expr if all(map(is_, parts, known)) else reduce(lambda a, c: replace(expr, left=a, right=c), known)
    if not isinstance(expr, bound.Case) or not _is_true(expr.whens[0][1]):
        return expr
    rest = [result for _, result in expr.whens[1:]] + ([expr.otherwise] if expr.otherwise is not None else [])
    return expr.whens[0][0] if all(map(_never_true, rest)) else expr


def _never_true(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Constant) and expr.lifted is None and (expr.value is None or expr.value == 0)


def or_to_in(query: Query, binder: Binder) -> Query:
    """X = 1 OR x = 2 is x IN (1, 2), also in an arm of an OR: one look-up per value."""
    for core in query.cores:
        core.where = [_or_to_in(expr) for expr in core.where]
        for step in core.steps:
            step.on = [_or_to_in(expr) for expr in step.on]
    return query


def _or_to_in(expr: bound.Expr) -> bound.Expr:
    found = _as_list(expr)
    if found is not expr or not isinstance(expr, bound.Binary) or expr.op != "or":
        return found
    arms = chain(expr, "or")
    known = [_arm_to_in(arm) for arm in arms]
    return expr if all(map(is_, arms, known)) else reduce(lambda a, c: replace(expr, left=a, right=c), known)


def _arm_to_in(arm: bound.Expr) -> bound.Expr:
    parts = conjuncts(arm)
    known = [_as_list(part) for part in parts]
    return arm if all(map(is_, parts, known)) else all_of(known) or arm


def _as_list(expr: bound.Expr) -> bound.Expr:
    if not isinstance(expr, bound.Binary) or expr.op != "or":
        return expr
    operand: bound.ColumnRef | None = None
    collation, affinity = "BINARY", None
    items: list[bound.Expr] = []
    for part in chain(expr, "or"):
        if not isinstance(part, bound.Compare) or part.op != "=":
            return expr
        left, right, wanted, own = part.left, part.right, part.right_affinity, part.left_affinity
        if not isinstance(left, bound.ColumnRef):
            left, right, wanted, own = part.right, part.left, part.left_affinity, part.right_affinity
        if (
            not isinstance(left, bound.ColumnRef)
            or (own is not None and not left.loose)
            or not isinstance(right, bound.Constant | bound.Parameter)
        ):
            return expr
        if operand is None:
            operand, collation = left, part.collation
        elif (left.source, left.column, part.collation) != (operand.source, operand.column, collation):
            return expr
        affinity = affinity or wanted or own
        items.append(right)
    assert operand is not None
    return bound.InList(operand=operand, items=tuple(items), negated=False, collation=collation, affinity=affinity)


def factor_common_conditions(query: Query, binder: Binder) -> Query:
    """(a AND x) OR (a AND y) is a AND (x OR y), where a compares columns: then it can drive a look-up."""
    for core in query.cores:
        core.where = [part for expr in core.where for part in _factored(expr, binder)]
        for step in core.steps:
            step.on = [part for expr in step.on for part in _factored(expr, binder)]
    return query


def _factored(expr: bound.Expr, binder: Binder) -> list[bound.Expr]:
    if not isinstance(expr, bound.Binary) or expr.op != "or":
        return [expr]
    arms = [conjuncts(arm) for arm in chain(expr, "or")]
    common = [part for part in arms[0] if _compares_columns(part) and all(_has(arm, part, binder) for arm in arms[1:])]
    if not common:
        return [expr]
    rest = [[part for part in arm if not _has(common, part, binder)] for arm in arms]
    if not all(rest):
        return common
    return [*common, any_of([part for part in map(all_of, rest) if part is not None])]


def _compares_columns(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Compare) and not any(isinstance(part, bound.Constant) for part in walk(expr))


def _has(parts: list[bound.Expr], wanted: bound.Expr, binder: Binder) -> bool:
    return any(_compares_columns(part) and same_expression(part, wanted, binder.pin) for part in parts)


def drop_true_conditions(query: Query, binder: Binder) -> Query:
    """WHERE 1 says nothing; conjunctions that rewriting made are taken apart."""
    for core in query.cores:
        parts = [part for expr in core.where for part in conjuncts(expr)]
        core.where = [part for part in parts if not _is_true(part)]
    return query


def _is_true(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Constant) and expr.lifted is None and isinstance(expr.value, int) and expr.value != 0


def derive_constants(query: Query, binder: Binder) -> Query:
    """From a = b and b = 5 follows a = 5, where both columns compare alike: then a look-up in either is possible."""
    for core in query.cores:
        pairs, constants = [], []
        for expr in core.where:
            if not isinstance(expr, bound.Compare) or expr.op != "=" or expr.collation != "BINARY":
                continue
            if expr.left_affinity is not None:
                continue
            if isinstance(expr.left, bound.ColumnRef) and isinstance(expr.right, bound.ColumnRef):
                if expr.right_affinity is None and affinity_of(expr.left) == affinity_of(expr.right):
                    pairs.append(expr)
            elif isinstance(expr.left, bound.ColumnRef) and isinstance(expr.right, bound.Constant | bound.Parameter):
                constants.append(expr)
        core.derived = _derive(pairs, constants) if pairs and constants else []
    return query


def _derive(pairs: list[bound.Compare], constants: list[bound.Compare]) -> list[bound.Expr]:
    known = {(c.left.source, c.left.column): c for c in constants if isinstance(c.left, bound.ColumnRef)}
    derived: list[bound.Expr] = []
    changed = True
    while changed:
        changed = False
        for pair in pairs:
            for one, other in ((pair.left, pair.right), (pair.right, pair.left)):
                assert isinstance(one, bound.ColumnRef) and isinstance(other, bound.ColumnRef)
                found = known.get((one.source, one.column))
                if found is not None and (other.source, other.column) not in known:
                    new = replace(found, left=other)
                    known[other.source, other.column] = new
                    derived.append(new)
                    changed = True
    return derived


def _unnest(query: Query, binder: Binder) -> Query:
    return unnest_subqueries(query, binder, simplify)


def derive_row_ranges(query: Query, binder: Binder) -> Query:
    """From (a, b) > (1, 2), which is a > 1 OR (a = 1 AND b > 2), follows (a, b) >= (1, 2): a range for look-ups."""
    for core in query.cores:
        for expr in core.where:
            parts = compared_rows(expr, binder)
            if parts:
                core.derived.append(bound.RowRange(parts=tuple(parts)))
    return query


def compared_rows(expr: bound.Expr, binder: Binder) -> list[bound.Compare]:
    """The comparisons of a row's elements, inclusive; none if it is not one of rows."""
    found: list[bound.Compare] = []
    while isinstance(expr, bound.Binary) and expr.op == "or" and isinstance(expr.left, bound.Compare):
        differs, (equal, *rest) = expr.left, conjuncts(expr.right)
        if not _continues(found, differs) or not same_expression(replace(differs, op="="), equal, binder.pin):
            return found
        found.append(replace(differs, op="<=" if differs.op == "<" else ">="))
        if len(rest) != 1:
            return found
        (expr,) = rest
    if found and isinstance(expr, bound.Compare) and _continues(found, expr):
        found.append(replace(expr, op=found[0].op))
    return found


def _continues(found: list[bound.Compare], part: bound.Compare) -> bool:
    return part.op in ("<", ">", "<=", ">=") and is_deterministic(part) and (not found or part.op[0] == found[0].op[0])


PASSES: Final[tuple[tuple[str, Pass], ...]] = (
    ("flatten_subqueries", flatten_subqueries),
    ("forget_unknown", forget_unknown),
    ("drop_true_conditions", drop_true_conditions),
    ("search_full_text", search_full_text),
    ("unnest_subqueries", _unnest),
    ("reduce_outer_joins", reduce_outer_joins),
    ("drop_unused_joins", drop_unused_joins),
    ("drop_distinct", drop_distinct),
    ("factor_common_conditions", factor_common_conditions),
    ("use_given_values", use_given_values),
    ("derive_constants", derive_constants),
    ("test_arms", test_arms),
    ("push_having_into_where", push_having_into_where),  # of groups, not of arms, is what HAVING asks
    ("push_filters_into_subqueries", push_filters_into_subqueries),
    ("push_limits_into_compounds", push_limits_into_compounds),
    ("split_disjunctions", split_disjunctions),
    ("or_to_in", or_to_in),
    ("derive_like_ranges", derive_like_ranges),
    ("derive_row_ranges", derive_row_ranges),
)

MEANING: Final = frozenset(("test_arms", "use_given_values"))
"""Passes without which a query would give other rows."""
