"""PRAGMAs that answer from the catalog: functions from catalogs and an argument to rows.

Column names and the order of rows are SQLite's (https://sqlite.org/pragma.html). A name that does not exist gives no
rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.bind.views import view_columns
from turso_wasm.catalog.build import OPTIONS
from turso_wasm.catalog.builtin_types import BUILTIN_TYPES
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.functions import Registry
from turso_wasm.catalog.library import LIBRARY, arity
from turso_wasm.catalog.modules.registry import MODULES, ROW_FUNCTIONS, eponymous_table
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.catalog.own import PRAGMA_PREFIX, AggregateFunction, Function
from turso_wasm.catalog.table_functions import TABLE_FUNCTIONS
from turso_wasm.catalog.tables import place_of_key
from turso_wasm.catalog.user_types import builtin
from turso_wasm.sql import ast
from turso_wasm.sql.printer import print_sql

Row: TypeAlias = tuple[int | str | None, ...]
Files: TypeAlias = Sequence[str | None]
"""By slot, the file of a database, "" of a private one; None where none is open."""

MakeRows: TypeAlias = Callable[[Catalogs, str | None, str | None, Files], Iterator[Row]]


@dataclass(slots=True, frozen=True)
class RowsPragma:
    """`rows(catalogs, schema name or None, argument or None, file names by slot)`, or of_registry(registry).
    reads_schema: they depend on the schema.
    """

    columns: tuple[str, ...]
    rows: MakeRows = lambda *_: iter(())
    reads_schema: bool = True
    of_registry: Callable[[Registry], Iterator[Row]] | None = None


# --- tables ---------------------------------------------------------------------------------------------------


def table_info(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The columns of a table that are neither hidden nor generated, and are counted as if there were no others."""
    shown = (row[1:6] for row in table_xinfo(catalogs, schema, name, files) if row[6] == 0)
    return ((number, *row) for number, row in enumerate(shown))


def table_xinfo(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """All columns of a table."""
    table = (catalogs.find_table(name, schema) or eponymous_table(fold(name))) if name else None
    if table is None:
        return
    if table.failure:
        raise SqlError(SQLITE_ERROR, table.failure)
    if table.kind == "view":
        yield from ((number, *column, 0, None, 0, 0) for number, column in enumerate(view_columns(catalogs, table)))
    for number, column in enumerate(table.columns):
        not_null = column.not_null or (table.without_rowid and column.primary_key > 0)
        yield (
            number,
            column.name,
            column.decltype or "",
            int(not_null),
            column.default_text,
            column.primary_key,
            column.hidden,
        )


def table_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """Tables and views of one or all databases."""
    for catalog in (catalogs.slots[slot] for slot in catalogs.order):
        if catalog is None or (schema is not None and catalog is not catalogs.find(schema)):
            continue
        schema_table = catalog.find_table("sqlite_master")
        tables = [*list(catalog.tables())[::-1], *([schema_table] if schema_table else [])]
        for table in tables:
            shown = table.name
            if table is schema_table:
                shown = "sqlite_temp_schema" if catalog.slot == TEMP_SLOT else "sqlite_schema"
            if name is None or fold(shown) == fold(name):
                width = _view_width(catalogs, table) if table.kind == "view" else len(table.columns)
                kind = "shadow" if table.kind == "table" and catalog.shadow_owner(table.name) else table.kind
                yield catalog.name, shown, kind, width, int(table.without_rowid), int(table.strict)


def _view_width(catalogs: Catalogs, view: Table) -> int:
    try:
        return len(view_columns(catalogs, view))
    except SqlError:
        return 0


def foreign_key_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """One row per column of each foreign key, the last declared first."""
    table = catalogs.find_table(name, schema) if name else None
    if table is None:
        return
    for number, node in enumerate(reversed(table.foreign_keys)):
        assert isinstance(node, ast.ForeignKey)
        actions = (node.on_update or "NO ACTION", node.on_delete or "NO ACTION", "NONE")
        for sequence, column in enumerate(node.columns):
            to = node.to_columns[sequence].text if node.to_columns else None
            yield (number, sequence, node.table.text, column.text, to, *actions)


# --- indexes --------------------------------------------------------------------------------------------------


def index_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The indexes of a table, the newest first."""
    table = catalogs.find_table(name, schema) if name else None
    if table is None:
        return
    for number, index in enumerate(indexes_of(table)):
        yield number, index.name, int(index.unique), index.origin, int(index.where is not None)


def indexes_of(table: Table) -> list[Index]:
    """The indexes of a table, the newest first, with, for WITHOUT ROWID, the one its primary key is."""
    if not table.without_rowid:
        return table.indexes
    taken = {fold(index.name) for index in table.indexes}
    number = 1
    while fold(f"sqlite_autoindex_{table.name}_{number}") in taken:
        number += 1
    key = table.primary_key
    stored = {column.column for column in key}
    rest = tuple(IndexColumn(i, table.columns[i].collation) for i in table.storage_order if i not in stored)
    name = f"sqlite_autoindex_{table.name}_{number}"
    at = place_of_key(table, table.indexes)
    whole = Index(name, table.name, table.root, key, rest, unique=True, origin="pk")
    return [*table.indexes[:at], whole, *table.indexes[at:]]


def _find_index(catalogs: Catalogs, schema: str | None, name: str | None) -> tuple[Table, Index] | None:
    """The index of that name, or the key of the WITHOUT ROWID table of that name."""
    if name is None:
        return None
    for catalog in catalogs.search_order:
        if schema is not None and catalog is not catalogs.find(schema):
            continue
        for table in catalog.tables():
            for index in indexes_of(table):
                if fold(index.name) == fold(name):
                    return table, index
    named = catalogs.find_table(name, schema)
    if named is None or not named.without_rowid:
        return None
    return named, next(index for index in indexes_of(named) if index.origin == "pk")


def index_info(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The key columns of an index."""
    return (row[:3] for row in index_xinfo(catalogs, schema, name, files) if row[5] == 1)


def index_xinfo(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """All columns of an index entry: key columns, then what leads to the row."""
    found = _find_index(catalogs, schema, name)
    if found is None:
        return
    table, index = found
    suffix = index.suffix or (() if table.without_rowid else (IndexColumn(-1),))
    columns = [(column, 1) for column in index.columns] + [(column, 0) for column in suffix]
    for number, (column, is_key) in enumerate(columns):
        name, collate = None, column.collate
        if column.shown >= 0:
            shown = table.columns[column.shown]
            name, collate = shown.name, collate or shown.collate
        yield number, column.shown, name, int(column.desc), collate or column.collation, is_key


# --- the engine -----------------------------------------------------------------------------------------------


def database_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The databases of the connection with their files."""
    for number, slot in enumerate(catalogs.order):
        catalog = catalogs.slots[slot]
        path = files[slot] if slot < len(files) else None
        if catalog is not None and path is not None:
            yield number, catalog.name, path


DETERMINISTIC = 0x800  # SQLITE_DETERMINISTIC
DIRECT_ONLY = 0x80000  # SQLITE_DIRECTONLY
SUBTYPES = 0x100000  # SQLITE_SUBTYPE or SQLITE_RESULT_SUBTYPE
INNOCUOUS = 0x200000  # SQLITE_INNOCUOUS

# What SQLite registers as an application would.
EXTENSIONS: Final = ("geopoly_", "rtree", "fts", "match")
ROW_ARGUMENTS: Final = {"matchinfo": (1, 2), "offsets": (1,), "optimize": (1,)}
READ_SUBTYPES: Final = {
    f"{json}_{name}"
    for json in ("json", "jsonb")
    for name in ("array", "array_insert", "insert", "object", "replace", "set", "group_array", "group_object")
} | {"fts5_locale", "json_quote", "subtype"}
PERCENTILES: Final = {"median", "percentile", "percentile_cont", "percentile_disc"}


def list_types(catalogs: Catalogs, schema: str | None, argument: str | None, files: Files) -> Iterator[Row]:
    """SQLite's types, the built-in ones and the user's."""
    for base in ("INTEGER", "REAL", "TEXT", "BLOB", "ANY"):
        yield base, None, None, None, None, None
    statements = [statement for name in BUILTIN_TYPES if (statement := builtin(name)) is not None]
    for catalog in catalogs.search_order:
        if schema is None or catalog.is_called(schema):
            statements += [each for entry in catalog.entries.values() if (each := catalog.type_of_view(entry.name))]
    for node in statements:
        operators = ", ".join([each.op + (f" {each.function}" if each.function else "") for each in node.operators])
        shown = (None if expr is None else print_sql(expr) for expr in (node.encode, node.decode, node.default))
        yield node.name.name, node.parent or node.kind, *shown, operators or None


def collation_list(registry: Registry) -> Iterator[Row]:
    """The collations."""
    yield from enumerate(reversed(registry.collations.values()))


def function_list(registry: Registry) -> Iterator[Row]:
    """The functions that can be called: a row for each number of arguments, which is negative for any number (-1) or
    for at least so many (-2 - n).
    """
    for scalar in (one for same_name in registry.scalars.values() for one in same_name):
        flags = _flags(scalar.name, DIRECT_ONLY if scalar.direct_only else INNOCUOUS, scalar.deterministic)
        least = 1 if scalar.name in ("min", "max") else scalar.n_min  # the aggregates take one, too
        for narg in _argument_counts(least, scalar.n_max):
            yield scalar.name, int(not scalar.name.startswith(EXTENSIONS)), "s", "utf8", narg, flags
    for name in (*ROW_FUNCTIONS, "rtreecheck"):
        for narg in ROW_ARGUMENTS.get(name, (-1,)):
            yield name, 0, "s", "utf8", narg, 0
    for name, entry in LIBRARY.items():
        for narg in _argument_counts(*arity(entry)):
            yield name, 1, "s", "utf8", narg, INNOCUOUS | (0 if entry.given else DETERMINISTIC)
    for aggregate in registry.aggregates.values():
        for narg in _argument_counts(aggregate.n_min, aggregate.n_max):
            name, kind = aggregate.name, "w" if aggregate.inverts else "a"
            flags = _flags(name, INNOCUOUS, name.startswith("geopoly_") or name in READ_SUBTYPES)
            yield name, int(not name.startswith(EXTENSIONS)), kind, "utf8", narg, flags
    for own in registry.own:
        if isinstance(own, Function):
            flags = (DETERMINISTIC if own.deterministic else 0) | (DIRECT_ONLY if own.direct_only else 0)
            yield own.name, 0, "s", "utf8", own.n_max, flags
        elif isinstance(own, AggregateFunction):
            kind = "w" if own.inverts else "a"
            yield own.name, 0, kind, "utf8", own.n_max, DIRECT_ONLY if own.direct_only else 0


def _flags(name: str, flags: int, deterministic: bool) -> int:
    """As SQLite shows them, of a function of its own."""
    if name in PERCENTILES or name.startswith(("rtree", "match")) or name == "fts5":
        return 0
    deterministic = deterministic and name not in ("fts5_insttoken", "fts5_locale")
    return flags | (DETERMINISTIC if deterministic else 0) | (SUBTYPES if name in READ_SUBTYPES else 0)


def _argument_counts(least: int, most: int) -> Iterable[int]:
    if most >= 0:
        return range(least, most + 1)
    return (-2 - least if least else -1,)


def pragma_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The PRAGMAs."""
    from turso_wasm.runtime.pragmas import PRAGMAS

    for known in sorted((*ROWS, *PRAGMAS)):
        yield (known,)


def compile_options(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """What this engine is."""
    yield from ((option,) for option in OPTIONS)


def module_list(catalogs: Catalogs, schema: str | None, name: str | None, files: Files) -> Iterator[Row]:
    """The modules: of virtual tables, and of table-valued functions."""
    yield from ((name,) for name in MODULES)
    yield from ((name,) for name in TABLE_FUNCTIONS if not name.startswith(PRAGMA_PREFIX))


ROWS: dict[str, RowsPragma] = {
    "module_list": RowsPragma(("name",), module_list, reads_schema=False),
    "table_info": RowsPragma(("cid", "name", "type", "notnull", "dflt_value", "pk"), table_info),
    "table_xinfo": RowsPragma(("cid", "name", "type", "notnull", "dflt_value", "pk", "hidden"), table_xinfo),
    "table_list": RowsPragma(("schema", "name", "type", "ncol", "wr", "strict"), table_list),
    "index_list": RowsPragma(("seq", "name", "unique", "origin", "partial"), index_list),
    "index_info": RowsPragma(("seqno", "cid", "name"), index_info),
    "index_xinfo": RowsPragma(("seqno", "cid", "name", "desc", "coll", "key"), index_xinfo),
    "foreign_key_list": RowsPragma(
        ("id", "seq", "table", "from", "to", "on_update", "on_delete", "match"), foreign_key_list
    ),
    "database_list": RowsPragma(("seq", "name", "file"), database_list),
    "list_types": RowsPragma(("type", "parent", "encode", "decode", "default", "operators"), list_types),
    "collation_list": RowsPragma(("seq", "name"), of_registry=collation_list, reads_schema=False),
    "function_list": RowsPragma(
        ("name", "builtin", "type", "enc", "narg", "flags"), of_registry=function_list, reads_schema=False
    ),
    "pragma_list": RowsPragma(("name",), pragma_list, reads_schema=False),
    "compile_options": RowsPragma(("compile_options",), compile_options, reads_schema=False),
}
