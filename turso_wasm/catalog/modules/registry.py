"""The modules there are."""

from __future__ import annotations

from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.modules.fts5 import FTS5
from turso_wasm.catalog.modules.fts5vocab import FTS5VOCAB
from turso_wasm.catalog.modules.module import Declared, Module, Using
from turso_wasm.catalog.modules.rtree import RTREE, RTREE_I32
from turso_wasm.catalog.names import fold
from turso_wasm.sql.ast import Span

MODULES: Final[dict[str, Module]] = {module.name: module for module in (FTS5, FTS5VOCAB, RTREE, RTREE_I32)}
ROW_FUNCTIONS: Final = {name for module in MODULES.values() for name in module.row_functions}
"""The names of functions that belong to the rows of some module's tables."""


def register(module: Module) -> None:
    """Make a module known."""
    MODULES[module.name] = module
    ROW_FUNCTIONS.update(module.row_functions)


def find_module(name: str) -> Module | None:
    """The module of that name, in any case."""
    return MODULES.get(fold(name))


def declare(module: str, using: Using, span: Span | None = None) -> Declared:
    """The table that a module makes of the arguments. Errors: "no such module: m", what the module refuses."""
    found = find_module(module)
    if found is None:
        raise SqlError(SQLITE_ERROR, f"no such module: {module}", span)
    return found.declare(using)
