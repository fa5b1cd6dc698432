"""CREATE MATERIALIZED VIEW, REFRESH MATERIALIZED VIEW, and what DROP VIEW drops besides the view."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind.binder import Binder, fail, ours
from turso_wasm.bind.triggers import inside_trigger
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.indexes import build_index
from turso_wasm.catalog.materialized import CannotMaintain, View
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import add_index, build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.materialized.parts import indexes_of, indexes_on_rows, parts_off, tables_of
from turso_wasm.plan.materialized.views import compiled
from turso_wasm.plan.schema import Changed, drop_steps, plan_create_view
from turso_wasm.plan.triggers import STEPS
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one


def plan_create_materialized(binder: Binder, node: ast.CreateMaterializedView) -> Changed:
    """CREATE MATERIALIZED VIEW. Errors: those of CREATE VIEW and of its query, "materialized view v cannot be
    maintained: …" with the reason.
    """
    plan, catalog = plan_create_view(binder, node.view)
    if catalog is None:
        return plan, None
    assert isinstance(plan, nodes.Ddl)
    name = node.view.name.name
    binder.nested_select(node.view.select, None)  # what is wrong in it comes first
    view = _compiled(binder, catalog, name, node.view.select, node.view.name)
    if node.view.columns and len(node.view.columns) != _width(view):
        fail(f"expected {len(node.view.columns)} columns for '{name}' but got {_width(view)}", node.view.name)
    for table in (*(store.name for store in view.stores), view.behind):
        if fold(table) in catalog.entries:
            fail(f"there is already a table named {table}", node.view.name)
    steps, n_registers = _creation(binder, catalog, view)
    return nodes.Ddl(slot=catalog.slot, steps=(*plan.steps, *steps), n_registers=n_registers), catalog


def _width(view: View) -> int:
    return sum(column.name[0] == "c" for column in view.stores[-1].columns)


def _compiled(binder: Binder, catalog: Catalog, name: str, select: ast.Select, at: ast.QualifiedName) -> View:
    try:
        view = compiled(binder.catalogs, catalog, name, select)
        if not view.bases:
            raise CannotMaintain(SQLITE_ERROR, "it reads no table")
        return view
    except CannotMaintain as error:
        raise SqlError(
            SQLITE_ERROR, f"materialized view {name} cannot be maintained: {error.message}", at.span
        ) from None


def _creation(
    binder: Binder, catalog: Catalog, view: View, indexed: Collection[tuple[str, str]] = ()
) -> tuple[list[nodes.Step], int]:
    """What is kept, filled; and how many registers the steps use. indexed: users' indexes on the rows."""
    steps: list[nodes.Step] = []
    n_registers = 0

    def btree(kind: str, name: str, table: str, sql: str) -> int:
        nonlocal n_registers
        steps.append(nodes.CreateBtree(kind="index" if kind == "index" else "table", register=n_registers))
        steps.append(nodes.AddSchemaRow(type=kind, name=name, table_name=table, register=n_registers, sql=sql))
        n_registers += 1
        return -n_registers

    with ExitStack() as there:
        for name, sql, indexes in [
            *((store.name, view.table_sql(store), store.index_sql()) for store in view.stores[:-1]),
            (view.stores[-1].name, view.table_sql(view.stores[-1]), [*view.stores[-1].index_sql(), *indexed]),
            (view.behind, view.behind_sql(), []),
        ]:
            table = _table(catalog, sql)
            table.root = btree("table", name, name, sql)
            for index_name, index_sql in indexes:
                created, _ = parse_one(index_sql)
                assert isinstance(created, ast.CreateIndex)
                index = build_index(created, table, sql=index_sql)
                catalog.order_index(index)
                index.root = btree("index", index_name, name, index_sql)
                add_index(table, index)
            there.enter_context(catalog.replaced(name, table))
        for name, base, sql in view.indexes():
            btree("index", name, base, sql)
        for name, base, sql in view.triggers():
            steps.append(nodes.AddSchemaRow(type="trigger", name=name, table_name=base, register=None, sql=sql))
        fills = [f"INSERT INTO {store.quoted} {store.fill}" for store in view.stores if store.fill]
        steps += _run(binder, catalog, fills)
    return steps, n_registers


def _table(catalog: Catalog, sql: str) -> Table:
    node, _ = parse_one(sql)
    assert isinstance(node, ast.CreateTable)
    return build_table(node, sql, slot=catalog.slot, schema=catalog.name)


def _run(binder: Binder, catalog: Catalog, statements: Collection[str]) -> Iterator[nodes.Step]:
    """Steps that run statements, which fire no rules."""
    binder.keeps_views = False
    for text in statements:
        node, _ = parse_one(text)
        assert node is not None
        with ours(binder), inside_trigger(binder, text, catalog.name, ()):
            yield nodes.Fill(plan=STEPS[type(node)](binder, node)[0])
    binder.keeps_views = True


def plan_refresh(binder: Binder, node: ast.RefreshView) -> Changed:
    """REFRESH MATERIALIZED VIEW: all that is kept is computed anew; tables and triggers, too, if they are not those of
    the query any more. Errors: "no such view: v", a view that is none, or cannot be maintained any more.
    """
    table = binder.catalogs.find_table(node.name.name, node.name.schema)
    if table is None or table.kind != "view":
        shown = node.name.name if node.name.schema is None else f"{node.name.schema}.{node.name.name}"
        fail(f"no such view: {shown}", node.name)
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None and table.select is not None
    view = catalog.materialized(table.name)
    if view is None:
        fail(f"{table.name} is not a materialized view", node.name)
    if view.is_valid:
        steps = tuple(_run(binder, catalog, view.rebuilding()))
        return nodes.Ddl(slot=catalog.slot, steps=steps, changes_schema=False), catalog
    binder.nested_select(table.select, None)
    new = _compiled(binder, catalog, table.name, table.select, node.name)
    gone = dropped_with(binder, catalog, view)
    made, n_registers = _creation(binder, catalog, new, indexes_on_rows(catalog, view))
    return nodes.Ddl(slot=catalog.slot, steps=(*gone, *made), n_registers=n_registers), catalog


def dropped_with(binder: Binder, catalog: Catalog, view: View) -> list[nodes.Step]:
    """What is kept of a view, dropped."""
    return [
        *parts_off(catalog, view),
        *drop_steps(binder, catalog, tables_of(catalog, view), indexes_of(catalog, view)),
    ]
