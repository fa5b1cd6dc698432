"""What the schema has of a materialized view."""

from __future__ import annotations

from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.materialized import PREFIX, View
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes


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
