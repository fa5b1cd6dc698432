"""From tokens to a Program: parse, bind, plan, generate code. The one place where the stages are strung together."""

from __future__ import annotations

from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.codegen.program import Program
from turso_wasm.sql.lexer import Tokens
from turso_wasm.sql.parser import parse_tokens


def compile_statement(tokens: Tokens, catalogs: Catalogs) -> Program:
    """The Program of the statement in `tokens`. Errors: SqlError with SQLite's message and the span it points at."""
    statement = parse_tokens(tokens)
    raise NotImplementedError(type(statement).__name__)
