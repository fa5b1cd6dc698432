"""A typed function as a function of the Program, and how SQL calls it.

It takes the statement, how deep it is in itself if it calls itself, and its parameters; it gives tag and payload of its
result, a negative tag when it failed (typed/types.py). Then, and when SQL's arguments are not of the parameters' types,
the same function is called in Python.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.base.tree import walk
from turso_wasm.codegen.typed.expressions import constant
from turso_wasm.codegen.typed.statements import emit_block
from turso_wasm.codegen.typed.values import FAILED, TAG, Place, params_of, zero
from turso_wasm.codegen.values import AFFINITY_CODE, NULL_VALUE, SqlValue, mask
from turso_wasm.kernel.abi import INTEGER, NULL, REAL, Run
from turso_wasm.typed import types
from turso_wasm.wasm.dsl import F64, I32, I64, Expr, Label, Local, i32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turso_wasm.bind import bound
    from turso_wasm.codegen.context import Context
    from turso_wasm.codegen.unit import Unit

ROUNDS = 1 << 16  # of a loop, until it looks whether it is to stop
MAX_DEPTH = 200  # of a function in itself; deeper than that Python goes alone


class Compiled:
    """A typed function of this Program. depth: its parameter, if it calls itself."""

    def __init__(self, function: types.Function, unit: Unit) -> None:
        params = [("stmt", I32), *([("depth", I32)] if function.recursive else []), *params_of(function.params)]
        self.f = unit.module.function(f"python_{function.name}", params, (I32, I64))
        self.depth = self.f.params[1] if function.recursive else None
        Body(function, self, unit).emit()


class Body:
    """The code of one function while it is written. fail: where it leaves for Python."""

    def __init__(self, function: types.Function, compiled: Compiled, unit: Unit) -> None:
        self.source = function
        self.function = compiled
        self.unit = unit
        self.f = f = compiled.f
        self.stmt = f.params[0]
        self.callees = [compiled_of(callee, unit) for callee in function.calls]
        self.breaks: list[Label] = []
        self.continues: list[Label] = []
        self.fail: Label
        nodes = list(walk(function.body))
        self.rebinds = any(isinstance(node, types.Bind) for node in nodes)
        self._has_loops = any(isinstance(node, types.While | types.ForRange | types.ForEach) for node in nodes)
        self.places = self._make_places({n.number for n in nodes if isinstance(n, types.Variable) and not n.certain})

    def _make_places(self, uncertain: set[int]) -> list[Place]:
        given = list(self.f.params[1 if self.function.depth is None else 2 :])
        places = []
        for number, type_ in enumerate(self.source.variables):
            if number < len(self.source.params):
                value, present = given.pop(0), given.pop(0) if type_.optional else None
                places.append(Place(self.f, type_, "", value, present))
            else:
                places.append(Place(self.f, type_, f"v{number}"))
        for number in uncertain:
            places[number].assigned = self.f.local(I32, f"v{number}_assigned")
        return places

    @property
    def depth(self) -> Local:
        """How deep it is in itself."""
        assert self.function.depth is not None, "it calls itself"
        return self.function.depth

    def emit(self) -> None:
        """Write the function."""
        f = self.f
        if self._has_loops:
            self._rounds = f.local(I32, "rounds", ROUNDS)
        with f.block() as self.fail:
            if self.function.depth is not None:
                f.br(self.fail, if_=self.depth > MAX_DEPTH)
                self._count_call()
            emit_block(self.source.body, self)
        f.result(FAILED, 0)

    def message(self, text: str) -> Expr:
        """What a `raise` says, as the payload of a failure."""
        return constant(types.Constant(type=types.STR, value=text), self.unit).value

    def tick(self) -> None:
        """A round of a loop: an interrupt is seen."""
        f = self.f
        f.set(self._rounds, self._rounds - 1)
        with f.if_(self._rounds.eqz()):
            f.set(self._rounds, ROUNDS)
            f.do(f.call("poll", self.stmt))

    def _count_call(self) -> None:
        """Calls of itself count down the statement's clock, as rows do."""
        f, at = self.f, Run.offset("budget")
        left = f.local(I32, "left", f.load("i32", self.stmt, at) - 1)
        f.store("i32", self.stmt, left, at)
        with f.if_(left < 0):
            f.do(f.call("poll", self.stmt))


def compiled_of(function: types.Function, unit: Unit) -> Compiled:
    """The function in this Program."""
    found = unit.typed.get(function)
    if found is None:
        found = unit.typed[function] = Compiled(function, unit)
    return found


def call_typed(node: bound.Call, values: Sequence[SqlValue], ctx: Context) -> SqlValue:
    """SQL's call of a typed function, of the user's or of the library."""
    function = node.body
    assert function is not None, "it is one"
    values = [_kept(value, ctx) for value in values]
    result = ctx.chosen()
    with ctx.f.block() as done:
        if node.number < 0:
            call_library(function, values, result, done, ctx)
        else:
            _call_own(function, node.number, values, result, done, ctx)
    result.types = _possible(function.result)
    if node.number < 0:
        result.types |= mask(NULL)
    return result


def _call_own(
    function: types.Function, number: int, values: Sequence[SqlValue], result: SqlValue, done: Label, ctx: Context
) -> None:
    """The user's: Python has the last word."""
    f = ctx.f
    with f.block() as fallback:
        operands = [
            argument(value, type_, fallback, ctx) for value, type_ in zip(values, function.params, strict=False)
        ]
        call_compiled(function, operands, result, ctx)
        f.br(done, if_=result.tag_expr >= 0)
    block = f.local(I32, "", ctx.frame_values(max(len(values), 1)))
    for at, value in enumerate(values):
        ctx.store_value(block, value, at)
    ctx.choose(result, ctx.call_alloc("user_function", block, len(values), number))


def call_library(
    function: types.Function, values: Sequence[SqlValue], result: SqlValue, done: Label, ctx: Context
) -> None:
    """One of the library: NULL for NULL, arguments are cast, what it raises is the error of the statement."""
    f = ctx.f
    with f.block() as absent:
        operands = []
        for value, type_ in zip(values, function.params, strict=False):
            if not type_.optional:
                f.br(absent, if_=value.has_tag(NULL))
            operands.append(argument(_cast(value, type_, ctx), type_, absent, ctx))
        call_compiled(function, operands, result, ctx)
        f.br(done, if_=result.tag_expr >= 0)
        message = f.local(I64, "", result.payload)
        with f.if_(message.eqz()):
            ctx.raise_error(SQLITE_ERROR, f"{function.name}() cannot be computed")
        ctx.do("raise_error", SQLITE_ERROR, message.wrap(), message.shr_u(32).wrap())
        f.unreachable()
    ctx.choose(result, NULL_VALUE)


def _cast(value: SqlValue, type_: types.Type, ctx: Context) -> SqlValue:
    """A value as SQL casts it to the type of a parameter; NULL stays NULL."""
    if type_.kind == "bool":
        return SqlValue(INTEGER, ctx.f.call("truth", *value.pair).extend_u() & 1)
    if value.is_always(TAG[type_.kind]):
        return value
    cast = _AFFINITY[type_.kind]
    return ctx.call_alloc("cast_value", value, AFFINITY_CODE[cast], types=mask(TAG[type_.kind], NULL))


_AFFINITY: Final[dict[str, str]] = {"int": "D", "float": "E", "str": "B", "bytes": "A"}


def call_compiled(function: types.Function, operands: list[list[Expr]], result: SqlValue, ctx: Context) -> None:
    """Call it; a negative tag: it failed."""
    assert isinstance(result.tag, Local) and isinstance(result.payload, Local)
    compiled = compiled_of(function, ctx.unit)
    ctx.allocates = True
    flat: list[Expr] = [] if compiled.depth is None else [i32(0)]
    for operand in operands:
        flat += operand
    missing = len(function.params) - len(operands)
    for default in function.defaults[len(function.defaults) - missing :]:
        flat += _default(default, ctx)
    if _adds_texts(function):
        ctx.f.do(ctx.f.call("py_begin", inline=True))
    ctx.f.call_own((result.tag, result.payload), compiled.f, ctx.stmt, *flat)
    _leave_nan(result, function.result, ctx)


@cache
def _adds_texts(function: types.Function) -> bool:
    if any(isinstance(node, types.Operation) and node.name == "str_add" for node in walk(function.body)):
        return True
    return any(map(_adds_texts, function.calls))


def _kept(value: SqlValue, ctx: Context) -> SqlValue:
    if value.payload.const is not None or isinstance(value.payload, Local):
        return value
    return SqlValue(value.tag, ctx.f.local(I64, "", value.payload), value.types)


def argument(value: SqlValue, type_: types.Type, fallback: Label, ctx: Context) -> list[Expr]:
    """A value as a parameter of that type; what is none goes to `fallback`."""
    f, payload = ctx.f, value.payload
    tag = TAG[type_.kind]
    fits = value.has_tag(tag)
    converted: Expr = payload
    if type_.kind == "float":
        fits = fits | value.has_tag(INTEGER)
        converted = _real(value, ctx)
    elif type_.kind == "bool":
        fits = fits & (payload.lt_u(2))
        converted = payload.wrap()
    if type_.optional:
        fits = fits | value.has_tag(NULL)
    f.br(fallback, if_=fits.eqz())
    return [converted, value.has_tag(NULL).eqz()] if type_.optional else [converted]


def _real(value: SqlValue, ctx: Context) -> Expr:
    """An integer or a real as an f64."""
    if value.is_always(REAL):
        return value.payload.reinterpret()
    if value.is_always(INTEGER):
        return value.payload.to_f64_s()
    result = ctx.f.local(F64, "", value.payload.reinterpret())
    with ctx.f.if_(value.has_tag(INTEGER)):
        ctx.f.set(result, value.payload.to_f64_s())
    return result


def _default(default: types.Constant, ctx: Context) -> list[Expr]:
    found = constant(default, ctx.unit)
    if not default.type.optional:
        return [found.value]
    return [zero(default.type), i32(0)] if default.value is None else [found.value, i32(1)]


def _leave_nan(result: SqlValue, type_: types.Type, ctx: Context) -> None:
    """NaN is NULL in SQL."""
    if type_.kind == "float":
        f = ctx.f
        assert isinstance(result.tag, Local)
        number = result.payload.reinterpret()
        with f.if_((result.tag == REAL) & (number != number)):
            f.set(result.tag, NULL)


def _possible(type_: types.Type) -> int:
    """The storage classes of a result; runtime.typed sees to it that Python's is one of them."""
    found = mask(TAG[type_.kind]) if type_.kind != "none" else mask(NULL)
    return found | mask(NULL) if type_.optional or type_.kind == "float" else found
