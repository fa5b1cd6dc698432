"""Tokens, the cache key, and lists of literal rows."""

from __future__ import annotations

import math

import pytest

from turso_wasm.sql.lexer import normalize, parse_number, tokenize


def key(sql: str) -> str:
    return normalize(tokenize(sql))[0]


def literals(sql: str) -> list[object]:
    return list(normalize(tokenize(sql))[1])


def test_the_key_forgets_space_comments_case_of_keywords_and_literals() -> None:
    expected = "SELECT a , <integer> , <text> FROM T WHERE b <> <real>"
    assert key("select a,1,'x' from T where b<>1.5") == expected
    assert key("SELECT a, 42 /* */, 'it''s' FROM T -- x\nWHERE b != 2e9;") == expected
    assert literals("select a,1,'it''s' from T where b<>1.5") == [1, "it's", 1.5]


def test_the_key_keeps_identifiers_and_parameters_as_written() -> None:
    assert key('select A, "a", [a b], :p, ?1 from INTEGER') == 'SELECT A , "a" , [a b] , :p , ?1 FROM INTEGER'
    assert key("select integer") != key("select 1")


def test_integers_beyond_64_bits_are_reals_and_the_two_extremes_stay_in_the_key() -> None:
    assert literals("select 9223372036854775807, 9223372036854775809, 0xffffffffffffffff") == [2**63 - 1, 2.0**63, -1]
    assert key("select -9223372036854775808") != key("select -9223372036854775809")
    assert literals("select -9223372036854775808, 0x8000000000000000") == []


def test_comments_before_literals_in_parentheses_do_not_matter() -> None:
    assert key("select x in /* ( */(1, 2)") == key("select x in -- (\n(3, 4)") == "SELECT x IN <integers>"
    assert key("values/* x */(1), -- (\n/**/(2)") == "VALUES <rows>"


def test_rows_of_literals_are_one_literal() -> None:
    sql = "insert into t values (1, 'a'), (-2, x'00'), ( null , 1e5 ), (+3, 9223372036854775808)"
    tokens = tokenize(sql)
    assert normalize(tokens)[0] == "INSERT INTO t VALUES <rows>"
    (rows,) = tokens.literals
    assert repr(rows) == "((1, 'a'), (-2, b'\\x00'), (None, 100000.0), (3, 9.223372036854776e+18))"
    assert tokens.texts[tokens.literal_at[0]] == sql[sql.index("(") :]


@pytest.mark.parametrize(
    "sql",
    [
        "values (1)",
        "values (1), (a)",
        "values (1), (2, 3)",
        "values (1), (2), ",
        "values (1), (1__0)",
        "values (1), (- -2)",
        "values (-0x8000000000000000), (1)",
    ],
)
def test_other_rows_are_ordinary_tokens(sql: str) -> None:
    assert "<rows>" not in tokenize(sql).kinds


def test_a_trigger_is_one_statement_and_a_nul_ends_the_text() -> None:
    trigger = "create temp trigger r insert on t begin select 1; select case 1 when 2 then 3 end; end;"
    assert tokenize(trigger + " select 2").end == len(trigger)
    assert tokenize("explain query plan " + trigger + "x").end == len(trigger) + 19
    assert tokenize("select 1\0; select 2").count == 2


def test_filter_over_and_window_are_keywords_only_among_the_right_neighbours() -> None:
    kinds = tokenize("count(*) filter (where 1) over w, over, filter, window window w as ()").kinds
    assert [kind for kind in kinds if kind in ("FILTER", "OVER", "WINDOW")] == ["FILTER", "OVER", "WINDOW"]
    assert tokenize("lımıt").kinds[0] == "<id>", "a dotless i is no I"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0xffffffffffffffff", -1),
        ("1e2", 100.0),
        (".5", 0.5),
        ("9223372036854775808", 2**63),
        ("9223372036854775809", 2.0**63),
        ("1e999", math.inf),
        ("1__0", None),
        ("1_", None),
        ("0x10000000000000000", None),
        ("0x00000000000000000001", 1),
    ],
)
def test_numbers(text: str, value: float | None) -> None:
    number = parse_number(text)
    assert (number, type(number)) == (value, type(value))


@pytest.mark.parametrize("piece", [" ", "/* ", "-- ", "'", '"', "[", "$a::", "(1), ", "0_", "|", "x'", "values (1),"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    tokenize("values " + piece * 20_000)
