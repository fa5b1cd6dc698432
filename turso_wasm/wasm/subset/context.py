"""What is known while one function body is compiled: variables, loops, where `return` goes, stack frame.

Two layers: Frame is the wasm function being emitted (locals, scratch memory); Body is the source function being read.
An inlined call reads another Body into the same Frame.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.subset.source import FunctionDecl, GlobalDecl, SourceModule
from turso_wasm.wasm.subset.types import I32, AnyType
from turso_wasm.wasm.subset.values import INT_LITERAL, Value, convert, describe, fits, wasm_type

if TYPE_CHECKING:
    from turso_wasm.wasm.subset.program import Program


Names = frozenset[str]


class Frame:
    """One wasm function under construction."""

    def __init__(self, program: Program, function: dsl.Function, has_scratch: bool) -> None:
        self.program = program
        self.f = function
        self.has_scratch = has_scratch
        self.scratch_size = 0
        self.needs_scratch = False
        self.base: dsl.Local | None = None
        self.saved: dsl.Local | None = None
        self._free: dict[int, list[dsl.Local]] = {}

    def temp(self, type_: int, name: str = "") -> dsl.Local:
        """A local for the front end's own use or for an inlined body; give it back with release()."""
        free = self._free.get(type_)
        if free:
            return free.pop()
        return self.f.local(type_, name)

    def release(self, locals_: Sequence[dsl.Local]) -> None:
        """The locals' values are dead."""
        for local in locals_:
            self._free.setdefault(local.type, []).append(local)

    def scratch(self, size: int) -> dsl.Expr:
        """The address of `size` fresh bytes in the stack frame."""
        self.needs_scratch = True
        offset = self.scratch_size
        self.scratch_size += (size + 7) // 8 * 8
        base = self.base if self.base is not None else dsl.i32(0)  # without a frame this pass is thrown away
        return base + offset if offset else base + 0


class Variable:
    """A local of the source function: a wasm local, or an inlined parameter bound to a constant."""

    __slots__ = ("local", "type", "value")

    def __init__(self, type_: AnyType, local: dsl.Local | None, value: Value | None = None) -> None:
        self.type = type_
        self.local = local
        self.value = value


class LoopTargets:
    """Where break and continue of the innermost loop go, and which variables had a value at each of them."""

    __slots__ = ("break_label", "breaks", "continue_label", "continues")

    def __init__(self, break_label: dsl.Label, continue_label: dsl.Label) -> None:
        self.break_label = break_label
        self.continue_label = continue_label
        self.breaks: list[Names] = []
        self.continues: list[Names] = []


class Body:
    """One source function body being compiled into a frame.

    known: the variables that have a value whichever way control came to the statement being compiled.
    """

    def __init__(self, frame: Frame, decl: FunctionDecl, caller: Body | None = None) -> None:
        self.frame = frame
        self.program = frame.program
        self.f = frame.f
        self.decl = decl
        self.module: SourceModule = decl.module
        self.caller = caller
        self.variables: dict[str, Variable] = {}
        self.known: Names = frozenset()
        self.own_locals: list[dsl.Local] = []
        self.loops: list[LoopTargets] = []
        self.return_label: dsl.Label | None = None
        self.return_label_used = False
        self.assigned = assigned_names(decl.node)
        self.declared_global = {
            name for node in ast.walk(decl.node) if isinstance(node, ast.Global) for name in node.names
        }

    @property
    def is_inlined(self) -> bool:
        """Whether this body is expanded in a caller."""
        return self.caller is not None

    def error(self, message: str, node: ast.AST) -> SubsetError:
        """An error at `node`, to be raised."""
        return self.module.error(message, node)

    def new_local(self, type_: AnyType, name: str) -> dsl.Local:
        """A local for a source variable."""
        if self.is_inlined:
            local = self.frame.temp(wasm_type(type_), f"{self.decl.name}.{name}")
            self.own_locals.append(local)
            return local
        return self.f.local(wasm_type(type_), name)

    def declare(self, name: str, type_: AnyType, node: ast.AST) -> Variable:
        """A new variable. Errors: its type exists in memory only."""
        if type_.wasm is None:
            raise self.error(f"a variable cannot be {describe(type_)}: it exists in memory only", node)
        variable = self.variables[name] = Variable(type_, self.new_local(type_, name))
        return variable

    def set_known(self, name: str) -> None:
        """The variable has a value from here on."""
        self.known |= {name}

    def lookup(self, name: str, node: ast.AST) -> Any:
        """A Variable, FunctionDecl, GlobalDecl or Python object. Errors: the name is unknown, or a variable that has no
        value on some path to here.
        """
        if name in self.variables:
            if name not in self.known:
                raise self.error(f"{name!r} is not assigned on every path that leads here", node)
            return self.variables[name]
        if name in self.assigned and name not in self.declared_global:
            raise self.error(f"{name!r} is used before it is assigned", node)
        try:
            return self.module.lookup(name)
        except KeyError:
            raise self.error(f"{name!r} is not defined", node) from None

    def global_of(self, decl: GlobalDecl) -> dsl.Global:
        """The wasm global of a mutable module global."""
        return self.program.global_of(decl)

    def coerce(self, value: Value, type_: AnyType, node: ast.AST, what: str = "", *, as_bits: bool = False) -> Value:
        """`value` as `type_`. Errors: names both types."""
        result = convert(value, type_, as_bits=as_bits)
        if result is None:
            raise self.error(_mismatch(value, type_, what), node)
        return result


def _mismatch(value: Value, type_: AnyType, what: str) -> str:
    prefix = f"{what}: " if what else ""
    if value.type is None:
        return f"{prefix}expected {describe(type_)}, but the call has no result"
    is_number = describe(type_) in ("i32", "u32", "i64", "u64", "f64")
    if value.type is INT_LITERAL and is_number and not fits(value.const, type_):
        return f"{prefix}{value.const} does not fit {describe(type_)}"
    message = f"{prefix}expected {describe(type_)}, got {describe(value.type)}"
    names = {describe(type_), describe(value.type)}
    if names <= {"i32", "u32", "i64", "u64", "f64", "bool"} or (type_ is I32 and value.type is not None):
        message += f"; write {describe(type_)}(…)"
    return message


def assigned_names(function: ast.FunctionDef) -> set[str]:
    """The names a function assigns, parameters excluded unless they are assigned again."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
