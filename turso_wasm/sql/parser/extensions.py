"""Statements beyond SQLite's. Their first words are no keywords: everywhere else they are names."""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.sql.ast_base import QualifiedName, Statement
from turso_wasm.sql.ast_extensions import (
    CreateSequence,
    CreateType,
    DomainCheck,
    DropSequence,
    DropType,
    Operator,
    TypeField,
)
from turso_wasm.sql.lexer import ID, STRING, dequote
from turso_wasm.sql.parser.expressions import EQUALITY
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
        if self.accept_word("SEQUENCE"):
            return self._create_sequence(start)
        if self.accept_word("TYPE"):
            return self._create_type(start)
        return self._create_domain(start) if self.accept_word("DOMAIN") else None

    def drop_extension(self, start: int) -> Statement | None:
        """The same of DROP."""
        word = self.texts[self.at].upper()
        if self.kinds[self.at] != ID or word not in ("SEQUENCE", "TYPE", "DOMAIN"):
            return None
        self.at += 1
        if_exists, name = self.old_name()
        if word == "SEQUENCE":
            return DropSequence(name, if_exists, self.span_from(start))
        return DropType("TYPE" if word == "TYPE" else "DOMAIN", name, if_exists, self.span_from(start))

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

    # --- types -------------------------------------------------------------------------------------------------------

    def _create_type(self, start: int) -> CreateType:
        if_not_exists, name = self.new_name()
        node = CreateType(name, "base", if_not_exists=if_not_exists)
        if self.accept("AS"):
            self._composite(node)
        else:
            if self.accept("("):
                node.parameters = self._type_parameters()
            if not self.accept_word("BASE"):
                self.fail()
            node.parent = self.name()
            while self._type_clause(node):
                pass
        node.span = self.span_from(start)
        return node

    def _type_parameters(self) -> tuple[str, ...]:
        """`value [type], name [type], …)`: the names, but for that of the value."""
        names: list[str] = []
        while True:
            names.append(self.name())
            self.type_name()
            if not self.accept(","):
                break
        self.expect(")")
        return tuple([name for name in names if name.lower() != "value"])

    def _needed_type(self) -> str:
        return self.type_name() or self.fail()

    def _type_clause(self, node: CreateType) -> bool:
        """Take one clause; False: there is none."""
        if self.accept("DEFAULT"):
            node.default = self.expr()
        elif self.accept_word("ENCODE"):
            node.encode = self.expr()
        elif self.accept_word("DECODE"):
            node.decode = self.expr()
        elif self.accept_word("OPERATOR"):
            node.operators = (*node.operators, self._operator())
        else:
            return False
        return True

    def _operator(self) -> Operator:
        """`'op' [function]`, or `'op' (type) -> function`."""
        if self.kinds[self.at] != STRING:
            self.fail()
        op, span = dequote(self.texts[self.at]), (self.starts[self.at], self.ends[self.at])
        if op not in ("+", "-", "*", "/", "%", "||", "=", "<"):
            raise SqlError(SQLITE_ERROR, f"no operator {op} can be given to a type", span)
        self.at += 1
        if self.accept("("):
            self._needed_type()
            self.expect(")")
            self.expect("->")
            return Operator(op, self.name())
        word = self.texts[self.at].upper()
        is_clause = word in ("ENCODE", "DECODE", "OPERATOR")
        return Operator(op, self.name() if self.kinds[self.at] == ID and not is_clause else None)

    def _composite(self, node: CreateType) -> None:
        """`STRUCT (field type, …)`, `UNION (tag type, …)`."""
        node.kind = "union" if self.accept("UNION") else "struct"
        if node.kind == "struct" and not self.accept_word("STRUCT"):
            self.fail()
        self.expect("(")
        fields = [TypeField(self.name(), self._needed_type())]
        while self.accept(","):
            fields.append(TypeField(self.name(), self._needed_type()))
        self.expect(")")
        node.fields = tuple(fields)

    def _create_domain(self, start: int) -> CreateType:
        if_not_exists, name = self.new_name()
        node = CreateType(name, "domain", if_not_exists=if_not_exists)
        self.accept("AS")
        node.parent = self._needed_type()
        label = None
        while True:
            if self.accept("CONSTRAINT"):
                label = self.name()
            elif self.accept("DEFAULT"):
                node.default = self.expr(EQUALITY)  # not the comparison `5 NOT NULL`
            elif self.accept("NOT"):
                self.expect("NULL")
                node.not_null = True
            elif not self.accept("NULL"):
                if self.kinds[self.at] != "CHECK":
                    break
                check = self.check(label)
                node.checks = (*node.checks, DomainCheck(check.expr, label))
                label = None
        node.span = self.span_from(start)
        return node
