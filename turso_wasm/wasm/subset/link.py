"""The last step of a kernel compile: final function indices, exports, symbols, bytes.

Function bodies come with provisional indices in the order of first use; imports must come first in a module, so every
index is renumbered here, on the decoded instructions, after which the optimizer has seen them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.module import FUNC, GLOBAL
from turso_wasm.wasm.opcodes import CODE, VALUE_NAME
from turso_wasm.wasm.subset.source import FunctionDecl
from turso_wasm.wasm.subset.types import results_name, type_name
from turso_wasm.wasm.subset.values import wasm_type

if TYPE_CHECKING:
    from turso_wasm.wasm.subset.program import Compiled, Program


def link(program: Program, exports: dict[str, FunctionDecl], all_globals: bool) -> Compiled:
    """Renumber, encode, and describe a finished compilation."""
    from turso_wasm.wasm.decode import decode_code, encode_code
    from turso_wasm.wasm.subset.program import Compiled

    module = program.module
    order = [i for i, decl in enumerate(program.decls) if decl.host is not None]
    order += [i for i, decl in enumerate(program.decls) if decl.host is None]
    final = {provisional: index for index, provisional in enumerate(order)}
    module.frozen = False
    for provisional in order:
        decl = program.decls[provisional]
        if decl.host is not None:
            params = [wasm_type(type_) for _, type_ in decl.params]
            module.import_function(decl.host[0], decl.host[1], params, [wasm_type(t) for t in decl.results])
    module.freeze_imports()
    for provisional in order:
        f = program.compiled[provisional]
        if f is None:
            continue
        code = decode_code(f.code())
        for instruction in code:
            if instruction[0] in ("call", "ref.func"):
                instruction[1] = final[instruction[1]]
        module.type_index(f.param_types, f.results)
        f.set_body(dsl.encode_locals([x.type for x in f.locals[len(f.params) :]]) + encode_code(code) + CODE["end"])
        f.position = len(module.functions)
        module.functions.append(f)
    if program.table:
        module.add_elements(1, [final[program.function_index(decl)] for decl in program.table])
    for name, decl in exports.items():
        module.export(name, FUNC, final[program.function_index(decl)])
    global_names = _export_globals(program, all_globals)
    return Compiled(module.encode(), _symbols(program, exports, global_names))


def _export_globals(program: Program, all_globals: bool) -> dict[str, dsl.Global]:
    """Export stack_pointer and heap_base, and with `all_globals` every mutable global; the names given."""
    own = {g.index: key for key, g in program.globals.items()}
    names: dict[str, dsl.Global] = {}
    for variable, _ in program.module.globals:
        key = own.get(variable.index)
        if key is not None and not all_globals:
            continue
        name = variable.name
        if name in names and key is not None:
            name = f"{key[0].rpartition('.')[2]}.{name}"
        names[name] = variable
        program.module.export(name, GLOBAL, variable.index)
    return names


def _symbols(program: Program, exports: dict[str, FunctionDecl], globals_: dict[str, dsl.Global]) -> dict[str, Any]:
    """The symbol table as JSON data (symbols.py reads it)."""
    functions = {}
    for name, decl in exports.items():
        functions[name] = {
            "params": [VALUE_NAME[wasm_type(type_)] for _, type_ in decl.params],
            "results": [VALUE_NAME[wasm_type(type_)] for type_ in decl.results],
            "signature": f"({', '.join(f'{n}: {type_name(t)}' for n, t in decl.params)}) -> {results_name(decl.results)}",
            "module": decl.module.name,
        }
    imports = [
        {"module": module, "name": name, "params": [VALUE_NAME[t] for t in c.params], "results": [VALUE_NAME[t] for t in c.results]}
        for (module, name, _, _), c in zip(program.module.imports, program.module.imported)
    ]
    return {
        "functions": functions,
        "globals": {name: {"type": VALUE_NAME[g.type], "mutable": g.mutable} for name, g in globals_.items()},
        "imports": imports,
    }
