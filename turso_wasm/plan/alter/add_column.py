"""ALTER TABLE … ADD COLUMN."""

from __future__ import annotations

from collections.abc import Iterator

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.generated import check_generated, row_of
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_checks, bind_schema_expr, refuse_in
from turso_wasm.bind.scope import column_of
from turso_wasm.catalog import ddl, edit
from turso_wasm.catalog.constants import constant_value, is_constant
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.catalog.tables import check_default
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import SQL, change, rebuilt, refuse_rowid, refuse_system, stored, target
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast

_CLASSES = {"D": int, "E": float, "B": str, "A": bytes}


def plan_add_column(binder: Binder, node: ast.AddColumn) -> Changed:
    """ALTER TABLE t ADD COLUMN …: only the text changes; old records give the column its default.

    Errors: "duplicate column name: c", names of the rowid, "Cannot add a … column".
    """
    catalog, table = target(binder, node.table)
    refuse_system(table, node.table)
    if table.kind == "view":
        fail("Cannot add a column to a view", node.table)
    if table.kind == "virtual":
        fail("virtual tables may not be altered", node.table)
    entry = catalog.entries[fold(table.name)]
    source = stored(entry)
    if fold(node.column.name) in table.numbers:
        fail(f"duplicate column name: {node.column.name}", node.column)
    start = node.column.span[0]
    text = binder.sql[start : ddl.statement_end(binder.sql, node.column.span[1])].rstrip(" \t\n\f\r;")
    at = edit.columns_end(source)
    sql = f"{source.sql[:at]}, {text}{source.sql[at:]}"
    check_definition(node.column)
    refuse_rowid(table, node.column.name, "add", node.column)
    changed = rebuilt(table, sql, "add column")
    column = changed.columns[-1]
    item = row_of(binder, changed)
    try:
        check_generated(binder, changed, item, loops=True)
    except SqlError as error:
        raise SqlError(error.code, f"error in table {table.name} after add column: {error.message}") from None
    for check in changed.checks:
        refuse_in(binder, "CHECK constraints", check.expr)
    if any(isinstance(constraint, ast.Check) for constraint in node.column.constraints):
        bind_checks(binder, changed, item)  # of all rows: functions that the others call must be there, too
    steps = [*_existing_rows(binder, node.column, changed, column, item), change(binder, catalog, entry, {SQL: sql})]
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def check_definition(definition: ast.ColumnDef) -> None:
    """What a column that comes later cannot be. Errors: "Cannot add a PRIMARY KEY column" and the like."""
    has_default = generated = False
    for constraint in definition.constraints:
        if isinstance(constraint, ast.Default):
            check_default(constraint, definition.name)
            if generated:
                fail("cannot use DEFAULT on a generated column", constraint)
            has_default = True
        elif isinstance(constraint, ast.Generated):
            if generated or has_default:
                fail(f'error in generated column "{definition.name}"', constraint)
            generated = True
    for constraint in definition.constraints:
        if isinstance(constraint, ast.PrimaryKey):
            fail("Cannot add a PRIMARY KEY column", constraint)
        if isinstance(constraint, ast.Unique):
            fail("Cannot add a UNIQUE column", constraint)


def _existing_rows(
    binder: Binder, definition: ast.ColumnDef, table: Table, column: Column, item: Item
) -> Iterator[nodes.Step]:
    """What must not be if the table has rows: they get the default, and it must suit every constraint."""
    columns = frozenset(number for number in table.record_order if number < len(table.columns) - 1)
    scan = nodes.TableScan(source=item.source, table=table, columns=columns)
    default = constant_value(column.default) if is_constant(column.default) else None
    references = any(isinstance(constraint, ast.ForeignKey) for constraint in definition.constraints)
    if column.generated is not None and not column.is_virtual:
        yield nodes.RaiseOnRow(child=scan, message="cannot add a STORED column")
    if binder.settings.foreign_keys and references and default is not None:
        yield nodes.RaiseOnRow(child=scan, message="Cannot add a REFERENCES column with non-NULL default value")
    if column.not_null and column.generated is not None:
        missing = bound.IsNull(operand=column_of(item, len(table.columns) - 1))
        yield nodes.RaiseOnRow(child=nodes.Filter(child=scan, predicate=missing), message="NOT NULL constraint failed")
    elif column.not_null and is_constant(column.default) and default is None:
        yield nodes.RaiseOnRow(child=scan, message="Cannot add a NOT NULL column with default value NULL")
    if not is_constant(column.default):
        yield nodes.RaiseOnRow(child=scan, message="Cannot add a column with non-constant default")
    if table.strict and column.absent_value is not None and not _fits(column):
        yield nodes.RaiseOnRow(child=scan, message="type mismatch on DEFAULT")
    for constraint in definition.constraints:
        if isinstance(constraint, ast.Check):
            condition = bind_schema_expr(binder, constraint.expr, [item], binder.sql, "a CHECK constraint")
            violated = bound.IsTruth(operand=condition, wanted=False)
            yield nodes.RaiseOnRow(
                child=nodes.Filter(child=scan, predicate=violated), message="CHECK constraint failed"
            )


def _fits(column: Column) -> bool:
    """Whether a STRICT column may hold its default."""
    if fold(column.decltype or "") == "any":
        return True
    return isinstance(column.absent_value, _CLASSES[column.affinity])
