"""Hrana over WebSockets: several streams over one connection.

Source: The Hrana protocol specification, version 3, "Hrana over WebSocket".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from turso_wasm.server.stream import FAILURES, Stream, number_of, steps_of
from turso_wasm.server.values import Json, ProtocolError, encoded, error_json

SUBPROTOCOLS: Final = ("hrana3", "hrana2", "hrana1")
MAX_STREAMS: Final = 200
MAX_ENTRIES: Final = 1000  # of a cursor, in one answer
_VIOLATION: Final = 1002  # WebSocket: protocol error


class _Opened:
    """A stream of this connection: its requests wait for one another, those of other streams do not."""

    def __init__(self, opened: Callable[[], Stream]) -> None:
        self.turn = asyncio.Lock()
        self.opened = opened
        self.stream: Stream | None = None
        self.cursors: dict[int, Iterator[Json] | None] = {}

    def answer(self, kind: str, request: Json, texts: dict[int, str]) -> Json:
        """The response. Errors: FAILURES."""
        if kind == "open_stream":
            self.stream = self.opened()
            self.stream.texts = texts  # those of the whole connection
            return {"type": kind}
        if kind == "close_stream":
            if self.stream is not None:
                self.stream.close()
            return {"type": kind}
        if self.stream is None:
            raise ProtocolError(f"stream {request.get('stream_id')} is not open", "STREAM_NOT_OPEN")
        if kind == "open_cursor":
            number = number_of(request, "cursor_id")
            self.cursors[number] = None
            self.cursors[number] = self.stream.entries(steps_of(request.get("batch")))
            return {"type": kind}
        return self.stream.answer(request)

    def fetch(self, number: int, request: Json) -> Json:
        """What a cursor has next."""
        entries = self.cursors.get(number)
        if entries is None:
            raise ProtocolError(f"cursor {number} is not open", "CURSOR_NOT_OPEN")
        wanted = min(max(number_of(request, "max_count"), 1), MAX_ENTRIES)
        found = list(islice(entries, wanted))
        return {"type": "fetch_cursor", "entries": found, "done": len(found) < wanted}

    def close_cursor(self, number: int) -> Json:
        """Give up what is left of it."""
        entries = self.cursors.pop(number, None)
        if entries is not None:
            entries.close()  # type: ignore[attr-defined]  # a generator
        return {"type": "close_cursor"}


class _Conversation:
    """What belongs to one connection."""

    def __init__(self, socket: WebSocket, opened: Callable[[], Stream]) -> None:
        self.socket, self.opened = socket, opened
        self.texts: dict[int, str] = {}
        self.streams: dict[int, _Opened] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.sending = asyncio.Lock()

    async def request(self, message: Json) -> None:
        """Answer, in a task of its own."""
        number, request = number_of(message, "request_id"), message.get("request")
        kind = request.get("type") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(kind, str):
            raise ProtocolError("a request has a type")
        opened = self._opened(kind, request)
        task = asyncio.create_task(self._respond(number, kind, request, opened))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _opened(self, kind: str, request: Json) -> _Opened | None:
        if kind in ("store_sql", "close_sql"):
            return None
        if kind in ("fetch_cursor", "close_cursor"):
            cursor = number_of(request, "cursor_id")
            return next((each for each in self.streams.values() if cursor in each.cursors), None)
        stream = number_of(request, "stream_id")
        if kind == "open_stream":
            if stream in self.streams:
                raise ProtocolError(f"stream {stream} is open already")
            if len(self.streams) >= MAX_STREAMS:
                raise ProtocolError(f"more than {MAX_STREAMS} streams are open")
            self.streams[stream] = _Opened(self.opened)
        found = self.streams.get(stream)
        if kind == "close_stream":
            self.streams.pop(stream, None)
        return found

    async def _respond(self, number: int, kind: str, request: Json, opened: _Opened | None) -> None:
        try:
            response = await self._answer(kind, request, opened)
            answer: Json = {"type": "response_ok", "request_id": number, "response": response}
        except FAILURES as error:
            answer = {"type": "response_error", "request_id": number, "error": error_json(error)}
        await self.send(answer)

    async def _answer(self, kind: str, request: Json, opened: _Opened | None) -> Json:
        if opened is not None:
            async with opened.turn:
                if kind == "fetch_cursor":
                    return await run_in_threadpool(opened.fetch, number_of(request, "cursor_id"), request)
                if kind == "close_cursor":
                    return await run_in_threadpool(opened.close_cursor, number_of(request, "cursor_id"))
                return await run_in_threadpool(opened.answer, kind, request, self.texts)
        if kind == "store_sql":
            text = request.get("sql")
            if not isinstance(text, str):
                raise ProtocolError("sql is missing")
            self.texts[number_of(request, "sql_id")] = text
        elif kind == "close_sql":
            self.texts.pop(number_of(request, "sql_id"), None)
        elif kind not in ("close_stream", "close_cursor"):
            raise ProtocolError("no such stream or cursor is open", "STREAM_NOT_OPEN")
        return {"type": kind}

    async def send(self, message: Json) -> None:
        """Send a message, unless the client has gone."""
        async with self.sending:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.send_text(encoded(message).decode())

    async def end(self) -> None:
        """Roll back and close all streams."""
        for opened in self.streams.values():
            if opened.stream is not None:
                opened.stream.connection.interrupt()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for opened in self.streams.values():
            if opened.stream is not None:
                await run_in_threadpool(opened.stream.close)


async def converse(socket: WebSocket, opened: Callable[[], Stream], is_welcome: Callable[[str | None], bool]) -> None:
    """Serve a connection to its end. opened: a new stream. is_welcome: whether its token is the right one."""
    offered = socket.scope.get("subprotocols") or []
    await socket.accept(subprotocol=next((each for each in SUBPROTOCOLS if each in offered), None))
    conversation = _Conversation(socket, opened)
    is_known = False
    try:
        while True:
            message = _message(await socket.receive_text())
            match message.get("type"):
                case "hello":
                    is_known = is_welcome(message.get("jwt"))
                    if not is_known:
                        refusal = ProtocolError("the token is missing, or is another one", "AUTH_REJECTED")
                        await conversation.send({"type": "hello_error", "error": error_json(refusal)})
                        await socket.close(1008)
                        return
                    await conversation.send({"type": "hello_ok"})
                case "request" if is_known:
                    await conversation.request(message)
                case _:
                    raise ProtocolError("hello is said first, then come requests")
    except ProtocolError as error:
        await socket.close(_VIOLATION, error.message[:120])
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message came
        pass
    finally:
        await conversation.end()


def _message(text: str) -> Json:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("the message is no JSON") from None
    if not isinstance(found, dict):
        raise ProtocolError("the message is no object of JSON")
    return found
