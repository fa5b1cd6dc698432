"""Plans of INSERT, UPDATE and DELETE.

Source: https://sqlite.org/lang_insert.html, https://sqlite.org/lang_update.html, https://sqlite.org/lang_delete.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from turso_wasm.base import tree
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.expressions import bind_condition
from turso_wasm.bind.first_errors import bind_statement, outside_selects
from turso_wasm.bind.generated import generated_columns, with_dependents
from turso_wasm.bind.query import Core, Item, OutputColumn, Query, Step
from turso_wasm.bind.scope import Scope, column_ref
from turso_wasm.bind.sources import bind_conditions, bind_from
from turso_wasm.bind.tables import add_common_tables, bind_table
from turso_wasm.bind.triggers import ROWID, Event
from turso_wasm.bind.walk import has_subquery, is_deterministic, reads_any, strip_collation
from turso_wasm.bind.writes import (
    assigned_names,
    bind_assignments,
    bind_returning,
    bind_target,
    check_n_values,
    column_values,
    insert_columns,
    new_row,
    note_defaults,
    target_label,
    target_table,
)
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.batches import is_user_call
from turso_wasm.plan.foreign_keys import ForeignKeyEffects, effects_of_replace, foreign_keys_first
from turso_wasm.plan.instead import plan_delete_instead, plan_insert_instead, plan_update_instead, view_table
from turso_wasm.plan.planned_rows import Rows
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.triggers import STEPS, row_effects, sets_off, truncates
from turso_wasm.plan.upsert import plan_upserts
from turso_wasm.plan.virtual import plan_delete_virtual, plan_insert_virtual, plan_update_virtual
from turso_wasm.sql import ast

Written = tuple[nodes.Plan, list[OutputColumn], Table]


def plan_insert(binder: Binder, node: ast.Insert) -> Written:
    """INSERT: VALUES, SELECT or DEFAULT VALUES. Errors: SqlError with SQLite's message."""
    saved = add_common_tables(binder, node.with_)
    planner = Planner(binder)
    table = target_table(binder, node.table, "INSERT")
    if table.kind == "view":
        if node.upserts:
            fail("cannot UPSERT a view", node)
        table = view_table(binder, table)
    columns = insert_columns(binder, table, node.columns, target_label(node))
    note_defaults(binder, table, columns, node)
    rows, single = _insert_rows(binder, planner, table, columns.listed, node)
    if node.source is not None:
        check_n_values(binder, columns, len(rows.exprs), node)
    elif columns.listed:
        fail(f"0 values for {columns.n_values} columns", node)
    else:
        columns.positions.clear()
    values, rowid = column_values(binder, table, columns, rows.exprs)
    binder.common = saved
    if table.kind == "view":
        return plan_insert_instead(binder, planner, table, values, rows.plan, node)
    if table.kind == "virtual":
        return plan_insert_virtual(binder, planner, table, columns, values, rowid, rows, single, node)
    target = bind_target(binder, table, new_row(binder, table), node.on_conflict)
    planner.changing = table
    planner.all_changing = sets_off(binder, table, "INSERT")
    upserts = plan_upserts(binder, planner, node, target, has_rowid=rowid is not None, single=single)
    with foreign_keys_first(binder, table, None, target.item):
        returning, described = bind_returning(binder, node, target.item)
        effects = row_effects(binder, table, "INSERT", node.on_conflict)
        replaced = effects_of_replace(binder, table, node.on_conflict, target.item, rowid is not None, upserts)
    fires = any(clause.update is not None and clause.update.effects for clause in upserts)
    alone = single and not (effects or replaced or fires or returning or binder.finder.rows is not None)
    effects = ForeignKeyEffects(binder, table, None, target.item, at_once=alone).add_to(effects)
    plan = nodes.Insert(
        table=table,
        child=rows.plan,
        values=values,
        rowid=rowid,
        source=target.item.source,
        conflict=node.on_conflict,
        checks=target.checks,
        defaults=target.defaults,
        generated=generated_columns(binder, target.item),
        index_exprs=target.index_exprs,
        index_where=target.index_where,
        returning=tuple(planner.finish(expr) for expr in returning),
        child_reads_table=table in binder.tables and not single,
        single_row=single,
        sequence=_sequence(binder, table),
        upserts=upserts,
        effects=effects,
        replaced=replaced,
    )
    return plan, described, table


def _insert_rows(binder: Binder, planner: Planner, table: Table, listed: bool, node: ast.Insert) -> tuple[Rows, bool]:
    """The rows to insert, and whether it is exactly one."""
    select = node.source
    if select is None:
        return Rows(nodes.OneRow(), ()), True
    core = select.core
    plain = not (select.compounds or select.order_by or select.limit or select.offset or select.with_)
    if isinstance(core, ast.Values) and len(core.rows) == 1 and plain:
        # The values see no names, not even those of the table.
        scope = Scope()
        with binder.names_first(), outside_selects(binder, core.rows[0], scope):
            exprs = tuple([strip_collation(binder.expr(value, scope)) for value in core.rows[0]])
        for expr in exprs:
            planner.note_expression(expr)
        return Rows(nodes.OneRow(), tuple(planner.finish(expr) for expr in exprs)), True
    return planner.plan_query(bind_statement(binder, select)), False


def _sequence(binder: Binder, table: Table) -> Table | None:
    """sqlite_sequence of the table's database, for AUTOINCREMENT."""
    if not table.autoincrement:
        return None
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    return catalog.find_table("sqlite_sequence")


# --- UPDATE -------------------------------------------------------------------------------------------------------


def plan_update(binder: Binder, node: ast.Update) -> Written:
    """UPDATE, also … FROM. Errors: SqlError with SQLite's message."""
    saved = add_common_tables(binder, node.with_)
    planner = Planner(binder)
    names = assigned_names(node.assignments)
    old = _bind_changed(binder, node.table, "UPDATE", names)
    table = old.table or view_table(binder, old)
    core = Core([], [], [Step(old)])
    scope = Scope([old])
    if node.source is not None:  # the new values are result columns of a SELECT then
        _add_from(binder, node.source, core, scope, old)
        core.aggregate_source = binder.new_source()
        scope.core, scope.aggregates, scope.allows_windows = core, "yes", True
    with binder.names_first():
        assigned = bind_assignments(binder, table, node.assignments, scope)
        scope.aggregates, scope.allows_windows = "where" if core.is_aggregate else "no", False
        if node.where is not None:
            with outside_selects(binder, [node.where], scope):
                core.where += bind_condition(binder, node.where, scope)
    if old.table is None:
        binder.common = saved
        return plan_update_instead(binder, planner, old, table, core, assigned, node)
    if table.kind == "virtual":
        binder.common = saved
        return plan_update_virtual(binder, planner, old, core, assigned, node)
    collect = node.source is not None or _may_compute_ahead(binder, table, assigned, node.on_conflict)
    found = _FoundRows(binder, planner, old, core, assigned, collect)
    binder.common = saved
    new = bind_target(binder, table, new_row(binder, table), node.on_conflict, assigned)
    before = bind_target(binder, table, old, with_checks=False)
    with foreign_keys_first(binder, table, old, new.item, assigned):
        returning, described = bind_returning(binder, node, new.item)
        planner.changing = table
        planner.all_changing = sets_off(binder, table, "UPDATE")
        effects = row_effects(binder, table, "UPDATE", node.on_conflict, names)
    values = found.values
    changed = with_dependents(table, assigned)
    effects = ForeignKeyEffects(binder, table, old, new.item, assigned).add_to(effects)
    plan = nodes.Update(
        table=table,
        child=found.child,
        old_source=old.source,
        source=new.item.source,
        values=tuple(values.get(number) or column_ref(old, number) for number in range(len(table.columns))),
        changed=changed - {ROWID},
        generated=generated_columns(binder, new.item),
        rowid=values.get(ROWID),
        conflict=node.on_conflict,
        checks=tuple(check for check in new.checks if reads_any(check[0], changed)),
        defaults=new.defaults,
        index_exprs=new.index_exprs,
        index_where=new.index_where,
        old_index_exprs=before.index_exprs,
        old_index_where=before.index_where,
        returning=tuple(planner.finish(expr) for expr in returning),
        collected=found.collected,
        collect_source=found.collect_source,
        effects=effects,
        replaced=effects_of_replace(binder, table, node.on_conflict, old, ROWID in assigned, changed=changed),
    )
    return plan, described, table


def _add_from(binder: Binder, source: ast.FromSource, core: Core, scope: Scope, target: Item) -> None:
    """The tables of UPDATE … FROM are joined to the target."""
    joined = Core([], [])
    clause = bind_from(binder, source, joined, scope)
    for item in scope.items[1:]:
        if fold(item.name) == fold(target.name):
            fail(f"target object/alias may not appear in FROM clause: {item.name}", source)
    core.steps.extend(joined.steps)
    bind_conditions(clause)
    core.where.extend(joined.where)


def _may_compute_ahead(
    binder: Binder, table: Table, assigned: dict[int, bound.Expr], conflict: ast.ConflictAction | None
) -> bool:
    """New values call functions of the user's, for many rows at once if all are computed before any row changes
    (plan.batches): nobody can tell.
    """
    if not binder.calls_user or table.kind != "table" or conflict not in (None, "ABORT", "ROLLBACK"):
        return False
    exprs = assigned.values()
    calls = any(is_user_call(part) for part in tree.walk(exprs))
    stable = all(is_deterministic(expr) and not has_subquery(expr) for expr in exprs)
    return calls and stable and not sets_off(binder, table, "UPDATE")


class _FoundRows:
    """The rows an UPDATE changes, and its new values. collect: they are computed while the rows are found."""

    def __init__(
        self, binder: Binder, planner: Planner, item: Item, core: Core, assigned: dict[int, bound.Expr], collect: bool
    ) -> None:
        self.collected: tuple[bound.Expr, ...] = ()
        self.collect_source = -1
        keys = _key_refs(item)
        core.outputs = [*keys, *assigned.values()] if collect else keys
        rows = _find_rows(planner, item, core, all_columns=not collect)
        self.child = rows.plan
        if collect:
            self.collect_source = binder.new_source()
            self.collected = rows.exprs
            self.values: dict[int, bound.Expr] = {
                number: bound.ColumnRef(source=self.collect_source, column=at) for at, number in enumerate(assigned)
            }
        else:
            planner.changing = item.table
            planner.all_changing = item.table is not None and sets_off(binder, item.table, "UPDATE")
            self.values = {number: planner.finish(expr) for number, expr in assigned.items()}


def _key_refs(item: Item) -> list[bound.Expr]:
    """The columns that identify a row."""
    table = item.table
    assert table is not None
    numbers = [part.column for part in table.primary_key] if table.without_rowid else [ROWID]
    return [column_ref(item, number) for number in numbers]


def _find_rows(planner: Planner, item: Item, core: Core, all_columns: bool) -> Rows:
    """The rows of the target that satisfy the conditions of `core`.

    all_columns: they count as read; the row is fetched anyway, and rows are to be changed in the order SQLite
    visits them.
    """
    assert item.table is not None
    planner.target = item.source
    if all_columns:
        planner.fetched = item.source
        planner.used[item.source] = {ROWID, *item.table.record_order}
    return planner.plan_query(Query([core], []))


def _bind_changed(
    binder: Binder, source: ast.TableSource, event: Event, assigned: Collection[str] | None = None
) -> Item:
    """The table of an UPDATE or DELETE as a FROM element."""
    name = ast.QualifiedName(source.name, source.schema, span=source.span)
    target_table(binder, name, event, assigned)
    saved, binder.common = binder.common, None  # a common table of that name does not hide it
    item = bind_table(binder, source, None)
    binder.common = saved
    return item


# --- DELETE -------------------------------------------------------------------------------------------------------


def plan_delete(binder: Binder, node: ast.Delete) -> Written:
    """DELETE; without WHERE and RETURNING the whole b-tree is emptied. Errors: SqlError with SQLite's message."""
    saved = add_common_tables(binder, node.with_)
    planner = Planner(binder)
    item = _bind_changed(binder, node.table, "DELETE")
    scope = Scope([item])
    where = []
    if node.where is not None:
        with binder.names_first(), outside_selects(binder, [node.where], scope):
            where = bind_condition(binder, node.where, scope)
    table = item.table
    if table is None:
        binder.common = saved
        return plan_delete_instead(binder, planner, item, Core([], [], [Step(item)], where), node)
    if table.kind == "virtual":
        binder.common = saved
        return plan_delete_virtual(binder, planner, item, Core([], [], [Step(item)], where), node)
    child = None
    effects = ForeignKeyEffects(binder, table, item, None).add_to(row_effects(binder, table, "DELETE", None))
    if node.where is None and not node.returning and truncates(effects):
        effects = nodes.NO_EFFECTS
    if node.where is not None or node.returning or effects:
        core = Core(_key_refs(item), [], [Step(item)], where)
        child = _find_rows(planner, item, core, all_columns=True).plan
    binder.common = saved
    target = bind_target(binder, table, item, with_checks=False)
    shown = item if item.alias is None else replace(item, name=table.name, alias=None)
    returning, described = bind_returning(binder, node, shown)
    planner.changing = table
    planner.all_changing = sets_off(binder, table, "DELETE")
    plan = nodes.Delete(
        table=table,
        child=child,
        source=item.source,
        index_exprs=target.index_exprs,
        index_where=target.index_where,
        returning=tuple(planner.finish(expr) for expr in returning),
        effects=effects,
    )
    return plan, described, table


STEPS[ast.Insert] = plan_insert
STEPS[ast.Update] = plan_update
STEPS[ast.Delete] = plan_delete
