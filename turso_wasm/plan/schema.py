"""Plans of CREATE and DROP: steps that create, fill and drop b-trees and keep sqlite_schema in step.

Root pages are allocated in the order SQLite does (table, its automatic indexes, sqlite_sequence), and rows of
sqlite_schema are written in that order.

Source: https://sqlite.org/lang_createtable.html, https://sqlite.org/lang_createindex.html, https://sqlite.org/lang_droptable.html
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.comparison import column_affinity
from turso_wasm.bind.first_errors import bind_statement
from turso_wasm.bind.generated import check_generated, row_of
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_schema_expr, check_index_expressions, check_table_expressions
from turso_wasm.bind.scope import column_ref, table_item
from turso_wasm.bind.tables import unique_names
from turso_wasm.bind.triggers import own_triggers, temp_triggers
from turso_wasm.bind.walk import all_of
from turso_wasm.catalog import ddl
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.derived import EVENTS, Derived
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.indexes import build_index
from turso_wasm.catalog.methods.registry import METHODS
from turso_wasm.catalog.modules.registry import eponymous_table, find_module
from turso_wasm.catalog.names import TEMP_SLOT, fold, is_reserved
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.capture import refuse_captured_into
from turso_wasm.plan.foreign_keys import delete_all
from turso_wasm.plan.materialized.parts import index_on_rows, indexes_of, parts_off, tables_of
from turso_wasm.plan.planner import Planner
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

Changed = tuple[nodes.Plan, Catalog | None]
"""The plan, and the database whose schema it changes (None: it changes nothing)."""

Found = tuple[Table, Index]
"""An index that is to be made anew, and its table."""

NOTHING = nodes.Output(
    child=nodes.Filter(child=nodes.OneRow(), predicate=bound.Constant(value=0)), exprs=(), single=True
)

SEQUENCE_SQL = "CREATE TABLE sqlite_sequence(name,seq)"


def plan_create_table(binder: Binder, node: ast.CreateTable) -> Changed:
    """CREATE TABLE, also … AS SELECT. Errors: SqlError with SQLite's message."""
    catalog = ddl.target_catalog(binder.catalogs, node.name, node.temporary)
    if not ddl.check_new_table(catalog, node.name, node.if_not_exists, binder.sql):
        return NOTHING, None
    if node.select is not None:
        return _plan_create_as(binder, node, node.select, catalog), catalog
    table = build_table(node, binder.sql, slot=catalog.slot, schema=catalog.name, registry=binder.registry)
    item = row_of(binder, table)
    check_generated(binder, table, item)
    check_table_expressions(binder, table, item)
    steps = table_steps(table, ddl.stored_table_sql(binder.sql, node), 0)
    n_registers = 1 + len(table.indexes)
    if table.autoincrement and catalog.find_table("sqlite_sequence") is None:
        steps.append(nodes.CreateBtree(kind="table", register=n_registers))
        steps.append(
            nodes.AddSchemaRow(
                type="table",
                name="sqlite_sequence",
                table_name="sqlite_sequence",
                register=n_registers,
                sql=SEQUENCE_SQL,
            )
        )
        n_registers += 1
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps), n_registers=n_registers), catalog


def table_steps(table: Table, sql: str, register: int) -> list[nodes.Step]:
    """The b-trees of a new table and of its automatic indexes, in registers from this one on, and their schema rows."""
    name, indexes = table.name, _automatic_indexes(table)
    kind: Literal["table", "index"] = "index" if table.without_rowid else "table"
    steps: list[nodes.Step] = [nodes.CreateBtree(kind=kind, register=register)]
    steps.extend(nodes.CreateBtree(kind="index", register=register + at) for at in range(1, len(indexes) + 1))
    steps.append(nodes.AddSchemaRow(type="table", name=name, table_name=name, register=register, sql=sql))
    steps.extend(
        nodes.AddSchemaRow(type="index", name=index.name, table_name=name, register=register + at, sql=None)
        for at, index in enumerate(indexes, 1)
    )
    return steps


def _automatic_indexes(table: Table) -> list[Index]:
    """In the order of their numbers."""
    return sorted(table.indexes, key=lambda index: int(index.name.rpartition("_")[2]))


def _plan_create_as(binder: Binder, node: ast.CreateTable, select: ast.Select, catalog: Catalog) -> nodes.Plan:
    query = bind_statement(binder, select)
    if binder.parameters:
        fail("parameters are not allowed in CREATE TABLE AS", node)
    affinities = tuple(column_affinity(query, number) or "A" for number in range(len(query.columns)))
    names = unique_names(query.columns, stored=True)
    rows = Planner(binder).plan_query(query)
    name = node.name.name
    sql = ddl.created_table_sql(name, list(zip(names, affinities, strict=True)))
    steps = (
        nodes.CreateBtree(kind="table", register=0),
        nodes.InsertRows(register=0, child=rows.plan, exprs=rows.exprs, affinities=affinities),
        nodes.AddSchemaRow(type="table", name=name, table_name=name, register=0, sql=sql),
    )
    return nodes.Ddl(slot=catalog.slot, steps=steps, n_registers=1)


def plan_create_view(binder: Binder, node: ast.CreateView) -> Changed:
    """CREATE VIEW: its SELECT is not looked at until the view is used.

    Errors: "parameters are not allowed in views", a name that is taken or reserved.
    """
    catalog = ddl.target_catalog(binder.catalogs, node.name, node.temporary)
    for part in syntax_nodes(node.select):
        if isinstance(part, ast.Parameter):
            fail("parameters are not allowed in views", part)
    if not ddl.check_new_table(catalog, node.name, node.if_not_exists, binder.sql):
        return NOTHING, None
    name = node.name.name
    catalog.check_reach("view", name, node.select, node.name.name_span)
    row = nodes.AddSchemaRow(
        type="view", name=name, table_name=name, register=None, sql=ddl.stored_view_sql(binder.sql, node)
    )
    return nodes.Ddl(slot=catalog.slot, steps=(row,)), catalog


def plan_create_trigger(binder: Binder, node: ast.CreateTrigger) -> Changed:
    """CREATE TRIGGER: what its body names is not looked up until it is fired.

    Errors: "trigger t already exists", "no such table: x", triggers on system tables, BEFORE and AFTER on views,
    INSTEAD OF on tables, "trigger cannot use variables", "qualified table names are not allowed …" outside temp.
    """
    catalog, table = _triggered_table(binder, node)
    name = node.name.name
    if is_reserved(name):
        fail(f"object name reserved for internal use: {name}", node.name)
    if fold(name) in catalog.trigger_entries:
        if node.if_not_exists:
            return NOTHING, None
        raise SqlError(SQLITE_ERROR, f"trigger {binder.text(node.name.name_span)} already exists", node.name.name_span)
    if table.root == 1 or fold(table.name).startswith("sqlite_"):
        fail("cannot create trigger on system table", node.table)
    is_plain = node.table.schema is None or catalog.slot != TEMP_SLOT
    named = node.table.name if is_plain else f"{node.table.schema}.{node.table.name}"
    if table.kind == "view" and node.time != "INSTEAD OF":
        fail(f"cannot create {node.time or 'BEFORE'} trigger on view: {named}", node.table)
    if table.kind != "view" and node.time == "INSTEAD OF":
        fail(f"cannot create INSTEAD OF trigger on table: {named}", node.table)
    if catalog.slot != TEMP_SLOT:
        _refuse_qualified(node)
    for part in syntax_nodes(node):
        if isinstance(part, ast.Parameter):
            fail("trigger cannot use variables", part)
    catalog.check_reach("trigger", name, node, node.name.name_span)
    sql = ddl.stored_trigger_sql(binder.sql, node)
    row = nodes.AddSchemaRow(type="trigger", name=name, table_name=table.name, register=None, sql=sql)
    return nodes.Ddl(slot=catalog.slot, steps=(row,)), catalog


def _refuse_qualified(node: ast.CreateTrigger) -> None:
    """What a trigger of a file changes is in that file."""
    for step in node.body:
        if not isinstance(step, ast.Select) and step.table.schema is not None:
            statements = "INSERT, UPDATE, and DELETE statements"
            fail(f"qualified table names are not allowed on {statements} within triggers", step)


def _triggered_table(binder: Binder, node: ast.CreateTrigger) -> tuple[Catalog, Table]:
    """The database of a new trigger, and the table or view it is on: of the same database, unless that is temp."""
    catalog = ddl.target_catalog(binder.catalogs, node.name, node.temporary)
    named = binder.catalogs.find_table(node.table.name, node.table.schema)
    if node.name.schema is None and named is not None and named.slot == TEMP_SLOT:
        catalog = binder.catalogs.temp()
    schema = node.table.schema
    if catalog.slot != TEMP_SLOT:
        if schema is not None and fold(schema) != fold(catalog.name):
            message = f"trigger {node.name.name} cannot reference objects in database {schema}"
            raise SqlError(SQLITE_ERROR, message, node.name.name_span)
        schema = catalog.name
    table = binder.catalogs.find_table(node.table.name, schema)
    if table is None:
        fail(f"no such table: {'' if schema is None else schema + '.'}{node.table.name}", node.table)
    if table.kind == "virtual":
        fail("cannot create triggers on virtual tables", node.table)
    return catalog, table


# --- indexes ------------------------------------------------------------------------------------------------------


def plan_create_index(binder: Binder, node: ast.CreateIndex) -> Changed:
    """CREATE INDEX, also on the rows of a materialized view. Errors: SqlError with SQLite's message."""
    text = index_on_rows(binder, node)
    if text is not None:
        parsed, _ = parse_one(text)
        assert isinstance(parsed, ast.CreateIndex)
        binder.sql, binder.lift, node = text, False, parsed
    catalog, table = indexed_table(binder, node.name, node.table)
    if not ddl.check_new_index(catalog, node.name, node.if_not_exists):
        return NOTHING, None
    item = row_of(binder, table)
    if node.where is not None:  # SQLite looks at it before the columns
        bind_schema_expr(binder, node.where, [item], binder.sql)
    index = build_index(node, table, sql=ddl.stored_index_sql(binder.sql, node))
    catalog.order_index(index)
    fill = fill_index(binder, table, index, item, register=0)
    row = nodes.AddSchemaRow(type="index", name=index.name, table_name=table.name, register=0, sql=index.sql)
    return nodes.Ddl(
        slot=catalog.slot, steps=(nodes.CreateBtree(kind="index", register=0), row, fill), n_registers=1
    ), catalog


def fill_index(binder: Binder, table: Table, index: Index, item: Item, register: int) -> nodes.FillIndex:
    """The step that fills an empty index. item: the table as its expressions see it."""
    terms = check_index_expressions(binder, table, index, item)
    fields = index.columns + index.suffix
    exprs = tuple(terms.exprs.get(at) or _field(item, part) for at, part in enumerate(fields))
    columns = frozenset(table.record_order)
    return nodes.FillIndex(
        index=index,
        table=table,
        register=register,
        scan=nodes.TableScan(source=item.source, table=table, columns=columns),
        source=item.source,
        exprs=exprs,
        where=all_of(terms.where),
    )


def _field(item: Item, part: IndexColumn) -> bound.Expr:
    return column_ref(item, part.column)


def rebuild(binder: Binder, found: list[Found]) -> nodes.Ddl:
    """These indexes anew. Errors: SqlError with SQLite's message."""
    steps: list[nodes.Step] = []
    for register, (table, index) in enumerate(found):
        item = row_of(binder, table)
        steps.append(nodes.ClearBtree(slot=table.slot, root=index.root, register=register))
        steps.append(fill_index(binder, table, index, item, register))
    slot = min(table.slot for table, _ in found)
    return nodes.Ddl(slot=slot, steps=tuple(steps), n_registers=len(found), changes_schema=False)


def indexed_table(binder: Binder, name: ast.QualifiedName, on: ast.Name) -> tuple[Catalog, Table]:
    """The table that a new index is on; without a schema the index goes where the table is (temp or main)."""
    catalogs = binder.catalogs
    if name.schema is not None:
        catalog = catalogs.must_find(name.schema, name)
    else:
        temp = catalogs.temp()
        catalog = temp if fold(on.text) in temp.entries else catalogs.main()
    table = catalog.find_table(on.text)
    if table is None:
        if fold(on.text) in binder.registry.table_functions:
            fail("virtual tables may not be indexed", on)
        other = catalogs.find_table(on.text)
        if catalog.slot == TEMP_SLOT and other is not None:
            fail(f'cannot create a TEMP index on non-TEMP table "{other.name}"', on)
        where = "" if catalog.slot == TEMP_SLOT else f"{catalog.name}."
        fail(f"no such table: {where}{on.text}", on)
    if table.root == 1 or (fold(table.name).startswith("sqlite_") and table.kind == "table"):
        fail(f"table {table.name} may not be indexed", on)
    if table.kind == "view":
        fail("views may not be indexed", on)
    if table.kind == "virtual":
        fail("virtual tables may not be indexed", on)
    return catalog, table


# --- DROP ---------------------------------------------------------------------------------------------------------


def plan_drop(binder: Binder, node: ast.Drop) -> Changed:
    """DROP TABLE, VIEW, INDEX or TRIGGER. Errors: SqlError with SQLite's message."""
    if node.kind == "INDEX":
        return _plan_drop_index(binder, node)
    if node.kind == "TRIGGER":
        return _plan_drop_trigger(binder, node)
    table = binder.catalogs.find_table(node.name.name, node.name.schema)
    if table is None and eponymous_table(fold(node.name.name)) is not None:
        fail(f"table {node.name.name} may not be dropped", node.name)
    if table is None:
        return _missing(node, "view" if node.kind == "VIEW" else "table")
    if table.root == 1 or (fold(table.name).startswith("sqlite_") and not fold(table.name).startswith("sqlite_stat")):
        fail(f"table {table.name} may not be dropped", node.name)
    if node.kind == "VIEW" and table.kind != "view":
        fail(f"use DROP TABLE to delete table {table.name}", node.name)
    if node.kind == "TABLE" and table.kind == "view":
        fail(f"use DROP VIEW to delete view {table.name}", node.name)
    if table.failure:
        fail(table.failure, node.name)
    refuse_captured_into(binder, table, "dropped", node.name)
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    return nodes.Ddl(slot=catalog.slot, steps=tuple(_drop_table_steps(binder, catalog, table))), catalog


def _missing(node: ast.Drop, what: str) -> Changed:
    if node.if_exists:
        return NOTHING, None
    name = node.name.name if node.name.schema is None else f"{node.name.schema}.{node.name.name}"
    raise SqlError(SQLITE_ERROR, f"no such {what}: {name}", node.name.span)


def _drop_table_steps(binder: Binder, catalog: Catalog, table: Table) -> list[nodes.Step]:
    """Triggers go first; b-trees are dropped from the last page on, so that auto-vacuum moves none of them. The shadow
    tables of a virtual table go with it.
    """
    dropped = [table, *_shadows(catalog, table)]
    for index in catalog.derived.values():
        if fold(index.table) == fold(table.name):
            dropped += _parts(catalog, index)
    steps: list[nodes.Step] = []
    indexes: list[Index] = []
    view = catalog.materialized(table.name) if table.kind == "view" else None
    if view is not None:
        dropped += tables_of(catalog, view)
        steps, indexes = parts_off(catalog, view), indexes_of(catalog, view)
    return [*steps, *drop_steps(binder, catalog, dropped, indexes)]


def _shadows(catalog: Catalog, table: Table) -> list[Table]:
    """Those of a virtual table."""
    if table.kind != "virtual":
        return []
    module, shadows = find_module(table.module), catalog.shadows_there(table)
    assert module is not None and table.declared is not None
    if len(shadows) < len(table.declared.shadows) and not module.drops_parts:
        fail("SQL logic error")
    return list(shadows.values())


def _parts(catalog: Catalog, index: Derived) -> list[Table]:
    """The view and the tables of an index that is no b-tree, as far as they are there."""
    method = METHODS.get(index.method)
    names = [
        index.view,
        *(index.part_name(suffix) for suffix in ("pending", *(method.tables(index) if method else ()))),
    ]
    found = [table for table in map(catalog.find_table, names) if table is not None]
    return [each for table in found for each in (table, *_shadows(catalog, table))]


def drop_steps(
    binder: Binder, catalog: Catalog, dropped: list[Table], indexes: Collection[Index] = ()
) -> list[nodes.Step]:
    """These tables and views, and indexes of others, dropped."""
    steps = [step for each in dropped for step in _forget_table(binder, catalog, each)]
    steps += [nodes.RemoveSchemaRows(type="index", name=index.name) for index in indexes]
    found = [*indexes, *(index for each in dropped for index in each.indexes)]
    roots = [root for root in (*(each.root for each in dropped), *(index.root for index in found)) if root]
    return [*steps, *(nodes.DropBtree(root=root) for root in sorted(roots, reverse=True))]


def _forget_table(binder: Binder, catalog: Catalog, table: Table) -> list[nodes.Step]:
    """Everything of a table but its b-trees."""
    steps: list[nodes.Step] = delete_all(binder, catalog, table)
    for trigger in own_triggers(binder, table):
        steps.append(nodes.RemoveSchemaRows(type="trigger", name=trigger.name))
    for trigger in temp_triggers(binder, table):
        steps.extend(forget(binder, binder.catalogs.temp(), "sqlite_temp_schema", {0: "trigger", 1: trigger.name}))
        binder.written.add(TEMP_SLOT)
    if table.autoincrement:
        steps.extend(forget(binder, catalog, "sqlite_sequence", {0: table.name}))
    for statistics in ("sqlite_stat1", "sqlite_stat4"):
        steps.extend(forget(binder, catalog, statistics, {0: table.name}))
    steps.append(nodes.RemoveSchemaRows(type=None, name=table.name))
    return steps


def forget(binder: Binder, catalog: Catalog, table_name: str, values: dict[int, str]) -> list[nodes.Step]:
    """Delete the rows with these values, by column, from a table if there is one."""
    table = catalog.find_table(table_name)
    if table is None or table.kind != "table" or max(values) >= len(table.columns):
        return []
    item = table_item(binder.new_source(), table, None)
    scan = nodes.TableScan(source=item.source, table=table, columns=frozenset(values))
    conditions: list[bound.Expr] = [
        bound.Compare(op="=", left=column_ref(item, column), right=bound.Constant(value=value))
        for column, value in values.items()
    ]
    condition = all_of(conditions)
    assert condition is not None
    return [
        nodes.RunStatement(
            plan=nodes.Delete(table=table, child=nodes.Filter(child=scan, predicate=condition), source=item.source)
        )
    ]


def _plan_drop_index(binder: Binder, node: ast.Drop) -> Changed:
    found = binder.catalogs.find_index(node.name.name, node.name.schema)
    automatic = found is not None and found[1].origin != "c"
    if automatic or (found is None and is_storage_key(binder, node.name)):
        fail("index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped", node.name)
    derived = binder.catalogs.find_derived(node.name.name, node.name.schema)
    if found is None and derived is not None:
        return _plan_drop_derived(binder, *derived)
    if found is None:
        return _missing(node, "index")
    catalog, index = found
    steps: list[nodes.Step] = []
    for statistics in ("sqlite_stat1", "sqlite_stat4"):
        steps.extend(forget(binder, catalog, statistics, {1: index.name}))
    steps.append(nodes.RemoveSchemaRows(type="index", name=index.name))
    steps.append(nodes.DropBtree(root=index.root))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _plan_drop_derived(binder: Binder, catalog: Catalog, index: Derived) -> Changed:
    steps: list[nodes.Step] = [
        nodes.RemoveSchemaRows(type="trigger", name=index.part_name(event))
        for event in EVENTS
        if fold(index.part_name(event)) in catalog.trigger_entries
    ]
    steps += drop_steps(binder, catalog, _parts(catalog, index))
    ids = catalog.find_index(index.part_name("ids"))
    if ids is not None:
        steps += [nodes.RemoveSchemaRows(type="index", name=ids.name), nodes.DropBtree(root=ids.root)]
        steps.sort(key=lambda step: -step.root if isinstance(step, nodes.DropBtree) else -(1 << 32))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def is_storage_key(binder: Binder, name: ast.QualifiedName) -> bool:
    """The name SQLite gives the primary key of a WITHOUT ROWID table, which is no index of its own."""
    head, _, number = fold(name.name).rpartition("_")
    prefix = "sqlite_autoindex_"
    if not head.startswith(prefix) or not number.isdigit():
        return False
    table = binder.catalogs.find_table(head[len(prefix) :], name.schema)
    return table is not None and table.without_rowid and int(number) <= len(table.indexes) + 1


def _plan_drop_trigger(binder: Binder, node: ast.Drop) -> Changed:
    searched = binder.catalogs.search_order
    if node.name.schema is not None:
        found = binder.catalogs.find(node.name.schema)
        searched = (found,) if found is not None else ()
    for catalog in searched:
        entry = catalog.trigger_entries.get(fold(node.name.name))
        if entry is not None:
            return nodes.Ddl(
                slot=catalog.slot, steps=(nodes.RemoveSchemaRows(type="trigger", name=entry.name),)
            ), catalog
    return _missing(node, "trigger")
