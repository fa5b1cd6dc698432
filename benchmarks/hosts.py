"""Where engines run: a process of CPython or Node, or a worker in Chromium. All answer browser/requests.js."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 90.0
LONG_POLL_S = 20.0
CHROMIUM = "chromium"
WORKER_THREAD = "DedicatedWorker"
ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"

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
    """An engine in a dedicated worker of the browser's page."""

    def __init__(self, browser: Browser, engine: str) -> None:
        self._browser = browser
        self._engine = engine
        self._dead = False

    def ask(self, request: Answer) -> Answer:
        """See Host."""
        if self._dead:
            return {"error": "the worker has ended"}
        answer = self._browser.ask(self._engine, request)
        if answer.get("late"):
            self.close()
        return answer

    def close(self) -> None:
        """See Host."""
        if not self._dead:
            self._dead = True
            self._browser.ask(self._engine, {"do": "stop"})


class Browser:
    """A page in Chromium that starts workers. It asks this server what to do next.

    No inspector is attached. Under one, as Playwright does it, Chromium makes an exception many times as expensive,
    also for an engine that throws and catches by itself: a point query of sql.js took 500 µs instead of 30.
    """

    def __init__(self, server: Server, profile: Path, private: bool, page: str) -> None:
        self._server = server
        command = [CHROMIUM, "--headless", "--no-sandbox", "--no-first-run", f"--user-data-dir={profile}"]
        command += ["--incognito"] if private else []
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [*command, f"{server.url}/benchmarks/browser/{page}"], stdout=quiet, stderr=quiet
        )
        server.browser = self._process.pid
        self.version = f"Chromium {self.ask('', {'do': 'version'})['version']}"

    @property
    def sent(self) -> int:
        """Bytes of files that it has been sent, compressed."""
        return self._server.sent

    @property
    def page_peak(self) -> int | None:
        """The most bytes of memory that the page's process, with its workers, has had; None where no one tells."""
        peaks = map(resident_peak, _descendants(self._process.pid)) if sys.platform == "linux" else ()
        return max(peaks, default=None)

    def ask(self, engine: str, request: Answer) -> Answer:
        """Have the page pass a request on to the worker of `engine`."""
        self._server.requests.put(json.dumps({"engine": engine, "request": request, "limit": TIMEOUT_S * 1000}))
        try:
            answer: Answer = json.loads(self._server.answers.get(timeout=TIMEOUT_S + 10))
        except queue.Empty:
            return {"error": "the browser does not answer", "late": True}
        return answer

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()


class Server:
    """Serves the project's root, and hands requests to the page and answers back."""

    def __init__(self, isolated: bool = False) -> None:
        self.requests: queue.Queue[str] = queue.Queue()
        self.answers: queue.Queue[bytes] = queue.Queue()
        self.isolated = isolated
        self.sent = 0
        self.browser = 0  # its process
        handler = functools.partial(_Handler, self, directory=ROOT)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, owner: Server, *args: Any, **options: Any) -> None:
        self._owner = owner
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """A file; at /next, the next request once there is one; at /processor, what workers have used so far."""
        if self.path == "/processor":
            self._send(json.dumps(worker_ms(self._owner.browser)).encode())
            return
        if self.path != "/next":
            self._send_file()
            return
        try:
            body = self._owner.requests.get(timeout=LONG_POLL_S).encode()
        except queue.Empty:
            body = b"null"
        with contextlib.suppress(ConnectionError):  # the browser has been closed
            self._send(body)

    def do_POST(self) -> None:
        """An answer of the page."""
        self._owner.answers.put(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(b"{}")

    def _send_file(self) -> None:
        """As web servers do: compressed, and to be kept by the browser."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        body = compressed(path, path.stat().st_mtime)
        self._owner.sent += len(body)
        headers = {"Content-Encoding": "gzip", "Cache-Control": "max-age=86400"}
        self._send(body, self.guess_type(path), headers)

    def _send(self, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in ((headers or {}) | (ISOLATION if self._owner.isolated else {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def worker_ms(browser: int) -> float | None:
    """Milliseconds of processor time that the workers in a browser's pages have used; None where no one tells."""
    if sys.platform != "linux":
        return None
    total = 0
    for process in _descendants(browser):
        with contextlib.suppress(OSError):  # it has ended
            for thread in Path(f"/proc/{process}/task").iterdir():
                if (thread / "comm").read_text(encoding="utf-8").strip() == WORKER_THREAD:
                    total += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e6


def resident_peak(process: int) -> int:
    """The most bytes that a process has had in memory, if a page runs in it; 0 for others."""
    try:
        if b"--type=renderer" not in Path(f"/proc/{process}/cmdline").read_bytes():
            return 0
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _descendants(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return found


@functools.cache
def compressed(path: Path, changed: float) -> bytes:
    """A file that changed then, by gzip."""
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)


def bundle(source: Path, target: Path) -> None:
    """A module, with what it imports by names, as one file."""
    command = [ESBUILD, source, "--bundle", "--format=esm", "--minify", f"--outfile={target}", "--log-level=error"]
    subprocess.run(command, cwd=ROOT, check=True)


@contextlib.contextmanager
def chromium(profile: Path, private: bool, page: str = "page.html", isolated: bool = False) -> Iterator[Browser]:
    """Chromium with a profile on disk; private: in a private window; page: of benchmarks/browser, perhaps isolated."""
    server = Server(isolated)
    browser = Browser(server, profile, private, page)
    try:
        yield browser
    finally:
        browser.close()
        server.close()
