"""ALTER TABLE … RENAME TO."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, Trace, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_ref, table_item
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog, Entry
from turso_wasm.catalog.names import fold, is_reserved
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import (
    NAME,
    SQL,
    TBL_NAME,
    Change,
    change,
    means,
    reaching,
    refuse_system,
    stored,
    target,
)
from turso_wasm.plan.alter.soundness import (
    changed_catalogs,
    check_own,
    check_renamed,
    check_sound,
    concerned,
    trace_entry,
)
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast


def plan_rename_table(binder: Binder, node: ast.RenameTable) -> Changed:
    """ALTER TABLE t RENAME TO u.

    Errors: "no such table: t", "there is already another table or index with this name: u", a reserved name, a view.
    """
    catalog, table = target(binder, node.table)
    if catalog.find_table(node.to) is not None or catalog.find_index(node.to) is not None:
        fail(f"there is already another table or index with this name: {node.to}", node)
    refuse_system(table, node.table)
    if is_reserved(node.to):
        fail(f"object name reserved for internal use: {node.to}", node)
    if table.kind == "view":
        fail(f"view {table.name} may not be altered", node.table)
    legacy = binder.settings.legacy_alter_table
    if not legacy:
        check_sound(binder, concerned(table), renamed=table)
    changes = _renamed_rows(binder, table, node.to)
    for suffix, shadow in catalog.shadows_of(table).items():
        changes += _renamed_rows(binder, shadow, f"{node.to}_{suffix}")
    after = changed_catalogs(binder, changes)
    renamed = after.find_table(node.to, catalog.name)
    assert renamed is not None
    if legacy:
        check_own(binder, renamed)
    check_renamed(binder, after, concerned(table))
    steps = [change(binder, *row) for row in changes]
    sequence = catalog.find_table("sqlite_sequence")
    if table.autoincrement and sequence is not None:
        steps.append(_rename_sequence(binder, sequence, table.name, node.to))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _renamed_rows(binder: Binder, table: Table, to: str) -> list[Change]:
    settings = binder.settings
    found: list[Change] = []
    for catalog, entry in reaching(binder, table):
        values: dict[int, str] = {}
        own = catalog.slot == table.slot and fold(entry.table) == fold(table.name) and entry.type in ("table", "index")
        is_meant = means(binder, catalog, table)
        if own:
            values[TBL_NAME] = to
            if entry.type == "table":
                values[NAME] = to
            elif entry.sql is None:
                values[NAME] = f"sqlite_autoindex_{to}_{entry.name.rpartition('_')[2]}"
        if entry.sql is not None:
            source = stored(entry)
            if _is_on(source.statement, table.name, is_meant):
                values[TBL_NAME] = to
            if settings.legacy_alter_table:
                spans = list(edit.owner_tokens(source, table.name, own, settings.foreign_keys, is_meant))
            else:
                source, spans = _named(binder, catalog, entry, source, table)
            if spans:
                values[SQL] = source.replaced(spans, to, always_quoted=True)
        if values:
            found.append((catalog, entry, values))
    return found


def _named(
    binder: Binder, catalog: Catalog, entry: Entry, source: edit.StoredText, table: Table
) -> tuple[edit.StoredText, list[tuple[int, int]]]:
    """(the text of an object, where it names the table)."""
    is_meant = means(binder, catalog, table)
    if entry.type not in ("view", "trigger"):
        own = catalog.slot == table.slot and fold(entry.table) == fold(table.name)
        return source, list(edit.own_tokens(source, table.name, own, is_meant))
    source, trace = trace_entry(binder, catalog, entry)
    spans = list(_traced_tokens(binder, source, trace, table))
    if isinstance(source.statement, ast.CreateTrigger):
        spans += edit.owner_tokens(source, table.name, own=False, keys=False, is_meant=is_meant)
        for node in source.statement.body:
            if not isinstance(node, ast.Insert) or fold(node.table.name) != fold(table.name):
                continue
            if is_meant(node.table.schema):
                spans.append(source.token(node.table.span[0], 2 if node.table.schema is not None else 0))
    return source, spans


def _traced_tokens(binder: Binder, source: edit.StoredText, trace: Trace, table: Table) -> Iterator[tuple[int, int]]:
    """Where a name means the table or, before a column or a star, its row, as long as it has no alias."""
    named = {meant.source for _, meant in trace if isinstance(meant, Item) and meant.alias is not None}

    def is_own(meant: bound.Expr | Item) -> bool:
        if isinstance(meant, bound.Generated):
            return meant.table == table.name
        if not isinstance(meant, Item | bound.ColumnRef):
            return False
        return binder.scanned.get(meant.source) is table and meant.source not in named

    for node, meant in trace:
        if isinstance(node, ast.TableSource):
            is_name = isinstance(meant, Item) and meant.table is table
        else:
            is_name = node.table is not None and fold(node.table) == fold(table.name) and is_own(meant)
        if is_name:
            behind = not isinstance(node, ast.Star) and node.schema is not None
            yield source.token(node.span[0], 2 if behind else 0)


def _is_on(statement: ast.Statement, name: str, is_meant: Callable[[str | None], bool]) -> bool:
    """It is a trigger of the table."""
    if not isinstance(statement, ast.CreateTrigger) or fold(statement.table.name) != fold(name):
        return False
    return is_meant(statement.table.schema)


def _rename_sequence(binder: Binder, sequence: Table, name: str, to: str) -> nodes.RunStatement:
    old = table_item(binder.new_source(), sequence, None)
    condition = bound.Compare(op="=", left=column_ref(old, 0), right=bound.Constant(value=name))
    child = nodes.Filter(
        child=nodes.TableScan(source=old.source, table=sequence, columns=frozenset({0})), predicate=condition
    )
    values = (bound.Constant(value=to), *(column_ref(old, at) for at in range(1, len(sequence.columns))))
    return nodes.RunStatement(
        plan=nodes.Update(
            table=sequence,
            child=child,
            old_source=old.source,
            source=binder.new_source(),
            values=values,
            changed=frozenset({0}),
        )
    )
