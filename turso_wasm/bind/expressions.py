"""Syntax trees of expressions to bound expressions.

Owns operators, literals, CASE, CAST, COLLATE and IN lists. Functions are in calls.py, subqueries in subqueries.py, row
values in rows.py.

Source: https://sqlite.org/lang_expr.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.calls import scalar_call
from turso_wasm.bind.comparison import compare, in_list, type_operators
from turso_wasm.bind.query import AggregateRef, WindowRef
from turso_wasm.bind.rows import (
    SharedRow,
    check_rows,
    check_stars,
    compare_row_nodes,
    is_costly,
    is_row,
    row_parts,
    scope_of_term,
    subquery_width,
)
from turso_wasm.bind.scope import Scope, written
from turso_wasm.bind.types import cast_type, encoded
from turso_wasm.bind.walk import conjuncts, strip_collation, walk
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.types import affinity_of_type
from turso_wasm.sql import ast
from turso_wasm.sql.literals import list_kind
from turso_wasm.sql.walk import children
from turso_wasm.values.arithmetic import negate

TRUE = bound.Constant(value=1)
FALSE = bound.Constant(value=0)
TRUE_VALUE, FALSE_VALUE = bound.Constant(value=1), bound.Constant(value=0)  # not the words: `x IS (y AND 0)` compares


def bind_literal(
    binder: Binder, node: ast.IntegerLiteral | ast.RealLiteral | ast.TextLiteral | ast.BlobLiteral, scope: Scope | None
) -> bound.Expr:
    """A literal: its value comes from a parameter of the statement when it was lifted."""
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
    """A parameter of the user; its number is remembered."""
    binder.parameters[node.number] = node.name
    return bound.Parameter(index=node.number)


def bind_column(binder: Binder, node: ast.ColumnRef, scope: Scope | None) -> bound.Expr:
    """A name: a column, an alias, TRUE or FALSE, or (double quotes, no such column) a string.

    Errors: "no such column: x", "ambiguous column name: x", "misuse of aggregate: f()".
    """
    found = binder.finder.find(node, scope)
    if found is not None:
        if binder.trace is not None and not binder.open_views:
            binder.trace.append((node, found))
        if type(found) is not bound.ColumnRef and scope is not None:
            refuse_dropped(binder, found, scope, node)
            if scope.aggregates != "yes":
                refuse_aggregates(binder, found, scope, node)
            _refuse_windows(found, scope, node)
        if binder.authority is not None and type(found) is bound.ColumnRef and not binder.place:
            return binder.authority.read(binder, found)
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


def refuse_aggregates(binder: Binder, expr: bound.Expr, scope: Scope, node: ast.Node) -> None:
    """An alias of an aggregate may not be used where aggregates may not. Errors: "misuse of aggregate: f()"."""
    level: Scope | None = scope
    while level is not None:
        for part in walk(expr):
            if isinstance(part, AggregateRef) and level.core is not None and part.source == level.core.aggregate_source:
                binder.later(f"misuse of aggregate: {level.core.aggregate_texts[part.index]}()", node)
        level = level.parent


def refuse_dropped(binder: Binder, expr: bound.Expr, scope: Scope | None, node: ast.Node) -> None:
    """An aggregate that EXISTS does not ask for may not be asked for by an alias or its place either. Errors: "misuse
    of aggregate: f()".
    """
    while scope is not None:
        if scope.dropped:
            for part in walk(expr):
                if id(part) in scope.dropped:
                    binder.later(f"misuse of aggregate: {scope.dropped[id(part)]}()", node)
        scope = scope.parent


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
    if node.op == "OR" and not binder.resolving:
        with binder.names_first():
            return _bind_chain(binder, node, scope)
    return _bind_chain(binder, node, scope)


def _bind_chain(binder: Binder, node: ast.Binary, scope: Scope | None) -> bound.Expr:
    chain = _chain(node)
    late = binder.late
    result: bound.Expr | None = None
    dropped = _dropped(binder, chain)
    if dropped < len(chain) and _drop(binder, chain[dropped]):
        chain = chain[:dropped]
        result = FALSE_VALUE
    for part in reversed(chain):
        result = _bind_operator(binder, part, result, scope)
        if result is TRUE_VALUE or result is FALSE_VALUE:  # of which alone code is made
            binder.late = late
    assert result is not None
    return result


def _chain(node: ast.Binary) -> list[ast.Binary]:
    """The node and the operators down its left side, as far as they are chained."""
    chain = [node]
    left = node.left
    while type(left) is ast.Binary and _is_chained(left.op):
        chain.append(left)
        left = left.left
    return chain


# SQLite's parser makes 0 of x AND 0 and of x IN (), whatever else is in them but functions outside of subqueries: any
# names may stand there.


def _dropped(binder: Binder, chain: list[ast.Binary]) -> int:
    """Where the outermost part of a chain is that is dropped; its length if none is."""
    found = len(chain)
    false = _is_dropped(binder, chain[-1].left)
    for at in range(len(chain) - 1, -1, -1):
        part = chain[at]
        false = part.op == "AND" and (false or _is_dropped(binder, part.right)) and not _has_function(part)
        if false:
            found = at
    return found


def bind_condition(binder: Binder, node: ast.Expr, scope: Scope) -> list[bound.Expr]:
    """The terms of WHERE or ON. Code is made of each, also where another one is 0."""
    if binder.from_right:
        return conjuncts(binder.expr(node, scope))
    found: list[bound.Expr] = []
    pending = [node]
    while pending:
        part = pending.pop()
        if type(part) is ast.Binary and part.op == "AND":
            chain = _chain(part)
            dropped = _dropped(binder, chain)
            at = next((at for at, each in enumerate(chain) if at == dropped or each.op != "AND"), len(chain))
            if at:
                pending += (each.right for each in chain[:at])
                pending.append(chain[at - 1].left)
                continue
        if type(part) is ast.InList and not part.items and not part.negated and _has_function(part):
            found.append(FALSE_VALUE)  # to SQLite it is 0 AND x
            part = part.operand
        found += conjuncts(binder.expr(part, scope_of_term(part, scope)))
    return [FALSE_VALUE] if any(_decides("AND", term) for term in found) else found


def _is_dropped(binder: Binder, node: ast.Expr) -> bool:
    if type(node) is ast.IntegerLiteral:
        return node.value == 0 and (node.index < 0 or "_" not in binder.text(node.span))
    if type(node) is ast.InList:
        return not node.items and not node.negated and not _has_function(node)
    return type(node) is ast.Binary and node.op == "AND" and _dropped(binder, _chain(node)) == 0


def _drop(binder: Binder, node: ast.Expr) -> bool:
    """Drop an expression unseen, but for its parameters; a RENAME looks at all names, though."""
    if binder.trace is not None:
        return False
    for part in syntax_nodes(node):
        if isinstance(part, ast.Parameter):
            bind_parameter(binder, part, None)
    return True


def _has_function(node: ast.Node) -> bool:
    """A function, also one written as an operator, stands in an expression, but not in a subquery of it."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.FunctionCall | ast.Like | ast.CurrentTime):
            return True
        if isinstance(part, ast.InTable):
            pending.append(part.operand)
        elif isinstance(part, ast.Binary) and part.op in ("->", "->>"):
            return True
        elif not isinstance(part, ast.Select):
            pending += children(part)
    return False


def _is_chained(op: str) -> bool:
    return op in bound.OPERATORS


def _bind_operator(binder: Binder, node: ast.Binary, left: bound.Expr | None, scope: Scope | None) -> bound.Expr:
    """`node` with its left operand already bound (None: not yet)."""
    op = node.op
    if op == "IS" or op == "IS NOT":
        return _bind_is(binder, node, left, scope)
    if op in bound.COMPARISONS:
        if left is None and (is_row(binder, node.left, scope) or is_row(binder, node.right, scope)):
            return compare_row_nodes(binder, node, scope)
        return compare(bound.COMPARISONS[op], left or binder.expr(node.left, scope), binder.expr(node.right, scope))
    left = left or binder.expr(node.left, scope)
    if op == "->" or op == "->>":
        function = binder.registry.find_scalar(op, 2)
        assert function is not None
        return scalar_call(function, (left, binder.expr(node.right, scope)), node)
    right = binder.expr(node.right, scope)
    if (op == "AND" or op == "OR") and (_decides(op, left) or _decides(op, right)):
        return TRUE_VALUE if op == "OR" else FALSE_VALUE
    typed = type_operators(left, right)
    own: bound.Expr | None = None if typed is None else typed.result(bound.OPERATORS[op], left, right)
    return own or bound.Binary(op=bound.OPERATORS[op], left=left, right=right)


def _decides(op: str, expr: bound.Expr) -> bool:
    """Whether an operand is a number that makes the other one, which may fail, superfluous: SQLite does not ask it."""
    if type(expr) is not bound.Constant or type(expr.value) is not int:
        return False
    return (expr.value != 0) == (op == "OR") and 0 <= expr.value < 2**31


def _bind_is(binder: Binder, node: ast.Binary, left: bound.Expr | None, scope: Scope | None) -> bound.Expr:
    negated = node.op == "IS NOT"
    right_node = node.right
    if left is None and (is_row(binder, node.left, scope) or is_row(binder, right_node, scope)):
        return compare_row_nodes(binder, node, scope)
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
        check_rows(node, node.operand, node.low, node.high)
        check_stars(node, scope, node.operand, node.low, node.high)
        row = SharedRow(row_parts(binder, node.operand, scope))
        low = row.compare(">=", row_parts(binder, node.low, scope), node)
        high = row.compare("<=", row_parts(binder, node.high, scope), node)
        return _negated(row.around(bound.Binary(op="and", left=low, right=high)), node)
    if is_row(binder, node.low, scope) or is_row(binder, node.high, scope):
        fail("row value misused", node)
    operand = binder.expr(node.operand, scope)
    low = compare(">=", operand, binder.expr(node.low, scope))
    high = compare("<=", operand, binder.expr(node.high, scope))
    if any(is_costly(part) for part in walk(operand)):
        return _negated(_once(operand, [low, high], _both), node)
    return _negated(_both([low, high]), node)  # the planner looks for ranges


def _both(comparisons: Sequence[bound.Expr]) -> bound.Expr:
    return bound.Binary(op="and", left=comparisons[0], right=comparisons[1])


def _negated(expr: bound.Expr, node: ast.Between) -> bound.Expr:
    return bound.Unary(op="not", operand=expr) if node.negated else expr


def _once(
    operand: bound.Expr, comparisons: list[bound.Compare], make: Callable[[list[bound.Compare]], bound.Expr]
) -> bound.Expr:
    """`make` of comparisons whose left side is `operand`, which is to be computed once for all of them.

    No LetRef stands below another Let of its own: one number will do.
    """
    if isinstance(operand, bound.Constant | bound.Parameter | bound.ColumnRef) or type_operators(operand) is not None:
        return make(comparisons)
    again = [replace(each, left=bound.LetRef(number=1)) for each in comparisons]
    return bound.Let(number=1, value=comparisons[0].left, body=make(again))


def bind_cast(binder: Binder, node: ast.Cast, scope: Scope | None) -> bound.Expr:
    """CAST; without a type name it is one to NUMERIC. To a type of the user's: what that stores."""
    type_ = cast_type(binder, node.type_name)
    if type_ is not None:
        return encoded(binder, type_, binder.expr(node.operand, scope))
    affinity = affinity_of_type(node.type_name) if node.type_name else "C"
    return bound.Cast(operand=binder.expr(node.operand, scope), affinity=affinity)


def bind_case(binder: Binder, node: ast.Case, scope: Scope | None) -> bound.Expr:
    """CASE x WHEN y is bound to the condition x = y."""
    if node.operand is not None and not is_row(binder, node.operand, scope):
        return _bind_simple_case(binder, node, node.operand, scope)
    row = SharedRow(row_parts(binder, node.operand, scope)) if node.operand is not None else None
    whens = []
    for when in node.whens:
        if row is not None:
            condition = _is_row(binder, row, when, scope)
        else:
            condition = binder.expr(when.condition, scope)
        whens.append((condition, binder.expr(when.result, scope)))
    case = bound.Case(whens=tuple(whens), otherwise=_bind_else(binder, node, scope))
    return case if row is None else row.around(case)


def _is_row(binder: Binder, row: SharedRow, when: ast.When, scope: Scope | None) -> bound.Expr:
    parts = row_parts(binder, when.condition, scope)
    if len(parts) == len(row.parts):
        return row.compare("=", parts, when)
    binder.later("row value misused", when)
    return FALSE_VALUE


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
    if not node.items and not _has_function(node) and _drop(binder, node):
        return TRUE if node.negated else FALSE
    if is_row(binder, node.operand, scope):
        return _bind_row_in_list(binder, node, scope)
    late = binder.late
    operand = binder.expr(node.operand, scope)
    if not node.items:
        binder.late = late
        return TRUE if node.negated else FALSE
    return in_list(operand, binder.exprs(node.items, scope), node.negated)


def _bind_row_in_list(binder: Binder, node: ast.InList, scope: Scope | None) -> bound.Expr:
    """A row in a list of rows, which are as wide (sql.parser). SQLite takes no subquery of several columns for one.
    Errors: "row value misused", "sub-select returns 2 columns - expected 1".
    """
    if type(node.operand) is ast.Subquery and node.items:
        if len(node.items) == 1 and type(node.items[0]) is not ast.LiteralList:
            fail("row value misused", node)
        width = subquery_width(binder, node.operand, scope)
        binder.later(f"sub-select returns {width} columns - expected 1", node)
        binder.exprs((node.operand, *node.items), scope)
        return FALSE_VALUE
    values = _as_values(node)
    if values is not None and any(map(_has_function, node.items)):  # whose aggregates and windows are its own
        return binder.expr(ast.InSelect(node.operand, values, node.negated, node.span), scope)
    row = SharedRow(row_parts(binder, node.operand, scope))
    if not node.items:
        return TRUE if node.negated else FALSE_VALUE
    alternatives = []
    for item in node.items:
        alternatives.append(row_parts(binder, item, scope))
    result = row.is_any_of(alternatives)
    return bound.Unary(op="not", operand=result) if node.negated else result


def _as_values(node: ast.InList) -> ast.Select | None:
    """The VALUES that a list of rows is; None where a width is wrong."""
    rows = tuple([item.items for item in node.items if isinstance(item, ast.RowValue)])
    if not isinstance(node.operand, ast.RowValue) or not rows or len(rows) < len(node.items):
        return None
    width = len(node.operand.items)
    is_even = all(len(row) == width for row in rows)
    return ast.Select(ast.Values(rows, listed=True, span=node.span), span=node.span) if is_even else None


def bind_current_time(binder: Binder, node: ast.CurrentTime, scope: Scope | None) -> bound.Expr:
    """CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP."""
    name = node.kind.lower()
    return bound.Call(name=name, args=(), kernel=f"fn_{name}", deterministic=False)


def bind_raise(binder: Binder, node: ast.Raise, scope: Scope | None) -> bound.Expr:
    """RAISE. Errors: IGNORE outside of a trigger, where there is no row to leave."""
    if node.action == "IGNORE" and binder.finder.rows is None:
        binder.later("RAISE() may only be used within a trigger-program", node)
    message = None if node.message is None else binder.expr(node.message, scope)
    return bound.Raise(action=node.action, message=message)


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
    }
)
