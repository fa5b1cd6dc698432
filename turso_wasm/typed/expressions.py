"""Typed expressions: Python's operators and calls as operations of the kernel (types.OPERATIONS)."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from turso_wasm.typed import calls
from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.source import MISSING, type_of
from turso_wasm.typed.types import (
    BOOL,
    FLOAT,
    INT,
    LISTS,
    NONE,
    OPERATIONS,
    TUPLES,
    Bind,
    Choice,
    Constant,
    Convert,
    Expr,
    IsNone,
    Item,
    Kind,
    Let,
    MakeList,
    Operation,
    Truth,
    Type,
    Variable,
    join,
)

if TYPE_CHECKING:
    from turso_wasm.typed.scope import Scope

_BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
}  # fmt: skip
_SIGNS: Final = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"
}  # fmt: skip

_WORDS: Final = {
    "Tuple": "a tuple", "Dict": "a dictionary", "Set": "a set", "Lambda": "a lambda",
    "ListComp": "a comprehension", "SetComp": "a comprehension", "DictComp": "a comprehension",
    "GeneratorExp": "a generator", "Await": "await", "Yield": "yield", "YieldFrom": "yield",
}  # fmt: skip


class Expressions:
    """Reads the expressions of one function."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def value(self, node: ast.expr) -> Expr:
        """An expression. Errors: NotTyped."""
        found = self.items(node)
        if found.type in TUPLES.values():
            raise NotTyped("a tuple can be indexed, counted and gone through only", node)
        return found

    def items(self, node: ast.expr) -> Expr:
        """An expression, or a tuple from outside. Errors: NotTyped."""
        read = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read is None:
            raise NotTyped(f"{_WORDS.get(type(node).__name__, 'this')} is not part of typed Python", node)
        found: Expr = read(node)
        return found

    # --- types ----------------------------------------------------------------------------------------------------

    def present(self, value: Expr, node: ast.AST) -> Expr:
        """The value, which fails where it is None. Errors: NotTyped, when it always is."""
        if value.type.kind == "none":
            raise NotTyped("this is None", node)
        return Convert(type=Type(value.type.kind), value=value) if value.type.optional else value

    def as_type(self, value: Expr, type_: Type, node: ast.AST, what: str, widen: bool = False) -> Expr:
        """The value as that type. widen: a bool will do for an int. Errors: NotTyped."""
        have = value.type
        if have == type_:
            return value
        joined = join(have, type_)
        if joined == type_ or (joined is not None and joined.kind == type_.kind):
            return Convert(type=type_, value=value)
        if have.kind == "bool" and type_.kind in ("int", "float") and (widen or what == "the result"):
            return Convert(type=type_, value=value)
        raise NotTyped(f"{what} is {type_}, not {have}", node)

    def truth(self, node: ast.expr) -> Expr:
        """Whether the value counts as true."""
        value = self.value(node)
        return value if value.type == BOOL else Truth(type=BOOL, value=value)

    def operation(self, name: str, args: tuple[Expr, ...], node: ast.AST) -> Expr:
        """One of OPERATIONS, its arguments converted. Errors: NotTyped."""
        signature = OPERATIONS[name]
        converted = tuple(
            self.as_type(self.present(arg, node), Type(kind), node, "an operand", widen=True)
            for arg, kind in zip(args, signature.params, strict=True)
        )
        return Operation(type=Type(signature.result), name=name, args=converted)

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Expr:
        type_ = type_of(node.value)
        if type_ is None:
            raise NotTyped("this constant cannot be compiled", node)
        return Constant(type=type_, value=node.value)  # type: ignore[arg-type]

    def _name(self, node: ast.Name) -> Expr:
        scope = self.scope
        number = scope.numbers.get(node.id)
        if number is not None:
            return Variable(type=scope.types[number], number=number, certain=scope.is_known(number))
        if node.id in scope.assigned:
            raise NotTyped(f"{node.id!r} is used before it is assigned", node)
        return self._outside(scope.outside(node.id, node), node.id, node)

    def _outside(self, value: object, name: str, node: ast.AST) -> Expr:
        type_ = type_of(value)
        if type_ is None:
            raise NotTyped(f"{name!r} is no constant of a type that can be compiled", node)
        self.scope.named[name] = value
        return Constant(type=type_, value=value)  # type: ignore[arg-type]

    def _attribute(self, node: ast.Attribute) -> Expr:
        value = self.meaning(node)
        if value is MISSING:
            raise NotTyped("attributes are not part of typed Python", node)
        return self._outside(value, ast.unparse(node), node)

    def meaning(self, node: ast.expr) -> Any:
        """What a name, or a name of a module (math.sqrt), stands for outside of the function; MISSING if nothing."""
        if isinstance(node, ast.Name):
            is_variable = node.id in self.scope.numbers or node.id in self.scope.assigned
            return MISSING if is_variable else self.scope.source.lookup(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self.meaning(node.value)
            if type(module).__name__ == "module" or module is bytes:
                return getattr(module, node.attr, MISSING)
        return MISSING

    # --- operators ------------------------------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp) -> Expr:
        left, right = (self.present(self.value(side), side) for side in (node.left, node.right))
        if isinstance(node.op, ast.Mult) and isinstance(left, MakeList) and len(left.items) == 1:
            count = self.as_type(right, INT, node, "the number of elements", widen=True)
            return MakeList(type=left.type, items=left.items, count=count)
        op = _BINARY.get(type(node.op))
        kinds = {left.type.kind, right.type.kind}
        name = f"{_shared(kinds)}_{op}" if op else ""
        if op == "mul" and kinds & {"str"} and kinds & {"int", "bool"}:
            name, left, right = "str_mul", *((left, right) if left.type.kind == "str" else (right, left))
        if kinds == {"bool"} and op in ("and", "or", "xor"):
            name = f"bool_{op}"
        if name not in OPERATIONS:
            sign = _SIGNS.get(type(node.op), type(node.op).__name__)
            raise NotTyped(f"no operator {sign} for {left.type} and {right.type}", node)
        return self.operation(name, (left, right), node)

    def _unaryop(self, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.Not):
            return Truth(type=BOOL, value=self.value(node.operand), negated=True)
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if isinstance(value, int | float) and type_of(-value) is not None:
                return Constant(type=FLOAT if isinstance(value, float) else INT, value=-value)
        operand = self.present(self.value(node.operand), node.operand)
        kind = _shared({operand.type.kind})
        if isinstance(node.op, ast.UAdd) and kind in ("int", "float"):
            return self.as_type(operand, Type(kind), node, "an operand", widen=True)
        name = f"{kind}_{'neg' if isinstance(node.op, ast.USub) else 'invert'}"
        if name not in OPERATIONS:
            raise NotTyped(f"no such operator for {operand.type}", node)
        return self.operation(name, (operand,), node)

    def _boolop(self, node: ast.BoolOp) -> Expr:
        """and, or: the first value that decides, or the last."""
        is_or = isinstance(node.op, ast.Or)
        values = [self._under(part, at > 0) for at, part in enumerate(node.values)]
        result = values[-1]
        for value in values[-2::-1]:
            joined = join(value.type, result.type)
            if joined is None:
                raise NotTyped(f"and/or of {value.type} and {result.type}", node)
            result = self._decide(value, result, joined, is_or, node)
        return result

    def _decide(self, value: Expr, rest: Expr, type_: Type, is_or: bool, node: ast.AST) -> Expr:
        """`value or rest`, `value and rest`."""

        def choose(kept: Expr) -> Expr:
            test = kept if kept.type == BOOL else Truth(type=BOOL, value=kept)
            arms = (kept, rest) if is_or else (rest, kept)
            then, otherwise = (self.as_type(arm, type_, node, "and/or") for arm in arms)
            return Choice(type=type_, test=test, then=then, otherwise=otherwise)

        return self.keep(value, choose)

    def keep(self, value: Expr, use: Callable[[Expr], Expr]) -> Expr:
        """What `use` makes of a value that it names more than once."""
        if isinstance(value, Variable | Constant):
            return use(value)
        number = self.scope.hidden(value.type)
        body = use(Variable(type=value.type, number=number))
        return Let(type=body.type, number=number, value=value, body=body)

    def _under(self, node: ast.expr, conditional: bool) -> Expr:
        """A part that may not be reached: what it assigns need not have a value afterwards."""
        before = self.scope.known
        value = self.value(node)
        if conditional:
            self.scope.meet(before)
        return value

    def _ifexp(self, node: ast.IfExp) -> Expr:
        test = self.truth(node.test)
        then, otherwise = self._under(node.body, True), self._under(node.orelse, True)
        type_ = join(then.type, otherwise.type)
        if type_ is None:
            raise NotTyped(f"one of {then.type} and {otherwise.type}", node)
        then, otherwise = (self.as_type(arm, type_, node, "the choice") for arm in (then, otherwise))
        return Choice(type=type_, test=test, then=then, otherwise=otherwise)

    def _namedexpr(self, node: ast.NamedExpr) -> Expr:
        value = self.value(node.value)
        number = self.scope.assign(node.target.id, value.type, node)
        type_ = self.scope.types[number]
        return Bind(type=type_, number=number, value=self.as_type(value, type_, node, node.target.id))

    # --- comparisons ------------------------------------------------------------------------------------------------

    def _compare(self, node: ast.Compare) -> Expr:
        return self._chain(self.value(node.left), 0, node)

    def _chain(self, left: Expr, at: int, node: ast.Compare) -> Expr:
        """The comparisons from number `at` on."""
        op, written = node.ops[at], node.comparators[at]
        is_last = at + 1 == len(node.ops)
        if isinstance(op, ast.In | ast.NotIn):
            if not is_last:
                raise NotTyped("`in` is not chained in typed Python", node)
            found = self._membership(left, written, node)
            return found if isinstance(op, ast.In) else Truth(type=BOOL, value=found, negated=True)
        right = self._under(written, at > 0)
        if is_last:
            return self._comparison(op, left, right, node)
        false = Constant(type=BOOL, value=False)

        def both(kept: Expr) -> Expr:
            test = self._comparison(op, left, kept, node)
            return Choice(type=BOOL, test=test, then=self._chain(kept, at + 1, node), otherwise=false)

        return self.keep(right, both)

    def _comparison(self, op: ast.cmpop, left: Expr, right: Expr, node: ast.AST) -> Expr:
        none = NONE in (left.type, right.type)
        if isinstance(op, ast.Is | ast.IsNot) or (none and isinstance(op, ast.Eq | ast.NotEq)):
            if not none:
                raise NotTyped("`is` compares with None only", node)
            other = left if right.type == NONE else right
            return IsNone(type=BOOL, value=other, negated=isinstance(op, ast.IsNot | ast.NotEq))
        word = _COMPARISONS[type(op)]
        if word in ("eq", "ne") and (left.type.optional or right.type.optional):
            return self.keep(left, lambda a: self.keep(right, lambda b: self._equal_or_none(word, a, b, node)))
        return self._pair(word, self.present(left, node), self.present(right, node), node)

    def _equal_or_none(self, word: str, left: Expr, right: Expr, node: ast.AST) -> Expr:
        """Equality of what may be None, which is equal to itself only."""
        right_is_none = IsNone(type=BOOL, value=right, negated=word == "ne")
        values = self._pair(word, self.present(left, node), self.present(right, node), node)
        different = Constant(type=BOOL, value=word == "ne")
        if right.type.optional:
            values = Choice(type=BOOL, test=IsNone(type=BOOL, value=right), then=different, otherwise=values)
        if not left.type.optional:
            return values
        return Choice(type=BOOL, test=IsNone(type=BOOL, value=left), then=right_is_none, otherwise=values)

    def _pair(self, word: str, left: Expr, right: Expr, node: ast.AST) -> Expr:
        kinds = {left.type.kind, right.type.kind}
        kind = _shared(kinds)
        if kind is None:
            raise NotTyped(f"{left.type} is compared with {right.type}", node)
        if kind == "float" and len(kinds) > 1:
            left, right = (self._exact(side, node) for side in (left, right))
        return self.operation(f"{kind}_{word}", (left, right), node)

    def _exact(self, side: Expr, node: ast.AST) -> Expr:
        """An integer as a float that is equal to it, or failure."""
        return side if side.type.kind == "float" else self.operation("int_exact", (side,), node)

    def _membership(self, left: Expr, container: ast.expr, node: ast.AST) -> Expr:
        if isinstance(container, ast.Tuple | ast.List | ast.Set):
            items = [self.value(item) for item in container.elts]
        else:
            value = self.meaning(container)
            if isinstance(value, tuple | frozenset):
                items = [
                    self._outside(item, f"{ast.unparse(container)}[{at}]", container) for at, item in enumerate(value)
                ]
            else:
                within = self.present(self.value(container), container)
                name = f"{within.type.kind}_contains"
                if name not in OPERATIONS:
                    raise NotTyped(f"nothing is in {within.type}", container)
                return self.operation(name, (within, left), node)
        return self._one_of(left, items, node)

    def _one_of(self, left: Expr, items: list[Expr], node: ast.AST) -> Expr:
        """Whether it is equal to one of them, all of which are computed first, as Python does."""

        def compare(kept: Expr, known: list[Expr]) -> Expr:
            if len(known) < len(items):
                return self.keep(items[len(known)], lambda item: compare(kept, [*known, item]))
            result: Expr = Constant(type=BOOL, value=False)
            for item in reversed(known):
                equal = self._comparison(ast.Eq(), kept, item, node)
                result = Choice(type=BOOL, test=equal, then=Constant(type=BOOL, value=True), otherwise=result)
            return result

        return self.keep(left, lambda kept: compare(kept, []))

    # --- calls, places in texts ---------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Expr:
        return calls.call(self, node)

    def _subscript(self, node: ast.Subscript) -> Expr:
        value = self.present(self.items(node.value), node.value)
        kind = value.type.kind
        if value.type.element is not None and not isinstance(node.slice, ast.Slice):
            return Item(type=value.type.element, items=value, at=self.place(node.slice))
        if kind not in ("str", "bytes"):
            raise NotTyped(f"{value.type} has no places", node)
        if not isinstance(node.slice, ast.Slice):
            return self.operation(f"{kind}_index", (value, self.value(node.slice)), node)
        if node.slice.step is not None:
            raise NotTyped("a slice with a step is not part of typed Python", node)
        ends = []
        for end, open_end in ((node.slice.lower, 0), (node.slice.upper, (1 << 63) - 1)):
            ends.append(Constant(type=INT, value=open_end) if end is None else self.value(end))
        return self.operation(f"{kind}_slice", (value, *ends), node)

    def place(self, node: ast.expr) -> Expr:
        """An index."""
        return self.as_type(self.present(self.value(node), node), INT, node, "an index", widen=True)

    def _list(self, node: ast.List) -> Expr:
        items = [self.value(item) for item in node.elts]
        if not items:
            raise NotTyped("an empty list needs a type: write `name: list[int] = []`", node)
        element: Type | None = items[0].type
        for item in items[1:]:
            element = element and join(element, item.type)
        return self.list_of(items, element, Constant(type=INT, value=1), node)

    def list_of(self, items: list[Expr], element: Type | None, count: Expr, node: ast.AST) -> Expr:
        """A list of such elements. Errors: NotTyped, when there are none of them."""
        if element is None or element not in LISTS:
            raise NotTyped("a list holds int, float or str, all alike", node)
        converted = tuple(self.as_type(item, element, node, "an element") for item in items)
        return MakeList(type=LISTS[element], items=converted, count=count)

    def _joinedstr(self, node: ast.JoinedStr) -> Expr:
        parts = [calls.text_of(self, part) for part in node.values]
        if not parts:
            return Constant(type=Type("str"), value="")
        result = parts[0]
        for part in parts[1:]:
            result = self.operation("str_add", (result, part), node)
        return result


def _shared(kinds: set[Kind]) -> Kind | None:
    """The kind in which operands of these kinds are combined; bool counts as int."""
    kinds = {"int" if kind == "bool" else kind for kind in kinds}
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else None
