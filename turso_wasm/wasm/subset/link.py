"""The last step of a kernel compile: optimize, drop what is unreachable, number functions, describe, encode.

Function bodies come with provisional indices in the order of first use. Here they are decoded, optimized and renumbered
(imports must come first in a module). Exported @inline functions also become templates in the symbol table; whatever a
template calls or reads is exported too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.decode import Instruction, decode_code, encode_code
from turso_wasm.wasm.module import FUNC, GLOBAL
from turso_wasm.wasm.opcodes import CODE, VALUE_NAME
from turso_wasm.wasm.optimize import optimize
from turso_wasm.wasm.subset.source import FunctionDecl
from turso_wasm.wasm.subset.types import results_name, type_name
from turso_wasm.wasm.subset.values import wasm_type
from turso_wasm.wasm.symbols import make_template

if TYPE_CHECKING:
    from turso_wasm.wasm.subset.program import Program


class Linked:
    """An optimized function: instructions with provisional callee indices, locals in their final order."""

    def __init__(self, decl: FunctionDecl, function: dsl.Function) -> None:
        self.decl = decl
        self.function = function
        types = [local.type for local in function.locals]
        n_params = len(function.params)
        self.code, order = optimize(decode_code(function.code()), n_params, types)
        self.types = [types[old] for old in order]
        self.names = [function.locals[old].name for old in order]
        self.n_params = n_params

    def callees(self) -> Iterable[int]:
        """The provisional indices of the functions it calls."""
        return (i[1] for i in self.code if i[0] in ("call", "ref.func"))


class Linker:
    """One link; see `link`."""

    def __init__(self, program: Program, exports: dict[str, FunctionDecl]) -> None:
        self.program = program
        self.module = program.module
        self.exports = dict(exports)
        self.linked = {
            index: Linked(program.decls[index], function)
            for index, function in enumerate(program.compiled)
            if function is not None
        }
        self.templates: dict[str, dict[str, Any]] = {}
        self.global_names: dict[int, str] = {}

    def run(self) -> tuple[bytes, dict[str, Any]]:
        """(the module's bytes, the symbol table)."""
        self._name_globals()
        self._make_templates()
        final = self._place_functions()
        for name, decl in self.exports.items():
            self.module.export(name, FUNC, final[self.program.function_index(decl)])
        exported = self._export_globals()
        return self.module.encode(), self._symbols(exported)

    # --- functions -------------------------------------------------------------------------------

    def _place_functions(self) -> dict[int, int]:
        """Add imports and functions to the module; provisional → final index."""
        reachable = self._reachable()
        decls, module = self.program.decls, self.module
        imports = [index for index in reachable if decls[index].host is not None]
        bodies = [index for index in reachable if decls[index].host is None]
        final = {provisional: index for index, provisional in enumerate(imports + bodies)}
        module.frozen = False
        for provisional in imports:
            decl = decls[provisional]
            assert decl.host is not None
            params = [wasm_type(type_) for _, type_ in decl.params]
            module.import_function(decl.host[0], decl.host[1], params, [wasm_type(t) for t in decl.results])
        module.freeze_imports()
        for provisional in bodies:
            self._place(self.linked[provisional], final)
        if self.program.table:
            module.add_elements(1, [final[self.program.function_index(decl)] for decl in self.program.table])
        return final

    def _place(self, linked: Linked, final: dict[int, int]) -> None:
        f = linked.function
        code: list[Instruction] = [[i[0], final[i[1]]] if i[0] in ("call", "ref.func") else i for i in linked.code]
        f.set_body(dsl.encode_locals(linked.types[linked.n_params :]) + encode_code(code) + CODE["end"])
        names = linked.names if self.program.debug else [""] * len(linked.names)  # functions keep their names always
        f.locals = [dsl.Local(i, t, n) for i, (t, n) in enumerate(zip(linked.types, names, strict=True))]
        f.position = len(self.module.functions)
        self.module.type_index(f.param_types, f.results)
        self.module.functions.append(f)

    def _reachable(self) -> list[int]:
        """The provisional indices exports and table lead to, in ascending order."""
        todo = [self.program.function_index(decl) for decl in [*self.exports.values(), *self.program.table]]
        found: set[int] = set()
        while todo:
            index = todo.pop()
            if index not in found:
                found.add(index)
                if index in self.linked:
                    todo += self.linked[index].callees()
        return sorted(found)

    # --- templates -------------------------------------------------------------------------------

    def _make_templates(self) -> None:
        """A template of each exported @inline function; the functions it calls are exported."""
        signatures = list(self.module.types)
        for name, decl in list(self.exports.items()):
            index = self.program.function_index(decl)
            if decl.inline and decl.exported and index in self.linked:
                linked = self.linked[index]
                callee_names = {callee: self._export_name(callee) for callee in linked.callees()}
                results = linked.function.results
                self.templates[name] = make_template(
                    linked.code, linked.n_params, linked.types, results, callee_names, self.global_names, signatures
                )

    def _export_name(self, index: int) -> str:
        """The name under which a function is exported, exporting it if it is not yet."""
        decl = self.program.decls[index]
        for name, other in self.exports.items():
            if other is decl:
                return name
        name = decl.name if decl.name not in self.exports else f"{decl.module.name.rpartition('.')[2]}.{decl.name}"
        self.exports[name] = decl
        return name

    # --- globals and symbols ---------------------------------------------------------------------

    def _name_globals(self) -> None:
        """The export name of each global; one of a name already taken gets its module's name in front."""
        keys = {g.index: key for key, g in self.program.globals.items()}
        taken: set[str] = set()
        for variable, _ in self.module.globals:
            name = variable.name
            if name in taken:
                name = f"{keys[variable.index][0].rpartition('.')[2]}.{name}"
            taken.add(name)
            self.global_names[variable.index] = name

    def _export_globals(self) -> dict[str, dsl.Global]:
        """Export every global: templates use some, and a host that moves the kernel takes all of them along."""
        exported = {}
        for variable, _ in self.module.globals:
            name = self.global_names[variable.index]
            self.module.export(name, GLOBAL, variable.index)
            exported[name] = variable
        return exported

    def _symbols(self, globals_: dict[str, dsl.Global]) -> dict[str, Any]:
        """The symbol table as JSON data (symbols.py reads it)."""
        functions: dict[str, Any] = {}
        for name, decl in self.exports.items():
            params = ", ".join(f"{param}: {type_name(type_)}" for param, type_ in decl.params)
            functions[name] = {
                "params": [VALUE_NAME[wasm_type(type_)] for _, type_ in decl.params],
                "results": [VALUE_NAME[wasm_type(type_)] for type_ in decl.results],
                "signature": f"({params}) -> {results_name(decl.results)}",
                "module": decl.module.name,
            }
            if name in self.templates:
                functions[name]["inline"] = self.templates[name]
        imports = [
            {
                "module": module,
                "name": name,
                "params": [VALUE_NAME[type_] for type_ in callee.params],
                "results": [VALUE_NAME[type_] for type_ in callee.results],
            }
            for (module, name, _, _), callee in zip(self.module.imports, self.module.imported, strict=True)
        ]
        mutable = {name: {"type": VALUE_NAME[g.type], "mutable": g.mutable} for name, g in globals_.items()}
        return {"functions": functions, "globals": mutable, "imports": imports}


def link(program: Program, exports: dict[str, FunctionDecl]) -> tuple[bytes, dict[str, Any]]:
    """(bytes, symbols) of a finished compilation."""
    return Linker(program, exports).run()
