"""The typed builder: functions, statements and control flow over the expressions of expr.py (docs/dsl.md).

Owns Function (locals, statements, labels, calls, holes). Expressions are values; nothing is emitted until a statement
takes them (`f.set`, `f.store`, `f.do`, `f.br`, `f.ret`, …). Types are checked as the code is built.
Errors: TypeError with both types; KeyError for an unknown kernel function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from turso_wasm.wasm.blocks import Assign, Branch, Capture, Comment, Hole, If, Label, Late, flatten
from turso_wasm.wasm.expr import (
    Expr,
    Global,
    Local,
    Operand,
    add,
    constant,
    f32,
    f64,
    i32,
    i64,
    if_expr,
    multiply,
    select,
    type_text,
    v128,
    wrap_to,
)
from turso_wasm.wasm.opcodes import CODE, F32, F64, FUNCREF, I32, I64, OPS, V128, sleb, uleb

if TYPE_CHECKING:
    from turso_wasm.wasm.module import Callee, Module

_SET, _TEE, _GLOBAL_SET = CODE["local.set"], CODE["local.tee"], CODE["global.set"]
_BLOCK, _LOOP, _END = CODE["block"], CODE["loop"], CODE["end"]
_BR, _BR_IF, _BR_TABLE, _RETURN = (CODE[name] for name in ("br", "br_if", "br_table", "return"))
_CALL, _CALL_INDIRECT, _DROP, _UNREACHABLE = (CODE[name] for name in ("call", "call_indirect", "drop", "unreachable"))
_VOID = b"\x40"


def _memory_kinds() -> tuple[dict[str, tuple[bytes, int, int]], dict[str, tuple[bytes, int, int]]]:
    """Kind → (opcode, value type, log2 of the natural alignment) for loads and stores: "i32_8u" is i32.load8_u."""
    loads, stores = {}, {}
    for op in OPS.values():
        if "memarg" not in op.immediates:
            continue
        namespace, _, rest = op.name.partition(".")
        suffix = rest.removeprefix("load").removeprefix("store")
        width = int("".join(c for c in suffix if c.isdigit()) or {"i32": 32, "f32": 32, "v128": 128}.get(namespace, 64))
        kind = f"{namespace}_{suffix.replace('_', '')}" if suffix else namespace
        align = (width // 8).bit_length() - 1
        if rest.startswith("load"):
            loads[kind] = (op.encoding, op.results[0], align)
        else:
            stores[kind] = (op.encoding, op.operands[1], align)
    return loads, stores


LOADS, STORES = _memory_kinds()
# Prefolded opcode + alignment hint; only the offset remains to be appended.
_LOAD = {kind: (code + bytes([align]), type_) for kind, (code, type_, align) in LOADS.items()}
_STORE = {kind: (code + bytes([align]), type_) for kind, (code, type_, align) in STORES.items()}
_MAX_FOLDED = 0x10000  # larger or negative offsets stay additions: they may be arithmetic, not addresses


def _address(pointer: Expr, offset: int) -> tuple[bytes, bytes]:
    """(code of the base address, encoded offset) with a constant addition folded into the offset."""
    if pointer.type != I32:
        raise TypeError(f"an address must be i32, not {type_text(pointer.type)}")
    if offset < 0:
        raise TypeError(f"negative offset {offset}; add it to the address")
    if pointer.plus is not None and 0 <= pointer.plus[1] <= _MAX_FOLDED:
        return pointer.plus[0], uleb(pointer.plus[1] + offset)
    return pointer.code, uleb(offset)


def load(kind: str, pointer: Expr, offset: int = 0) -> Expr:
    """The value at pointer + offset; kinds: i32 i64 f64 f32 v128 i32_8u i32_8s i32_16u … i64_32s v128_64zero."""
    if kind not in _LOAD:
        raise TypeError(f"no load kind {kind!r}; there are {', '.join(_LOAD)}")
    code, type_ = _LOAD[kind]
    base, at = _address(pointer, offset)
    return Expr(base + code + at, type_)


class Function:
    """A function being written. `params` are its parameters as Locals; statements append to `out`."""

    def __init__(
        self, module: Module, name: str, params: Sequence[tuple[str, int]], results: tuple[int, ...], position: int
    ) -> None:
        self.module = module
        self.name = name
        self.position = position
        self.export_name = ""
        self.param_types = tuple(type_ for _, type_ in params)
        self.results = results
        self.locals: list[Local] = [Local(i, type_, text) for i, (text, type_) in enumerate(params)]
        self.params = tuple(self.locals)
        self.temporaries: set[int] = set()  # locals that one expression assigns before it reads them
        self.out: list[Any] = []
        self.depth = 0
        self.innermost_if: If | None = None
        self._root = self.out
        self._body: bytes | None = None

    @property
    def index(self) -> int:
        """The index in the function index space. Errors: RuntimeError before freeze_imports()."""
        if not self.module.frozen:
            raise RuntimeError(f"{self.name} has no index yet: call module.freeze_imports() first")
        return len(self.module.imported) + self.position

    # --- locals and statements -------------------------------------------------------------------

    def local(self, type_: int, name: str = "", value: Operand | None = None) -> Local:
        """A new local; `value` also sets it here."""
        result = Local(len(self.locals), type_, name)
        self.locals.append(result)
        if value is not None:
            self.set(result, value)
        return result

    def temporary(self, type_: int, name: str = "") -> Local:
        """A new local that a single expression assigns before it reads it."""
        result = self.local(type_, name)
        self.temporaries.add(result.index)
        return result

    def set(self, target: Local | Global, value: Operand) -> None:
        """Assign: target = value."""
        if not isinstance(value, Expr) or value.type != target.type:
            value = constant(target.type, value)
        if isinstance(target, Local):
            item = Assign(value.code + _SET + target.encoded)
            item.targets = (target.index,)
            self.out.append(item)
        elif isinstance(target, Global) and target.mutable:
            self.out.append(value.code + _GLOBAL_SET + uleb(target.index))
        else:
            raise TypeError(f"cannot assign to {target!r}")

    def tee(self, target: Local, value: Operand) -> Expr:
        """The expression that sets target and has its value."""
        return Expr(constant(target.type, value).code + _TEE + target.encoded, target.type)

    def do(self, value: Expr) -> None:
        """Evaluate for effect; results are dropped."""
        n = 0 if value.type is None else len(value.type) if isinstance(value.type, tuple) else 1
        self.out.append(value.code + _DROP * n)

    def load(self, kind: str, pointer: Expr, offset: int = 0) -> Expr:
        """The value at pointer + offset (an expression; see `load`)."""
        return load(kind, pointer, offset)

    def store(self, kind: str, pointer: Expr, value: Operand, offset: int = 0) -> None:
        """Write value at pointer + offset; kinds: i32 i64 f64 f32 v128 i32_8 i32_16 i64_8 i64_16 i64_32."""
        if kind not in _STORE:
            raise TypeError(f"no store kind {kind!r}; there are {', '.join(_STORE)}")
        code, type_ = _STORE[kind]
        base, at = _address(pointer, offset)
        self.out.append(base + constant(type_, value).code + code + at)

    def memory_copy(self, dst: Expr, src: Expr, size: Operand) -> None:
        """Copy size bytes; the regions may overlap."""
        self._bulk("memory.copy", (dst, src, size), b"\0\0")

    def memory_fill(self, dst: Expr, byte: Operand, size: Operand) -> None:
        """Set size bytes."""
        self._bulk("memory.fill", (dst, byte, size), b"\0")

    def _bulk(self, name: str, operands: tuple[Operand, ...], immediates: bytes) -> None:
        self.out.append(b"".join(constant(I32, item).code for item in operands) + CODE[name] + immediates)

    def memory_size(self) -> Expr:
        """The memory's size in pages."""
        return Expr(CODE["memory.size"] + b"\0", I32)

    def memory_grow(self, pages: Operand) -> Expr:
        """Grow memory; the old size in pages, or -1."""
        return Expr(constant(I32, pages).code + CODE["memory.grow"] + b"\0", I32)

    def comment(self, text: str) -> None:
        """A note for the readable printers."""
        self.out.append(Comment(text))

    def unreachable(self) -> None:
        """Trap."""
        self.out.append(_UNREACHABLE)

    def ret(self, *values: Operand) -> None:
        """Return the values (or one call's several results)."""
        self.out.append(self._values(values, self.results, "return") + _RETURN)

    def result(self, *values: Operand) -> None:
        """Leave the values as the function's results; must be the last statement."""
        self.out.append(self._values(values, self.results, "result"))

    def _values(self, values: Sequence[Operand], types: tuple[int, ...], what: str) -> bytes:
        """The code of values checked against types."""
        if len(values) == 1 and isinstance(values[0], Expr) and values[0].type == types:
            return values[0].code
        if len(values) != len(types):
            raise TypeError(f"{self.name}: {what} takes {type_text(types)}, got {len(values)} values")
        return b"".join([constant(type_, value).code for type_, value in zip(types, values, strict=True)])

    # --- control flow ----------------------------------------------------------------------------

    def block(self, result: int | None = None) -> Label:
        """`with f.block() as out:`; `f.br(out)` jumps behind it. `result`: the type of the value it leaves."""
        return Label(self, _BLOCK + (_VOID if result is None else bytes([result])))

    def block_type(self, opener: bytes, results: tuple[int, ...]) -> bytes:
        """Opcode and block type for a block with these results."""
        if not results:
            return opener + _VOID
        if len(results) == 1:
            return opener + bytes(results)
        return opener + sleb(self.module.type_index((), results))

    def loop(self) -> Label:
        """`with f.loop() as top:`; `f.br(top)` jumps back to its start; without a branch it is left at its end."""
        return Label(self, _LOOP + _VOID)

    def if_(self, cond: Operand) -> If:
        """`with f.if_(cond): … f.else_() …`."""
        return If(self, constant(I32, cond))

    def else_(self) -> None:
        """The alternative of the innermost `with f.if_(…)`."""
        if self.innermost_if is None:
            raise RuntimeError("else_() outside of an if_")
        self.innermost_if.else_()

    def _relative(self, label: Label) -> bytes:
        if not 0 <= label.depth < self.depth:
            raise RuntimeError("branch to a block that is not open here")
        return uleb(self.depth - label.depth - 1)

    def br(self, label: Label, if_: Operand | None = None) -> None:
        """Jump to the end of a block or the start of a loop, if a condition (when given) holds."""
        if if_ is None:
            self._branch(_BR, (label,))
            return
        cond = constant(I32, if_)
        if cond.const is None:
            self._branch(cond.code + _BR_IF, (label,))
        elif cond.const:
            self._branch(_BR, (label,))

    def switch(self, index: Expr, labels: Sequence[Label], default: Label) -> None:
        """Jump to labels[index], or to default (br_table)."""
        self._branch(constant(I32, index).code + _BR_TABLE + uleb(len(labels)), (*labels, default))

    def _branch(self, head: bytes, labels: tuple[Label, ...]) -> None:
        item = Branch(head + b"".join([self._relative(label) for label in labels]))
        item.head, item.labels = head, labels
        self.out.append(item)

    # --- calls -----------------------------------------------------------------------------------

    def call(self, callee: str | Callee | Function, *args: Operand, inline: bool = False) -> Expr:
        """Call a kernel function by name, a Callee (import) or a Function. `inline`: expand its template here.

        The expression's type is the result's, None without one, a tuple for several (see call_multi).
        """
        if inline:
            from turso_wasm.wasm.symbols import expand

            return expand(self, str(callee), args)
        target: Any = self.module.callee(callee) if isinstance(callee, str) else callee
        results = target.results
        params = target.param_types if isinstance(target, Function) else target.params
        code = self.arguments(target.name, params, args) + _CALL + uleb(target.index)
        return Expr(code, results[0] if len(results) == 1 else results or None)

    def arguments(self, name: str, params: Sequence[int], args: Sequence[Operand]) -> bytes:
        """The code of a call's arguments, checked. Errors: TypeError naming callee and position."""
        if len(params) != len(args):
            raise TypeError(f"{name} takes {len(params)} arguments, got {len(args)}")
        codes = []
        for at, (type_, value) in enumerate(zip(params, args, strict=True)):
            if not isinstance(value, Expr) or value.type != type_:
                try:
                    value = constant(type_, value)
                except TypeError as error:
                    raise TypeError(f"{name}, argument {at + 1}: {error}") from None
            codes.append(value.code)
        return b"".join(codes)

    def call_multi(
        self,
        callee: str | Callee | Function,
        *args: Operand,
        into: Sequence[Local] | None = None,
        inline: bool = False,
    ) -> list[Local]:
        """Call a function with several results; they land in fresh locals, or in `into`."""
        value = self.call(callee, *args, inline=inline)
        types = value.type if isinstance(value.type, tuple) else () if value.type is None else (value.type,)
        targets = list(into) if into is not None else [self.local(type_) for type_ in types]
        if tuple(target.type for target in targets) != types:
            raise TypeError(f"call has results {type_text(types)}, not what `into` takes")
        item = Assign(value.code + b"".join([_SET + uleb(target.index) for target in reversed(targets)]))
        item.targets = tuple([target.index for target in targets])
        self.out.append(item)
        return targets

    def call_own(self, targets: Local | Sequence[Local], function: Function, *args: Operand) -> None:
        """Assign to `targets` the results of a function of this module; imports may still be added."""
        into = (targets,) if isinstance(targets, Local) else tuple(targets)
        self.out.append(OwnCall(into, function, self.arguments(function.name, function.param_types, args)))

    def call_indirect(self, index: Expr, params: Sequence[int], results: Sequence[int], *args: Operand) -> Expr:
        """Call the table's function `index`, which must have this signature (else a trap)."""
        type_index = self.module.type_index(params, results)
        code = self.arguments("call_indirect", params, args) + constant(I32, index).code
        type_ = results[0] if len(results) == 1 else tuple(results) or None
        return Expr(code + _CALL_INDIRECT + uleb(type_index) + b"\0", type_)

    # --- code decided later ----------------------------------------------------------------------

    def hole(self) -> Hole:
        """A place for code decided later: `hole.fill(code)` or `with f.into(hole): …`."""
        result = Hole(self)
        self.out.append(result)
        return result

    def into(self, hole: Hole) -> Hole:
        """`with f.into(hole):` statements go to the hole."""
        return hole

    def capture(self, extra_depth: int = 0) -> Capture:
        """`with f.capture() as body:` collects statements; `body.code()` is their bytes."""
        return Capture(self, extra_depth)

    # --- result ----------------------------------------------------------------------------------

    def code(self) -> bytes:
        """The instructions, without locals and the final end."""
        return b"".join(flatten(self._root))

    def set_body(self, body: bytes) -> None:
        """Replace the encoded body (locals, instructions, end): for optimized code."""
        self._body = body

    def encode(self) -> bytes:
        """The function's body: local declarations, instructions, end."""
        if self._body is not None:
            return self._body
        if self.depth:
            raise RuntimeError(f"{self.name}: {self.depth} blocks are still open")
        return encode_locals([local.type for local in self.locals[len(self.params) :]]) + self.code() + _END

    def comments(self) -> list[tuple[int, str]]:
        """(byte offset in the instructions, text) of each comment."""
        found: list[tuple[int, str]] = []
        _find_comments(self._root, 0, found)
        return found


class OwnCall(Late):
    """A call of a function of the same module, whose index is known when all imports are."""

    __slots__ = ("arguments", "function", "targets")

    def __init__(self, targets: tuple[Local, ...], function: Function, arguments: bytes) -> None:
        self.targets = targets
        self.function = function
        self.arguments = arguments

    def code(self) -> bytes:
        """See Late."""
        index = len(self.function.module.imported) + self.function.position
        sets = b"".join([_SET + uleb(target.index) for target in reversed(self.targets)])
        return self.arguments + _CALL + uleb(index) + sets


def _find_comments(out: list[Any], at: int, found: list[tuple[int, str]]) -> int:
    for item in out:
        if isinstance(item, Comment):
            found.append((at, str(item)))
        elif isinstance(item, Hole):
            at = _find_comments(item.out, at, found)
        elif isinstance(item, Late):
            at += len(item.code())
        else:
            at += len(item)
    return at


def encode_locals(types: Sequence[int]) -> bytes:
    """The local declarations of a body: runs of equal types."""
    runs: list[list[int]] = []
    for type_ in types:
        if runs and runs[-1][1] == type_:
            runs[-1][0] += 1
        else:
            runs.append([1, type_])
    return uleb(len(runs)) + b"".join([uleb(n) + bytes([type_]) for n, type_ in runs])


def __getattr__(name: str) -> Any:
    if name == "Module":  # the module model imports this file; so this name arrives on first use
        from turso_wasm.wasm.module import Module

        return Module
    raise AttributeError(name)


__all__ = [
    "F32",
    "F64",
    "FUNCREF",
    "I32",
    "I64",
    "LOADS",
    "STORES",
    "V128",
    "Expr",
    "Function",
    "Global",
    "Hole",
    "If",
    "Label",
    "Local",
    "add",
    "constant",
    "f32",
    "f64",
    "i32",
    "i64",
    "if_expr",
    "load",
    "multiply",
    "select",
    "v128",
    "wrap_to",
]
