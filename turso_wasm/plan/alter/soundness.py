"""Views and triggers under ALTER TABLE: what the names in their texts mean, and whether they are sound."""

from __future__ import annotations

from collections.abc import Iterable

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind.binder import Binder, Trace
from turso_wasm.bind.generated import row_of
from turso_wasm.bind.schema import bind_index_terms, check_table_expressions
from turso_wasm.catalog.catalog import Catalog, Catalogs, Entry, Row, Trigger
from turso_wasm.catalog.edit import StoredText
from turso_wasm.catalog.names import TEMP_SLOT, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import Change, entries, stored
from turso_wasm.plan.triggers import plan_program
from turso_wasm.sql import ast


def trace_view(binder: Binder, catalog: Catalog, entry: Entry, when: str = "") -> Trace:
    """What each name in a view's text means. Errors: "error in view v: …", with `when` before the colon."""
    source = stored(entry)
    assert isinstance(source.statement, ast.CreateView)
    saved = binder.sql, binder.default_schema, binder.lift
    binder.sql, binder.lift, binder.trace = source.sql, False, []
    binder.default_schema = None if catalog.slot == TEMP_SLOT else catalog.name
    try:
        binder.nested_select(source.statement.select, None)
        return binder.trace
    except SqlError as error:
        raise unsound(binder, f"view {entry.name}{when}", error) from None
    finally:
        binder.sql, binder.default_schema, binder.lift = saved
        binder.trace = None


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


def trace_entry(binder: Binder, catalog: Catalog, entry: Entry) -> tuple[StoredText, Trace]:
    """(the text of a view or trigger, what each name in it means). Errors: as `trace_view`, `trace_trigger`."""
    if entry.type == "view":
        return stored(entry), trace_view(binder, catalog, entry)
    trigger = catalog.find_trigger(entry.name)
    assert trigger is not None
    return StoredText(trigger.sql, trigger.node), trace_trigger(binder, catalog, trigger)


def unsound(binder: Binder, what: str, error: SqlError) -> SqlError:
    """The error of a view or trigger that cannot be read; under PRAGMA legacy_alter_table it does not say why."""
    if binder.settings.legacy_alter_table:
        return SqlError(SQLITE_ERROR, "SQL logic error")
    return SqlError(SQLITE_ERROR, f"error in {what}: {error.message}")


def check_sound(binder: Binder, slots: Iterable[int], when: str = "", renamed: Table | None = None) -> None:
    """Every view and trigger of these databases must be sound. renamed: a table that is to be renamed; what lies in
    temp and is on a table of that name is looked at as if it were. Errors: as `trace_view`, `trace_trigger`.
    """

    def phase(catalog: Catalog, entry: Entry) -> str:
        early = (
            renamed is not None
            and catalog.slot == TEMP_SLOT != renamed.slot
            and fold(entry.table) == fold(renamed.name)
        )
        return " after rename" if early else when

    for slot in slots:
        catalog = binder.catalogs.slots[slot]
        assert catalog is not None
        for entry in catalog.entries.values():
            if entry.type == "view":
                trace_view(binder, catalog, entry, phase(catalog, entry))
        for entry in catalog.trigger_entries.values():
            trigger = catalog.find_trigger(entry.name)
            if trigger is not None:
                trace_trigger(binder, catalog, trigger, phase(catalog, entry))


def concerned(table: Table) -> set[int]:
    """The slots of the databases whose views and triggers may name the table."""
    return {table.slot, TEMP_SLOT}


def changed_catalogs(binder: Binder, changes: list[Change]) -> Catalogs:
    """The schemas with changed rows."""
    changed = {id(entry): values for _, entry, values in changes}
    catalogs = list(binder.catalogs.slots)
    for catalog in {id(catalog): catalog for catalog, _, _ in changes}.values():
        rows: list[Row] = []
        for entry in entries(catalog):
            row = (entry.type, entry.name, entry.table, entry.root, entry.sql)
            values = changed.get(id(entry), {})
            rows.append(tuple(values.get(at, old) for at, old in enumerate(row)))  # type: ignore[arg-type]
        catalogs[catalog.slot] = Catalog(catalog.slot, catalog.name, rows, descending=catalog.descending)
    return Catalogs(catalogs, binder.catalogs.order, binder.catalogs.settings)


def check_own(binder: Binder, table: Table) -> None:
    """What a renamed table and its indexes compute must not name it as it was called. Errors: "error in table t after
    rename: …".
    """
    where = f"table {table.name}"
    try:
        item = row_of(binder, table)
        check_table_expressions(binder, table, item)
        for index in table.indexes:
            where = f"index {index.name}"
            bind_index_terms(binder, index, item)
    except SqlError as error:
        raise SqlError(error.code, f"error in {where} after rename: {error.message}") from None


def check_renamed(binder: Binder, after: Catalogs, slots: Iterable[int]) -> None:
    """Every view and trigger must be sound in the changed schemas. Errors: "error in view v after rename: …"."""
    if binder.settings.legacy_alter_table:
        return
    saved, binder.catalogs = binder.catalogs, after
    try:
        check_sound(binder, slots, " after rename")
    finally:
        binder.catalogs = saved
