"""A server in this process, and a network that loses, repeats and delays what is sent to it."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Mapping
from functools import partial

from turso_wasm.runtime.uri import Location
from turso_wasm.server.app import pipeline
from turso_wasm.server.stream import MAKE_CLIENTS, Stream
from turso_wasm.server.streams import Streams
from turso_wasm.server.values import ProtocolError, encoded


class Server:
    """idle_seconds: streams whose client has gone are closed at the next request."""

    def __init__(self, path: str) -> None:
        self.now = 0.0
        self.streams = Streams(partial(Stream, Location(path), captures=True), 1, lambda: self.now)
        first = Stream(Location(path), captures=True)
        first.answer({"type": "sequence", "sql": MAKE_CLIENTS})
        first.close()

    def fetch(self, _url: str, _headers: Mapping[str, str], body: bytes) -> bytes:
        try:
            return encoded(pipeline(self.streams, json.loads(body)))
        except ProtocolError as error:
            raise OSError(f"400: {error.message}") from None

    def close(self) -> None:
        self.streams.close()


class Network:
    """Fails each request with a probability; what was delayed comes before a later one."""

    def __init__(self, server: Server, seed: int, failing: float) -> None:
        self.server, self.failing = server, failing
        self.random = random.Random(seed)
        self.delayed: list[bytes] = []

    def fetch(self, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        while self.delayed and self.random.random() < 0.5:
            self._quietly(self.delayed.pop(self.random.randrange(len(self.delayed))))
        if self.random.random() >= self.failing:
            return self.server.fetch(url, headers, body)
        kind = self.random.choice(["lost", "unanswered", "repeated", "late"])
        if kind == "late":
            self.delayed.append(body)
        elif kind == "unanswered":
            self._quietly(body)
        elif kind == "repeated":
            answer = self.server.fetch(url, headers, body)
            self._quietly(body)
            return answer
        self.server.now += 2  # streams of clients that have gone are closed
        raise OSError(f"{kind}")

    def _quietly(self, body: bytes) -> None:
        with contextlib.suppress(OSError):
            self.server.fetch("", {}, body)

    def calm(self) -> None:
        """From now on all is well."""
        self.failing = 0
        while self.delayed:
            self._quietly(self.delayed.pop())
        self.server.now += 2
