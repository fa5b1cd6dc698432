"""The parser's place in the tokens, and the errors of the grammar.

Owns error messages that need no schema: SQLite's three syntax errors, and the depth limits that keep hostile text from
exhausting a stack.
"""

from __future__ import annotations

from typing import Final, NoReturn

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import Name, QualifiedName, Span
from turso_wasm.sql.keywords import FALLBACK, JOIN_WORDS
from turso_wasm.sql.lexer import (
    BAD_NUMBER,
    END,
    ID,
    ILLEGAL,
    INTEGER,
    LISTS,
    MIN_INTEGER,
    REAL,
    ROWS,
    STRING,
    TWO_TO_63,
    Tokens,
    dequote,
)

MAX_PARSER_DEPTH: Final = 2500
"""SQLITE_LIMIT_PARSER_DEPTH: symbols on SQLite's parser stack."""

IDENTIFIERS: Final = FALLBACK | {ID}
ALIASES: Final = IDENTIFIERS | {STRING}
"""What may follow an expression or a table as an alias without AS (SQLite's `ids`)."""
COLUMN_WORDS: Final = IDENTIFIERS | JOIN_WORDS | {"INDEXED"}
"""What may stand for a column or a function without quotes (SQLite's `idj`)."""
NAMES: Final = COLUMN_WORDS | {STRING}
"""What may be a name of anything (SQLite's `nm`)."""


class TokenStream:
    """A cursor over the tokens of one statement. `at` is the index of the next token."""

    __slots__ = (
        "at",
        "complaint",
        "complaint_at",
        "deepest",
        "depth",
        "ends",
        "has_arrays",
        "kinds",
        "longest_chain",
        "most_selects",
        "n_selects",
        "selects",
        "starts",
        "texts",
        "tokens",
    )

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.at = 0
        self.has_arrays = True
        self.depth = 0
        self.deepest = 0
        self.longest_chain = 0  # most operators in a row that lean to the left: nesting without depth
        self.selects = 0  # around the next token
        self.n_selects = 0  # that have ended
        self.most_selects = 0
        self.complaint: SqlError | None = None
        self.complaint_at = -1

    # --- moving ------------------------------------------------------------------------------------------------------

    def accept(self, kind: str) -> bool:
        """Step over the next token if it is of this kind."""
        if self.kinds[self.at] == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str) -> None:
        """Step over the next token, which must be of this kind. Errors: SqlError."""
        if self.kinds[self.at] != kind:
            self.fail()
        self.at += 1

    def span_from(self, start: int) -> Span:
        """From character `start` to the end of the last token taken."""
        return start, self.ends[self.at - 1]

    def enter(self, symbols: int, closing: int = 2) -> None:
        """Count the symbols that a nested construct has on SQLite's parser stack, and as many as it takes to end it.

        The caller takes `symbols` from `depth` again. Errors: SqlError.
        """
        self.depth += symbols
        if self.depth > self.deepest:
            self.deepest = self.depth
        if self.depth + closing >= MAX_PARSER_DEPTH:
            raise SqlError(SQLITE_ERROR, "Recursion limit")

    # --- names -------------------------------------------------------------------------------------------------------

    def name(self) -> str:
        """A name, dequoted (SQLite's `nm`)."""
        at = self.at
        kind = self.kinds[at]
        if kind not in NAMES:
            self.fail()
        self.at = at + 1
        text = self.texts[at]
        return dequote(text) if kind in _MAYBE_QUOTED else text

    def raw_name(self) -> str:
        """A name as written, with its quotes: SQLite compares names of windows like that."""
        if self.kinds[self.at] not in NAMES:
            self.fail()
        self.at += 1
        return self.texts[self.at - 1]

    def name_node(self) -> Name:
        """A name with its span."""
        at = self.at
        return Name(self.name(), (self.starts[at], self.ends[at]))

    def name_list(self) -> tuple[Name, ...]:
        """`name, name, …)` up to and with the closing parenthesis; the opening one has been taken."""
        names = [self.name_node()]
        while self.accept(","):
            names.append(self.name_node())
        self.expect(")")
        return tuple(names)

    def qualified_name(self) -> QualifiedName:
        """`name` or `schema.name`."""
        name, schema = self.name_node(), None
        start = name.span[0]
        if self.accept("."):
            name, schema = self.name_node(), name.text
        return QualifiedName(name.text, schema, self.span_from(start), name.span)

    def optional_alias(self) -> str | None:
        """`AS name`, a bare identifier or string, or nothing."""
        kind = self.kinds[self.at]
        if kind == "AS":
            self.at += 1
            return self.name()
        if kind in ALIASES:
            self.at += 1
            text = self.texts[self.at - 1]
            return dequote(text) if kind in _MAYBE_QUOTED else text
        return None

    def identifier_or_string(self) -> str:
        """SQLite's `ids`: an identifier or a string, but none of the words of JOIN."""
        if self.kinds[self.at] not in ALIASES:
            self.fail()
        return self.name()

    # --- failing -----------------------------------------------------------------------------------------------------

    def fail(self) -> NoReturn:
        """Raise the syntax error for the next token, or the complaint that came before it."""
        at = self.at
        if self.complaint is not None and self.complaint_at < at:
            raise self.complaint
        kind, text = self.kinds[at], self.texts[at]
        if kind == END:
            raise SqlError(SQLITE_ERROR, "incomplete input")
        if kind == ROWS or kind in LISTS.values():
            text = "("
        span = (self.starts[at], self.starts[at] + len(text))
        if kind == ILLEGAL:
            raise SqlError(SQLITE_ERROR, f'unrecognized token: "{text}"', span)
        raise SqlError(SQLITE_ERROR, f'near "{text}": syntax error', span)

    def complain(self, message: str, span: Span | None = None) -> None:
        """Note an error that the grammar itself does not forbid, and go on parsing.

        SQLite finds such errors when the next token has already been read. So a syntax error at that token
        comes first, one at a later token comes too late; of two complaints at one token the second is shown.
        """
        if self.complaint is None or self.complaint_at == self.at:
            self.complaint = SqlError(SQLITE_ERROR, message, span)
            self.complaint_at = self.at

    def complain_about_separators(self, at: int) -> None:
        """A number with misplaced `_`. SQLite squeezes them out in place, and shows the buffer as it is then."""
        text = self.texts[at]
        digits = "0123456789abcdefABCDEF" if text[1] in "xX" else "0123456789"
        padded = text + " "
        for i, char in enumerate(text):
            if char == "_" and (padded[i - 1] not in digits or padded[i + 1] not in digits):
                squeezed = text[:i].replace("_", "")
                self.complain(f'unrecognized token: "{squeezed}{text[len(squeezed) :]}"')
                return

    def signed_number(self) -> str:
        """`[+-] number` as text without space and without '+' (SQLite's plus_num and minus_num)."""
        sign = ""
        if self.kinds[self.at] in ("+", "-"):
            sign = "-" if self.kinds[self.at] == "-" else ""
            self.at += 1
        if not self.at_plain_number():
            self.fail()
        self.at += 1
        return sign + self.texts[self.at - 1]

    def at_plain_number(self) -> bool:
        """True if the next token is a number without digit separators: some places take no others."""
        kind = self.kinds[self.at]
        is_number = kind in _NUMBERS
        return is_number and "_" not in self.texts[self.at]


_MAYBE_QUOTED: Final = frozenset({ID, STRING})
_NUMBERS: Final = frozenset({INTEGER, REAL, TWO_TO_63, MIN_INTEGER, BAD_NUMBER})
