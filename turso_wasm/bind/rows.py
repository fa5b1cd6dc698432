"""Row values. They leave no node behind: `(a, b) = (c, d)` is bound to `a = c AND b = d`, `(a, b) < (c, d)` to
`a < c OR (a = c AND b < d)`; what would be computed twice gets a Let.

Source: https://sqlite.org/rowvalue.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.comparison import compare
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.walk import walk as syntax_nodes


def is_costly(part: Node) -> bool:
    """To be computed once, though the planner sees no range then: a subquery, random(), conditions."""
    if isinstance(part, bound.Call):
        return not part.deterministic
    return isinstance(part, bound.SubqueryExpr | bound.Let | bound.Compare)


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
    """A row value where a single value is wanted. Errors: "row value misused", always."""
    binder.exprs(node.items, scope)
    binder.later("row value misused", node)
    return bound.Constant(value=None)


def row_parts(binder: Binder, node: ast.Expr, scope: Scope | None) -> list[bound.Expr]:
    """The bound elements of a row value; of a subquery one scalar subquery a column."""
    if type(node) is ast.RowValue:
        binder.stop_if_failed()
        inside = replace(scope, row_width=0) if scope is not None and scope.row_width else scope
        return list(binder.exprs(node.items, inside))
    if type(node) is ast.Subquery:
        width = subquery_width(binder, node, scope)
        if width > 1:
            ask_once(binder, node.select)
            selects = [_only_column(binder, node.select, number, width) for number in range(width)]
            return [binder.expr(ast.Subquery(select, node.span), scope) for select in selects]
    return [binder.expr(node, scope)]


def scope_of_term(node: ast.Expr, scope: Scope) -> Scope:
    """Of a term of WHERE or ON: where a row equals a subquery, SQLite assigns the columns of the one to the other."""
    if type(node) is not ast.Binary or node.op not in ("=", "IS"):
        return scope
    rows = [side for side in (node.left, node.right) if type(side) is ast.RowValue]
    return replace(scope, row_width=len(rows[0].items)) if len(rows) == 1 else scope


def ask_once(binder: Binder, select: ast.Select) -> None:
    """Note that only the first row is asked for."""
    if not select.compounds:
        binder.asked_once[id(select.core)] = select.core


def _only_column(binder: Binder, select: ast.Select, number: int, width: int) -> ast.Select:
    """The same SELECT with only one of its columns; where the others have a say in its rows, one around it."""
    core = select.core
    if isinstance(core, ast.SelectCore) and not (
        select.compounds or core.distinct or select.order_by or _may_aggregate(binder, core)
    ):
        column = core.columns[number] if len(core.columns) == width else None
        if isinstance(column, ast.ResultColumn):
            return replace(select, core=replace(core, columns=(column,)))
    first = select if select.limit is not None else replace(select, limit=ast.IntegerLiteral(1))
    names = tuple(ast.Name(f"c{at}") for at in range(width))
    whole = ast.With(False, (ast.CommonTable(_ROW, names, first, span=select.span),), select.span)
    one = (ast.ResultColumn(ast.ColumnRef(f"c{number}")),)
    return ast.Select(ast.SelectCore(one, ast.TableSource(_ROW), span=select.span), with_=whole, span=select.span)


def _may_aggregate(binder: Binder, core: ast.SelectCore) -> bool:
    """Its columns call aggregates, perhaps of another SELECT: then its rows are not those of its FROM clause."""
    calls = [part for column in core.columns for part in syntax_nodes(column) if isinstance(part, ast.FunctionCall)]
    find = binder.registry.find_aggregate
    return any(call.over is None and find(fold(call.name), len(call.arguments)) is not None for call in calls)


_ROW = "\0row"  # a common table that nobody can name


def check_rows(node: ast.Expr, *sides: ast.Expr) -> None:
    """What a row is compared with is one as it stands, without operators. Errors: "row value misused"."""
    if not all(type(side) in (ast.RowValue, ast.Subquery) for side in sides):
        fail("row value misused", node)


def check_stars(node: ast.Expr, scope: Scope | None, *sides: ast.Expr) -> None:
    """SQLite counts a star as one column where an expression stands in no SELECT. Errors: "row value misused"."""
    if (
        scope is not None
        and (scope.core is None or scope.constants)
        and len({_written_width(side) for side in sides}) > 1
    ):
        fail("row value misused", node)


def _written_width(node: ast.Expr) -> int:
    if isinstance(node, ast.RowValue):
        return len(node.items)
    if not isinstance(node, ast.Subquery):
        return 1
    core = node.select.core
    return len(core.columns if isinstance(core, ast.SelectCore) else core.rows[0])


def compare_row_nodes(binder: Binder, node: ast.Binary, scope: Scope | None) -> bound.Expr:
    """A comparison of which a side is a row value. Errors: "row value misused"."""
    check_rows(node, node.left, node.right)
    check_stars(node, scope, node.left, node.right)
    left, right = row_parts(binder, node.left, scope), row_parts(binder, node.right, scope)
    if len(left) != len(right):
        fail("row value misused", node)
    return compare_rows(bound.COMPARISONS[node.op], left, right)


def compare_rows(
    op: bound.CompareOp, left: Sequence[bound.Expr], right: Sequence[bound.Expr], compare: Comparer = compare
) -> bound.Expr:
    """`(left…) op (right…)` in terms of comparisons of the elements."""
    if op == "=" or op == "is":
        return connect("and", [compare(op, x, y) for x, y in zip(left, right, strict=True)])
    if op == "<>" or op == "is not":
        return connect("or", [compare(op, x, y) for x, y in zip(left, right, strict=True)])
    result: bound.Expr = compare(op, left[-1], right[-1])
    for x, y in zip(reversed(left[:-1]), reversed(right[:-1]), strict=True):
        result = _unless_equal(compare("<" if op[0] == "<" else ">", x, y), compare("=", x, y), result)
    return result


class SharedRow:
    """A row value that several others are compared with: its costly elements are computed once."""

    def __init__(self, parts: list[bound.Expr]) -> None:
        self.parts = parts
        costly = (at for at, part in enumerate(parts) if any(is_costly(inner) for inner in walk(part)))
        self.numbers = {id(parts[at]): _FIRST_SHARED + at for at in costly}

    def is_any_of(self, others: Sequence[Sequence[bound.Expr]]) -> bound.Expr:
        """The test row IN (others), which are as wide. SQLite compares all of them as the last one."""
        like = others[-1]
        return self.around(connect("or", [connect("and", self._equals(other, like)) for other in others]))

    def _equals(self, other: Sequence[bound.Expr], like: Sequence[bound.Expr]) -> list[bound.Expr]:
        others = (bound.Unary(op="+", operand=part) for part in other)
        return [self._compare("=", *three) for three in zip(self.parts, others, like, strict=True)]

    def compare(self, op: bound.CompareOp, other: Sequence[bound.Expr], node: ast.Node) -> bound.Expr:
        """`row op other`. Errors: "row value misused"."""
        if len(other) != len(self.parts):
            fail("row value misused", node)
        return compare_rows(op, self.parts, other, self._compare)

    def _compare(
        self, op: bound.CompareOp, x: bound.Expr, y: bound.Expr, like: bound.Expr | None = None
    ) -> bound.Compare:
        number = self.numbers.get(id(x))
        made = compare(op, x, y, like)
        return made if number is None else replace(made, left=bound.LetRef(number=number))

    def around(self, body: bound.Expr) -> bound.Expr:
        """The expression with the comparisons in it."""
        for part in self.parts:
            if id(part) in self.numbers:
                body = bound.Let(number=self.numbers[id(part)], value=part, body=body)
        return body


Comparer = Callable[[bound.CompareOp, bound.Expr, bound.Expr], bound.Compare]
_FIRST_SHARED = 3  # below are the two of `_unless_equal`, between whose Let and LetRef these may stand


def _unless_equal(differs: bound.Compare, equal: bound.Compare, rest: bound.Expr) -> bound.Expr:
    """`differs OR (equal AND rest)`; the operands, which are the same in both comparisons, are computed once."""
    left, right = differs.left, differs.right
    if shares_left := any(is_costly(part) for part in walk(left)):
        differs, equal = (replace(each, left=bound.LetRef(number=1)) for each in (differs, equal))
    if shares_right := any(is_costly(part) for part in walk(right)):
        differs, equal = (replace(each, right=bound.LetRef(number=2)) for each in (differs, equal))
    result: bound.Expr = bound.Binary(op="or", left=differs, right=bound.Binary(op="and", left=equal, right=rest))
    if shares_right:
        result = bound.Let(number=2, value=right, body=result)
    return bound.Let(number=1, value=left, body=result) if shares_left else result


def connect(op: bound.BinaryOp, parts: list[bound.Expr]) -> bound.Expr:
    """The parts, joined by AND or OR."""
    result = parts[0]
    for part in parts[1:]:
        result = bound.Binary(op=op, left=result, right=part)
    return result


EXPRESSIONS[ast.RowValue] = bind_row
