"""What a page waits for when it asks: packages with an interface for pages, each in a browser of its own.

A page has no engine in it: each call is a message to a worker and one back, so what is measured is what an application
sees (browser/calls.js, browser/calls_drivers.js). Two peers need a page that is cross-origin isolated, so all have one.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import hosts

MODULES = Path(__file__).resolve().parent / "node_modules"
CACHE = Path(__file__).resolve().parent / ".cache"
SQLOCAL = ("client.js", "worker.js")
BESIDE = ("sqlite3.wasm", "sqlite3-opfs-async-proxy.js")  # sqlite-wasm looks for them beside the module


def bundle_peers() -> None:
    """sqlocal, which imports by names, as files."""
    folder = CACHE / "sqlocal"
    folder.mkdir(parents=True, exist_ok=True)
    for name in SQLOCAL:
        hosts.bundle(MODULES / "sqlocal" / "dist" / name, folder / name)
    engine = MODULES / "sqlocal" / "node_modules" / "@sqlite.org" / "sqlite-wasm" / "dist"
    for name in BESIDE:
        shutil.copyfile(engine / name, folder / name)


@contextlib.contextmanager
def browsers(engines: list[str]) -> Iterator[dict[str, hosts.Browser]]:
    """A browser for each engine."""
    bundle_peers()
    with contextlib.ExitStack() as stack:
        found = {}
        for engine in engines:
            profile = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            found[engine] = stack.enter_context(
                hosts.chromium(profile, private=False, page="calls.html", isolated=True)
            )
        yield found
