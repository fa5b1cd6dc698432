"""The passes that move conditions on a subquery's result columns into the subquery.

A condition on columns of one unflattened subquery in FROM is added to each of its SELECTs: to WHERE, or to HAVING
where it is about aggregates. It stays where it was too when it could not be added everywhere (it never is added to
only some). UNION, INTERSECT and EXCEPT compare rows, so there it must say the same of all that are equal. What follows
from WHERE by equalities (`Core.derived`) moves as well.

What compares otherwise inside, because a SELECT of a compound gives the column another affinity, is tested in both
places: SQLite does, so a row must pass twice.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.tree import children
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import (
    affinity_of,
    collation_of,
    column_affinity,
    compare,
    comparison_affinity,
    in_list,
    shown,
)
from turso_wasm.bind.query import AggregateRef, Core, Item, Query, Step, WindowRef
from turso_wasm.bind.select import compound_collations
from turso_wasm.bind.walk import (
    all_of,
    columns_used,
    conjuncts,
    has_subquery,
    has_subtype,
    is_deterministic,
    query_expressions,
    query_items,
    same_expression,
    transform,
    walk,
)


def test_arms(query: Query, binder: Binder) -> Query:
    """What is asked of a compound in FROM is asked of the rows of each SELECT, too, as its own columns compare."""
    for core in query.cores:
        for step in core.steps:
            if step.item is not None and step.item.query is not None:
                asked = core.where if step.kind in ("inner", "cross") else step.on if step.kind == "left" else []
                _test(asked, step, step.item, step.item.query, binder)
    return query


def _test(asked: list[bound.Expr], step: Step, item: Item, query: Query, binder: Binder) -> None:
    is_view = item.common is not None and item.common.is_view  # run once only if nothing is asked of it
    if not query.operators or item.sought or not _takes_conditions(item, query, is_view):
        return
    if any(inner.windows for inner in query.cores):
        return
    cores = [_selected(inner, binder) if inner.values_source >= 0 else inner for inner in query.cores]
    query = replace(query, cores=cores)
    is_union = any(operator != "UNION ALL" for operator in query.operators)
    if is_union and any(collation != "BINARY" for collation in compound_collations(query)):
        return
    tests = [expr for expr in asked if _differs_inside(expr, item, query, is_union)]
    if tests:
        if item.common is not None:
            item.common.uses -= 1
        cores = [_with_conditions(inner, item.source, tests, binder) for inner in query.cores]
        step.item = replace(item, query=replace(query, cores=cores), common=None)


def _differs_inside(expr: bound.Expr, item: Item, query: Query, is_union: bool) -> bool:
    refs = list(columns_used(expr))
    if not refs or not _is_steady(expr) or any(ref.source != item.source for ref in refs):
        return False
    if any(part.outer for part in walk(expr) if isinstance(part, bound.SubqueryExpr)):
        return False
    differs = is_union and not all(_is_whole(expr, core) for core in query.cores)
    for ref in refs:
        outputs = [core.outputs[ref.column] for core in query.cores]
        if not all(map(_is_steady, outputs)):
            return False
        differs = differs or {affinity_of(output) for output in outputs} != {ref.affinity}
    return differs


def _is_steady(expr: bound.Expr) -> bool:
    """No random() and the like, in its subqueries neither."""
    if not is_deterministic(expr):
        return False
    plans = [part.plan for part in walk(expr) if isinstance(part, bound.SubqueryExpr)]
    return all(_is_steady(part) for plan in plans if isinstance(plan, Query) for part in query_expressions(plan))


def _takes_conditions(item: Item, query: Query, is_view: bool = False) -> bool:
    """Whether a condition on its rows can be one on the rows of its SELECTs."""
    return (is_view or not item.shared) and not query.recursive and query.limit is None and query.offset is None


def _selected(values: Core, binder: Binder) -> Core:
    """SELECT * FROM (VALUES …)."""
    source = binder.new_source()
    outputs: list[bound.Expr] = [
        bound.ColumnRef(source=source, column=at, name=column.name, affinity=affinity_of(values.outputs[at]))
        for at, column in enumerate(values.columns)
    ]
    item = Item(source, "", query=Query([values], values.columns), columns=tuple(c.name for c in values.columns))
    return Core(outputs, values.columns, steps=[Step(item)], number=values.number)


def is_sought_in_compound(item: Item) -> bool:
    """A row value is sought among rows that come from a compound below, of whose SELECTs nothing is asked then."""
    if not item.sought or item.query is None or item.query.operators:
        return False
    return any(inner.query is not None and inner.query.operators for inner in query_items(item.query))


def push_filters_into_subqueries(query: Query, binder: Binder) -> Query:
    """WHERE conditions on inner-joined subqueries are tested inside them."""
    for core in query.cores:
        for step in core.steps:
            if step.kind in ("inner", "cross") and step.item is not None and step.item.query is not None:
                _push(core, step, step.item, binder)
    return query


def _push(core: Core, step: Step, item: Item, binder: Binder) -> None:
    query = item.query
    assert query is not None
    if (
        not _takes_conditions(item, query)
        or is_sought_in_compound(item)
        or any(inner.values_source >= 0 for inner in query.cores)
    ):
        return
    kept: list[bound.Expr] = []
    pushed: list[bound.Expr] = []
    for expr in core.where:
        (pushed if _can_push(expr, item, query, binder) else kept).append(expr)
    follows = [expr for expr in core.derived if _can_push(expr, item, query, binder)]
    pushed += follows
    if pushed:
        core.where = kept
        core.derived = [expr for expr in core.derived if expr not in follows]
        cores = [_with_conditions(inner, item.source, pushed, binder) for inner in query.cores]
        step.item = replace(item, query=replace(query, cores=cores), common=None)


def _can_push(expr: bound.Expr, item: Item, query: Query, binder: Binder) -> bool:
    """Only the subquery's columns and constants, and every SELECT gives those columns the same affinity."""
    if not isinstance(expr, bound.Compare | bound.InList | bound.IsNull | bound.Call | bound.Binary | bound.Unary):
        return False
    if has_subquery(expr) or not is_deterministic(expr):
        return False
    refs = list(columns_used(expr))
    if not refs or any(ref.source != item.source for ref in refs):
        return False
    for ref in refs:
        outputs = [core.outputs[ref.column] for core in query.cores]
        if any(not is_deterministic(output) or has_subquery(output) or has_subtype(output) for output in outputs):
            return False
        if {affinity_of(output) for output in outputs} != {column_affinity(query, ref.column)}:
            return False
    if any(operator != "UNION ALL" for operator in query.operators):
        collations = compound_collations(query)
        if any(collations[ref.column] != "BINARY" for ref in refs):
            return False
        if not all(_is_whole(expr, core) for core in query.cores):
            return False
    return all(_can_take(core, expr, refs, binder) for core in query.cores)


def _can_take(core: Core, expr: bound.Expr, refs: list[bound.ColumnRef], binder: Binder) -> bool:
    """A lone group exists even without rows, so a condition on its constants must not reach WHERE. A window must not
    lose rows of a partition that it keeps.
    """
    if core.is_aggregate and not core.group_by:
        return False
    return not core.windows or (_is_whole(expr, core) and all(_is_partition(ref, core, binder) for ref in refs))


_WHOLE = (
    *(bound.ColumnRef, bound.Constant, bound.Parameter, bound.LiteralList),
    *(bound.Compare, bound.InList, bound.IsNull, bound.Binary),
)


def _is_whole(expr: bound.Expr, core: Core) -> bool:
    """The condition says the same of equal values, though they may look different, as 1 and 1.0 do."""
    for part in walk(expr):
        if not isinstance(part, _WHOLE) or (isinstance(part, bound.Binary) and part.op not in ("and", "or")):
            return False
        if isinstance(part, bound.InList):
            sides = [(part.operand, part.affinity)]
        elif isinstance(part, bound.Compare):
            sides = [(part.left, part.left_affinity), (part.right, part.right_affinity)]
        else:
            continue
        for side, affinity in sides:
            column = core.outputs[side.column] if isinstance(side, bound.ColumnRef) else None
            if column is not None and affinity == "B" and affinity_of(column) != "B":
                return False
    return True


def _is_partition(ref: bound.ColumnRef, core: Core, binder: Binder) -> bool:
    """The column is a partition's key in every window."""
    output = core.outputs[ref.column]
    return all(
        any(term.collation == "BINARY" and same_expression(output, term.expr, binder.pin) for term in call.partition)
        for call in core.windows
    )


def _with_conditions(core: Core, source: int, conditions: list[bound.Expr], binder: Binder) -> Core:
    outputs = core.outputs

    def rewrite(expr: bound.Expr) -> bound.Expr | None:
        if isinstance(expr, bound.ColumnRef) and expr.source == source:
            return outputs[expr.column]
        if isinstance(expr, bound.Compare):
            left, right = transform(expr.left, rewrite), transform(expr.right, rewrite)
            if affinity_of(left) != affinity_of(expr.left) or affinity_of(right) != affinity_of(expr.right):
                return replace(compare(expr.op, left, right), collation=expr.collation)
            return replace(expr, left=left, right=right)
        if isinstance(expr, bound.InList):
            operand = transform(expr.operand, rewrite)
            if affinity_of(operand) != affinity_of(expr.operand):
                items = tuple(transform(item, rewrite) for item in expr.items)
                typed = in_list(operand, items, expr.negated)
                return replace(typed, collation=expr.collation)
        if isinstance(expr, bound.SubqueryExpr) and isinstance(expr.plan, Query) and expr.operand is not None:
            operand = transform(expr.operand, rewrite)
            affinity = comparison_affinity(affinity_of(operand), affinity_of(shown(expr.plan, 0)[-1]))
            return replace(expr, operand=operand, affinity=affinity)
        return None

    where, having = list(core.where), list(conjuncts(core.having))
    for condition in conditions:
        used = {ref.column for ref in columns_used(condition)}
        moved = transform(condition, rewrite)
        of_rows = not core.is_aggregate or _holds_of_groups(condition, [outputs[at] for at in used], core, binder)
        if not of_rows or (core.is_aggregate and _is_asked_of_arms(moved, core)):
            having.append(moved)
        else:
            where += conjuncts(moved)
    return replace(core, where=where, having=all_of(having))


def _is_asked_of_arms(condition: bound.Expr, core: Core) -> bool:
    """`test_arms` would ask it of the SELECTs of a compound that is grouped: SQLite does not, it asks groups."""
    queries = [(step.item, step.item.query) for step in core.steps if step.item is not None]
    return any(
        query is not None and _differs_inside(condition, item, query, any(op != "UNION ALL" for op in query.operators))
        for item, query in queries
    )


def _holds_of_groups(condition: bound.Expr, outputs: list[bound.Expr], core: Core, binder: Binder) -> bool:
    """It is about keys of the groups that are compared byte by byte, or says the same of all rows of a group."""
    if not all(_is_key(output, core, binder) for output in outputs):
        return False
    collations = {collation_of(output) for output in outputs}
    asked = {part.collation for part in walk(condition) if isinstance(part, bound.Compare | bound.InList)}
    return collations == {"BINARY"} or (asked == collations and _is_whole(condition, core))


def _is_key(output: bound.Expr, core: Core, binder: Binder) -> bool:
    return any(same_expression(output, key, binder.pin) for key in core.group_by)


def push_having_into_where(query: Query, binder: Binder) -> Query:
    """What HAVING asks of the keys of groups is asked of rows; so is what is the same for all of them."""
    for core in query.cores:
        if core.group_by and core.having is not None:
            left: list[bound.Expr] = []
            for expr in conjuncts(core.having):
                (core.where if _is_of_keys(expr, core, binder) else left).append(expr)
            core.having = all_of(left)
    return query


def _is_of_keys(condition: bound.Expr, core: Core, binder: Binder) -> bool:
    """It reads nothing but keys that are compared byte by byte. (That 0 is false is asked of groups: as in SQLite.)"""
    if isinstance(condition, bound.Constant) and isinstance(condition.value, int):
        return False
    if not is_deterministic(condition) or has_subquery(condition):
        return False
    left = [condition]
    while left:
        expr = left.pop()
        if collation_of(expr) == "BINARY" and _is_key(expr, core, binder):
            continue
        if isinstance(expr, bound.ColumnRef | AggregateRef | WindowRef):
            return False
        left += [part for part in children(expr) if isinstance(part, bound.Expr)]
    return True


def push_limits_into_compounds(query: Query, binder: Binder) -> Query:
    """The first rows of a UNION ALL in FROM are wanted: it gives no more, and its arms need not either."""
    core = query.cores[0]
    item = core.only_item()
    if query.limit is None or query.offset is not None or not query.order_by or query.operators or item is None:
        return query
    if core.where or core.distinct or core.is_aggregate or core.windows or not _gives_all(item):
        return query
    inner = item.query
    assert inner is not None
    order_by = []
    for key in query.order_by:
        if not isinstance(key.expr, bound.ColumnRef) or key.expr.source != item.source:
            return query
        order_by.append(replace(key, expr=replace(key.expr, source=inner.source)))
    first = replace(inner, order_by=order_by, limit=query.limit)
    core.steps[0].item = replace(item, query=first, common=None)
    return query


def _gives_all(item: Item) -> bool:
    """It is a UNION ALL, and nothing says how many rows it has."""
    query = item.query
    if query is None or item.shared or query.recursive or not query.operators or query.source < 0:
        return False
    return all(op == "UNION ALL" for op in query.operators) and not (query.order_by or query.limit or query.offset)
