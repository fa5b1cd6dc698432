"""Subqueries in expressions: scalar, EXISTS, IN (SELECT …), IN table.

Each becomes a SubqueryExpr whose `plan` is the bound Query until the planner replaces it by a plan.

Source: https://sqlite.org/lang_expr.html sections 7 to 10
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.comparison import (
    affinity_of,
    comparison_affinity,
    explicit_collation,
    implicit_collation,
)
from turso_wasm.bind.expressions import compare_rows, is_row, row_parts
from turso_wasm.bind.query import AggregateRef, Core, OutputColumn, Query, Step
from turso_wasm.bind.scope import Scope, column_ref, reference_key
from turso_wasm.bind.tables import query_item
from turso_wasm.bind.walk import conjuncts, strip_collation, walk
from turso_wasm.sql import ast


def _check_width(query: Query, wanted: int, node: ast.Node) -> None:
    if len(query.columns) != wanted:
        fail(f"sub-select returns {len(query.columns)} columns - expected {wanted}", node)


def bind_scalar(binder: Binder, node: ast.Subquery, scope: Scope | None) -> bound.Expr:
    """(SELECT x …): the value of its first row, NULL without one."""
    query = binder.nested_select(node.select, scope)
    _check_width(query, 1, node)
    return bound.SubqueryExpr(kind="scalar", plan=query, outer=query.outer)


def bind_exists(binder: Binder, node: ast.Exists, scope: Scope | None) -> bound.Expr:
    """EXISTS (SELECT …)."""
    query = binder.nested_select(node.select, scope)
    return bound.SubqueryExpr(kind="exists", plan=query, outer=query.outer)


def bind_in_select(binder: Binder, node: ast.InSelect, scope: Scope | None) -> bound.Expr:
    """The test x [NOT] IN (SELECT …)."""
    if is_row(node.operand):
        return _bind_row_in_select(binder, node, scope)
    operand = binder.expr(node.operand, scope)
    query = binder.nested_select(node.select, scope)
    _check_width(query, 1, node)
    column = query.cores[0].outputs[0]
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
        outer=query.outer,
        operand=strip_collation(operand),
        negated=node.negated,
        collation=collation,
        affinity=affinity,
    )


def _bind_row_in_select(binder: Binder, node: ast.InSelect, scope: Scope | None) -> bound.Expr:
    """(a, b) IN (SELECT c, d …): true if a row is equal, NULL if for one it is unknown, else false."""
    operand = row_parts(binder, node.operand, scope)
    equal = _exists_row(binder, node, operand, scope, unknown=False)
    unknown = _exists_row(binder, node, operand, scope, unknown=True)
    result = bound.Case(
        whens=((equal, bound.Constant(value=1)), (unknown, bound.Constant(value=None))),
        otherwise=bound.Constant(value=0),
    )
    return bound.Unary(op="not", operand=result) if node.negated else result


def _exists_row(
    binder: Binder, node: ast.InSelect, operand: list[bound.Expr], scope: Scope | None, unknown: bool
) -> bound.SubqueryExpr:
    """EXISTS a row of the SELECT with (operand = row), or with (operand = row) IS NULL."""
    query = binder.nested_select(node.select, scope)
    _check_width(query, len(operand), node)
    item = query_item(binder, query, "", None)
    columns = [column_ref(item, number) for number in range(len(operand))]
    condition = compare_rows("=", operand, columns)
    where: list[bound.Expr] = [bound.IsNull(operand=condition)] if unknown else conjuncts(condition)
    outer = {reference_key(ref): ref for ref in query.outer}
    for part in walk(*operand):
        if isinstance(part, bound.ColumnRef | AggregateRef):
            outer[reference_key(part)] = part  # type: ignore[assignment]  # AggregateRefs are replaced later
    whole = Query([Core([bound.Constant(value=1)], [OutputColumn("1")], [Step(item)], where)], [OutputColumn("1")])
    whole.outer = tuple(outer.values())
    return bound.SubqueryExpr(kind="exists", plan=whole, outer=whole.outer)


def bind_in_table(binder: Binder, node: ast.InTable, scope: Scope | None) -> bound.Expr:
    """X IN t is x IN (SELECT * FROM t)."""
    source: ast.Source
    if node.arguments is not None:
        source = ast.TableFunctionSource(node.table.name, node.table.schema, node.arguments, span=node.span)
    else:
        source = ast.TableSource(node.table.name, node.table.schema, span=node.span)
    select = ast.Select(ast.SelectCore((ast.Star(),), source, span=node.span), span=node.span)
    return bind_in_select(binder, ast.InSelect(node.operand, select, node.negated, node.span), scope)


EXPRESSIONS.update(
    {
        ast.Subquery: bind_scalar,
        ast.Exists: bind_exists,
        ast.InSelect: bind_in_select,
        ast.InTable: bind_in_table,
    }
)
