"""Virtual tables: CREATE, and INSERT, UPDATE and DELETE of their rows.

The rows that are to be changed are found, and the new values computed, before the first is changed: a module's writer
need not know what a scan of its own tables does meanwhile.

Source: https://sqlite.org/vtab.html
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Core, Item, OutputColumn, Query
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.tables import use_tokenizer
from turso_wasm.bind.triggers import ROWID
from turso_wasm.bind.walk import columns_used
from turso_wasm.bind.writes import InsertColumns, bind_returning, new_row
from turso_wasm.catalog import ddl
from turso_wasm.catalog.capture import visible_columns
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.modules.module import Shadow, Using
from turso_wasm.catalog.modules.registry import declare, virtual_table
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.capture import capture_virtual
from turso_wasm.plan.modules.module import shadows
from turso_wasm.plan.modules.registry import PLANNED
from turso_wasm.plan.planned_rows import Rows
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.schema import NOTHING, Changed, rebuild, table_steps
from turso_wasm.plan.triggers import row_effects
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

ROWS = ("content", "rowid")
"""Shadow tables that have a row for each of the table's: of FTS3 to 5, of R-Trees."""

Written = tuple[nodes.Plan, list[OutputColumn], Table]


def plan_create_virtual(binder: Binder, node: ast.CreateVirtualTable) -> Changed:
    """CREATE VIRTUAL TABLE. Errors: a name that is taken or reserved, "no such module: m", what the module refuses."""
    catalog = ddl.target_catalog(binder.catalogs, node.name, False)
    if not ddl.check_new_table(catalog, node.name, node.if_not_exists, binder.sql):
        return NOTHING, None
    name = node.name.name
    databases = tuple(each.name for each in binder.catalogs.slots if each is not None)
    using = Using(
        schema=catalog.name,
        name=name,
        arguments=node.arguments,
        columns_of=catalog.columns_of,
        databases=databases,
    )
    declared = declare(node.module, using, node.span)
    table = virtual_table(node.module, declared, name)
    use_tokenizer(binder, table, node)
    table.slot, table.schema = catalog.slot, catalog.name
    sql = ddl.stored_virtual_table_sql(binder.sql, node)
    steps: list[nodes.Step] = [nodes.AddSchemaRow(type="table", name=name, table_name=name, register=None, sql=sql)]
    made, registers, n_registers = {}, {}, 0
    for shadow in declared.shadows:
        made[shadow.suffix] = _shadow_table(binder, catalog, name, shadow)
        registers[shadow.suffix] = n_registers
        new = table_steps(made[shadow.suffix], shadow.sql, n_registers)
        steps += new
        n_registers += sum(isinstance(step, nodes.CreateBtree) for step in new)
    if declared.shadows:
        plans = PLANNED[fold(node.module)].plans_for_writing(Planner(binder), table)
        steps.append(nodes.CreateVirtual(table=table, shadows=made, registers=registers, plans=plans))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps), n_registers=n_registers), catalog


def _shadow_table(binder: Binder, catalog: Catalog, owner: str, shadow: Shadow) -> Table:
    """Errors: 'table "t_x" already exists'."""
    name = f"{owner}_{shadow.suffix}"
    if catalog.find_table(name) is not None:
        fail(f'table "{name}" already exists')
    if catalog.find_index(name) is not None:
        fail(f"there is already an index named {name}")
    node, _ = parse_one(shadow.sql)
    assert isinstance(node, ast.CreateTable)
    return build_table(node, shadow.sql, slot=catalog.slot, schema=catalog.name, registry=binder.registry)


# --- rows ---------------------------------------------------------------------------------------------------------


def plan_insert_virtual(
    binder: Binder,
    planner: Planner,
    table: Table,
    columns: InsertColumns,
    values: tuple[bound.Expr, ...],
    rowid: bound.Expr | None,
    rows: Rows,
    single: bool,
    node: ast.Insert,
) -> Written:
    """INSERT of `rows`. Errors: "UPSERT not implemented for virtual table "t""."""
    if node.upserts:
        fail(f'UPSERT not implemented for virtual table "{table.name}"', node)
    item = new_row(binder, table)
    planner.changing = table
    returning, described = bind_returning(binder, node, item)
    child = rows.plan
    triggers = _triggers(binder, table)
    if (table in binder.tables or triggers is not None) and not single:
        child, (*kept, rowid) = _kept(binder, child, (*values, rowid or bound.Constant(value=None)))
        values = tuple(kept)
    plan = nodes.WriteVirtual(
        table=table,
        child=child,
        values=values,
        rowid=rowid,
        changed=frozenset(number for number in columns.positions if number != ROWID),
        captures=capture_virtual(binder, table, "insert", columns.positions),
        conflict=node.on_conflict,
        shadows=shadows(binder, table),
        reindex=_reindex(binder, table),
        rows=triggers,
        plans=_plans(planner, table),
        source=item.source,
        returning=tuple(planner.finish(expr) for expr in returning),
        single_row=single,
    )
    return plan, described, table


def plan_update_virtual(
    binder: Binder, planner: Planner, old: Item, core: Core, assigned: dict[int, bound.Expr], node: ast.Update
) -> Written:
    """UPDATE of the rows that `core` finds. Errors: "UPDATE RETURNING is not available on virtual tables"."""
    table = old.table
    assert table is not None
    if node.returning:
        fail("UPDATE RETURNING is not available on virtual tables", node)
    values = [assigned.get(number) or column_ref(old, number) for number in range(len(table.columns))]
    rowid = column_ref(old, ROWID)
    asked = {ref.column for expr in (*assigned.values(), *core.where) for ref in columns_used(expr)}
    planner.passed_on[old.source] = frozenset(range(len(table.columns))) - assigned.keys() - asked
    captures = capture_virtual(binder, table, "update", assigned)
    before = _row_before(old) if captures else []
    core.outputs = [rowid, assigned.get(ROWID, rowid), *values, *before]
    rows = planner.plan_query(Query([core], []))
    child, (key, new_rowid, *kept) = _kept(binder, rows.plan, rows.exprs)
    plan = nodes.WriteVirtual(
        table=table,
        child=child,
        old=key,
        values=tuple(kept[: len(values)]),
        captures=captures,
        before=tuple(kept[len(values) :]),
        rowid=new_rowid,
        changed=frozenset(number for number in assigned if number != ROWID),
        conflict=node.on_conflict,
        shadows=shadows(binder, table),
        reindex=_reindex(binder, table),
        rows=_triggers(binder, table),
        plans=_plans(planner, table),
    )
    return plan, [], table


def plan_delete_virtual(binder: Binder, planner: Planner, old: Item, core: Core, node: ast.Delete) -> Written:
    """DELETE of the rows that `core` finds. Errors: "DELETE RETURNING is not available on virtual tables"."""
    table = old.table
    assert table is not None
    if node.returning:
        fail("DELETE RETURNING is not available on virtual tables", node)
    captures = capture_virtual(binder, table, "delete", ())
    core.outputs = [column_ref(old, ROWID), *(_row_before(old) if captures else [])]
    rows = planner.plan_query(Query([core], []))
    child, (key, *before) = _kept(binder, rows.plan, rows.exprs)
    plan = nodes.WriteVirtual(
        table=table,
        child=child,
        old=key,
        is_delete=True,
        captures=captures,
        before=tuple(before),
        shadows=shadows(binder, table),
        reindex=_reindex(binder, table),
        rows=_triggers(binder, table),
        plans=_plans(planner, table),
    )
    return plan, [], table


def _row_before(old: Item) -> list[bound.Expr]:
    """The columns of a row that is to be changed; of hidden ones NULL."""
    assert old.table is not None
    visible = visible_columns(old.table)
    nothing = bound.Constant(value=None)
    return [column_ref(old, at) if at in visible else nothing for at in range(len(old.table.columns))]


def _plans(planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
    return PLANNED[fold(table.module)].plans_for_writing(planner, table)


def _reindex(binder: Binder, table: Table) -> nodes.Ddl | None:
    """The indexes that users have made on its shadow tables, of which no module's writer knows, anew."""
    found = [(each, index) for each in shadows(binder, table).values() for index in each.indexes if index.origin == "c"]
    return rebuild(binder, found) if found else None


def _triggers(binder: Binder, table: Table) -> nodes.ShadowRows | None:
    """What users' triggers on the shadow table of the rows do. The others are the module's own affair."""
    found = shadows(binder, table)
    rows = next((found[suffix] for suffix in ROWS if suffix in found), None)
    if rows is None:
        return None
    coming, going = row_effects(binder, rows, "INSERT", None), row_effects(binder, rows, "DELETE", None)
    return nodes.ShadowRows(table=rows, coming=coming, going=going) if coming or going else None


def _kept(
    binder: Binder, child: nodes.Plan, outputs: tuple[bound.Expr, ...]
) -> tuple[nodes.Plan, tuple[bound.Expr, ...]]:
    """All rows are read, and `outputs` computed, before the first is handed on."""
    source = binder.new_source()
    refs = tuple(bound.ColumnRef(source=source, column=at) for at in range(len(outputs)))
    return nodes.Sort(source=source, child=child, keys=(), outputs=outputs), refs
