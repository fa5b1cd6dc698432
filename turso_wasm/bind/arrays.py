"""Arrays: functions of them, on the JSON that a column stores; what they give is read as `{…}` (library.arrays)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.schema import bind_schema_expr
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.types import PLACE, read_value
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.user_types import array_type
from turso_wasm.sql import ast

Arguments = tuple[bound.Expr, ...]


def bind_array_call(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """A call of one of FUNCTIONS."""
    return _Call(binder, binder.exprs(node.arguments, scope)).made(fold(node.name))


def bind_array_agg(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """array_agg(x): the values of a group, also as a window function."""
    values = binder.expr(replace(node, name="json_group_array"), scope)
    return read_value(binder, array_type("[]"), values)


def unnested(source: ast.TableFunctionSource) -> ast.TableFunctionSource:
    """What unnest() takes is JSON, or an array."""
    return replace(source, arguments=(ast.FunctionCall("array_rows", source.arguments, span=source.span),))


class _Call:
    """One call. j(n): the JSON of an argument that is an array; e(n): that of one that is an item."""

    def __init__(self, binder: Binder, args: Arguments) -> None:
        self.binder = binder
        self.args = args

    def made(self, name: str) -> bound.Expr:
        return FUNCTIONS[name](self)

    def __len__(self) -> int:
        return len(self.args)

    def call(self, name: str, *args: bound.Expr | int) -> bound.Expr:
        given = tuple([ast.Given(bound.Constant(value=arg) if isinstance(arg, int) else arg) for arg in args])
        return bind_schema_expr(self.binder, ast.FunctionCall(name, given), [], "", PLACE)

    def arg(self, at: int) -> bound.Expr:
        return self.args[at]

    def j(self, at: int) -> bound.Expr:
        arg = self.args[at]
        if is_array(arg) and isinstance(arg, bound.Generated) and arg.stored is not None:
            return arg.stored
        return self.call("array_json", arg)

    def e(self, at: int) -> bound.Expr:
        return self.j(at) if is_array(self.args[at]) else self.call("json_quote", self.args[at])

    def array(self, name: str, *args: bound.Expr | int) -> bound.Expr:
        """The array that a function gives as JSON."""
        return read_value(self.binder, array_type("[]"), self.call(name, *args))

    def extracted(self) -> bound.Expr:
        """The item at a place, which counts from 1; NULL where there is none."""
        place = bound.Binary(op="-", left=self.arg(1), right=bound.Constant(value=1))
        path = bound.Binary(op="||", left=bound.Constant(value="$["), right=place)
        path = bound.Binary(op="||", left=path, right=bound.Constant(value="]"))
        item = self.call("json_extract", self.j(0), path)
        inside = self.call("json_type", self.j(0), path)
        is_inner = bound.Compare(op="=", left=inside, right=bound.Constant(value="array"))
        valid = bound.Compare(op=">=", left=self.arg(1), right=bound.Constant(value=1))
        outside = (bound.Unary(op="not", operand=valid), bound.Constant(value=None))
        return bound.Case(whens=(outside, (is_inner, self.call("array_text", item))), otherwise=item)

    def rows(self) -> bound.Expr:
        """The JSON of an array, or of what may be the JSON of one."""
        if is_array(self.arg(0)):
            return self.j(0)
        start = self.call("substr", self.call("ltrim", self.arg(0)), 1, 1)
        is_text = bound.Compare(op="=", left=start, right=bound.Constant(value="{"))
        return bound.Case(whens=((is_text, self.j(0)),), otherwise=self.arg(0))

    def made_of(self) -> bound.Expr:
        """ARRAY[…]: the items as JSON, those that are arrays as such."""
        items = [self.call("json", self.j(at)) if is_array(arg) else arg for at, arg in enumerate(self.args)]
        return self.array("json_array", *items)


def is_array(expr: bound.Expr) -> bool:
    """Its type is an array's."""
    return isinstance(expr, bound.Generated) and (expr.decltype or "").endswith("[]")


def _dims(call: _Call) -> bound.Expr:
    length = call.call("json_array_length", call.j(0))
    text = bound.Binary(op="||", left=bound.Constant(value="[1:"), right=length)
    return bound.Binary(op="||", left=text, right=bound.Constant(value="]"))


def _length(call: _Call) -> bound.Expr:
    """Of the arrays that deep inside, by their first items."""
    if len(call) == 1:
        return call.call("json_array_length", call.j(0))
    deeper = bound.Binary(op="-", left=call.arg(1), right=bound.Constant(value=1))
    path = call.call("repeat", bound.Constant(value="[0]"), deeper)
    path = bound.Binary(op="||", left=bound.Constant(value="$"), right=path)
    return call.call("json_array_length", call.j(0), path)


FUNCTIONS: Final[dict[str, Callable[[_Call], bound.Expr]]] = {
    "array_of": _Call.made_of,
    "array_get": _Call.extracted,
    "array_set": lambda c: c.array("array_json_set", c.j(0), c.arg(1), c.e(2)),
    "array_slice": lambda c: c.array("array_json_slice", c.j(0), c.arg(1), c.arg(2)),
    "array_length": _length,
    "array_upper": _length,
    "array_ndims": lambda c: c.call("array_json_ndims", c.j(0)),
    "array_dims": _dims,
    "array_append": lambda c: c.array("array_json_cat", c.j(0), c.call("array_json_fill", c.e(1), 1)),
    "array_prepend": lambda c: c.array("array_json_cat", c.call("array_json_fill", c.e(0), 1), c.j(1)),
    "array_cat": lambda c: c.array("array_json_cat", c.j(0), c.j(1)),
    "array_remove": lambda c: c.array("array_json_remove", c.j(0), c.e(1)),
    "array_replace": lambda c: c.array("array_json_replace", c.j(0), c.e(1), c.e(2)),
    "array_contains": lambda c: bound.IsNull(operand=c.call("array_json_find", c.j(0), c.e(1)), negated=True),
    "array_contains_all": lambda c: c.call("array_json_has", c.j(0), c.j(1), 1),
    "array_overlap": lambda c: c.call("array_json_has", c.j(0), c.j(1), 0),
    "array_overlaps": lambda c: c.call("array_json_has", c.j(0), c.j(1), 0),
    "array_position": lambda c: c.call("array_json_find", c.j(0), c.e(1)),
    "array_fill": lambda c: c.array("array_json_fill", c.e(0), c.arg(1)),
    "array_to_json": lambda c: c.j(0),
    "array_rows": _Call.rows,
    "array_sort": lambda c: c.array("array_json_sort", c.j(0)),
    "string_to_array": lambda c: c.array("array_json_split", *c.args),
    "array_to_string": lambda c: c.call("array_json_join", c.j(0), *c.args[1:]),
}
"""By name, what a call stands for."""
