"""Laws of the parser and the printer, on random trees."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, assume, given, settings

from tests.oracle.parser import MetLater, sqlite_refusal
from tests.property.sql.statements import statements
from turso_wasm.sql.ast import (
    AlterColumn,
    CreateIndexUsing,
    CreateMaterializedView,
    OptimizeIndex,
    RefreshView,
    Statement,
)
from turso_wasm.sql.lexer import normalize, tokenize
from turso_wasm.sql.parser import parse, parse_one
from turso_wasm.sql.printer import print_sql

N_EXAMPLES = int(os.environ.get("TURSO_SQL_EXAMPLES", "40"))
OURS = (AlterColumn, CreateIndexUsing, CreateMaterializedView, OptimizeIndex, RefreshView)
"""Statements that SQLite does not know, Turso's among them."""

slow = settings(max_examples=N_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@slow
@given(statements)
def test_parsing_what_was_printed_gives_the_tree_back(statement: Statement) -> None:
    sql = print_sql(statement)
    assert parse(sql) == (statement,), sql
    assert repr(parse(sql)[0]) == repr(statement), sql
    assert print_sql(parse(sql)[0]) == sql


@slow
@given(statements)
def test_sqlite_takes_what_is_printed(statement: Statement) -> None:
    assume(not isinstance(statement, OURS))
    sql = print_sql(statement)
    try:
        refusal = sqlite_refusal(sql)
    except MetLater:
        return
    assert refusal is None, (sql, refusal)


@slow
@given(statements)
def test_the_key_and_the_literals_together_are_the_statement(statement: Statement) -> None:
    sql = print_sql(statement)
    tokens = tokenize(sql)
    key, literals = normalize(tokens)
    assert len(literals) == len(tokens.literal_at)
    spaced = (
        sql.replace("(", "/* x */( ").replace(")", " \n)") if "'" not in sql and '"' not in sql else sql + " -- end"
    )
    if "`" not in sql and "[" not in sql:
        assert normalize(tokenize(spaced))[0] == key


@slow
@given(statements)
def test_spans_lie_inside_the_text_and_inside_their_parents(statement: Statement) -> None:
    sql = print_sql(statement)
    (tree,) = parse(sql)
    pending = [(tree, (0, len(sql)))]
    from turso_wasm.sql.walk import children

    while pending:
        node, (low, high) = pending.pop()
        start, end = node.span  # type: ignore[attr-defined]
        assert low <= start < end <= high or start == end == low, (node, sql[start:end])
        pending.extend((child, (start, end)) for child in children(node))


def test_parse_one_gives_up_at_the_end() -> None:
    assert parse_one("") == (None, 0)
    assert parse_one("  ") == (None, 2)
