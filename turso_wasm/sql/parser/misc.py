"""Transactions, PRAGMA, ATTACH, housekeeping, EXPLAIN; and the choice of the statement by its first word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, cast

from turso_wasm.sql.ast_base import Statement
from turso_wasm.sql.ast_ddl import RefreshView
from turso_wasm.sql.ast_misc import (
    Analyze,
    Attach,
    Begin,
    Commit,
    Detach,
    Explain,
    ExplainMode,
    OptimizeIndex,
    Pragma,
    Reindex,
    Release,
    Rollback,
    Savepoint,
    Vacuum,
)
from turso_wasm.sql.lexer import END, Tokens
from turso_wasm.sql.parser.ddl import DdlParser
from turso_wasm.sql.parser.stream import NAMES


class Parser(DdlParser):
    """The parser of one statement."""

    __slots__ = ()

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.in_trigger = self.in_insert = False
        self.last_foreign_key = None

    def statement(self) -> Statement | None:
        """The statement in the tokens, which must hold nothing else; None if it is empty. Errors: SqlError."""
        kind = self.kinds[self.at]
        if kind == ";" or kind == END:
            return None
        statement = self._explain() if kind == "EXPLAIN" else self._command()
        if self.kinds[self.at] != ";" and self.kinds[self.at] != END:
            self.fail()
        if self.complaint is not None:
            raise self.complaint
        if self.too_big is not None:
            raise self.too_big
        return statement

    def _command(self) -> Statement:
        command = _COMMANDS.get(self.kinds[self.at])
        if command is None and self.at_word("OPTIMIZE") and self.kinds[self.at + 1] == "INDEX":
            return self._optimize_index()
        if (
            command is None
            and self.at_word("REFRESH")
            and self.kinds[self.at + 1 : self.at + 3] == ["MATERIALIZED", "VIEW"]
        ):
            return self._refresh()
        if command is None:
            self.fail()
        return command(self)

    def _explain(self) -> Explain:
        start = self.starts[self.at]
        self.at += 1
        mode: ExplainMode = "PROGRAM"
        if self.accept("QUERY"):
            self.expect("PLAN")
            mode = "QUERY PLAN"
        elif self.at_word("CODE") and self.kinds[self.at + 1] in _COMMANDS:
            self.at += 1
            mode = "CODE"
        elif self._at_analyzed():
            self.at += 1
            mode = "ANALYZE"
        self.depth += 1
        statement = self._command()
        return Explain(mode, statement, self.span_from(start))

    def _at_analyzed(self) -> bool:
        """True at the ANALYZE of EXPLAIN ANALYZE and a statement, which is not that of EXPLAIN and an ANALYZE."""
        kind, following = self.kinds[self.at + 1 : self.at + 3]
        is_name = kind in NAMES and following in (".", ";", END)
        return self.kinds[self.at] == "ANALYZE" and kind in ANALYZED and not is_name

    def _with(self) -> Statement:
        with_ = self.with_clause()
        kind = self.kinds[self.at]
        if kind == "INSERT" or kind == "REPLACE":
            return self.insert(with_)
        if kind == "UPDATE":
            return self.update(with_)
        if kind == "DELETE":
            return self.delete(with_)
        return self.select_after_with(with_)

    # --- transactions ------------------------------------------------------------------------------------------------

    def _begin(self) -> Begin:
        start = self.starts[self.at]
        self.at += 1
        kind = self.kinds[self.at]
        mode: str | None = None
        if kind in ("DEFERRED", "IMMEDIATE", "EXCLUSIVE"):
            self.at += 1
            mode = kind
        elif self.at_word("CONCURRENT"):
            self.at += 1
            mode = "CONCURRENT"
        self._transaction_word()
        allowed = cast(Literal["DEFERRED", "IMMEDIATE", "EXCLUSIVE", "CONCURRENT"] | None, mode)
        return Begin(allowed, self.span_from(start))

    def _transaction_word(self) -> None:
        """`[TRANSACTION [name]]`; the name means nothing."""
        if self.accept("TRANSACTION") and self.kinds[self.at] in NAMES:
            self.at += 1

    def _commit(self) -> Commit:
        start = self.starts[self.at]
        self.at += 1
        self._transaction_word()
        return Commit(self.span_from(start))

    def _rollback(self) -> Rollback:
        start = self.starts[self.at]
        self.at += 1
        self._transaction_word()
        name = None
        if self.accept("TO"):
            self.accept("SAVEPOINT")
            name = self.name()
        return Rollback(name, self.span_from(start))

    def _savepoint(self) -> Savepoint:
        start = self.starts[self.at]
        self.at += 1
        return Savepoint(self.name(), self.span_from(start))

    def _release(self) -> Release:
        start = self.starts[self.at]
        self.at += 1
        self.accept("SAVEPOINT")
        return Release(self.name(), self.span_from(start))

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _pragma(self) -> Pragma:
        self.at += 1
        name = self.qualified_name()
        value, is_number = None, False
        if self.accept("="):
            value, is_number = self._pragma_value()
        elif self.accept("("):
            value, is_number = self._pragma_value()
            self.expect(")")
        return Pragma(name.name, name.schema, value, is_number, self.span_from(name.span[0]))

    def _pragma_value(self) -> tuple[str, bool]:
        """The text, and whether it is a number."""
        kind = self.kinds[self.at]
        if kind in ("ON", "DELETE", "DEFAULT"):
            self.at += 1
            return self.texts[self.at - 1], False
        if kind in NAMES:
            return self.name(), False
        return self.signed_number(), True

    def _attach(self) -> Attach:
        start = self.starts[self.at]
        self.at += 1
        self.accept("DATABASE")
        self.depth += 2
        file = self.expr()
        self.expect("AS")
        schema = self.expr()
        key = self.expr() if self.accept("KEY") else None
        return Attach(file, schema, key, self.span_from(start))

    def _detach(self) -> Detach:
        start = self.starts[self.at]
        self.at += 1
        self.accept("DATABASE")
        return Detach(self.expr(), self.span_from(start))

    def _analyze(self) -> Analyze:
        start = self.starts[self.at]
        self.at += 1
        name = self.qualified_name() if self.kinds[self.at] in NAMES else None
        return Analyze(name, self.span_from(start))

    def _reindex(self) -> Reindex:
        start = self.starts[self.at]
        self.at += 1
        name = self.qualified_name() if self.kinds[self.at] in NAMES else None
        return Reindex(name, self.span_from(start))

    def _optimize_index(self) -> OptimizeIndex:
        start = self.starts[self.at]
        self.at += 2
        name = self.qualified_name() if self.kinds[self.at] in NAMES else None
        return OptimizeIndex(name, self.span_from(start))

    def _refresh(self) -> RefreshView:
        start = self.starts[self.at]
        self.at += 3
        return RefreshView(self.qualified_name(), self.span_from(start))

    def _vacuum(self) -> Vacuum:
        start = self.starts[self.at]
        self.at += 1
        schema = None
        if self.kinds[self.at] in NAMES:
            start = self.starts[self.at]  # what can be wrong is the name
            schema = self.name()
        into = self.expr() if self.accept("INTO") else None
        key = self.expr() if (schema or into) and self.accept("KEY") else None
        return Vacuum(schema, into, key, self.span_from(start))


ANALYZED: Final = frozenset(("DELETE", "INSERT", "REPLACE", "SELECT", "UPDATE", "VALUES", "WITH"))
"""How statements begin that EXPLAIN ANALYZE runs."""

_COMMANDS: Final[dict[str, Callable[[Parser], Statement]]] = {
    "ALTER": Parser.alter,
    "ANALYZE": Parser._analyze,
    "ATTACH": Parser._attach,
    "BEGIN": Parser._begin,
    "COMMIT": Parser._commit,
    "CREATE": Parser.create,
    "DELETE": Parser.delete,
    "DETACH": Parser._detach,
    "DROP": Parser.drop,
    "END": Parser._commit,
    "INSERT": Parser.insert,
    "PRAGMA": Parser._pragma,
    "REINDEX": Parser._reindex,
    "RELEASE": Parser._release,
    "REPLACE": Parser.insert,
    "ROLLBACK": Parser._rollback,
    "SAVEPOINT": Parser._savepoint,
    "SELECT": Parser.select,
    "UPDATE": Parser.update,
    "VACUUM": Parser._vacuum,
    "VALUES": Parser.select,
    "WITH": Parser._with,
}
