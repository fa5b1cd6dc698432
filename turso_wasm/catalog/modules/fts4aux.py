"""USING fts4aux(t): the terms of an FTS4 table. USING fts3tokenize(tokenizer): the tokens of a text.

Source: https://sqlite.org/fts3.html sections 5 and 8.2, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.fts3 import Fts3Options, unquoted
from turso_wasm.catalog.modules.fts3_tokenizer import fts3_tokenizer
from turso_wasm.catalog.modules.module import Declared, Module, Using, column, hidden_column, refuse
from turso_wasm.catalog.names import fold

AUX_COLUMNS: Final = ("term", "col", "documents", "occurrences")
TOKEN_COLUMNS: Final = ("token", "start", "end", "position")


@dataclass(frozen=True, slots=True)
class AuxOptions:
    """The full-text table and its database."""

    table: str
    schema: str


def declare_aux(using: Using) -> Declared:
    """Errors: "invalid arguments to fts4aux constructor"."""
    arguments = [unquoted(argument.strip()) for argument in using.arguments]
    schema = arguments.pop(0) if len(arguments) == 2 and fold(using.schema) == "temp" else using.schema
    if len(arguments) != 1 or not arguments[0]:
        raise refuse("invalid arguments to fts4aux constructor")
    columns = (*(column(name) for name in AUX_COLUMNS), hidden_column("languageid"))
    return Declared(columns=columns, options=AuxOptions(arguments[0], schema))


def declare_tokenize(using: Using) -> Declared:
    """Errors: "unknown tokenizer: x", "vtable constructor failed: t"."""
    words = [unquoted(argument.strip()) for argument in using.arguments if argument.strip()] or ["simple"]
    try:
        tokenizer = fts3_tokenizer(words)
    except Exception as error:
        if str(error).endswith("unknown tokenizer"):
            raise refuse(f"vtable constructor failed: {using.name}") from None
        raise
    columns = tuple(column(name) for name in ("input", *TOKEN_COLUMNS))
    return Declared(columns=columns, options=Fts3Options(tokenizer=tokenizer), tokenizer=tokenizer.needed)


FTS4AUX: Final = Module(name="fts4aux", declare=declare_aux, is_writable=False)
FTS3TOKENIZE: Final = Module(name="fts3tokenize", declare=declare_tokenize, is_writable=False)
