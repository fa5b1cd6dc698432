"""Syntax trees of expressions to bound expressions.

Owns operators, literals, CASE, CAST, COLLATE, IN lists and row values. Functions are in calls.py, subqueries in
subqueries.py.

Row values leave no node behind: `(a, b) = (c, d)` is bound to `a = c AND b = d`, `(a, b) < (c, d)` to
`a < c OR (a = c AND b < d)`.

Source: https://sqlite.org/lang_expr.html, https://sqlite.org/rowvalue.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.calls import scalar_call
from turso_wasm.bind.comparison import compare, in_list
from turso_wasm.bind.query import AggregateRef, WindowRef
from turso_wasm.bind.scope import Scope, written
from turso_wasm.bind.walk import strip_collation, walk
from turso_wasm.catalog.types import affinity_of_type
from turso_wasm.sql import ast
from turso_wasm.sql.literals import list_kind
from turso_wasm.values.arithmetic import negate

TRUE = bound.Constant(value=1)
FALSE = bound.Constant(value=0)


def bind_literal(
    binder: Binder, node: ast.IntegerLiteral | ast.RealLiteral | ast.TextLiteral | ast.BlobLiteral, scope: Scope | None
) -> bound.Expr:
    """A literal: its value comes from the statement's literal slot when it has one."""
    return bound.Constant(value=node.value, lifted=node.index if node.index >= 0 and binder.lift else None)


def bind_literal_list(binder: Binder, node: ast.LiteralList, scope: Scope | None) -> bound.Expr:
    """The members of an IN list: as bind_literal."""
    lifted = node.index if node.index >= 0 and binder.lift else None
    rows = tuple([(value,) for value in node.values])
    return bound.LiteralList(value=rows, kind=list_kind(node.values), lifted=lifted)


def bind_null(binder: Binder, node: ast.NullLiteral, scope: Scope | None) -> bound.Expr:
    """NULL."""
    return bound.Constant(value=None)


def bind_parameter(binder: Binder, node: ast.Parameter, scope: Scope | None) -> bound.Expr:
    """A parameter of the user; its slot is remembered."""
    binder.parameters[node.number] = node.name
    return bound.Parameter(index=node.number)


def bind_column(binder: Binder, node: ast.ColumnRef, scope: Scope | None) -> bound.Expr:
    """A name: a column, an alias, TRUE or FALSE, or (double quotes, no such column) a string."""
    found = binder.finder.find(node, scope)
    if found is not None:
        if binder.trace is not None and not binder.open_views:
            binder.trace.append((node, found))
        if type(found) is not bound.ColumnRef and scope is not None:
            if scope.aggregates != "yes":
                refuse_aggregates(found, scope, node)
            _refuse_windows(found, scope, node)
        return found
    if node.table is None:
        if node.double_quoted:
            literal = bound.Constant(value=node.column)
            if binder.trace is not None and not binder.open_views:
                binder.trace.append((node, literal))
            return literal
        if node.truth is not None:
            return TRUE if node.truth else FALSE
    raise SqlError(SQLITE_ERROR, f"no such column: {written(node)}", node.span)


def refuse_aggregates(expr: bound.Expr, scope: Scope, node: ast.Node) -> None:
    """An alias of an aggregate may not be used where aggregates may not."""
    level: Scope | None = scope
    while level is not None:
        for part in walk(expr):
            if isinstance(part, AggregateRef) and level.core is not None and part.source == level.core.aggregate_source:
                fail(f"misuse of aggregate: {level.core.aggregate_texts[part.index]}()", node)
        level = level.parent


def _refuse_windows(expr: bound.Expr, scope: Scope, node: ast.ColumnRef) -> None:
    """An alias of a window function may be used where window functions may, but not in a subquery there."""
    for part in walk(expr):
        if isinstance(part, WindowRef):
            own = scope.core is not None and part.source == scope.core.window_source
            if not own or not scope.allows_windows:
                fail(f"misuse of aliased window function {node.column}", node)


# --- operators ----------------------------------------------------------------------------------------------------


def bind_unary(binder: Binder, node: ast.Unary, scope: Scope | None) -> bound.Expr:
    """-x +x ~x NOT x, without recursion. The sign of a number that is part of the plan belongs to it."""
    ops = []
    operand_node: ast.Expr = node
    while type(operand_node) is ast.Unary:
        ops.append(operand_node.op)
        operand_node = operand_node.operand
    result = binder.expr(operand_node, scope)
    if ops[-1] == "-" and type(result) is bound.Constant and result.lifted is None:
        ops.pop()
        result = bound.Constant(value=-result.value if isinstance(result.value, float) else negate(result.value))
    for op in reversed(ops):
        result = bound.Unary(op="not" if op == "NOT" else op, operand=result)
    return result


def bind_binary(binder: Binder, node: ast.Binary, scope: Scope | None) -> bound.Expr:
    """A chain of operators is bound without recursion on its left side: chains can be long."""
    chain = [node]
    left_node = node.left
    while type(left_node) is ast.Binary and _is_chained(left_node.op):
        chain.append(left_node)
        left_node = left_node.left
    result: bound.Expr | None = None
    for part in reversed(chain):
        result = _bind_operator(binder, part, result, scope)
    assert result is not None
    return result


def _is_chained(op: str) -> bool:
    return op in bound.OPERATORS


def _bind_operator(binder: Binder, node: ast.Binary, left: bound.Expr | None, scope: Scope | None) -> bound.Expr:
    """`node` with its left operand already bound (None: not yet)."""
    op = node.op
    if op == "IS" or op == "IS NOT":
        return _bind_is(binder, node, left, scope)
    if op in bound.COMPARISONS:
        if left is None and (is_row(binder, node.left, scope) or is_row(binder, node.right, scope)):
            return _bind_row_comparison(binder, node, scope)
        return compare(bound.COMPARISONS[op], left or binder.expr(node.left, scope), binder.expr(node.right, scope))
    left = left or binder.expr(node.left, scope)
    if op == "->" or op == "->>":
        function = binder.registry.find_scalar(op, 2)
        assert function is not None
        return scalar_call(function, (left, binder.expr(node.right, scope)), node)
    return bound.Binary(op=bound.OPERATORS[op], left=left, right=binder.expr(node.right, scope))


def _bind_is(binder: Binder, node: ast.Binary, left: bound.Expr | None, scope: Scope | None) -> bound.Expr:
    negated = node.op == "IS NOT"
    right_node = node.right
    if left is None and (is_row(binder, node.left, scope) or is_row(binder, right_node, scope)):
        return _bind_row_comparison(binder, node, scope)
    left = left or binder.expr(node.left, scope)
    if type(right_node) is ast.NullLiteral:
        return bound.IsNull(operand=left, negated=negated)
    word_node = right_node
    while type(word_node) is ast.Collate:
        word_node = word_node.operand
    word = binder.expr(word_node, scope)
    if word is TRUE or word is FALSE:  # the words, not the numbers
        return bound.IsTruth(operand=strip_collation(left), wanted=word is TRUE, negated=negated)
    right = word if word_node is right_node else binder.expr(right_node, scope)
    return compare("is not" if negated else "is", left, right)


def bind_is_null(binder: Binder, node: ast.IsNull, scope: Scope | None) -> bound.Expr:
    """The test x IS [NOT] NULL, also in its short forms."""
    return bound.IsNull(operand=binder.expr(node.operand, scope), negated=node.negated)


def bind_collate(binder: Binder, node: ast.Collate, scope: Scope | None) -> bound.Expr:
    """An unknown collation is an error only where it is used."""
    return bound.Collated(operand=binder.expr(node.operand, scope), collation=binder.registry.collation(node.collation))


def bind_between(binder: Binder, node: ast.Between, scope: Scope | None) -> bound.Expr:
    """The range test: x BETWEEN low AND high is x >= low AND x <= high."""
    if is_row(binder, node.operand, scope):
        low = _bind_row_comparison(binder, ast.Binary(">=", node.operand, node.low, node.span), scope)
        high = _bind_row_comparison(binder, ast.Binary("<=", node.operand, node.high, node.span), scope)
        return _negated(bound.Binary(op="and", left=low, right=high), node)
    operand = binder.expr(node.operand, scope)
    low = compare(">=", operand, binder.expr(node.low, scope))
    high = compare("<=", operand, binder.expr(node.high, scope))
    if any(_is_costly(part) for part in walk(operand)):
        return _negated(_once(operand, [low, high], _both), node)
    return _negated(_both([low, high]), node)  # the planner looks for ranges


def _both(comparisons: Sequence[bound.Expr]) -> bound.Expr:
    return bound.Binary(op="and", left=comparisons[0], right=comparisons[1])


def _is_costly(part: Node) -> bool:
    """To be computed once, though the planner sees no range then: a subquery, random(), conditions."""
    if isinstance(part, bound.Call):
        return not part.deterministic
    return isinstance(part, bound.SubqueryExpr | bound.Let | bound.Compare)


def _negated(expr: bound.Expr, node: ast.Between) -> bound.Expr:
    return bound.Unary(op="not", operand=expr) if node.negated else expr


def _once(
    operand: bound.Expr, comparisons: list[bound.Compare], make: Callable[[list[bound.Compare]], bound.Expr]
) -> bound.Expr:
    """`make` of comparisons whose left side is `operand`, which is to be computed once for all of them.

    No LetRef stands below another Let of its own: one number will do.
    """
    if isinstance(operand, bound.Constant | bound.Parameter | bound.ColumnRef):
        return make(comparisons)
    again = [replace(each, left=bound.LetRef(number=1)) for each in comparisons]
    return bound.Let(number=1, value=comparisons[0].left, body=make(again))


def bind_cast(binder: Binder, node: ast.Cast, scope: Scope | None) -> bound.Expr:
    """CAST; without a type name it is one to NUMERIC."""
    affinity = affinity_of_type(node.type_name) if node.type_name else "C"
    return bound.Cast(operand=binder.expr(node.operand, scope), affinity=affinity)


def bind_case(binder: Binder, node: ast.Case, scope: Scope | None) -> bound.Expr:
    """CASE x WHEN y is bound to the condition x = y."""
    if node.operand is not None and not is_row(binder, node.operand, scope):
        return _bind_simple_case(binder, node, node.operand, scope)
    whens = []
    for when in node.whens:
        if node.operand is not None:
            equal = ast.Binary("=", node.operand, when.condition, when.span)
            condition = _bind_row_comparison(binder, equal, scope)
        else:
            condition = binder.expr(when.condition, scope)
        whens.append((condition, binder.expr(when.result, scope)))
    return bound.Case(whens=tuple(whens), otherwise=_bind_else(binder, node, scope))


def _bind_simple_case(binder: Binder, node: ast.Case, x: ast.Expr, scope: Scope | None) -> bound.Expr:
    operand = binder.expr(x, scope)
    conditions = [compare("=", operand, binder.expr(when.condition, scope)) for when in node.whens]
    results = [binder.expr(when.result, scope) for when in node.whens]
    otherwise = _bind_else(binder, node, scope)
    return _once(
        operand,
        conditions,
        lambda equal: bound.Case(whens=tuple(zip(equal, results, strict=True)), otherwise=otherwise),
    )


def _bind_else(binder: Binder, node: ast.Case, scope: Scope | None) -> bound.Expr | None:
    return binder.expr(node.otherwise, scope) if node.otherwise is not None else None


def bind_in_list(binder: Binder, node: ast.InList, scope: Scope | None) -> bound.Expr:
    """X IN (): false, whatever x is. x IN ((SELECT …)) is x IN (SELECT …)."""
    if len(node.items) == 1 and type(node.items[0]) is ast.Subquery:
        return binder.expr(ast.InSelect(node.operand, node.items[0].select, node.negated, node.span), scope)
    if is_row(binder, node.operand, scope):
        return _bind_row_in_list(binder, node, scope)
    operand = binder.expr(node.operand, scope)
    if not node.items:
        return TRUE_VALUE if node.negated else FALSE_VALUE
    return in_list(operand, binder.exprs(node.items, scope), node.negated)


TRUE_VALUE = bound.Constant(value=1)  # not the words TRUE and FALSE: `x IS (y IN ())` compares
FALSE_VALUE = bound.Constant(value=0)


def bind_current_time(binder: Binder, node: ast.CurrentTime, scope: Scope | None) -> bound.Expr:
    """CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP."""
    name = node.kind.lower()
    return bound.Call(name=name, args=(), kernel=f"fn_{name}", deterministic=False)


def bind_raise(binder: Binder, node: ast.Raise, scope: Scope | None) -> bound.Expr:
    """RAISE. Errors: outside of a trigger."""
    if binder.finder.rows is None:
        fail("RAISE() may only be used within a trigger-program", node)
    message = None if node.message is None else binder.expr(node.message, scope)
    return bound.Raise(action=node.action, message=message)


# --- row values ---------------------------------------------------------------------------------------------------


def is_row(binder: Binder, node: ast.Expr, scope: Scope | None) -> bool:
    """A row value, or a subquery that gives several columns."""
    return type(node) is ast.RowValue or (type(node) is ast.Subquery and subquery_width(binder, node, scope) > 1)


def subquery_width(binder: Binder, node: ast.Subquery, scope: Scope | None) -> int:
    """The number of columns a subquery shows; of one with a star the FROM clause is bound to count them."""
    select = node.select
    if not isinstance(select.core, ast.SelectCore):
        return len(select.core.rows[0])
    columns = select.core.columns
    if not any(isinstance(column, ast.Star) for column in columns):
        return len(columns)
    stars = tuple(column for column in columns if isinstance(column, ast.Star))
    only = ast.Select(ast.SelectCore(stars, select.core.source, span=select.span), with_=select.with_, span=select.span)
    return len(columns) - len(stars) + len(binder.nested_select(only, scope).columns)


def bind_row(binder: Binder, node: ast.RowValue, scope: Scope | None) -> bound.Expr:
    """A row value where a single value is wanted."""
    fail("row value misused", node)


def row_parts(binder: Binder, node: ast.Expr, scope: Scope | None) -> list[bound.Expr]:
    """The bound elements of a row value; of a subquery one scalar subquery a column."""
    if type(node) is ast.RowValue:
        return list(binder.exprs(node.items, scope))
    if type(node) is ast.Subquery:
        width = subquery_width(binder, node, scope)
        if width > 1:
            selects = [_only_column(node.select, number, width) for number in range(width)]
            return [binder.expr(ast.Subquery(select, node.span), scope) for select in selects]
    return [binder.expr(node, scope)]


def _only_column(select: ast.Select, number: int, width: int) -> ast.Select:
    """The same SELECT with only one of its columns; where the others have a say in its rows, one around it."""
    core = select.core
    if isinstance(core, ast.SelectCore) and not (select.compounds or core.distinct or select.order_by):
        column = core.columns[number] if len(core.columns) == width else None
        if isinstance(column, ast.ResultColumn):
            return replace(select, core=replace(core, columns=(column,)))
    first = select if select.limit is not None else replace(select, limit=ast.IntegerLiteral(1))
    names = tuple(ast.Name(f"c{at}") for at in range(width))
    whole = ast.With(False, (ast.CommonTable(_ROW, names, first, span=select.span),), select.span)
    one = (ast.ResultColumn(ast.ColumnRef(f"c{number}")),)
    return ast.Select(ast.SelectCore(one, ast.TableSource(_ROW), span=select.span), with_=whole, span=select.span)


_ROW = "\0row"  # a common table that nobody can name


def _bind_row_comparison(binder: Binder, node: ast.Binary, scope: Scope | None) -> bound.Expr:
    left, right = row_parts(binder, node.left, scope), row_parts(binder, node.right, scope)
    if len(left) != len(right):
        fail("row value misused", node)
    return compare_rows(bound.COMPARISONS[node.op], left, right)


def compare_rows(op: bound.CompareOp, left: Sequence[bound.Expr], right: Sequence[bound.Expr]) -> bound.Expr:
    """`(left…) op (right…)` in terms of comparisons of the elements."""
    if op == "=" or op == "is":
        return _connect("and", [compare(op, x, y) for x, y in zip(left, right, strict=True)])
    if op == "<>" or op == "is not":
        return _connect("or", [compare(op, x, y) for x, y in zip(left, right, strict=True)])
    result: bound.Expr = compare(op, left[-1], right[-1])
    for x, y in zip(reversed(left[:-1]), reversed(right[:-1]), strict=True):
        equal = bound.Binary(op="and", left=compare("=", x, y), right=result)
        result = bound.Binary(op="or", left=compare("<" if op[0] == "<" else ">", x, y), right=equal)
    return result


def _connect(op: bound.BinaryOp, parts: list[bound.Expr]) -> bound.Expr:
    result = parts[0]
    for part in parts[1:]:
        result = bound.Binary(op=op, left=result, right=part)
    return result


def _bind_row_in_list(binder: Binder, node: ast.InList, scope: Scope | None) -> bound.Expr:
    operand = row_parts(binder, node.operand, scope)
    if not node.items:
        return TRUE_VALUE if node.negated else FALSE_VALUE
    alternatives = []
    for item in node.items:
        parts = row_parts(binder, item, scope)
        if len(parts) != len(operand):
            terms = "1 term" if len(parts) == 1 else f"{len(parts)} terms"
            fail(f"IN(...) element has {terms} - expected {len(operand)}", item)
        alternatives.append(compare_rows("=", operand, [bound.Unary(op="+", operand=part) for part in parts]))
    result = _connect("or", alternatives)
    return bound.Unary(op="not", operand=result) if node.negated else result


EXPRESSIONS.update(
    {
        ast.IntegerLiteral: bind_literal,
        ast.RealLiteral: bind_literal,
        ast.TextLiteral: bind_literal,
        ast.BlobLiteral: bind_literal,
        ast.LiteralList: bind_literal_list,
        ast.NullLiteral: bind_null,
        ast.Parameter: bind_parameter,
        ast.ColumnRef: bind_column,
        ast.Unary: bind_unary,
        ast.Binary: bind_binary,
        ast.IsNull: bind_is_null,
        ast.Collate: bind_collate,
        ast.Between: bind_between,
        ast.Cast: bind_cast,
        ast.Case: bind_case,
        ast.InList: bind_in_list,
        ast.CurrentTime: bind_current_time,
        ast.Raise: bind_raise,
        ast.RowValue: bind_row,
    }
)
