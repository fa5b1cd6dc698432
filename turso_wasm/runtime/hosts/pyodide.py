"""The Pyodide host: the kernel beside Python in the same JavaScript engine, through web/python_host.js.

Everything here is synchronous, as `sqlite3` is; only owning a file in OPFS has to be awaited (`acquire`). Plain paths
lie in Emscripten's file system, through the same file table as on CPython (runtime/files.py); on the drive that
JupyterLite mounts there, files are taken and given as a whole (vfs/whole.py).

Invariants:
  Y1  Views of linear memory are never kept: it may grow, and its old buffer is dead then.
  Y2  Callbacks from JavaScript (the file table) live as long as the host.
"""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from importlib.resources import files as resources
from pathlib import Path
from struct import Struct
from typing import Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import JsException, create_proxy, to_js

from turso_wasm.base.errors import InternalError, SqlError
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import DONE, YIELD, Run, Value
from turso_wasm.runtime import files
from turso_wasm.runtime.files import FileTable
from turso_wasm.runtime.hosts.base import SQLITE_INTERNAL, Instance, Taken
from turso_wasm.runtime.hosts.scripts import link
from turso_wasm.runtime.layout import BUFFERS, BUFFERS_AT, I64, PARAMS_AT, REPEATED, STATEMENT_CHANGES_AT, U32
from turso_wasm.runtime.usercode import UserCalls
from turso_wasm.vfs.base import CANTOPEN, IOERR, File, Vfs, VfsError
from turso_wasm.vfs.whole import Drive, WholeFileVfs

OPFS = "opfs"  # the VFS name of the origin private file system
ENTRY = "web/python_host.js"


class PyodideInstance:
    """A loaded Program (hosts/base.py `Instance`)."""

    __slots__ = ("heat", "program", "step")

    def __init__(self, program: Program, step: Callable[[int], int]) -> None:
        self.program = program
        self.step = step
        self.heat = -1  # the JavaScript engine tiers up by itself


class PyodideHost:
    """See hosts/base.py for what each public method promises."""

    def __init__(self, kernel: Any, symbols: dict[str, Any], module: Any, disk: Any = None) -> None:
        """Instantiate `kernel` (kernel.wasm, a buffer of JavaScript). module: what web/python_host.js exports.
        disk: a store of JavaScript's for plain paths (vfs/disk.js); None: Python's files.
        """
        self.lock = contextlib.nullcontext()  # no threads here
        self._symbols = symbols
        self._module = module
        self._table = create_proxy(_ScriptFiles())  # Y2
        self.user_calls = UserCalls(self)
        self._calls = create_proxy(self.user_calls)
        self._host = self._module.PythonHost.new(kernel, self._table, self._calls, disk)
        self._view = self._host.view
        self.digest = str(self._host.kernel.digest)  # of kernel.wasm, as far as that says it
        self.programs = None
        self._depth = 0  # calls of the kernel that have not returned
        self._later: deque[Callable[[], object]] = deque()
        self._functions: dict[str, Callable[..., Any]] = {}
        self._instances: dict[tuple[bytes, bytes], PyodideInstance] = {}

    def pause(self, seconds: float) -> None:
        """Nobody else can enter the kernel meanwhile."""
        time.sleep(seconds)

    def give_way(self) -> None:
        """There are no other threads."""

    def warm(self, instance: Instance) -> None:
        """The JavaScript engine tiers up by itself."""

    def shrink(self, instance: Instance) -> bool:
        """There is no other code."""
        return False

    def later(self, action: Callable[..., object], *arguments: object) -> None:
        """Finalizers also run in callbacks from the kernel: then, when it is left."""
        self._later.append(partial(action, *arguments))
        if not self._depth:
            self._sweep()

    def trim(self) -> None:
        """Linear memory does not shrink."""

    def _sweep(self) -> None:
        while self._later:
            with contextlib.suppress(SqlError, InternalError):
                self._later.popleft()()

    # --- calling ------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., Any]:
        """A kernel export; failures clear the error record."""
        found = self._functions.get(name)
        if found is None:
            signature = self._symbols["functions"][name]
            wide = to_js([i for i, kind in enumerate(signature["params"]) if kind == "i64"])
            call = self._host.function(name, wide)
            if call is None:
                raise KeyError(name)
            found = self._functions[name] = self._checked(call, len(signature["results"]))
        return found

    def native(self, instance: Instance) -> bytes:
        """The JavaScript engine does not give it."""
        return b""

    def load(self, program: Program, native: bytes = b"") -> PyodideInstance:
        """Compile and instantiate, or find the instance of an equal Program."""
        key = (program.wasm, program.data)
        found = self._instances.get(key)
        if found is None:
            step = self._checked(self._host.load(to_js(program.wasm), to_js(program.data)), 1)
            found = self._instances[key] = PyodideInstance(program, step)
        return found

    def step(self, instance: PyodideInstance, statement: int) -> int:
        """Run one step; a failure leaves the error record for statement_abort (H3)."""
        return instance.step(statement)

    def _checked(self, call: Any, n_results: int) -> Callable[..., Any]:
        """A JavaScript function with its failures as Python exceptions, several results as a tuple."""

        def function(*args: float) -> Any:
            self._depth += 1
            try:
                result = call(*args)
            except JsException as error:
                cause = self.user_calls.take_failure()
                if cause is not None and not isinstance(cause, Exception):
                    raise cause from None
                raise _translated(error) from cause
            finally:
                self._depth -= 1
                if self._later and not self._depth:
                    self._sweep()
            return tuple(result) if n_results > 1 else result

        return function

    # --- memory -------------------------------------------------------------------------------------------------

    def _memory(self, at: int, size: int) -> Any:
        try:
            return self._view(at, size)
        except JsException as error:
            raise IndexError(str(error)) from None

    def read(self, at: int, size: int) -> bytes:
        """Copy bytes out."""
        return bytes(self._memory(at, size).to_bytes())

    def run(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> Taken:
        """See hosts/base.py."""
        self.write(at, block)
        status = step(statement)
        if status == YIELD:
            return YIELD, b"", b"", 0
        at = statement + BUFFERS_AT
        rows, used, capacity, _, limit, heap, heap_used, heap_capacity, not_ascii = self.unpack(BUFFERS, at)
        if not used:
            return status, b"", b"", 0
        self.pack(BUFFERS, at, rows, 0, capacity, 0, limit, heap, 0, heap_capacity, 0)
        return status, self.read(rows, used), self.read(heap, heap_used) if heap_used else b"", not_ascii

    def count(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> int:
        """See hosts/base.py."""
        self.write(at, block)
        if step(statement) != DONE:
            return -1
        (changed,) = self.unpack(I64, statement + STATEMENT_CHANGES_AT)
        return int(changed)

    def repeat(self, instance: Instance, statement: int, sets: int, n: int, done: int) -> int:
        """See hosts/base.py."""
        (params,) = self.unpack(U32, statement + PARAMS_AT)
        (n_parameters,) = self.unpack(U32, statement + Run.offset("n_params"))
        size = n_parameters * Value.size
        n_done, changes = self.unpack(REPEATED, done)
        while n_done < n:
            changed = self.count(instance.step, statement, params, self.read(sets + n_done * size, size))
            if changed < 0:
                return YIELD
            n_done, changes = n_done + 1, changes + changed
            self.pack(REPEATED, done, n_done, changes)
        return DONE

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes in."""
        if len(data):
            self._memory(at, len(data)).assign(data)

    def unpack(self, layout: Struct, at: int) -> tuple[Any, ...]:
        """Read a structure."""
        return layout.unpack(self.read(at, layout.size))

    def pack(self, layout: Struct, at: int, *values: Any) -> None:
        """Write a structure."""
        self.write(at, layout.pack(*values))

    def post(self, at: int, value: int) -> None:
        """Write an i32."""
        self.write(at, value.to_bytes(4, "little", signed=True))

    # --- files in OPFS --------------------------------------------------------------------------------------------

    async def acquire(self, name: str, create: bool = True) -> None:
        """Own a database file of the origin private file system. Errors: SqlError SQLITE_BUSY, SQLITE_CANTOPEN."""
        if not self._module.opfsAvailable():
            raise SqlError(
                CANTOPEN,
                "unable to open database file: only workers of secure pages have the origin private file system",
            )
        if not files.has_vfs(OPFS):
            files.register_vfs(OPFS, _ElsewhereVfs())
        try:
            await self._host.acquire(name, create)
        except JsException as error:
            raise _translated(error) from None

    async def release(self, name: str) -> None:
        """Give it up; its connections are closed."""
        await self._host.release(name)


def _translated(error: JsException) -> Exception:
    """The Python exception for what JavaScript threw (base/errors.js)."""
    code = getattr(error, "errcode", None)
    if code is None:
        return InternalError("JavaScript failed", stage="host", evidence=str(error))
    if code == SQLITE_INTERNAL:
        return InternalError("the kernel trapped", stage="kernel", evidence=str(error.message))
    return SqlError(int(code), str(error.message))


class _ScriptFiles:
    """The file table as JavaScript calls it: names are strings, buffers are Uint8Arrays of linear memory."""

    def __init__(self) -> None:
        self._files = FileTable()
        self._files.default = WholeFileVfs(self._files.default, mounted_drive)
        for name in ("close", "truncate", "sync", "size", "lock", "unlock", "check_reserved", "moved", "capabilities"):
            setattr(self, name, getattr(self._files, name))

    def open(self, name: str, flags: int) -> int:
        """See FileTable."""
        return self._files.open(memoryview(name.encode("utf-8", "surrogateescape")), flags)

    def locate(self, name: str, near: str, flags: int) -> tuple[str, int]:
        """See runtime/files.py."""
        return files.locate(name, near, flags)

    def delete(self, name: str, durable: int) -> int:
        """See FileTable."""
        return self._files.delete(memoryview(name.encode("utf-8", "surrogateescape")), durable)

    def exists(self, name: str) -> int:
        """See FileTable."""
        return self._files.exists(memoryview(name.encode("utf-8", "surrogateescape")))

    def read(self, fd: int, into: Any, offset: int) -> int:
        """See FileTable."""
        buffer = bytearray(into.byteLength)
        n = self._files.read(fd, memoryview(buffer), offset)
        if n > 0:
            into.assign(buffer)
        return n

    def write(self, fd: int, data: Any, offset: int) -> int:
        """See FileTable."""
        return self._files.write(fd, memoryview(data.to_bytes()), offset)


class LiteDrive:
    """The drive of JupyterLite (vfs/whole.py `Drive`), through the contents API it has mounted: each call is a request
    to the page, which answers while Python waits.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self._ends: dict[Callable[[], None], Callable[..., None]] = {}  # what waits for the end of a cell

    def _exists(self, path: str) -> bool:
        return bool(_asked(self._api.lookup, path).ok)

    def get(self, path: str) -> bytes | None:
        """See `Drive`."""
        if not self._exists(path):
            return None
        content = _asked(self._api.get, path).data
        return bytes(content.to_bytes())

    def put(self, path: str, content: bytearray) -> None:
        """See `Drive`."""
        _asked(self._api.put, path, to_js({"data": content, "format": "base64"}, dict_converter=js.Object.fromEntries))

    def stamp(self, path: str) -> object:
        """See `Drive`."""
        return _asked(self._api.getattr, path).mtime.getTime() if self._exists(path) else None

    def delete(self, path: str) -> None:
        """See `Drive`."""
        if self._exists(path):
            _asked(self._api.rmdir, path)

    def later(self, save: Callable[[], None]) -> bool:
        """The end of the cell that runs."""
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is None:
            return False

        def end(_: object = None) -> None:
            shell.events.unregister("post_run_cell", self._ends.pop(save))
            save()

        if save not in self._ends:
            self._ends[save] = end
            shell.events.register("post_run_cell", end)
        return True


def _asked(call: Any, *values: Any) -> Any:
    try:
        return call(*values)
    except JsException as error:
        raise VfsError(IOERR, str(error)) from None


def mounted_drive(path: str) -> Drive | None:
    """The drive of JupyterLite that a path lies in; None in any other file system."""
    folder = pyodide_js.FS.analyzePath(os.path.dirname(path))  # lookupPath would throw what Python cannot raise
    if not folder.exists:
        return None
    api = getattr(folder.object.mount.type, "API", None)
    return LiteDrive(api) if hasattr(api, "put") and hasattr(api, "lookup") else None


class _ElsewhereVfs(Vfs):
    """Stands for OPFS in the list of file systems; JavaScript serves it, and never asks here."""

    def open(self, path: str, flags: int) -> File:
        raise VfsError(CANTOPEN, f"{path} is not served by Python")

    def delete(self, path: str, *, durable: bool) -> None:
        raise VfsError(CANTOPEN, f"{path} is not served by Python")

    def exists(self, path: str) -> bool:
        raise VfsError(CANTOPEN, f"{path} is not served by Python")


# --- the process's host -----------------------------------------------------------------------------------------

_host: PyodideHost | None = None


def process_host() -> PyodideHost:
    """The one host of this interpreter, made on first use."""
    global _host
    if _host is None:
        begin_with(to_js(kernel_bytes()), run_js(_script()))
    assert _host is not None
    return _host


def begin_with(kernel: Any, module: Any, disk: Any = None) -> None:
    """Make the one host of this interpreter from what JavaScript has; arguments as PyodideHost takes them."""
    global _host
    _host = PyodideHost(kernel, _symbols(), module, disk)
    _host.function("poll_set_yields")(1)  # long queries come up for air: Ctrl-C and progress handlers


def kernel_bytes() -> bytes:
    """kernel.wasm, as the wheel has it."""
    return (resources("turso_wasm") / "kernel" / "kernel.wasm").read_bytes()


def _symbols() -> dict[str, Any]:
    raw = pkgutil.get_data("turso_wasm.kernel", "symbols.json")  # out of a pack, too
    if raw is None:
        raise RuntimeError("symbols.json is missing")
    found: dict[str, Any] = json.loads(raw)
    return found


def _script() -> str:
    """web/python_host.js and what it imports, from the wheel, or from a source checkout."""
    package = resources("turso_wasm")
    assets = package / "web_assets"
    if assets.is_dir():
        return link(ENTRY, lambda path: assets.joinpath(*path.split("/")).read_text("utf-8"))
    checkout = Path(str(package)).parent
    return link(ENTRY, lambda path: (checkout / path).read_text("utf-8"))


def has_opfs() -> bool:
    """Whether files of the origin private file system can be used here."""
    return hasattr(js, "FileSystemFileHandle") and hasattr(js.FileSystemFileHandle.prototype, "createSyncAccessHandle")
