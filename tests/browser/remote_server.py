"""A web server for one file whose habits can be changed: ranges, validators, CORS, compression, errors."""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(kw_only=True)
class Remote:
    """What is served, how, and what was asked for."""

    content: bytes = b""
    etag: str = '"1"'
    last_modified: str = ""
    ranges: bool = True
    cors: bool = True
    expose: str = "Content-Range, ETag"
    status: int = 0
    """Not 0: every answer is this."""
    compress: bool = False
    delay: float = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Method, path and Range of each request."""
    sent: int = 0
    """Bytes of bodies."""
    url: str = ""

    def reset(self) -> None:
        self.asked.clear()
        self.sent = 0


@contextmanager
def serving_remote(remote: Remote) -> Iterator[Remote]:
    """Serve from another thread, on another origin than the tests' pages."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            remote.asked.append((self.command, self.path, wanted))
            time.sleep(remote.delay)
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
            if self.path.startswith("/moved"):
                self.answer(302, b"", {"Location": remote.url.replace("/x.db", "/there.db")})
            elif remote.status:
                self.answer(remote.status, b"refused", {})
            elif found and remote.ranges:
                self.part(int(found[1]), min(int(found[2]) + 1, len(remote.content)))
            else:
                self.answer(200, remote.content, {})

        def part(self, start: int, end: int) -> None:
            if start >= end:
                self.answer(416, b"", {"Content-Range": f"bytes */{len(remote.content)}"})
                return
            about = {"Content-Range": f"bytes {start}-{end - 1}/{len(remote.content)}"}
            part = remote.content[start:end]
            if remote.compress:
                part = gzip.compress(part)
                about["Content-Encoding"] = "gzip"
            self.answer(206, part, about)

        def do_HEAD(self) -> None:
            remote.asked.append((self.command, self.path, ""))
            self.answer(405, b"", {})

        def do_OPTIONS(self) -> None:
            remote.asked.append((self.command, self.path, ""))
            self.answer(405, b"", {})

        def answer(self, status: int, body: bytes, about: dict[str, str]) -> None:
            remote.sent += len(body)
            self.send_response(status)
            if remote.cors:
                about |= {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": remote.expose}
            about |= {"ETag": remote.etag} if remote.etag else {}
            about |= {"Last-Modified": remote.last_modified} if remote.last_modified else {}
            for name, value in {**about, "Content-Length": str(len(body)), "Cache-Control": "no-store"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # browsers give connections up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    remote.url = f"http://127.0.0.1:{server.server_address[1]}/x.db"
    try:
        yield remote
    finally:
        server.shutdown()
        server.server_close()
