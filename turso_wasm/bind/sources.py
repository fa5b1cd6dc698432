"""FROM clauses: tables, views, common tables, subqueries and joins.

Owns opening of names (common table before table, view before use), USING and NATURAL, and the shape of the join: a
list of steps in the order of the text (bind.query.Step). Conditions are bound later, when all names are known
(`bind_conditions`).

Source: https://sqlite.org/lang_select.html, https://sqlite.org/lang_with.html
"""

from __future__ import annotations

from dataclasses import field, replace

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound, top_k
from turso_wasm.bind.arrays import unnested
from turso_wasm.bind.binder import Binder, fail, unsupported
from turso_wasm.bind.expressions import bind_condition
from turso_wasm.bind.query import Core, Item, OutputColumn, Step
from turso_wasm.bind.scope import NameFinder, Scope
from turso_wasm.bind.table_functions import argument, bind_function, find_function
from turso_wasm.bind.tables import bind_table, bind_virtual, query_item, unique_names
from turso_wasm.bind.using import forget_not_null, using_conditions
from turso_wasm.bind.walk import sources_used
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.limits import MAX_JOIN
from turso_wasm.sql.walk import children


@dataclass(slots=True)
class Pending:
    """An ON condition, or an argument of a function, not yet bound. step: the left-joined step it belongs to, None for
    an inner join. visible: the sources that it may use; None: all. joined: of an argument, those that are joined when
    the rows of its function are asked for; None: any. scope: that of the join in parentheses that it stands in.
    argument: which one, of what.
    """

    on: ast.Expr
    step: Step | None
    visible: set[int] | None
    into: list[bound.Expr]
    scope: Scope | None = None
    argument: tuple[Item, int] | None = None
    joined: set[int] | None = None


@dataclass(slots=True)
class FromClause:
    """What is built while a FROM clause is walked."""

    binder: Binder
    scope: Scope
    core: Core
    pending: list[Pending] = field(default_factory=list)
    has_outer: bool = False  # a right or full join stands in the FROM clause, or in the parentheses, being bound


def bind_from(binder: Binder, source: ast.FromSource | None, core: Core, scope: Scope) -> FromClause:
    """Fill `core.steps` and `scope.items`; USING conditions go to their place at once, ON conditions stay pending.

    Errors: "no such table: x", "x is not a function", those of USING, "at most 64 tables in a join".
    """
    clause = FromClause(binder, scope, core)
    if source is not None:
        saved, binder.views = binder.views, {}
        core.steps = _bind_source(clause, source, core.where)
        binder.views = saved
        if len(scope.items) > MAX_JOIN:
            fail(f"at most {MAX_JOIN} tables in a join", source)
    return clause


def bind_conditions(clause: FromClause) -> None:
    """Bind the ON conditions and arguments: all names of the FROM clause, or of the join in parentheses, are in scope,
    but an outer join's must not look to its right.

    Errors: "ON clause references tables to its right", "table-function argument references tables to its right".
    """
    for pending in clause.pending:
        scope = pending.scope or clause.scope
        if pending.argument is None:
            parts = bind_condition(clause.binder, pending.on, scope)
        else:
            parts = [argument(*pending.argument, clause.binder.expr(pending.on, scope))]
        if pending.visible is not None or pending.joined is not None:
            own = {item.source for item in scope.items}
            used = {source for part in parts for source in sources_used(part) & own}
            if pending.visible is not None and used - pending.visible:
                what = "ON clause" if pending.argument is None else "table-function argument"
                fail(f"{what} references tables to its right", pending.on)
            if pending.joined is not None and used - pending.joined:
                unsupported("arguments that read what an outer join keeps apart", pending.on)
        pending.into.extend(parts)


# --- joins --------------------------------------------------------------------------------------------------------


def _bind_source(clause: FromClause, source: ast.FromSource, where: list[bound.Expr]) -> list[Step]:
    """The steps of a source; its inner conditions go to `where`."""
    chain: list[ast.Join] = []
    while isinstance(source, ast.Join):
        chain.append(source)
        source = source.left
    n_items, n_pending = len(clause.scope.items), len(clause.pending)
    steps = _bind_operand(clause, source, where)
    outside = clause.has_outer
    is_outer = any(join.kind in ("RIGHT", "FULL") for join in chain)
    clause.has_outer = outside or is_outer
    for join in reversed(chain):
        if join.natural and (join.on is not None or join.using is not None):
            fail("a NATURAL join may not have an ON or USING clause", join)
        if join.kind == "LEFT":
            _look_left(clause.pending[n_pending:], clause.scope.items)
        steps = _bind_join(clause, steps, join, where)
    clause.has_outer = outside
    if is_outer:
        for number, item in enumerate(clause.scope.items[n_items:], n_items + 1):
            own = [each for each in clause.pending[n_pending:] if each.argument and each.argument[0] is item]
            _look_left(own, clause.scope.items[:number])
    return steps


def _look_left(pending: list[Pending], items: list[Item]) -> None:
    """Arguments before a LEFT JOIN, or beside a RIGHT or FULL JOIN, may only read these."""
    sources = {item.source for item in items}
    for each in pending:
        if each.argument is not None:
            each.visible = sources if each.visible is None else each.visible & sources


def _bind_right(clause: FromClause, source: ast.FromSource, where: list[bound.Expr]) -> list[Step]:
    """The right operand of a join: a join in parentheses is a FROM clause of its own."""
    n_items, outside = len(clause.scope.items), clause.has_outer
    clause.has_outer = False
    steps = _bind_operand(clause, source, where)
    clause.has_outer = outside
    inside = clause.scope.items[n_items:]
    if len(inside) > 1:
        clause.scope.nested.append({item.source for item in inside})
        labels = iter(unique_names([OutputColumn(column) for item in inside for column in item.columns]))
        for item in inside:
            item.labels = tuple(next(labels) for _ in item.columns)
    return steps


def _bind_join(clause: FromClause, steps: list[Step], join: ast.Join, where: list[bound.Expr]) -> list[Step]:
    n_left = len(clause.scope.items)
    left_items = [item for step in steps for item in step.items()]
    if join.kind in ("RIGHT", "FULL") and _is_driven(join, left_items):
        join = replace(join, kind="INNER" if join.kind == "RIGHT" else "LEFT")
    inner: list[bound.Expr] = []
    n_pending = len(clause.pending)
    right = _bind_right(clause, join.right, inner)
    if not isinstance(join.right, ast.TableFunctionSource):
        _enclose(clause, n_left, n_pending)
    if join.kind in ("COMMA", "INNER", "CROSS"):
        _move(clause, inner, where)
        if join.kind == "CROSS":
            if right[0].left:
                right[0] = Step(None, group=[right[0]])
            right[0].kind = "cross"
        new_items = clause.scope.items[n_left:]
        where.extend(using_conditions(join, left_items, new_items, clause.has_outer))
        if join.on is not None:
            clause.pending.append(Pending(join.on, None, None, where))
        return steps + right
    right_items = clause.scope.items[n_left:]
    arguments = [each for each in clause.pending[n_pending:] if each.argument is not None and each.into is inner]
    if arguments and join.kind != "LEFT":
        step = Step(None, group=right, group_where=inner)
        _belong_to(arguments, {item.source for item in right_items})
    else:
        step = _as_one_step(right, inner)
    if arguments and step.item is not None:
        _belong_to(arguments, {item.source for item in clause.scope.items}, step.on)
    if join.kind == "RIGHT" or join.kind == "FULL":
        step.kind = "right" if join.kind == "RIGHT" else "full"
        step.left = steps
        _move(clause, where, step.left_where)
        on_left = [each for each in clause.pending if each.argument is not None and each.into is step.left_where]
        _belong_to([each for each in on_left if each.joined is None], {item.source for item in left_items})
        nullable, result = left_items if join.kind == "RIGHT" else step.items(), [step]
    else:
        step.kind = "left"
        nullable, result = right_items, [*steps, step]
    for item in nullable:
        item.nullable = True
        item.refs.clear()
    forget_not_null(clause.scope.items, nullable)
    step.on.extend(using_conditions(join, left_items, right_items, clause.has_outer))
    if join.on is not None:
        visible = {item.source for item in clause.scope.items}
        clause.pending.append(Pending(join.on, step, visible, step.on))
    return result


def _is_driven(join: ast.Join, left: list[Item]) -> bool:
    """A function on the right of a RIGHT or FULL JOIN reads the left in an argument whose NULL gives no rows: each of
    its rows has its place beside one of the left.
    """
    source = join.right
    if not isinstance(source, ast.TableFunctionSource) or join.natural or join.using is not None:
        return False
    pending: list[ast.Node] = [*source.arguments[: _n_needed(fold(source.name))]]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ColumnRef):
            if NameFinder().find(node, Scope(items=left)) is not None:
                return True
        elif isinstance(node, ast.Unary | ast.Collate | ast.Cast | ast.Binary) and not _hides_null(node):
            pending += children(node)
    return False


def _hides_null(node: ast.Node) -> bool:
    return isinstance(node, ast.Binary) and node.op in ("IS", "IS NOT", "AND", "OR")


def _n_needed(function: str) -> int:
    """Of so many arguments, from the first, each must be given for the function to have rows."""
    if function == "generate_series":
        return 3
    if function == "pragma_table_list" or not function.startswith(("json", "pragma_")):
        return 0
    return 2 if function.startswith("json") else 1


def _belong_to(pending: list[Pending], joined: set[int], into: list[bound.Expr] | None = None) -> None:
    """The arguments belong to an outer join."""
    for each in pending:
        each.joined = joined
        each.into = each.into if into is None else into


def _enclose(clause: FromClause, first: int, n_pending: int) -> None:
    """The ON conditions of a join in parentheses see the names in these, from item number `first` on; nothing outside
    sees hidden columns of theirs.
    """
    if len(clause.pending) > n_pending:
        inside = clause.scope.items[first:]
        items = [replace(item, refs={}, hidden=set(item.hidden), shown=dict(item.shown)) for item in inside]
        for pending in clause.pending[n_pending:]:
            pending.scope = pending.scope or replace(clause.scope, items=items)
    if len(clause.scope.items) > first + 1:
        for item in clause.scope.items[first:]:
            shown = {fold(name) for name in item.columns}
            if item.numbers.keys() - shown:  # hidden columns are none of the join's
                item.numbers = {key: number for key, number in item.numbers.items() if key in shown}


def _move(clause: FromClause, source: list[bound.Expr], target: list[bound.Expr]) -> None:
    """Move the conditions of one list to another; those not yet bound will go there too."""
    target.extend(source)
    source.clear()
    for pending in clause.pending:
        if pending.into is source:
            pending.into = target


def _as_one_step(steps: list[Step], where: list[bound.Expr]) -> Step:
    """The steps of a join's operand as one: a single item stays as it is, a join becomes a group."""
    if len(steps) == 1 and steps[0].kind == "inner" and not where:
        return steps[0]
    return Step(None, group=steps, group_where=where)


# --- operands -----------------------------------------------------------------------------------------------------


def _bind_operand(clause: FromClause, source: ast.FromSource, where: list[bound.Expr]) -> list[Step]:
    match source:
        case ast.TableSource():
            return [_add(clause, bind_table(clause.binder, source, clause.scope.parent))]
        case ast.SubquerySource():
            return [_add(clause, _bind_subquery(clause, source))]
        case ast.ParenthesizedSource():
            return _bind_parenthesized(clause, source, where)
        case ast.TableFunctionSource():
            return _bind_function(clause, source, where)
        case ast.Join():
            return _bind_source(clause, source, where)
    raise TypeError(f"unknown source {type(source).__name__}")


def _add(clause: FromClause, item: Item) -> Step:
    clause.scope.items.append(item)
    return Step(item)


def _bind_parenthesized(clause: FromClause, source: ast.ParenthesizedSource, where: list[bound.Expr]) -> list[Step]:
    inner = source.source
    if source.alias is None:
        return _bind_source(clause, inner, where)
    if isinstance(inner, ast.TableSource | ast.SubquerySource | ast.TableFunctionSource) and inner.alias is None:
        return _bind_operand(clause, replace(inner, alias=source.alias), where)
    select = ast.Select(ast.SelectCore((ast.Star(nested=True),), inner, span=source.span), span=source.span)
    return _bind_operand(clause, ast.SubquerySource(select, source.alias, span=source.span), where)


def _bind_function(clause: FromClause, source: ast.TableFunctionSource, where: list[bound.Expr]) -> list[Step]:
    if fold(source.name) == "unnest" and source.schema is None and len(source.arguments) == 1:
        source = unnested(source)
    if fold(source.name) == top_k.NAME and find_function(clause.binder, source.name) is None:
        return [_add(clause, _bind_top_k(clause.binder, source))]
    item = bind_virtual(clause.binder, source, clause.scope.parent) or bind_function(clause.binder, source)
    step = _add(clause, item)
    for number, node in enumerate(source.arguments):
        clause.pending.append(Pending(node, None, None, where, argument=(step.own_items()[0], number)))
    return [step]


def _bind_top_k(binder: Binder, source: ast.TableFunctionSource) -> Item:
    select = top_k.nearest_rows(binder, source)
    trace, binder.trace = binder.trace, None  # none of its names is in the text
    try:
        query = binder.nested_select(select, None)
    finally:
        binder.trace = trace
    return query_item(binder, query, source.alias or source.name, source.alias)


def _bind_subquery(clause: FromClause, source: ast.SubquerySource) -> Item:
    query = clause.binder.nested_select(source.select, clause.scope.parent)
    return query_item(clause.binder, query, source.alias or "", source.alias)
