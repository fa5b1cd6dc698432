"""What the schema has of a materialized view."""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.tables import open_view, unique_names
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.materialized import PREFIX, View, is_kept
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.materialized.names import rewrite
from turso_wasm.sql import ast
from turso_wasm.sql.printer import print_sql


def tables_of(catalog: Catalog, view: View) -> list[Table]:
    """What is kept of a view, as far as it is there: also if it is not what we would keep."""
    names = {view.behind, *(store.name for store in view.stores)}
    head = fold(f"{PREFIX}{view.name}")
    for key, entry in catalog.entries.items():
        rest = key[len(head) :].removesuffix("_touched") if key.startswith(head) else "?"
        of_another = key.startswith(PREFIX) and key[len(PREFIX) :] in catalog.entries
        if not rest or (rest[0] == "_" and rest[1:].isdigit() and not of_another) or rest == "_behind":
            names.add(entry.name)
    by_key = {fold(name): catalog.find_table(name) for name in names}
    return [table for table in by_key.values() if table is not None]


def parts_off(catalog: Catalog, view: View) -> list[nodes.Step]:
    """Its triggers on base tables are forgotten."""
    heads = [fold(f"{PREFIX}{view.name}_{event}_") for event in ("insert", "update", "delete")]
    return [
        nodes.RemoveSchemaRows(type="trigger", name=entry.name)
        for key, entry in catalog.trigger_entries.items()
        if any(key.startswith(head) and key[len(head) :].isdigit() for head in heads)
    ]


def indexes_of(catalog: Catalog, view: View) -> list[Index]:
    """Its indexes on base tables."""
    head = fold(f"{PREFIX}{view.name}_ids_")
    found = [
        catalog.find_index(key) for key in catalog.index_entries if key.startswith(head) and key[len(head) :].isdigit()
    ]
    return [index for index in found if index is not None]


def index_on_rows(binder: Binder, node: ast.CreateIndex) -> str | None:
    """The text of CREATE INDEX on the rows that are kept of a materialized view, None: the index is on something else.
    Errors: the view is to be refreshed first, "no such column: x".
    """
    found = binder.catalogs.find_table(node.table.text, node.name.schema)
    catalog = None if found is None else binder.catalogs.slots[found.slot]
    view = None if found is None or catalog is None or found.kind != "view" else catalog.materialized(found.name)
    if view is None or found is None or catalog is None:
        return None
    if not view.is_valid:
        fail(f"what is kept of {view.name} is not what its query gives: REFRESH MATERIALIZED VIEW makes it anew", node)
    names = found.view_columns or unique_names(open_view(binder, found, node).query.columns, stored=True)
    numbers = {fold(name): number for number, name in reversed(list(enumerate(names, 1)))}

    def change(part: ast.Node) -> ast.Node | None:
        if not isinstance(part, ast.ColumnRef):
            return None
        if fold(part.column) not in numbers:
            fail(f"no such column: {part.column}", part)
        return ast.ColumnRef(f"c{numbers[fold(part.column)]}")

    name = ast.QualifiedName(node.name.name, catalog.name)
    columns = tuple([rewrite(term, change) for term in node.columns])
    where = None if node.where is None else rewrite(node.where, change)
    table = ast.Name(view.stores[-1].name)
    return print_sql(replace(node, name=name, table=table, columns=columns, where=where))


def indexes_on_rows(catalog: Catalog, view: View) -> list[tuple[str, str]]:
    """(name, CREATE INDEX) of users' indexes on the rows that are kept."""
    table = fold(f"{PREFIX}{view.name}")
    entries = [entry for entry in catalog.index_entries.values() if fold(entry.table) == table]
    return [(entry.name, entry.sql) for entry in entries if entry.sql is not None and not is_kept(entry.name)]
