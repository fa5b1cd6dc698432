"""Walking and rewriting bound expressions.

Owns `children`, `walk`, `transform` and the comparison of expressions. Bound nodes are shared and never changed:
rewriting makes new nodes where something changed and returns the old ones elsewhere. Rewriting enters bound
subqueries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from turso_wasm.bind import nodes as b
from turso_wasm.bind.query import AggregateRef, Core, Item, OrderKey, Query, Step

Rewrite: TypeAlias = Callable[[b.Expr], b.Expr | None]
"""What replaces an expression, or None: look inside."""

_LEAVES = frozenset({b.Constant, b.Parameter, b.ColumnRef, b.LetRef, AggregateRef})


def children(expr: b.Expr) -> tuple[b.Expr, ...]:
    """The direct operands of `expr`; of a subquery only its operand."""
    kind = type(expr)
    if kind in _LEAVES:
        return ()
    if isinstance(expr, b.Compare | b.Binary):
        return (expr.left, expr.right)
    if isinstance(expr, b.Unary | b.IsNull | b.IsTruth | b.Cast | b.Collated | b.ApplyAffinity):
        return (expr.operand,)
    if isinstance(expr, b.Call):
        return expr.args
    if isinstance(expr, b.InList):
        return (expr.operand, *expr.items)
    if isinstance(expr, b.Case):
        parts = [part for when in expr.whens for part in when]
        return (*parts, expr.otherwise) if expr.otherwise is not None else tuple(parts)
    if isinstance(expr, b.Let):
        return (expr.value, expr.body)
    if isinstance(expr, b.SubqueryExpr):
        return (expr.operand,) if expr.operand is not None else ()
    raise TypeError(f"unknown bound expression {kind.__name__}")


def walk(expr: b.Expr) -> Iterator[b.Expr]:
    """`expr` and everything in it, outside in; subqueries are not entered, but their outer columns are given."""
    stack = [expr]
    while stack:
        found = stack.pop()
        yield found
        if type(found) is b.SubqueryExpr:
            stack.extend(found.outer)
        stack.extend(children(found))


def columns_used(expr: b.Expr) -> Iterator[b.ColumnRef]:
    """Every column reference in `expr`, those of subqueries to the outside included."""
    return (found for found in walk(expr) if type(found) is b.ColumnRef)


def sources_used(expr: b.Expr) -> set[int]:
    """The numbers of the row sources that `expr` reads."""
    return {found.source for found in walk(expr) if type(found) is b.ColumnRef}


def has_subquery(expr: b.Expr) -> bool:
    """A subquery stands somewhere in the expression."""
    return any(type(found) is b.SubqueryExpr for found in walk(expr))


def is_deterministic(expr: b.Expr) -> bool:
    """No random(), changes() and the like inside."""
    return not any(type(found) is b.Call and not found.deterministic for found in walk(expr))


def conjuncts(expr: b.Expr | None, into: list[b.Expr] | None = None) -> list[b.Expr]:
    """The parts of a chain of ANDs, left to right."""
    found: list[b.Expr] = [] if into is None else into
    if expr is None:
        return found
    chain = [expr]
    while chain:
        part = chain.pop()
        if type(part) is b.Binary and part.op == "and":
            chain.append(part.right)
            chain.append(part.left)
        else:
            found.append(part)
    return found


def all_of(parts: list[b.Expr]) -> b.Expr | None:
    """The conjunction of `parts`, None for none."""
    result: b.Expr | None = None
    for part in parts:
        result = part if result is None else b.Binary("and", result, part)
    return result


def strip_collation(expr: b.Expr) -> b.Expr:
    """`expr` without COLLATE at its top."""
    while type(expr) is b.Collated:
        expr = expr.operand
    return expr


# --- rewriting ----------------------------------------------------------------------------------------------------


def transform(expr: b.Expr, rewrite: Rewrite) -> b.Expr:
    """`expr` with `rewrite` applied outside in; what it replaces is not looked into again."""
    replaced = rewrite(expr)
    if replaced is not None:
        return replaced
    kind = type(expr)
    if kind in _LEAVES:
        return expr
    if isinstance(expr, b.Compare | b.Binary):
        left, right = transform(expr.left, rewrite), transform(expr.right, rewrite)
        return expr if left is expr.left and right is expr.right else replace(expr, left=left, right=right)
    if isinstance(expr, b.Unary | b.IsNull | b.IsTruth | b.Cast | b.Collated | b.ApplyAffinity):
        operand = transform(expr.operand, rewrite)
        return expr if operand is expr.operand else replace(expr, operand=operand)
    if isinstance(expr, b.Call):
        args = transform_all(expr.args, rewrite)
        return expr if args is expr.args else replace(expr, args=args)
    if isinstance(expr, b.InList):
        operand, items = transform(expr.operand, rewrite), transform_all(expr.items, rewrite)
        same = operand is expr.operand and items is expr.items
        return expr if same else replace(expr, operand=operand, items=items)
    if isinstance(expr, b.Case):
        whens = tuple((transform(c, rewrite), transform(r, rewrite)) for c, r in expr.whens)
        return b.Case(whens, None if expr.otherwise is None else transform(expr.otherwise, rewrite))
    if isinstance(expr, b.Let):
        return b.Let(expr.number, transform(expr.value, rewrite), transform(expr.body, rewrite))
    if isinstance(expr, b.SubqueryExpr):
        return _transform_subquery(expr, rewrite)
    raise TypeError(f"unknown bound expression {kind.__name__}")


def transform_all(exprs: tuple[b.Expr, ...], rewrite: Rewrite) -> tuple[b.Expr, ...]:
    """`transform` for each; the same tuple when nothing changed."""
    changed = tuple(transform(expr, rewrite) for expr in exprs)
    return exprs if all(new is old for new, old in zip(changed, exprs, strict=True)) else changed


def _transform_subquery(expr: b.SubqueryExpr, rewrite: Rewrite) -> b.Expr:
    operand = None if expr.operand is None else transform(expr.operand, rewrite)
    if not expr.outer and operand is expr.operand:
        return expr
    outer: dict[tuple[int, int], b.ColumnRef] = {}
    for ref in expr.outer:
        for found in columns_used(transform(ref, rewrite)):
            outer.setdefault((found.source, found.column), found)
    plan = transform_query(expr.plan, rewrite) if isinstance(expr.plan, Query) else expr.plan
    return replace(expr, operand=operand, plan=plan, outer=tuple(outer.values()))


def transform_query(query: Query, rewrite: Rewrite) -> Query:
    """A copy of a bound query with every expression rewritten."""
    return replace(
        query,
        cores=[_transform_core(core, rewrite) for core in query.cores],
        order_by=[replace(key, expr=transform(key.expr, rewrite)) for key in query.order_by],
        limit=None if query.limit is None else transform(query.limit, rewrite),
        offset=None if query.offset is None else transform(query.offset, rewrite),
    )


def _transform_core(core: Core, rewrite: Rewrite) -> Core:
    return replace(
        core,
        outputs=[transform(e, rewrite) for e in core.outputs],
        steps=[_transform_step(step, rewrite) for step in core.steps],
        where=[transform(e, rewrite) for e in core.where],
        group_by=[transform(e, rewrite) for e in core.group_by],
        having=None if core.having is None else transform(core.having, rewrite),
        aggregates=[transform_aggregate(call, rewrite) for call in core.aggregates],
        rows=None if core.rows is None else tuple(transform_all(row, rewrite) for row in core.rows),
    )


def _transform_step(step: Step, rewrite: Rewrite) -> Step:
    item = step.item
    if item is not None and item.query is not None:
        item = _transform_item(item, rewrite)
    return Step(
        item,
        step.kind,
        [transform(e, rewrite) for e in step.on],
        [_transform_step(inner, rewrite) for inner in step.group],
        [transform(e, rewrite) for e in step.group_where],
    )


def _transform_item(item: Item, rewrite: Rewrite) -> Item:
    assert item.query is not None
    return replace(item, query=transform_query(item.query, rewrite))


def transform_aggregate(call: b.AggregateCall, rewrite: Rewrite) -> b.AggregateCall:
    """An aggregate with its arguments and filter rewritten."""
    args = transform_all(call.args, rewrite)
    condition = None if call.filter is None else transform(call.filter, rewrite)
    order_by = tuple(replace(key, expr=transform(key.expr, rewrite)) for key in call.order_by)
    return replace(call, args=args, filter=condition, order_by=order_by)


def query_expressions(query: Query) -> Iterator[b.Expr]:
    """Every expression of a bound query, those of the subqueries in its FROM clause included."""
    for core in query.cores:
        yield from core_expressions(core)
    for key in query.order_by:
        yield key.expr
    if query.limit is not None:
        yield query.limit
    if query.offset is not None:
        yield query.offset


def core_expressions(core: Core) -> Iterator[b.Expr]:
    """Every expression of one SELECT of a bound query."""
    yield from core.outputs
    yield from core.where
    yield from core.group_by
    if core.having is not None:
        yield core.having
    for call in core.aggregates:
        yield from call.args
        if call.filter is not None:
            yield call.filter
        for key in call.order_by:
            yield key.expr
    for step in core.steps:
        yield from _step_expressions(step)
    for row in core.rows or ():
        yield from row


def _step_expressions(step: Step) -> Iterator[b.Expr]:
    yield from step.on
    yield from step.group_where
    for inner in step.group:
        yield from _step_expressions(inner)
    if step.item is not None and step.item.query is not None:
        yield from query_expressions(step.item.query)


# --- comparing ----------------------------------------------------------------------------------------------------

Pin: TypeAlias = Callable[[b.Constant], None]


def same_expression(a: b.Expr, c: b.Expr, pin: Pin) -> bool:
    """Whether two expressions always have the same value. Literals are compared by value; where the answer depends
    on one that was lifted out of the text, `pin` is told.
    """
    if a is c:
        return is_deterministic(a)
    if type(a) is not type(c):
        return False
    if isinstance(a, b.Constant) and isinstance(c, b.Constant):
        if type(a.value) is not type(c.value):
            return False
        if a.lifted is not None:
            pin(a)
        if c.lifted is not None:
            pin(c)
        return a.value == c.value
    if isinstance(a, b.ColumnRef) and isinstance(c, b.ColumnRef):
        return a.source == c.source and a.column == c.column
    if type(a) in _LEAVES:
        return a == c
    if isinstance(a, b.SubqueryExpr) or not is_deterministic(a):
        return False
    return _same_head(a, c) and _same_children(a, c, pin)


def _same_children(a: b.Expr, c: b.Expr, pin: Pin) -> bool:
    left, right = children(a), children(c)
    return len(left) == len(right) and all(same_expression(x, y, pin) for x, y in zip(left, right, strict=True))


_HEADS: dict[type, tuple[str, ...]] = {
    b.Unary: ("op",),
    b.Binary: ("op",),
    b.Compare: ("op", "collation", "left_affinity", "right_affinity"),
    b.IsNull: ("negated",),
    b.IsTruth: ("wanted", "negated"),
    b.InList: ("negated", "collation", "affinity"),
    b.Case: (),
    b.Let: ("number",),
    b.Cast: ("affinity",),
    b.ApplyAffinity: ("affinity",),
    b.Collated: ("collation",),
    b.Call: ("name", "kernel", "collation"),
}


def _same_head(a: b.Expr, c: b.Expr) -> bool:
    if isinstance(a, b.Case) and isinstance(c, b.Case):
        return len(a.whens) == len(c.whens) and (a.otherwise is None) == (c.otherwise is None)
    return all(getattr(a, name) == getattr(c, name) for name in _HEADS[type(a)])


def order_key(key: OrderKey, rewrite: Rewrite) -> OrderKey:
    """A sort key with its expression rewritten."""
    return replace(key, expr=transform(key.expr, rewrite))
