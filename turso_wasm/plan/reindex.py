"""Indexes are emptied and filled from their tables: REINDEX, and users' indexes on shadow tables.

Source: https://sqlite.org/lang_reindex.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.generated import row_of
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.schema import NOTHING, fill_index, is_storage_key
from turso_wasm.sql import ast

Found = tuple[Table, Index]


def plan_reindex(binder: Binder, node: ast.Reindex) -> tuple[nodes.Plan, set[int]]:
    """The plan, and the slots of the databases it writes. Errors: SqlError with SQLite's message."""
    found = list(_chosen(binder, node))
    if not found:
        return NOTHING, set()
    return rebuild(binder, found), {table.slot for table, _ in found}


def rebuild(binder: Binder, found: list[Found]) -> nodes.Ddl:
    """These indexes anew. Errors: SqlError with SQLite's message."""
    steps: list[nodes.Step] = []
    for register, (table, index) in enumerate(found):
        item = row_of(binder, table)
        steps.append(nodes.ClearBtree(slot=table.slot, root=index.root, register=register))
        steps.append(fill_index(binder, table, index, item, register))
    slot = min(table.slot for table, _ in found)
    return nodes.Ddl(slot=slot, steps=tuple(steps), n_registers=len(found), changes_schema=False)


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
    if found is None and is_storage_key(binder, node.name):
        return []  # the table itself
    if found is None:
        fail("unable to identify the object to be reindexed", node.name)
    catalog, index = found
    indexed = catalog.find_table(index.table)
    assert indexed is not None
    return [(indexed, index)]


def _all(binder: Binder) -> Iterator[Found]:
    for catalog in binder.catalogs.slots:
        for table in catalog.tables() if catalog is not None else ():
            yield from ((table, index) for index in table.indexes)


def _has_collation(index: Index, name: str) -> bool:
    return any(fold(column.collation) == fold(name) for column in index.columns)
