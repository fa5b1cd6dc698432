"""The CPython host: one kernel instance per process under wasmtime, called through raw buffers.

Owns the engine configuration, the on-disk cache of the compiled kernel, the raw call path, the VFS imports and the
loaded Programs. `wasmtime-py`'s own call path costs 30 µs a call and 21 µs a callback; through
`wasmtime_func_call_unchecked` and `wasmtime_func_new_unchecked` with prepared buffers it is about 1 µs each way.

Invariants:
  W1  A raw value slot is 16 bytes, little-endian. Integers are packed as 64 bits: an i32 parameter is its low half.
  W2  The linear memory never moves (`memory_may_move` is off), so a view of it stays right for what it covers; it is
      made anew when something lies beyond its end.
  W3  Instances live as long as the store: equal Programs share one, found by their bytes.
  W4  A Program is first compiled by the baseline engine, in half the time, unless it reads many rows for one. Once it
      runs often or long (`warm`) it is compiled again by the optimizing engine, and the new code takes over: what a
      suspended statement needs lies in linear memory, and both come from the same bytes.
  W5  No exception may leave a callback: ctypes would hand wasmtime an undefined trap. What a handler raises is kept
      and becomes a trap; but a signal handler runs before the first line of a callback, where nothing can catch what
      it raises. So Python's SIGINT handler is replaced by one that does not raise there.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import signal
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from turso_wasm.base.errors import InternalError, SqlError
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import ErrorRecord
from turso_wasm.runtime.files import FileTable
from turso_wasm.runtime.hosts.base import SQLITE_INTERNAL, Instance, address
from turso_wasm.runtime.hosts.sections import import_names

SLOT = 16  # bytes of a raw value
MAX_SLOTS = 64
WARM_AFTER = 500  # executions
MAX_INSTANCES = 1 << 31  # wasmtime's own limit is 10,000
KEEP_COMPILED = 8  # kernels in the cache directory: those of other versions and environments, within reason

_Invoke = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p
)
_invoke = _Invoke(ctypes.cast(ffi.dll.wasmtime_func_call_unchecked, ctypes.c_void_p).value or 0)
_Callback = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_no_finalizer = ctypes.cast(ctypes.c_void_p(), ctypes.CFUNCTYPE(None, ctypes.c_void_p))

_RAW_PARAM = {"i32": "q8x", "i64": "q8x", "f64": "d8x"}
_RAW_RESULT = {"i32": "i12x", "i64": "q8x", "f64": "d8x"}
_ERROR_RECORD = struct.Struct("<iiI")
_I32 = struct.Struct("<i")


class WasmtimeInstance:
    """A loaded Program (hosts/base.py `Instance`)."""

    __slots__ = ("data", "heat", "program", "step")

    def __init__(self, program: Program, step: Callable[[int], int], data: int, heat: int) -> None:
        self.program = program
        self.step = step
        self.data = data
        self.heat = heat


class WasmtimeHost:
    """See hosts/base.py for what each public method promises."""

    def __init__(self, kernel: bytes, files: FileTable | None = None) -> None:
        """Compile (or fetch from the cache) and instantiate `kernel`."""
        self.lock = threading.RLock()
        self._pausing = threading.Condition(self.lock)
        self.files = files or FileTable()
        self._engine = _engine("baseline")
        self._store = wasmtime.Store(self._engine)
        self._store.set_limits(instances=MAX_INSTANCES)
        self._context = ctypes.cast(self._store._context(), ctypes.c_void_p).value or 0
        self._buffer = ctypes.create_string_buffer(SLOT * MAX_SLOTS)
        self._trap = ctypes.c_void_p()
        self._pending: BaseException | None = None
        self._callbacks: list[Any] = []
        self._callback_code: CodeType | None = None
        self._called: list[wasmtime.Func] = []
        self._instances: dict[tuple[bytes, bytes], WasmtimeInstance] = {}
        self._modules: dict[bytes, wasmtime.Module] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        module = compiled(self._engine, kernel)
        imports = [self._import(item) for item in module.imports]
        exports = wasmtime.Instance(self._store, module, imports).exports(self._store)
        self._exports: dict[str, Any] = {str(name): exports[str(name)] for name in exports}
        self._memory = self._exports["memory"]
        self._view = memoryview(b"")
        self._size = 0
        self._look_at_memory()
        self._stack_floor = self._exports["stack_pointer"].value(self._store)
        self._error_record = self.function("error_record")
        self._error_clear = self.function("error_clear")
        self._malloc = self.function("malloc")

    def pause(self, seconds: float) -> None:
        """Give up the lock, however often it is held, for a while."""
        self._pausing.wait(seconds)

    # --- calling ------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., Any]:
        """A kernel export; failures clear the error record."""
        found = self._functions.get(name)
        if found is None:
            item = self._exports[name]
            if not isinstance(item, wasmtime.Func):
                raise KeyError(name)
            found = self._functions[name] = self._prepare(item, self._call_failed)
        return found

    def _prepare(self, function: wasmtime.Func, failed: Callable[[int], None]) -> Callable[..., Any]:
        """Wrap a wasm function: pack the arguments into the raw buffer, call, unpack (W1)."""
        kind = function.type(self._store)
        params, results = [str(t) for t in kind.params], [str(t) for t in kind.results]
        pack = struct.Struct("<" + "".join(_RAW_PARAM[t] for t in params)).pack_into
        unpack = struct.Struct("<" + "".join(_RAW_RESULT[t] for t in results)).unpack_from
        buffer, at = self._buffer, ctypes.addressof(self._buffer)
        context, target, n = self._context, ctypes.addressof(function._func), max(len(params), len(results))
        trap, trap_at, invoke = self._trap, ctypes.addressof(self._trap), _invoke

        def call_many(*args: float) -> Any:
            pack(buffer, 0, *args)
            error = invoke(context, target, at, n, trap_at)
            if error or trap.value:
                failed(error)
            return unpack(buffer, 0)

        def call_one(*args: float) -> Any:
            pack(buffer, 0, *args)
            error = invoke(context, target, at, n, trap_at)
            if error or trap.value:
                failed(error)
            return unpack(buffer, 0)[0]

        def call_none(*args: float) -> None:
            pack(buffer, 0, *args)
            error = invoke(context, target, at, n, trap_at)
            if error or trap.value:
                failed(error)

        self._called.append(function)  # `target` points into it
        calls: tuple[Callable[..., Any], ...] = (call_none, call_one, call_many)
        return calls[min(len(results), 2)]

    def _call_failed(self, error: int) -> None:
        try:
            self._failed(error)
        finally:
            self._error_clear()

    def _failed(self, error: int) -> None:
        """Turn the trap of the call that just returned into an exception (H2). Always raises."""
        if error:  # an exception in a callback comes as an error, a trap of wasm code as a trap
            failure = ctypes.cast(ctypes.c_void_p(error), ctypes.POINTER(ffi.wasmtime_error_t))
            evidence = str(wasmtime.WasmtimeError._from_ptr(failure))
        else:
            trap = ctypes.cast(ctypes.c_void_p(self._trap.value), ctypes.POINTER(ffi.wasm_trap_t))
            self._trap.value = None
            evidence = str(wasmtime.Trap._from_ptr(trap))
        self._exports["stack_pointer"].set_value(self._store, self._stack_floor)
        pending, self._pending = self._pending, None
        record = address(self._error_record())
        code, size, text = self.unpack(_ERROR_RECORD, record)
        if pending is None and code not in (0, SQLITE_INTERNAL):
            raise SqlError(code, self.read(text, size).decode("utf-8", "replace"))
        self.pack(_I32, record + ErrorRecord.offset("code"), SQLITE_INTERNAL)
        if pending is not None:
            raise pending
        raise InternalError("the kernel trapped", stage="kernel", evidence=evidence)

    # --- Programs -----------------------------------------------------------------------------------------------

    def load(self, program: Program) -> WasmtimeInstance:
        """Compile and instantiate, or find the instance of an equal Program (W3)."""
        key = (program.wasm, program.data)
        found = self._instances.get(key)
        if found is None:
            found = self._instances[key] = self._instantiate(program)
        return found

    def _instantiate(self, program: Program) -> WasmtimeInstance:
        data = 0
        if program.data:
            data = address(self._malloc(len(program.data)))
            self.write(data, program.data)
        if program.loops == "through":
            return WasmtimeInstance(program, self._link(self._optimized(program), program, data), data, -1)
        return WasmtimeInstance(program, self._link(self._module(program), program, data), data, WARM_AFTER)

    def _module(self, program: Program) -> wasmtime.Module:
        """The module as the baseline engine compiles it; Programs that differ only in their data share it."""
        module = self._modules.get(program.wasm)
        if module is None:
            module = self._modules[program.wasm] = wasmtime.Module(self._engine, program.wasm)
        return module

    def warm(self, instance: Instance) -> None:
        """Replace the baseline code of a Program by optimized code (W4)."""
        if isinstance(instance, WasmtimeInstance) and instance.heat >= 0:
            instance.heat = -1
            instance.step = self._link(self._optimized(instance.program), instance.program, instance.data)

    def _optimized(self, program: Program) -> wasmtime.Module:
        """The module as the optimizing engine compiles it."""
        return wasmtime.Module.deserialize(self._engine, wasmtime.Module(_optimizer(), program.wasm).serialize())

    def _link(self, module: wasmtime.Module, program: Program, data: int) -> Callable[[int], int]:
        """Instantiate a Program's module beside the kernel; its `step`."""
        imports: list[Any] = []
        for space, name in import_names(program.wasm):
            if (space, name) == ("program", "data"):
                signed = data - (1 << 32) if data >> 31 else data
                kind = wasmtime.GlobalType(wasmtime.ValType.i32(), False)
                imports.append(wasmtime.Global(self._store, kind, wasmtime.Val.i32(signed)))
            elif space == "kernel" and name in self._exports:
                imports.append(self._exports[name])
            else:
                raise InternalError(f"a program imports {space}.{name}, which nobody provides", stage="host")
        instance = wasmtime.Instance(self._store, module, imports)
        step = instance.exports(self._store)["step"]
        assert isinstance(step, wasmtime.Func)
        return self._prepare(step, self._failed)

    # --- memory -------------------------------------------------------------------------------------------------

    def _look_at_memory(self) -> None:
        """Make the view cover all of linear memory (W2)."""
        self._size = self._memory.data_len(self._store)
        start = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        self._view = memoryview((ctypes.c_ubyte * self._size).from_address(start)).cast("B")

    def _cover(self, end: int) -> None:
        self._look_at_memory()
        if end > self._size:
            raise IndexError(f"address {end} lies beyond linear memory ({self._size} bytes)")

    def view(self, at: int, size: int) -> memoryview:
        """Linear memory itself, valid until something is freed there."""
        if at + size > self._size:
            self._cover(at + size)
        return self._view[at : at + size]

    def read(self, at: int, size: int) -> bytes:
        """Copy bytes out."""
        if at + size > self._size:
            self._cover(at + size)
        return self._view[at : at + size].tobytes()

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes in."""
        end = at + len(data)
        if end > self._size:
            self._cover(end)
        self._view[at:end] = data

    def unpack(self, layout: struct.Struct, at: int) -> tuple[Any, ...]:
        """Read a structure."""
        if at + layout.size > self._size:
            self._cover(at + layout.size)
        return layout.unpack_from(self._view, at)

    def pack(self, layout: struct.Struct, at: int, *values: Any) -> None:
        """Write a structure."""
        if at + layout.size > self._size:
            self._cover(at + layout.size)
        layout.pack_into(self._view, at, *values)

    # --- Ctrl-C -------------------------------------------------------------------------------------------------

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGINT (W5): KeyboardInterrupt at once, or, in a callback, as soon as the kernel is left."""
        caller = frame
        while caller is not None:
            if caller.f_code is self._callback_code:
                self._pending = KeyboardInterrupt()
                return
            caller = caller.f_back
        signal.default_int_handler(number, frame)

    # --- imports ------------------------------------------------------------------------------------------------

    def _import(self, item: wasmtime.ImportType) -> wasmtime.Func:
        """The host function for an import of the kernel."""
        kind = item.type
        handler = self._handlers().get((item.module, str(item.name)))
        if handler is None or not isinstance(kind, wasmtime.FuncType):
            raise InternalError(f"the kernel imports {item.module}.{item.name}, which nobody provides", stage="host")
        return self._callback(kind, handler)

    def _callback(self, kind: wasmtime.FuncType, handler: Callable[..., Any]) -> wasmtime.Func:
        """A raw host function: unpack the arguments, call `handler`, store its result; an exception becomes a trap."""
        layout = struct.Struct("<" + "".join(_RAW_RESULT[str(t)] for t in kind.params))
        unpack, slots = layout.unpack_from, ctypes.c_char * max(layout.size, SLOT)
        results = [str(t) for t in kind.results]
        pack = struct.Struct("<" + "".join(_RAW_PARAM[t] for t in results)).pack_into
        returns = bool(results)

        def callback(_env: int, _caller: int, raw: int, _n: int) -> int:
            try:
                if self._pending is None:
                    buffer = slots.from_address(raw)
                    result = handler(*unpack(buffer))
                    if returns:
                        pack(buffer, 0, result)
            except BaseException as error:
                self._pending = error
            if self._pending is None:
                return 0
            return ctypes.cast(wasmtime.Trap("exception in the host")._consume(), ctypes.c_void_p).value or 0

        self._callback_code = callback.__code__
        raw_callback = _Callback(callback)
        self._callbacks.append(raw_callback)
        function = ffi.wasmtime_func_t()
        typed = ctypes.cast(raw_callback, ffi.wasmtime_func_unchecked_callback_t)
        ffi.wasmtime_func_new_unchecked(
            self._store._context(), kind.ptr(), typed, None, _no_finalizer, ctypes.byref(function)
        )
        return wasmtime.Func._from_raw(function)

    def _handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        files = self.files

        def view(at: int, size: int) -> memoryview:
            return self.view(at & 0xFFFFFFFF, size)

        return {
            ("vfs", "vfs_open"): lambda p, n, flags: files.open(view(p, n), flags),
            ("vfs", "vfs_close"): files.close,
            ("vfs", "vfs_delete"): lambda p, n: files.delete(view(p, n)),
            ("vfs", "vfs_exists"): lambda p, n: files.exists(view(p, n)),
            ("vfs", "vfs_read"): lambda fd, p, n, offset: files.read(fd, view(p, n), offset),
            ("vfs", "vfs_write"): lambda fd, p, n, offset: files.write(fd, view(p, n), offset),
            ("vfs", "vfs_truncate"): files.truncate,
            ("vfs", "vfs_sync"): files.sync,
            ("vfs", "vfs_size"): files.size,
            ("vfs", "vfs_lock"): files.lock,
            ("vfs", "vfs_unlock"): files.unlock,
            ("vfs", "vfs_check_reserved"): files.check_reserved,
            ("vfs", "vfs_capabilities"): files.capabilities,
            ("vfs", "host_now"): lambda: time.time() * 1000.0,
            ("vfs", "host_utc_offset"): _utc_offset,
            ("vfs", "host_random"): self._random,
            ("vfs", "host_poll"): lambda: 0,  # being called is enough: Python runs signal handlers
            ("vfs", "host_sleep"): lambda ms: 0,  # the kernel must not wait: all threads share it
        }

    def _random(self, at: int, size: int) -> None:
        self.write(at & 0xFFFFFFFF, os.urandom(size))


def _utc_offset(ms: float) -> int:
    """Seconds east of UTC of local time at a moment (ms since 1970); 0 beyond what the platform knows."""
    try:
        return time.localtime(ms / 1000.0).tm_gmtoff
    except (OverflowError, OSError, ValueError):
        return 0


def _engine(level: str, parallel: bool = False) -> wasmtime.Engine:
    """An engine that compiles as "baseline" or "speed". Each can load what another compiled.

    Programs are small and compiled while somebody waits, in this thread: worker threads cost more than they save.
    """
    config = wasmtime.Config()
    if level == "baseline":
        config.cranelift_opt_level = "none"
        config.cranelift_flag_set("regalloc_algorithm", "single_pass")
    else:
        config.cranelift_opt_level = "speed"
    config.parallel_compilation = parallel
    if sys.maxsize > 1 << 32:
        config.memory_may_move = False
    return wasmtime.Engine(config)


@cache
def _optimizer() -> wasmtime.Engine:
    """The engine that compiles Programs that are worth it."""
    return _engine("speed")


# --- the compiled kernel on disk --------------------------------------------------------------------------------


def cache_directory() -> Path | None:
    """Where compiled kernels are kept; None when there is no safe place.

    Loading a compiled module runs it, so the directory must belong to this user and be writable by nobody else.
    `TURSO_WASM_CACHE` names another place; empty, it turns the cache off.
    """
    chosen = os.environ.get("TURSO_WASM_CACHE")
    if chosen == "":
        return None
    try:
        if chosen:
            path = Path(chosen)
        elif sys.platform == "win32":
            path = Path(os.environ["LOCALAPPDATA"]) / "turso-wasm" / "cache"
        elif sys.platform == "darwin":
            path = Path.home() / "Library" / "Caches" / "turso-wasm"
        else:
            path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turso-wasm"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if _is_private(path) else None
    except (OSError, KeyError, RuntimeError):
        return None


def _is_private(path: Path) -> bool:
    """True when only this user can have written `path`."""
    if not hasattr(os, "getuid"):
        return True
    status = path.lstat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def compiled(engine: wasmtime.Engine, wasm: bytes) -> wasmtime.Module:
    """Compile the kernel for `engine`, or load what an earlier process compiled.

    A cache file is a SHA-256 of what follows, then the serialized module. Anything wrong with it, also that another
    version of wasmtime wrote it: compile again.
    """
    directory = cache_directory()
    path = None
    if directory is not None:
        facts = f"{platform.machine()} {sys.platform}".encode()
        path = directory / f"{hashlib.sha256(facts + wasm).hexdigest()}.cwasm"
        with suppress(OSError, wasmtime.WasmtimeError):
            if _is_private(path):
                stored = path.read_bytes()
                if hashlib.sha256(stored[32:]).digest() == stored[:32]:
                    return wasmtime.Module.deserialize(engine, stored[32:])
    serialized = bytes(wasmtime.Module(_engine("speed", parallel=True), wasm).serialize())
    if path is not None:
        with suppress(OSError):
            _store_atomically(path, serialized)
    return wasmtime.Module.deserialize(engine, serialized)


def _store_atomically(path: Path, serialized: bytes) -> None:
    fd, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(hashlib.sha256(serialized).digest() + serialized)
        os.replace(temporary, path)
        kept = sorted(path.parent.glob("*.cwasm"), key=lambda other: other.stat().st_mtime, reverse=True)
        for old in kept[KEEP_COMPILED:]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


# --- the process's host -----------------------------------------------------------------------------------------

_host: WasmtimeHost | None = None
_host_lock = threading.Lock()


def process_host() -> WasmtimeHost:
    """The one host of this process, made on first use. A forked child makes its own."""
    global _host
    with _host_lock:
        if _host is None:
            _host = WasmtimeHost(kernel_bytes())
            _host.function("poll_set_yields")(1)  # long queries come up for air: signals are handled between slices
        _handle_interrupts(_host)
        return _host


def _handle_interrupts(host: WasmtimeHost) -> None:
    """Take the place of Python's own SIGINT handler, if that is the one in force (W5)."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, host.interrupted)


def kernel_bytes() -> bytes:
    """kernel.wasm as the package carries it; in a source checkout it is built when it is missing or older than its
    sources.
    """
    package = Path(__file__).parents[2]
    wasm = package / "kernel" / "kernel.wasm"
    if (package.parent / "pyproject.toml").exists() and _is_stale(wasm):
        from turso_wasm.kernel import build

        build.ensure_built()
    return wasm.read_bytes()


def _is_stale(wasm: Path) -> bool:
    """True when a source of the kernel or of its compiler is newer than `wasm`, or there is no `wasm`."""
    if not wasm.exists():
        return True
    made = wasm.stat().st_mtime
    package = wasm.parents[1]
    sources = [*package.glob("kernel/*.py"), *package.glob("wasm/**/*.py")]
    return any(path.stat().st_mtime > made for path in sources)


def _forget_host() -> None:
    global _host, _host_lock
    _host, _host_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_host)
