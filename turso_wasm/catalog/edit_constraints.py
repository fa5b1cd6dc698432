"""Changing the constraints in the stored text of a table.

Owns where a constraint begins and ends in CREATE TABLE: with the words CONSTRAINT name before it, which need not belong
to any. What is between a constraint that goes and the words around it goes too, but for one space.

Source: https://sqlite.org/lang_altertable.html, and what SQLite 3.54 makes of texts.
"""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.lexer import dequote, tokenize


class ConstraintText:
    """The text of CREATE TABLE with a list of columns."""

    def __init__(self, sql: str, statement: ast.CreateTable) -> None:
        self.sql = sql
        self.statement = statement
        tokens = tokenize(sql)
        self.kinds, self.starts, self.ends = tokens.kinds, tokens.starts, tokens.ends
        found = (node for node in syntax_nodes(statement) if isinstance(node, ast.Constraint))
        self.nodes = {node.span[0]: node for node in found}  # type: ignore[attr-defined]

    def has(self, name: str) -> bool:
        """Whether something is called so."""
        return any(True for _ in self._named(name))

    def without(self, name: str) -> str:
        """The text without the first constraint of that name; without the name alone where it names what may stay.

        Errors: "no such constraint: x", "constraint may not be dropped: x".
        """
        at = next(self._named(name), None)
        if at is None:
            raise SqlError(SQLITE_ERROR, f"no such constraint: {name}")
        node = self.nodes.get(self.starts[at + 2])
        if isinstance(node, ast.PrimaryKey | ast.Unique | ast.NullAllowed):
            raise SqlError(SQLITE_ERROR, f"constraint may not be dropped: {name}")
        if isinstance(node, ast.Check | ast.NotNull | ast.ForeignKey):
            return self._cut(at, self._last(node))
        return self._cut(at, at + 1)

    def nullable(self, column: int) -> str:
        """The text without the first NOT NULL of a column, if there is one."""
        for node in self.statement.columns[column].constraints:
            if isinstance(node, ast.NotNull):
                at = self.starts.index(node.span[0])
                return self._cut(at - 2 if self.kinds[at - 2] == "CONSTRAINT" else at, self._last(node))
        return self.sql

    def with_column_constraint(self, column: int, text: str) -> str:
        """The text with a constraint at the end of a column's definition."""
        end = self.statement.columns[column].span[1]
        return self._inserted(next(start for start in self.starts if start >= end), " " + text)

    def with_constraint(self, text: str) -> str:
        """The text with a constraint at the end of the table's definition."""
        depth = 0
        for kind, start in zip(self.kinds, self.starts, strict=True):
            depth += (kind == "(") - (kind == ")")
            if kind == ")" and depth == 0:
                return self._inserted(start, ", " + text)
        raise AssertionError("a table has columns")

    def _named(self, name: str) -> Iterator[int]:
        """The tokens CONSTRAINT before that name."""
        for at, kind in enumerate(self.kinds):
            if kind == "CONSTRAINT" and fold(dequote(self.sql[self.starts[at + 1] : self.ends[at + 1]])) == fold(name):
                yield at

    def _last(self, node: ast.Check | ast.NotNull | ast.ForeignKey) -> int:
        """The last token of a constraint."""
        return next(at for at, end in enumerate(self.ends) if end >= node.span[1])

    def _inserted(self, at: int, text: str) -> str:
        return self.sql[:at] + text + self.sql[at:]

    def _cut(self, first: int, last: int) -> str:
        """The text without these tokens, and without a comma that would be left alone."""
        closes = self.kinds[last + 1] in (",", ")")
        rest = self.sql[self.starts[last + 1] :]
        if closes and self.kinds[first - 1] == ",":
            return self.sql[: self.starts[first - 1]] + rest
        return self.sql[: self.ends[first - 1]] + ("" if closes else " ") + rest
