"""Calls in typed Python: builtins, methods of str and bytes, the math module, other typed functions."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from turso_wasm.typed.characters import category, folded
from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.source import MISSING
from turso_wasm.typed.types import (
    BOOL,
    FLOAT,
    INT,
    OPERATIONS,
    STR,
    Expr,
    Invoke,
    Length,
    Truth,
    Type,
)

if TYPE_CHECKING:
    from turso_wasm.typed.expressions import Expressions

_PLAIN: Final[dict[Any, str]] = {
    category: "char_category", folded: "char_folded", bytes.fromhex: "bytes_fromhex", bytes: "bytes_of",
    ord: "str_ord", chr: "int_chr", math.floor: "float_floor", math.ceil: "float_ceil", math.trunc: "float_int",
    math.fabs: "float_abs", math.isnan: "float_isnan", math.isinf: "float_isinf", math.isfinite: "float_isfinite",
    math.sqrt: "math_sqrt", math.exp: "math_exp", math.log: "math_log", math.log2: "math_log2",
    math.log10: "math_log10", math.sin: "math_sin", math.cos: "math_cos", math.tan: "math_tan", math.atan: "math_atan",
}  # fmt: skip
_METHODS: Final = frozenset((
    "find", "count", "startswith", "endswith", "replace", "strip", "lstrip", "rstrip", "upper", "lower",
    "encode", "hex", "isdigit", "isalpha", "isalnum", "isspace",
))  # fmt: skip


def call(reader: Expressions, node: ast.Call) -> Expr:
    """A call. Errors: NotTyped."""
    if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
        raise NotTyped("a call in typed Python has positional arguments only", node)
    meaning = reader.meaning(node.func)
    if meaning is MISSING:
        return _method(reader, node)
    args = [reader.items(arg) if meaning is len else reader.value(arg) for arg in node.args]
    special = _SPECIAL.get(meaning) if isinstance(meaning, type | type(len)) else None
    if special is not None:
        return special(reader, args, node)
    name = _PLAIN.get(meaning) if callable(meaning) and getattr(meaning, "__hash__", None) else None
    if name is None:
        return _invoke(reader, meaning, args, node)
    if len(args) != 1:
        raise NotTyped(f"{ast.unparse(node.func)}() takes one argument here", node)
    if name in ("float_floor", "float_ceil", "float_int") and _kind(args[0]) == "int":
        return _integer(reader, args, node)
    return reader.operation(name, tuple(args), node)


def _kind(value: Expr) -> str:
    return "int" if value.type.kind == "bool" else value.type.kind


def _method(reader: Expressions, node: ast.Call) -> Expr:
    if not isinstance(node.func, ast.Attribute):
        raise NotTyped("this cannot be called in typed Python", node)
    on = reader.present(reader.value(node.func.value), node.func.value)
    name = f"{on.type.kind}_{node.func.attr}"
    if node.func.attr not in _METHODS or name not in OPERATIONS:
        raise NotTyped(f"{on.type} has no method {node.func.attr}() in typed Python", node)
    if len(node.args) + 1 != len(OPERATIONS[name].params):
        n = len(OPERATIONS[name].params) - 1
        raise NotTyped(f"{node.func.attr}() takes {n} argument{'s'[n == 1 :]} in typed Python", node)
    return reader.operation(name, (on, *[reader.value(arg) for arg in node.args]), node)


# --- builtins that go by the type of their argument -------------------------------------------------------------------


def _only(args: list[Expr], node: ast.Call) -> Expr:
    if len(args) != 1:
        raise NotTyped(f"{ast.unparse(node.func)}() takes one argument here", node)
    return args[0]


def _integer(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    value = reader.present(_only(args, node), node)
    match _kind(value):
        case "int":
            return reader.as_type(value, INT, node, "int()", widen=True)
        case "float":
            return reader.operation("float_int", (value,), node)
        case "str":
            return reader.operation("str_int", (value,), node)
        case _:
            raise NotTyped(f"int() of {value.type} is not part of typed Python", node)


def _float(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    value = reader.present(_only(args, node), node)
    if _kind(value) not in ("int", "float"):
        raise NotTyped(f"float() of {value.type} is not part of typed Python", node)
    return reader.as_type(value, FLOAT, node, "float()", widen=True)


def _bool(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    value = _only(args, node)
    return value if value.type == BOOL else Truth(type=BOOL, value=value)


def _str(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    return _text(reader, _only(args, node), node)


def _text(reader: Expressions, value: Expr, node: ast.AST) -> Expr:
    value = reader.present(value, node)
    if value.type == STR:
        return value
    if value.type != INT:
        raise NotTyped(f"str() of {value.type} is not part of typed Python", node)
    return reader.operation("int_str", (value,), node)


def text_of(reader: Expressions, part: ast.expr) -> Expr:
    """A part of an f-string. Errors: NotTyped."""
    if isinstance(part, ast.FormattedValue):
        if part.conversion != -1 or part.format_spec is not None:
            raise NotTyped("formats in f-strings are not part of typed Python", part)
        return _text(reader, reader.value(part.value), part.value)
    return reader.value(part)


def _length(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    value = reader.present(_only(args, node), node)
    if value.type.element is not None:
        return Length(type=INT, items=value)
    if value.type.kind not in ("str", "bytes"):
        raise NotTyped(f"{value.type} has no len()", node)
    return reader.operation(f"{value.type.kind}_len", (value,), node)


def _abs(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    value = reader.present(_only(args, node), node)
    if _kind(value) not in ("int", "float"):
        raise NotTyped(f"no abs() of {value.type}", node)
    return reader.operation(f"{_kind(value)}_abs", (value,), node)


def _round(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
    if len(args) != 1:
        raise NotTyped("round() to a number of digits is not part of typed Python", node)
    value = reader.present(args[0], node)
    return _integer(reader, args, node) if _kind(value) == "int" else reader.operation("float_round", (value,), node)


def _extreme(word: str) -> Callable[[Expressions, list[Expr], ast.Call], Expr]:
    def choose(reader: Expressions, args: list[Expr], node: ast.Call) -> Expr:
        values = [reader.present(arg, node) for arg in args]
        kinds = {_kind(value) for value in values}
        if len(values) < 2 or len(kinds) != 1 or not kinds <= {"int", "float"}:
            raise NotTyped(f"{word}() takes two or more ints, or floats, in typed Python", node)
        result = values[0]
        for value in values[1:]:
            result = reader.operation(f"{_kind(value)}_{word}", (result, value), node)
        return result

    return choose


_SPECIAL: Final[dict[Any, Callable[[Expressions, list[Expr], ast.Call], Expr]]] = {
    builtins.int: _integer, builtins.float: _float, builtins.bool: _bool, builtins.str: _str, builtins.len: _length,
    builtins.abs: _abs, builtins.round: _round, builtins.min: _extreme("min"), builtins.max: _extreme("max"),
}  # fmt: skip


# --- typed functions --------------------------------------------------------------------------------------------------


def _invoke(reader: Expressions, meaning: Any, args: list[Expr], node: ast.Call) -> Expr:
    from turso_wasm.typed.check import compile_function  # which reads expressions

    scope = reader.scope
    meaning = getattr(meaning, "__wrapped__", meaning)
    if meaning is scope.source.function:
        scope.recursive = True
        names = list(scope.numbers)[: scope.n_params]
        params = tuple(scope.types[scope.numbers[name]] for name in names)
        defaults, result, place = scope.defaults, scope.result, -1
    else:
        known = scope.calls.get(meaning)
        if known is None:
            try:
                known = compile_function(meaning)
            except NotTyped as error:
                raise NotTyped(f"{ast.unparse(node.func)}() cannot be compiled: {error.message}", node) from error
            scope.calls[meaning] = known
        params, defaults, result = known.params, list(known.defaults), known.result
        place = list(scope.calls).index(meaning)
    missing = len(params) - len(args)
    if not 0 <= missing <= len(defaults):
        raise NotTyped(f"{ast.unparse(node.func)}() takes {len(params)} arguments, not {len(args)}", node)
    given = [*args, *defaults[len(defaults) - missing :]]
    converted = tuple(
        reader.as_type(_fit(value, type_, reader, node), type_, node, "an argument", widen=True)
        for value, type_ in zip(given, params, strict=True)
    )
    return Invoke(type=result, function=place, args=converted)


def _fit(value: Expr, type_: Type, reader: Expressions, node: ast.AST) -> Expr:
    """An argument that may be None, where a parameter may not."""
    return value if type_.optional or not value.type.optional else reader.present(value, node)
