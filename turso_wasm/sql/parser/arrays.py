"""What stands in square brackets: `ARRAY[1, 2]`, `a[1]`, `a[1:2]`.

To SQLite a text in brackets is a quoted name. Behind an expression it is one to us, too (`SELECT a [1]` calls the
column 1), unless there is no space between, and it begins like a number, a parameter, a colon or a parenthesis. It ends
at the first `]`.
"""

from __future__ import annotations

import re
from typing import Final

from turso_wasm.sql import lexer
from turso_wasm.sql.ast_base import Expr
from turso_wasm.sql.ast_expr import FunctionCall, IntegerLiteral
from turso_wasm.sql.parser.types import TypeParser
from turso_wasm.sql.walk import walk

SUBSCRIPT: Final = re.compile(r"\[\s*(-?\d+\s*[\]:+*/-]|[-?:(])")
LAST: Final = 2**31
WRITTEN: Final = frozenset(("array_of", "array_get", "array_slice", "array_contains_all", "array_overlaps"))


class ArrayParser(TypeParser):
    """Calls of functions, which is what arrays are to everything behind the parser."""

    __slots__ = ()

    def array(self) -> Expr:
        """`ARRAY[expr, …]`; the word is the next token."""
        start = self.starts[self.at]
        self.at += 1
        end = self.ends[self.at] - 1
        has_items = bool(self.texts[self.at][1:-1].strip())
        items = self._inside(self.starts[self.at] + 1, end) if has_items else ()
        self.at += 1
        return FunctionCall("array_of", items, span=self.span_from(start))

    def at_subscript(self) -> bool:
        """The next token is one, behind what was read."""
        text = self.texts[self.at]
        is_close = self.starts[self.at] == self.ends[self.at - 1]
        return self.has_arrays and is_close and text[0] == "[" and bool(SUBSCRIPT.match(text))

    def subscript(self, left: Expr, start: int) -> Expr:
        """`left[place]`, `left[first:last]`, either of which may be left out."""
        at, end = self.starts[self.at] + 1, self.ends[self.at] - 1
        text = self.tokens.sql[at:end]
        colon = text.find(":")
        if colon < 0:
            call = FunctionCall("array_get", (left, *self._inside(at, end)))
        else:
            first = self._inside(at, at + colon) if text[:colon].strip() else (IntegerLiteral(1),)
            last = self._inside(at + colon + 1, end) if text[colon + 1 :].strip() else (IntegerLiteral(LAST),)
            call = FunctionCall("array_slice", (left, *first, *last))
        self.at += 1
        call.span = self.span_from(start)
        return call

    def array_operator(self, name: str, left: Expr, precedence: int, start: int) -> Expr:
        """`left @> right`, `left && right`; the operator has been taken."""
        return FunctionCall(name, (left, self.expr(precedence)), span=self.span_from(start))

    def _inside(self, start: int, end: int) -> tuple[Expr, ...]:
        """The expressions from one character to another. They are part of the statement's key: no literal is lifted."""
        inner = type(self)(lexer.tokenize(self.tokens.sql[:end], start))
        inner.highest_parameter, inner.named_parameters = self.highest_parameter, self.named_parameters
        found = inner.expr_list()
        if inner.kinds[inner.at] != lexer.END:
            inner.fail()
        self.highest_parameter = inner.highest_parameter
        for node in (each for expr in found for each in walk(expr)):
            if hasattr(node, "index"):
                node.index = -1
        return found
