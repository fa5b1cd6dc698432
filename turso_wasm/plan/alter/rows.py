"""What all forms of ALTER TABLE share: the table, its text, and rows of sqlite_schema that change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.scope import column_ref, table_item
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog, Entry
from turso_wasm.catalog.functions import MISSING_COLLATION
from turso_wasm.catalog.names import ROWID_NAMES, TEMP_SLOT, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.capture import refuse_captured_into
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

TYPE, NAME, TBL_NAME, ROOTPAGE, SQL = range(5)

Change: TypeAlias = tuple[Catalog, Entry, dict[int, str]]
"""A row of a database's sqlite_schema, and its new values by column."""


def target(binder: Binder, name: ast.QualifiedName) -> tuple[Catalog, Table]:
    """The table to alter. Errors: "no such table: x", "table x may not be altered"."""
    table = binder.catalogs.find_table(name.name, name.schema)
    if table is None:
        shown = name.name if name.schema is None else f"{name.schema}.{name.name}"
        fail(f"no such table: {shown}", name)
    if table.failure:
        fail(table.failure, name)
    refuse_captured_into(binder, table, "altered", name)
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    return catalog, table


def refuse_system(table: Table, node: ast.Node) -> None:
    """Errors: "table x may not be altered"."""
    if table.root == 1 or fold(table.name).startswith("sqlite_"):
        fail(f"table {table.name} may not be altered", node)


def refuse_rowid(table: Table, name: str, doing: str, node: ast.Node) -> None:
    """A column of a table with rowids can't become, or cease to be, what a name of the rowid means."""
    if fold(name) in ROWID_NAMES and not table.without_rowid:
        fail(f"cannot {doing} rowid alias: {name}", node)


def stored(entry: Entry) -> edit.StoredText:
    """The text of an object that has one."""
    assert entry.sql is not None
    statement, _ = parse_one(entry.sql)
    assert statement is not None
    return edit.StoredText(entry.sql, statement)


def entries(catalog: Catalog) -> list[Entry]:
    """All rows of the schema."""
    return [*catalog.entries.values(), *catalog.index_entries.values(), *catalog.trigger_entries.values()]


def change(binder: Binder, catalog: Catalog, entry: Entry, values: dict[int, str]) -> nodes.RunStatement:
    """UPDATE sqlite_schema SET … of one row."""
    binder.written.add(catalog.slot)
    table = catalog.find_table("sqlite_master")
    assert table is not None
    old = table_item(binder.new_source(), table, None)
    new = binder.new_source()
    scan = nodes.TableScan(source=old.source, table=table, columns=frozenset({TYPE, NAME}))
    same_type = bound.Compare(op="=", left=column_ref(old, TYPE), right=bound.Constant(value=entry.type))
    same_name = bound.Compare(op="=", left=column_ref(old, NAME), right=bound.Constant(value=entry.name))
    row = tuple(bound.Constant(value=values[at]) if at in values else column_ref(old, at) for at in range(5))
    child = nodes.Filter(child=scan, predicate=bound.Binary(op="and", left=same_type, right=same_name))
    return nodes.RunStatement(
        plan=nodes.Update(
            table=table, child=child, old_source=old.source, source=new, values=row, changed=frozenset(values)
        )
    )


def rebuilt(table: Table, sql: str, what: str) -> Table:
    """The table that the edited text makes. Errors: "error in table t after add column: …"."""
    try:
        statement, _ = parse_one(sql)
        assert isinstance(statement, ast.CreateTable)
        return build_table(statement, sql, root=table.root, slot=table.slot, schema=table.schema)
    except SqlError as error:
        if error.code == MISSING_COLLATION:
            raise
        raise SqlError(error.code, f"error in table {table.name} after {what}: {error.message}") from None


def reaching(binder: Binder, table: Table) -> Iterator[tuple[Catalog, Entry]]:
    """The objects that may name the table: all of its database, and the views and triggers of temp."""
    own = binder.catalogs.slots[table.slot]
    assert own is not None
    yield from ((own, entry) for entry in entries(own))
    if table.slot != TEMP_SLOT:
        temp = binder.catalogs.temp()
        yield from ((temp, entry) for entry in entries(temp) if entry.type in ("view", "trigger"))


def unreached(binder: Binder, table: Table) -> Iterator[tuple[Catalog, Entry]]:
    """What else ALTER TABLE looks at: the tables and indexes of temp."""
    if table.slot != TEMP_SLOT:
        temp = binder.catalogs.temp()
        yield from ((temp, entry) for entry in entries(temp) if entry.type in ("table", "index"))


def means(binder: Binder, catalog: Catalog, table: Table) -> Callable[[str | None], bool]:
    """Whether the name of the table, behind the name of a database or none, is the table in a text of `catalog`."""
    if catalog.slot != TEMP_SLOT:
        return lambda schema: True
    return lambda schema: binder.catalogs.find_table(table.name, schema) is table
