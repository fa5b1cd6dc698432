"""Several tabs on one database: how much they do together, how evenly, and how long the unlucky wait.

    python -m benchmarks.contention --tabs 1 2 4 8 --seconds 5

Each tab asks for one thing after the other: a row by its key, or, one time in `--every`, one more row. Beside this
engine runs sqlite-wasm with its VFS for several tabs (opfs-wl), which needs a page that is cross-origin isolated: so
both have one.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks.hosts import CHROMIUM, ROOT

ENGINES = ("turso-wasm", "sqlite-wasm opfs-wl")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
START = "([engine, isFirst]) => open(engine, isFirst)"
# Tabs begin when all have been told to.
CONTEND = "([tab, ms, every]) => { globalThis.outcome = contend(tab, ms, every); }"


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        """Isolate the page."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Outcome:
    """What the tabs did: of each the milliseconds of its reads and writes."""

    reads: list[list[float]]
    writes: list[list[float]]
    failed: int

    def line(self, seconds: float) -> str:
        """Reads and writes in a second, the 99th percentile and the slowest of each; how much the idlest tab got."""
        shares = [len(r) + len(w) for r, w in zip(self.reads, self.writes, strict=True)]
        cells = [f"{min(shares) / (sum(shares) / len(shares) or 1):5.2f}", f"{self.failed:6}"]
        for kind in (self.reads, self.writes):
            times = sorted(time for tab in kind for time in tab) or [0.0]
            p99 = times[int(len(times) * 0.99)]
            cells += [f"{sum(map(len, kind)) / seconds:9.0f}", f"{p99:8.1f}", f"{times[-1]:8.1f}"]
        return " | ".join(cells)


def run(context: BrowserContext, url: str, engine: str, n_tabs: int, seconds: float, every: int) -> Outcome:
    """Open tabs, let them contend, close them."""
    pages = []
    for tab in range(n_tabs):
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}/benchmarks/browser/contention.html")
        page.wait_for_function("globalThis.contend !== undefined")
        page.evaluate(START, [engine, tab == 0])
        pages.append(page)
    for tab, page in enumerate(pages):
        page.evaluate(CONTEND, [tab, seconds * 1000, every])
    found: list[dict[str, Any]] = [page.evaluate("outcome") for page in pages]
    for page in pages:
        page.close()
    return Outcome([f["reads"] for f in found], [f["writes"] for f in found], sum(f["failed"] for f in found))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tabs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--every", type=int, default=10, help="one request in so many writes")
    options = parser.parse_args(arguments)
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(_Handler, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://localhost:{server.server_port}"
    print("| tabs | engine | least/mean | failed | reads/s | p99 ms | max ms | writes/s | p99 ms | max ms |")
    print("|-|-|-|-|-|-|-|-|-|-|")
    with sync_playwright() as playwright:
        for n_tabs in options.tabs:
            for engine in ENGINES:
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                    context = playwright.chromium.launch_persistent_context(
                        profile, executable_path=shutil.which(CHROMIUM), headless=True, args=list(FLAGS)
                    )
                    try:
                        outcome = run(context, url, engine, n_tabs, options.seconds, options.every)
                        print(f"| {n_tabs} | {engine} | {outcome.line(options.seconds)} |", flush=True)
                    finally:
                        context.close()
    server.shutdown()


if __name__ == "__main__":
    main()
