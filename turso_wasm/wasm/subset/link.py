"""The last step of a kernel compile: final function indices, exports, symbols, bytes.

Function bodies come with provisional indices in the order of first use; imports must come first in a module, so every
index is renumbered here, on the decoded instructions, after which the optimizer has seen them too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.module import FUNC, GLOBAL
from turso_wasm.wasm.opcodes import CODE, VALUE_NAME, uleb
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
    return Compiled(module.encode(), {})


__all__ = ["GLOBAL", "VALUE_NAME", "Any", "json", "link", "results_name", "type_name", "uleb"]
