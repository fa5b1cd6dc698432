"""A small web server for the demo and for browser tests: the page, the engine's JavaScript, and dist/.

`python demo/serve.py [--port N] [--no-open]` serves on localhost only and opens the browser.
"""

from __future__ import annotations

import argparse
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("demo", "dist", "base", "vfs", "web", "tests/browser", "tests/soak")  # nothing else of the project is served
PLAYGROUND = "/dist/playground/"
DEFAULT_PORT = 8480


class Handler(SimpleHTTPRequestHandler):
    """Static files of FOLDERS."""

    extensions_map: ClassVar[dict[str, str]] = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".pack": "application/octet-stream",
        ".whl": "application/octet-stream",
    }
    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        """The file for a URL path; a name that does not exist for what is not served."""
        wanted = unquote(urlsplit(path).path)
        file = (ROOT / wanted.lstrip("/")).resolve()
        if any(file.is_relative_to(ROOT / folder) for folder in FOLDERS):
            return str(file)
        return str(ROOT / "demo" / "no such file")

    def end_headers(self) -> None:
        """Browsers ask again each time; unchanged files answer 304."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Only failures are worth a line."""
        if len(args) > 1 and str(args[1]).startswith(("4", "5")) and str(args[1]) != "404":
            super().log_message(format, *args)


class Playground(Handler):
    """The same, and "/" is the playground, dist/playground/."""

    def do_GET(self) -> None:
        """The playground has a folder to itself, which is all that its service worker answers for."""
        path, *query = self.path.split("?", 1)
        if path != "/":
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", "?".join([PLAYGROUND, *query]))
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None


@contextmanager
def serving(port: int = 0, handler: type[Handler] = Playground) -> Iterator[str]:
    """Serve from another thread; the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listening(port: int | None) -> ThreadingHTTPServer:
    """The playground on a port; with none given the usual one or, if that is taken, one that is free.

    Errors: OSError, for a port that was given and cannot be had; OverflowError for what is no port.
    """
    try:
        return ThreadingHTTPServer(("127.0.0.1", DEFAULT_PORT if port is None else port), Playground)
    except OSError:
        if port is not None:
            raise
        return ThreadingHTTPServer(("127.0.0.1", 0), Playground)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Serve the playground on localhost.")
    parser.add_argument("--port", type=int, help=f"default: {DEFAULT_PORT}, or one that is free if that is taken")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    options = parser.parse_args()
    try:
        server = listening(options.port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        print(f"port {options.port} cannot be used ({why}): choose another, as make demo PORT=8481", file=sys.stderr)
        return 1
    url = f"http://localhost:{server.server_address[1]}/"
    print(f"The playground is at {url} (Ctrl-C ends it)", flush=True)
    if not options.no_open:
        webbrowser.open(url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
