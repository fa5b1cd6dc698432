"""The plan of ANALYZE: old statistics are deleted, and each index is read once for new ones.

Source: https://sqlite.org/lang_analyze.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from turso_wasm.base.records import dataclass
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.hashed import hashed_tables
from turso_wasm.catalog.names import TEMP_SLOT, fold, quote_identifier
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.catalog.tables import place_of_key
from turso_wasm.plan import nodes
from turso_wasm.plan.schema import NOTHING, forget, is_storage_key
from turso_wasm.sql import ast

STATISTICS = (
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    ("sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
)


GROWTH = 10
"""PRAGMA optimize: a table with so many times the rows, or so few, is analysed again."""


@dataclass(slots=True)
class Task:
    """What is analysed of a database: tables; or one table, or one index of it, whose old statistics go alone."""

    catalog: Catalog
    tables: Sequence[Table]
    table: Table | None = None
    index: Index | None = None


def plan_analyze(binder: Binder, node: ast.Analyze) -> tuple[nodes.Plan, tuple[int, ...], bool]:
    """The plan, the slots of the databases it writes, whether it changes a schema. Errors: SqlError."""
    plans = [_plan(binder, task) for task in _tasks(binder, node)]
    if not plans:
        return NOTHING, (), False
    slots = tuple(plan.slot for plan in plans)
    changes = any(plan.changes_schema for plan in plans)
    if len(plans) == 1:
        return plans[0], slots, changes
    together = tuple(nodes.RunStatement(plan=plan) for plan in plans)
    return nodes.Ddl(slot=slots[0], steps=together, changes_schema=False), slots, changes


def _tasks(binder: Binder, node: ast.Analyze) -> Iterable[Task]:
    """What the statement names: everything, a database, a table or an index."""
    catalogs = binder.catalogs
    if node.name is None:
        return [_whole(catalog) for catalog in catalogs.slots if catalog is not None and catalog.slot != TEMP_SLOT]
    name, schema = node.name.name, node.name.schema
    database = catalogs.find(name) if schema is None else catalogs.must_find(schema, node.name)
    if schema is None and database is not None:
        return [_whole(database)]
    found = catalogs.find_index(name, schema)
    table = catalogs.find_table(found[1].table, found[0].name) if found is not None else None
    index = found[1] if found is not None else None
    if index is None and is_storage_key(binder, node.name):
        table = catalogs.find_table(name.rpartition("_")[0][len("sqlite_autoindex_") :], schema)
        index = _key(table) if table is not None else None
    if table is None:
        table = catalogs.find_table(name, schema)
    if table is None:
        fail(f"no such table: {name}" if schema is None else f"no such table: {schema}.{name}", node.name)
    catalog = catalogs.slots[table.slot]
    assert catalog is not None
    return [Task(catalog, [table], table, index)]


def _whole(catalog: Catalog) -> Task:
    return Task(catalog, _tables(catalog))


def _tables(catalog: Catalog) -> list[Table]:
    return [table for table in hashed_tables(catalog) if table is not None]


def _plan(binder: Binder, task: Task) -> nodes.Ddl:
    steps: list[nodes.Step] = []
    roots = _statistics_tables(task.catalog, steps)
    created = 0 in roots
    for (name, _), register in zip(STATISTICS, range(len(STATISTICS)), strict=True):
        if task.index is not None:
            steps += forget(binder, task.catalog, name, {1: task.index.name})
        elif task.table is not None:
            steps += forget(binder, task.catalog, name, {0: task.table.name})
        elif roots[register]:
            steps.append(nodes.ClearBtree(slot=task.catalog.slot, root=roots[register], register=register))
    for table in task.tables:
        if _has_statistics(table):
            indexes = tuple(_all_indexes(table)) if task.index is None else (task.index,)
            counts = task.index is None and all(index.where is not None for index in indexes)
            steps.append(nodes.Analyze(table=table, indexes=indexes, counts=counts, stat1=roots[0], stat4=roots[1]))
    return _renewed(task.catalog, steps, created)


def _statistics_tables(catalog: Catalog, steps: list[nodes.Step]) -> list[int]:
    """The roots of the tables of statistics; 0 for one that `steps` create, with its root in its register."""
    roots = []
    for register, (name, sql) in enumerate(STATISTICS):
        table = catalog.find_table(name)
        roots.append(0 if table is None else table.root)
        if table is None:
            steps.append(nodes.CreateBtree(kind="table", register=register))
            steps.append(nodes.AddSchemaRow(type="table", name=name, table_name=name, register=register, sql=sql))
    return roots


def _has_statistics(table: Table) -> bool:
    return table.kind == "table" and table.root > 1 and not fold(table.name).startswith("sqlite_")


def _renewed(catalog: Catalog, steps: list[nodes.Step], created: bool) -> nodes.Ddl:
    steps.append(nodes.RenewStatistics())
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps), n_registers=len(STATISTICS), changes_schema=created)


# --- PRAGMA optimize ----------------------------------------------------------------------------------------------


def optimized_tables(catalog: Catalog, all_tables: bool) -> list[Table]:
    """Those that PRAGMA optimize looks at: tables that have indexes, or all. They are analysed if they never were, and
    again if they have ten times as many rows as then, or a tenth.
    """
    return [table for table in _tables(catalog) if _has_statistics(table) and (all_tables or any(_all_indexes(table)))]


def plan_optimize(
    binder: Binder, catalogs: Sequence[Catalog], all_tables: bool, most: int
) -> tuple[nodes.Ddl, tuple[int, ...]]:
    """The plan of PRAGMA optimize, and the slots of the databases it writes. most: see nodes.Analyze."""
    plans = []
    for catalog in catalogs:
        tables = optimized_tables(catalog, all_tables)
        if tables:
            plans.append(_plan_optimize(binder, catalog, tables, most))
    slots = tuple(plan.slot for plan in plans)
    if len(plans) == 1:
        return plans[0], slots
    together = tuple(nodes.RunStatement(plan=plan) for plan in plans)
    return nodes.Ddl(slot=slots[0] if slots else 0, steps=together, changes_schema=False), slots


def _plan_optimize(binder: Binder, catalog: Catalog, tables: Iterable[Table], most: int) -> nodes.Ddl:
    steps: list[nodes.Step] = []
    roots = _statistics_tables(catalog, steps)
    for table in tables:
        indexes = tuple(_all_indexes(table))
        before: list[nodes.Step] = []
        for name, _ in STATISTICS:
            before += forget(binder, catalog, name, {0: table.name})
        steps.append(
            nodes.Analyze(
                table=table,
                indexes=indexes,
                counts=all(index.where is not None for index in indexes),
                stat1=roots[0],
                stat4=roots[1],
                unless=_expected_rows(table),
                before=tuple(before),
                most=most,
            )
        )
    return _renewed(catalog, steps, 0 in roots)


def _expected_rows(table: Table) -> tuple[int, int] | None:
    """While there are more rows than the first number, and fewer than the second, statistics hold; None: never."""
    rows = table.row_estimate
    if rows is None or any(index.stat is None for index in table.indexes):
        return None
    return rows // GROWTH, rows * GROWTH


def optimize_query(catalogs: Sequence[Catalog], all_tables: bool) -> str:
    """SELECT the statements that PRAGMA optimize would run."""
    parts = []
    for catalog in catalogs:
        for table in optimized_tables(catalog, all_tables):
            name = f"{quote_identifier(catalog.name)}.{quote_identifier(table.name)}"
            text = f"ANALYZE {name}".replace("'", "''")
            expected = _expected_rows(table)
            condition = f"EXISTS (SELECT 1 FROM {name})" if any(_all_indexes(table)) else "1"
            if expected is not None:
                condition = f"(SELECT count(*) FROM {name}) NOT BETWEEN {expected[0] + 1} AND {expected[1] - 1}"
            parts.append(f"SELECT '{text}' WHERE {condition}")
    return " UNION ALL ".join(parts) or "SELECT NULL WHERE 0"


def _all_indexes(table: Table) -> Iterator[Index]:
    """The newest first; the key of a WITHOUT ROWID table has its place among them."""
    at = place_of_key(table, table.indexes) if table.without_rowid else 0
    yield from table.indexes[:at]
    if table.without_rowid:
        yield _key(table)
    yield from table.indexes[at:]


def _key(table: Table) -> Index:
    """The key of a WITHOUT ROWID table as an index; its statistics have the name of the table."""
    return Index(table.name, table.name, table.root, table.primary_key, unique=True, origin="pk")
