"""Generated columns: what a virtual one stands for, and which expressions may generate a column.

A virtual column is its expression wherever it is named (bound.Generated); a stored one is a column like others, but for
who writes it.

Source: https://sqlite.org/gencol.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_schema_expr, refuse_in
from turso_wasm.bind.scope import NameFinder, column_of, column_ref, table_item
from turso_wasm.bind.types import with_types
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.names import ROWID_NAMES, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast

PLACE = "a generated column"
LOOP = "generated column loop"
ROWID = -1


def row_of(binder: Binder, table: Table, alias: str | None = None) -> Item:
    """A new row source that is a row of `table`."""
    item = table_item(binder.new_source(), table, alias)
    binder.scanned[item.source] = table
    return with_virtual(binder, item)


def with_virtual(binder: Binder, item: Item) -> Item:
    """The element, with its virtual columns."""
    if item.table is not None and any(column.is_virtual for column in item.table.columns):
        item.virtual = partial(_virtual, binder, item, {}, [])
    return with_types(binder, item)


def _virtual(binder: Binder, item: Item, known: dict[int, bound.Expr], open_: list[int], number: int) -> bound.Expr:
    """Errors: 'generated column loop on "x"'."""
    table = item.table
    assert table is not None
    column = table.columns[number]
    found = known.get(number)
    if found is not None:
        return found
    if number in open_:
        raise SqlError(SQLITE_ERROR, f'{LOOP} on "{column.name}"')
    open_.append(number)
    finder, binder.finder = binder.finder, NameFinder()  # whose row it is, is noted where the column is named
    try:
        value = generated_value(binder, item, number)
    finally:
        open_.pop()
        binder.finder = finder
    if item.nullable:  # the row may be missing
        key = table.primary_key[0].column if table.without_rowid else -1
        missing = bound.IsNull(operand=column_ref(item, key))
        value = bound.Case(whens=((missing, bound.Constant(value=None)),), otherwise=value)
    known[number] = bound.Generated(
        value=value,
        name=column.name,
        affinity=column.affinity,
        collation=column.collation,
        table=table.name,
        decltype=column.decltype,
        origin=column.name,
    )
    return known[number]


def generated_value(binder: Binder, item: Item, number: int) -> bound.Expr:
    """What generates a column of the row source, its affinity applied."""
    table = item.table
    assert table is not None
    column = table.columns[number]
    assert column.generated is not None
    plain = replace(item, refs=dict(item.refs), alias=None, nullable=False)
    value = bind_schema_expr(binder, column.generated, [plain], table.sql, PLACE)
    return value if column.affinity == "A" else bound.ApplyAffinity(operand=value, affinity=column.affinity)


def with_dependents(table: Table, changed: Collection[int]) -> frozenset[int]:
    """The columns (-1: the rowid), and the generated ones that are made of them."""
    found = set(changed)
    if ROWID in found and table.rowid_alias >= 0:
        found.add(table.rowid_alias)
    n_found = -1
    while n_found != len(found):
        n_found = len(found)
        for number, column in enumerate(table.columns):
            if column.generated is not None and any(
                isinstance(node, ast.ColumnRef) and table.numbers.get(fold(node.column)) in found
                for node in syntax_nodes(column.generated)
            ):
                found.add(number)
    return frozenset(found)


def in_order(table: Table) -> list[int]:
    """The generated columns, each behind those it is made of. Errors: 'generated column loop on "x"'."""
    found: list[int] = []
    open_: list[int] = []

    def visit(number: int) -> None:
        column = table.columns[number]
        if column.generated is None or number in found:
            return
        if number in open_:
            raise SqlError(SQLITE_ERROR, f'{LOOP} on "{column.name}"')
        open_.append(number)
        for node in syntax_nodes(column.generated):
            if isinstance(node, ast.ColumnRef):
                other = table.numbers.get(fold(node.column))
                if other is not None:
                    visit(other)
        open_.pop()
        found.append(number)

    last: SqlError | None = None
    for number in range(len(table.columns)):
        open_.clear()
        try:
            visit(number)
        except SqlError as error:
            last = error
    if last is not None:
        raise last
    return found


def generated_columns(binder: Binder, item: Item, virtual_only: bool = False) -> tuple[tuple[int, bound.Expr], ...]:
    """(column, what generates it) of the row source's generated columns, each behind those it is made of."""
    table = item.table
    assert table is not None
    wanted = [n for n in in_order(table) if table.columns[n].is_virtual or not virtual_only]
    return tuple((number, generated_value(binder, item, number)) for number in wanted)


def check_generated(binder: Binder, table: Table, item: Item, loops: bool = False) -> None:
    """Refuse what a generated column must not be. loops: a column may be made of itself, as long as nobody asks it."""
    for column in table.columns:
        if column.generated is None:
            continue
        for node in syntax_nodes(column.generated):
            name = isinstance(node, ast.ColumnRef) and node.table is None and fold(node.column)
            if name in ROWID_NAMES and name not in table.numbers:
                fail(f"no such column: {name}", node)
        refuse_in(binder, "generated columns", column.generated, table)
    loop: SqlError | None = None
    for number, column in enumerate(table.columns):
        if column.generated is None:
            continue
        try:
            if column.is_virtual:
                column_of(item, number)
            else:
                generated_value(binder, item, number)
        except SqlError as error:
            if not error.message.startswith(LOOP):
                raise
            loop = error if column.is_virtual else loop
    if loop is not None and not loops:
        raise loop
