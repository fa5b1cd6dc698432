"""Walking and rewriting bound expressions.

Owns `children`, `walk`, `transform` and the comparison of expressions. Bound nodes are shared and never changed:
rewriting makes new nodes where something changed and returns the old ones elsewhere. Rewriting enters bound
subqueries.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from turso_wasm.base import tree
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.query import AggregateRef, Core, Item, OrderKey, Query, Step, WindowRef

Rewrite: TypeAlias = Callable[[bound.Expr], bound.Expr | None]
"""What replaces an expression, or None: look inside."""


def operands(node: Node) -> list[Node]:
    """The nodes directly below; of a subquery only its operand."""
    if type(node) is bound.SubqueryExpr:
        return [] if node.operand is None else [node.operand]
    return tree.children(node)


def operands_and_outer(node: Node) -> list[Node]:
    """The nodes directly below; of a subquery its operand and the outer columns that it reads."""
    if type(node) is bound.SubqueryExpr:
        return [*operands(node), *node.outer]
    return [] if type(node) is bound.ColumnRef else tree.children(node)


def walk(*roots: Node) -> Iterator[Node]:
    """The nodes and everything in them, outside in; subqueries are not entered, but their outer columns are given."""
    return tree.walk(roots, operands_and_outer)


def columns_used(expr: bound.Expr) -> Iterator[bound.ColumnRef]:
    """Every column reference in `expr`, those of subqueries to the outside included."""
    return (found for found in walk(expr) if type(found) is bound.ColumnRef)


def reads_any(expr: bound.Expr, columns: Collection[int]) -> bool:
    """Whether it reads one of these columns, of whichever source."""
    return any(ref.column in columns for ref in columns_used(expr))


LEAVES = frozenset({bound.ColumnRef, bound.Constant, bound.LiteralList, bound.Parameter})


def parts(expr: Node) -> list[Node]:
    """What `walk` gives, in another order: asked of every expression again and again, so without a generator."""
    found = [expr]
    inner: set[int] = set()
    for node in found:
        if type(node) not in LEAVES and id(node) not in inner:
            inner.add(id(node))
            found += operands_and_outer(node)
    return found


def sources_used(expr: bound.Expr) -> set[int]:
    """The numbers of the row sources that `expr` reads."""
    if type(expr) is bound.ColumnRef:
        return {expr.source}
    return {found.source for found in parts(expr) if type(found) is bound.ColumnRef}


def has_subquery(expr: bound.Expr) -> bool:
    """A subquery stands somewhere in the expression."""
    return type(expr) not in LEAVES and bound.SubqueryExpr in map(type, parts(expr))


def is_deterministic(expr: bound.Expr) -> bool:
    """No random(), changes() and the like inside."""
    if type(expr) in LEAVES:
        return True
    return all(is_stable(found) for found in parts(expr))


def is_stable(node: Node) -> bool:
    """The node itself, without what is in it, has the same value whenever it is asked."""
    if type(node) is bound.Raise or type(node) is bound.Perform:
        return False
    if type(node) is bound.SubqueryExpr:
        return not node.volatile
    return type(node) is not bound.Call or node.deterministic


def has_subtype(expr: bound.Expr) -> bool:
    """Its value may be marked as JSON, which as a column it is not."""
    return any(type(found) is bound.Call and found.subtype != "none" for found in parts(expr))


def size(expr: bound.Expr) -> int:
    """The number of nodes, one that has several places counted for each."""
    known: dict[int, int] = {}
    stack: list[Node] = [expr]
    while stack:
        below = tree.children(stack[-1])
        missing = [child for child in below if id(child) not in known]
        if not missing:
            known[id(stack.pop())] = 1 + sum(known[id(child)] for child in below)
        stack += missing
    return known[id(expr)]


def chain(expr: bound.Expr, op: Literal["and", "or"]) -> list[bound.Expr]:
    """The parts of a chain of ANDs or ORs, left to right."""
    found: list[bound.Expr] = []
    stack = [expr]
    while stack:
        part = stack.pop()
        if type(part) is bound.Binary and part.op == op:
            stack += (part.right, part.left)
        else:
            found.append(part)
    return found


def conjuncts(expr: bound.Expr | None) -> list[bound.Expr]:
    """The conditions that a condition is made of; none of None."""
    return [] if expr is None else chain(expr, "and")


def all_of(parts: list[bound.Expr]) -> bound.Expr | None:
    """The conjunction of `parts`, None for none."""
    result: bound.Expr | None = None
    for part in parts:
        result = part if result is None else bound.Binary(op="and", left=result, right=part)
    return result


def any_of(parts: Sequence[bound.Expr]) -> bound.Expr:
    """The disjunction of `parts`."""
    result = parts[0]
    for part in parts[1:]:
        result = bound.Binary(op="or", left=result, right=part)
    return result


def strip_collation(expr: bound.Expr) -> bound.Expr:
    """`expr` without COLLATE at its top."""
    while type(expr) is bound.Collated:
        expr = expr.operand
    return expr


# --- rewriting ----------------------------------------------------------------------------------------------------


def transform(expr: bound.Expr, rewrite: Rewrite) -> bound.Expr:
    """`expr` with `rewrite` applied outside in; what it replaces is not looked into again."""

    def enter(found: bound.Expr) -> bound.Expr | None:
        replaced = rewrite(found)
        if replaced is None and type(found) is bound.SubqueryExpr:
            return _transform_subquery(found, rewrite)
        return replaced

    return tree.transform(expr, enter)  # type: ignore[return-value]


def transform_all(exprs: tuple[bound.Expr, ...], rewrite: Rewrite) -> tuple[bound.Expr, ...]:
    """`transform` for each; the same tuple when nothing changed."""
    changed = tuple(transform(expr, rewrite) for expr in exprs)
    return exprs if all(new is old for new, old in zip(changed, exprs, strict=True)) else changed


def _transform_subquery(expr: bound.SubqueryExpr, rewrite: Rewrite) -> bound.Expr:
    operand = None if expr.operand is None else transform(expr.operand, rewrite)
    if not expr.outer:  # its query reads nothing that could be replaced
        return expr if operand is expr.operand else replace(expr, operand=operand)
    outer: dict[tuple[int, int], bound.ColumnRef] = {}
    for ref in expr.outer:
        for found in walk(transform(ref, rewrite)):
            if isinstance(found, bound.ColumnRef):
                outer.setdefault((found.source, found.column), found)
            elif isinstance(found, AggregateRef | WindowRef):
                outer.setdefault((found.source, ~1 - found.index), found)  # type: ignore[arg-type]  # replaced later
    plan = transform_query(expr.plan, rewrite) if isinstance(expr.plan, Query) else expr.plan
    return replace(expr, operand=operand, plan=plan, outer=tuple(outer.values()))


def transform_query(query: Query, rewrite: Rewrite) -> Query:
    """A copy of a bound query with every expression rewritten; a subquery that has several places, once."""
    rewrite = _remembering(rewrite)
    return replace(
        query,
        cores=[_transform_core(core, rewrite) for core in query.cores],
        order_by=[replace(key, expr=transform(key.expr, rewrite)) for key in query.order_by],
        limit=None if query.limit is None else transform(query.limit, rewrite),
        offset=None if query.offset is None else transform(query.offset, rewrite),
    )


def _remembering(rewrite: Rewrite) -> Rewrite:
    """Every subquery is rewritten once: the copies of one are still one, and what is nested does not multiply."""
    known: dict[int, tuple[bound.Expr, bound.Expr]] = {}

    def once(found: bound.Expr) -> bound.Expr | None:
        if type(found) is not bound.SubqueryExpr:
            return rewrite(found)
        seen = known.get(id(found))
        if seen is None:
            replaced = rewrite(found)
            seen = known[id(found)] = found, replaced or _transform_subquery(found, rewrite)
        return seen[1]

    return once


def _transform_core(core: Core, rewrite: Rewrite) -> Core:
    return replace(
        core,
        outputs=[transform(e, rewrite) for e in core.outputs],
        steps=[_transform_step(step, rewrite) for step in core.steps],
        where=[transform(e, rewrite) for e in core.where],
        group_by=[transform(e, rewrite) for e in core.group_by],
        having=None if core.having is None else transform(core.having, rewrite),
        aggregates=[transform_aggregate(call, rewrite) for call in core.aggregates],
        windows=[transform_window(call, rewrite) for call in core.windows],
        rows=None if core.rows is None else tuple(transform_all(row, rewrite) for row in core.rows),
    )


def _transform_step(step: Step, rewrite: Rewrite) -> Step:
    item = step.item
    if item is not None and item.query is not None and not item.shared:
        item = _transform_item(item, rewrite)
    return Step(
        item,
        step.kind,
        [transform(e, rewrite) for e in step.on],
        [_transform_step(inner, rewrite) for inner in step.group],
        [transform(e, rewrite) for e in step.group_where],
        [_transform_step(inner, rewrite) for inner in step.left],
        [transform(e, rewrite) for e in step.left_where],
        [transform(e, rewrite) for e in step.derived],
        step.number,
    )


def _transform_item(item: Item, rewrite: Rewrite) -> Item:
    assert item.query is not None
    return replace(item, query=transform_query(item.query, rewrite))


def transform_aggregate(call: bound.AggregateCall, rewrite: Rewrite) -> bound.AggregateCall:
    """An aggregate with its arguments and filter rewritten."""
    args = transform_all(call.args, rewrite)
    condition = None if call.filter is None else transform(call.filter, rewrite)
    order_by = tuple(replace(key, expr=transform(key.expr, rewrite)) for key in call.order_by)
    return replace(call, args=args, filter=condition, order_by=order_by)


def transform_window(call: bound.WindowCall, rewrite: Rewrite) -> bound.WindowCall:
    """A window function with its arguments and its window rewritten."""
    return transform(call, rewrite)  # type: ignore[arg-type,return-value]


def query_expressions(query: Query) -> Iterator[bound.Expr]:
    """Every expression of a bound query, those of the subqueries in its FROM clause included."""
    for core in query.cores:
        yield from core_expressions(core)
    for key in query.order_by:
        yield key.expr
    if query.limit is not None:
        yield query.limit
    if query.offset is not None:
        yield query.offset


def query_items(query: Query) -> Iterator[Item]:
    """Every element of FROM of a bound query and of the queries in it."""
    for core in query.cores:
        for step in core.steps:
            for item in step.items():
                yield item
                if item.query is not None:
                    yield from query_items(item.query)
    entered: set[int] = set()  # a subquery among the outputs may be a key of the order, too
    for expr in query_expressions(query):
        for part in walk(expr):
            if isinstance(part, bound.SubqueryExpr) and isinstance(part.plan, Query) and id(part.plan) not in entered:
                entered.add(id(part.plan))
                yield from query_items(part.plan)


def core_expressions(core: Core) -> Iterator[bound.Expr]:
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
    for window in core.windows:
        yield from window_expressions(window)
    for step in core.steps:
        yield from step_expressions(step)
    for row in core.rows or ():
        yield from row


def window_expressions(call: bound.WindowCall) -> Iterator[bound.Expr]:
    """Every expression of a window function that is computed for a row."""
    yield from call.args
    if call.filter is not None:
        yield call.filter
    for term in (*call.partition, *call.order):
        yield term.expr


def step_expressions(step: Step) -> Iterator[bound.Expr]:
    """Every expression of an operand of a join."""
    yield from step.on
    yield from step.group_where
    yield from step.left_where
    for inner in (*step.left, *step.group):
        yield from step_expressions(inner)
    if step.item is not None and step.item.query is not None and not step.item.shared:
        yield from query_expressions(step.item.query)


# --- comparing ----------------------------------------------------------------------------------------------------

_LITERALS = (bound.Constant, bound.LiteralList)
Pin: TypeAlias = Callable[[bound.Constant | bound.LiteralList], None]


def fingerprint(expr: bound.Expr) -> int:
    """Equal for expressions that are the same; so those with different ones need not be compared."""
    return tree.fold(expr, _fingerprint, operands)


def _fingerprint(node: Node, below: list[int]) -> int:
    if isinstance(node, bound.SubqueryExpr):
        return id(node)
    if isinstance(node, _LITERALS):
        return hash((type(node.value), node.value))
    if isinstance(node, bound.ColumnRef):
        return hash((node.source, node.column))
    return hash((type(node), tree.data(node), *below))


def same_expression(a: bound.Expr, c: bound.Expr, pin: Pin) -> bool:
    """Whether two expressions always have the same value. Literals are compared by value; where the answer depends
    on one that was lifted out of the text, `pin` is told.
    """
    if type(a) is not type(c):
        return False
    if isinstance(a, bound.ColumnRef) and isinstance(c, bound.ColumnRef):  # the usual question, asked for every pair
        return a.source == c.source and a.column == c.column
    pairs: list[tuple[Node, Node]] = [(a, c)]
    while pairs:
        x, y = pairs.pop()
        if x is y:
            continue
        if not _same_head(x, y, pin):
            return False
        left, right = operands(x), operands(y)
        if len(left) != len(right):
            return False
        pairs.extend(zip(reversed(left), reversed(right), strict=True))
    return is_deterministic(a)


def _types(value: object) -> object:
    """1 and 1.0 are equal, but not the same."""
    return [type(member) for row in value for member in row] if isinstance(value, tuple) else type(value)


def _same_head(x: Node, y: Node, pin: Pin) -> bool:
    """What two nodes are, apart from their operands."""
    if isinstance(x, _LITERALS) and isinstance(y, _LITERALS):
        if _types(x.value) != _types(y.value):
            return False
        for literal in (x, y):
            if literal.lifted is not None:
                pin(literal)
        return x.value == y.value
    if isinstance(x, bound.ColumnRef) and isinstance(y, bound.ColumnRef):
        return x.source == y.source and x.column == y.column
    return type(x) is type(y) and type(x) is not bound.SubqueryExpr and tree.data(x) == tree.data(y)


def order_key(key: OrderKey, rewrite: Rewrite) -> OrderKey:
    """A sort key with its expression rewritten."""
    return replace(key, expr=transform(key.expr, rewrite))
