"""What each of Hrana's requests answers (The Hrana protocol specification, version 3)."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turso_wasm.runtime.uri import Location
from turso_wasm.server.stream import Stream
from turso_wasm.server.values import ProtocolError, encoded, value_json, value_of


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream(Location(":memory:"))
    yield stream
    stream.close()


def ok(stream: Stream, kind: str, **more: Any) -> dict[str, Any]:
    found = stream.respond({"type": kind, **more})
    assert found["type"] == "ok", found
    assert found["response"]["type"] == kind
    return found["response"]


def failed(stream: Stream, kind: str, **more: Any) -> tuple[str, str]:
    found = stream.respond({"type": kind, **more})
    assert found["type"] == "error", found
    return found["error"]["code"], found["error"]["message"]


def rows(stream: Stream, sql: str, **more: Any) -> list[list[Any]]:
    result = ok(stream, "execute", stmt={"sql": sql, **more})["result"]
    return [[value_of(value) for value in row] for row in result["rows"]]


@given(
    st.none()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    import json

    sent = json.loads(encoded({"v": value_json(value)}))["v"]
    assert value_of(sent) == value
    assert type(value_of(sent)) is type(value)


def test_infinities_are_numbers_of_json() -> None:
    assert encoded({"v": value_json(math.inf)}) == b'{"v":{"type":"float","value":1e999}}'
    assert encoded({"v": value_json(-math.inf)}) == b'{"v":{"type":"float","value":-1e999}}'
    assert encoded({"v": value_json('"value":Infinity')}) == rb'{"v":{"type":"text","value":"\"value\":Infinity"}}'


@pytest.mark.parametrize(
    "value",
    [
        7,
        {},
        {"type": "integer"},
        {"type": "integer", "value": "x"},
        {"type": "integer", "value": str(1 << 63)},
        {"type": "integer", "value": True},
        {"type": "float", "value": "1"},
        {"type": "text", "value": 1},
        {"type": "blob", "base64": "*"},
        {"type": "date", "value": 1},
    ],
)
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(ProtocolError):
        value_of(value)


def test_a_statement_gives_columns_rows_and_counts(stream: Stream) -> None:
    ok(stream, "sequence", sql="CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t(a) VALUES ('x'), ('y')")
    result = ok(stream, "execute", stmt={"sql": "SELECT id, a, a || 1 AS b FROM t"})["result"]
    assert result == {
        "cols": [
            {"name": "id", "decltype": "INTEGER"},
            {"name": "a", "decltype": "TEXT"},
            {"name": "b", "decltype": None},
        ],
        "rows": [
            [{"type": "integer", "value": "1"}, {"type": "text", "value": "x"}, {"type": "text", "value": "x1"}],
            [{"type": "integer", "value": "2"}, {"type": "text", "value": "y"}, {"type": "text", "value": "y1"}],
        ],
        "affected_row_count": 0,
        "last_insert_rowid": None,
    }
    changed = ok(stream, "execute", stmt={"sql": "INSERT INTO t(a) VALUES ('z') RETURNING id"})["result"]
    assert (changed["affected_row_count"], changed["last_insert_rowid"], len(changed["rows"])) == (1, "3", 1)
    changed = ok(stream, "execute", stmt={"sql": "UPDATE t SET a = a RETURNING id", "want_rows": False})["result"]
    assert (changed["affected_row_count"], changed["rows"]) == (3, [])


def test_arguments_by_position_and_by_name(stream: Stream) -> None:
    one, two = value_json(1), value_json("two")
    assert rows(stream, "SELECT ?, ?", args=[one, two]) == [[1, "two"]]
    assert rows(stream, "SELECT ?2, ?1", args=[one, two]) == [["two", 1]]
    for name in ("a", ":a"):
        assert rows(stream, "SELECT :a", named_args=[{"name": name, "value": two}]) == [["two"]]
    for name in ("a", "$a"):
        assert rows(stream, "SELECT $a", named_args=[{"name": name, "value": two}]) == [["two"]]
    assert rows(stream, "SELECT :a", args=[one], named_args=[{"name": "a", "value": two}]) == [["two"]]
    assert failed(stream, "execute", stmt={"sql": "SELECT ?, :b", "args": [one]}) == (
        "ARGS_INVALID",
        "no argument for parameter :b",
    )
    assert failed(stream, "execute", stmt={"sql": "SELECT 1", "args": [one]})[0] == "ARGS_INVALID"
    unknown = {"sql": "SELECT :a", "named_args": [{"name": "b", "value": one}]}
    assert failed(stream, "execute", stmt=unknown) == ("ARGS_INVALID", "the statement has no parameter b")


def test_errors_have_sqlites_codes_and_the_stream_goes_on(stream: Stream) -> None:
    assert failed(stream, "execute", stmt={"sql": "SELEC"}) == ("SQLITE_ERROR", 'near "SELEC": syntax error')
    assert failed(stream, "execute", stmt={"sql": " -- nothing"})[0] == "SQL_NO_STATEMENT"
    assert failed(stream, "execute", stmt={"sql": "SELECT 1; SELECT 2"})[0] == "SQL_MANY_STATEMENTS"
    ok(stream, "sequence", sql="CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)")
    assert failed(stream, "execute", stmt={"sql": "INSERT INTO t VALUES (1)"}) == (
        "SQLITE_CONSTRAINT_UNIQUE",
        "UNIQUE constraint failed: t.a",
    )
    assert rows(stream, "SELECT a FROM t") == [[1]]


def test_the_conditions_of_a_batch(stream: Stream) -> None:
    ok(stream, "sequence", sql="CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)")

    def step(sql: str, condition: Any = None) -> dict[str, Any]:
        return {"stmt": {"sql": sql}, "condition": condition}

    done, broken = {"type": "ok", "step": 0}, {"type": "error", "step": 1}
    batch = [
        step("BEGIN"),
        step("INSERT INTO t VALUES (1)", done),
        step("SELECT 'broken'", broken),
        step("SELECT 'never'", {"type": "and", "conds": [done, {"type": "not", "cond": broken}]}),
        step("SELECT 'inside'", {"type": "not", "cond": {"type": "is_autocommit"}}),
        step("COMMIT", {"type": "or", "conds": [broken, {"type": "ok", "step": 3}]}),
    ]
    result = ok(stream, "batch", batch={"steps": batch})["result"]
    assert [found is not None for found in result["step_results"]] == [True, False, True, False, True, True]
    assert [found is not None for found in result["step_errors"]] == [False, True, False, False, False, False]
    assert ok(stream, "get_autocommit")["is_autocommit"] is True
    assert failed(stream, "batch", batch={"steps": [step("SELECT 1", {"type": "ok"})]})[0] == "PROTOCOL_ERROR"


def test_a_sequence_stops_at_its_first_error(stream: Stream) -> None:
    assert failed(
        stream, "sequence", sql="CREATE TABLE t(a); SELECT 1; INSERT INTO u VALUES (1); CREATE TABLE v(a)"
    ) == (
        "SQLITE_ERROR",
        "no such table: u",
    )
    assert rows(stream, "SELECT name FROM sqlite_schema") == [["t"]]


def test_stored_texts(stream: Stream) -> None:
    ok(stream, "store_sql", sql_id=1, sql="SELECT ?")
    assert ok(stream, "execute", stmt={"sql_id": 1, "args": [value_json(5)]})["result"]["rows"] == [[value_json(5)]]
    assert failed(stream, "store_sql", sql_id=1, sql="SELECT 2")[0] == "PROTOCOL_ERROR"
    ok(stream, "close_sql", sql_id=1)
    ok(stream, "close_sql", sql_id=1)
    assert failed(stream, "execute", stmt={"sql_id": 1})[0] == "SQL_NOT_FOUND"
    assert failed(stream, "execute", stmt={"sql": "SELECT 1", "sql_id": 1})[0] == "PROTOCOL_ERROR"


def test_describe(stream: Stream) -> None:
    ok(stream, "sequence", sql="CREATE TABLE t(a INTEGER)")
    assert ok(stream, "describe", sql="SELECT a AS b FROM t WHERE a > ? AND a < :most")["result"] == {
        "params": [{"name": None}, {"name": ":most"}],
        "cols": [{"name": "b", "decltype": "INTEGER"}],
        "is_explain": False,
        "is_readonly": True,
    }
    assert ok(stream, "describe", sql="EXPLAIN QUERY PLAN SELECT 1")["result"]["is_explain"] is True
    assert ok(stream, "describe", sql="DELETE FROM t")["result"]["is_readonly"] is False


def test_requests_behind_close_fail(stream: Stream) -> None:
    ok(stream, "close")
    assert failed(stream, "execute", stmt={"sql": "SELECT 1"})[0] == "STREAM_CLOSED"


@pytest.mark.parametrize("request_", [None, 1, [], {}, {"type": 1}, {"type": "exec"}, {"type": "execute", "stmt": 1}])
def test_what_is_no_request_is_refused(stream: Stream, request_: object) -> None:
    assert stream.respond(request_)["error"]["code"] == "PROTOCOL_ERROR"
