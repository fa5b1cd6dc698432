"""ALTER TABLE … RENAME COLUMN."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog, Entry
from turso_wasm.catalog.names import ROWID_NAMES, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import (
    SQL,
    Change,
    change,
    means,
    reaching,
    refuse_rowid,
    refuse_system,
    target,
    unreached,
)
from turso_wasm.plan.alter.soundness import changed_catalogs, check_renamed, concerned
from turso_wasm.plan.alter.strings import Spans, quoted_strings, string_changes
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast


def plan_rename_column(binder: Binder, node: ast.RenameColumn) -> Changed:
    """ALTER TABLE t RENAME COLUMN a TO b.

    Errors: no such column: "a", names of the rowid, "error in table t after rename: duplicate column name: b", a view;
    what the schema says with the new name.
    """
    catalog, table = renamable(binder, node)
    changes = renamed(binder, table, node, node.to)
    check_renamed(binder, changed_catalogs(binder, changes), concerned(table))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(change(binder, *row) for row in changes)), catalog


def renamable(binder: Binder, node: ast.RenameColumn | ast.AlterColumn) -> tuple[Catalog, Table]:
    """The table, which has the column. Errors: those of `target`; no such column: "a"; a view, a virtual table."""
    catalog, table = target(binder, node.table)
    refuse_system(table, node.table)
    if table.kind == "view":
        fail(f'cannot rename columns of view "{table.name}"', node.table)
    if table.kind == "virtual":
        fail(f'cannot rename columns of virtual table "{table.name}"', node.table)
    if fold(node.column) not in table.numbers:
        fail(f'no such column: "{node.written.text}"', node.written)
    return catalog, table


def renamed(binder: Binder, table: Table, node: ast.RenameColumn | ast.AlterColumn, to: str) -> list[Change]:
    """What changes in the schema when the column is called otherwise. Errors: names of the rowid, "error in table t
    after rename: duplicate column name: b".
    """
    refuse_rowid(table, node.column, "rename from", node)
    refuse_rowid(table, to, "rename to", node)
    changes: list[Change] = []
    for place, entry, source, spans, strings in _column_places(binder, table, node.column):
        if spans or strings:
            changes.append((place, entry, {SQL: source.replaced(spans, to, node.to_quoted, strings)}))
    changes += string_changes(binder, unreached(binder, table))
    number, other = table.numbers[fold(node.column)], table.numbers.get(fold(to))
    if other is not None and other != number:
        second = to if number > other else table.columns[other].name
        fail(f"error in table {table.name} after rename: duplicate column name: {second}", node)
    return changes


def _column_places(
    binder: Binder, table: Table, column: str
) -> Iterator[tuple[Catalog, Entry, edit.StoredText, Spans, Spans]]:
    """(database, entry, its text, where that names the column, where it has strings in double quotes)."""
    key = fold(table.name)
    for catalog, entry in reaching(binder, table):
        if entry.sql is None:
            continue
        source, strings, trace = quoted_strings(binder, catalog, entry)
        if entry.type in ("view", "trigger"):
            spans = [
                source.last_token(node.span) for node, ref in trace if _is_column(binder, node, ref, table, column)
            ]
            if entry.type == "trigger":
                spans += _assigned_tokens(source, table, column, means(binder, catalog, table))
        else:
            owner = catalog.find_table(entry.table)
            if owner is not None and not isinstance(source.statement, ast.CreateVirtualTable):
                _refuse_string_term(source, owner, entry, "" if owner is table else " after rename")
            own = fold(entry.table) == key
            named = edit.own_column_tokens if own else edit.referenced_column_tokens
            spans = list(named(source, table.name, column))
        yield catalog, entry, source, spans, strings


def _refuse_string_term(source: edit.StoredText, owner: Table, entry: Entry, when: str) -> None:
    if (
        isinstance(source.statement, ast.CreateIndex)
        and (term := edit.string_term(source.statement, owner)) is not None
    ):
        raise SqlError(SQLITE_ERROR, f"error in index {entry.name}{when}: no such column: {term}")


def _is_column(binder: Binder, node: ast.Node, expr: bound.Expr | Item, table: Table, column: str) -> bool:
    """It is the column of the table itself, not one that a subquery or view made of it, nor its alias."""
    if not isinstance(node, ast.ColumnRef) or fold(node.column) not in (fold(column), *ROWID_NAMES):
        return False
    if isinstance(expr, bound.Generated):
        return expr.table == table.name and fold(expr.name) == fold(column)
    if not isinstance(expr, bound.ColumnRef) or binder.scanned.get(expr.source) is not table:
        return False
    number = table.numbers[fold(column)]
    return expr.column == number or (expr.column == -1 and number == table.rowid_alias)


def _assigned_tokens(
    source: edit.StoredText, table: Table, column: str, is_meant: Callable[[str | None], bool]
) -> Iterator[tuple[int, int]]:
    """Where a trigger's text names a column of `table` that is written: in lists of columns, in SET, in UPDATE OF."""
    for node in source.nodes:
        if not isinstance(node, ast.CreateTrigger | ast.Insert | ast.Update):
            continue
        if fold(node.table.name) != fold(table.name) or not is_meant(node.table.schema):
            continue
        for name in _assigned_names(node):
            if fold(name.text) == fold(column):
                yield source.token(name.span[0])


def _assigned_names(node: ast.CreateTrigger | ast.Insert | ast.Update) -> Iterator[ast.Name]:
    if isinstance(node, ast.CreateTrigger):
        yield from node.update_of
        return
    assignments = list(node.assignments) if isinstance(node, ast.Update) else []
    if isinstance(node, ast.Insert):
        yield from node.columns
        assignments += [assignment for upsert in node.upserts for assignment in upsert.assignments or ()]
    for assignment in assignments:
        yield from assignment.columns
