"""The database at the server, asked in Hrana over HTTP (docs/server.md)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from turso_wasm.dbapi.errors import OperationalError
from turso_wasm.server.values import Json, encoded, value_json, value_of

Fetch = Callable[[str, Mapping[str, str], bytes], bytes]
"""Posts a body: (URL, headers, body) -> the answer's body. Errors: OSError."""

CHANGES: Final = "turso_cdc"  # of the server
PAGE: Final = 1000  # rows in one answer
TIMEOUT: Final = 30.0  # seconds


class SyncError(OperationalError):
    """The server could not be reached, refused, or has not what is needed. Nothing was lost; try again later."""


class Behind(Exception):
    """The server has changes, or an answer, that we have not seen."""


def post(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Fetch by urllib. Errors: OSError."""
    request = urllib.request.Request(url, body, dict(headers), method="POST")
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        found: bytes = answer.read()
        return found


@dataclass
class Traffic:
    """Bytes of bodies."""

    sent: int = 0
    received: int = 0


class Remote:
    """url: http(s):// or libsql:// of the server."""

    def __init__(self, url: str, token: str | None, fetch: Fetch = post) -> None:
        self.url = url.replace("libsql://", "https://", 1).rstrip("/")
        self.headers = {"content-type": "application/json"}
        if token is not None:
            self.headers["authorization"] = f"Bearer {token}"
        self.fetch = fetch
        self.traffic = Traffic()

    def pipeline(self, baton: str | None, requests: Sequence[Json]) -> tuple[str | None, list[Json]]:
        """(The next baton, the results). Errors: SyncError."""
        body = encoded({"baton": baton, "requests": list(requests)})
        self.traffic.sent += len(body)
        try:
            raw = self.fetch(f"{self.url}/v3/pipeline", self.headers, body)
            self.traffic.received += len(raw)
            answer = json.loads(raw)
            return answer["baton"], answer["results"]
        except urllib.error.HTTPError as error:
            raise SyncError(f"the server answers {error.code}: {_message(error.read())}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SyncError(f"no answer from {self.url}: {error}") from None

    def batch(self, steps: Sequence[tuple[str, Sequence[Any]]]) -> list[str | None]:
        """Run statements in one transaction, each if the one before was well; the error of each, None for none.

        Errors: SyncError without an answer: nobody knows whether it was committed.
        """
        wanted: list[Json] = []
        for at, (sql, values) in enumerate(steps):
            condition = {"type": "ok", "step": at - 1} if at else None
            wanted.append({"stmt": statement(sql, values), "condition": condition})
        last = len(steps) - 1
        wanted.append({"stmt": {"sql": "ROLLBACK"}, "condition": {"type": "not", "cond": {"type": "ok", "step": last}}})
        _, results = self.pipeline(None, [{"type": "batch", "batch": {"steps": wanted}}, {"type": "close"}])
        found = _response(results[0])["result"]
        return [
            None if result is not None else error["message"] if error is not None else "not run"
            for result, error in zip(found["step_results"], found["step_errors"], strict=True)
        ][: last + 1]


def statement(sql: str, values: Sequence[Any] = ()) -> Json:
    """The structure Stmt."""
    return {"sql": sql, "args": [value_json(value) for value in values]}


def _response(result: Json) -> Json:
    if result.get("type") != "ok":
        raise SyncError(f"the server says: {result.get('error', {}).get('message')}")
    found: Json = result["response"]
    return found


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return raw[:200].decode("utf-8", "replace")


class Snapshot:
    """A read transaction at the server."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.baton: str | None = None

    def __enter__(self) -> Snapshot:
        self.baton, results = self.remote.pipeline(None, [_execute("BEGIN")])
        _response(results[0])
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        baton, self.baton = self.baton, None
        if baton is None:  # a request failed: the server may be gone
            return
        with nullcontext() if kind is None else suppress(SyncError):  # left open, it would keep others from writing
            self.remote.pipeline(baton, [{"type": "close"}])

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows. Errors: SyncError."""
        baton, self.baton = self.baton, None
        self.baton, results = self.remote.pipeline(baton, [_execute(sql, values)])
        rows = _response(results[0])["result"]["rows"]
        return [tuple(value_of(value) for value in row) for row in rows]


def _execute(sql: str, values: Sequence[Any] = ()) -> Json:
    return {"type": "execute", "stmt": statement(sql, values)}


@dataclass(slots=True)
class Row:
    """A row that changed at one of both sides: as a record before and after, None where it was not, or is not, there.
    key: its rowid, or the record of its primary key.
    """

    id: int
    table: str
    key: int | bytes
    before: bytes | None
    after: bytes | None


@dataclass(slots=True)
class Fetched:
    """A table as the server has it: what makes it and what stands on it, and its rows (key, values)."""

    name: str
    sql: str
    others: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)


def changes_behind(snapshot: Snapshot, revision: int) -> Iterator[Row]:
    """The server's changes behind one. Errors: SyncError."""
    since = revision
    while True:
        rows = snapshot.query(
            f"SELECT change_id, table_name, id, before, after FROM {CHANGES} "
            "WHERE change_id > ? AND change_type <> 2 ORDER BY change_id LIMIT ?",
            (since, PAGE),
        )
        for row in rows:
            yield Row(*row)
        if len(rows) < PAGE:
            return
        since = rows[-1][0]
