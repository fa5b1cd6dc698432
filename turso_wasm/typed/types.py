"""The types of typed Python, and the tree a function becomes.

A `Type` is a kind, with or without None. Every operation of the tree is one that the kernel has under the name `py_` +
its name (kernel/functions/python*.py); which of them can *fail* says `OPERATIONS`. A failed operation leaves the whole
function: Python runs it then, and raises what there is to raise, or computes what 64 bits could not hold.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final, Literal, NamedTuple, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node

Kind: TypeAlias = Literal[
    "none", "bool", "int", "float", "str", "bytes",
    "list[int]", "list[float]", "list[str]", "tuple[int, ...]", "tuple[float, ...]", "tuple[str, ...]",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """What a value is. optional: it may be None; kind "none": it is None."""

    kind: Kind
    optional: bool = False

    @property
    def element(self) -> Type | None:
        """What a list or tuple holds; None for other types."""
        return _ELEMENTS.get(self.kind)

    def __str__(self) -> str:
        return "None" if self.kind == "none" else self.kind + (" | None" if self.optional else "")


NONE: Final = Type("none", True)
BOOL, INT, FLOAT, STR, BYTES = Type("bool"), Type("int"), Type("float"), Type("str"), Type("bytes")
LISTS: Final[dict[Type, Type]] = {INT: Type("list[int]"), FLOAT: Type("list[float]"), STR: Type("list[str]")}
"""The type of a list by that of its elements."""
TUPLES: Final[dict[Type, Type]] = {
    INT: Type("tuple[int, ...]"), FLOAT: Type("tuple[float, ...]"), STR: Type("tuple[str, ...]")
}  # fmt: skip
_ELEMENTS: Final[dict[Kind, Type]] = {type_.kind: held for kinds in (LISTS, TUPLES) for held, type_ in kinds.items()}


def join(a: Type, b: Type) -> Type | None:
    """The type of what is an `a` or a `b`; None if there is none. What is an int or a float is a float."""
    if a.kind == b.kind:
        return Type(a.kind, a.optional or b.optional)
    if NONE in (a, b):
        return Type(b.kind if a == NONE else a.kind, True)
    if {a.kind, b.kind} == {"int", "float"}:
        return Type("float", a.optional or b.optional)
    return None


# --- expressions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr(Node):
    """A value of `type`."""

    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Expr):
    """A constant; None for one of type NONE. Tuples stand outside of the function."""

    value: bool | int | float | str | bytes | tuple[int | float | str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Expr):
    """A variable, by its number. certain: it was assigned whichever way led here."""

    number: int
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Expr):
    """`variable := value`."""

    number: int
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Expr):
    """`body`, in which the variable is `value`."""

    number: int
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Expr):
    """An operation of the kernel, none of its arguments None."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoke(Expr):
    """A call of a typed function: `function` is its place in `Function.calls`, -1 the function itself."""

    function: int
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert(Expr):
    """`value` as another type: from bool to int, from int to float, to or from one that may be None (None fails)."""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth(Expr):
    """Whether `value` counts as true; negated: as false."""

    value: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNone(Expr):
    """`value is None`; negated: `is not None`."""

    value: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Expr):
    """`then if test else otherwise`."""

    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeList(Expr):
    """`[first, …] * count`; the elements are repeated only where there is one."""

    items: tuple[Expr, ...]
    count: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Expr):
    """`items[at]` of a list, or of a tuple that is a constant."""

    items: Expr
    at: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Length(Expr):
    """`len(items)` of a list or a constant tuple."""

    items: Expr


# --- statements -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Node):
    """Base of all statements."""


Block: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Statement):
    """`variable = value`."""

    number: int
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Statement):
    """Statements that belong together."""

    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class SetItem(Statement):
    """`items[at] = value`; at None: `items.append(value)`."""

    items: Expr
    at: Expr | None
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Statement):
    """`if test: then else: otherwise`."""

    test: Expr
    then: Block
    otherwise: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Statement):
    """`while test: body else: otherwise`."""

    test: Expr
    body: Block
    otherwise: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Statement):
    """`for variable in range(start, stop, step): body else: otherwise`; `counter` is a variable of its own."""

    number: int
    counter: int
    start: Expr
    stop: Expr
    step: Expr
    body: Block
    otherwise: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach(Statement):
    """`for variable in items: body else: otherwise` over characters of a str, numbers of a bytes, elements."""

    number: int
    items: Expr
    body: Block
    otherwise: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Statement):
    """`return value`."""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump(Statement):
    """`break`, `continue`; "fail": what Python does here it does itself (raise, a failed assert)."""

    what: Literal["break", "continue", "fail"]
    message: str = ""  # what a `raise` says


# --- functions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Function:
    """A typed function. Two are equal if they mean the same: when their sources, and what they name, are.

    params: types of the first variables. defaults: of the last parameters. variables: the types of all of them.
    calls: the typed functions it calls. key: what equality compares.
    """

    name: str
    params: tuple[Type, ...]
    defaults: tuple[Constant, ...]
    result: Type
    variables: tuple[Type, ...]
    body: Block
    calls: tuple[Function, ...]
    key: str = field(repr=False)
    recursive: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class Signature(NamedTuple):
    """Of an operation: what it takes, what it gives, whether it can fail, whether it may make a new text."""

    params: tuple[Kind, ...]
    result: Kind
    fails: bool = False
    allocates: bool = False


def _table(*lines: str) -> dict[str, Signature]:
    """`name: a b -> c`; `?` behind it: it can fail; `+`: it makes text."""
    found = {}
    letters: dict[str, Kind] = {"o": "bool", "i": "int", "f": "float", "s": "str", "b": "bytes", "l": "list[int]"}
    for line in lines:
        name, _, rest = line.partition(": ")
        params, _, result = rest.partition(" -> ")
        kinds = tuple(letters[letter] for letter in params)
        found[name] = Signature(kinds, letters[result[0]], "?" in result, "+" in result)
    return found


def _comparisons() -> list[str]:
    """Of each kind."""
    return [
        f"{kind}_{op}: {letter * 2} -> o" for kind, letter in _COMPARED for op in ("eq", "ne", "lt", "le", "gt", "ge")
    ]


_COMPARED: Final = (("int", "i"), ("float", "f"), ("str", "s"), ("bytes", "b"))

OPERATIONS: Final[dict[str, Signature]] = _table(
    *(f"int_{name}: ii -> i?" for name in ("add", "sub", "mul", "floordiv", "mod", "pow", "lshift", "rshift")),
    *(f"int_{name}: ii -> i" for name in ("and", "or", "xor", "min", "max")),
    *(f"bool_{name}: oo -> o" for name in ("and", "or", "xor")),
    *("int_truediv: ii -> f?", "int_neg: i -> i?", "int_abs: i -> i?", "int_invert: i -> i"),
    *(f"float_{name}: ff -> f" for name in ("add", "sub", "mul", "min", "max")),
    *(f"float_{name}: ff -> f?" for name in ("truediv", "floordiv", "mod", "pow")),
    *("float_neg: f -> f", "float_abs: f -> f"),
    *("int_exact: i -> f?", "int_float: i -> f", "float_int: f -> i?", "float_round: f -> i?"),
    *(
        "float_floor: f -> i?",
        "float_ceil: f -> i?",
        "float_isnan: f -> o",
        "float_isinf: f -> o",
        "float_isfinite: f -> o",
    ),
    *(f"math_{name}: f -> f?" for name in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "atan")),
    *_comparisons(),
    *("str_len: s -> i", "str_add: ss -> s+", "str_mul: si -> s?+", "str_index: si -> s?", "str_slice: sii -> s"),
    *(
        "str_contains: ss -> o",
        "str_find: ss -> i",
        "str_count: ss -> i?",
        "str_startswith: ss -> o",
        "str_endswith: ss -> o",
    ),
    *("str_replace: sss -> s?+", "str_strip: s -> s?", "str_lstrip: s -> s?", "str_rstrip: s -> s?"),
    *(
        "str_upper: s -> s?+",
        "str_lower: s -> s?+",
        "str_isdigit: s -> o?",
        "str_isalpha: s -> o?",
        "str_isalnum: s -> o?",
    ),
    *("str_isspace: s -> o?", "str_ord: s -> i?", "int_chr: i -> s?+", "int_str: i -> s+", "str_int: s -> i?"),
    *("bytes_len: b -> i", "bytes_index: bi -> i?", "bytes_slice: bii -> b", "bytes_add: bb -> b+"),
    *("str_encode: s -> b", "bytes_hex: b -> s+", "bytes_fromhex: s -> b?+", "bytes_of: l -> b?+"),
    *("char_category: i -> i", "char_folded: i -> i"),
    *("bytes_contains: bb -> o", "bytes_find: bb -> i", "bytes_startswith: bb -> o", "bytes_endswith: bb -> o"),
)
"""What the kernel can do for typed functions: everything else of Python is not part of the typed subset."""
_SHARED: Final = ("add", "contains", "startswith", "endswith", "eq", "ne", "lt", "le", "gt", "ge")


def kernel_symbol(name: str) -> str:
    """The kernel's routine of an operation. What looks at bytes only is the same for bytes and str."""
    kind, _, word = name.partition("_")
    return f"py_str_{word}" if kind == "bytes" and word in _SHARED else f"py_{name}"
