"""The modules there are."""

from __future__ import annotations

from functools import cache
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.modules.csv import CSV
from turso_wasm.catalog.modules.dbpage import DBPAGE
from turso_wasm.catalog.modules.dbstat import DBSTAT
from turso_wasm.catalog.modules.fts3 import FTS3, FTS4
from turso_wasm.catalog.modules.fts4aux import FTS3TOKENIZE, FTS4AUX
from turso_wasm.catalog.modules.fts5 import FTS5
from turso_wasm.catalog.modules.fts5vocab import FTS5VOCAB
from turso_wasm.catalog.modules.geopoly import GEOPOLY
from turso_wasm.catalog.modules.module import Declared, Module, Using
from turso_wasm.catalog.modules.rtree import RTREE, RTREE_I32
from turso_wasm.catalog.modules.stmt import STMT
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql.ast import Span

_ALL: Final = (CSV, DBPAGE, DBSTAT, FTS3, FTS3TOKENIZE, FTS4, FTS4AUX, FTS5, FTS5VOCAB, GEOPOLY, RTREE, RTREE_I32, STMT)
MODULES: Final[dict[str, Module]] = {module.name: module for module in _ALL}
ROW_FUNCTIONS: Final = {name for module in MODULES.values() for name in module.row_functions}
"""The names of functions that belong to the rows of some module's tables."""


def register(module: Module) -> None:
    """Make a module known."""
    MODULES[module.name] = module
    ROW_FUNCTIONS.update(module.row_functions)


def find_module(name: str) -> Module | None:
    """The module of that name, in any case."""
    return MODULES.get(fold(name))


@cache
def eponymous_table(name: str) -> Table | None:
    """The table that a module is by itself."""
    module = find_module(name)
    if module is None or not module.is_eponymous:
        return None
    return virtual_table(module.name, module.declare(Using(schema="main", name=module.name)))


def virtual_table(module: str, declared: Declared, name: str = "") -> Table:
    """A table that a module has declared, in the main database until somebody says otherwise."""
    numbers = {fold(column.name): number for number, column in enumerate(declared.columns)}
    return Table(
        name or module,
        0,
        list(declared.columns),
        kind="virtual",
        module=module,
        declared=declared,
        without_rowid=declared.without_rowid,
        numbers=numbers,
    )


def declare(module: str, using: Using, span: Span | None = None) -> Declared:
    """The table that a module makes of the arguments. Errors: "no such module: m", what the module refuses."""
    found = find_module(module)
    if found is None or not found.is_creatable:
        raise SqlError(SQLITE_ERROR, f"no such module: {module}", span)
    return found.declare(using)
