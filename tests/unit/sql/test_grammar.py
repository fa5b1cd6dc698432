"""The grammar, statement by statement, against SQLite.

`accepted.txt` holds statements that both parsers take, `rejected.txt` those that both refuse with the same message
at the same place; one statement per line, `#` begins a heading.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.oracle.parser import MetLater, our_refusal, sqlite_accepts, sqlite_refusal
from turso_wasm.sql.parser import parse, parse_one
from turso_wasm.sql.printer import print_sql

HERE = Path(__file__).parent


def statements(file: str) -> list[str]:
    lines = (HERE / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


@pytest.mark.parametrize("sql", statements("accepted.txt"))
def test_a_statement_that_sqlite_takes_is_parsed(sql: str) -> None:
    assert sqlite_accepts(sql)
    assert our_refusal(sql) is None


@pytest.mark.parametrize("sql", statements("rejected.txt"))
def test_a_statement_that_sqlite_refuses_is_refused_with_its_words(sql: str) -> None:
    expected = sqlite_refusal(sql)
    assert expected is not None
    assert our_refusal(sql) == expected


@pytest.mark.parametrize("sql", statements("accepted.txt"))
def test_printing_a_statement_and_parsing_it_again_gives_the_same_tree(sql: str) -> None:
    statement, end = parse_one(sql)
    assert end == len(sql)
    if statement is not None:
        printed = print_sql(statement)
        again = parse_one(printed)[0]
        assert again == statement, printed
        assert repr(again) == repr(statement), "1 and 1.0 are equal but not the same"
        assert sqlite_accepts(printed), printed


@pytest.mark.parametrize("sql", statements("accepted.txt"))
def test_every_beginning_of_a_statement_is_refused_like_sqlite_does(sql: str) -> None:
    for end in range(len(sql)):
        if sql[end : end + 1].isspace() or end == len(sql) - 1:
            with contextlib.suppress(MetLater):
                assert our_refusal(sql[:end]) == sqlite_refusal(sql[:end]), sql[:end]


def test_a_text_is_parsed_statement_by_statement() -> None:
    sql = " select 1 ;; select 2; -- end"
    first, end = parse_one(sql)
    assert first is not None and print_sql(first) == "SELECT 1"
    assert sql[end:] == "; select 2; -- end"
    assert parse_one(sql, end) == (None, end + 1)
    assert [print_sql(statement) for statement in parse(sql)] == ["SELECT 1", "SELECT 2"]
    assert parse(" -- nothing\n;;") == ()
