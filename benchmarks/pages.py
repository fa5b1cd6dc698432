"""How the playground starts, at a first and at a second visit, beside the starts of other pages for SQL.

What Lighthouse calls first contentful paint, and total blocking time, and from when on one can write and run
(browser/pages.js). The others are bare pages that begin as sqlime and DuckDB's shell do: their engines, no interface to
speak of. Files come from this machine, compressed: what a network adds is told by the bytes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import hosts

HERE = Path(__file__).resolve().parent
PAGES = ("ours", "sqlite-wasm", "duckdb")

Visit = dict[str, Any]


def measure(repetitions: int) -> list[Visit]:
    """{page, visit: "first" or "second", bytes, paint, writable, ready, blocked: milliseconds} of every visit."""
    _bundle()
    visits: list[Visit] = []
    for _ in range(repetitions):
        for page in PAGES:
            with (
                tempfile.TemporaryDirectory(prefix="turso-pages-", ignore_cleanup_errors=True) as profile,
                hosts.chromium(Path(profile), private=False, page="pages.html") as browser,
            ):
                for name in ("first", "second"):
                    sent = browser.sent
                    answer = browser.ask(page, {"do": "look"})
                    visits.append({"page": page, "visit": name, "bytes": browser.sent - sent, **answer})
                    print(f"page {page}, {name} visit: {answer}", file=sys.stderr, flush=True)
    return visits


def _bundle() -> None:
    """DuckDB's client, which imports Apache Arrow by its name, as one file."""
    source = HERE / "node_modules" / "@duckdb" / "duckdb-wasm" / "dist" / "duckdb-browser.mjs"
    target = HERE / ".cache" / "duckdb.js"
    hosts.bundle(source, target)
