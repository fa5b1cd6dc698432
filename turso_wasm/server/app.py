"""The server as an ASGI application: Hrana over HTTP, versions 1 to 3, and over WebSockets (sockets.py)."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from turso_wasm import __version__
from turso_wasm.base.errors import SqlError
from turso_wasm.runtime.uri import Location
from turso_wasm.server.sockets import converse
from turso_wasm.server.stream import Stream, steps_of
from turso_wasm.server.streams import IDLE_SECONDS, Streams, new_baton
from turso_wasm.server.values import Json, ProtocolError, encoded, error_json

JSON: Final = "application/json"
MAX_BODY: Final = 256 << 20  # bytes
_CHUNK: Final = 64 << 10  # of a cursor's answer


def make_app(
    location: Location,
    *,
    token: str | None = None,
    origins: Sequence[str] = (),
    sync: bool = False,
    idle_seconds: float = IDLE_SECONDS,
) -> Starlette:
    """The application.

    token: what clients must send as `Authorization: Bearer …`; None: nothing. origins: of the pages that may use it
    from a browser; "*": all. sync: all changes are captured (docs/sync.md). idle_seconds: streams.Streams.
    """
    opened = partial(Stream, location, captures=sync)
    streams = Streams(opened, idle_seconds)

    @asynccontextmanager
    async def living(_app: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(streams))
        try:
            yield
        finally:
            sweeping.cancel()
            streams.close()

    def answered(body: Json) -> Response:
        return Response(encoded(pipeline(streams, body)), media_type=JSON)

    def cursor(body: Json) -> Response:
        steps = steps_of(body.get("batch"))
        taken = streams.taken(_baton(body))
        stream = taken.__enter__()
        lines = _cursor_lines(stream, steps, new_baton(), streams, lambda: taken.__exit__(None, None, None))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    def alone(request: Json) -> Response:
        """Version 1: a request on a stream of its own."""
        stream = opened()
        try:
            return Response(encoded({"result": stream.answer(request)["result"]}), media_type=JSON)
        finally:
            stream.close()

    async def socket(websocket: Any) -> None:
        await converse(websocket, opened, lambda given: token is None or _same(given, token))

    async def version(_request: Request) -> Response:
        return PlainTextResponse("Hrana over HTTP")

    async def welcome(_request: Request) -> Response:
        return PlainTextResponse(f"turso_wasm {__version__}: POST /v3/pipeline, /v2/pipeline, /v3/cursor\n")

    routes = [
        Route("/", welcome),
        WebSocketRoute("/", socket),
        Route("/health", version),
        Route("/v1/execute", _answering(lambda body: alone({**body, "type": "execute"})), methods=["POST"]),
        Route("/v1/batch", _answering(lambda body: alone({**body, "type": "batch"})), methods=["POST"]),
        Route("/v2", version),
        Route("/v3", version),
        Route("/v2/pipeline", _answering(answered), methods=["POST"]),
        Route("/v3/pipeline", _answering(answered), methods=["POST"]),
        Route("/v3/cursor", _answering(cursor), methods=["POST"]),
    ]
    middleware = [
        Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]),
        Middleware(_Guard, token=token, origins=origins),
    ]
    return Starlette(routes=routes, middleware=middleware, lifespan=living)


def pipeline(streams: Streams, body: Json) -> Json:
    """The structure PipelineRespBody for a PipelineReqBody. Errors: ProtocolError, SqlError."""
    requests = body.get("requests")
    if not isinstance(requests, list):
        raise ProtocolError("requests is no array")
    with streams.taken(_baton(body)) as stream:
        results = [stream.respond(request) for request in requests]
        baton = None if stream.is_closed else new_baton()
        if baton is not None:
            streams.keep(stream, baton)
    return {"baton": baton, "base_url": None, "results": results}


class _Guard:
    """Refuses pages of other origins, whose requests a browser sends even if it keeps the answer from them, and clients
    without the token. A WebSocket's token comes in its first message.
    """

    def __init__(self, app: ASGIApp, token: str | None, origins: Sequence[str]) -> None:
        self.app, self.token, self.origins = app, token, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        found = HTTPConnection(scope)
        origin = found.headers.get("origin")
        if origin is not None and "*" not in self.origins and origin not in self.origins and not _is_own(found, origin):
            return await _refused(scope, receive, send, 403, f"pages of {origin} may not use this server")
        if scope["type"] == "http" and self.token is not None and found.url.path not in ("/", "/health"):
            kind, _, given = found.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not _same(given.strip(), self.token):
                return await _refused(scope, receive, send, 401, "the token is missing, or is another one")
        return await self.app(scope, receive, send)


async def _refused(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": message})
        return
    await _failure(ProtocolError(message, "AUTH_REJECTED"), status)(scope, receive, send)


def _is_own(found: HTTPConnection, origin: str) -> bool:
    return origin.partition("://")[2] == found.headers.get("host")


def _same(given: str | None, token: str) -> bool:
    return hmac.compare_digest((given or "").encode(), token.encode())


def _answering(answer: Callable[[Json], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose answer is made in another thread."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(answer, await _body(request))
        except ProtocolError as error:
            return _failure(error, 400)
        except (SqlError, MemoryError) as error:
            return _failure(error, 500)

    return endpoint


def _failure(error: ProtocolError | SqlError | MemoryError, status: int) -> Response:
    return Response(encoded(error_json(error)), status, media_type=JSON)


async def _body(request: Request) -> Json:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise ProtocolError(f"a request has at most {MAX_BODY:,} bytes")
    try:
        body = json.loads(bytes(raw))
    except (ValueError, RecursionError):
        raise ProtocolError("the request is no JSON") from None
    if not isinstance(body, dict):
        raise ProtocolError("the request is no object of JSON")
    return body


def _baton(body: Json) -> str | None:
    baton = body.get("baton")
    if baton is not None and not isinstance(baton, str):
        raise ProtocolError("baton is no string")
    return baton


def _cursor_lines(
    stream: Stream, steps: Sequence[Json], baton: str, streams: Streams, done: Callable[[], object]
) -> Iterator[bytes]:
    """The lines of a cursor's answer, gathered. A client that goes away has its stream closed."""
    is_whole = False
    try:
        gathered = bytearray(encoded({"baton": baton, "base_url": None}) + b"\n")
        for entry in stream.entries(steps):
            gathered += encoded(entry) + b"\n"
            if len(gathered) > _CHUNK:
                yield bytes(gathered)
                gathered.clear()
        streams.keep(stream, baton)
        is_whole = True
        yield bytes(gathered)
    finally:
        if not is_whole:
            stream.close()
        done()


async def _sweep(streams: Streams) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(streams.idle_seconds / 4)
            await run_in_threadpool(streams.close_idle)
