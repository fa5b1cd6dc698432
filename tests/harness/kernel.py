"""Running kernel routines one by one from tests.

    from tests.harness.kernel import Kernel
    kernel = Kernel(["turso_wasm.kernel.values.number"])          # or Kernel() for the whole kernel
    p = kernel.alloc(b"12.5")                              # bytes somewhere behind the kernel's own memory
    assert kernel.call("text_to_real", p, 4)[0] == 12.5

The kernel is a debug build (assertions on) with every function and global exported; host imports raise unless given as
`imports={"vfs_read": function}` (the function gets plain ints and floats). Built bytes are kept per process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import wasmtime

from turso_wasm.kernel.build import check_build, kernel_modules

_PAGE = 0x10000
_engine: wasmtime.Engine | None = None
_built: dict[tuple[tuple[str, ...], bool], tuple[wasmtime.Module, dict[str, Any]]] = {}


class KernelAssertion(AssertionError):
    """An `assert` of the kernel failed."""


def _compiled(modules: tuple[str, ...], debug: bool = True) -> tuple[wasmtime.Module, dict[str, Any]]:
    global _engine
    if _engine is None:
        _engine = wasmtime.Engine()
    if (modules, debug) not in _built:
        wasm, symbols = check_build(modules, debug)
        _built[modules, debug] = (wasmtime.Module(_engine, wasm), symbols)
    return _built[modules, debug]


class Kernel:
    """One instance of a compiled kernel; debug: with assertions, and painted memory."""

    def __init__(
        self,
        modules: Iterable[str] | None = None,
        imports: Mapping[str, Callable[..., Any]] | None = None,
        debug: bool = True,
    ) -> None:
        module, self.symbols = _compiled(tuple(modules) if modules is not None else tuple(kernel_modules()), debug)
        self.debug = debug
        self.store = wasmtime.Store(module_engine())
        given = dict(imports or {})
        functions = [self._import(item, given) for item in self.symbols["imports"]]
        if given:
            raise ValueError(f"the kernel imports no {', '.join(given)}")
        self.instance = wasmtime.Instance(self.store, module, functions)
        self.exports = self.instance.exports(self.store)
        self.memory: wasmtime.Memory = self.exports["memory"]
        self._next = 0

    def _import(self, item: dict[str, Any], given: dict[str, Callable[..., Any]]) -> wasmtime.Func:
        function = given.pop(item["name"], None)
        if function is None:

            def function(*_args: Any, name: str = item["name"]) -> Any:
                raise NotImplementedError(f"host function {name}")

        kinds = {"i32": wasmtime.ValType.i32(), "i64": wasmtime.ValType.i64(), "f64": wasmtime.ValType.f64()}
        type_ = wasmtime.FuncType([kinds[k] for k in item["params"]], [kinds[k] for k in item["results"]])
        return wasmtime.Func(self.store, type_, function)

    def call(self, name: str, *args: int | float) -> Any:
        """Call an exported function; several results come as a list. Integers may be given unsigned.

        Errors: KernelAssertion with the assertion's text; wasmtime.Trap for other traps.
        """
        spec = self.symbols["functions"][name]
        values = [_signed(value, kind) for value, kind in zip(args, spec["params"], strict=False)]
        if self.debug:
            self.set_global("assert_size", 0)
        try:
            return self.exports[name](self.store, *values, *args[len(values) :])
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            size = self.debug and self.get_global("assert_size")
            if size:
                text = self.read(self.get_global("assert_text"), size).decode()
                raise KernelAssertion(text) from error
            raise

    def read(self, address: int, n: int) -> bytes:
        """n bytes of memory."""
        address &= 0xFFFFFFFF
        return bytes(self.memory.read(self.store, address, address + n))

    def write(self, address: int, data: bytes) -> None:
        """Write bytes to memory."""
        self.memory.write(self.store, data, address & 0xFFFFFFFF)

    def alloc(self, data: bytes | int) -> int:
        """Memory of the tests' own, 16-aligned, in fresh pages the kernel does not manage; holds `data`, or n zeros.

        Only for kernels that do not allocate themselves: an allocator that assumes it owns everything up to the end
        of memory needs its own malloc instead.
        """
        size = data if isinstance(data, int) else len(data)
        end = self.memory.data_len(self.store)
        if self._next == 0 or self._next + size + 16 > end:
            self._next = end
            self.memory.grow(self.store, (size + 16 + _PAGE - 1) // _PAGE)
        address, self._next = self._next, (self._next + size + 31) // 16 * 16
        self.write(address, bytes(size) if isinstance(data, int) else data)
        return address

    def get_global(self, name: str) -> Any:
        """The value of an exported global (mutable globals of kernel modules have their Python names)."""
        return self.exports[name].value(self.store)

    def set_global(self, name: str, value: int | float) -> None:
        """Set an exported global."""
        self.exports[name].set_value(self.store, value)


def module_engine() -> wasmtime.Engine:
    """The engine all test kernels share."""
    assert _engine is not None
    return _engine


def _signed(value: int | float, kind: str) -> int | float:
    """An unsigned 32- or 64-bit integer as wasmtime-py wants it."""
    if isinstance(value, int) and kind in ("i32", "i64"):
        bits = 32 if kind == "i32" else 64
        if value >> (bits - 1) == 1:
            return value - (1 << bits)
    return value
