"""The CPython host: one kernel per process under wasmtime.

Owns the loaded Programs and their tiers of native code, the store the kernel lives in, and the kernel's imports.
hosts/store.py makes the calls, hosts/compiled.py the native code, hosts/lock.py lets threads in.

Invariants (W1, W2 and W5: hosts/store.py):
  W3  Equal Programs share an instance, found by their bytes; the host keeps the KEPT newest ones, whoever needs it
      any others. What is linked in a store is freed with the store, so the kernel moves to a fresh one before there
      are more than MAX_LINKED: only in `load`, when no wasm code runs. Functions got from `function`, and views, are
      good until then. Programs are linked again when they are next run, suspended statements in mid-execution.
  W4  A Program is first compiled by the baseline engine, in half the time, unless it reads many rows for one. Once it
      runs often or long (`warm`) it is compiled again by the optimizing engine, and the new code takes over: what a
      suspended statement needs lies in linear memory, and both come from the same bytes.
  W6  Baseline code keeps every value of a function in a place of its own on the stack, so that what large functions
      keep may not fit. Then optimized code takes over (`shrink`).
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import wasmtime

from turso_wasm.base.errors import SQLITE_NOMEM, SqlError
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import LOG_HEAD_SIZE, LOG_NEXT_SIZE, SHM_HEAD_SIZE
from turso_wasm.runtime.files import FileTable
from turso_wasm.runtime.hosts.base import Instance, address
from turso_wasm.runtime.hosts.compiled import compiled, engine, optimizer, program_store
from turso_wasm.runtime.hosts.lock import KernelLock, is_atomic
from turso_wasm.runtime.hosts.programs import ProgramStore
from turso_wasm.runtime.hosts.store import Handlers, KernelStore
from turso_wasm.runtime.usercode import DirectCalls, UserCalls

WARM_AFTER = 500  # executions
KEPT = 1000  # instances and modules of Programs
TRIM_FROM = 64 << 20  # bytes the kernel has, and does not use
MOST = 80 << 10  # bytes of a function beyond which the optimizing engine may take many seconds
MAX_LINKED = 2000  # instances in a store: at most some 100 KB each

_I32 = struct.Struct("<i")


class WasmtimeInstance:
    """A loaded Program (hosts/base.py `Instance`)."""

    __slots__ = ("__weakref__", "code", "data", "heat", "host", "module", "place", "program", "step")

    step: Callable[[int], int]
    code: wasmtime.Func | None  # the step as it is in the store of now; None: it is not linked there
    place: int  # of the step in the kernel's table; 0: nowhere

    def __init__(self, host: WasmtimeHost, program: Program, module: wasmtime.Module, data: int, heat: int) -> None:
        self.host = host
        self.program = program
        self.module = module
        self.data = data
        self.heat = heat

    def __del__(self) -> None:
        if self.data:
            self.host.later(self.host.free, self.data)


class WasmtimeHost:
    """See hosts/base.py for what each public method promises."""

    def __init__(self, kernel: bytes, files: FileTable | None = None, programs: ProgramStore | None = None) -> None:
        """Compile (or fetch from the cache) and instantiate `kernel`."""
        self.programs = programs
        self.lock = KernelLock()
        self.files = files or FileTable()
        self.user_calls: UserCalls = DirectCalls(self, lambda: self._store.view)
        self._moving = threading.RLock()  # held while the kernel's memory is copied
        self._engine = engine("baseline")
        self._kernel = compiled(self._engine, kernel)
        self._linked: weakref.WeakSet[WasmtimeInstance] = weakref.WeakSet()
        self._instances: OrderedDict[tuple[bytes, bytes], WasmtimeInstance] = OrderedDict()
        self._modules: OrderedDict[bytes, wasmtime.Module] = OrderedDict()
        self._settle(KernelStore(self._engine, self._kernel, self._handlers(), self.user_calls))

    def _settle(self, store: KernelStore) -> None:
        """Live in `store` from now on."""
        self._store = store
        self.function = store.function
        self.read = store.read
        self.run = store.run
        self.count = store.count
        self.unpack = store.unpack
        self.pack = store.pack

    def pause(self, seconds: float) -> None:
        """Give up the lock, however often it is held, for a while."""
        if self.user_calls.stack:
            time.sleep(seconds)  # H7
        else:
            self.lock.pause(partial(time.sleep, seconds))

    def give_way(self) -> None:
        """Let in who waits for the lock."""
        if not self.user_calls.stack:
            self.lock.give_way()

    def later(
        self,
        action: Callable[..., object],
        *arguments: object,
        is_finalizing: Callable[[], bool] = sys.is_finalizing,
    ) -> None:
        """See hosts/base.py. A host that is garbage itself has nothing left to give back, nor has a process that ends:
        names of modules mean nothing any more then.
        """
        if not is_finalizing() and self._store.is_open():
            self.lock.later(partial(action, *arguments))

    def trim(self) -> None:
        """Give memory back to the system, if the kernel has much that it does not use."""
        if sys.is_finalizing():
            return  # nothing can be imported any more, and all memory goes back
        if not self.user_calls.stack and self._store.size - address(self.function("memory_used")()) > TRIM_FROM:
            from turso_wasm.runtime.hosts.trim import trim

            self._store.cover(0)
            trim(self._store)

    def free(self, at: int) -> None:
        """Free memory that `malloc` gave."""
        self.function("mfree")(at)

    # --- Programs -----------------------------------------------------------------------------------------------

    def load(self, program: Program, native: bytes = b"") -> WasmtimeInstance:
        """Compile and instantiate, or find the instance of an equal Program (W3)."""
        key = (program.wasm, program.data)
        found = self._instances.get(key)
        if found is None:
            if self._store.n_linked >= MAX_LINKED and not self.user_calls.stack:
                self.move()
            found = self._instances[key] = self._instantiate(program, native)
            if len(self._instances) > KEPT:
                self._instances.popitem(last=False)
        else:
            self._instances.move_to_end(key)
        return found

    def native(self, instance: Instance) -> bytes:
        """The code of now."""
        return bytes(instance.module.serialize()) if isinstance(instance, WasmtimeInstance) else b""

    def _instantiate(self, program: Program, native: bytes) -> WasmtimeInstance:
        hot = program.loops == "through"
        try:
            module = self._module(native) if native else None
            if module is None:
                module = self._optimized(program) if hot else self._baseline(program)
        except wasmtime.WasmtimeError as error:
            raise _no_room(error) from None
        data = 0
        if program.data:
            data = address(self.function("malloc")(len(program.data)))
            self.write(data, program.data)
        made = WasmtimeInstance(self, program, module, data, -1 if hot else WARM_AFTER)
        self._link(made, module)
        return made

    def _module(self, native: bytes) -> wasmtime.Module | None:
        """Code that another process made; None: of another wasmtime, for another processor."""
        with suppress(wasmtime.WasmtimeError):
            return wasmtime.Module.deserialize(self._engine, native)
        return None

    def _baseline(self, program: Program) -> wasmtime.Module:
        """The module as the baseline engine compiles it; Programs that differ only in their data share it."""
        module = self._modules.get(program.wasm)
        if module is None:
            module = self._modules[program.wasm] = wasmtime.Module(self._engine, program.wasm)
            if len(self._modules) > KEPT:
                self._modules.popitem(last=False)
        return module

    def _optimized(self, program: Program) -> wasmtime.Module:
        """The module as the optimizing engine compiles it."""
        return wasmtime.Module.deserialize(self._engine, wasmtime.Module(optimizer(), program.wasm).serialize())

    def warm(self, instance: Instance) -> None:
        """Replace the baseline code of a Program by optimized code (W4); without room for it, it stays as it is."""
        if isinstance(instance, WasmtimeInstance) and instance.heat >= 0:
            instance.heat = -1
            with suppress(wasmtime.WasmtimeError, SqlError):
                self._link(instance, self._optimized(instance.program))

    def shrink(self, instance: Instance) -> bool:
        """Optimized code takes little stack (W6), but of a very large function takes too long to make."""
        if not isinstance(instance, WasmtimeInstance) or instance.heat < 0:
            return False
        from turso_wasm.wasm.reader import read_module

        offsets = [function.offsets for function in read_module(instance.program.wasm).functions if function.offsets]
        if max(each[-1] - each[0] for each in offsets) > MOST:
            return False
        self.warm(instance)
        return True

    def _link(self, instance: WasmtimeInstance, module: wasmtime.Module) -> None:
        """Link a Program into the store, with this code. Errors: SqlError SQLITE_NOMEM, and all is as before."""
        try:
            step, code = self._store.link(module, instance.program.wasm, instance.data)
        except wasmtime.WasmtimeError as error:
            raise _no_room(error) from None
        instance.step, instance.module = step, module
        instance.code, instance.place = code, 0
        self._linked.add(instance)

    def move(self) -> None:
        """Move the kernel to a fresh store, without what was linked in the old one (W3).

        Only between calls of the kernel. Errors: SqlError SQLITE_NOMEM, and nothing was moved.
        """
        fresh = KernelStore(self._engine, self._kernel, self._handlers(), self.user_calls)
        with self._moving:
            old = self._store
            fresh.adopt(old)
            self._settle(fresh)
        for instance in self._linked:
            instance.step = partial(self._first_step, weakref.ref(instance))
            instance.code, instance.place = None, 0
        self._linked.clear()
        old.retire()

    def _first_step(self, instance: weakref.ref[WasmtimeInstance], statement: int) -> int:
        """The `step` of a Program that is not linked in the store of now: link it, and step."""
        found = instance()
        assert found is not None, "who steps it has it"
        self._link_again(found)
        return found.step(statement)

    def _link_again(self, instance: WasmtimeInstance) -> wasmtime.Func:
        try:
            self._link(instance, instance.module)
        except SqlError as error:
            self._store.record(error.code)  # as if the step had failed (H3)
            raise
        assert instance.code is not None
        return instance.code

    def repeat(self, instance: Instance, statement: int, sets: int, n: int, done: int) -> int:
        """See hosts/base.py."""
        assert isinstance(instance, WasmtimeInstance)
        if not instance.place:
            instance.place = self._store.place(instance.code or self._link_again(instance))
        return self._store.repeat(statement, instance.place, sets, n, done)

    # --- memory -------------------------------------------------------------------------------------------------

    def view(self, at: int, size: int) -> memoryview:
        """Linear memory itself, valid until something is freed there."""
        store = self._store
        if at + size > store.size:
            store.cover(at + size)
        return store.view[at : at + size]

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes in."""
        store = self._store
        end = at + len(data)
        if end > store.size:
            store.cover(end)
        store.view[at:end] = data

    def post(self, at: int, value: int) -> None:
        """Write an i32; from any thread, without the lock."""
        with self._moving:
            self.pack(_I32, at, value)

    # --- Ctrl-C -------------------------------------------------------------------------------------------------

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGINT: KeyboardInterrupt at once, or, in a callback, as soon as the kernel is left (W5)."""
        if frame is not None and is_atomic(frame.f_code):
            signal.raise_signal(number)  # once more, when that function is left
            return
        caller = frame
        while caller is not None:
            if caller.f_code is UserCalls.call.__code__:
                break  # in code of the user's an exception is what it gives
            if self._store.stopped_in(caller.f_code):
                self._store.pending = KeyboardInterrupt()
                return
            caller = caller.f_back
        signal.default_int_handler(number, frame)

    # --- imports ------------------------------------------------------------------------------------------------

    def _handlers(self) -> Handlers:
        files, calls = self.files, self.user_calls

        def view(at: int, size: int) -> memoryview:
            at &= 0xFFFFFFFF
            end, store = at + size, self._store
            if end > store.size:
                store.cover(end)
            return store.view[at:end]

        return {
            ("user", "user_call"): calls.call,
            ("user", "user_take"): calls.take,
            ("user", "user_drop"): calls.drop,
            ("vfs", "vfs_open"): lambda p, n, flags: files.open(view(p, n), flags),
            ("vfs", "vfs_locate"): lambda p, n, near, size, flags, out, room: files.locate(
                view(p, n), view(near, size), flags, view(out, room)
            ),
            ("vfs", "vfs_close"): files.close,
            ("vfs", "vfs_delete"): lambda p, n, durable: files.delete(view(p, n), durable),
            ("vfs", "vfs_exists"): lambda p, n: files.exists(view(p, n)),
            ("vfs", "vfs_read"): lambda fd, p, n, offset: files.read(fd, view(p, n), offset),
            ("vfs", "vfs_begin"): lambda fd, name, size, p, n, offset: files.begin(
                fd, lambda: view(name, size), view(p, n), offset
            ),
            ("vfs", "vfs_begin_log"): lambda fd, log, name, size, p, offset: files.begin_log(
                fd, log, lambda: view(name, size), view(p, LOG_HEAD_SIZE + LOG_NEXT_SIZE), offset
            ),
            ("vfs", "vfs_write"): lambda fd, p, n, offset: files.write(fd, view(p, n), offset),
            ("vfs", "vfs_truncate"): files.truncate,
            ("vfs", "vfs_sync"): files.sync,
            ("vfs", "vfs_size"): files.size,
            ("vfs", "vfs_lock"): files.lock,
            ("vfs", "vfs_unlock"): files.unlock,
            ("vfs", "vfs_check_reserved"): files.check_reserved,
            ("vfs", "vfs_moved"): files.moved,
            ("vfs", "vfs_shm_open"): files.shm_open,
            ("vfs", "vfs_shm_close"): files.shm_close,
            ("vfs", "vfs_shm_lock"): files.shm_lock,
            ("vfs", "vfs_shm_begin"): lambda fd, which, how, p: files.shm_begin(fd, which, how, view(p, SHM_HEAD_SIZE)),
            ("vfs", "vfs_shm_read"): lambda fd, p, n, offset: files.shm_read(fd, view(p, n), offset),
            ("vfs", "vfs_shm_write"): lambda fd, p, n, offset: files.shm_write(fd, view(p, n), offset),
            ("vfs", "vfs_capabilities"): files.capabilities,
            ("vfs", "host_now"): lambda: time.time() * 1000.0,
            ("vfs", "host_clock"): lambda: time.perf_counter() * 1000.0,
            ("vfs", "host_utc_offset"): _utc_offset,
            ("vfs", "host_random"): self._random,
            ("vfs", "host_poll"): lambda: 0,  # being called is enough: Python runs signal handlers
            ("vfs", "host_sleep"): lambda ms: 0,  # the kernel must not wait: all threads share it
        }

    def _random(self, at: int, size: int) -> None:
        self.write(at & 0xFFFFFFFF, os.urandom(size))


def _no_room(error: wasmtime.WasmtimeError) -> SqlError:
    """What it means that a module could not be compiled or instantiated: the process has no memory for it."""
    made = SqlError(SQLITE_NOMEM, "out of memory")
    made.add_note(str(error))
    return made


def _utc_offset(ms: float) -> int:
    """Seconds east of UTC of local time at a moment (ms since 1970); 0 beyond what the platform knows."""
    try:
        return time.localtime(ms / 1000.0).tm_gmtoff
    except (OverflowError, OSError, ValueError):
        return 0


# --- the process's host -----------------------------------------------------------------------------------------

_host: WasmtimeHost | None = None
_host_lock = threading.Lock()


def process_host() -> WasmtimeHost:
    """The one host of this process, made on first use. A forked child makes its own."""
    global _host
    with _host_lock:
        if _host is None:
            _host = WasmtimeHost(kernel_bytes(), programs=program_store(Path(__file__).parents[2]))
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
    sources = [*package.glob("kernel/**/*.py"), *package.glob("wasm/**/*.py")]
    return any(path.stat().st_mtime > made for path in sources)


def _forget_host() -> None:
    global _host, _host_lock
    _host, _host_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_host)
