"""Capturing changes: what is written into the table of changes, as triggers of ours (docs/change-capture.md).

A change of a row fires programs that insert what is captured of it, ahead of everything else that the change sets off.
A statement that commits, or COMMIT itself, fires one that inserts the commit row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.triggers import ROWID, inside_trigger, trigger_row
from turso_wasm.bind.walk import all_of
from turso_wasm.catalog.capture import (
    COMMITTED,
    DELETED,
    INSERTED,
    UPDATED,
    Capture,
    is_captured,
    version_of,
    visible_columns,
)
from turso_wasm.catalog.functions import BUILTIN
from turso_wasm.catalog.modules.module import HIDDEN
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.triggers import STEPS
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

REPLACED = bound.Record(values=(bound.Constant(value="replace"),))
"""`updates` of a row that REPLACE has deleted."""

Kind = Literal["insert", "update", "delete"]
_TYPES = {"insert": INSERTED, "update": UPDATED, "delete": DELETED}


def capture_change(
    binder: Binder,
    table: Table,
    kind: Kind,
    changed: Collection[int] = (),
    replaced: bool = False,
) -> tuple[nodes.Fire, ...]:
    """What is fired for each row that changes. changed: the columns that an update assigns (-1: the rowid). replaced:
    REPLACE deletes the row.
    """
    capture = binder.settings.capture
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    if not capture or not is_captured(catalog, table):
        return ()
    one = _Captured(binder, capture, table, frozenset(changed), replaced)
    if kind != "update" or not one.may_move:
        return (one.fire(kind),)
    return (one.fire("update", moved=False), one.fire("delete", moved=True), one.fire("insert", moved=True))


class _Captured:
    """A change of rows of one table."""

    def __init__(self, binder: Binder, capture: Capture, table: Table, changed: frozenset[int], replaced: bool) -> None:
        self.binder = binder
        self.capture = capture
        self.table = table
        self.changed = changed
        self.replaced = replaced
        self.key = [part.column for part in table.primary_key] if table.without_rowid else [ROWID]

    @property
    def may_move(self) -> bool:
        """An update may make the row another one."""
        keys = {*self.key, self.table.numbers.get("docid", ROWID)} if self.table.kind == "virtual" else {*self.key}
        if self.table.kind == "virtual" and not fold(self.table.module).startswith("fts"):
            keys.add(0)  # the rowid of an R*Tree's row
        return not self.changed.isdisjoint(keys)

    def fire(self, kind: Kind, moved: bool | None = None) -> nodes.Fire:
        """The program for it. moved: only if the key of an updated row has changed, or has not."""
        binder = self.binder
        identity = ("capture", fold(self.table.name), kind, moved, self.changed, self.replaced)
        program = binder.programs.get(identity)
        if program is None:
            number = len(binder.programs)
            program = nodes.TriggerProgram("capture", number, number, recursive=True, counts=False)
            binder.programs[identity] = program
            is_update = kind == "update" or moved is not None
            old = trigger_row(binder, self.table, "old") if kind == "delete" or is_update else None
            new = trigger_row(binder, self.table, "new") if kind == "insert" or is_update else None
            program.old, program.new = old.source if old else -1, new.source if new else -1
            if moved is not None and old is not None and new is not None:
                program.when = self._moved(old, new, moved)
            program.steps = (self._insert(kind, old, new),)
        return nodes.Fire(program=program)

    def _moved(self, old: Item, new: Item, moved: bool) -> bound.Expr:
        same = all_of([bound.Compare(op="is", left=old.refs[at], right=new.refs[at]) for at in self.key])
        assert same is not None
        return bound.Unary(op="not", operand=same) if moved else same

    def _insert(self, kind: Kind, old: Item | None, new: Item | None) -> nodes.Insert:
        row = old if kind == "delete" else new
        assert row is not None
        mode, columns = self.capture.mode, visible_columns(self.table)
        values: dict[str, bound.Expr] = {
            "change_type": bound.Constant(value=_TYPES[kind]),
            "table_name": bound.Constant(value="sqlite_schema" if self.table.root == 1 else self.table.name),
            "id": bound.Record(values=tuple(row.refs[at] for at in self.key))
            if self.table.without_rowid
            else row.refs[ROWID],
        }
        if mode in ("before", "full") and old is not None and kind != "insert":
            values["before"] = bound.Record(values=tuple(old.refs[at] for at in columns))
        if mode in ("after", "full") and new is not None and kind != "delete":
            values["after"] = bound.Record(values=tuple(new.refs[at] for at in columns))
        if mode == "full" and new is not None and kind == "update":
            flags = [at in self.changed or (at == self.table.rowid_alias and ROWID in self.changed) for at in columns]
            values["updates"] = bound.Record(
                values=(
                    *(bound.Constant(value=int(flag)) for flag in flags),
                    *(new.refs[at] if flags[at] else bound.Constant(value=None) for at in columns),
                )
            )
        if self.replaced:
            values["updates"] = REPLACED
        return _insertion(self.binder, self.capture, values)


def capture_virtual(binder: Binder, table: Table, kind: Kind, changed: Collection[int]) -> tuple[nodes.Fire, ...]:
    """capture_change for a virtual table; a command, which is a value for the column that is called as the table, is no
    change of a row.
    """
    command = table.numbers.get(fold(table.name))
    if kind == "insert" and command is not None and command in changed and table.columns[command].hidden == HIDDEN:
        return ()
    return capture_change(binder, table, kind, changed)


def captured_into(binder: Binder, capture: Capture) -> Table:
    """The table of changes. Errors: it is not there any more, or is another one."""
    table = binder.catalogs.main().find_table(capture.table)
    if table is None or version_of(table) is None:
        what = "no such table" if table is None else "not a table of changes"
        raise SqlError(SQLITE_ERROR, f"{what}: {capture.table} (see PRAGMA capture_data_changes_conn)")
    return table


def _insertion(binder: Binder, capture: Capture, values: dict[str, bound.Expr]) -> nodes.Insert:
    """INSERT INTO the table of changes."""
    table = captured_into(binder, capture)
    text = f"INSERT INTO main.{quote_identifier(table.name)} DEFAULT VALUES"
    plan = _planned(binder, text)
    assert isinstance(plan, nodes.Insert)
    values = {"change_time": bound.CaptureTime(), **values}
    given = (values.get(fold(column.name), bound.Constant(value=None)) for column in table.columns)
    return replace(plan, values=tuple(given), rowid=None, numbered=table.numbers.get("change_txn_id"))


def _planned(binder: Binder, text: str) -> nodes.Plan:
    """A statement of ours, in which names mean what they mean to SQLite, and of which no authorizer is asked."""
    node, _ = parse_one(text)
    assert node is not None
    saved = binder.registry, binder.authority
    binder.registry, binder.authority = BUILTIN, None
    try:
        with inside_trigger(binder, text, "main", ()):
            plan: nodes.Plan = STEPS[type(node)](binder, node)[0]
            return plan
    finally:
        binder.registry, binder.authority = saved


def capture_commit(binder: Binder) -> nodes.Fire | None:
    """What is fired at the end of a transaction with captured changes: the commit row, and what is kept no longer."""
    capture = binder.settings.capture
    if not capture or binder.trace is not None:
        return None
    table = captured_into(binder, capture)
    quoted = f"main.{quote_identifier(table.name)}"
    number = len(binder.programs)
    program = nodes.TriggerProgram("capture", number, number, recursive=True, counts=False)
    binder.programs["capture", "commit"] = program
    steps: list[nodes.Plan] = []
    if version_of(table) == "v2":
        last = f"SELECT change_txn_id AS txn, change_type AS type FROM {quoted} ORDER BY change_id DESC LIMIT 1"
        where = f"txn = conn_txn_id(-1) AND type <> {COMMITTED}"
        plan = _planned(binder, f"INSERT INTO {quoted}(change_type) SELECT {COMMITTED} FROM ({last}) WHERE {where}")
        assert isinstance(plan, nodes.Insert)
        values = list(plan.values)
        values[table.numbers["change_time"]] = bound.CaptureTime()
        steps.append(replace(plan, values=tuple(values), numbered=table.numbers["change_txn_id"]))
    if capture.keep:
        is_last = f"AND change_type = {COMMITTED}" if version_of(table) == "v2" else ""
        newest = f"(SELECT max(change_id) FROM {quoted}) - {capture.keep}"
        last = f"SELECT change_id FROM {quoted} WHERE change_id <= {newest} {is_last} ORDER BY change_id DESC LIMIT 1"
        steps.append(_planned(binder, f"DELETE FROM {quoted} WHERE change_id <= ({last})"))
    program.steps = tuple(steps)
    return nodes.Fire(program=program) if steps else None


# --- changes of the schema ------------------------------------------------------------------------------------------


def capture_schema(binder: Binder, plan: nodes.Ddl) -> nodes.Ddl:
    """The same; rows of sqlite_schema that it writes are captured, but for those of shadow tables."""
    capture = binder.settings.capture
    if not capture or plan.slot != 0:
        return plan
    catalog = binder.catalogs.main()
    schema = catalog.find_table("sqlite_schema")
    assert schema is not None
    created = {fold(step.table.name) for step in plan.steps if isinstance(step, nodes.CreateVirtual)}
    steps: list[nodes.Step] = []
    for step in _named_first(plan.steps):
        match step:
            case nodes.InsertRows():
                (named,) = (each for each in plan.steps if isinstance(each, nodes.AddSchemaRow))
                step = replace(step, coming=capture_change(binder, _table_of(binder, named), "insert"))
            case nodes.AddSchemaRow():
                is_shadow = bool(created) and fold(step.table_name) not in created
                step = replace(step, captured=not is_shadow)
            case nodes.RemoveSchemaRows(type=None):
                step = replace(step, captured=catalog.shadow_owner(step.name) is None)
            case nodes.RunStatement(plan=nodes.Update() as update) if update.table.root == 1 and update.table.slot == 0:
                fires = capture_change(binder, schema, "update", update.changed)
                step = replace(step, plan=replace(update, effects=nodes.RowEffects(actions=fires)))
        steps.append(step)
    coming, going = (capture_change(binder, schema, kind) for kind in ("insert", "delete"))
    return replace(plan, steps=tuple(steps), coming=coming, going=going)


def _named_first(steps: Sequence[nodes.Step]) -> list[nodes.Step]:
    """The table of CREATE TABLE AS is captured ahead of its rows."""
    return sorted(steps, key=lambda step: isinstance(step, nodes.InsertRows))


def _table_of(binder: Binder, row: nodes.AddSchemaRow) -> Table:
    assert row.sql is not None
    node, _ = parse_one(row.sql)
    assert isinstance(node, ast.CreateTable)
    return build_table(node, row.sql, slot=0, schema=binder.catalogs.main().name, registry=binder.registry)


def refuse_captured_into(binder: Binder, table: Table, doing: str, node: ast.Node) -> None:
    """Errors: "table turso_cdc may not be dropped while changes are captured into it"."""
    capture = binder.settings.capture
    if capture and table.slot == 0 and fold(table.name) == fold(capture.table):
        fail(f"table {table.name} may not be {doing} while changes are captured into it", node)
