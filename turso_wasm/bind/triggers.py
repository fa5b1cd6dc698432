"""Triggers as a statement sees them: which ones a change of rows fires, and what OLD and NEW mean inside.

Does not plan their bodies (plan/triggers.py).

Source: https://sqlite.org/lang_createtrigger.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeAlias

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.tables import bind_table
from turso_wasm.bind.types import with_types
from turso_wasm.catalog.catalog import Trigger
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast

Event: TypeAlias = Literal["INSERT", "UPDATE", "DELETE"]
ROWID = -1


def triggers_fired(
    binder: Binder, table: Table, event: Event, assigned: Collection[str] | None = None
) -> list[Trigger]:
    """The triggers that a change of a row fires, in SQLite's order: those of temp, oldest first, then the newest first.

    assigned: the (folded) names of the columns that an UPDATE writes; None: any.
    """
    own = binder.catalogs.slots[table.slot]
    assert own is not None
    found = temp_triggers(binder, table)
    if binder.settings.triggers or table.slot == TEMP_SLOT:
        found += own_triggers(binder, table)[::-1]
    return [trigger for trigger in found if _fires(trigger, event, assigned)]


def own_triggers(binder: Binder, table: Table) -> list[Trigger]:
    """The triggers of the table's own database on it; those of temp may be on tables elsewhere."""
    own = binder.catalogs.slots[table.slot]
    assert own is not None
    triggers = own.triggers_of(table.name)
    return triggers if table.slot != TEMP_SLOT else _on(binder, triggers, table)


def temp_triggers(binder: Binder, table: Table) -> list[Trigger]:
    """The triggers of temp on a table of another database, which is the one that their text names."""
    catalogs = binder.catalogs
    if table.slot == TEMP_SLOT:
        return []
    return _on(binder, catalogs.temp().triggers_of(table.name), table)


def _on(binder: Binder, triggers: list[Trigger], table: Table) -> list[Trigger]:
    find = binder.catalogs.find_table
    named = ((trigger, find(trigger.node.table.name, trigger.node.table.schema)) for trigger in triggers)
    return [trigger for trigger, found in named if found is not None and found.slot == table.slot]


def _fires(trigger: Trigger, event: Event, assigned: Collection[str] | None) -> bool:
    node = trigger.node
    if node.event != event:
        return False
    return assigned is None or not node.update_of or any(fold(name.text) in assigned for name in node.update_of)


def trigger_row(binder: Binder, table: Table, name: Literal["old", "new"]) -> Item:
    """OLD or NEW. Of its columns only the rowid has an affinity, and nothing is known of their values: a BEFORE trigger
    sees a row that was not checked yet.
    """
    source = binder.new_source()
    if table.kind == "view":
        view = bind_table(binder, ast.TableSource(table.name, table.schema), None)
        refs = {number: column_ref(view, number) for number in range(len(view.columns))}
        columns, numbers = view.columns, view.numbers
    else:
        columns, numbers = tuple(column.name for column in table.columns), table.numbers
        seen = Item(source, name, table, columns=columns, numbers=numbers)
        refs = {number: column_ref(seen, number) for number in (*range(len(columns)), ROWID)}  # virtual ones, too
    item = Item(source, name, None if table.kind == "view" else table, columns=columns, numbers=numbers, alias=name)
    item.refs = {number: _seen(ref, source) for number, ref in refs.items()}
    binder.scanned[source] = table
    return with_types(binder, item)


def _seen(ref: bound.ColumnRef, source: int) -> bound.ColumnRef:
    if ref.column == ROWID:
        return replace(ref, source=source)
    return replace(ref, source=source, affinity=None, not_null=False, exact=False)


@contextmanager
def inside_trigger(binder: Binder, sql: str, schema: str | None, rows: tuple[Item, ...]) -> Iterator[None]:
    """What is bound in the block stands in a trigger's text: it sees OLD and NEW and no statement around it."""
    saved = binder.sql, binder.lift, binder.common, binder.default_schema, binder.tables
    finder, binder.finder = binder.finder, type(binder.finder)(rows)
    binder.sql, binder.lift, binder.common, binder.default_schema, binder.tables = sql, False, None, schema, []
    try:
        yield
    finally:
        binder.sql, binder.lift, binder.common, binder.default_schema, binder.tables = saved
        binder.finder = finder
