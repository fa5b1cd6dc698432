"""Leaves of expressions: literals and parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, cast

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql import lexer
from turso_wasm.sql.ast_base import Expr, Span
from turso_wasm.sql.ast_expr import (
    BlobLiteral,
    CurrentTime,
    IntegerLiteral,
    LiteralList,
    NullLiteral,
    Parameter,
    RealLiteral,
    TextLiteral,
    Unary,
)
from turso_wasm.sql.lexer import Tokens
from turso_wasm.sql.limits import MAX_PARAMETER
from turso_wasm.sql.literals import LiteralValue
from turso_wasm.sql.parser.stream import TokenStream


class LeafParser(TokenStream):
    """What an expression comes down to, but for names."""

    __slots__ = ("_next_literal", "highest_parameter", "named_parameters", "too_big")

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.highest_parameter = 0
        self.named_parameters: dict[str, int] = {}
        self.too_big: SqlError | None = None  # a hexadecimal literal; SQLite notices after parsing
        self._next_literal = 0

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

    def number(self) -> Expr:
        """An integer or a real whose value can be lifted."""
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        value = self.tokens.literals[index]
        span = (self.starts[at], self.ends[at])
        if isinstance(value, int):
            return IntegerLiteral(value, index, span)
        return RealLiteral(cast(float, value), index, span)

    def unusual_number(self) -> Expr:
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
            self.note_too_big(at)
        return IntegerLiteral(0, -1, span)

    def note_too_big(self, at: int) -> None:
        """Remember a hexadecimal literal that does not fit; SQLite complains about the last one."""
        span = (self.starts[at], self.ends[at])
        self.too_big = SqlError(SQLITE_ERROR, f"hex literal too big: {self.texts[at]}", span)

    def note_negated(self, span: Span) -> None:
        """A minus sign stands before what is at `span`. The smallest integer in hexadecimal has no opposite; whether a
        literal IS NULL is a number, too, that has.
        """
        text = self.tokens.sql[span[0] : span[1]]
        if text[:2] in ("0x", "0X") and not text[2:].strip("0123456789abcdefABCDEF_"):
            self.too_big = SqlError(SQLITE_ERROR, f"hex literal too big: -{text}", span)

    def literal_list(self) -> LiteralList:
        """The members of an IN list of literals, which are one token. Errors: SqlError, as for several."""
        self.enter(3)
        self.enter(2, 1)
        self.depth -= 5
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        rows = cast(tuple[tuple[LiteralValue], ...], self.tokens.literals[index])
        return LiteralList(tuple([value for (value,) in rows]), index, (self.starts[at], self.ends[at]))

    def string(self) -> Expr:
        """A string literal."""
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        return TextLiteral(cast(str, self.tokens.literals[index]), index, (self.starts[at], self.ends[at]))

    def blob(self) -> Expr:
        """`x'…'`."""
        index = self.literal_index()
        at = self.at
        self.at = at + 1
        return BlobLiteral(cast(bytes, self.tokens.literals[index]), index, (self.starts[at], self.ends[at]))

    def null(self) -> Expr:
        """NULL."""
        at = self.at
        self.at = at + 1
        return NullLiteral((self.starts[at], self.ends[at]))

    def current_time(self) -> Expr:
        """CURRENT_DATE and its sisters."""
        at = self.at
        self.at = at + 1
        kind = cast(Literal["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"], self.kinds[at])
        return CurrentTime(kind, (self.starts[at], self.ends[at]))

    def parameter(self) -> Expr:
        """`?`, `?N`, `:name`, `@name`, `$name`, numbered as SQLite does."""
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


def literal_values(nodes: Iterable[Expr]) -> tuple[LiteralValue, ...] | None:
    """The values of nodes that are all literals, with or without a sign, or NULL; else None."""
    values = [_literal_value(node) for node in nodes]
    return None if _NO_LITERAL in values else tuple(values)


def _literal_value(node: Expr) -> LiteralValue:
    if isinstance(node, (IntegerLiteral, RealLiteral, TextLiteral, BlobLiteral)):
        return node.value
    if isinstance(node, NullLiteral):
        return None
    if isinstance(node, Unary) and node.op in _SIGNS and isinstance(node.operand, (IntegerLiteral, RealLiteral)):
        value = node.operand.value
        return _NO_LITERAL if value == -(2**63) else -value if node.op == "-" else value
    return _NO_LITERAL


_SIGNS: Final = frozenset({"+", "-"})
_NO_LITERAL: Final[LiteralValue] = cast(LiteralValue, object())
