"""Statements beyond SQLite's. Their first words are no keywords: everywhere else they are names."""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import QualifiedName, Statement
from turso_wasm.sql.ast_extensions import CreateSequence, DropSequence
from turso_wasm.sql.lexer import ID
from turso_wasm.sql.parser.tables import TableParser

_LIMITS: Final = {"START": "start", "INCREMENT": "increment", "MINVALUE": "minimum", "MAXVALUE": "maximum"}


class ExtensionParser(TableParser):
    """CREATE and DROP of what SQLite has not."""

    __slots__ = ()

    def at_word(self, word: str) -> bool:
        """True if the next token is this word, which is no keyword of SQLite."""
        return self.kinds[self.at] == ID and self.texts[self.at].upper() == word

    def accept_word(self, word: str) -> bool:
        """Step over the next token if it is this word."""
        found = self.at_word(word)
        self.at += found
        return found

    def new_name(self) -> tuple[bool, QualifiedName]:
        """`[IF NOT EXISTS] name`: (was IF NOT EXISTS written, name). The kind of object has been taken."""
        if_not_exists = self.accept("IF")
        if if_not_exists:
            self.expect("NOT")
            self.expect("EXISTS")
        return if_not_exists, self.qualified_name()

    def old_name(self) -> tuple[bool, QualifiedName]:
        """`[IF EXISTS] name`, likewise."""
        if_exists = self.accept("IF")
        if if_exists:
            self.expect("EXISTS")
        return if_exists, self.qualified_name()

    def create_extension(self, start: int) -> Statement | None:
        """The statement, if CREATE is followed by one of our words."""
        return self._create_sequence(start) if self.accept_word("SEQUENCE") else None

    def drop_extension(self, start: int) -> Statement | None:
        """The same of DROP."""
        if not self.accept_word("SEQUENCE"):
            return None
        if_exists, name = self.old_name()
        return DropSequence(name, if_exists, self.span_from(start))

    # --- sequences ---------------------------------------------------------------------------------------------------

    def _create_sequence(self, start: int) -> CreateSequence:
        if_not_exists, name = self.new_name()
        node = CreateSequence(name, if_not_exists=if_not_exists)
        given: set[str] = set()
        while self.kinds[self.at] in (ID, "NO"):
            option = self._sequence_option(node)
            if option in given:
                raise SqlError(SQLITE_ERROR, f"{option} is given twice", self.span_from(start))
            given.add(option)
        node.span = self.span_from(start)
        return node

    def _sequence_option(self, node: CreateSequence) -> str:
        """Take one option; which one it is."""
        negated = self.accept("NO")
        word = self.texts[self.at].upper()
        if word == "CYCLE":
            self.at += 1
            node.cycle = not negated
            return word
        if word not in _LIMITS or (negated and word not in ("MINVALUE", "MAXVALUE")):
            self.fail()
        self.at += 1
        if not negated:
            if word == "INCREMENT":
                self.accept("BY")
            elif word == "START":
                self.accept("WITH")
            setattr(node, _LIMITS[word], self._integer(word))
        return word

    def _integer(self, word: str) -> int:
        at = self.at
        text = self.signed_number()
        span = (self.starts[at], self.ends[self.at - 1])
        if not text.lstrip("-").isdigit() or not -(2**63) <= int(text) < 2**63:
            raise SqlError(SQLITE_ERROR, f"{word} must be an integer of 64 bits", span)
        return int(text)
