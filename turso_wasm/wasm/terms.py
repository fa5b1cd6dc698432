"""Terms of pseudo-Python: the text of an expression, its precedence, and what evaluating it touches."""

from __future__ import annotations

# Python's precedences; a term of lower precedence than its place needs parentheses.
TERNARY, LOGIC, NOT, COMPARE, OR, XOR, AND, SHIFT, SUM, PRODUCT, UNARY, ATOM = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12

_BINARY = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "mul": ("*", PRODUCT),
    "div": ("/", PRODUCT),
    "div_s": ("//", PRODUCT),
    "div_u": ("//u", PRODUCT),
    "rem_s": ("%", PRODUCT),
    "rem_u": ("%u", PRODUCT),
    "and": ("&", AND),
    "or": ("|", OR),
    "xor": ("^", XOR),
    "shl": ("<<", SHIFT),
    "shr_s": (">>", SHIFT),
    "shr_u": (">>u", SHIFT),
    "eq": ("==", COMPARE),
    "ne": ("!=", COMPARE),
}
for _name, _symbol in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
    _BINARY[_name] = _BINARY[_name + "_s"] = (_symbol, COMPARE)
    _BINARY[_name + "_u"] = (_symbol + "u", COMPARE)
_OPPOSITE = {"==": "!=", "!=": "=="}
for _a, _b in (("<", ">="), (">", "<="), ("<u", ">=u"), (">u", "<=u")):
    _OPPOSITE[_a], _OPPOSITE[_b] = _b, _a


class Term:
    """An expression's text. `reads`: locals; `memory`: reads memory or globals; `has_effect`: contains a call."""

    __slots__ = ("floating", "has_effect", "memory", "operation", "prec", "reads", "text")

    def __init__(
        self,
        text: str,
        prec: int = ATOM,
        parts: tuple[Term, ...] = (),
        *,
        reads: frozenset[int] = frozenset(),
        memory: bool = False,
        effect: bool = False,
    ) -> None:
        self.text = text
        self.prec = prec
        self.reads: frozenset[int] = reads.union(*(part.reads for part in parts)) if parts else reads
        self.memory: bool = memory or any(part.memory for part in parts)
        self.has_effect: bool = effect or any(part.has_effect for part in parts)
        self.operation: tuple[str, Term, Term] | None = None
        self.floating = False

    def at(self, prec: int) -> str:
        """The text for a place that binds with `prec`."""
        return self.text if self.prec >= prec else f"({self.text})"

    def negated(self) -> Term:
        """`not self`, by the opposite comparison where there is one."""
        if self.operation is not None and self.operation[0] == "not":
            return self.operation[1]
        if self.operation is not None and self.operation[0] in ("and", "or"):
            word, a, b = self.operation
            return logic("or" if word == "and" else "and", a.negated(), b.negated())
        if (
            self.operation is not None
            and self.operation[0] in _OPPOSITE
            and not (self.floating and self.operation[0] not in ("==", "!="))
        ):
            symbol, a, b = self.operation
            return _infix(_OPPOSITE[symbol], COMPARE, a, b, self.floating)
        result = Term(f"not {self.at(NOT)}", NOT, (self,))
        result.operation = ("not", self, self)
        return result


def logic(word: str, a: Term, b: Term) -> Term:
    """`a and b` or `a or b`."""

    def operand(term: Term) -> str:
        same = term.operation is not None and term.operation[0] == word
        return term.text if same or term.prec > LOGIC else f"({term.text})"

    result = Term(f"{operand(a)} {word} {operand(b)}", LOGIC, (a, b))
    result.operation = (word, a, b)
    return result


def _infix(symbol: str, prec: int, a: Term, b: Term, floating: bool) -> Term:
    if OR <= prec <= SHIFT:  # few people know how & and << bind
        same = a.operation is not None and a.operation[0] == symbol and a.prec == prec
        result = Term(f"{a.text if same else a.at(UNARY)} {symbol} {b.at(UNARY)}", prec, (a, b))
        result.operation = (symbol, a, b)
        return result
    right = prec if symbol in ("+", "*", "&", "|", "^") and not floating and b.prec != prec else prec + 1
    result = Term(f"{a.at(prec + (prec == COMPARE))} {symbol} {b.at(right)}", prec, (a, b))
    result.operation = (symbol, a, b)
    result.floating = floating
    return result


def binary(mnemonic: str, a: Term, b: Term) -> Term:
    """The term for a binary instruction; without an operator of its own it is a call: `rotl(a, b)`."""
    namespace, _, name = mnemonic.partition(".")
    if name in _BINARY and namespace in ("i32", "i64", "f32", "f64"):
        symbol, prec = _BINARY[name]
        if symbol == "+" and b.text.startswith("-") and b.prec == ATOM and namespace[0] == "i":
            return _infix("-", SUM, a, Term(b.text[1:]), False)
        return _infix(symbol, prec, a, b, namespace[0] == "f")
    word = name if namespace in ("i32", "i64", "f32", "f64") else mnemonic.replace(".", "_")
    return Term(f"{word}({a.text}, {b.text})", ATOM, (a, b))


_CONVERSION = {
    "i32.wrap_i64": "i32",
    "i64.extend_i32_s": "i64",
    "i64.extend_i32_u": "i64u",
    "f64.convert_i32_s": "f64",
    "f64.convert_i64_s": "f64",
    "f64.convert_i32_u": "f64u",
    "f64.convert_i64_u": "f64u",
    "i64.reinterpret_f64": "bits",
    "f64.reinterpret_i64": "float_from_bits",
    "f64.promote_f32": "f64",
    "f32.demote_f64": "f32",
    "i32.trunc_sat_f64_s": "i32",
    "i64.trunc_sat_f64_s": "i64",
}


def unary(mnemonic: str, a: Term) -> Term:
    """The term for a unary instruction."""
    if mnemonic in ("i32.eqz", "i64.eqz"):
        if a.prec == COMPARE:
            return a.negated()
        result = Term(f"not {a.at(NOT)}", NOT, (a,))
        result.operation = ("not", a, a)
        return result
    if mnemonic in ("f64.neg", "f32.neg"):
        return Term(f"-{a.at(UNARY)}", UNARY, (a,))
    word = _CONVERSION.get(mnemonic) or mnemonic.partition(".")[2]
    return Term(f"{word}({a.text})", ATOM, (a,))


def ternary(cond: Term, a: Term, b: Term) -> Term:
    """`a if cond else b`."""
    return Term(f"{a.at(TERNARY + 1)} if {cond.at(TERNARY + 1)} else {b.at(TERNARY)}", TERNARY, (cond, a, b))
