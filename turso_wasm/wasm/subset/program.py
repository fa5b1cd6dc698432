"""Compiling whole kernels: from module names to one WebAssembly module and its symbol table.

Owns what functions share: which are reachable, their indices, the data segment, the function table, globals.
Memory: 0 … 1023 never used (so null pointers and small negative offsets hit nothing), stack up to 64 KiB, then data,
then `heap_base`. Exported: memory, table, stack_pointer, heap_base, @export functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from turso_wasm.wasm import dsl
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.opcodes import I32
from turso_wasm.wasm.subset import calls  # noqa: F401  (adds the call handler)
from turso_wasm.wasm.subset.context import Body, Frame, Variable
from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.subset.link import link
from turso_wasm.wasm.subset.source import FunctionDecl, GlobalDecl, Loader, SourceModule
from turso_wasm.wasm.subset.statements import LEAVES, check_ends, is_docstring, statements
from turso_wasm.wasm.subset.values import describe, wasm_type

NEVER_USED = 1024
STACK_TOP = 0x10000
PAGE = 0x10000
PRELUDE = "turso_wasm.wasm.subset.prelude"


class Compiled(NamedTuple):
    """A compiled kernel."""

    wasm: bytes
    symbols: dict[str, Any]


class Program:
    """One compilation."""

    def __init__(self, loader: Loader, debug: bool) -> None:
        self.loader = loader
        self.debug = debug
        self.module = Module(name="kernel")
        self.module.freeze_imports()  # indices here are provisional: link.py makes the final ones
        self.decls: list[FunctionDecl] = []
        self.compiled: list[dsl.Function | None] = []
        self.table: list[FunctionDecl] = []
        self.data = bytearray()
        self.globals: dict[tuple[str, str], dsl.Global] = {}
        self.global_decls: list[GlobalDecl] = []
        self._index: dict[FunctionDecl, int] = {}
        self._table_index: dict[FunctionDecl, int] = {}
        self._data_at: dict[bytes, int] = {}
        self.stack_pointer = self._global(I32, "stack_pointer", mutable=True)
        self.heap_base = self._global(I32, "heap_base", mutable=False)
        if debug:
            self._assert_text = self._global(I32, "assert_text", mutable=True)
            self._assert_size = self._global(I32, "assert_size", mutable=True)

    # --- what function bodies ask for ------------------------------------------------------------

    def function_index(self, decl: FunctionDecl) -> int:
        """The provisional index of a function; asking makes it reachable."""
        index = self._index.get(decl)
        if index is None:
            index = self._index[decl] = len(self.decls)
            self.decls.append(decl)
            self.compiled.append(None)
        return index

    def table_index(self, decl: FunctionDecl) -> int:
        """The function's place in the table; 0 is never used."""
        index = self._table_index.get(decl)
        if index is None:
            self.table.append(decl)
            index = self._table_index[decl] = len(self.table)
            self.function_index(decl)
        return index

    def data_address(self, content: bytes) -> int:
        """Where a bytes constant lies; equal constants share a place, long ones are 8-aligned."""
        address = self._data_at.get(content)
        if address is None:
            if len(content) >= 16:
                self.data += bytes(-len(self.data) % 8)
            address = self._data_at[content] = STACK_TOP + len(self.data)
            self.data += content
        return address

    def global_of(self, decl: GlobalDecl) -> dsl.Global:
        """The wasm global of a mutable module global."""
        key = (decl.module.name, decl.name)
        found = self.globals.get(key)
        if found is None:
            type_ = decl.type
            if type_.wasm is None:
                raise decl.module.error(f"a global cannot be {describe(type_)}", decl.node)
            found = self.globals[key] = self._global(wasm_type(type_), decl.name, mutable=True)
            self.global_decls.append(decl)
        return found

    def prelude(self, name: str) -> FunctionDecl:
        """An intrinsic written in the subset."""
        return self.loader.load(PRELUDE).functions[name]

    def note_assertion(self, f: dsl.Function, text: str) -> None:
        """Debug builds: leave the text of a failed assertion in two globals."""
        content = text.encode()
        f.set(self._assert_text, self.data_address(content))
        f.set(self._assert_size, len(content))

    def _global(self, type_: int, name: str, mutable: bool) -> dsl.Global:
        result = self.module.add_global(name, dsl.constant(type_, 0))
        result.mutable = mutable
        return result

    # --- functions -------------------------------------------------------------------------------

    def compile_reachable(self) -> list[SubsetError]:
        """Compile every function asked for so far, and what those ask for; what is wrong with them."""
        errors: list[SubsetError] = []
        at = 0
        while at < len(self.decls):
            errors += self._compile_at(at)
            at += 1
        return errors

    def check_unreached(self) -> list[SubsetError]:
        """What is wrong with the functions and globals that nothing has asked for."""
        spare = Program(self.loader, self.debug)  # so that their data, globals and table entries stay out of the kernel
        errors: list[SubsetError] = []
        for module in list(self.loader.modules.values()):
            for decl in module.functions.values():
                if decl not in self._index:
                    errors += spare._compile_at(spare.function_index(decl))
            for variable in module.globals.values():
                try:
                    spare.global_of(variable)
                except SubsetError as error:
                    errors.append(error)
        return errors

    def _compile_at(self, at: int) -> list[SubsetError]:
        """Compile the function with provisional index `at`; what is wrong with it."""
        decl = self.decls[at]
        try:
            if decl.host is None:
                self.compiled[at] = self._compile(decl, False)
            else:
                _ = decl.fn_type
        except SubsetError as error:
            return [error]
        return []

    def _compile(self, decl: FunctionDecl, has_scratch: bool) -> dsl.Function:
        """One function; compiled again with a stack frame when it turns out to use scratch memory."""
        params = [(name, wasm_type(type_)) for name, type_ in decl.params]
        results = tuple(map(wasm_type, decl.results))
        f = dsl.Function(self.module, decl.name, params, results, self._index[decl])
        frame = Frame(self, f, has_scratch)
        prologue = f.hole()
        if has_scratch:
            frame.saved, frame.base = f.local(I32, "saved_stack"), f.local(I32, "frame")
        body = Body(frame, decl)
        for (name, type_), local in zip(decl.params, f.params, strict=True):
            body.variables[name] = Variable(type_, local)
            body.set_known(name)
        content = [node for node in decl.node.body if not is_docstring(node)]
        flow = statements(body, content, tail=True)
        if frame.needs_scratch and not has_scratch:
            return self._compile(decl, True)
        if decl.never_returns and flow is not LEAVES:
            raise decl.module.error(f"{decl.name} is declared never to return, but may", decl.node)
        check_ends(body, flow)
        if has_scratch:
            with f.into(prologue):
                self._enter_frame(f, frame)
        return f

    def _enter_frame(self, f: dsl.Function, frame: Frame) -> None:
        assert frame.saved is not None and frame.base is not None
        f.set(frame.saved, self.stack_pointer)
        f.set(frame.base, frame.saved - frame.scratch_size)
        f.set(self.stack_pointer, frame.base)
        if self.debug:
            with f.if_(frame.base < NEVER_USED):
                self.note_assertion(f, f"{f.name}: stack overflow")
                f.unreachable()

    # --- the result ------------------------------------------------------------------------------

    def finish(self, exports: dict[str, FunctionDecl]) -> Compiled:
        """Link and encode."""
        end = STACK_TOP + len(self.data)
        heap_base = (end + 15) // 16 * 16
        module = self.module
        self._set_initial_values(heap_base)
        module.set_memory((heap_base + PAGE - 1) // PAGE + 1, export="memory")
        module.set_table(len(self.table) + 1, export="table")
        if self.data:
            module.add_data(STACK_TOP, bytes(self.data))
        return Compiled(*link(self, exports))

    def _set_initial_values(self, heap_base: int) -> None:
        values: list[Any] = [STACK_TOP, heap_base] + ([0, 0] if self.debug else [])
        values += [decl.initial for decl in self.global_decls]
        nodes = [None] * (len(values) - len(self.global_decls)) + list(self.global_decls)
        for at, (value, decl) in enumerate(zip(values, nodes, strict=True)):
            variable, _ = self.module.globals[at]
            self.module.globals[at] = (variable, self._initial(variable, value, decl))

    def _initial(self, variable: dsl.Global, value: Any, decl: GlobalDecl | None) -> bytes:
        if value is None:
            value = 0
        if isinstance(value, bytes):
            value = self.data_address(value)
        try:
            return dsl.constant(variable.type, value).code
        except (TypeError, ValueError) as error:
            assert decl is not None
            raise decl.module.error(f"initial value of {decl.name}: {error}", decl.node) from None


def compile_program(
    modules: Iterable[str], debug: bool = False, export_all: Iterable[str] = (), loader: Loader | None = None
) -> Compiled:
    """Compile kernel modules and what they import.

    modules: dotted names; their @export functions are the roots. export_all: modules of which every function is a root
    and exported (for --check and tests). Errors: SubsetError.
    """
    loader = loader or Loader()
    for name in modules:
        loader.load(name)
    program = Program(loader, debug)
    whole = set(export_all)
    exports = _exports(loader.modules.values(), whole)
    for decl in exports.values():
        program.function_index(decl)
    errors = program.compile_reachable() + program.check_unreached()
    if errors:
        raise SubsetError.all(errors)
    return program.finish(exports)


def _exports(modules: Iterable[SourceModule], whole: set[str]) -> dict[str, FunctionDecl]:
    """Export name → function. Errors: two @export functions of one name."""
    exports: dict[str, FunctionDecl] = {}
    rest: list[FunctionDecl] = []
    for module in modules:
        for decl in module.functions.values():
            if decl.host is not None:
                continue
            if decl.exported:
                if decl.name in exports:
                    raise module.error(
                        f"{decl.name} is already exported by {exports[decl.name].module.name}", decl.node
                    )
                exports[decl.name] = decl
            elif module.name in whole:
                rest.append(decl)
    for decl in rest:
        name = decl.name if decl.name not in exports else f"{decl.module.name.rpartition('.')[2]}.{decl.name}"
        exports[name] = decl
    return exports


def compile_source(text: str, debug: bool = False, name: str = "snippet", export_all: bool = False) -> Compiled:
    """Compile one module given as text (tests, experiments)."""
    loader = Loader()
    loader.load_source(text, name)
    return compile_program([], debug, [name] if export_all else [], loader)


__all__ = ["Compiled", "Program", "SubsetError", "compile_program", "compile_source"]
