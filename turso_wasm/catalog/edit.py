"""Changing the stored text of schema objects: what ALTER TABLE does to sqlite_schema.sql.

Owns the editing of SQL text at the places of given tokens; everything else of the text stays as it was written. A
new table name is always quoted, a new column name where it was quoted or replaces a quoted one, as SQLite does.

Source: https://sqlite.org/lang_altertable.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import cached_property
from typing import TypeAlias

from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast
from turso_wasm.sql.lexer import dequote, tokenize


class StoredText:
    """The stored text of one object, its tree, and its tokens."""

    def __init__(self, sql: str, statement: ast.Statement) -> None:
        self.sql = sql
        self.statement = statement

    @cached_property
    def nodes(self) -> list[ast.Node]:
        """Every node of the tree."""
        return list(syntax_nodes(self.statement))

    @cached_property
    def _tokens(self) -> tuple[list[int], list[int], dict[int, int]]:
        tokens = tokenize(self.sql)
        return tokens.starts, tokens.ends, {start: at for at, start in enumerate(tokens.starts)}

    def token(self, start: int, skip: int = 0) -> tuple[int, int]:
        """The span of the token that begins at `start`, or of the one `skip` tokens after it."""
        starts, ends, index = self._tokens
        at = index[start] + skip
        return starts[at], ends[at]

    def last_token(self, span: tuple[int, int]) -> tuple[int, int]:
        """The span of the last token inside `span`."""
        starts, ends, index = self._tokens
        at = index[span[0]]
        while at + 1 < len(starts) and starts[at + 1] < span[1]:
            at += 1
        return starts[at], ends[at]

    def next_token(self, end: int) -> int:
        """Where the first token at or behind `end` begins."""
        starts = self._tokens[0]
        return next(start for start in starts if start >= end)

    def replaced(
        self, spans: Iterable[tuple[int, int]], name: str, always_quoted: bool, strings: Iterable[tuple[int, int]] = ()
    ) -> str:
        """The text with these tokens replaced by a name, and `strings` in double quotes by such in single ones."""
        quoted = quote_identifier(name)
        literals = set(strings)
        parts, at = [], 0
        for start, end in sorted(literals.union(spans)):
            if (start, end) in literals:
                text = dequote(self.sql[start:end]).replace("'", "''")
                parts += [self.sql[at:start], f"'{text}'"]
                at = end
                continue
            bare = self.sql[start] not in "\"'`[" and not always_quoted
            parts += [self.sql[at:start], name if bare else quoted]
            # A quoted name may stand right before a word; a bare one must not grow into it.
            if not bare and self.sql[end : end + 1].isalnum():
                parts.append(" ")
            at = end
        return "".join(parts) + self.sql[at:]


def syntax_nodes(node: object) -> Iterator[ast.Node]:
    """A syntax tree and everything in it."""
    stack = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, ast.Node):
            yield found
            stack.extend(getattr(found, field.name) for field in fields(found))
        elif isinstance(found, tuple):
            stack.extend(found)


# --- tables -------------------------------------------------------------------------------------------------------


IsMeant: TypeAlias = Callable[[str | None], bool]
"""Whether a table's name behind that of a database, or behind none, is the table in question."""


def owner_tokens(source: StoredText, name: str, own: bool, keys: bool, is_meant: IsMeant) -> Iterator[tuple[int, int]]:
    """Where the text says that it belongs to the table, and with `keys` where foreign keys do. own: it is the text of
    the table itself or of one of its indexes.
    """
    key = fold(name)
    for node in source.nodes:
        match node:
            case ast.CreateTable() | ast.CreateVirtualTable() if own:
                yield source.token(node.name.span[0], 2 if node.name.schema is not None else 0)
            case ast.CreateTrigger() if fold(node.table.name) == key and is_meant(node.table.schema):
                yield source.token(node.table.span[0], 2 if node.table.schema is not None else 0)
            case ast.CreateIndex() if own:
                yield source.token(node.table.span[0])
            case ast.ForeignKey() if keys and fold(node.table.text) == key:
                yield source.token(node.table.span[0])


def own_tokens(source: StoredText, name: str, own: bool, is_meant: IsMeant) -> Iterator[tuple[int, int]]:
    """Where the text of a table or an index names the table: whose it is, in expressions, in foreign keys."""
    yield from owner_tokens(source, name, own, True, is_meant)
    key = fold(name)
    for node in source.nodes:
        if isinstance(node, ast.ColumnRef) and node.table is not None and fold(node.table) == key:
            yield source.token(node.span[0], 2 if node.schema is not None else 0)


# --- columns ------------------------------------------------------------------------------------------------------


def own_column_tokens(source: StoredText, table: str, column: str) -> Iterator[tuple[int, int]]:
    """Where the text of a table or of one of its indexes names one of the table's columns."""
    key, table_key = fold(column), fold(table)
    for node in source.nodes:
        match node:
            case ast.ColumnDef() if fold(node.name) == key:
                yield source.token(node.span[0])
            case ast.ColumnRef() if fold(node.column) == key and (node.table is None or fold(node.table) == table_key):
                yield source.last_token(node.span)
            case ast.OrderTerm() if isinstance(node.expr, ast.TextLiteral) and fold(node.expr.value) == key:
                yield source.token(node.expr.span[0])
            case ast.ForeignKey():
                yield from (source.token(name.span[0]) for name in node.columns if fold(name.text) == key)
                if fold(node.table.text) == table_key:
                    yield from (source.token(name.span[0]) for name in node.to_columns if fold(name.text) == key)


def string_tokens(source: StoredText, table: Table) -> Iterator[tuple[int, int]]:
    """Where the text of a table or of one of its indexes has a string in double quotes."""
    for node in source.nodes:
        if isinstance(node, ast.ColumnRef) and node.double_quoted and fold(node.column) not in table.numbers:
            yield source.token(node.span[0])


def string_term(statement: ast.CreateIndex, table: Table) -> str | None:
    """The first whole term of an index that is a string in double quotes; such a term cannot be written otherwise."""
    for term in statement.columns:
        node = term.expr
        while isinstance(node, ast.Collate):
            node = node.operand
        if isinstance(node, ast.ColumnRef) and node.double_quoted and fold(node.column) not in table.numbers:
            return node.column
    return None


def referenced_column_tokens(source: StoredText, table: str, column: str) -> Iterator[tuple[int, int]]:
    """Where the text of another table names a column of `table` in a foreign key."""
    key, table_key = fold(column), fold(table)
    for node in source.nodes:
        if isinstance(node, ast.ForeignKey) and fold(node.table.text) == table_key:
            yield from (source.token(name.span[0]) for name in node.to_columns if fold(name.text) == key)


def columns_end(source: StoredText) -> int:
    """Where the list of columns ends in CREATE TABLE: at the comma before the constraints, or at the parenthesis."""
    assert isinstance(source.statement, ast.CreateTable)
    return source.next_token(source.statement.columns[-1].span[1])


def without_column(source: StoredText, number: int) -> str:
    """CREATE TABLE without one of its columns."""
    assert isinstance(source.statement, ast.CreateTable)
    columns = source.statement.columns
    if number + 1 < len(columns):
        start, end = columns[number].span[0], columns[number + 1].span[0]
    else:
        start, end = source.next_token(columns[number - 1].span[1]), columns_end(source)
    return source.sql[:start] + source.sql[end:]
