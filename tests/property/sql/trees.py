"""Random syntax trees, in the form that the parser gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from turso_wasm.sql import ast
from turso_wasm.sql.ast import Expr, FromSource, Name, QualifiedName, Select

T = TypeVar("T")

words = st.sampled_from(
    ["a", "b", "t", "é日", "x_1$", "select", "key", "left", "over", "Rows", "1a", "", "a b", "q\"`'[", "a.b"]
)
names = st.one_of(words, st.text(st.characters(exclude_characters="\0]", exclude_categories=["Cs"]), max_size=4))
name_nodes = st.builds(Name, names)
name_tuples = st.lists(name_nodes, min_size=1, max_size=3).map(tuple)
schemas = st.none() | words
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
reals = st.floats(min_value=0, allow_nan=False) | st.sampled_from(
    [float("inf"), 2.0**63, 1e-320, 1e15, 1e16, 123456.789]
)
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)
types = st.sampled_from(
    ["", "int", "varchar(10)", "decimal(10, -2)", "a  b", "select", 'x"y', "x(y", "generated", "double precision"]
)
collations = st.sampled_from(["nocase", "binary", "my order"])
# SQLite dequotes no window's name: they are compared as written.
windows = st.sampled_from(["w", '"W w"', "'v'", "[u]"])


def some(strategy: SearchStrategy[T], most: int = 3) -> SearchStrategy[tuple[T, ...]]:
    return st.lists(strategy, min_size=1, max_size=most).map(tuple)


def maybe_some(strategy: SearchStrategy[T], most: int = 2) -> SearchStrategy[tuple[T, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


def column_refs() -> SearchStrategy[Expr]:
    return st.one_of(
        st.builds(ast.ColumnRef, names, double_quoted=st.booleans()),
        st.builds(ast.ColumnRef, names, names),
        st.builds(ast.ColumnRef, names, names, names),
    )


leaves: SearchStrategy[Expr] = st.one_of(
    column_refs(),
    st.builds(ast.NullLiteral),
    st.builds(ast.IntegerLiteral, integers),
    st.builds(ast.RealLiteral, reals),
    st.builds(ast.TextLiteral, texts),
    st.builds(ast.BlobLiteral, st.binary(max_size=3)),
    st.builds(ast.CurrentTime, st.sampled_from(["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])),
    st.integers(1, 99).map(lambda number: ast.Parameter(f"?{number}", number)),
    st.builds(ast.Raise, st.just("IGNORE")),
)

literal_values = st.one_of(
    st.none(), integers, reals, reals.filter(lambda x: x != 0).map(lambda x: -x), texts, st.binary(max_size=3)
)
literal_lists = st.lists(literal_values, min_size=2, max_size=3).map(lambda values: (ast.LiteralList(tuple(values)),))

_BINARY = "|| -> ->> * / % + - & | << >> < <= > >= = <> AND OR".split()  # noqa: SIM905


LITERALS = (ast.IntegerLiteral, ast.RealLiteral, ast.TextLiteral, ast.BlobLiteral)


def _is(op: str, left: Expr, right: Expr) -> Expr:
    return _is_null(left, op == "IS NOT") if isinstance(right, ast.NullLiteral) else ast.Binary(op, left, right)  # type: ignore[arg-type]


def _is_null(operand: Expr, negated: bool) -> Expr:
    # Of a literal the parser makes a number.
    literal = operand
    while isinstance(literal, ast.Unary) and literal.op in ("-", "+"):
        literal = literal.operand
    return ast.IsNull(ast.ColumnRef("a") if isinstance(literal, LITERALS) else operand, negated)


def _sign(op: str, operand: Expr) -> Expr:
    # A sign replaces the plus behind it.
    while isinstance(operand, ast.Unary) and operand.op == "+":
        operand = operand.operand
    return ast.Unary(op, operand)  # type: ignore[arg-type]


def _no_list(items: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """At least one item that is no literal: else they would be a LiteralList."""
    return (ast.ColumnRef("a"), *items[1:]) if len(items) > 1 else items


def _in_list(operand: Expr, items: tuple[Expr, ...], negated: bool) -> Expr:
    # A row is looked for among rows of its width.
    return ast.InList(operand, (operand,) * len(items) if type(operand) is ast.RowValue else items, negated)


def _operators(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
    likes = st.sampled_from(["LIKE", "GLOB", "REGEXP", "MATCH"])
    truth = st.booleans()
    return st.one_of(
        st.builds(_sign, st.sampled_from("+-"), inner),
        st.builds(ast.Unary, st.sampled_from(["~", "NOT"]), inner),
        st.builds(ast.Binary, st.sampled_from(_BINARY), inner, inner),
        st.builds(_is, st.sampled_from(["IS", "IS NOT"]), inner, inner),
        st.builds(_is_null, inner, truth),
        st.builds(ast.Collate, inner, collations),
        st.builds(ast.Like, likes, inner, inner, st.none() | inner, truth),
        st.builds(ast.Between, inner, inner, inner, truth),
        st.builds(_in_list, inner, st.one_of(maybe_some(inner).map(_no_list), literal_lists), truth),
        st.builds(ast.InTable, inner, qualified, st.none() | maybe_some(inner), truth),
        st.builds(ast.Case, st.none() | inner, some(st.builds(ast.When, inner, inner), 2), st.none() | inner),
        st.builds(ast.Cast, inner, types),
        st.builds(ast.RowValue, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(ast.Raise, st.sampled_from(["ABORT", "FAIL", "ROLLBACK"]), inner),
        calls(inner),
    )


qualified = st.builds(QualifiedName, names, schemas)


def order_terms(inner: SearchStrategy[Expr]) -> SearchStrategy[ast.OrderTerm]:
    return st.builds(ast.OrderTerm, inner, st.booleans(), st.sampled_from([None, "FIRST", "LAST"]))


_START = {"UNBOUNDED PRECEDING": 0, "PRECEDING": 0, "CURRENT ROW": 1, "FOLLOWING": 2}
_END = {"PRECEDING": 0, "CURRENT ROW": 1, "FOLLOWING": 2, "UNBOUNDED FOLLOWING": 2}


@st.composite
def frames(draw: st.DrawFn, inner: SearchStrategy[Expr]) -> ast.Frame:
    def bound(kind: str) -> ast.FrameBound:
        return ast.FrameBound(kind, draw(inner) if kind in ("PRECEDING", "FOLLOWING") else None)  # type: ignore[arg-type]

    start = draw(st.sampled_from(sorted(_START)))
    ends = [kind for kind in sorted(_END) if _END[kind] >= _START[start]]
    end = draw(st.sampled_from([*([None] if start != "FOLLOWING" else []), *ends]))
    return ast.Frame(
        draw(st.sampled_from(["ROWS", "RANGE", "GROUPS"])),
        bound(start),
        None if end is None else bound(end),
        draw(st.sampled_from([None, "NO OTHERS", "CURRENT ROW", "GROUP", "TIES"])),
    )


def window_specs(inner: SearchStrategy[Expr]) -> SearchStrategy[ast.WindowSpec]:
    return st.builds(
        ast.WindowSpec,
        st.none() | windows,
        maybe_some(inner),
        maybe_some(order_terms(inner)),
        st.none() | frames(inner),
    )


@st.composite
def calls(draw: st.DrawFn, inner: SearchStrategy[Expr]) -> Expr:
    call = ast.FunctionCall(draw(names))
    if draw(st.booleans()):
        call.star = True
    else:
        call.arguments = draw(maybe_some(inner, 3))
        call.order_by = draw(maybe_some(order_terms(inner)))
    call.filter = draw(st.none() | inner)
    call.over = draw(st.none() | windows | window_specs(inner))
    if not call.star and call.over is None:
        call.distinct = draw(st.booleans())
    return call


@st.composite
def _subqueries(draw: st.DrawFn) -> Expr:
    select = draw(selects)
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return ast.Subquery(select)
    return ast.Exists(select) if kind == 1 else ast.InSelect(draw(leaves), select, draw(st.booleans()))


small: SearchStrategy[Expr] = st.recursive(leaves, _operators, max_leaves=4)
exprs: SearchStrategy[Expr] = st.recursive(leaves | st.deferred(_subqueries), _operators, max_leaves=8)

# --- SELECT ----------------------------------------------------------------------------------------------------------

result_columns = st.one_of(
    st.builds(ast.ResultColumn, small, st.none() | names), st.builds(ast.Star), st.builds(ast.Star, names)
)


@st.composite
def tables(draw: st.DrawFn) -> ast.TableSource:
    table = ast.TableSource(draw(names), draw(schemas), draw(st.none() | names))
    hint = draw(st.integers(0, 2))
    if hint == 1:
        table.indexed_by = draw(names)
    table.not_indexed = hint == 2
    return table


def _joins(inner: SearchStrategy[FromSource]) -> SearchStrategy[FromSource]:
    return st.one_of(joins(inner), st.builds(ast.ParenthesizedSource, inner, st.none() | names))


@st.composite
def joins(draw: st.DrawFn, inner: SearchStrategy[FromSource]) -> FromSource:
    kind = draw(st.sampled_from(["COMMA", "INNER", "CROSS", "LEFT", "RIGHT", "FULL"]))
    right = draw(inner)
    if isinstance(right, ast.Join):  # joins lean to the left
        right = ast.ParenthesizedSource(right)
    join = ast.Join(kind, draw(inner), right)
    join.natural = kind != "COMMA" and draw(st.booleans())
    condition = draw(st.integers(0, 2))
    if condition == 1:
        join.on = draw(small)
    elif condition == 2:
        join.using = draw(name_tuples)
    return join


simple_sources: SearchStrategy[FromSource] = st.one_of(
    tables(),
    st.builds(ast.TableFunctionSource, names, schemas, maybe_some(small), st.none() | names),
    st.deferred(lambda: st.builds(ast.SubquerySource, selects, st.none() | names)),
)
sources: SearchStrategy[FromSource] = st.recursive(simple_sources, _joins, max_leaves=3)


@st.composite
def value_lists(draw: st.DrawFn) -> ast.Values | ast.LiteralValues:
    width = draw(st.integers(1, 3))
    if draw(st.booleans()):
        row = st.lists(literal_values, min_size=width, max_size=width).map(tuple)
        return ast.LiteralValues(draw(st.lists(row, min_size=2, max_size=3).map(tuple)))
    row_of_nodes = st.lists(small, min_size=width, max_size=width).map(tuple)
    rows = draw(st.lists(row_of_nodes, min_size=1, max_size=3))
    if len(rows) > 1:  # at least one item that is no literal
        rows[-1] = (ast.ColumnRef("a"), *rows[-1][1:])
    return ast.Values(tuple(rows))


@st.composite
def cores(draw: st.DrawFn) -> ast.SelectCore:
    definitions = st.builds(ast.WindowDefinition, windows, window_specs(small))
    return ast.SelectCore(
        draw(some(result_columns, 2)),
        draw(st.none() | sources),
        draw(st.none() | small),
        draw(maybe_some(small)),
        draw(st.none() | small),
        draw(maybe_some(definitions)),
        draw(st.booleans()),
    )


@st.composite
def withs(draw: st.DrawFn) -> ast.With:
    table_names = draw(st.lists(names, min_size=1, max_size=2, unique_by=lambda name: name.lower()))
    materialized = st.sampled_from([None, True, False])
    columns = maybe_some(name_nodes)
    tables_ = [ast.CommonTable(name, draw(columns), draw(selects), draw(materialized)) for name in table_names]
    return ast.With(draw(st.booleans()), tuple(tables_))


@st.composite
def _selects(draw: st.DrawFn) -> Select:
    any_core = cores() | value_lists()
    ops = st.sampled_from(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
    parts = draw(maybe_some(st.builds(ast.CompoundPart, ops, any_core)))
    select = Select(draw(any_core), parts)
    last = parts[-1].core if parts else select.core
    if isinstance(last, ast.SelectCore):  # VALUES takes neither ORDER BY nor LIMIT
        select.order_by = draw(maybe_some(order_terms(small)))
        select.limit = draw(st.none() | small)
        select.offset = draw(st.none() | small) if select.limit is not None else None
    if draw(st.integers(0, 4)) == 0:
        select.with_ = draw(withs())
    return select


selects: SearchStrategy[Select] = st.deferred(_selects)

Build = Callable[[st.DrawFn], ast.Statement]
