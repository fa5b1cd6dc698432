"""Triggers under ALTER TABLE: what the names in their texts mean, and whether they are sound.

Source: https://sqlite.org/lang_altertable.html
"""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog, Trigger
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.triggers import plan_program
from turso_wasm.sql import ast

Trace = list[tuple[ast.ColumnRef, bound.Expr]]


def trace_trigger(binder: Binder, catalog: Catalog, trigger: Trigger, when: str = "") -> Trace:
    """What each name in a trigger's text means. Errors: "error in trigger x: …", with `when` before the colon."""
    schema = None if catalog.slot == TEMP_SLOT else catalog.name
    name = trigger.node.table
    binder.trace = []
    try:
        table = binder.catalogs.find_table(name.name, name.schema or schema)
        if table is None:
            raise SqlError(SQLITE_ERROR, f"no such table: {schema}.{name.name}")
        program = nodes.TriggerProgram(trigger.name, 0, 0)
        plan_program(binder, program, trigger.node, trigger.sql, schema, table, None)
        return binder.trace
    except SqlError as error:
        raise unsound(binder, f"trigger {trigger.name}{when}", error) from None
    finally:
        binder.trace = None


def unsound(binder: Binder, what: str, error: SqlError) -> SqlError:
    """The error of a view or trigger that cannot be read; under PRAGMA legacy_alter_table it does not say why."""
    if binder.settings.legacy_alter_table:
        return SqlError(SQLITE_ERROR, "SQL logic error")
    return SqlError(SQLITE_ERROR, f"error in {what}: {error.message}")


def check_triggers(binder: Binder, catalog: Catalog, when: str = "") -> None:
    """Every trigger of the database must be sound. Errors: as `trace_trigger`."""
    for entry in catalog.trigger_entries.values():
        trigger = catalog.find_trigger(entry.name)
        if trigger is not None:
            trace_trigger(binder, catalog, trigger, when)


def assigned_tokens(source: edit.StoredText, catalog: Catalog, table: Table, column: str) -> Iterator[tuple[int, int]]:
    """Where a trigger's text names a column of `table` that is written: in lists of columns, in SET, in UPDATE OF."""
    key = fold(column)

    def named(names: tuple[ast.Name, ...]) -> Iterator[tuple[int, int]]:
        return (source.token(name.span[0]) for name in names if fold(name.text) == key)

    for node in source.nodes:
        match node:
            case ast.CreateTrigger() if catalog.find_table(node.table.name) is table:
                yield from named(node.update_of)
            case ast.Insert() if catalog.find_table(node.table.name) is table:
                yield from named(node.columns)
                for upsert in node.upserts:
                    for assignment in upsert.assignments or ():
                        yield from named(assignment.columns)
            case ast.Update() if catalog.find_table(node.table.name) is table:
                for assignment in node.assignments:
                    yield from named(assignment.columns)
