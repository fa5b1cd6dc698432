"""Subqueries in expressions: scalar, EXISTS, IN (SELECT …), IN table.

Each becomes a SubqueryExpr whose `plan` is the bound Query until the planner replaces it by a plan.

Source: https://sqlite.org/lang_expr.html sections 7 to 10
"""

from __future__ import annotations

from collections.abc import Callable

from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder
from turso_wasm.bind.comparison import (
    affinity_of,
    compare,
    comparison_affinity,
    explicit_collation,
    implicit_collation,
    shown,
)
from turso_wasm.bind.query import AggregateRef, Common, Core, Item, OutputColumn, Query, Step, WindowRef
from turso_wasm.bind.rows import ask_once, connect, is_row, row_parts
from turso_wasm.bind.scope import Scope, column_ref, reference_key
from turso_wasm.bind.tables import query_item
from turso_wasm.bind.walk import any_of, conjuncts, strip_collation, walk
from turso_wasm.sql import ast

_NULL = bound.Constant(value=None)


def _has_width(binder: Binder, query: Query, wanted: int, node: ast.Node) -> bool:
    if len(query.columns) != wanted:
        binder.later(f"sub-select returns {len(query.columns)} columns - expected {wanted}", node)
    return len(query.columns) == wanted


def bind_scalar(binder: Binder, node: ast.Subquery, scope: Scope | None) -> bound.Expr:
    """(SELECT x …): the value of its first row, NULL without one."""
    ask_once(binder, node.select)
    query = binder.nested_select(node.select, scope)
    if not _has_width(binder, query, 1, node):
        return _NULL
    return bound.SubqueryExpr(kind="scalar", plan=query, outer=query.outer, number=query.cores[-1].number)


def bind_exists(binder: Binder, node: ast.Exists, scope: Scope | None) -> bound.Expr:
    """EXISTS (SELECT …)."""
    binder.tested.update((id(core), core) for core in _tested(node.select))
    query = binder.nested_select(node.select, scope)
    return bound.SubqueryExpr(kind="exists", plan=query, outer=query.outer, number=query.cores[-1].number)


def _tested(select: ast.Select) -> list[ast.SelectCore | ast.Values | ast.LiteralValues]:
    """The SELECTs of whose rows nothing is asked: not those that INTERSECT and EXCEPT compare, nor those whose distinct
    rows an OFFSET counts.
    """
    found = [select.core]
    for part in select.compounds:
        if part.op in ("INTERSECT", "EXCEPT") or (part.op == "UNION" and select.offset is not None):
            found = []
        else:
            found.append(part.core)
    return found


def bind_in_select(binder: Binder, node: ast.InSelect, scope: Scope | None) -> bound.Expr:
    """The test x [NOT] IN (SELECT …)."""
    if is_row(binder, node.operand, scope):
        return _bind_row_in_select(binder, node, scope)
    operand = binder.expr(node.operand, scope)
    query = binder.nested_select(node.select, scope)
    if not _has_width(binder, query, 1, node):
        return _NULL
    column = shown(query, 0)[-1]
    collation = (
        explicit_collation(operand)
        or explicit_collation(column)
        or implicit_collation(operand)
        or implicit_collation(column)
        or "BINARY"
    )
    affinity = comparison_affinity(affinity_of(operand), affinity_of(column))
    return bound.SubqueryExpr(
        kind="in",
        plan=query,
        number=query.cores[-1].number,
        outer=query.outer,
        operand=strip_collation(operand),
        negated=node.negated,
        collation=collation,
        affinity=affinity,
    )


def _bind_row_in_select(binder: Binder, node: ast.InSelect, scope: Scope | None) -> bound.Expr:
    """(a, b) IN (SELECT c, d …): true if a row is equal, NULL if for one it is unknown, else false.

    Where it is unknown there is a NULL: in a row (those that have one are few, and read once) or in the operand.
    """
    operand = row_parts(binder, node.operand, scope)
    null = bound.Constant(value=None)
    whens: list[tuple[bound.Expr, bound.Expr]] = []
    whens.append((_exists_row(binder, node, operand, scope, _equal), bound.Constant(value=1)))
    whens.append((_exists_row(binder, node, operand, scope, _unknown, with_null=True), null))
    nulls = [bound.IsNull(operand=part) for part in operand if not _is_known(part)]
    if nulls:
        unknown = _exists_row(binder, node, operand, scope, _unknown)
        whens.append((bound.Binary(op="and", left=any_of(nulls), right=unknown), null))
    result = bound.Case(whens=tuple(whens), otherwise=bound.Constant(value=0))
    return bound.Unary(op="not", operand=result) if node.negated else result


def _is_known(expr: bound.Expr) -> bool:
    """It is never NULL."""
    return (isinstance(expr, bound.ColumnRef) and expr.not_null) or (
        isinstance(expr, bound.Constant) and expr.value is not None
    )


def _equal(condition: bound.Expr) -> list[bound.Expr]:
    return conjuncts(condition)


def _unknown(condition: bound.Expr) -> list[bound.Expr]:
    return [bound.IsNull(operand=condition)]


ROW_RUNS = 1e5  # many: rather than look up by a part of the row, its SELECT is read once, as SQLite always does


def _exists_row(
    binder: Binder,
    node: ast.InSelect,
    operand: list[bound.Expr],
    scope: Scope | None,
    make: Callable[[bound.Expr], list[bound.Expr]],
    with_null: bool = False,
) -> bound.Expr:
    """EXISTS a row of the SELECT with `make(operand = row)`. with_null: of those that have a NULL."""
    query = binder.nested_select(node.select, scope)
    if not _has_width(binder, query, len(operand), node):
        return _NULL
    like = [shown(query, number)[-1] for number in range(len(operand))]  # a compound's columns are the last SELECT's
    item = query_item(binder, query, "", None)
    item.sought = True
    if with_null:
        item = _rows_with_null(binder, item, query)
    equal: list[bound.Expr] = [compare("=", *three) for three in zip(operand, _columns(item), like, strict=True)]
    where = make(connect("and", equal))
    outer = {reference_key(ref): ref for ref in query.outer}
    for part in walk(*operand):
        if isinstance(part, bound.ColumnRef | AggregateRef | WindowRef):
            outer[reference_key(part)] = part  # type: ignore[assignment]  # all but columns are replaced later
    core = Core([bound.Constant(value=1)], [OutputColumn("1")], [Step(item)], where, runs=ROW_RUNS)
    whole = Query([core], [OutputColumn("1")])
    whole.outer = tuple(outer.values())
    is_member = make is _equal and not query.outer
    number = query.cores[-1].number
    return bound.SubqueryExpr(kind="exists", plan=whole, outer=whole.outer, is_member=is_member, number=number)


def _rows_with_null(binder: Binder, item: Item, query: Query) -> Item:
    columns = _columns(item)
    nulls: list[bound.Expr] = [bound.IsNull(operand=column) for column in columns]
    found = Query([Core(columns, query.columns, [Step(item)], [any_of(nulls)])], query.columns, outer=query.outer)
    rows = query_item(binder, found, "", None)
    if not query.outer:
        rows.common = Common(found, materialized=True)
    return rows


def _columns(item: Item) -> list[bound.Expr]:
    return [column_ref(item, number) for number in range(len(item.columns))]


def bind_in_table(binder: Binder, node: ast.InTable, scope: Scope | None) -> bound.Expr:
    """X IN t is x IN (SELECT * FROM t)."""
    source: ast.FromSource
    if node.arguments is not None:
        source = ast.TableFunctionSource(node.table.name, node.table.schema, node.arguments, span=node.span)
    else:
        source = ast.TableSource(node.table.name, node.table.schema, span=node.table.span)
    core = ast.SelectCore((ast.Star(),), source, span=node.span, number=node.number)
    select = ast.Select(core, span=node.span)
    found = bind_in_select(binder, ast.InSelect(node.operand, select, node.negated, node.span), scope)
    if binder.trace is not None:  # SQLite refuses to rename such a table
        binder.trace = [(name, meant) for name, meant in binder.trace if name is not source]
    return found


EXPRESSIONS.update(
    {
        ast.Subquery: bind_scalar,
        ast.Exists: bind_exists,
        ast.InSelect: bind_in_select,
        ast.InTable: bind_in_table,
    }
)
