"""The plan of VACUUM: which objects there are, in the order in which SQLite writes them anew.

Tables come first, each with its automatic indexes, and sqlite_sequence behind the first table that needs it (if none
does, it goes); then indexes, then what has no b-tree.

Source: https://sqlite.org/lang_vacuum.html
"""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.bind.binder import Binder
from turso_wasm.bind.select import bind_select
from turso_wasm.catalog.catalog import Catalog, Entry
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.plan import nodes
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.schema import NOTHING
from turso_wasm.sql import ast

SEQUENCE = "sqlite_sequence"


def plan_vacuum(binder: Binder, node: ast.Vacuum) -> tuple[nodes.Plan, Catalog | None]:
    """The plan, and the database that it changes. Errors: "unknown database x"."""
    catalog = binder.catalogs.main() if node.schema is None else binder.catalogs.must_find(node.schema, node)
    if catalog.slot == TEMP_SLOT:
        return NOTHING, None
    in_place = node.into is None
    entries = list(_in_order(catalog))
    objects = tuple((entry.row, in_place and _renumbers(catalog, entry)) for entry in entries)
    inserts = any(not entry.root for entry in entries)
    given = [node.into] if node.into is not None else []
    if node.key is not None:
        given.append(name_or_value(node.key))
    if not given:
        return nodes.Vacuum(slot=catalog.slot, objects=objects, inserts=inserts), catalog
    row = ast.Select(ast.SelectCore(tuple(ast.ResultColumn(expr) for expr in given)))
    rows = Planner(binder).plan_query(bind_select(binder, row))
    into = None if in_place else rows.exprs[0]
    key = None if node.key is None else rows.exprs[-1]
    plan = nodes.Vacuum(slot=catalog.slot, objects=objects, inserts=inserts, child=rows.plan, into=into, key=key)
    return plan, catalog


def name_or_value(node: ast.Expr) -> ast.Expr:
    """A bare word is a string."""
    if isinstance(node, ast.ColumnRef) and node.table is None:
        return ast.TextLiteral(node.column)
    return node


def _in_order(catalog: Catalog) -> Iterator[Entry]:
    """The rows of sqlite_schema in their new order."""
    indexes = list(catalog.index_entries.values())
    sequence = catalog.entries.get(SEQUENCE)
    first_counted = next((entry for entry in catalog.entries.values() if _counts(catalog, entry)), None)
    for entry in catalog.entries.values():
        if entry.root and entry is not sequence:
            yield entry
            yield from (index for index in indexes if index.sql is None and fold(index.table) == fold(entry.name))
            if sequence is not None and entry is first_counted:
                yield sequence
    yield from (index for index in indexes if index.sql is not None)
    others = [*catalog.entries.values(), *catalog.trigger_entries.values()]
    yield from sorted((entry for entry in others if not entry.root), key=lambda entry: entry.row)


def _counts(catalog: Catalog, entry: Entry) -> bool:
    table = catalog.find_table(entry.name)
    return table is not None and table.autoincrement


def _renumbers(catalog: Catalog, entry: Entry) -> bool:
    """Nothing but the order of its rows depends on the rowids of the table."""
    table = catalog.find_table(entry.name) if entry.type == "table" else None
    return (
        table is not None
        and table.kind == "table"
        and table.rowid_alias < 0
        and not table.without_rowid
        and not table.indexes
    )
