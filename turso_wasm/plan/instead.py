"""INSERT, UPDATE and DELETE of a view: its INSTEAD OF triggers are fired for each row.

Source: https://sqlite.org/lang_createtrigger.html#instead_of_triggers
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Core, Item, OutputColumn, Query
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.tables import bind_table
from turso_wasm.bind.triggers import ROWID
from turso_wasm.bind.writes import assigned_names, bind_returning, new_row
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.triggers import row_effects
from turso_wasm.sql import ast

Written = tuple[nodes.Plan, list[OutputColumn], Table]


def view_table(binder: Binder, view: Table | Item) -> Table:
    """The view, or the view as it stands in FROM, as a table with columns. Its rowid can be assigned, to no effect."""
    item = view if isinstance(view, Item) else bind_table(binder, ast.TableSource(view.name, view.schema), None)
    assert item.query is not None
    refs = [column_ref(item, number) for number in range(len(item.columns))]
    columns = [
        Column(name, ref.decltype, ref.affinity or "A", ref.collation)
        for name, ref in zip(item.columns, refs, strict=True)
    ]
    found = view if isinstance(view, Table) else binder.catalogs.find_table(item.query.label, item.schema)
    assert found is not None
    return replace(found, columns=columns, numbers=item.numbers)


def plan_insert_instead(
    binder: Binder, planner: Planner, table: Table, values: tuple[bound.Expr, ...], rows: nodes.Plan, node: ast.Insert
) -> Written:
    """The rows that were to be inserted into the view `table` (see view_table): `values` for each of `rows`."""
    item = new_row(binder, table)
    returning, described = bind_returning(binder, node, item)
    source = binder.new_source()
    plan = nodes.InsteadOf(
        child=rows,
        source=source,
        row=values,
        has_old=False,
        new=tuple(_real(bound.ColumnRef(source=source, column=n), c) for n, c in enumerate(table.columns)),
        shown=item.source,
        effects=row_effects(binder, table, "INSERT", node.on_conflict),
        returning=tuple(planner.finish(expr) for expr in returning),
    )
    return plan, described, table


def _real(value: bound.Expr, column: Column) -> bound.Expr:
    """Integers of a REAL column are seen as reals; no other affinity is applied."""
    if column.affinity != "E":
        return value
    kind = bound.Call(name="typeof", args=(value,), kernel="fn_typeof")
    is_integer = bound.Compare(op="=", left=kind, right=bound.Constant(value="integer"))
    return bound.Case(whens=((is_integer, bound.Cast(operand=value, affinity="E")),), otherwise=value)


def plan_update_instead(
    binder: Binder,
    planner: Planner,
    old: Item,
    table: Table,
    core: Core,
    assigned: dict[int, bound.Expr],
    node: ast.Update,
) -> Written:
    """The rows of the view `old` that were to be updated. With FROM the values are computed while they are found."""
    assigned.pop(ROWID, None)
    n = len(table.columns)
    core.outputs = [column_ref(old, number) for number in range(n)]
    if node.source is not None:
        core.outputs += assigned.values()
    rows = planner.plan_query(Query([core], []))
    if node.source is not None:
        values: dict[int, bound.Expr] = {
            number: bound.ColumnRef(source=old.source, column=n + at) for at, number in enumerate(assigned)
        }
    else:
        values = {number: planner.finish(expr) for number, expr in assigned.items()}
    new = tuple(
        bound.ApplyAffinity(operand=values.get(number) or column_ref(old, number), affinity=column.affinity)
        for number, column in enumerate(table.columns)
    )
    item = new_row(binder, table)
    returning, described = bind_returning(binder, node, item)
    plan = nodes.InsteadOf(
        child=rows.plan,
        source=old.source,
        row=rows.exprs,
        has_old=True,
        new=new,
        shown=item.source,
        effects=row_effects(binder, table, "UPDATE", node.on_conflict, assigned_names(node.assignments)),
        returning=tuple(planner.finish(expr) for expr in returning),
    )
    return plan, described, table


def plan_delete_instead(binder: Binder, planner: Planner, old: Item, core: Core, node: ast.Delete) -> Written:
    """The rows of the view `old` that were to be deleted."""
    table = view_table(binder, old)
    core.outputs = [column_ref(old, number) for number in range(len(table.columns))]
    rows = planner.plan_query(Query([core], []))
    item = new_row(binder, table)
    returning, described = bind_returning(binder, node, item)
    plan = nodes.InsteadOf(
        child=rows.plan,
        source=old.source,
        row=rows.exprs,
        has_old=True,
        new=(),
        shown=item.source,
        effects=row_effects(binder, table, "DELETE", None),
        returning=tuple(planner.finish(expr) for expr in returning),
    )
    return plan, described, table
