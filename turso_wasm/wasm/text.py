"""Readable text of a module: `print_module` (WAT-like, every instruction) and `print_python` (pseudo-Python).

print_python is what `EXPLAIN CODE` shows; lifting instructions to expressions and statements is in pseudo.py.
"""

from __future__ import annotations

import struct
from typing import Any

from turso_wasm.wasm.decode import TYPE_INDEX, VOID, Instruction
from turso_wasm.wasm.opcodes import OPS, VALUE_NAME
from turso_wasm.wasm.pseudo import function_text
from turso_wasm.wasm.reader import FunctionView, ModuleView, read_module


def print_python(wasm: bytes) -> str:
    """Each function as pseudo-Python: expressions folded, names from the name section, while / if / else.

    Loads and stores read `i32[address]`; unsigned operators carry a u (`<u`, `>>u`, `//u`).
    """
    view = read_module(wasm)
    return "\n\n".join(function_text(view, f) for f in view.functions if f.imported is None) + "\n"


def print_module(wasm: bytes) -> str:
    """The whole module, one instruction a line, in the manner of the WebAssembly text format."""
    view = read_module(wasm)
    lines = ["(module" + (f" ${view.name}" if view.name else "")]
    for module, name, kind in view.imports:
        lines.append(f'  (import "{module}" "{name}" ({("func", "table", "memory", "global")[kind]}))')
    for index, (type_, mutable) in enumerate(view.globals):
        kind_text = f"(mut {VALUE_NAME[type_]})" if mutable else VALUE_NAME[type_]
        lines.append(f"  (global ${view.global_names.get(index, index)} {kind_text})")
    for function in view.functions:
        if function.imported is None:
            lines += _function(view, function)
    for name, kind, index in view.exports:
        lines.append(f'  (export "{name}" ({("func", "table", "memory", "global")[kind]} {index}))')
    for address, content in view.data:
        lines.append(f"  (data {address} {len(content)} bytes)")
    return "\n".join(lines) + ")\n"


def _function(view: ModuleView, function: FunctionView) -> list[str]:
    params = "".join(
        f" (param ${function.local_name(i)} {VALUE_NAME[type_]})" for i, type_ in enumerate(function.params)
    )
    results = f" (result {' '.join(VALUE_NAME[t] for t in function.results)})" if function.results else ""
    lines = [f"  (func ${function.name}{params}{results}"]
    for index in range(len(function.params), len(function.locals)):
        lines.append(f"    (local ${function.local_name(index)} {VALUE_NAME[function.locals[index]]})")
    comments = dict(function.comments)
    depth = 2
    for at, instruction in zip(function.offsets, function.code, strict=True):
        if at in comments:
            lines.append(f"{'  ' * depth};; {comments[at]}")
        if instruction[0] in ("end", "else"):
            depth -= 1
        lines.append("  " * depth + instruction_text(view, function, instruction))
        if instruction[0] in ("block", "loop", "if", "else"):
            depth += 1
    lines[-1] += ")"
    return lines


def instruction_text(view: ModuleView, function: FunctionView, instruction: Instruction) -> str:
    """One instruction with names for its indices."""
    name, *immediates = instruction
    kinds = OPS[name].immediates
    if kinds == ("memarg",):
        return f"{name} offset={immediates[1]}" if immediates[1] else name
    words = [name]
    for kind, value in zip(kinds, immediates, strict=True):
        words.append(_immediate(view, function, kind, value))
    return " ".join(word for word in words if word)


def _immediate(view: ModuleView, function: FunctionView, kind: str, value: Any) -> str:
    if kind == "local":
        return f"${function.local_name(value)}"
    if kind == "func":
        return f"${view.functions[value].name}"
    if kind == "global":
        return f"${view.global_names.get(value, value)}"
    if kind == "blocktype":
        if value == VOID:
            return ""
        types = view.types[value - TYPE_INDEX][1] if value >= TYPE_INDEX else (value,)
        return f"(result {' '.join(VALUE_NAME[t] for t in types)})"
    if kind in ("f32", "f64"):
        return repr(struct.unpack("<f" if kind == "f32" else "<d", value)[0])
    if kind == "labels":
        return " ".join(map(str, value))
    if isinstance(value, bytes):
        return value.hex()
    return "" if kind in ("mem", "table") else str(value)
