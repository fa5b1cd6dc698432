"""Random typed expressions of the subset, each with the same expression in plain Python that calls reference.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

INTS = ("i32", "u32", "i64", "u64")
NUMBERS = (*INTS, "f64")
FLAT = ("u8", "i8", "u16", "i16", "i32", "u32", "i64", "u64", "f32", "f64")
"""The memory types that a ptr may point to."""

LOADS = {
    "u8": "i32",
    "i8": "i32",
    "u16": "i32",
    "i16": "i32",
    "f32": "f64",
    "be16": "i32",
    "be32": "u32",
    "be64": "i64",
}
LOADS |= {"le16": "i32", "le32": "u32", "le64": "i64"}
SIZE = {"u8": 1, "i8": 1, "u16": 2, "i16": 2, "i32": 4, "u32": 4, "i64": 8, "u64": 8, "f32": 4, "f64": 8}
HOME = 0x12000
"""The address around which programs use memory."""

EDGES = (0, 1, -1, 2, 3, 7, 8, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1023, 1024, 1025, 65535, 65536)
EDGES += tuple(s * (1 << n) + d for n in (31, 32, 33, 53, 62, 63) for s in (1, -1) for d in (-1, 0, 1))
REALS = ("0.0", "1.0", "-1.5", "0.5", "3.25", "1e10", "-2147483649.0", "4294967296.5", "9.3e18", "-1e300", "1e-310")


class Expr(NamedTuple):
    """An expression: its type, the subset's text, the reference's. Of a place in memory: the memory type, the text that
    loads or stores there, the address.
    """

    type: str
    text: str
    ref: str


@dataclass
class Function:
    """A function that later ones may call."""

    name: str
    params: list[tuple[str, str]]
    results: tuple[str, ...]
    cost: int


@dataclass
class Scope:
    """What the statement being written may use."""

    readable: dict[str, str]  # variables with a value, and their types
    fixed: set[str] = field(default_factory=set)  # those it must not assign: loop counters and fuel
    loops: int = 0
    rounds: int = 1  # how often the statement may run
    in_loop: bool = False

    def inner(self) -> Scope:
        """The scope of a nested suite."""
        return Scope(dict(self.readable), set(self.fixed), self.loops, self.rounds, self.in_loop)

    def loop(self, rounds: int) -> Scope:
        """The scope of a loop's body."""
        return Scope(dict(self.readable), set(self.fixed), self.loops + 1, self.rounds * rounds, True)


def value_type(memory_type: str) -> str:
    """The type of what is loaded."""
    return LOADS.get(memory_type, memory_type)


def fit(type_: str, value: int) -> int:
    """`value` modulo the type's width."""
    width = int(type_[1:])
    value &= (1 << width) - 1
    return value - (1 << width) if type_[0] == "i" and value >> (width - 1) else value


def is_number(text: str) -> bool:
    """Whether an expression is a literal without a type."""
    return text.lstrip("-").isdigit()


def calm(value: Expr) -> Expr:
    """A double that is no NaN, of whose bits nothing is known."""
    return Expr("f64", f"calm({value.text})", f"calm({value.ref})")


def binary_ref(type_: str, symbol: str, left: str, right: str) -> str:
    """The reference's text of an operation."""
    if type_ == "f64":
        return f"float_divide({left}, {right})" if symbol == "/" else f"({left} {symbol} {right})"
    named = {"//": "divide", "%": "modulo", "<<": "shift_left", ">>": "shift_right"}.get(symbol)
    if named:
        return f"{named}({type_!r}, {left}, {right})"
    return f"wrap({type_!r}, {left} {symbol} {right})"


class Expressions:
    """Writes expressions of what is in scope."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scope = Scope({})
        self.functions: list[Function] = []
        self.fields: dict[str, str] = {}  # of the struct S
        self.item_type = ""  # of its array
        self.globals: dict[str, str] = {}
        self.constants: dict[str, int] = {}
        self.cost = 0  # of the function being written: about how many statements a call runs

    def chance(self, percent: int) -> bool:
        """True in so many cases of 100."""
        return self.random.randrange(100) < percent

    def pick(self, *choices: tuple[int, Callable[[], Expr]]) -> Expr:
        """What one of the makers makes, chosen by weight."""
        weights, makers = zip(*choices, strict=True)
        made: Expr = self.random.choices(makers, weights)[0]()
        return made

    def expr(self, type_: str, depth: int, bare: bool = False) -> Expr:
        """An expression of the type. bare: a literal may stand alone, as the context gives it its type."""
        if type_ == "bool":
            return self.boolean(depth)
        if type_.startswith("ptr") or type_ == "S":
            return self.pointer(type_, depth)
        if depth <= 0 or self.chance(20):
            return self.leaf(type_, bare)
        if type_ == "f64":
            return self.real(depth)
        return self.integer(type_, depth)

    def leaf(self, type_: str, bare: bool = False) -> Expr:
        """A variable, a global or a literal."""
        if type_ == "bool":
            return self.boolean(0)
        names = [name for name, other in self.scope.readable.items() if other == type_]
        names += [name for name, other in self.globals.items() if other == type_]
        if names and self.chance(75):
            name = self.random.choice(names)
            return Expr(type_, name, name)
        return self.literal(type_, bare)

    def literal(self, type_: str, bare: bool) -> Expr:
        if type_ == "f64":
            text = self.random.choice(REALS)
            return Expr(type_, text, text)
        value = self.random.choice((*EDGES, self.random.randint(-9, 99)))
        wanted = fit(type_, value)
        if bare and value == wanted:
            return self.folded(type_, value)
        if not -(2**31) <= value < 2**32 and type_.endswith("32"):
            value = wanted
        if value < -(2**63) or value >= 2**64:
            value = wanted
        return Expr(type_, f"{type_}({value})", str(fit(type_, value)))

    def folded(self, type_: str, value: int) -> Expr:
        """A literal, a constant's name, or literals with an operator between them."""
        names = [name for name, constant in self.constants.items() if fit(type_, constant) == constant]
        if names and self.chance(30):
            name = self.random.choice(names)
            return Expr(type_, name, name)
        if self.chance(20):
            other = self.random.randint(1, 9)
            return Expr(type_, f"({value - other} + {other})", str(value))
        return Expr(type_, str(value), str(value))

    def operation(self, type_: str, left: str, depth: int) -> tuple[str, str, str]:
        """An operator and a right side for `target op= right`: (symbol, text, the reference's whole value)."""
        symbols = ("+", "-", "*", "/") if type_ == "f64" else ("+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%")
        symbol = self.random.choice(symbols)
        if symbol in ("<<", ">>"):
            n = str(self.random.randrange(int(type_[1:])))
            right = Expr(type_, n, n)
        else:
            right = self.expr(type_, depth, bare=True)
        return symbol, right.text, binary_ref(type_, symbol, left, right.ref)

    def integer(self, type_: str, depth: int) -> Expr:
        return self.pick(
            (34, lambda: self.binary(type_, depth)),
            (5, lambda: self.unary(type_, depth)),
            (7, lambda: self.shift(type_, depth)),
            (10, lambda: self.cast(type_, depth)),
            (6, lambda: self.conditional(type_, depth)),
            (4, lambda: self.selected(type_, depth)),
            (14, lambda: self.loaded(type_, depth)),
            (10, lambda: self.called(type_, depth)),
            (8, lambda: self.bit_intrinsic(type_, depth)),
            (4 if type_ == "i32" else 0, lambda: self.bool_as_int(depth)),
            (4 if type_ == "i32" else 0, lambda: self.difference(depth)),
        )

    def binary(self, type_: str, depth: int) -> Expr:
        symbol = self.random.choice(("+", "+", "-", "-", "*", "&", "|", "^", "//", "%"))
        left, right = self.expr(type_, depth - 1), self.expr(type_, depth - 1, bare=True)
        if self.chance(15):
            left, right = right, left
        if symbol in ("//", "%") and self.chance(70):
            right = Expr(type_, f"({right.text} | 1)", f"wrap({type_!r}, {right.ref} | 1)")
        return Expr(type_, f"({left.text} {symbol} {right.text})", binary_ref(type_, symbol, left.ref, right.ref))

    def unary(self, type_: str, depth: int) -> Expr:
        value = self.expr(type_, depth - 1)
        symbol = self.random.choice("-~")
        return Expr(type_, f"({symbol}{value.text})", f"wrap({type_!r}, {symbol}{value.ref})")

    def shift(self, type_: str, depth: int) -> Expr:
        left = self.expr(type_, depth - 1)
        if self.chance(50):
            n = self.random.randrange(int(type_[1:]))
            count = Expr(type_, str(n), str(n))
        else:
            count = self.expr(self.random.choice(INTS), depth - 1)
        symbol = self.random.choice(("<<", ">>"))
        return Expr(type_, f"({left.text} {symbol} {count.text})", binary_ref(type_, symbol, left.ref, count.ref))

    def cast(self, type_: str, depth: int) -> Expr:
        source = self.random.choice((*NUMBERS, "bool", "narrow" if type_ == "i32" else "i64"))
        if source == "narrow":
            kind = self.random.choice(("u8", "i8", "u16", "i16"))
            value = self.expr(self.random.choice(INTS), depth - 1)
            return Expr(type_, f"{kind}({value.text})", f"narrow({kind!r}, {value.ref})")
        value = self.expr(source, depth - 1)
        how = "saturate" if source == "f64" else "wrap"
        return Expr(type_, f"{type_}({value.text})", f"{how}({type_!r}, {value.ref})")

    def conditional(self, type_: str, depth: int) -> Expr:
        test = self.condition(depth - 1)
        a, b = self.expr(type_, depth - 1), self.expr(type_, depth - 1)
        return Expr(type_, f"({a.text} if {test.text} else {b.text})", f"({a.ref} if {test.ref} else {b.ref})")

    def selected(self, type_: str, depth: int) -> Expr:
        a, b, test = self.expr(type_, depth - 1), self.expr(type_, depth - 1), self.condition(depth - 1)
        return Expr(type_, f"select({a.text}, {b.text}, {test.text})", f"choose({a.ref}, {b.ref}, {test.ref})")

    def loaded(self, type_: str, depth: int) -> Expr:
        place = self.place(value_type_is=type_, depth=depth - 1, loading=True)
        if place is None:
            return self.leaf(type_)
        ref = f"TABLE[{place.ref}]" if place.type == "table" else f"load({place.type!r}, {place.ref})"
        return Expr(type_, place.text, ref)

    def called(self, type_: str, depth: int) -> Expr:
        makers = [f for f in self.functions if f.results == (type_,) and self.affordable(f)]
        return self.call_of(self.random.choice(makers), depth - 1) if makers else self.leaf(type_)

    def affordable(self, function: Function) -> bool:
        return self.cost + function.cost * self.scope.rounds < 3000

    def call_of(self, function: Function, depth: int, name: str = "") -> Expr:
        """A call, through the variable `name` if one is given."""
        self.cost += function.cost * self.scope.rounds
        args = [self.expr(type_, min(depth, 2), bare=True) for _, type_ in function.params]
        texts, refs = ", ".join(a.text for a in args), ", ".join(a.ref for a in args)
        type_ = function.results[0] if len(function.results) == 1 else ""
        name = name or function.name
        return Expr(type_, f"{name}({texts})", f"{name}({refs})")

    def bit_intrinsic(self, type_: str, depth: int) -> Expr:
        name = self.random.choice(("clz", "ctz", "popcnt", "rotl", "rotr", "bswap", "other"))
        value = self.expr(type_, depth - 1)
        if name in ("clz", "ctz", "popcnt"):
            return Expr(type_, f"{name}({value.text})", f"{name}({type_!r}, {value.ref})")
        if name in ("rotl", "rotr"):
            n = self.expr(type_, depth - 1)
            side = "left" if name == "rotl" else "right"
            return Expr(type_, f"{name}({value.text}, {n.text})", f"rotate_{side}({type_!r}, {value.ref}, {n.ref})")
        if name == "bswap" and type_ != "i32":
            return Expr(type_, f"bswap{type_[1:]}({value.text})", f"byte_swap({type_!r}, {value.ref})")
        if type_ == "u64":
            other = self.expr("u64", depth - 1)
            return Expr(type_, f"mul_hi_u({value.text}, {other.text})", f"({value.ref} * {other.ref} >> 64)")
        if type_ == "i64":
            real = self.expr("f64", depth - 1)
            return Expr(type_, f"bits(calm({real.text}))", f"double_bits(calm({real.ref}))")
        return value

    def bool_as_int(self, depth: int) -> Expr:
        """A bool where an i32 is expected."""
        value = self.boolean(depth - 1)
        if self.chance(50):
            return Expr("i32", f"i32({value.text})", f"int({value.ref})")
        other = self.expr("i32", depth - 1)
        return Expr("i32", f"({other.text} + {value.text})", f"wrap('i32', {other.ref} + int({value.ref}))")

    def difference(self, depth: int) -> Expr:
        """Of two pointers, in elements."""
        kind = self.random.choice(("u8", "i32", "i64"))
        pointer = self.near(f"ptr[{kind}]")
        if pointer is None:
            return self.leaf("i32")
        index = self.index(16)
        return Expr("i32", f"(({pointer.text} + {index.text}) - {pointer.text})", index.ref)

    # --- doubles and conditions --------------------------------------------------------------------------------

    def real(self, depth: int) -> Expr:
        def arithmetic() -> Expr:
            symbol = self.random.choice("+-*/")
            a, b = self.expr("f64", depth - 1), self.expr("f64", depth - 1)
            return Expr("f64", f"({a.text} {symbol} {b.text})", binary_ref("f64", symbol, a.ref, b.ref))

        def converted() -> Expr:
            value = self.expr(self.random.choice(INTS), depth - 1)
            return Expr("f64", f"f64({value.text})", f"float({value.ref})")

        def function() -> Expr:
            name = self.random.choice(("sqrt", "floor", "ceil", "trunc", "nearest", "fabs", "-"))
            value = self.expr("f64", depth - 1)
            refs = {"sqrt": "square_root", "fabs": "math.fabs", "-": "-"}
            return Expr("f64", f"({name}({value.text}))", f"({refs.get(name, name)}({value.ref}))")

        def of_two() -> Expr:
            name = self.random.choice(("fmin", "fmax", "copysign"))
            a, b = self.expr("f64", depth - 1), self.expr("f64", depth - 1)
            b = calm(b)
            refs = {"fmin": "smaller", "fmax": "larger", "copysign": "math.copysign"}
            return Expr("f64", f"{name}({a.text}, {b.text})", f"{refs[name]}({a.ref}, {b.ref})")

        def from_bits() -> Expr:
            value = self.expr("i64", depth - 1)
            return calm(Expr("f64", f"float_from_bits({value.text})", f"double_of({value.ref})"))

        return self.pick(
            (30, arithmetic), (15, converted), (10, function), (6, of_two), (4, from_bits),
            (6, lambda: self.conditional("f64", depth)), (4, lambda: self.selected("f64", depth)),
            (14, lambda: self.loaded("f64", depth)), (8, lambda: self.called("f64", depth)),
        )  # fmt: skip

    def condition(self, depth: int) -> Expr:
        """What an if may test: a bool, an integer or a pointer."""
        kind = self.random.choice(("bool", "bool", "bool", "bool", "i32", "u32", "i64", "u64", "ptr[u8]"))
        value = self.expr(kind, depth)
        return Expr("bool", value.text, f"({value.ref} != 0)" if kind != "bool" else value.ref)

    def boolean(self, depth: int) -> Expr:
        if depth <= 0:
            names = [name for name, type_ in self.scope.readable.items() if type_ == "bool"]
            if names and self.chance(60):
                name = self.random.choice(names)
                return Expr("bool", name, name)
            return self.random.choice((Expr("bool", "True", "1"), Expr("bool", "False", "0")))
        return self.pick(
            (40, lambda: self.comparison(depth)),
            (20, lambda: self.logic(depth)),
            (8, lambda: self.negation(depth)),
            (5, lambda: self.conditional("bool", depth)),
            (6, lambda: self.called("bool", depth) if depth > 1 else self.comparison(depth)),
            (6, lambda: self.bool_bits(depth)),
            (5, lambda: self.null_test(depth)),
            (5, lambda: self.bool_of(depth)),
        )  # fmt: skip

    def comparison(self, depth: int) -> Expr:
        type_ = self.random.choice((*NUMBERS, *NUMBERS, "ptr[u8]", "bool"))
        equal = ("==", "!=")
        operators = equal if type_ in ("bool", "ptr[u8]") else ("<", "<=", ">", ">=", *equal)
        n = 3 if type_ in NUMBERS and self.chance(15) else 4 if type_ in INTS and self.chance(5) else 2
        values = [self.expr(type_, depth - 1, bare=at > 0 and type_ in INTS) for at in range(n)]
        if n > 2 and any(is_number(v.text) or v.text in self.constants for v in values[1:]):
            values = values[:2]
        text, ref = values[0].text, values[0].ref
        for value in values[1:]:
            symbol = self.random.choice(operators)
            text, ref = f"{text} {symbol} {value.text}", f"{ref} {symbol} {value.ref}"
        return Expr("bool", f"({text})", f"int({ref})")

    def logic(self, depth: int) -> Expr:
        word = self.random.choice((" and ", " or "))
        values = [self.condition(depth - 1) for _ in range(self.random.randint(2, 3))]
        return Expr("bool", f"({word.join(v.text for v in values)})", f"int(bool({word.join(v.ref for v in values)}))")

    def negation(self, depth: int) -> Expr:
        value = self.condition(depth - 1)
        return Expr("bool", f"(not {value.text})", f"int(not {value.ref})")

    def bool_bits(self, depth: int) -> Expr:
        symbol = self.random.choice("&|^")
        a, b = self.boolean(depth - 1), self.boolean(depth - 1)
        return Expr("bool", f"({a.text} {symbol} {b.text})", f"({a.ref} {symbol} {b.ref})")

    def null_test(self, depth: int) -> Expr:
        pointer = self.pointer(self.random.choice(("ptr[u8]", "ptr[i64]", "S")), depth - 1)
        symbol, ref = self.random.choice((("is", "=="), ("is not", "!="), ("==", "=="), ("!=", "!=")))
        return Expr("bool", f"({pointer.text} {symbol} None)", f"int({pointer.ref} {ref} 0)")

    def bool_of(self, depth: int) -> Expr:
        value = self.expr(self.random.choice(INTS), depth - 1)
        return Expr("bool", f"bool({value.text})", f"int({value.ref} != 0)")

    # --- pointers and memory -----------------------------------------------------------------------------------

    def near(self, type_: str) -> Expr | None:
        """A pointer variable."""
        names = [name for name, other in self.scope.readable.items() if other == type_]
        if not names:
            return None
        name = self.random.choice(names)
        return Expr(type_, name, name)

    def pointer(self, type_: str, depth: int) -> Expr:
        """A pointer variable, a pointer near it, or one of another type."""
        base = self.near(type_)
        if base is not None and type_ != "S" and depth > 1 and self.chance(30):
            index = self.index(8)
            size = SIZE[type_[4:-1]]
            return Expr(type_, f"({base.text} + {index.text})", f"({base.ref} + {index.ref} * {size})")
        if base is not None and self.chance(85):
            return base
        other = next((p for k in ("u8", "i32", "i64", "u16") if (p := self.near(f"ptr[{k}]"))), self.near("S"))
        if other is not None and self.chance(80):
            return Expr(type_, f"{type_}({other.text})", other.ref)
        return Expr(type_, f"{type_}({HOME})", str(HOME))

    def index(self, limit: int) -> Expr:
        """An i32 or u32 from 0 to limit - 1 (a power of two)."""
        if self.chance(40):
            n = self.random.randrange(limit)
            return Expr("i32", str(n), str(n))
        type_ = self.random.choice(("i32", "u32"))
        value = self.expr(type_, 1)
        return Expr(type_, f"({value.text} & {limit - 1})", f"({value.ref} & {limit - 1})")

    def place(self, value_type_is: str = "", depth: int = 1, loading: bool = False) -> Expr | None:
        """Memory to load from or store to: type is the memory type, ref the address. None: none loads as that."""
        choices: list[Callable[[], Expr]] = []
        for kind in ("u8", "u16", "i32", "i64"):
            if value_type_is in ("", value_type(kind)):
                choices.append(lambda kind=kind: self.element(kind))
        for kind in FLAT:
            if value_type_is in ("", value_type(kind)):
                choices.append(lambda kind=kind: self.cast_element(kind))
        for name, kind in self.fields.items():
            if value_type_is in ("", value_type(kind)):
                choices.append(lambda name=name, kind=kind: self.member(name, kind))
        if value_type_is in ("", value_type(self.item_type)):
            choices += [self.item, self.item]
        if loading:
            for kind in ("be16", "be32", "be64", "le16", "le32", "le64"):
                if value_type(kind) == value_type_is:
                    choices.append(lambda kind=kind: self.unaligned(kind))
            if value_type_is == "i32":
                choices.append(self.table_byte)
        return self.random.choice(choices)() if choices else None

    def element(self, kind: str) -> Expr:
        pointer, index = self.pointer(f"ptr[{kind}]", 1), self.index(8)
        text, offset = index.text, index.ref
        if self.chance(30):
            n = self.random.choice((1, 3, 20))
            text, offset = f"{index.text} + {n}", f"({index.ref} + {n})"
        base = pointer.text
        if self.chance(25):
            n = self.random.choice((1, 5))
            base, offset = f"({pointer.text} + {n})", f"({offset} + {n})"
        elif self.chance(15):
            n = self.random.choice((1, 5))
            base, offset = f"({pointer.text} - {n})", f"({offset} - {n})"
        return Expr(kind, f"{base}[{text}]", f"({pointer.ref} + {offset} * {SIZE[kind]})")

    def cast_element(self, kind: str) -> Expr:
        pointer, index = self.pointer("ptr[u8]", 1), self.index(8)
        return Expr(kind, f"ptr[{kind}]({pointer.text})[{index.text}]", f"({pointer.ref} + {index.ref} * {SIZE[kind]})")

    def member(self, name: str, kind: str) -> Expr:
        struct = self.pointer("S", 1)
        if self.chance(20):
            index = self.index(4)
            return Expr(
                kind,
                f"ptr[S]({struct.text})[{index.text}].{name}",
                f"({struct.ref} + {index.ref} * S_size + S_offset[{name!r}])",
            )
        return Expr(kind, f"{struct.text}.{name}", f"({struct.ref} + S_offset[{name!r}])")

    def item(self) -> Expr:
        struct, index, kind = self.pointer("S", 1), self.index(4), self.item_type
        return Expr(
            kind,
            f"{struct.text}.items[{index.text}]",
            f"({struct.ref} + S_offset['items'] + {index.ref} * {SIZE[kind]})",
        )

    def unaligned(self, kind: str) -> Expr:
        pointer, index = self.pointer("ptr[u8]", 1), self.index(16)
        return Expr(kind, f"{kind}({pointer.text} + {index.text})", f"({pointer.ref} + {index.ref})")

    def table_byte(self) -> Expr:
        index = self.index(16)
        return Expr("table", f"TABLE[{index.text}]", index.ref)
