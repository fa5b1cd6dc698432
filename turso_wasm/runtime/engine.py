"""The process's engine: which host this Python runs on."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from turso_wasm.runtime.hosts.base import Host


def host() -> Host:
    """The host of this process: wasmtime on CPython, the page's engine on Pyodide. Made on first use."""
    if sys.platform == "emscripten":
        from turso_wasm.runtime.hosts import pyodide

        return pyodide.process_host()
    from turso_wasm.runtime.hosts import wasmtime

    return wasmtime.process_host()


def kernel_digest() -> str:
    """What names the kernel.wasm of this process, without the sections that web/make_assets.py adds."""
    if sys.platform == "emscripten":
        from turso_wasm.runtime.hosts import pyodide

        return pyodide.process_host().digest or digest_of(pyodide.kernel_bytes())
    from turso_wasm.runtime.hosts import wasmtime

    return digest_of(wasmtime.kernel_bytes())


def digest_of(kernel: bytes) -> str:
    """The same of a file."""
    return hashlib.sha256(kernel).hexdigest()[:32]


def begin_in_node(kernel: Any, module: Any, disk: Any) -> None:
    """Make this process's host of what Node has (runtime/hosts/pyodide.py `begin_with`)."""
    from turso_wasm.runtime.hosts import pyodide

    pyodide.begin_with(kernel, module, disk)
