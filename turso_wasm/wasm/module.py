"""A WebAssembly module under construction, and its binary encoding.

Owns the sections: types, imports, functions, table, memory, globals, exports, elements, code, data, and the `name`
section: of functions, so that traps show Python names, and for the printers of locals. Does not check function bodies:
the builder (expr.py, dsl.py) does that as they are built.
Source: WebAssembly Core Specification 2.0, chapter 5.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from turso_wasm.base.records import dataclass
from turso_wasm.wasm.dsl import Function
from turso_wasm.wasm.expr import Expr, Global
from turso_wasm.wasm.opcodes import CODE, FUNCREF, sleb, uleb

if TYPE_CHECKING:
    from turso_wasm.wasm.symbols import Symbols

FUNC, TABLE, MEMORY, GLOBAL = 0, 1, 2, 3
Signature = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Callee:
    """A function as the caller sees it: index in the function index space, and its signature."""

    index: int
    params: tuple[int, ...]
    results: tuple[int, ...]
    name: str


class Module:
    """One module. `symbols`: the kernel's symbol table, for calls by name (default: the built kernel's)."""

    def __init__(self, symbols: Symbols | None = None, name: str = "") -> None:
        self.name = name
        self.types: dict[Signature, int] = {}
        self.imports: list[tuple[str, str, int, bytes]] = []
        self.imported: list[Callee] = []
        self.functions: list[Function] = []
        self.globals: list[tuple[Global, bytes]] = []
        self.imported_globals: list[Global] = []
        self.exports: list[tuple[str, int, int]] = []
        self.memory: tuple[int, int | None] | None = None
        self.table: tuple[int, int | None] | None = None
        self.elements: list[tuple[int, list[int]]] = []
        self.data: list[tuple[int, bytes]] = []
        self.frozen = False
        self._symbols = symbols
        self._by_name: dict[str, Callee] = {}
        self._global_by_name: dict[str, Global] = {}

    # --- declarations ----------------------------------------------------------------------------

    def type_index(self, params: Iterable[int], results: Iterable[int]) -> int:
        """The index of a function type, added when new."""
        signature = (tuple(params), tuple(results))
        index = self.types.get(signature)
        if index is None:
            index = self.types[signature] = len(self.types)
        return index

    def import_function(self, module: str, name: str, params: Sequence[int], results: Sequence[int]) -> Callee:
        """Import a function. Errors: RuntimeError after freeze_imports()."""
        if self.frozen:
            raise RuntimeError(f"import of {module}.{name} after freeze_imports()")
        self.imports.append((module, name, FUNC, uleb(self.type_index(params, results))))
        callee = Callee(len(self.imported), tuple(params), tuple(results), name)
        self.imported.append(callee)
        return callee

    def import_memory(self, module: str, name: str, minimum: int = 1, maximum: int | None = None) -> None:
        """Import the memory, of at least `minimum` pages."""
        self.imports.append((module, name, MEMORY, _limits(minimum, maximum)))

    def import_table(self, module: str, name: str, minimum: int = 0, maximum: int | None = None) -> None:
        """Import the function table."""
        self.imports.append((module, name, TABLE, bytes([FUNCREF]) + _limits(minimum, maximum)))

    def import_global(self, module: str, name: str, type_: int, mutable: bool = False) -> Global:
        """Import a global; the result is an expression."""
        if self.globals:
            raise RuntimeError(f"import of global {module}.{name} after a global was defined")
        self.imports.append((module, name, GLOBAL, bytes([type_, mutable])))
        result = Global(len(self.imported_globals), type_, name, mutable)
        self.imported_globals.append(result)
        return result

    def add_global(self, name: str, value: Expr, mutable: bool = True, export: bool = False) -> Global:
        """Define a global with a constant initial value."""
        result = Global(len(self.imported_globals) + len(self.globals), value.type, name, mutable)
        self.globals.append((result, value.code))
        if export:
            self.export(name, GLOBAL, result.index)
        return result

    def set_memory(self, minimum: int, maximum: int | None = None, export: str = "") -> None:
        """Define the memory, in pages of 64 KiB."""
        self.memory = (minimum, maximum)
        if export:
            self.export(export, MEMORY, 0)

    def set_table(self, minimum: int, maximum: int | None = None, export: str = "") -> None:
        """Define the function table."""
        self.table = (minimum, maximum)
        if export:
            self.export(export, TABLE, 0)

    def add_elements(self, offset: int, function_indices: list[int]) -> None:
        """Place functions in the table from `offset` on."""
        self.elements.append((offset, function_indices))

    def add_data(self, address: int, content: bytes) -> None:
        """Place bytes in memory at start-up."""
        self.data.append((address, content))

    def export(self, name: str, kind: int, index: int) -> None:
        """Export an item. Errors: ValueError when the name is taken."""
        if any(name == other for other, _, _ in self.exports):
            raise ValueError(f"{name!r} is exported twice")
        self.exports.append((name, kind, index))

    def function(
        self,
        name: str,
        params: Sequence[tuple[str, int]] = (),
        results: Sequence[int] = (),
        export: bool | str = False,
    ) -> Function:
        """Define a function and return its builder; `export` may be the export's name."""
        result = Function(self, name, params, tuple(results), len(self.functions))
        self.functions.append(result)
        result.export_name = name if export is True else export or ""
        self.type_index(result.param_types, result.results)
        return result

    def freeze_imports(self) -> None:
        """No more function imports from here on: function indices are final, defined functions can be called."""
        self.frozen = True

    # --- calls by name ---------------------------------------------------------------------------

    @property
    def symbols(self) -> Symbols:
        """The kernel's symbol table. Errors: FileNotFoundError when the kernel is not built."""
        if self._symbols is None:
            from turso_wasm.wasm.symbols import Symbols

            self._symbols = Symbols.default()
        return self._symbols

    def callee(self, name: str) -> Callee:
        """The kernel function `name`, imported on first use. Errors: KeyError if the kernel has none."""
        found = self._by_name.get(name)
        if found is None:
            symbol = self.symbols.function(name)
            found = self._by_name[name] = self.import_function("kernel", name, symbol.params, symbol.results)
        return found

    def kernel_global(self, name: str) -> Global:
        """The kernel's global `name`, imported on first use. Errors: KeyError."""
        found = self._global_by_name.get(name)
        if found is None:
            type_, mutable = self.symbols.global_type(name)
            found = self._global_by_name[name] = self.import_global("kernel", name, type_, mutable)
        return found

    # --- encoding --------------------------------------------------------------------------------

    def encode(self, comments: bool = False, local_names: bool = True) -> bytes:
        """The binary, for the printers with the names of locals and (`comments`) f.comment(…) texts in a section."""
        bodies = [function.encode() for function in self.functions]
        sections = [
            (1, [_function_type(signature) for signature in self.types]),
            (2, [_name(mod) + _name(name) + bytes([kind]) + rest for mod, name, kind, rest in self.imports]),
            (3, [uleb(self.type_index(f.param_types, f.results)) for f in self.functions]),
            (4, [bytes([FUNCREF]) + _limits(*self.table)] if self.table else []),
            (5, [_limits(*self.memory)] if self.memory else []),
            (6, [bytes([g.type, g.mutable]) + code + CODE["end"] for g, code in self.globals]),
            (7, [_name(name) + bytes([kind]) + uleb(index) for name, kind, index in self._all_exports()]),
            (9, [_element(offset, indices) for offset, indices in self.elements]),
            (10, [uleb(len(body)) + body for body in bodies]),
            (11, [_data(address, content) for address, content in self.data]),
        ]
        out = [b"\0asm\1\0\0\0"]
        for number, items in sections:
            if items:
                out.append(_section(number, _vector(items)))
        out.append(_section(0, _name("name") + self._names(local_names)))
        if comments:
            out.append(_section(0, _name("comments") + self._comments()))
        return b"".join(out)

    def _all_exports(self) -> list[tuple[str, int, int]]:
        n = len(self.imported)
        own = [(f.export_name, FUNC, n + f.position) for f in self.functions if f.export_name]
        return own + self.exports

    def _names(self, local_names: bool) -> bytes:
        """The name section: module, functions, locals, globals (extended names proposal, subsection 7)."""
        n = len(self.imported)
        functions = [(callee.index, callee.name) for callee in self.imported]
        functions += [(n + f.position, f.name) for f in self.functions]
        local_maps = [
            uleb(n + f.position) + _name_map([(local.index, local.name) for local in f.locals if local.name])
            for f in self.functions
            if local_names and any(local.name for local in f.locals)
        ]
        all_globals = [(g.index, g.name) for g in itertools.chain(self.imported_globals, (g for g, _ in self.globals))]
        out = _section(0, _name(self.name)) if self.name else b""
        out += _section(1, _name_map(functions)) + (_section(2, _vector(local_maps)) if local_maps else b"")
        return out + (_section(7, _name_map(all_globals)) if all_globals else b"")

    def _comments(self) -> bytes:
        """Per function: index, then (offset in the body's instructions, text) pairs."""
        n = len(self.imported)
        return _vector(
            [
                uleb(n + f.position) + _vector([uleb(at) + _name(text) for at, text in f.comments()])
                for f in self.functions
            ]
        )


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + uleb(len(content)) + content


def _vector(items: list[bytes]) -> bytes:
    return uleb(len(items)) + b"".join(items)


@lru_cache(maxsize=4096)  # most are those of the kernel's functions
def _name(text: str) -> bytes:
    encoded = text.encode()
    return uleb(len(encoded)) + encoded


def _name_map(names: list[tuple[int, str]]) -> bytes:
    return _vector([uleb(index) + _name(name) for index, name in names])


def _limits(minimum: int, maximum: int | None) -> bytes:
    if maximum is None:
        return b"\0" + uleb(minimum)
    return b"\1" + uleb(minimum) + uleb(maximum)


@lru_cache(maxsize=1024)
def _function_type(signature: Signature) -> bytes:
    params, results = signature
    return b"\x60" + uleb(len(params)) + bytes(params) + uleb(len(results)) + bytes(results)


def _element(offset: int, indices: list[int]) -> bytes:
    return b"\0" + CODE["i32.const"] + sleb(offset) + CODE["end"] + _vector([uleb(index) for index in indices])


def _data(address: int, content: bytes) -> bytes:
    return b"\0" + CODE["i32.const"] + sleb(address) + CODE["end"] + uleb(len(content)) + content
