"""Indexes are emptied and filled from their tables: REINDEX, and users' indexes on shadow tables.

Source: https://sqlite.org/lang_reindex.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turso_wasm.bind.binder import Binder, fail
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index
from turso_wasm.plan import nodes
from turso_wasm.plan.derived_schema import rebuilt
from turso_wasm.plan.schema import NOTHING, Found, is_storage_key, rebuild
from turso_wasm.sql import ast


def plan_reindex(binder: Binder, node: ast.Reindex) -> tuple[nodes.Plan, set[int]]:
    """The plan, and the slots of the databases it writes. Errors: SqlError with SQLite's message."""
    found = list(_chosen(binder, node))
    plan = rebuild(binder, found) if found else None
    derived = _derived(binder, node)
    if plan is None and not derived:
        return NOTHING, set()
    slots = {table.slot for table, _ in found} | {catalog.slot for catalog, _ in derived}
    steps = [step for catalog, index in derived for step in rebuilt(binder, catalog, index)]
    changes = any(isinstance(step, nodes.AddSchemaRow) for step in steps)
    if plan is None or steps:
        before = () if plan is None else plan.steps
        plan = nodes.Ddl(
            slot=derived[0][0].slot, steps=(*before, *steps), n_registers=len(found), changes_schema=changes
        )
    return plan, slots


def _chosen(binder: Binder, node: ast.Reindex) -> Iterable[Found]:
    """The indexes that the statement names: all, those with a collation, those of a table, or one."""
    if node.name is None:
        return _all(binder)
    name, schema = node.name.name, node.name.schema
    if schema is None and fold(name) in binder.registry.collations:
        return (one for one in _all(binder) if _has_collation(one[1], name))
    if schema is not None:
        binder.catalogs.must_find(schema, node.name)
    table = binder.catalogs.find_table(name, schema)
    if table is not None:
        return [(table, index) for index in table.indexes]
    found = binder.catalogs.find_index(name, schema)
    if found is None and binder.catalogs.find_derived(name, schema) is not None:
        return []
    if found is None and is_storage_key(binder, node.name):
        return []  # the table itself
    if found is None:
        fail("unable to identify the object to be reindexed", node.name)
    catalog, index = found
    indexed = catalog.find_table(index.table)
    assert indexed is not None
    return [(indexed, index)]


def _derived(binder: Binder, node: ast.Reindex) -> list[tuple[Catalog, Derived]]:
    """Those that are no b-trees: all that keep up, those of a table, or one."""
    if node.name is None:
        there = [catalog for catalog in binder.catalogs.slots if catalog is not None]
        return [(each, index) for each in there for index in each.derived.values() if each.keeps_up(index)]
    name, schema = node.name.name, node.name.schema
    if schema is None and fold(name) in binder.registry.collations:
        return []
    table = binder.catalogs.find_table(name, schema)
    if table is not None:
        catalog = binder.catalogs.slots[table.slot]
        assert catalog is not None
        return [(catalog, index) for index in catalog.derived.values() if fold(index.table) == fold(table.name)]
    found = binder.catalogs.find_index(name, schema) is None and binder.catalogs.find_derived(name, schema)
    return [found] if found else []


def _all(binder: Binder) -> Iterator[Found]:
    for catalog in binder.catalogs.slots:
        for table in catalog.tables() if catalog is not None else ():
            yield from ((table, index) for index in table.indexes)


def _has_collation(index: Index, name: str) -> bool:
    return any(fold(column.collation) == fold(name) for column in index.columns)
