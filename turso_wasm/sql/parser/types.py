"""Type names, as written."""

from __future__ import annotations

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
        return _dequote_start(text)


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
