"""The registry of table-valued functions: names, columns, and the hidden columns that stand for their arguments.

`f(x, y)` in FROM is the table `f` WHERE its first hidden column is x and its second y. What gives the rows is a
provider (plan/providers.py).

Source: https://sqlite.org/vtab.html#tabfunc2, https://sqlite.org/pragma.html#pragfunc, https://sqlite.org/series.html
"""

from __future__ import annotations

from functools import cache
from typing import Final

from turso_wasm.catalog.modules.module import column, hidden_column
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.own import PRAGMA_PREFIX, STATEMENT, TableFunction

OPERATION_COLUMNS: Final[tuple[str, ...]] = ("addr", "opcode", "p1", "p2", "p3", "p4", "p5", "comment")


@cache
def table_of(function: TableFunction) -> Table:
    """The function as a table without a b-tree; its columns have no types."""
    columns = [column(name) for name in function.columns]
    columns += [hidden_column(name) for name in function.arguments]
    numbers = {column.name: number for number, column in enumerate(columns)}
    return Table(function.name, 0, columns, kind="function", numbers=numbers)


def _pragma(name: str, columns: str = "", arguments: str = "") -> TableFunction:
    return TableFunction(PRAGMA_PREFIX + name, tuple(columns.split()) or (name,), tuple(arguments.split()))


# Of many a PRAGMA the answer is one number, in a column of its own name; of some it is that of a database.
_NUMBERS: Final = """analysis_limit application_id automatic_index cell_size_check checkpoint_fullfsync count_changes
    data_version defer_foreign_keys empty_result_callbacks encoding foreign_keys freelist_count full_column_names
    fullfsync hard_heap_limit ignore_check_constraints legacy_alter_table query_only read_uncommitted
    recursive_triggers reverse_unordered_selects schema_version secure_delete short_column_names soft_heap_limit
    temp_store threads trusted_schema user_version writable_schema"""
_NUMBERS_OF_DATABASES: Final = """auto_vacuum cache_size cache_spill journal_mode journal_size_limit locking_mode
    max_page_count page_count page_size synchronous"""

_JSON: Final = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")

_FUNCTIONS: Final = (
    TableFunction("generate_series", ("value",), ("start", "stop", "step")),
    TableFunction("bytecode", (*OPERATION_COLUMNS, "subprog", "nexec", "ncycle"), (STATEMENT,)),
    TableFunction("tables_used", ("type", "schema", "name", "wr", "subprog"), (STATEMENT,)),
    TableFunction("completion", ("candidate",), ("prefix", "wholeline", "phase")),
    TableFunction("carray", ("value",), ("pointer", "count", "ctype")),
    TableFunction("unnest", ("value",), ("array",)),
    *(TableFunction(name, _JSON, ("json", "root")) for name in ("json_each", "json_tree", "jsonb_each", "jsonb_tree")),
    *(_pragma(name) for name in _NUMBERS.split()),
    *(_pragma(name, arguments="schema") for name in _NUMBERS_OF_DATABASES.split()),
    _pragma("busy_timeout", "timeout"),
    _pragma("collation_list", "seq name"),
    _pragma("compile_options"),
    _pragma("database_list", "seq name file"),
    _pragma("foreign_key_check", "table rowid parent fkid", "arg schema"),
    _pragma("foreign_key_list", "id seq table from to on_update on_delete match", "arg schema"),
    _pragma("function_list", "name builtin type enc narg flags"),
    _pragma("index_info", "seqno cid name", "arg schema"),
    _pragma("index_list", "seq name unique origin partial", "arg schema"),
    _pragma("index_xinfo", "seqno cid name desc coll key", "arg schema"),
    _pragma("integrity_check", "", "arg schema"),
    _pragma("module_list", "name"),
    _pragma("optimize", "", "arg"),
    _pragma("pragma_list", "name"),
    _pragma("quick_check", "", "arg schema"),
    _pragma("table_info", "cid name type notnull dflt_value pk", "arg schema"),
    _pragma("table_list", "schema name type ncol wr strict", "arg"),
    _pragma("table_xinfo", "cid name type notnull dflt_value pk hidden", "arg schema"),
)
TABLE_FUNCTIONS: Final = {function.name: function for function in _FUNCTIONS}
