"""What a change of a row means for foreign keys: violations to count, and the actions, which are triggers of ours.

Whoever changes a row counts, ahead of the change, what the old row leaves behind and what the new one lacks:

  of a child    the old row may have lacked its parent (one violation less), the new one may lack it (one more);
  of a parent   the children of the old row will lack it (so many more), those of the new one find it (so many less).

The actions then change the children, which counts again, so that what they put right comes out even. Conditions are
written as SQL: "row" is the row, "other" a row of the other table.

Source: https://sqlite.org/foreignkeys.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from turso_wasm.base.errors import SqlError
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.generated import generated_columns, row_of, with_dependents
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.triggers import ROWID, inside_trigger
from turso_wasm.bind.writes import bind_target
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.foreign_keys import ForeignKey, foreign_keys_of, foreign_keys_to
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.capture import Kind, capture_change
from turso_wasm.plan.derived import maintain
from turso_wasm.plan.materialized.upkeep import maintain_views
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.triggers import plan_program, row_effects
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

FAILED = "FOREIGN KEY constraint failed"


class ForeignKeyEffects:
    """The effects of a change of a row of `table`: `old` or `new` is None for INSERT or DELETE.

    changed: the columns that an UPDATE assigns (-1: the rowid), None: all. at_once: it is the only row of a statement
    that does nothing else, so that what a new row lacks is an error at once. dropping: the table goes with all its
    rows; keys that do not fit are no error then. replaced: REPLACE deletes the row. Errors:
    "foreign key mismatch - …", "no such table: …".
    """

    def __init__(
        self,
        binder: Binder,
        table: Table,
        old: Item | None,
        new: Item | None,
        changed: Collection[int] | None = None,
        at_once: bool = False,
        dropping: bool = False,
        replaced: bool = False,
    ) -> None:
        self.binder = binder
        self.table = table
        self.old = None if old is None else _named(old)
        self.new = None if new is None else _named(new)
        self.changed = None if changed is None else with_dependents(table, changed)
        self.at_once = at_once
        self.dropping = dropping
        self.replaced = replaced
        self.is_gone = True
        self.leaving: list[nodes.CountViolations] = []
        self.arriving: list[nodes.CountViolations] = []
        self.actions: list[nodes.Fire] = []
        catalog = binder.catalogs.slots[table.slot]
        assert catalog is not None
        self.catalog: Catalog = catalog
        if binder.settings.foreign_keys and table.kind == "table" and binder.trace is None:
            self._collect()

    def add_to(self, effects: nodes.RowEffects) -> nodes.RowEffects:
        """Triggers, and what goes with foreign keys and with capturing changes."""
        leaving, arriving, actions = tuple(self.leaving), tuple(self.arriving), tuple(self.actions)
        if self.binder.trace is None and not self.dropping:
            kind: Kind = "insert" if self.old is None else "delete" if self.new is None else "update"
            changed = self.changed or ()
            kept = maintain(self.binder, self.table, kind, changed)
            kept += maintain_views(self.binder, self.table, kind, changed)
            # What is kept must know of the row before an action changes others, or the same row once more.
            actions = (*capture_change(self.binder, self.table, kind, changed, self.replaced), *kept, *actions)
        actions = (*effects.actions, *actions)
        if leaving or arriving or actions:
            effects = replace(effects, leaving=leaving, arriving=arriving, actions=actions)
        if effects and self.old is not None:
            effects = replace(effects, virtual=generated_columns(self.binder, self.old, virtual_only=True))
        return effects

    def _collect(self) -> None:
        keys = foreign_keys_of(self.table)
        own = [key for key in keys if self._touches(key.columns)]
        others = foreign_keys_to(self.catalog, self.table.name)
        self.is_gone = self._is_gone(keys, others)
        touched = [key for key in others if self._touches_parent(key)]
        if own or touched:  # then those that refer to the table itself are looked at, too
            own = [key for key in keys if key in own or fold(key.parent) == fold(self.table.name)]
        try:
            for key in reversed(own):
                self._count_child(key)
            for key in reversed(touched):
                self._count_parent(key)
        except SqlError:
            for key in touched:  # what is wrong with an action is said last
                if self.old is not None and self._action(key) not in (None, "NO ACTION"):
                    key.parent_columns(self.table)
            raise
        if self.old is not None and (own or touched) and not self.dropping:
            for key in others:  # those that are not touched must fit, too
                key.parent_columns(self.table)

    def _touches(self, columns: Collection[str]) -> bool:
        """The columns are among those that change."""
        if self.changed is None:
            return True
        return any(self._changes(self.table.numbers.get(fold(name), ROWID - 1)) for name in columns)

    def _touches_parent(self, key: ForeignKey) -> bool:
        if self.changed is None:
            return True
        names = [name.text for name in key.node.to_columns]
        names = names or [column.name for column in self.table.columns if column.primary_key]
        return any(self._changes(self.table.numbers.get(fold(name), ROWID - 1)) for name in names)

    def _changes(self, number: int) -> bool:
        assert self.changed is not None
        return number in self.changed or (number == self.table.rowid_alias and ROWID in self.changed)

    # --- counting ---------------------------------------------------------------------------------------------------

    def _count_child(self, key: ForeignKey) -> None:
        parent = self.catalog.find_table(key.parent)
        given = " AND ".join(f"{_row(name)} IS NOT NULL" for name in key.columns)
        names = key.columns  # without a parent binding says that it is missing
        if parent is not None:
            found = self._parent_columns(key, parent)
            if found is None:
                return
            names = found
        lacks = given
        if parent is not None or not self.dropping:
            lacks = self._lacks_parent(key, names, given)
        if self.old is not None:
            self._count(self.leaving, f"CASE WHEN {lacks} THEN 1 ELSE 0 END", self.old, key, -1)
        if self.new is not None:
            if fold(key.parent) == fold(self.table.name):
                lacks = self._lacks_parent(key, names, given, self._among(key))
                same = " AND ".join(_same_row(self.table, a, b) for a, b in zip(names, key.columns, strict=True))
                lacks = f"({lacks}) AND ({same}) IS NOT TRUE"
            self._count(self.arriving, f"CASE WHEN {lacks} THEN 1 ELSE 0 END", self.new, key, 1)

    def _lacks_parent(self, key: ForeignKey, names: Collection[str], given: str, among: str = "") -> str:
        """The row is a child without a parent. (A value is compared as if it stood in the parent's column.)"""
        pairs = zip(names, key.columns, strict=True)
        found = " AND ".join(f"{_other(name)} = +{_row(column)}" for name, column in pairs)
        return f"{given} AND NOT EXISTS (SELECT 1 FROM {self._from(key.parent)} WHERE {found}{among})"

    def _count_parent(self, key: ForeignKey) -> None:
        alone = self.at_once and not key.deferred  # of a row that is inserted alone none there is a child
        names = self._parent_columns(key, self.table, excused=alone)
        if names is None:
            return
        pairs = zip(names, key.columns, strict=True)
        found = " AND ".join(f"{_row(name)} = {_other(column)}" for name, column in pairs)
        children = f"(SELECT count(*) FROM {self._from(key.child.name)} WHERE {found}"
        if self.old is not None:
            itself = f" AND {self._is_another()}" if key.child is self.table else ""
            self._count(self.leaving, f"{children}{itself})", self.old, key, 1)
            self._act(key, names)
        if self.new is not None:
            self._count(self.arriving, f"{children}{self._among(key)})", self.new, key, -1)

    def _parent_columns(self, key: ForeignKey, parent: Table, excused: bool = False) -> list[str] | None:
        """Errors: as ForeignKey.parent_columns; excused, or if the table goes anyway: None."""
        try:
            return key.parent_columns(parent)
        except SqlError:
            if self.dropping or excused:
                return None
            raise

    def _among(self, key: ForeignKey) -> str:
        """What the new row finds of a key within the table: the row as it was, too, unless SQLite removes it first."""
        is_within = fold(key.parent) == fold(self.table.name) and key.child is self.table
        return f" AND {self._is_another()}" if is_within and self.is_gone else ""

    def _is_gone(self, own: Collection[ForeignKey], others: Collection[ForeignKey]) -> bool:
        """SQLite removes a row that changes before it looks at the new one if a key within the table changes, or if
        something is to be done on an update of what a key refers to.
        """
        name = fold(self.table.name)
        return any(fold(key.parent) == name and self._touches(key.columns) for key in own) or any(
            key.node.on_update not in (None, "NO ACTION") and self._touches_parent(key) for key in others
        )

    def _is_another(self) -> str:
        """The other row is not the row itself."""
        if not self.table.without_rowid:
            return f"{_other('rowid')} IS NOT {_row('rowid')}"
        names = [self.table.columns[part.column].name for part in self.table.primary_key]
        return "NOT (" + " AND ".join(f"{_other(name)} IS {_row(name)}" for name in names) + ")"

    def _from(self, table: str) -> str:
        return f"{quote_identifier(self.catalog.name)}.{quote_identifier(table)} AS other"

    def _count(self, into: list[nodes.CountViolations], sql: str, row: Item | None, key: ForeignKey, sign: int) -> None:
        assert row is not None
        statement, _ = parse_one(f"SELECT {sql}")
        assert isinstance(statement, ast.Select) and isinstance(statement.core, ast.SelectCore)
        column = statement.core.columns[0]
        assert isinstance(column, ast.ResultColumn)
        with inside_trigger(self.binder, sql, None, ()):
            expr = self.binder.expr(column.expr, Scope([row]))
        planner = Planner(self.binder)
        planner.all_changing = True
        expr = planner.finish(expr)
        at_once = self.at_once and sign > 0 and not key.deferred
        into.append(nodes.CountViolations(violations=expr, sign=sign, deferred=key.deferred, at_once=at_once))

    # --- actions ----------------------------------------------------------------------------------------------------

    def _action(self, key: ForeignKey) -> str | None:
        return key.node.on_delete if self.new is None else key.node.on_update

    def _act(self, key: ForeignKey, names: list[str]) -> None:
        event = "DELETE" if self.new is None else "UPDATE"
        action = self._action(key)
        if action in (None, "NO ACTION"):
            return
        identity = ("foreign key", key.child.slot, fold(key.child.name), key.number, event)
        program = self.binder.programs.get(identity)
        if program is None:
            number = len(self.binder.programs)
            program = nodes.TriggerProgram(f"fk {key.child.name}", number, number, recursive=True)
            program.unless_deferred = action == "RESTRICT"
            self.binder.programs[identity] = program
            text = "".join(_action(self.table, key, names, event, str(action)))
            node, _ = parse_one(text)
            assert isinstance(node, ast.CreateTrigger)
            plan_program(self.binder, program, node, text, self.catalog.name, self.table, "ABORT")
        self.actions.append(nodes.Fire(program=program))


def _action(parent: Table, key: ForeignKey, names: list[str], event: str, action: str) -> Iterator[str]:
    """The text of the trigger that does what ON DELETE or ON UPDATE says."""
    pairs = [(quote_identifier(a), quote_identifier(b)) for a, b in zip(names, key.columns, strict=True)]
    child = quote_identifier(key.child.name)
    where = " AND ".join(f"OLD.{a} = {b}" for a, b in pairs)
    yield f"CREATE TRIGGER fk AFTER {event} ON {quote_identifier(parent.name)}"
    if event == "UPDATE":
        yield " WHEN NOT (" + " AND ".join(f"OLD.{a} IS NEW.{a}" for a, _ in pairs) + ")"
    yield " BEGIN "
    if action == "RESTRICT":
        yield f"SELECT RAISE(ABORT, '{FAILED}') FROM {child} WHERE {where}"
    elif action == "CASCADE" and event == "DELETE":
        yield f"DELETE FROM {child} WHERE {where}"
    else:
        values = [f"NEW.{a}" if action == "CASCADE" else "NULL" for a, _ in pairs]
        if action == "SET DEFAULT":
            values = [_default(key.child, column) for column in key.columns]
        assignments = [f"{b} = {value}" for (_, b), value in zip(pairs, values, strict=True)]
        yield f"UPDATE {child} SET {', '.join(assignments)} WHERE {where}"
    yield "; END"


def _default(child: Table, column: str) -> str:
    text = child.columns[child.numbers[fold(column)]].default_text
    return "NULL" if text is None else f"({text})"


def _named(item: Item) -> Item:
    """The row as conditions call it."""
    return replace(item, name="row", alias="row", refs=dict(item.refs))


def _row(column: str) -> str:
    return f"row.{quote_identifier(column)}"


def _other(column: str) -> str:
    return f"other.{quote_identifier(column)}"


def _same_row(table: Table, parent: str, child: str) -> str:
    """The row refers to itself: its values are compared as they are, the rowid as an integer."""
    number = table.numbers.get(fold(parent), ROWID)
    if number in (ROWID, table.rowid_alias):
        return f"{_row(parent)} = +{_row(child)}"
    return f"+{_row(parent)} = +{_row(child)} COLLATE BINARY"


@contextmanager
def foreign_keys_first(
    binder: Binder,
    table: Table,
    old: Item | None,
    new: Item | None,
    changed: Collection[int] | None = None,
    at_once: bool = False,
) -> Iterator[None]:
    """Where triggers and RETURNING are bound: what is wrong with foreign keys is reported instead of their errors."""
    try:
        yield
    except SqlError:
        ForeignKeyEffects(binder, table, old, new, changed, at_once)
        raise


def effects_of_replace(
    binder: Binder,
    table: Table,
    conflict: ast.ConflictAction | None,
    row: Item,
    has_key: bool,
    clauses: Sequence[nodes.Upsert] = (),
    changed: Collection[int] | None = None,
) -> nodes.RowEffects:
    """What the rows that REPLACE deletes set off, if the statement or a constraint can ask for it, triggers if they
    may be recursive. `row` names them.
    has_key: the new row's key can be another row's. clauses: of ON CONFLICT, which go before. changed: the columns that
    an UPDATE changes, None: all.
    """
    if clauses and clauses[-1].index is None and not clauses[-1].key:
        return nodes.NO_EFFECTS
    named = [clause.index for clause in clauses]
    unique = (index for index in table.indexes if index.unique and index not in named)
    constraints = [index.conflict for index in unique if changed is None or _holds_any(table, index, changed)]
    if table.without_rowid:
        has_key = changed is None or any(part.column in changed for part in table.primary_key)
    if has_key and not any(clause.key for clause in clauses):
        constraints.append(table.primary_key_conflict)
    if not constraints or (conflict != "REPLACE" and (conflict is not None or "REPLACE" not in constraints)):
        return nodes.NO_EFFECTS
    fires = row_effects(binder, table, "DELETE", "REPLACE") if binder.settings.recursive_triggers else nodes.NO_EFFECTS
    return ForeignKeyEffects(binder, table, row, None, replaced=True).add_to(fires)


def _holds_any(table: Table, index: Index, columns: Collection[int]) -> bool:
    """An entry may become another when these columns change."""
    if any(column.shown in columns for column in index.columns):
        return True
    exprs = (*(column.expr for column in index.columns), index.where)
    return any(
        isinstance(node, ast.ColumnRef) and table.numbers.get(fold(node.column)) in columns
        for expr in exprs
        if expr is not None
        for node in syntax_nodes(expr)
    )


def delete_all(binder: Binder, catalog: Catalog, table: Table) -> list[nodes.Step]:
    """With PRAGMA foreign_keys the rows of a table are deleted before it is dropped, for what becomes of others."""
    item = row_of(binder, table)
    effects = ForeignKeyEffects(binder, table, item, None, dropping=True).add_to(nodes.NO_EFFECTS)
    if not effects:
        return []
    target = bind_target(binder, table, item, with_checks=False)
    plan = nodes.Delete(
        table=table,
        child=nodes.TableScan(source=item.source, table=table, columns=frozenset(table.record_order)),
        source=item.source,
        index_exprs=target.index_exprs,
        index_where=target.index_where,
        effects=effects,
    )
    is_parent = bool(foreign_keys_to(catalog, table.name))
    counts = is_parent or any(key.deferred for key in foreign_keys_of(table))
    return [nodes.RunStatement(plan=plan, if_pending=not is_parent, counts=counts), nodes.RefuseViolations()]
