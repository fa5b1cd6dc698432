"""The process's engine: which host this Python runs on."""

from __future__ import annotations

import sys

from turso_wasm.runtime.hosts.base import Host


def host() -> Host:
    """The host of this process: wasmtime on CPython, the page's engine on Pyodide. Made on first use."""
    if sys.platform == "emscripten":
        from turso_wasm.runtime.hosts import pyodide

        return pyodide.process_host()
    from turso_wasm.runtime.hosts import wasmtime

    return wasmtime.process_host()
