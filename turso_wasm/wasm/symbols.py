"""The kernel's symbol table: signatures of exported functions and globals, and templates of @inline functions.

Owns symbols.json's meaning. A template is a function body cut into `parts` so that it can be pasted into a function of
another module: everything that depends on where it lands is a part of its own.

  PART                         MEANING
  "2041…"                      instruction bytes, in hexadecimal
  3                            `local.get` of template local 3 (parameters first)
  ["l", 3]                     the index of template local 3 (behind a local.set or local.tee opcode)
  ["f", "page_get"]            the index of a kernel function (behind a call opcode)
  ["g", "cache_head"]          the index of a kernel global (behind global.get / global.set)
  ["t", ["i32"], ["i64"]]      the index of a function type (behind call_indirect)
  ["b", ["i32"], ["i64"]]      the same as a block type (behind block, loop or if)

`locals` are the value types of all template locals; `stable` lists the parameters that are never written, which may be
replaced by the argument itself when that is a constant or a local.
"""

from __future__ import annotations

import difflib
import json
import pkgutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from turso_wasm.wasm.expr import Expr, Local, Operand, constant
from turso_wasm.wasm.opcodes import CODE, VALUE_NAME, sleb, uleb

if TYPE_CHECKING:
    from turso_wasm.wasm.decode import Instruction
    from turso_wasm.wasm.dsl import Function

TYPE_CODE = {name: code for code, name in VALUE_NAME.items()}
_SET, _GET, _BLOCK, _END = CODE["local.set"], CODE["local.get"], CODE["block"], CODE["end"]
Part = bytes | int | tuple[Any, ...]


class FunctionSymbol(NamedTuple):
    """An exported kernel function: value types, and its signature as the author wrote it."""

    params: tuple[int, ...]
    results: tuple[int, ...]
    signature: str
    has_template: bool


class Template(NamedTuple):
    """An @inline function ready to be pasted."""

    parts: tuple[Part, ...]
    locals: tuple[int, ...]
    stable: frozenset[int]


class Symbols:
    """A symbol table, from symbols.json or from the compiler's dictionary."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self._functions: dict[str, FunctionSymbol] = {}
        self._templates: dict[str, Template] = {}

    @staticmethod
    def load(text: str | bytes) -> Symbols:
        """From JSON text."""
        return Symbols(json.loads(text))

    @staticmethod
    def default() -> Symbols:
        """The built kernel's table, read once. Errors: FileNotFoundError when the kernel is not built."""
        return _load_default()

    def names(self) -> list[str]:
        """All exported functions."""
        return list(self.data["functions"])

    def function(self, name: str) -> FunctionSymbol:
        """Errors: KeyError with the nearest names."""
        found = self._functions.get(name)
        if found is None:
            raw = self._raw(name)
            params, results = (tuple(TYPE_CODE[t] for t in raw[key]) for key in ("params", "results"))
            found = FunctionSymbol(params, results, raw.get("signature", ""), "inline" in raw)
            self._functions[name] = found
        return found

    def _raw(self, name: str) -> dict[str, Any]:
        functions: dict[str, Any] = self.data["functions"]
        if name not in functions:
            near = ", ".join(difflib.get_close_matches(name, functions, 3))
            raise KeyError(f"the kernel exports no function {name!r}" + (f"; did you mean {near}?" if near else ""))
        raw: dict[str, Any] = functions[name]
        return raw

    def template(self, name: str) -> Template | None:
        """The template of a function, None if it is not @inline. Errors: KeyError."""
        found = self._templates.get(name)
        if found is None:
            raw = self._raw(name).get("inline")
            if raw is None:
                return None
            parts = tuple(_load_part(part) for part in raw["parts"])
            found = Template(parts, tuple(TYPE_CODE[t] for t in raw["locals"]), frozenset(raw["stable"]))
            self._templates[name] = found
        return found

    def global_type(self, name: str) -> tuple[int, bool]:
        """(value type, mutable) of an exported global. Errors: KeyError."""
        if name not in self.data["globals"]:
            raise KeyError(f"the kernel exports no global {name!r}")
        raw = self.data["globals"][name]
        return TYPE_CODE[raw["type"]], raw["mutable"]


@lru_cache(maxsize=1)
def _load_default() -> Symbols:
    raw = pkgutil.get_data("turso_wasm.kernel", "symbols.json")  # out of a zip, too
    assert raw is not None
    return Symbols.load(raw)


def _load_part(part: Any) -> Part:
    if isinstance(part, str):
        return bytes.fromhex(part)
    if isinstance(part, int):
        return part
    if part[0] in ("t", "b"):
        return part[0], tuple(TYPE_CODE[t] for t in part[1]), tuple(TYPE_CODE[t] for t in part[2])
    return tuple(part)


# --- using a template ----------------------------------------------------------------------------


def expand(f: Function, name: str, args: Sequence[Operand]) -> Expr:
    """Paste the template of `name` into `f`; a plain call if the kernel has no template of it."""
    module = f.module
    template = module.symbols.template(name)
    if template is None:
        return f.call(name, *args)
    symbol = module.symbols.function(name)
    if len(args) != len(symbol.params):
        raise TypeError(f"{name} takes {len(symbol.params)} arguments, got {len(args)}")
    pushes, sets = [], []
    gets: dict[int, bytes] = {}
    indices: dict[int, bytes] = {}
    for at, (type_, arg) in enumerate(zip(symbol.params, args, strict=True)):
        value = constant(type_, arg)
        if at in template.stable and (value.const is not None or isinstance(value, Local)):
            gets[at] = value.code
            continue
        local = f.temporary(type_, f"{name}.{at}")
        gets[at], indices[at] = local.code, uleb(local.index)
        pushes.append(value.code)
        sets.append(_SET + indices[at])
    for at in range(len(args), len(template.locals)):
        local = f.temporary(template.locals[at], f"{name}.{at}")
        gets[at], indices[at] = local.code, uleb(local.index)
    out = pushes + sets[::-1]
    for part in template.parts:
        if isinstance(part, bytes):
            out.append(part)
        elif isinstance(part, int):
            out.append(gets[part])
        else:
            out.append(_resolve(f, part, indices))
    results = symbol.results
    return Expr(b"".join(out), results[0] if len(results) == 1 else results or None)


def _resolve(f: Function, part: tuple[Any, ...], indices: dict[int, bytes]) -> bytes:
    kind = part[0]
    if kind == "l":
        return indices[part[1]]
    if kind == "f":
        return uleb(f.module.callee(part[1]).index)
    if kind == "g":
        return uleb(f.module.kernel_global(part[1]).index)
    index = f.module.type_index(part[1], part[2])
    return sleb(index) if kind == "b" else uleb(index)


# --- making a template (the kernel build) --------------------------------------------------------


def make_template(
    code: list[Instruction],
    n_params: int,
    types: Sequence[int],
    results: tuple[int, ...],
    callees: Mapping[int, str],
    globals_: Mapping[int, str],
    signatures: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
) -> dict[str, Any]:
    """The JSON form of a function's template.

    callees, globals_: index in `code` → export name. signatures: function types by index in `code`.
    """
    writer = _TemplateWriter(callees, globals_, signatures)
    code, has_return = _return_by_branch(code)
    if has_return:
        writer.block(results)
    written: set[int] = set()
    for instruction in code:
        if instruction[0] in ("local.set", "local.tee"):
            written.add(instruction[1])
        writer.add(instruction)
    if has_return:
        writer.bytes += _END
    return {
        "parts": writer.finish(),
        "locals": [VALUE_NAME[type_] for type_ in types],
        "stable": [index for index in range(n_params) if index not in written],
    }


def _return_by_branch(code: list[Instruction]) -> tuple[list[Instruction], bool]:
    """`return` as a branch out of one block around the body."""
    out: list[Instruction] = []
    depth, found = 0, False
    for instruction in code:
        name = instruction[0]
        if name in ("block", "loop", "if"):
            depth += 1
        elif name == "end":
            depth -= 1
        if name == "return":
            found = True
            out.append(["br", depth])
        else:
            out.append(instruction)
    return out, found


class _TemplateWriter:
    """Collects parts; adjacent bytes are joined."""

    def __init__(self, callees: Mapping[int, str], globals_: Mapping[int, str], signatures: Sequence[Any]) -> None:
        self.parts: list[Any] = []
        self.bytes = b""
        self.callees = callees
        self.globals = globals_
        self.signatures = signatures

    def part(self, part: Any) -> None:
        if self.bytes:
            self.parts.append(self.bytes.hex())
            self.bytes = b""
        self.parts.append(part)

    def finish(self) -> list[Any]:
        if self.bytes:
            self.parts.append(self.bytes.hex())
            self.bytes = b""
        return self.parts

    def block(self, results: Sequence[int]) -> None:
        """A block around everything, with the function's results."""
        self.bytes += _BLOCK
        if len(results) > 1:
            self.part(["b", [], [VALUE_NAME[t] for t in results]])
        else:
            self.bytes += bytes(results) or b"\x40"

    def add(self, instruction: Instruction) -> None:
        from turso_wasm.wasm.decode import TYPE_INDEX, encode_code

        name = instruction[0]
        if name == "local.get":
            self.part(instruction[1])
        elif name in ("local.set", "local.tee"):
            self.bytes += CODE[name]
            self.part(["l", instruction[1]])
        elif name == "call":
            self.bytes += CODE[name]
            self.part(["f", self.callees[instruction[1]]])
        elif name in ("global.get", "global.set"):
            self.bytes += CODE[name]
            self.part(["g", self.globals[instruction[1]]])
        elif name == "call_indirect":
            self.bytes += CODE[name]
            self._signature("t", instruction[1])
            self.bytes += uleb(instruction[2])
        elif name in ("block", "loop", "if") and instruction[1] >= TYPE_INDEX:
            self.bytes += CODE[name]
            self._signature("b", instruction[1] - TYPE_INDEX)
        else:
            self.bytes += encode_code([instruction])

    def _signature(self, kind: str, index: int) -> None:
        params, results = self.signatures[index]
        self.part([kind, [VALUE_NAME[t] for t in params], [VALUE_NAME[t] for t in results]])


__all__ = ["FunctionSymbol", "Symbols", "Template", "expand", "make_template"]
