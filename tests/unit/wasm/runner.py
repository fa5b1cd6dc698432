"""Compile a snippet of the subset, or a dsl module, and run it under wasmtime."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import wasmtime

from turso_wasm.wasm.module import Module
from turso_wasm.wasm.subset.program import Compiled, compile_source

ENGINE = wasmtime.Engine()
HEADER = "from turso_wasm.wasm.lang import *\nfrom typing import NoReturn\n"
_serial = itertools.count()
_KIND = {"i32": wasmtime.ValType.i32(), "i64": wasmtime.ValType.i64(), "f64": wasmtime.ValType.f64()}


class Instance:
    """An instance: `instance.name(args)` calls an export."""

    def __init__(self, wasm: bytes, imports: list[Any] | None = None, store: wasmtime.Store | None = None) -> None:
        self.wasm = wasm
        self.store = store or wasmtime.Store(ENGINE)
        module = wasmtime.Module(self.store.engine if store else ENGINE, wasm)
        self._names = {export.name for export in module.exports}
        self.instance = wasmtime.Instance(self.store, module, imports or [])
        self.exports = self.instance.exports(self.store)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            raise AttributeError(name)
        function = self.exports[name]
        return lambda *args: function(self.store, *args)

    def has(self, name: str) -> bool:
        """Whether it exports that name."""
        return name in self._names

    def read(self, address: int, n: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, address, address + n))

    def write(self, address: int, data: bytes) -> None:
        self.exports["memory"].write(self.store, data, address)

    def value(self, name: str) -> Any:
        return self.exports[name].value(self.store)


def compile_text(text: str, debug: bool = False) -> Compiled:
    """Compile a snippet (the header with all names is added); every function is exported."""
    return compile_source(HEADER + text, debug, f"snippet{next(_serial)}", export_all=True)


def run(text: str, debug: bool = False, imports: dict[str, Callable[..., Any]] | None = None) -> Instance:
    """An instance of a snippet; host functions by name."""
    compiled = compile_text(text, debug)
    store = wasmtime.Store(ENGINE)
    functions = []
    for item in compiled.symbols["imports"]:
        type_ = wasmtime.FuncType([_KIND[k] for k in item["params"]], [_KIND[k] for k in item["results"]])
        functions.append(wasmtime.Func(store, type_, (imports or {})[item["name"]]))
    return Instance(compiled.wasm, functions, store)


def run_module(module: Module) -> Instance:
    return Instance(module.encode())
