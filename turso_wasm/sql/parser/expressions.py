"""Expressions, by precedence climbing.

SQLite's precedences, loosest first: OR, AND, NOT, equality (with IS, IN, LIKE, BETWEEN, ISNULL), order, bits, sums,
products, concatenation (with -> and ->>), COLLATE, and the signs. Binary operators group to the left. A prefix
operator takes an operand of its own precedence wherever it stands: `1 + NOT 2 = 3` is 1 + (NOT (2 = 3)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from turso_wasm.sql import lexer
from turso_wasm.sql.ast_base import Expr, QualifiedName, Span
from turso_wasm.sql.ast_expr import (
    TRUTH_WORDS,
    Between,
    Binary,
    BinaryOperator,
    BlobLiteral,
    Case,
    Cast,
    Collate,
    ColumnRef,
    Exists,
    InList,
    InSelect,
    InTable,
    IntegerLiteral,
    IsNull,
    Like,
    LiteralList,
    NullLiteral,
    Raise,
    RealLiteral,
    RowValue,
    Subquery,
    TextLiteral,
    Unary,
    When,
)
from turso_wasm.sql.height import MAX_EXPR_HEIGHT, too_high
from turso_wasm.sql.lexer import ID, LISTS, STRING, dequote
from turso_wasm.sql.parser.arrays import ArrayParser
from turso_wasm.sql.parser.leaves import literal_values
from turso_wasm.sql.parser.stream import COLUMN_WORDS

if TYPE_CHECKING:
    from turso_wasm.sql.ast_select import Select


N_PRECEDENCES: Final = 11
_NOT, EQUALITY, _BITS, _COLLATE, _SIGN = 3, 4, 6, 10, 11
_BINARY: Final[dict[str, int]] = {
    "OR": 1,
    "AND": 2,
    "=": EQUALITY,
    "<>": EQUALITY,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "&": _BITS,
    "|": _BITS,
    "<<": _BITS,
    ">>": _BITS,
    "+": 7,
    "-": 7,
    "*": 8,
    "/": 8,
    "%": 8,
    "||": 9,
    "->": 9,
    "->>": 9,
    "@>": EQUALITY,
}
SUBQUERY_STARTS: Final = frozenset({"SELECT", "VALUES", "WITH"})


class ExpressionParser(ArrayParser):
    """Everything an expression can hold but SELECT, which `SelectParser` adds."""

    __slots__ = ()

    def select(self) -> Select:
        """See `SelectParser`."""
        raise NotImplementedError

    # --- the climb ---------------------------------------------------------------------------------------------------

    def expr(self, above: int = 0) -> Expr:
        """An expression whose operators all bind tighter than `above`. Errors: SqlError."""
        kinds = self.kinds
        start = self.starts[self.at]
        prefix = _PREFIX.get(kinds[self.at])
        if prefix is None:
            self.fail()
        left = prefix(self)
        n_operators = 0
        while True:
            if n_operators > MAX_EXPR_HEIGHT:  # at once: a page's Python cannot free a tree of any height
                raise too_high()
            kind = kinds[self.at]
            if kind is ID and self.at_subscript():
                left = self.subscript(left, start)
                continue
            precedence = _BINARY.get(kind)
            if precedence is not None:
                if precedence <= above:
                    break
                n_operators += 1
                self.at += 1
                if kind == "&" and kinds[self.at] == "&" and self.starts[self.at] == self.ends[self.at - 1]:
                    self.at += 1
                    left = self.array_operator("array_overlaps", left, precedence, start)
                    continue
                if kind == "@>":
                    left = self.array_operator("array_contains_all", left, precedence, start)
                    continue
                self.depth += 2
                right = self.expr(precedence)
                self.depth -= 2
                left = Binary(cast(BinaryOperator, kind), left, right, (start, self.ends[self.at - 1]))
                continue
            infix = _INFIX.get(kind)
            if infix is None or (_COLLATE if kind == "COLLATE" else EQUALITY) <= above:
                break
            n_operators += 1
            self.at += 1
            left = infix(self, left, start)
        if n_operators > self.longest_chain:
            self.longest_chain = n_operators
        return left

    def expr_list(self) -> tuple[Expr, ...]:
        """One or more expressions, separated by commas."""
        first = self.expr()
        if self.kinds[self.at] != ",":
            return (first,)
        return self._more_exprs([first])

    def _more_exprs(self, items: list[Expr]) -> tuple[Expr, ...]:
        """The rest of a list, from its first comma on."""
        self.enter(2, 1)
        while self.kinds[self.at] == ",":
            self.at += 1
            items.append(self.expr())
        self.depth -= 2
        return tuple(items)

    def _string_or_name(self) -> Expr:
        return self._identifier() if self.kinds[self.at + 1] == "." else self.string()

    def _identifier(self) -> Expr:
        """A column (with table, with schema) or a function call."""
        at = self.at
        kinds = self.kinds
        following = kinds[at + 1]
        if following == "(":
            return self.function()
        text = self.texts[at]
        if following is ID and self.texts[at + 1][0] == "[" and text.upper() == "ARRAY" and self.has_arrays:
            return self.array()
        name = dequote(text) if kinds[at] == ID or kinds[at] == STRING else text
        start = self.starts[at]
        self.at = at + 1
        if following != ".":
            quoted = text[0] in "`[" and name.lower() in TRUTH_WORDS
            return ColumnRef(name, None, None, text[0] == '"', quoted, (start, self.ends[at]))
        self.at = at + 2
        second = self.name()
        if kinds[self.at] != ".":
            return ColumnRef(second, name, None, span=(start, self.ends[at + 2]))
        self.at += 1
        third = self.name()
        return ColumnRef(third, second, name, span=(start, self.ends[at + 4]))

    # --- prefix forms ------------------------------------------------------------------------------------------------

    def _minus(self) -> Expr:
        sign = self._unary("-", _SIGN)
        operand = sign.operand
        if isinstance(operand, RealLiteral) and operand.value == 2**63 and operand.index < 0:
            return IntegerLiteral(-(2**63), -1, sign.span)
        if isinstance(operand, IntegerLiteral) and operand.index < 0:
            self.note_negated(operand.span)
        return sign

    def _plus(self) -> Expr:
        return self._unary("+", _SIGN)

    def _tilde(self) -> Expr:
        return self._unary("~", _SIGN)

    def _not(self) -> Expr:
        return self._unary("NOT", _NOT - 1)

    def _unary(self, op: Literal["+", "-", "~", "NOT"], above: int) -> Unary:
        start = self.starts[self.at]
        self.at += 1
        self.enter(1, 1)
        operand = self.expr(above)
        self.depth -= 1
        if above == _SIGN and op != "~" and isinstance(operand, Unary) and operand.op == "+":
            operand = operand.operand  # as in SQLite, a sign replaces the plus behind it
        return Unary(op, operand, self.span_from(start))

    def _parenthesis(self) -> Expr:
        """`(expr)`, a row value, or a subquery."""
        start = self.starts[self.at]
        self.at += 1
        if self.kinds[self.at] in SUBQUERY_STARTS:
            select = self.subselect()
            return Subquery(select, self.span_from(start))
        self.enter(1)
        first = self.expr()
        if self.kinds[self.at] == ",":
            items = self._more_exprs([first])
            self.expect(")")
            self.depth -= 1
            return RowValue(items, self.span_from(start))
        self.expect(")")
        self.depth -= 1
        return first

    def subselect(self) -> Select:
        """A SELECT whose opening parenthesis has been taken, and its closing one."""
        self.enter(1)
        self.selects += 1
        self.most_selects = max(self.most_selects, self.selects)
        select = self.select()
        self.selects -= 1
        self.depth -= 1
        self.expect(")")
        return select

    def _exists(self) -> Expr:
        start = self.starts[self.at]
        self.at += 1
        self.expect("(")
        self.depth += 1
        select = self.subselect()
        self.depth -= 1
        return Exists(select, self.span_from(start))

    def _case(self) -> Expr:
        start = self.starts[self.at]
        self.at += 1
        self.enter(1, 5)
        operand = None if self.kinds[self.at] == "WHEN" else self.expr()
        self.depth += 2
        whens: list[When] = []
        while not whens or self.kinds[self.at] == "WHEN":
            when_start = self.starts[self.at]
            self.expect("WHEN")
            condition = self.expr()
            self.expect("THEN")
            self.depth += 2
            result = self.expr()
            self.depth -= 1 if not whens else 2  # from the second on, the list itself lies below
            whens.append(When(condition, result, self.span_from(when_start)))
        otherwise = self.expr() if self.accept("ELSE") else None
        self.expect("END")
        self.depth -= 4
        return Case(operand, tuple(whens), otherwise, self.span_from(start))

    def _cast(self) -> Expr:
        start = self.starts[self.at]
        self.at += 1
        self.expect("(")
        self.enter(2, 4)
        operand = self.expr()
        self.depth -= 2
        self.expect("AS")
        type_name = self.type_name()
        self.expect(")")
        return Cast(operand, type_name, self.span_from(start))

    def _raise(self) -> Expr:
        start = self.starts[self.at]
        self.at += 1
        self.expect("(")
        action = self.kinds[self.at]
        message = None
        if action in ("ABORT", "FAIL", "ROLLBACK"):
            self.at += 1
            self.expect(",")
            message = self.expr()
        else:
            self.expect("IGNORE")
        self.expect(")")
        return Raise(cast(Literal["IGNORE", "ABORT", "FAIL", "ROLLBACK"], action), message, self.span_from(start))

    # --- infix forms; the operator has been taken --------------------------------------------------------------------

    def _is(self, left: Expr, start: int) -> Expr:
        """`IS [NOT] [DISTINCT FROM] right`; IS NULL has a node of its own, as it has in SQLite."""
        first = self.at
        negated = self.accept("NOT")
        if self.accept("DISTINCT"):
            self.expect("FROM")
            negated = not negated
        symbols = 2 + self.at - first
        self.depth += symbols
        right = self.expr(EQUALITY)
        self.depth -= symbols
        span = self.span_from(start)
        if isinstance(right, NullLiteral):
            return _null_test(left, negated, span)
        return Binary("IS NOT" if negated else "IS", left, right, span)

    def _is_null(self, left: Expr, start: int) -> Expr:
        return _null_test(left, False, self.span_from(start))

    def _not_null(self, left: Expr, start: int) -> Expr:
        return _null_test(left, True, self.span_from(start))

    def _collate(self, left: Expr, start: int) -> Expr:
        return Collate(left, self.identifier_or_string(), self.span_from(start))

    def _negated(self, left: Expr, start: int) -> Expr:
        """What follows `left NOT`."""
        kind = self.kinds[self.at]
        if kind == "NULL":
            self.at += 1
            return _null_test(left, True, self.span_from(start))
        if kind not in _NEGATABLE:
            self.fail()
        self.at += 1
        if kind == "IN":
            return self._in(left, start, True)
        if kind == "BETWEEN":
            return self._between(left, start, True)
        return self._like(left, start, True)

    def _like(self, left: Expr, start: int, negated: bool = False) -> Expr:
        op = cast(Literal["LIKE", "GLOB", "REGEXP", "MATCH"], self.kinds[self.at - 1])
        self.enter(2)
        pattern = self.expr(EQUALITY)
        self.depth += 2
        escape = self.expr(EQUALITY) if self.accept("ESCAPE") else None
        self.depth -= 4
        return Like(op, left, pattern, escape, negated, self.span_from(start))

    def _between(self, left: Expr, start: int, negated: bool = False) -> Expr:
        self.enter(2, 3)
        # The first AND belongs to BETWEEN, whatever came before it; but behind an OR all ANDs belong to the OR.
        low = self.expr(2)
        while self.accept("OR"):
            low = Binary("OR", low, self.expr(1))
        self.expect("AND")
        self.depth += 2
        high = self.expr(EQUALITY)
        self.depth -= 4
        return Between(left, low, high, negated, self.span_from(start))

    def _check_widths(self, left: Expr, items: tuple[Expr, ...]) -> None:
        """Errors: of a list of rows, "IN(...) element has 1 term - expected 2"."""
        if type(left) is not RowValue or (len(items) == 1 and type(items[0]) is Subquery):
            return
        for item in items:
            n = len(item.items) if type(item) is RowValue else 1
            if n != len(left.items):
                terms = "1 term" if n == 1 else f"{n} terms"
                self.complain(f"IN(...) element has {terms} - expected {len(left.items)}", left.span)
                return

    def _in(self, left: Expr, start: int, negated: bool = False) -> Expr:
        """`IN (list)`, `IN (select)`, `IN table`, `IN function(arguments)`."""
        if self.kinds[self.at] in _LISTS:
            items: tuple[Expr, ...] = (self.literal_list(),)
            self._check_widths(left, items)
            return InList(left, items, negated, self.span_from(start))
        if self.accept("("):
            self.enter(3)
            if self.kinds[self.at] in SUBQUERY_STARTS:
                self.depth -= 1
                select = self.subselect()
                self.depth -= 2
                return InSelect(left, select, negated, self.span_from(start))
            items = () if self.kinds[self.at] == ")" else self.expr_list()
            self.depth -= 3
            self.expect(")")
            self._check_widths(left, items)
            if len(items) > 1 and (values := literal_values(items)) is not None:  # one that has a comment in it
                items = (LiteralList(values, -1, self.span_from(start)),)
            return InList(left, items, negated, self.span_from(start))
        table: QualifiedName = self.qualified_name()
        arguments = None
        if self.accept("("):
            self.enter(5)
            arguments = () if self.kinds[self.at] == ")" else self.expr_list()
            self.depth -= 5
            self.expect(")")
        self.n_selects += 1
        return InTable(left, table, arguments, negated, self.span_from(start), self.n_selects)


def _null_test(operand: Expr, negated: bool, span: Span) -> Expr:
    """`operand IS [NOT] NULL`; of a literal, SQLite's parser makes the number that it is: GROUP BY 1 NOT NULL is GROUP
    BY 1.
    """
    literal = operand
    while isinstance(literal, Unary) and literal.op in ("-", "+"):
        literal = literal.operand
    if isinstance(literal, IntegerLiteral | RealLiteral | TextLiteral | BlobLiteral):
        return IntegerLiteral(int(negated), -1, span)
    return IsNull(operand, negated, span)


_Prefix: TypeAlias = Callable[[ExpressionParser], Expr]
_Infix: TypeAlias = Callable[[ExpressionParser, Expr, int], Expr]

_P = ExpressionParser
_PREFIX: Final[dict[str, _Prefix]] = {
    **dict.fromkeys(COLUMN_WORDS, _P._identifier),
    STRING: _P._string_or_name,
    lexer.INTEGER: _P.number,
    lexer.REAL: _P.number,
    lexer.TWO_TO_63: _P.unusual_number,
    lexer.MIN_INTEGER: _P.unusual_number,
    lexer.BAD_NUMBER: _P.unusual_number,
    lexer.BLOB: _P.blob,
    lexer.VARIABLE: _P.parameter,
    "NULL": _P.null,
    "CURRENT_DATE": _P.current_time,
    "CURRENT_TIME": _P.current_time,
    "CURRENT_TIMESTAMP": _P.current_time,
    "-": _P._minus,
    "+": _P._plus,
    "~": _P._tilde,
    "NOT": _P._not,
    "(": _P._parenthesis,
    "EXISTS": _P._exists,
    "CASE": _P._case,
    "CAST": _P._cast,
    "RAISE": _P._raise,
}
_INFIX: Final[dict[str, _Infix]] = {
    "IS": _P._is,
    "ISNULL": _P._is_null,
    "NOTNULL": _P._not_null,
    "COLLATE": _P._collate,
    "NOT": _P._negated,
    "LIKE": _P._like,
    "GLOB": _P._like,
    "REGEXP": _P._like,
    "MATCH": _P._like,
    "BETWEEN": _P._between,
    "IN": _P._in,
}
_LISTS: Final = frozenset(LISTS.values())
_NEGATABLE: Final = frozenset({"IN", "BETWEEN", "LIKE", "GLOB", "REGEXP", "MATCH"})
