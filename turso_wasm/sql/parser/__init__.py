"""SQL text to syntax trees.

A recursive-descent parser with precedence climbing for expressions, in one class that is put together from one
file per concept. Errors are SQLite's own, message and place. `span` of an error is None where SQLite gives no offset.
"""

from __future__ import annotations

from turso_wasm.base.recursion import with_room
from turso_wasm.sql.ast_base import Statement
from turso_wasm.sql.height import MAX_EXPR_HEIGHT, check_height
from turso_wasm.sql.lexer import Tokens, tokenize
from turso_wasm.sql.parser.expressions import N_PRECEDENCES
from turso_wasm.sql.parser.misc import Parser

__all__ = ["parse", "parse_one", "parse_tokens"]


def parse(sql: str) -> tuple[Statement, ...]:
    """All statements of a text, without the empty ones. Errors: SqlError of the first statement that has one."""
    statements = []
    at = 0
    while at < len(sql):
        statement, end = parse_one(sql, at)
        if statement is not None:
            statements.append(statement)
        if end <= at:
            break
        at = end
    return tuple(statements)


def parse_one(sql: str, start: int = 0, *, has_arrays: bool = True) -> tuple[Statement | None, int]:
    """The statement at character `start`, and the offset behind its ';'. None: there is only space, or just a ';'.

    Spans count from the start of `sql`. has_arrays: `a[1]` and `ARRAY[1]` are what they are to us; else a text in
    brackets is a name everywhere, as to SQLite. Errors: SqlError.
    """
    tokens = tokenize(sql, start)
    return with_room(_parse, tokens, has_arrays), tokens.end


def parse_tokens(tokens: Tokens) -> Statement | None:
    """The statement in these tokens; None if there is none. Errors: SqlError."""
    return with_room(_parse, tokens)


def _parse(tokens: Tokens, has_arrays: bool = True) -> Statement | None:
    parser = Parser(tokens)
    parser.has_arrays = has_arrays
    statement = parser.statement()
    if statement is not None and _may_be_too_high(parser):
        check_height(statement)
    return statement


def _may_be_too_high(parser: Parser) -> bool:
    """False for all but extraordinary statements, which spares them the walk over the tree.

    Each level of nesting adds to the parser's depth, but for the operators of increasing precedence in one climb;
    nested subqueries may add up.
    """
    levels = parser.deepest + N_PRECEDENCES
    highest = min(len(parser.kinds), levels * (parser.longest_chain + 1))
    return highest * (parser.most_selects + 1) >= MAX_EXPR_HEIGHT
