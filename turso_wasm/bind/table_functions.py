"""Functions in FROM: a table under conditions, one for each argument: hidden column = argument.

Source: https://sqlite.org/vtab.html#tabfunc2
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_ref
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import TableFunction
from turso_wasm.catalog.table_functions import table_of
from turso_wasm.sql import ast


def find_function(binder: Binder, name: str) -> TableFunction | None:
    """The table-valued function of that name."""
    return binder.registry.table_functions.get(fold(name))


def function_item(binder: Binder, function: TableFunction, written: str, alias: str | None) -> Item:
    """A FROM element whose rows the function gives. Errors: "unsafe use of virtual table "pragma_x""."""
    if (function.pragma is not None and binder.untrusted) or (function.direct_only and binder.in_schema):
        fail(f'unsafe use of virtual table "{written}"')
    if function.number >= 0:
        binder.calls_user = True
    table = table_of(function)
    item = Item(
        binder.new_source(),
        alias or table.name,
        table,
        columns=function.columns,
        numbers=table.numbers,
        schema=table.schema,
        alias=alias,
        function=function,
    )
    binder.names[item.source] = alias or written
    return item


def bind_function(binder: Binder, source: ast.TableFunctionSource) -> Item:
    """A call in FROM; its arguments are bound when all of FROM is known (`argument`).

    Errors: "'x' is not a function" for tables, views and common tables, "no such table: x", "too many arguments on
    x() - max n".
    """
    is_common = source.schema is None and binder.common is not None and binder.common.find(source.name) is not None
    schema = source.schema if source.schema is not None else binder.default_schema
    function = None if is_common else find_function(binder, source.name)
    if is_common or binder.catalogs.find_table(source.name, None if function is not None else schema) is not None:
        fail(f"'{source.name}' is not a function", source)
    if function is None:
        fail(f"no such table: {source.name}" if schema is None else f"no such table: {schema}.{source.name}", source)
    if len(source.arguments) > len(function.arguments):
        binder.later(f"too many arguments on {source.name}() - max {len(function.arguments)}", source)
    return function_item(binder, function, source.name, source.alias)


def argument(item: Item, number: int, value: bound.Expr) -> bound.Compare:
    """The condition that argument `number` is: whatever the affinities, its value is what the column holds."""
    assert item.table is not None
    hidden = column_ref(item, min(len(item.columns) + number, len(item.table.columns) - 1))
    return bound.Compare(op="=", left=hidden, right=value, is_argument=True)
