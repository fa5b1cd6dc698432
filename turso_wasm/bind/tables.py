"""Names in FROM: tables, views and common tables become elements of the join.

A common table hides a table, temp hides main. Views and common tables are opened; several names of one may share
its rows (sharing.py).

Source: https://sqlite.org/lang_naming.html, https://sqlite.org/lang_createview.html, https://sqlite.org/lang_with.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, CommonTables, CurrentRow, Opened, fail
from turso_wasm.bind.comparison import affinity_of, column_affinity
from turso_wasm.bind.generated import row_of
from turso_wasm.bind.query import Common, Core, Item, OutputColumn, Query
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.sharing import share
from turso_wasm.bind.table_functions import find_function, function_item
from turso_wasm.catalog.modules.registry import eponymous_table, find_module
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.walk import walk


def query_item(
    binder: Binder,
    query: Query,
    name: str,
    alias: str | None,
    columns: tuple[str, ...] = (),
    *,
    is_view: bool = False,
) -> Item:
    """A FROM element that is a query; its columns get unique names ("a", "a:1", …) unless `columns` gives them."""
    names = unique_names([OutputColumn(column) for column in columns] if columns else query.columns, stored=is_view)
    _make_real(query)
    numbers: dict[str, int] = {}
    for number, column in enumerate(names):
        numbers.setdefault(fold(column), number)
    source = binder.new_source()
    binder.names[source] = name
    if not name or name.startswith("\0"):
        binder.names[source] = f"(subquery-{query.cores[-1].number})"
    return Item(source, name, query=query, columns=names, numbers=numbers, alias=alias)


def _make_real(query: Query) -> None:
    """Integers of a compound's column of REAL affinity become reals, as in SQLite's materialized table."""
    for number in range(len(query.columns)) if len(query.cores) > 1 or len(query.cores[0].parts) > 1 else ():
        if column_affinity(query, number) == "E":
            for core in query.cores:
                if affinity_of(core.outputs[number]) != "E":
                    core.outputs[number] = bound.ApplyAffinity(operand=core.outputs[number], affinity="E")


def unique_names(columns: list[OutputColumn], *, stored: bool = False) -> tuple[str, ...]:
    """The names that a subquery's columns get, or (stored) a view's or a new table's."""
    taken: set[str] = set()
    names = []
    for number, column in enumerate(columns):
        name = (column.stored if stored else column.inner) or column.name
        if fold(name) in ("true", "false"):
            name = f"column{number + 1}"
        base, count = name, 0
        while fold(name) in taken:
            head, colon, tail = base.rpartition(":")
            if colon and head and tail.isascii() and (tail.isdigit() or not tail):
                base = head
            count += 1
            name = f"{base}:{count}"
        taken.add(fold(name))
        names.append(name)
    return tuple(names)


def bind_table(binder: Binder, source: ast.TableSource, parent: Scope | None) -> Item:
    """A FROM element by name: a common table, a table, a view, or a function without arguments.

    Errors: "no such table: x", "no such index: i" (INDEXED BY), "circular reference: x", "no such module: m".
    """
    recursive = binder.current_rows.get(id(source))
    if recursive is not None:
        return _current_row(binder, source, recursive[1])
    if source.schema is None and binder.common is not None:
        found = binder.common.find(source.name)
        if found is not None:
            return _bind_common_table(binder, source, *found, parent)
    function = find_function(binder, source.name)
    if function is not None and binder.catalogs.find_table(source.name, None) is None:
        if source.indexed_by is not None:
            fail(f"no such index: {source.indexed_by}", source)
        return function_item(binder, function, source.name, source.alias)
    table = must_find_table(binder, source.name, source.schema, source)
    if table.kind == "view":
        return _bind_view(binder, source, table)
    check_readable(binder, table, source)
    if source.indexed_by is not None:
        key = fold(source.indexed_by)
        if not any(fold(index.name) == key for index in table.indexes):
            fail(f"no such index: {source.indexed_by}", source)
    binder.tables.append(table)
    item = row_of(binder, table, source.alias)
    binder.scanned[item.source] = table
    prefix = f"{source.schema}." if source.schema is not None and source.alias is None else ""
    binder.names[item.source] = prefix + (source.alias or source.name)
    item.indexed_by, item.not_indexed = source.indexed_by, source.not_indexed
    if binder.trace is not None and not binder.open_views:
        binder.trace.append((source, item))
    return item


def bind_virtual(binder: Binder, source: ast.TableFunctionSource, parent: Scope | None) -> Item | None:
    """A virtual table that is called like a function: the arguments are those of its hidden columns.

    None: it is none. Errors: "too many arguments on x() - max n".
    """
    if source.schema is None and binder.common is not None and binder.common.find(source.name) is not None:
        return None
    schema = source.schema or binder.default_schema
    table = binder.catalogs.find_table(source.name, schema) or eponymous_table(fold(source.name))
    if table is None or table.kind != "virtual":
        return None
    item = bind_table(binder, ast.TableSource(source.name, source.schema, source.alias, span=source.span), parent)
    n_hidden = len(table.columns) - len(item.columns)
    if len(source.arguments) > n_hidden:
        binder.later(f"too many arguments on {source.name}() - max {n_hidden}", source)
    return item


def must_find_table(binder: Binder, name: str, schema: str | None, node: ast.Node) -> Table:
    """The table or view of that name. Errors: "no such table: x"."""
    schema = schema if schema is not None else binder.default_schema
    table = binder.catalogs.find_table(name, schema) or eponymous_table(fold(name))
    if table is None:
        fail(f"no such table: {name}" if schema is None else f"no such table: {schema}.{name}", node)
    binder.slots.add(table.slot)
    return table


def check_readable(binder: Binder, table: Table, node: ast.Node) -> None:
    """Refuse a virtual table that its module does not know, or that a schema must not use. Errors: "no such module: m",
    what the module says, "unsafe use of virtual table "t"".
    """
    if table.failure:
        fail(table.failure, node)
    module = find_module(table.module) if table.kind == "virtual" and binder.in_schema else None
    if module is not None and module.direct_only:
        fail(f'unsafe use of virtual table "{table.name}"')
    use_tokenizer(binder, table, node)


def use_tokenizer(binder: Binder, table: Table, node: ast.Node) -> None:
    """What is done with a table may call a tokenizer of the user's. Errors: that there is none of its name."""
    if not may_tokenize(binder, table) and table.declared is not None and table.declared.tokenizer is not None:
        fail(table.declared.tokenizer[1], node)


def may_tokenize(binder: Binder, table: Table) -> bool:
    """False if the connection has not the tokenizer of the user's that the table needs; else it may be called."""
    if table.declared is None:
        return True
    binder.calls_user = binder.calls_user or table.declared.calls or table.declared.tokenizer is not None
    if table.declared.tokenizer is None:
        return True
    return table.declared.tokenizer[0] in binder.registry.tokenizers


def _bind_view(binder: Binder, source: ast.TableSource, table: Table) -> Item:
    if source.indexed_by is not None:
        fail(f"no such index: {source.indexed_by}", source)
    if not binder.settings.views and table.slot != TEMP_SLOT:
        fail(f'access to view "{table.name}" prohibited', source)
    common = open_view(binder, table, source)
    query = common.query
    if table.view_columns and len(table.view_columns) != len(query.columns):
        fail(f"expected {len(table.view_columns)} columns for '{table.name}' but got {len(query.columns)}", source)
    item = query_item(binder, query, source.alias or table.name, source.alias, table.view_columns, is_view=True)
    item.schema = table.schema
    query.label = table.name
    item.common = common
    return item


def open_view(binder: Binder, table: Table, node: ast.Node) -> Common:
    """The query of a view. Errors: what is wrong in it, "view v is circularly defined"."""
    key = f"{table.slot}.{fold(table.name)}"
    if key in binder.open_views:
        fail(f"view {table.name} is circularly defined", node)
    opened = share(binder.views, key, lambda: _bind_body(binder, table, key))
    opened.is_view = True
    return opened


def _bind_body(binder: Binder, table: Table, key: str) -> Query:
    """The SELECT of a view."""
    assert table.select is not None
    saved = binder.sql, binder.common, binder.default_schema, binder.lift
    finder, binder.finder = binder.finder, type(binder.finder)()  # its names are nobody's around it
    binder.sql, binder.common, binder.lift = table.sql or "", None, False
    binder.default_schema = None if table.slot == 1 else table.schema
    binder.open_views.append(key)
    try:
        return _kept_rows(binder, table) or binder.nested_select(table.select, None)
    finally:
        binder.open_views.pop()
        binder.sql, binder.common, binder.default_schema, binder.lift = saved
        binder.finder = finder


def _kept_rows(binder: Binder, table: Table) -> Query | None:
    """The rows that are kept of a materialized view, or, if somebody else has changed what it reads, those of its
    query: two SELECTs, of which one is not entered. None: nothing is kept that could be read.
    """
    catalog = binder.catalogs.slots[table.slot]
    view = None if catalog is None or binder.trace is not None else catalog.materialized(table.name)
    if view is None or not view.is_valid:
        return None
    assert table.select is not None
    defined = binder.nested_select(table.select, None)
    columns = ", ".join(f"c{number}" for number in range(1, len(defined.columns) + 1))
    kept = f"SELECT {columns} FROM {view.stores[-1].quoted} WHERE NOT {view.is_behind}"
    text = f"{kept} UNION ALL SELECT * FROM (SELECT 1) AS defined WHERE {view.is_behind}"
    parsed, _ = parse_one(text)
    assert isinstance(parsed, ast.Select)
    (other,) = parsed.compounds
    assert isinstance(other.core, ast.SelectCore)
    fresh = replace(other.core, source=ast.SubquerySource(table.select, "defined"))
    authority, binder.authority = binder.authority, None
    try:
        query = binder.nested_select(replace(parsed, compounds=(replace(other, core=fresh),)), None)
    finally:
        binder.authority = authority
    query.columns = defined.columns
    for number, output in enumerate(query.cores[0].outputs):
        if isinstance(output, bound.ColumnRef) and output.affinity == "A":  # of an expression, it is none
            query.cores[0].outputs[number] = replace(output, affinity=column_affinity(defined, number))
    return query


def bind_text(binder: Binder, sql: str) -> Query:
    """A query of ours about the schema, which sees nothing of the statement around it."""
    statement, _ = parse_one(sql)
    assert isinstance(statement, ast.Select)
    saved = binder.sql, binder.common, binder.default_schema, binder.lift
    rows, binder.finder.rows = binder.finder.rows, None
    binder.sql, binder.common, binder.default_schema, binder.lift = sql, None, None, False
    try:
        return binder.nested_select(statement, None)
    finally:
        binder.sql, binder.common, binder.default_schema, binder.lift = saved
        binder.finder.rows = rows


def _bind_common_table(
    binder: Binder, source: ast.TableSource, level: CommonTables, common: ast.CommonTable, parent: Scope | None
) -> Item:
    key = fold(common.name)
    if key in level.open:
        fail(f"{level.open[key].mistake}: {common.name}", source)

    known = binder.views if common.materialized is False else level.shared
    shared = share(known, f"with.{key}", lambda: _bind_common_body(binder, level, common, parent))
    shared.materialized = common.materialized is True
    query = shared.query
    columns = common_columns(common, query, source)
    if source.indexed_by is not None:
        fail(f"no such index: {source.indexed_by}", source)
    item = query_item(binder, query, source.alias or common.name, source.alias, columns)
    if not query.outer:
        item.common = shared
    query.label = common.name
    return item


def _bind_common_body(binder: Binder, level: CommonTables, common: ast.CommonTable, parent: Scope | None) -> Query:
    key = fold(common.name)
    saved, binder.common = binder.common, level
    opened = level.open[key] = Opened(common)
    try:
        return binder.nested_select(common.select, parent, opened)
    finally:
        del level.open[key]
        binder.common = saved


def common_columns(common: ast.CommonTable, query: Query, node: ast.Node | None = None) -> tuple[str, ...]:
    """The names that a common table gives its columns, if any. Errors: "table x has 2 values for 1 columns"."""
    if common.columns and len(common.columns) != len(query.columns):
        text = f"table {common.name} has {len(query.columns)} values for {len(common.columns)} columns"
        fail(text, node)
    return tuple(name.text for name in common.columns)


def _current_row(binder: Binder, source: ast.TableSource, row: CurrentRow) -> Item:
    """The row of a recursive common table: a query without FROM, whose results are columns of a source outside."""
    if source.indexed_by is not None:
        fail("no query solution", source)
    query = Query([Core(list(row.columns), row.outputs)], row.outputs, outer=row.columns)
    return query_item(binder, query, source.alias or row.name, source.alias)


@contextmanager
def common_tables(binder: Binder, clause: ast.With | None) -> Iterator[None]:
    """The tables of a WITH clause are visible meanwhile. Errors: as add_common_tables."""
    saved = add_common_tables(binder, clause)
    yield
    binder.common = saved


def add_common_tables(binder: Binder, clause: ast.With | None) -> CommonTables | None:
    """Make the tables of a WITH clause visible; the level to restore afterwards.

    Errors: "duplicate WITH table name: x".
    """
    saved = binder.common
    if clause is not None:
        level = CommonTables(parent=saved)
        for table in clause.tables:
            key = fold(table.name)
            if key in level.tables:
                fail(f"duplicate WITH table name: {table.name}", table)
            level.tables[key] = table
            for part in walk(table.select):  # those of a table that nobody reads count, too
                if isinstance(part, ast.Parameter):
                    binder.parameters[part.number] = part.name
        binder.common = level
        if binder.trace is not None and not binder.open_views:
            _trace_common_tables(binder, level)
    return saved


def _trace_common_tables(binder: Binder, level: CommonTables) -> None:
    """A RENAME looks at common tables that nobody reads, as far as their names mean something."""
    for table in level.tables.values():
        with suppress(SqlError):
            _bind_common_body(binder, level, table, None)
