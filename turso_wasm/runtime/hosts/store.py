"""A wasmtime store: one instance of the kernel with its memory, and the Programs linked beside it.

`wasmtime-py`'s own call path costs 30 µs a call and 21 µs a callback; through `wasmtime_func_call_unchecked` and
`wasmtime_func_new_unchecked` with prepared buffers it is about 1 µs each way.

What a store holds is freed with the store, and not before. So the host moves on when too much of it is of no use any
more: `adopt` makes the kernel of a fresh store the one of another store. Its state is its memory and its mutable
globals; the function table is the same in every instance, and Programs have no state of their own.

Invariants:
  W1  A raw value is 16 bytes, little-endian. Integers are packed as 64 bits: an i32 parameter is its low half.
  W2  The linear memory never moves (`memory_may_move` is off), so a view of it stays right for what it covers; it is
      made anew when something lies beyond its end. A view keeps the wasmtime store alive, whoever holds it.
  W5  No exception may leave a callback: ctypes would hand wasmtime an undefined trap. What a handler raises is kept
      and becomes a trap; but a signal handler runs before the first line of a callback, where nothing can catch what
      it raises. So Python's SIGINT handler is replaced by one that does not raise there (`stopped_in`).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from contextlib import suppress
from types import CodeType
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime._extern import wrap_extern

from turso_wasm.base.errors import SQLITE_NOMEM, InternalError, SqlError, StackError
from turso_wasm.kernel.abi import DONE, YIELD, ErrorRecord
from turso_wasm.runtime.hosts.base import SQLITE_INTERNAL, Taken, address
from turso_wasm.runtime.hosts.sections import import_names
from turso_wasm.runtime.layout import BUFFERS, BUFFERS_AT, I64, STATEMENT_CHANGES_AT
from turso_wasm.runtime.usercode import UserCalls

RAW_VALUE = 16  # bytes of a raw value
MAX_RAW_VALUES = 64
MAX_PLACES = 64  # where the arguments of a callback were
MAX_INSTANCES = 1 << 31  # wasmtime's own limit is 10,000
PAGE = 65536
MOVED_AT_ONCE = 16 * PAGE  # bytes

Handlers = dict[tuple[str, str], Callable[..., Any]]

# Arguments are given as what ctypes makes of them in the end, made once for all calls: that halves the cost of a call.
_invoke = ctypes.CFUNCTYPE(ctypes.c_size_t)(
    ctypes.cast(ffi.dll.wasmtime_func_call_unchecked, ctypes.c_void_p).value or 0
)
_Callback = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)  # and their number
_no_finalizer = ctypes.cast(ctypes.c_void_p(), ctypes.CFUNCTYPE(None, ctypes.c_void_p))

_RAW_PARAM = {"i32": "q8x", "i64": "q8x", "f64": "d8x"}
_RAW_RESULT = {"i32": "i12x", "i64": "q8x", "f64": "d8x"}
_ERROR_RECORD = struct.Struct("<iiI")
_I32 = struct.Struct("<i")
_unpack_buffers, _pack_buffers = BUFFERS.unpack_from, BUFFERS.pack_into
_unpack_changes = I64.unpack_from


class Exports(dict[str, Any]):
    """What an instance exports, by name; wrapped when it is asked for. KeyError: no such export."""

    def __init__(self, store: wasmtime.Store, instance: wasmtime.Instance) -> None:
        super().__init__()
        self._store, self._instance = store, instance

    def __missing__(self, name: str) -> Any:
        item, raw = ffi.wasmtime_extern_t(), name.encode()
        found = ffi.wasmtime_instance_export_get(
            self._store._context(),
            ctypes.byref(self._instance._instance),
            ctypes.create_string_buffer(raw),
            len(raw),
            ctypes.byref(item),
        )
        if not found:
            raise KeyError(name)
        made = self[name] = wrap_extern(item)
        return made

    def has(self, name: str) -> bool:
        """Whether there is one of that name."""
        with suppress(KeyError):
            return self[name] is not None
        return False


class KernelStore:
    """See the module docstring. `view` covers linear memory as far as it was looked at, `size` bytes."""

    def __init__(
        self,
        engine: wasmtime.Engine,
        kernel: wasmtime.Module,
        handlers: Handlers,
        calls: UserCalls,
    ) -> None:
        """Instantiate `kernel`. handlers: its imports, by (module, name)."""
        self.calls = calls
        self.store = wasmtime.Store(engine)
        self.store.set_limits(instances=MAX_INSTANCES)
        self.n_linked = 0
        self.pending: BaseException | None = None  # raised in a callback, to be raised when the kernel is left
        self._callback_code: set[CodeType] = set()
        self._context = ctypes.cast(self.store._context(), ctypes.c_void_p).value or 0
        self._buffer = ctypes.create_string_buffer(RAW_VALUE * MAX_RAW_VALUES)
        self._trap = ctypes.c_void_p()
        self._callbacks: list[Any] = []
        self._called: list[wasmtime.Func] = []
        self._functions: dict[str, Callable[..., Any]] = {}
        self._repeat: Callable[..., Any] | None = None
        imports = [self._import(item, handlers) for item in kernel.imports]
        self.kernel = kernel
        self.exports = Exports(self.store, wasmtime.Instance(self.store, kernel, imports))
        self._memory = self.exports["memory"]
        self.view = memoryview(b"")
        self.size = 0
        self._look_at_memory()
        self._initialized = self.size
        self._stack_floor = self.exports["stack_pointer"].value(self.store)
        self._error_record = self.function("error_record")
        self._error_clear = self.function("error_clear")

    # --- moving -------------------------------------------------------------------------------------------------

    def adopt(self, old: KernelStore) -> None:
        """Go on where the kernel of `old` is, outside of any call of it.

        Errors: SqlError SQLITE_NOMEM; `old` is as before.
        """
        old._look_at_memory()
        if old.size > self.size:
            self._grow(old.size - self.size)
        for at in range(0, old.size, MOVED_AT_ONCE):
            piece = old.view[at : at + MOVED_AT_ONCE].tobytes()
            if at < self._initialized or piece.count(0) != len(piece):  # untouched memory stays so
                self.view[at : at + len(piece)] = piece
        for item in self.kernel.exports:
            if isinstance(item.type, wasmtime.GlobalType) and item.type.mutable:
                self.exports[item.name].set_value(self.store, old.exports[item.name].value(old.store))

    def retire(self) -> None:
        """Let go of everything, so that the store goes with its last view."""
        self._functions, self._callbacks, self._called = {}, [], []
        self._repeat = None
        self.view = memoryview(b"")
        del self.store, self.exports, self._memory, self._error_record, self._error_clear

    def is_open(self) -> bool:
        """False once the store was freed, as part of a garbage cycle."""
        try:
            self.store.ptr()
        except ValueError:
            return False
        return True

    def _grow(self, size: int) -> None:
        try:
            self._memory.grow(self.store, size // PAGE)
        except wasmtime.WasmtimeError:
            raise SqlError(SQLITE_NOMEM, "out of memory") from None
        self._look_at_memory()

    # --- calling ------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., Any]:
        """A kernel export; failures clear the error record. KeyError: no such export."""
        found = self._functions.get(name)
        if found is None:
            item = self.exports[name]
            if not isinstance(item, wasmtime.Func):
                raise KeyError(name)
            found = self._functions[name] = self._prepare(item, self._call_failed)
        return found

    def _prepare(self, function: wasmtime.Func, failed: Callable[[int], None]) -> Callable[..., Any]:
        """Wrap a wasm function: pack the arguments into the raw buffer, call, unpack (W1)."""
        kind = function.type(self.store)
        params, results = [str(t) for t in kind.params], [str(t) for t in kind.results]
        pack = struct.Struct("<" + "".join(_RAW_PARAM[t] for t in params)).pack_into
        unpack = struct.Struct("<" + "".join(_RAW_RESULT[t] for t in results)).unpack_from
        buffer, trap, invoke = self._buffer, self._trap, _invoke
        given = (
            ctypes.byref(ctypes.c_char.from_address(self._context)),
            ctypes.byref(function._func),
            ctypes.byref(buffer),
            ctypes.c_size_t.from_param(max(len(params), len(results))),
            ctypes.byref(trap),
        )

        def call_many(*args: float) -> Any:
            pack(buffer, 0, *args)
            error = invoke(*given)
            if error or trap.value:
                failed(error)
            return unpack(buffer, 0)

        def call_one(*args: float) -> Any:
            pack(buffer, 0, *args)
            error = invoke(*given)
            if error or trap.value:
                failed(error)
            return unpack(buffer, 0)[0]

        def call_none(*args: float) -> None:
            pack(buffer, 0, *args)
            error = invoke(*given)
            if error or trap.value:
                failed(error)

        self._called.append(function)
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
        stack = self.calls.stack
        floor = stack[-1][0] if stack else self._stack_floor
        self.exports["stack_pointer"].set_value(self.store, floor)
        pending, self.pending = self.pending, None
        code, size, text = self.unpack(_ERROR_RECORD, address(self._error_record()))
        cause = self.calls.take_failure()
        if cause is not None and not isinstance(cause, Exception):
            raise cause
        if pending is None and code not in (0, SQLITE_INTERNAL):
            raise SqlError(code, self.read(text, size).decode("utf-8", "replace")) from cause
        self.record(SQLITE_INTERNAL)
        if pending is not None:
            raise pending
        kind = StackError if "call stack exhausted" in evidence else InternalError
        raise kind("the kernel trapped", stage="kernel", evidence=evidence)

    def record(self, code: int) -> None:
        """Put a result code into the kernel's error record."""
        self.pack(_I32, address(self._error_record()) + ErrorRecord.offset("code"), code)

    # --- Programs -----------------------------------------------------------------------------------------------

    def link(self, module: wasmtime.Module, wasm: bytes, data: int) -> tuple[Callable[[int], int], wasmtime.Func]:
        """Instantiate a Program's module beside the kernel; its `step`, to call and as it is.

        wasm: what `module` was compiled from. data: the address of the Program's data.
        Errors: InternalError; wasmtime.WasmtimeError when the process has no room for it.
        """
        imports: list[Any] = []
        for space, name in import_names(wasm):
            if (space, name) == ("program", "data"):
                signed = data - (1 << 32) if data >> 31 else data
                kind = wasmtime.GlobalType(wasmtime.ValType.i32(), False)
                imports.append(wasmtime.Global(self.store, kind, wasmtime.Val.i32(signed)))
            elif space == "kernel" and self.exports.has(name):
                imports.append(self.exports[name])
            else:
                raise InternalError(f"a program imports {space}.{name}, which nobody provides", stage="host")
        instance = wasmtime.Instance(self.store, module, imports)
        self.n_linked += 1
        step = Exports(self.store, instance)["step"]
        assert isinstance(step, wasmtime.Func)
        return self._prepare(step, self._failed), step

    def place(self, function: wasmtime.Func) -> int:
        """Where a function is in the kernel's table from now on."""
        place: int = self.exports["table"].grow(self.store, 1, function)
        return place

    def repeat(self, statement: int, place: int, sets: int, n: int, done: int) -> int:
        """statement_repeat, which fails as a step does."""
        if self._repeat is None:
            self._repeat = self._prepare(self.exports["statement_repeat"], self._failed)
        status: int = self._repeat(statement, place, sets, n, done)
        return status

    # --- memory -------------------------------------------------------------------------------------------------

    def _look_at_memory(self) -> None:
        """Make the view cover all of linear memory (W2)."""
        size = self._memory.data_len(self.store)
        cells = (ctypes.c_ubyte * size).from_address(ctypes.addressof(self._memory.data_ptr(self.store).contents))
        cells.store = self.store
        self.view, self.size = memoryview(cells).cast("B"), size

    def cover(self, end: int) -> None:
        """Make the view reach to `end`. IndexError when memory does not."""
        self._look_at_memory()
        if end > self.size:
            raise IndexError(f"address {end} lies beyond linear memory ({self.size} bytes)")

    def read(self, at: int, size: int) -> bytes:
        """Copy bytes out."""
        if at + size > self.size:
            self.cover(at + size)
        return self.view[at : at + size].tobytes()

    def run(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> Taken:
        """See hosts/base.py."""
        if block:
            end = at + len(block)
            if end > self.size:
                self.cover(end)
            self.view[at:end] = block
        status = step(statement)
        if status == YIELD:
            return YIELD, b"", b"", 0
        at = statement + BUFFERS_AT
        view = self.view
        rows, used, capacity, _, limit, heap, heap_used, heap_capacity, not_ascii = _unpack_buffers(view, at)
        if not used:
            return status, b"", b"", 0
        _pack_buffers(view, at, rows, 0, capacity, 0, limit, heap, 0, heap_capacity, 0)
        if rows + used > self.size or heap + heap_used > self.size:
            self.cover(max(rows + used, heap + heap_used))
            view = self.view
        return status, view[rows : rows + used].tobytes(), view[heap : heap + heap_used].tobytes(), not_ascii

    def count(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> int:
        """See hosts/base.py."""
        end = at + len(block)
        if end > self.size:
            self.cover(end)
        self.view[at:end] = block
        if step(statement) != DONE:
            return -1
        changed: int = _unpack_changes(self.view, statement + STATEMENT_CHANGES_AT)[0]
        return changed

    def unpack(self, layout: struct.Struct, at: int) -> tuple[Any, ...]:
        """Read a structure."""
        if at + layout.size > self.size:
            self.cover(at + layout.size)
        return layout.unpack_from(self.view, at)

    def pack(self, layout: struct.Struct, at: int, *values: Any) -> None:
        """Write a structure."""
        if at + layout.size > self.size:
            self.cover(at + layout.size)
        layout.pack_into(self.view, at, *values)

    # --- imports ------------------------------------------------------------------------------------------------

    def _import(self, item: wasmtime.ImportType, handlers: Handlers) -> wasmtime.Func:
        """The host function for an import of the kernel."""
        kind = item.type
        handler = handlers.get((item.module, str(item.name)))
        if handler is None or not isinstance(kind, wasmtime.FuncType):
            raise InternalError(f"the kernel imports {item.module}.{item.name}, which nobody provides", stage="host")
        return self._callback(kind, handler)

    def _callback(self, kind: wasmtime.FuncType, handler: Callable[..., Any]) -> wasmtime.Func:
        """A raw host function: unpack the arguments, call `handler`, store its result; an exception becomes a trap."""
        layout = struct.Struct("<" + "".join(_RAW_RESULT[str(t)] for t in kind.params))
        unpack, raw_values = layout.unpack_from, ctypes.c_char * max(layout.size, RAW_VALUE)
        results = [str(t) for t in kind.results]
        pack = struct.Struct("<" + "".join(_RAW_PARAM[t] for t in results)).pack_into
        returns = bool(results)
        if not kind.params and not returns:
            return self._bare_callback(kind, handler)

        known: dict[int, Any] = {}  # a few places on the stack

        def callback(_env: int, _caller: int, raw: int) -> int:
            try:
                if self.pending is None:
                    buffer = known.get(raw)
                    if buffer is None:
                        if len(known) > MAX_PLACES:
                            known.clear()
                        buffer = known[raw] = raw_values.from_address(raw)
                    result = handler(*unpack(buffer))
                    if returns:
                        pack(buffer, 0, result)
            except BaseException as error:
                self.pending = error
            if self.pending is None:
                return 0
            return ctypes.cast(wasmtime.Trap("exception in the host")._consume(), ctypes.c_void_p).value or 0

        return self._raw(kind, callback)

    def _bare_callback(self, kind: wasmtime.FuncType, handler: Callable[..., Any]) -> wasmtime.Func:
        """The same for a handler that is given nothing, and gives nothing: the fastest way to call one."""

        def callback(_env: int, _caller: int, _raw: int) -> int:
            try:
                if self.pending is None:
                    handler()
                    if self.pending is None:
                        return 0
            except BaseException as error:
                self.pending = error
            return ctypes.cast(wasmtime.Trap("exception in the host")._consume(), ctypes.c_void_p).value or 0

        return self._raw(kind, callback)

    def _raw(self, kind: wasmtime.FuncType, callback: Callable[[int, int, int], int]) -> wasmtime.Func:
        self._callback_code.add(callback.__code__)
        raw_callback = _Callback(callback)
        self._callbacks.append(raw_callback)
        function = ffi.wasmtime_func_t()
        typed = ctypes.cast(raw_callback, ffi.wasmtime_func_unchecked_callback_t)
        ffi.wasmtime_func_new_unchecked(
            self.store._context(), kind.ptr(), typed, None, _no_finalizer, ctypes.byref(function)
        )
        return wasmtime.Func._from_raw(function)

    def stopped_in(self, code: CodeType) -> bool:
        """Whether `code` is that of a callback, out of which nothing may be raised (W5)."""
        return code in self._callback_code
