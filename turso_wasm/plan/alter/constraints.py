"""ALTER TABLE … ADD CONSTRAINT, DROP CONSTRAINT, ALTER COLUMN … SET NOT NULL and DROP NOT NULL.

Only the text changes, if the rows suit it. Views and triggers are not looked at.
"""

from __future__ import annotations

import re

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.generated import row_of
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_schema_expr, check_table_expressions
from turso_wasm.bind.scope import column_of
from turso_wasm.catalog import ddl
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.edit_constraints import ConstraintText
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import SQL, change, rebuilt, refuse_system, target
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

CONSTRAINT_FAILED = 19
_TRAILING = re.compile(r"(\s|;|--[^\n]*)*$")


def plan_add_constraint(binder: Binder, node: ast.AddConstraint) -> Changed:
    """ALTER TABLE t ADD [CONSTRAINT name] CHECK (…).

    Errors: "constraint x already exists", "constraint failed" if a row violates it, those of the expression.
    """
    catalog, table, text = _editable(binder, node.table)
    name = node.constraint.name
    if name is not None and text.has(name):
        fail(f"constraint {name} already exists", node)
    sql = text.with_constraint(_written(binder, node.constraint))
    item = row_of(binder, table)
    check_table_expressions(binder, rebuilt(table, sql, "change"), item)
    condition = bind_schema_expr(binder, node.constraint.expr, [item], binder.sql, "a CHECK constraint")
    violated = bound.IsTruth(operand=condition, wanted=False)
    return _changed(binder, catalog, table, sql, _if_any(table, item, violated))


def plan_drop_constraint(binder: Binder, node: ast.DropConstraint) -> Changed:
    """ALTER TABLE t DROP CONSTRAINT name. Errors: "no such constraint: x", "constraint may not be dropped: x"."""
    catalog, table, text = _editable(binder, node.table)
    return _changed(binder, catalog, table, text.without(node.name))


def plan_not_null(binder: Binder, node: ast.AlterColumnNotNull) -> Changed:
    """ALTER TABLE t ALTER COLUMN a SET NOT NULL, DROP NOT NULL.

    Errors: "no such column: a", "constraint failed" if it is NULL in a row.
    """
    catalog, table, text = _editable(binder, node.table)
    number = table.numbers.get(fold(node.column))
    if number is None:
        fail(f"no such column: {node.column}", node)
    sql = text.nullable(number)
    if node.constraint is None:
        return _changed(binder, catalog, table, sql)
    sql = _text(sql).with_column_constraint(number, _written(binder, node.constraint))
    item = row_of(binder, table)
    missing = bound.IsNull(operand=column_of(item, number))
    return _changed(binder, catalog, table, sql, _if_any(table, item, missing))


def _editable(binder: Binder, name: ast.QualifiedName) -> tuple[Catalog, Table, ConstraintText]:
    """The table and its text. Errors: those of `target`; "cannot edit constraints of view "v"", a virtual table's."""
    catalog, table = target(binder, name)
    refuse_system(table, name)
    if table.kind != "table":
        what = "virtual table" if table.kind == "virtual" else "view"
        fail(f'cannot edit constraints of {what} "{table.name}"', name)
    sql = catalog.entries[fold(table.name)].sql
    assert sql is not None
    return catalog, table, _text(sql)


def _text(sql: str) -> ConstraintText:
    statement, _ = parse_one(sql)
    assert isinstance(statement, ast.CreateTable)
    return ConstraintText(sql, statement)


def _written(binder: Binder, node: ast.Check | ast.NotNull) -> str:
    """The constraint as it is written, with a comment in /* */ behind it."""
    start, end = node.span
    return _TRAILING.sub("", binder.sql[start : ddl.statement_end(binder.sql, end)])


def _if_any(table: Table, item: Item, condition: bound.Expr) -> nodes.RaiseOnRow:
    """Fail if there is a row of which this is true."""
    scan = nodes.TableScan(source=item.source, table=table, columns=frozenset(table.record_order))
    return nodes.RaiseOnRow(
        child=nodes.Filter(child=scan, predicate=condition), message="constraint failed", code=CONSTRAINT_FAILED
    )


def _changed(binder: Binder, catalog: Catalog, table: Table, sql: str, *before: nodes.Step) -> Changed:
    rebuilt(table, sql, "change")
    entry = catalog.entries[fold(table.name)]
    return nodes.Ddl(slot=catalog.slot, steps=(*before, change(binder, catalog, entry, {SQL: sql}))), catalog
