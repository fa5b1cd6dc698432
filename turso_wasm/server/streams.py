"""The streams of HTTP's clients: a baton says in each request which one, and each answer gives the next.

Source: The Hrana protocol specification, version 3, "Hrana over HTTP".
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from turso_wasm.server.stream import Stream
from turso_wasm.server.values import ProtocolError

IDLE_SECONDS: Final = 10.0
MAX_STREAMS: Final = 500


def new_baton() -> str:
    """One that nobody can guess."""
    return secrets.token_urlsafe(24)


class Streams:
    """Those that are waiting for their client's next request, safe to use from any thread.

    opened: a new stream. idle_seconds: how long one waits; then its transaction is rolled back and it is closed.
    """

    def __init__(
        self,
        opened: Callable[[], Stream],
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.opened, self.idle_seconds, self.clock = opened, idle_seconds, clock
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Stream, float]] = {}
        self._n_busy = 0

    @contextmanager
    def taken(self, baton: str | None) -> Iterator[Stream]:
        """The stream of a baton, which is used up; a new one for None. Errors: ProtocolError, SqlError."""
        self.close_idle()
        with self._lock:
            if baton is None:
                if len(self._waiting) + self._n_busy >= MAX_STREAMS:
                    raise ProtocolError(f"more than {MAX_STREAMS} streams are open", "TOO_MANY_STREAMS")
                stream = None
            elif (found := self._waiting.pop(baton, None)) is None:
                raise ProtocolError("The stream has expired, or the baton is none", "STREAM_EXPIRED")
            else:
                stream = found[0]
            self._n_busy += 1
        try:
            yield stream or self.opened()
        except BaseException:
            if stream is not None:
                stream.close()
            raise
        finally:
            with self._lock:
                self._n_busy -= 1

    def keep(self, stream: Stream, baton: str) -> None:
        """Let a stream wait for the request that has the baton."""
        with self._lock:
            self._waiting[baton] = stream, self.clock() + self.idle_seconds

    def close_idle(self) -> None:
        """Close those that have waited too long."""
        now = self.clock()
        with self._lock:
            late = [baton for baton, (_, until) in self._waiting.items() if until < now]
            closing = [self._waiting.pop(baton)[0] for baton in late]
        for stream in closing:
            stream.close()

    def close(self) -> None:
        """Close all that wait."""
        with self._lock:
            closing = [stream for stream, _ in self._waiting.values()]
            self._waiting.clear()
        for stream in closing:
            stream.close()
