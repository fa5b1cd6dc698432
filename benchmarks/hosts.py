"""Where engines run: a process of CPython or Node, or a worker in Chromium. All answer the same requests (browser/requests.js)."""

from __future__ import annotations

import functools
import http.server
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 90.0
CHROMIUM = "/usr/bin/chromium"

Answer = dict[str, Any]


class Host(Protocol):
    """One engine, wherever it runs."""

    def ask(self, request: Answer) -> Answer:
        """Answer a request; {"error"} when it failed or took longer than TIMEOUT_S."""

    def close(self) -> None:
        """End the process or worker."""


class Process:
    """An engine in a process of its own that reads and writes lines of JSON."""

    def __init__(self, command: list[str]) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._dead = False

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, request: Answer) -> Answer:
        """See Host."""
        if self._dead:
            return {"error": "the process has ended"}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=TIMEOUT_S)
        except (queue.Empty, OSError):
            line = ""
        if not line:
            self.close()
            return {"error": f"no answer within {TIMEOUT_S:.0f} s, or the process ended"}
        answer: Answer = json.loads(line)
        if request["do"] == "open":
            answer.setdefault("ms", (time.perf_counter() - self.started) * 1000)
        return answer

    def close(self) -> None:
        """See Host."""
        self._dead = True
        self._process.kill()
        self._process.wait()


def python(engine: str, database: Path) -> Process:
    """An engine in CPython, on a database file."""
    return Process([sys.executable, "-m", "benchmarks.native", engine, str(database)])


def node(engine: str, flags: list[str] | None = None) -> Process:
    """An engine in Node."""
    return Process(["node", *(flags or []), "benchmarks/browser/node.js", engine])


class Worker:
    """An engine in a dedicated worker of a page. `page` is Playwright's."""

    def __init__(self, page: Any, engine: str) -> None:
        self._page = page
        self._engine = engine
        self._dead = False

    def ask(self, request: Answer) -> Answer:
        """See Host."""
        if self._dead:
            return {"error": "the worker has ended"}
        arguments = [self._engine, request, TIMEOUT_S * 1000]
        script = """([engine, request, limit]) => Promise.race([
            request.do === 'open' ? start(engine, request.file) : window.request(engine, request),
            new Promise((resolve) => setTimeout(() => resolve({error: 'no answer in time', late: true}), limit))])"""
        answer: Answer = self._page.evaluate(script, arguments)
        if answer.get("late"):
            self.close()
        return answer

    def close(self) -> None:
        """See Host."""
        self._dead = True
        self._page.evaluate("(engine) => stop(engine)", self._engine)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve() -> Iterator[str]:
    """Serve the project's root; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def chromium(url: str, profile: Path | None) -> Iterator[tuple[Any, str]]:
    """A page that starts workers, and the browser's version. profile: folder of a real profile on disk; None: a private context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments: dict[str, Any] = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        if profile:
            context = playwright.chromium.launch_persistent_context(str(profile), **arguments)
        else:
            context = playwright.chromium.launch(**arguments).new_context()
        page = context.new_page()
        page.goto(f"{url}/benchmarks/browser/page.html")
        page.wait_for_function("window.start !== undefined")
        version = page.evaluate("navigator.userAgent.match(/Chrome\\/([0-9.]+)/)[1]")
        try:
            yield page, f"Chromium {version}"
        finally:
            context.close()
