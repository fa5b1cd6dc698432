"""What a change of rows sets off: the programs of triggers, planned once a statement however often they are fired.

The conflict clause of a statement holds for the statements of the triggers it fires, so one trigger can be several
programs. A program may fire itself; that is why nodes hold the program and not its plan.

Source: https://sqlite.org/lang_createtrigger.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from turso_wasm.bind.binder import Binder
from turso_wasm.bind.first_errors import bind_statement, outside_selects
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.triggers import Event, inside_trigger, trigger_row, triggers_fired
from turso_wasm.catalog.catalog import Catalog, Trigger
from turso_wasm.catalog.derived import is_own
from turso_wasm.catalog.names import ROWID_NAMES, TEMP_SLOT, fold, quote_identifier, quote_text
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.own import UPDATE_HOOK
from turso_wasm.plan import nodes
from turso_wasm.plan.planner import Planner
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

STEPS: dict[type, Callable[[Binder, Any], tuple[nodes.Plan, Any, Any]]] = {}
"""How the statements of a trigger that change rows are planned; filled by writes.py, which needs this module."""


def row_effects(
    binder: Binder,
    table: Table,
    event: Event,
    conflict: ast.ConflictAction | None,
    assigned: Collection[str] | None = None,
) -> nodes.RowEffects:
    """What each changed row of `table` sets off.

    conflict: the clause of the statement. assigned: the (folded) names of the columns that an UPDATE writes.
    """
    if binder.trace is not None:  # only names are asked for
        return nodes.NO_EFFECTS
    before: list[nodes.Fire] = []
    after: list[nodes.Fire] = []
    told = _told(binder, table, event)
    n_temporary = 0
    catalog = binder.catalogs.slots[table.slot]
    noting = {*catalog.noting_on(table), *noting_views(catalog)} if catalog is not None else ()
    for trigger in triggers_fired(binder, table, event, assigned):
        if trigger.slot == table.slot and fold(trigger.name) in noting:
            continue
        fire = nodes.Fire(program=_program(binder, trigger, table, conflict))
        if trigger.node.time == "AFTER":
            after.append(fire)
            n_temporary += trigger.slot == TEMP_SLOT != table.slot
        else:
            before.append(fire)
    if not before and not after and not told:
        return nodes.NO_EFFECTS
    return nodes.RowEffects(before=tuple(before), actions=told, after=tuple(after), n_temporary=n_temporary)


def noting_views(catalog: Catalog) -> list[str]:
    """The triggers that note what others change for materialized views that our statements keep up, by folded name."""
    views = [view for view in (catalog.views or {}).values() if view.is_valid]
    return [fold(name) for view in views for name, _, _ in view.triggers()]


def truncates(effects: nodes.RowEffects) -> bool:
    """Nothing but the hook is set off by the rows that a DELETE without WHERE takes: SQLite does not look at them."""
    others = effects.before or effects.leaving or effects.actions[1:] or effects.after
    return bool(effects.actions) and not others and effects.actions[0].program.name == UPDATE_HOOK


def _told(binder: Binder, table: Table, event: Event) -> tuple[nodes.Fire, ...]:
    """What tells the user's hook of a changed row. As in SQLite it hears of tables with rowids, but for those of the
    schema: https://sqlite.org/c3ref/update_hook.html.
    """
    if UPDATE_HOOK not in binder.registry.own_functions or table.kind != "table" or table.without_rowid:
        return ()
    rowid = next((name for name in sorted(ROWID_NAMES) if name not in table.numbers), None)
    if rowid is None or fold(table.name).startswith("sqlite_") or is_own(table.name):
        return ()
    identity = (UPDATE_HOOK, table.slot, fold(table.name), event)
    program = binder.programs.get(identity)
    if program is None:
        number = len(binder.programs)
        program = binder.programs[identity] = nodes.TriggerProgram(UPDATE_HOOK, number, number, recursive=True)
        row = "old" if event == "DELETE" else "new"
        where = f"{quote_text(table.schema)}, {quote_text(table.name)}, {row}.{rowid}"
        on = f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
        text = f"""CREATE TRIGGER t AFTER {event} ON {on} BEGIN SELECT "{UPDATE_HOOK}"('{event}', {where}); END"""
        node, _ = parse_one(text)
        assert isinstance(node, ast.CreateTrigger)
        plan_program(binder, program, node, text, None, table, None)
    return (nodes.Fire(program=program),)


def sets_off(binder: Binder, table: Table, event: Event) -> bool:
    """A change of a row may change other rows, of any table."""
    told = UPDATE_HOOK in binder.registry.own_functions
    return told or binder.settings.foreign_keys or bool(triggers_fired(binder, table, event))


def _program(
    binder: Binder, trigger: Trigger, table: Table, conflict: ast.ConflictAction | None
) -> nodes.TriggerProgram:
    key = (trigger.slot, fold(trigger.name), conflict)
    found = binder.programs.get(key)
    if found is None:
        number = len(binder.programs)
        token = next((p.token for k, p in binder.programs.items() if k[:2] == key[:2]), number)
        found = binder.programs[key] = nodes.TriggerProgram(trigger.name, number, token)
        schema = None if trigger.slot == TEMP_SLOT else trigger.schema
        plan_program(binder, found, trigger.node, trigger.sql, schema, table, conflict)
    return found


def plan_program(
    binder: Binder,
    program: nodes.TriggerProgram,
    node: ast.CreateTrigger,
    sql: str,
    schema: str | None,
    table: Table,
    conflict: ast.ConflictAction | None,
) -> None:
    """Fill in a program. schema: the database that names in it mean, None: any. Errors: of its statements."""
    rows: list[Item] = []
    if node.event != "INSERT":
        rows.append(trigger_row(binder, table, "old"))
        program.old = rows[-1].source
    if node.event != "DELETE":
        rows.append(trigger_row(binder, table, "new"))
        program.new = rows[-1].source
    with inside_trigger(binder, sql, schema, tuple(rows)):
        if node.when is not None:
            scope = Scope()
            with binder.names_first(), outside_selects(binder, [node.when], scope):
                program.when = Planner(binder).finish(binder.expr(node.when, scope))
        program.steps = tuple(_step(binder, step, conflict) for step in node.body)


def trigger_text(table: str, event: str, steps: Collection[str], when: str = "") -> str:
    """CREATE TRIGGER of one of ours, which is never stored. when: "WHEN … ", or nothing."""
    body = "".join(f"{step}; " for step in steps)
    return f"CREATE TRIGGER t AFTER {event.upper()} ON {quote_identifier(table)} {when}BEGIN {body}END"


def fire_text(binder: Binder, table: Table, identity: tuple[object, ...], text: str, schema: str | None) -> nodes.Fire:
    """Fires a trigger of ours, planned once a statement. identity: of its program, what it is for comes first; schema:
    as of plan_program.
    """
    program = binder.programs.get(identity)
    if program is None:
        number = len(binder.programs)
        program = nodes.TriggerProgram(str(identity[0]), number, number, recursive=True, counts=False)
        binder.programs[identity] = program
        node, _ = parse_one(text)
        assert isinstance(node, ast.CreateTrigger)
        plan_program(binder, program, node, text, schema, table, None)
    return nodes.Fire(program=program)


def _step(binder: Binder, node: ast.Statement, conflict: ast.ConflictAction | None) -> nodes.Plan:
    binder.tables = []
    if isinstance(node, ast.Select):
        rows = Planner(binder).plan_query(bind_statement(binder, node))
        return nodes.Output(child=rows.plan, exprs=rows.exprs, single=rows.single)
    if conflict is not None and isinstance(node, ast.Insert | ast.Update):
        node = replace(node, on_conflict=conflict)
    return STEPS[type(node)](binder, node)[0]
