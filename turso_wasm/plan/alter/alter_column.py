"""ALTER TABLE … ALTER COLUMN a TO <definition>: another name, type and other constraints for a column.

SQLite has no such statement; what it leaves in the file is what CREATE TABLE and INSERT would. The name changes
wherever RENAME COLUMN changes it. Where values or their order may change, the rows are inserted anew, which finds out
whether they suit the table.

Source: https://docs.turso.tech (ALTER COLUMN … TO)
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.generated import check_generated, generated_columns, row_of
from turso_wasm.bind.scope import column_of, column_ref
from turso_wasm.bind.writes import bind_target
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.add_column import check_definition
from turso_wasm.plan.alter.rename_column import renamable, renamed
from turso_wasm.plan.alter.rows import SQL, Change, change, rebuilt
from turso_wasm.plan.alter.soundness import changed_catalogs, check_own, check_renamed, concerned
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

ROWID = -1


def plan_alter_column(binder: Binder, node: ast.AlterColumn) -> Changed:
    """ALTER TABLE t ALTER COLUMN a TO definition.

    Errors: those of RENAME COLUMN; "Cannot add a PRIMARY KEY column", "Cannot add a UNIQUE column"; a column whose key
    or index would become another; what inserting the rows fails with.
    """
    catalog, table = renamable(binder, node)
    number = table.numbers[fold(node.column)]
    check_definition(node.definition)
    changes = _changes(binder, catalog, table, node)
    after = changed_catalogs(binder, changes)
    _check_shape(table, rebuilt(table, _own_text(changes, catalog, table), "change"), node)
    changed_catalog = after.slots[table.slot]
    assert changed_catalog is not None
    changed = changed_catalog.find_table(table.name)
    assert changed is not None
    check_generated(binder, changed, row_of(binder, changed))
    check_own(binder, changed)
    check_renamed(binder, after, concerned(table))
    steps: list[nodes.Step] = [change(binder, *row) for row in changes]
    if not _suits_rows(table.columns[number], changed.columns[number], node.definition):
        steps.insert(0, nodes.RunStatement(plan=_insert_anew(binder, catalog, table, changed)))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _changes(binder: Binder, catalog: Catalog, table: Table, node: ast.AlterColumn) -> list[Change]:
    """The texts with the new name, and the table's with the new definition."""
    own = catalog.entries[fold(table.name)]
    same = node.definition.name == table.columns[table.numbers[fold(node.column)]].name
    changes = [] if same else renamed(binder, table, node, node.definition.name)
    text = next((values[SQL] for _, entry, values in changes if entry is own), own.sql)
    assert text is not None
    statement, _ = parse_one(text)
    assert isinstance(statement, ast.CreateTable)
    start, end = statement.columns[table.numbers[fold(node.column)]].span
    text = text[:start] + binder.sql[slice(*node.definition.span)] + text[end:]
    return [(catalog, own, {SQL: text}), *(row for row in changes if row[1] is not own)]


def _own_text(changes: list[Change], catalog: Catalog, table: Table) -> str:
    own = catalog.entries[fold(table.name)]
    return next(values[SQL] for _, entry, values in changes if entry is own)


def _check_shape(table: Table, changed: Table, node: ast.AlterColumn) -> None:
    """The table's b-trees stay what they are. Errors: cannot alter PRIMARY KEY column: "a", likewise UNIQUE."""
    column = table.columns[table.numbers[fold(node.column)]]
    own = [[part.column for part in index.columns] for index in table.indexes if index.sql is None]
    new = [[part.column for part in index.columns] for index in changed.indexes]
    if changed.rowid_alias != table.rowid_alias or (own != new and column.primary_key):
        fail(f'cannot alter PRIMARY KEY column: "{column.name}"', node)
    if own != new:
        fail(f'cannot alter UNIQUE column: "{column.name}"', node)


def _suits_rows(old: Column, new: Column, definition: ast.ColumnDef) -> bool:
    """Whether every row of the table is one of the changed table, whatever its values are."""
    checked = new.not_null or any(isinstance(constraint, ast.Check) for constraint in definition.constraints)
    generated = old.generated is not None or new.generated is not None
    same_type = old.affinity == new.affinity and fold(old.decltype or "") == fold(new.decltype or "")
    same_order = fold(old.collation) == fold(new.collation)
    return same_type and same_order and old.default_text == new.default_text and not (checked or generated)


def _insert_anew(binder: Binder, catalog: Catalog, table: Table, changed: Table) -> nodes.Insert:
    """All rows, inserted into the changed table after it was emptied."""
    old, kept = row_of(binder, table), binder.new_source()
    new = row_of(binder, changed)
    values: list[bound.Expr] = [column_of(old, number) for number in range(len(table.columns))]
    if not table.without_rowid:
        values.append(column_ref(old, ROWID))
    scan = nodes.TableScan(source=old.source, table=table, columns=frozenset(table.record_order))
    rows = nodes.Sort(source=kept, child=scan, keys=(), outputs=tuple(values))
    refs = tuple(bound.ColumnRef(source=kept, column=at) for at in range(len(values)))
    target = bind_target(binder, changed, new)
    return nodes.Insert(
        table=changed,
        child=nodes.Emptied(child=rows, table=changed),
        values=refs[: len(table.columns)],
        rowid=None if table.without_rowid else refs[-1],
        source=new.source,
        conflict="ABORT",
        checks=target.checks,
        defaults=target.defaults,
        generated=generated_columns(binder, new),
        index_exprs=target.index_exprs,
        index_where=target.index_where,
        sequence=catalog.find_table("sqlite_sequence") if table.autoincrement else None,
    )
