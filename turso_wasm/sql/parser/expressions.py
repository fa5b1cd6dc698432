"""Expressions, by precedence climbing.

SQLite's precedences, loosest first: OR, AND, NOT, equality (with IS, IN, LIKE, BETWEEN, ISNULL), order, bits, sums,
products, concatenation (with -> and ->>), COLLATE, and the signs. Binary operators group to the left. A prefix
operator takes an operand of its own precedence wherever it stands: `1 + NOT 2 = 3` is 1 + (NOT (2 = 3)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql import lexer
from turso_wasm.sql.ast_base import Expr, QualifiedName
from turso_wasm.sql.ast_expr import (
    Between,
    Binary,
    BinaryOperator,
    BlobLiteral,
    Case,
    Cast,
    Collate,
    ColumnRef,
    CurrentTime,
    Exists,
    Frame,
    FrameBound,
    FunctionCall,
    InList,
    InSelect,
    InTable,
    IntegerLiteral,
    IsNull,
    Like,
    NullLiteral,
    OrderTerm,
    Parameter,
    Raise,
    RealLiteral,
    RowValue,
    Subquery,
    TextLiteral,
    Unary,
    When,
    WindowSpec,
)
from turso_wasm.sql.lexer import ID, STRING, Tokens, dequote
from turso_wasm.sql.parser.stream import COLUMN_WORDS, NAMES, TokenStream

if TYPE_CHECKING:
    from turso_wasm.sql.ast_select import Select

MAX_PARAMETER: Final = 32766
MAX_FUNCTION_ARGUMENTS: Final = 1000

N_PRECEDENCES: Final = 11
_NOT, _EQUALITY, _BITS, _COLLATE, _SIGN = 3, 4, 6, 10, 11
_BINARY: Final[dict[str, int]] = {
    "OR": 1,
    "AND": 2,
    "=": _EQUALITY,
    "<>": _EQUALITY,
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
}
SUBQUERY_STARTS: Final = frozenset({"SELECT", "VALUES", "WITH"})


class ExpressionParser(TokenStream):
    """Everything an expression can hold but SELECT, which `SelectParser` adds."""

    __slots__ = ("_next_literal", "highest_parameter", "named_parameters", "too_big")

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.highest_parameter = 0
        self.named_parameters: dict[str, int] = {}
        self.too_big: SqlError | None = None  # a hexadecimal literal; SQLite notices after parsing
        self._next_literal = 0

    def select(self) -> Select:
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
            kind = kinds[self.at]
            precedence = _BINARY.get(kind)
            if precedence is not None:
                if precedence <= above:
                    break
                n_operators += 1
                self.at += 1
                self.depth += 2
                right = self.expr(precedence)
                self.depth -= 2
                left = Binary(cast(BinaryOperator, kind), left, right, (start, self.ends[self.at - 1]))
                continue
            infix = _INFIX.get(kind)
            if infix is None or (_COLLATE if kind == "COLLATE" else _EQUALITY) <= above:
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

    # --- leaves ------------------------------------------------------------------------------------------------------

    def literal_index(self) -> int:
        """The ordinal of the literal token at `at`; those passed over were names."""
        literal_at = self.tokens.literal_at
        index = self._next_literal
        if index >= len(literal_at) or literal_at[index] > self.at:
            index = 0  # the parser has gone back
        while literal_at[index] < self.at:
            index += 1
        self._next_literal = index + 1
        return index

    def _number(self) -> Expr:
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        value = self.tokens.literals[index]
        span = (self.starts[at], self.ends[at])
        if isinstance(value, int):
            return IntegerLiteral(value, index, span)
        return RealLiteral(cast(float, value), index, span)

    def _unusual_number(self) -> Expr:
        """2**63 (a real), the smallest integer in hexadecimal, and numbers that SQLite refuses."""
        at = self.at
        kind = self.kinds[at]
        self.at = at + 1
        span = (self.starts[at], self.ends[at])
        if kind == lexer.TWO_TO_63:
            return RealLiteral(float(2**63), -1, span)
        if kind == lexer.MIN_INTEGER:
            return IntegerLiteral(-(2**63), -1, span)
        if "_" in self.texts[at]:
            self.complain_about_separators(at)
        else:
            self._note_too_big("", at)
        return IntegerLiteral(0, -1, span)

    def _note_too_big(self, sign: str, at: int) -> None:
        if self.too_big is None:
            message = f"hex literal too big: {sign}{self.texts[at]}"
            self.too_big = SqlError(SQLITE_ERROR, message, (self.starts[at], self.ends[at]))

    def _string(self) -> Expr:
        if self.kinds[self.at + 1] == ".":
            return self._identifier()
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        return TextLiteral(cast(str, self.tokens.literals[index]), index, (self.starts[at], self.ends[at]))

    def _blob(self) -> Expr:
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        return BlobLiteral(cast(bytes, self.tokens.literals[index]), index, (self.starts[at], self.ends[at]))

    def _null(self) -> Expr:
        at = self.at
        self.at = at + 1
        return NullLiteral((self.starts[at], self.ends[at]))

    def _current_time(self) -> Expr:
        at = self.at
        self.at = at + 1
        kind = cast(Literal["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"], self.kinds[at])
        return CurrentTime(kind, (self.starts[at], self.ends[at]))

    def _parameter(self) -> Expr:
        at = self.at
        text = self.texts[at]
        span = (self.starts[at], self.ends[at])
        self.at = at + 1
        if text[0] == "#" and text[1].isdigit():
            self.complain(f'near "{text}": syntax error', span)
        if text == "?":
            number = self.highest_parameter + 1
            text = ""
        elif text[0] == "?":
            number = int(text[1:]) if len(text) < 12 else 0
            if not 1 <= number <= MAX_PARAMETER:
                number = 1
                self.complain(f"variable number must be between ?1 and ?{MAX_PARAMETER}", span)
        else:
            number = self.named_parameters.get(text) or self.highest_parameter + 1
            self.named_parameters[text] = number
        if number > MAX_PARAMETER:
            self.complain("too many SQL variables", span)
        self.highest_parameter = max(self.highest_parameter, number)
        return Parameter(text, number, span)

    def _identifier(self) -> Expr:
        """A column (with table, with schema) or a function call."""
        at = self.at
        kinds = self.kinds
        following = kinds[at + 1]
        if following == "(":
            return self._function()
        text = self.texts[at]
        name = dequote(text) if kinds[at] == ID or kinds[at] == STRING else text
        start = self.starts[at]
        self.at = at + 1
        if following != ".":
            return ColumnRef(name, None, None, text[0] == '"', (start, self.ends[at]))
        self.at = at + 2
        second = self.name()
        if kinds[self.at] != ".":
            return ColumnRef(second, name, None, False, (start, self.ends[at + 2]))
        self.at += 1
        third = self.name()
        return ColumnRef(third, second, name, False, (start, self.ends[at + 4]))

    # --- prefix forms ------------------------------------------------------------------------------------------------

    def _minus(self) -> Expr:
        at = self.at
        self.at = at + 1
        kind = self.kinds[at + 1]
        if kind == lexer.MIN_INTEGER or (kind == lexer.BAD_NUMBER and "_" not in self.texts[at + 1]):
            self._note_too_big("-", at + 1)
        self.enter(1, 1)
        operand = self.expr(_SIGN)
        self.depth -= 1
        span = self.span_from(self.starts[at])
        if isinstance(operand, RealLiteral) and operand.value == 2**63 and operand.index < 0:
            return IntegerLiteral(-(2**63), -1, span)
        return Unary("-", operand, span)

    def _plus(self) -> Expr:
        return self._unary("+", _SIGN)

    def _tilde(self) -> Expr:
        return self._unary("~", _SIGN)

    def _not(self) -> Expr:
        return self._unary("NOT", _NOT - 1)

    def _unary(self, op: Literal["+", "~", "NOT"], above: int) -> Expr:
        start = self.starts[self.at]
        self.at += 1
        self.enter(1, 1)
        operand = self.expr(above)
        self.depth -= 1
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
        select = self.select()
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

    def type_name(self) -> str:
        """A type as written: words, and one or two numbers in parentheses; '' where there is none."""
        first = self.at
        while self.kinds[self.at] in _TYPE_WORDS:
            self.at += 1
        if self.at == first:
            return ""
        if self.accept("("):
            self.signed_number()
            if self.accept(","):
                self.signed_number()
            self.expect(")")
        text = self.tokens.sql[self.starts[first] : self.ends[self.at - 1]]
        return _dequote_start(text)

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
        right = self.expr(_EQUALITY)
        self.depth -= symbols
        span = self.span_from(start)
        if isinstance(right, NullLiteral):
            return IsNull(left, negated, span)
        return Binary("IS NOT" if negated else "IS", left, right, span)

    def _is_null(self, left: Expr, start: int) -> Expr:
        return IsNull(left, False, self.span_from(start))

    def _not_null(self, left: Expr, start: int) -> Expr:
        return IsNull(left, True, self.span_from(start))

    def _collate(self, left: Expr, start: int) -> Expr:
        return Collate(left, self.identifier_or_string(), self.span_from(start))

    def _negated(self, left: Expr, start: int) -> Expr:
        """What follows `left NOT`."""
        kind = self.kinds[self.at]
        if kind == "NULL":
            self.at += 1
            return IsNull(left, True, self.span_from(start))
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
        pattern = self.expr(_EQUALITY)
        self.depth += 2
        escape = self.expr(_EQUALITY) if self.accept("ESCAPE") else None
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
        high = self.expr(_EQUALITY)
        self.depth -= 4
        return Between(left, low, high, negated, self.span_from(start))

    def _in(self, left: Expr, start: int, negated: bool = False) -> Expr:
        """`IN (list)`, `IN (select)`, `IN table`, `IN function(arguments)`."""
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
            return InList(left, items, negated, self.span_from(start))
        table: QualifiedName = self.qualified_name()
        arguments = None
        if self.accept("("):
            self.enter(5)
            arguments = () if self.kinds[self.at] == ")" else self.expr_list()
            self.depth -= 5
            self.expect(")")
        return InTable(left, table, arguments, negated, self.span_from(start))

    # --- functions and windows ---------------------------------------------------------------------------------------

    def _function(self) -> Expr:
        at = self.at
        kinds = self.kinds
        if kinds[at] not in COLUMN_WORDS:
            self.at = at + 1
            self.fail()
        text = self.texts[at]
        call = FunctionCall(dequote(text) if kinds[at] == ID else text)
        self.at = at + 2
        kind = kinds[at + 2]
        if kind == "*":
            self.at = at + 3
            call.star = True
        else:
            self._function_arguments(call, kind)
        self.expect(")")
        if len(call.arguments) > MAX_FUNCTION_ARGUMENTS:
            self.complain(f"too many arguments on function {text}", (self.starts[at], self.ends[at]))
        if kinds[self.at] == "FILTER":
            self.at += 2
            self.expect("WHERE")
            self.enter(8)
            call.filter = self.expr()
            self.depth -= 8
            self.expect(")")
        if kinds[self.at] == "OVER":
            self.at += 1
            self.depth += 6 if call.filter is None else 7
            call.over = self._over()
            self.depth -= 6 if call.filter is None else 7
            if call.distinct:
                self.complain("DISTINCT is not supported for window functions")
        call.span = (self.starts[at], self.ends[self.at - 1])
        return call

    def _function_arguments(self, call: FunctionCall, kind: str) -> None:
        if kind == "DISTINCT" or kind == "ALL":
            self.at += 1
            call.distinct = kind == "DISTINCT"
            kind = self.kinds[self.at]
        self.enter(3)
        if kind != ")" and kind != "ORDER":
            call.arguments = self.expr_list()
        if self.accept("ORDER"):
            self.expect("BY")
            self.enter(3, 1)
            call.order_by = self.order_terms()
            self.depth -= 3
        self.depth -= 3

    def order_terms(self) -> tuple[OrderTerm, ...]:
        """`expr [ASC | DESC] [NULLS FIRST | LAST], …`"""
        terms = [self._order_term()]
        self.depth += 2
        while self.accept(","):
            terms.append(self._order_term())
        self.depth -= 2
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        start = self.starts[self.at]
        term = OrderTerm(self.expr())
        kind = self.kinds[self.at]
        if kind == "DESC" or kind == "ASC":
            self.at += 1
            term.descending = kind == "DESC"
        if self.accept("NULLS"):
            if not self.accept("FIRST"):
                self.expect("LAST")
                term.nulls = "LAST"
            else:
                term.nulls = "FIRST"
        term.span = (start, self.ends[self.at - 1])
        return term

    def _over(self) -> WindowSpec | str:
        """A window's name, or its spec in parentheses."""
        if self.kinds[self.at] == "(":
            return self.window_spec()
        return self.raw_name()

    def window_spec(self) -> WindowSpec:
        """`([base] [PARTITION BY …] [ORDER BY …] [frame])`"""
        start = self.starts[self.at]
        self.expect("(")
        outside = self.depth
        self.enter(1)
        spec = WindowSpec()
        kind = self.kinds[self.at]
        if kind in NAMES and kind not in _WINDOW_STARTS:
            spec.base = self.raw_name()
            self.depth += 1
        if self.accept("PARTITION"):
            self.expect("BY")
            self.enter(2, 4)
            spec.partition_by = self.expr_list()
            self.depth += 1
        if self.accept("ORDER"):
            self.expect("BY")
            self.enter(2, 3)
            spec.order_by = self.order_terms()
            self.depth -= 1
        if self.kinds[self.at] in ("ROWS", "RANGE", "GROUPS"):
            spec.frame = self._frame()
        self.expect(")")
        self.depth = outside
        spec.span = self.span_from(start)
        return spec

    def _frame(self) -> Frame:
        start = self.starts[self.at]
        unit = cast(Literal["RANGE", "ROWS", "GROUPS"], self.kinds[self.at])
        self.at += 1
        self.depth += 1
        if self.accept("BETWEEN"):
            self.enter(1, 3)
            first = self._frame_bound("PRECEDING")
            self.expect("AND")
            self.enter(2, 3)
            last: FrameBound | None = self._frame_bound("FOLLOWING")
        else:
            first, last = self._frame_bound("PRECEDING"), None
        frame = Frame(unit, first, last)
        if self.accept("EXCLUDE"):
            frame.exclude = self._frame_exclusion()
        if _bound_order(first) > _bound_order(last):
            self.complain("unsupported frame specification")
        frame.span = self.span_from(start)
        return frame

    def _frame_bound(self, unbounded: Literal["PRECEDING", "FOLLOWING"]) -> FrameBound:
        start = self.starts[self.at]
        if self.accept("UNBOUNDED"):
            self.expect(unbounded)
            bound = FrameBound("UNBOUNDED PRECEDING", None, self.span_from(start))
            if unbounded == "FOLLOWING":
                bound.kind = "UNBOUNDED FOLLOWING"
            return bound
        if self.accept("CURRENT"):
            self.expect("ROW")
            return FrameBound("CURRENT ROW", None, self.span_from(start))
        offset = self.expr()
        if self.accept("PRECEDING"):
            return FrameBound("PRECEDING", offset, self.span_from(start))
        self.expect("FOLLOWING")
        return FrameBound("FOLLOWING", offset, self.span_from(start))

    def _frame_exclusion(self) -> Literal["NO OTHERS", "CURRENT ROW", "GROUP", "TIES"]:
        if self.accept("NO"):
            self.expect("OTHERS")
            return "NO OTHERS"
        if self.accept("CURRENT"):
            self.expect("ROW")
            return "CURRENT ROW"
        if self.accept("GROUP"):
            return "GROUP"
        self.expect("TIES")
        return "TIES"


def _bound_order(bound: FrameBound | None) -> int:
    """PRECEDING before CURRENT ROW before FOLLOWING: a frame must not end in an earlier group than it starts in."""
    return 1 if bound is None or bound.kind == "CURRENT ROW" else 0 if bound.kind.endswith("PRECEDING") else 2


def _dequote_start(text: str) -> str:
    """A type that starts with a quoted name is that name alone, whatever follows."""
    quote = text[0]
    if quote not in "'\"`[":
        return text
    close = "]" if quote == "[" else quote
    at = 1
    name = []
    while at < len(text):
        if text[at] == close:
            if text[at + 1 : at + 2] != close or quote == "[":
                break
            at += 1
        name.append(text[at])
        at += 1
    return "".join(name)


_Prefix: TypeAlias = Callable[[ExpressionParser], Expr]
_Infix: TypeAlias = Callable[[ExpressionParser, Expr, int], Expr]

_P = ExpressionParser
_PREFIX: Final[dict[str, _Prefix]] = {
    **{word: _P._identifier for word in COLUMN_WORDS},
    STRING: _P._string,
    lexer.INTEGER: _P._number,
    lexer.REAL: _P._number,
    lexer.TWO_TO_63: _P._unusual_number,
    lexer.MIN_INTEGER: _P._unusual_number,
    lexer.BAD_NUMBER: _P._unusual_number,
    lexer.BLOB: _P._blob,
    lexer.VARIABLE: _P._parameter,
    "NULL": _P._null,
    "CURRENT_DATE": _P._current_time,
    "CURRENT_TIME": _P._current_time,
    "CURRENT_TIMESTAMP": _P._current_time,
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
_NEGATABLE: Final = frozenset({"IN", "BETWEEN", "LIKE", "GLOB", "REGEXP", "MATCH"})
_WINDOW_STARTS: Final = frozenset({"PARTITION", "ROWS", "RANGE", "GROUPS"})
_TYPE_WORDS: Final = frozenset(COLUMN_WORDS | {STRING}) - {
    "CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT", "INDEXED",
}  # fmt: skip
