"""Trees: what the parser says beyond yes and no."""

from __future__ import annotations

import pytest

from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast
from turso_wasm.sql.complete import is_complete, split_statements
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql
from turso_wasm.sql.walk import walk


def statement(sql: str) -> ast.Statement:
    tree, _ = parse_one(sql)
    assert tree is not None
    return tree


def expression(sql: str) -> ast.Expr:
    select = statement(f"select {sql}")
    assert isinstance(select, ast.Select) and isinstance(select.core, ast.SelectCore)
    (column,) = select.core.columns
    assert isinstance(column, ast.ResultColumn)
    return column.expr


def test_literals_carry_their_ordinal_also_behind_literals_that_are_names() -> None:
    tree = statement("select 'a'.b, 5 as 'x', cast(1 as t(3)), 'y' from 't' where c = x'00'")
    nodes = {type(node).__name__: node.index for node in walk(tree) if hasattr(node, "index")}
    assert nodes == {"IntegerLiteral": 3, "TextLiteral": 5, "BlobLiteral": 7}


def test_a_double_quoted_name_alone_may_be_a_string() -> None:
    assert expression('"a"') == ast.ColumnRef("a", double_quoted=True)
    assert expression("[a]") == expression("`a`") == expression("a") == ast.ColumnRef("a")
    assert expression('"t"."a"') == ast.ColumnRef("a", "t")


def test_parameters_are_numbered_as_sqlite_does() -> None:
    tree = statement("select ?, :a, ?5, ?, :a, @a, ?1, $b::c(d)")
    numbers = [(node.name, node.number) for node in walk(tree) if isinstance(node, ast.Parameter)]
    assert numbers == [("", 1), (":a", 2), ("?5", 5), ("", 6), (":a", 2), ("@a", 7), ("?1", 1), ("$b::c(d)", 8)]


@pytest.mark.parametrize(
    ("sql", "text"), [("vacuum", "vacuum"), ("vacuum a", "a"), ("vacuum a into 'b'", "a into 'b'")]
)
def test_vacuum_lies_where_its_errors_are(sql: str, text: str) -> None:
    assert sql[slice(*statement(sql).span)] == text


def test_a_result_column_knows_the_text_it_is_named_by() -> None:
    sql = "select (  a+1 )  as x, t . b, count( * )"
    tree = statement(sql)
    columns = [node for node in walk(tree) if isinstance(node, ast.ResultColumn)]
    assert [sql[slice(*column.text_span)] for column in columns] == ["(  a+1 )", "t . b", "count( * )"]


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        ("a or b and not c = d < e & f + g * h || i", "a or (b and (not (c = (d < (e & (f + (g * (h || i))))))))"),
        ("a - b - c", "(a - b) - c"),
        ("a = b is c not null", "((a = b) is c) not null"),
        ("1 + not 2 = 3", "1 + (not (2 = 3))"),
        ("-a collate nocase", "(-a) collate nocase"),
        ("a is not b = c", "(a is not b) = c"),
        ("a is not distinct from b", "a is b"),
        ("a between b and c and d", "(a between b and c) and d"),
        ("a like b escape c = d", "(a like b escape c) = d"),
        ("a is null", "a isnull"),
        ("a == b", "a = b"),
        ("- (9223372036854775808)", "-9223372036854775808"),
    ],
)
def test_precedence(sql: str, same: str) -> None:
    assert expression(sql) == expression(same)


def test_our_own_statements() -> None:
    assert statement("explain code select 1") == ast.Explain("CODE", statement("select 1"))
    assert statement("begin concurrent transaction") == ast.Begin("CONCURRENT")
    analyzed = statement("explain analyze with w as (select 1) select * from w")
    assert isinstance(analyzed, ast.Explain) and analyzed.mode == "ANALYZE"
    assert statement(print_sql(analyzed)) == analyzed
    assert statement("explain analyze with") == ast.Explain("PROGRAM", ast.Analyze(ast.QualifiedName("with")))
    assert statement("explain analyze replace.t") == ast.Explain("PROGRAM", statement("analyze replace.t"))


def test_a_constraint_name_holds_until_the_next_one() -> None:
    table = statement(
        "create table t (a constraint n not null check (a), b check (b), constraint m unique (a), check (b))"
    )
    names = [getattr(node, "name", None) for node in walk(table) if isinstance(node, ast.Constraint)]
    assert names == ["n", "n", None, "m", None]


# --- depth and size --------------------------------------------------------------------------------------------------


def nested(n: int, opening: str, closing: str) -> str:
    return "select " + opening * n + "1" + closing * n


@pytest.mark.parametrize(
    ("opening", "closing", "deepest"),
    [
        ("(", ")", 2493),
        ("max(", ")", 831),
        ("case when 1 then ", " end", 498),
        ("1+(", ")", 831),
    ],
)
def test_nesting_is_limited_where_sqlite_limits_it(opening: str, closing: str, deepest: int) -> None:
    statement(nested(deepest, opening, closing))
    with pytest.raises(SqlError, match=r"^Recursion limit$"):
        statement(nested(deepest + 1, opening, closing))


@pytest.mark.parametrize(
    "sql", ["select " + " or ".join("a" * 1001), "select " + "- " * 1000 + "a", "select a" + " is 1" * 1000]
)
def test_expressions_have_a_greatest_height(sql: str) -> None:
    with pytest.raises(SqlError, match=r"^Expression tree is too large \(maximum depth 1000\)$"):
        statement(sql)


def test_hostile_depth_is_an_error_and_never_a_recursion_error() -> None:
    for opening in ("(", "- ", "not ", "abs(", "(select * from ", "case ", "1 in (", "cast(", "exists(select "):
        with pytest.raises(SqlError):
            statement("select " + opening * 100_000)
    with pytest.raises(SqlError, match="too large"):
        statement("select " + " or ".join(["a"] * 100_000))


def test_the_deepest_trees_can_be_printed() -> None:
    for sql in ("select " + " or ".join("a" * 1000), nested(42, "(select ", ")"), "select " + "- " * 999 + "a"):
        tree = statement(sql)
        printed = print_sql(tree)
        assert print_sql(statement(printed)) == printed


def test_wide_statements_are_no_problem() -> None:
    rows = ", ".join(f"({i}, 'row {i}', {i}.5)" for i in range(10_000))
    insert = statement(f"insert into t values {rows}")
    assert isinstance(insert, ast.Insert) and insert.source is not None
    assert isinstance(insert.source.core, ast.LiteralValues)
    assert insert.source.core.rows[9_999] == (9_999, "row 9999", 9999.5)
    assert len(list(walk(statement("select a in (" + ",".join("b" * 10_000) + ")")))) > 10_000
    assert len(list(walk(statement("select a in (" + ",".join("1" * 10_000) + ")")))) < 10


# --- where statements end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql", [";", "select 1;", "select 1; /* x */", "select 1; -- x\n", "^;", "create trigger r x; end;"]
)
def test_complete(sql: str) -> None:
    assert is_complete(sql)


@pytest.mark.parametrize(
    "sql",
    ["", " ", "select 1", "select ';", "select 1; -- x", "select 1; /* x", "create trigger r x; end", "select 1;^"],
)
def test_incomplete(sql: str) -> None:
    assert not is_complete(sql)


def test_a_script_is_split_at_its_semicolons() -> None:
    script = " select ';' ; ;; create trigger r x; y; end; select ^ 2; -- x\n select 3 -- y\n"
    pieces = [script[start:end] for start, end in split_statements(script)]
    assert pieces == ["select ';' ;", "create trigger r x; y; end;", "select ^ 2;", "select 3"]
