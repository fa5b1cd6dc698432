"""Type names, as written."""

from __future__ import annotations

from turso_wasm.sql.lexer import dequote_start
from turso_wasm.sql.parser.functions import FunctionParser
from turso_wasm.sql.parser.stream import ALIASES


class TypeParser(FunctionParser):
    """Types of columns and of CAST."""

    __slots__ = ()

    def type_name(self) -> str:
        """A type as written: words, and one or two numbers in parentheses; '' where there is none."""
        first = self.at
        while self.kinds[self.at] in ALIASES:
            self.at += 1
        if self.at == first:
            return ""
        if self.accept("("):
            self.signed_number()
            if self.accept(","):
                self.signed_number()
            self.expect(")")
        text = self.tokens.sql[self.starts[first] : self.ends[self.at - 1]]
        return dequote_start(text)
