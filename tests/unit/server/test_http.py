"""Hrana over HTTP and WebSockets: batons, cursors, tokens, pages of other origins."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from turso_wasm.runtime.uri import Location
from turso_wasm.server.app import make_app
from turso_wasm.server.stream import Stream
from turso_wasm.server.streams import Streams, new_baton


def execute(sql: str) -> dict[str, Any]:
    return {"type": "execute", "stmt": {"sql": sql}}


def post(client: TestClient, *requests: dict[str, Any], baton: str | None = None, **more: Any) -> Any:
    return client.post("/v3/pipeline", json={"baton": baton, "requests": list(requests)}, **more)


@pytest.mark.parametrize("path", ["/v2", "/v3", "/health", "/"])
def test_versions_are_told(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_transaction_over_several_requests(client: TestClient) -> None:
    first = post(client, execute("CREATE TABLE t(a)"), execute("BEGIN"), execute("INSERT INTO t VALUES (1)")).json()
    assert [found["type"] for found in first["results"]] == ["ok"] * 3
    assert first["base_url"] is None
    seen = post(client, execute("SELECT count(*) FROM t"), {"type": "close"}).json()
    assert seen["results"][0]["response"]["result"]["rows"] == [[{"type": "integer", "value": "0"}]]
    assert seen["baton"] is None
    second = post(client, execute("COMMIT"), {"type": "close"}, baton=first["baton"]).json()
    assert second["baton"] is None
    seen = post(client, execute("SELECT count(*) FROM t")).json()
    assert seen["results"][0]["response"]["result"]["rows"] == [[{"type": "integer", "value": "1"}]]


def test_a_baton_is_good_for_one_request(client: TestClient) -> None:
    baton = post(client, execute("SELECT 1")).json()["baton"]
    assert post(client, execute("SELECT 1"), baton=baton).status_code == 200
    for used in (baton, "nonsense"):
        answer = post(client, execute("SELECT 1"), baton=used)
        assert (answer.status_code, answer.json()["code"]) == (400, "STREAM_EXPIRED")


def test_a_stream_that_waits_too_long_is_rolled_back(location: Location) -> None:
    now = 0.0
    streams = Streams(lambda: Stream(location), 10, lambda: now)
    baton = new_baton()
    with streams.taken(None) as stream:
        stream.answer({"type": "sequence", "sql": "CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)"})
        streams.keep(stream, baton)
    now = 11.0
    with streams.taken(None) as other:
        other.answer(execute("INSERT INTO t VALUES (2)"))  # nobody has the lock
        assert other.answer(execute("SELECT a FROM t"))["result"]["rows"] == [[{"type": "integer", "value": "2"}]]
        other.close()
    assert stream.is_closed


def test_a_cursor_streams_its_rows(client: TestClient) -> None:
    steps = [
        {"stmt": {"sql": "CREATE TABLE t(a)"}},
        {"stmt": {"sql": "INSERT INTO t SELECT value FROM generate_series(1, 5000)"}},
        {"stmt": {"sql": "SELECT a FROM t"}},
        {"stmt": {"sql": "SELECT nothing"}},
        {"stmt": {"sql": "SELECT 1"}, "condition": {"type": "ok", "step": 3}},
    ]
    answer = client.post("/v3/cursor", json={"baton": None, "batch": {"steps": steps}})
    head, *entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["step"] for entry in entries if entry["type"] == "step_begin"] == [0, 1, 2]
    assert sum(entry["type"] == "row" for entry in entries) == 5000
    assert [entry["affected_row_count"] for entry in entries if entry["type"] == "step_end"] == [0, 5000, 0]
    assert entries[-1]["type"] == "step_error"
    assert post(client, execute("SELECT 1"), baton=head["baton"]).status_code == 200


def test_version_1(client: TestClient) -> None:
    found = client.post("/v1/execute", json={"stmt": {"sql": "SELECT 7"}}).json()
    assert found["result"]["rows"] == [[{"type": "integer", "value": "7"}]]
    assert client.post("/v1/execute", json={"stmt": {"sql": "SELEC"}}).json()["code"] == "SQLITE_ERROR"
    assert client.post("/v1/batch", json={"batch": {"steps": []}}).json()["result"]["step_results"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"requests": 1}', b'{"baton": 1, "requests": []}', b"[" * 99999])
def test_what_is_no_request_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/v3/pipeline", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "PROTOCOL_ERROR")


def test_a_token(location: Location) -> None:
    with TestClient(make_app(location, token="secret")) as client:
        assert post(client, execute("SELECT 1")).status_code == 401
        assert post(client, execute("SELECT 1"), headers={"authorization": "Bearer other"}).status_code == 401
        assert post(client, execute("SELECT 1"), headers={"authorization": "Bearer secret"}).status_code == 200
        assert client.get("/health").status_code == 200
        with client.websocket_connect("/", subprotocols=["hrana3"]) as socket:
            socket.send_json({"type": "hello", "jwt": "other"})
            assert socket.receive_json()["type"] == "hello_error"
            with pytest.raises(WebSocketDisconnect):
                socket.receive_json()


def test_pages_of_other_origins(location: Location) -> None:
    with TestClient(make_app(location)) as client:
        evil = {"origin": "https://evil.example"}
        assert post(client, execute("SELECT 1"), headers=evil).status_code == 403
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/", headers=evil):
            pass
        assert post(client, execute("SELECT 1"), headers={"origin": "http://testserver"}).status_code == 200
    with TestClient(make_app(location, origins=["https://app.example"])) as client:
        answer = post(client, execute("SELECT 1"), headers={"origin": "https://app.example"})
        assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_a_websocket_has_streams_that_do_not_wait_for_one_another(client: TestClient) -> None:
    with client.websocket_connect("/", subprotocols=["hrana2", "hrana3"]) as socket:
        assert socket.accepted_subprotocol == "hrana3"
        socket.send_json({"type": "hello", "jwt": None})
        assert socket.receive_json() == {"type": "hello_ok"}
        numbers = iter(range(1000))

        def send(kind: str, **more: Any) -> int:
            number = next(numbers)
            socket.send_json({"type": "request", "request_id": number, "request": {"type": kind, **more}})
            return number

        def ask(kind: str, **more: Any) -> Any:
            number = send(kind, **more)
            found = socket.receive_json()
            assert found["request_id"] == number
            return found["response"] if found["type"] == "response_ok" else found["error"]

        ask("open_stream", stream_id=1)
        ask("open_stream", stream_id=2)
        ask("store_sql", sql_id=9, sql="CREATE TABLE t(a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
        ask("sequence", stream_id=1, sql_id=9)
        waiting = send("execute", stream_id=2, stmt={"sql": "INSERT INTO t VALUES (2)"})  # waits for the lock
        committing = send("execute", stream_id=1, stmt={"sql": "COMMIT"})
        assert {socket.receive_json()["request_id"] for _ in range(2)} == {waiting, committing}
        batch = {"steps": [{"stmt": {"sql": "SELECT a FROM t ORDER BY a"}}]}
        ask("open_cursor", stream_id=1, cursor_id=5, batch=batch)
        assert [entry["type"] for entry in ask("fetch_cursor", cursor_id=5, max_count=2)["entries"]] == [
            "step_begin",
            "row",
        ]
        rest = ask("fetch_cursor", cursor_id=5, max_count=100)
        assert ([entry["type"] for entry in rest["entries"]], rest["done"]) == (["row", "step_end"], True)
        ask("close_cursor", cursor_id=5)
        assert ask("fetch_cursor", cursor_id=5, max_count=1)["code"] == "STREAM_NOT_OPEN"
        ask("close_stream", stream_id=2)
        assert ask("execute", stream_id=2, stmt={"sql": "SELECT 1"})["code"] == "STREAM_NOT_OPEN"
        socket.send_text("nonsense")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
