"""INSERT, UPDATE and DELETE: which columns are written, with what, and what RETURNING shows.

Owns the errors about target tables, column lists and numbers of values. Rows to be written are found by the planner.

Source: https://sqlite.org/lang_insert.html, https://sqlite.org/lang_update.html, https://sqlite.org/lang_returning.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field, replace

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.first_errors import outside_selects
from turso_wasm.bind.generated import row_of
from turso_wasm.bind.query import Core, Item, OutputColumn, Query
from turso_wasm.bind.result_columns import describe
from turso_wasm.bind.rows import row_parts
from turso_wasm.bind.schema import bind_checks, bind_default, bind_index_terms
from turso_wasm.bind.scope import Scope, column_of, column_ref
from turso_wasm.bind.table_functions import find_function
from turso_wasm.bind.tables import check_readable, common_tables, must_find_table, open_view
from turso_wasm.bind.triggers import ROWID, Event, triggers_fired
from turso_wasm.bind.types import column_type, encoded_column, encoded_default, read_value
from turso_wasm.bind.walk import all_of, query_items, strip_collation, transform, transform_query
from turso_wasm.catalog.constants import is_constant
from turso_wasm.catalog.modules.module import HIDDEN
from turso_wasm.catalog.modules.registry import find_module
from turso_wasm.catalog.names import ROWID_NAMES, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast
from turso_wasm.sql.limits import check_columns


@dataclass(slots=True)
class Target:
    """A row being written, as expressions see it: `item` is the row source of the new (or deleted) row."""

    table: Table
    item: Item
    checks: tuple[tuple[bound.Expr, str], ...] = ()
    defaults: dict[int, bound.Expr] = field(default_factory=dict)  # of NOT NULL columns, where they are expressions
    index_exprs: dict[str, tuple[bound.Expr | None, ...]] = field(default_factory=dict)
    index_where: dict[str, bound.Expr] = field(default_factory=dict)


def target_table(
    binder: Binder, name: ast.QualifiedName, event: Event, assigned: Collection[str] | None = None
) -> Table:
    """The table that a statement changes, or a view with triggers for that. assigned: the (folded) names of the columns
    that an UPDATE writes. Errors: "no such table: x", "cannot modify x because it is a view".
    """
    if find_function(binder, name.name) and binder.catalogs.find_table(name.name, None) is None:
        fail(f"table {name.name} may not be modified", name)
    table = must_find_table(binder, name.name, name.schema, name)
    check_writable(binder, table, event, name, assigned)
    binder.written.add(table.slot)
    return table


def check_writable(
    binder: Binder, table: Table, event: Event, node: ast.Node, assigned: Collection[str] | None = None
) -> None:
    """Refuse the schema tables, virtual tables, and views that no trigger answers for.

    Errors: "cannot modify v because it is a view", "table t may not be modified", "no such module: m".
    """
    catalog = binder.catalogs.slots[table.slot]
    if table.kind == "view":
        if triggers_fired(binder, table, event, assigned):
            return
        if catalog is not None and catalog.materialized(table.name) is not None:
            fail(f"cannot modify materialized view {table.name}", node)
        open_view(binder, table, node)  # what is wrong in it comes first
        fail(f"cannot modify {table.name} because it is a view", node)
    if binder.lift and not binder.is_ours and catalog is not None and catalog.keeps(table.name):
        fail(f"table {table.name} may not be modified", node)
    if table.root == 1 and not binder.settings.writable_schema:
        fail(f"table {table.name} may not be modified", node)
    check_readable(binder, table, node)
    module = find_module(table.module) if table.kind == "virtual" else None
    if module is not None and not module.is_writable:
        fail(f"table {table.name} may not be modified", node)


def bind_target(
    binder: Binder,
    table: Table,
    item: Item,
    conflict: str | None = None,
    changed: Collection[int] | None = None,
    *,
    with_checks: bool = True,
) -> Target:
    """The constraints and index expressions of `table` over the row source `item`. conflict: what the statement says of
    conflicts. changed: the columns that may be NULL now; None: any.
    """
    target = Target(table, item)
    if with_checks:
        if not binder.settings.ignore_check_constraints:
            target.checks = bind_checks(binder, table, item)
        for number, column in enumerate(table.columns):
            replaces = (conflict or column.not_null_conflict) == "REPLACE" and (changed is None or number in changed)
            if column.not_null and replaces and not is_constant(column.default):
                target.defaults[number] = bind_default(binder, table, column)
    for index in table.indexes:
        if index.where is None and all(column.expr is None for column in index.columns):
            continue
        terms = bind_index_terms(binder, index, item)
        if terms.exprs:
            target.index_exprs[index.name] = tuple(terms.exprs.get(at) for at in range(len(index.columns)))
        where = all_of(terms.where)
        if where is not None:
            target.index_where[index.name] = where
    return target


def new_row(binder: Binder, table: Table) -> Item:
    """A row source for a row of `table` that is being written."""
    return row_of(binder, table)


# --- INSERT -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class InsertColumns:
    """Where the values of an INSERT go: for each table column (and -1, the rowid) the position of its value."""

    positions: dict[int, int]
    n_values: int
    listed: bool


def target_label(node: ast.Insert) -> str:
    """What messages call the table: as it is written, or its alias."""
    schema = f"{node.table.schema}." if node.table.schema is not None else ""
    return node.alias or f"{schema}{node.table.name}"


def insert_columns(binder: Binder, table: Table, names: tuple[ast.Name, ...], label: str) -> InsertColumns:
    """The column list of an INSERT; of a column named twice the first value counts, of the rowid the last. Errors:
    "table t has no column named x", but not where ALTER TABLE asks.
    """
    if not names:
        given = [at for at, column in enumerate(table.columns) if column.generated is None and column.hidden != HIDDEN]
        return InsertColumns({number: at for at, number in enumerate(given)}, len(given), False)
    positions: dict[int, int] = {}
    for at, name in enumerate(names):
        key = fold(name.text)
        number = table.numbers.get(key)
        if number is None:
            if binder.trace is not None:
                continue
            if key not in ROWID_NAMES or table.without_rowid:
                fail(f"table {label} has no column named {name.text}", name)
            number = ROWID
        elif number == table.rowid_alias:
            number = ROWID
        if number >= 0 and table.columns[number].generated is not None:
            fail(f'cannot INSERT into generated column "{table.columns[number].name}"', name)
        if number == ROWID or number not in positions:
            positions[number] = at
    return InsertColumns(positions, len(names), True)


def check_n_values(binder: Binder, columns: InsertColumns, n_values: int, node: ast.Insert) -> None:
    """Errors: "table t has 2 columns but 3 values were supplied", "3 values for 2 columns"; none under ALTER TABLE."""
    if n_values == columns.n_values:
        return
    if binder.trace is not None:
        for number in [number for number, at in columns.positions.items() if at >= n_values]:
            del columns.positions[number]
        return
    if columns.listed:
        fail(f"{n_values} values for {columns.n_values} columns", node)
    fail(f"table {target_label(node)} has {columns.n_values} columns but {n_values} values were supplied", node)


def column_values(
    binder: Binder, table: Table, columns: InsertColumns, given: tuple[bound.Expr, ...]
) -> tuple[tuple[bound.Expr, ...], bound.Expr | None]:
    """One expression a column, defaults filled in, and the rowid's expression if one is given."""
    values: list[bound.Expr] = []
    rowid = given[columns.positions[ROWID]] if ROWID in columns.positions else None
    if rowid is not None and table.rowid_alias >= 0:
        rowid = encoded_column(binder, table, table.rowid_alias, rowid)
    for number, column in enumerate(table.columns):
        at = columns.positions.get(number)
        if number == table.rowid_alias:
            if at is not None:
                rowid = encoded_column(binder, table, number, given[at])
            values.append(bound.Constant(value=None))
        elif at is not None:
            values.append(encoded_column(binder, table, number, given[at]))
        else:
            values.append(encoded_default(binder, table, column, bind_default(binder, table, column)))
    return tuple(values), rowid


def note_defaults(binder: Binder, table: Table, columns: InsertColumns, node: ast.Insert) -> None:
    """Which columns DEFAULT stands for, in VALUES."""
    core = None if node.source is None else node.source.core
    if isinstance(core, ast.Values):
        at_column = {at: number for number, at in columns.positions.items()}
        for row in core.rows:
            for at, value in enumerate(row):
                if isinstance(value, ast.DefaultValue) and at in at_column:
                    binder.defaults[id(value)] = (table, at_column[at])


def bind_default_value(binder: Binder, node: ast.DefaultValue, scope: Scope | None) -> bound.Expr:
    """Errors: it stands elsewhere than among the values of an INSERT."""
    known = binder.defaults.get(id(node))
    if known is None:
        fail('near "DEFAULT": syntax error', node)
    table, number = known
    if number < 0 or number == table.rowid_alias:
        return bound.Constant(value=None)
    column = table.columns[number]
    value, type_ = bind_default(binder, table, column), column_type(binder, table, column)
    return value if type_ is None else read_value(binder, type_, value)


EXPRESSIONS[ast.DefaultValue] = bind_default_value


# --- UPDATE -------------------------------------------------------------------------------------------------------


def bind_assignments(
    binder: Binder, table: Table, assignments: tuple[ast.Assignment, ...], scope: Scope
) -> dict[int, bound.Expr]:
    """New values by column number (-1: the rowid); of a column assigned twice the last value counts."""
    found: dict[int, bound.Expr] = {}
    for assignment in assignments:
        with outside_selects(binder, [assignment.value], scope):
            values = _assigned_values(binder, assignment, scope)
        numbers = [_assigned_column(binder, table, name) for name in assignment.columns]
        for number, value in zip(numbers, values, strict=True):
            found.pop(number, None)
            typed = table.rowid_alias if number == ROWID else number
            found[number] = strip_collation(value if typed < 0 else encoded_column(binder, table, typed, value))
    return found


def assigned_names(assignments: tuple[ast.Assignment, ...]) -> frozenset[str]:
    """The (folded) names that are written: UPDATE OF goes by them."""
    return frozenset(fold(name.text) for assignment in assignments for name in assignment.columns)


def _assigned_column(binder: Binder, table: Table, name: ast.Name) -> int:
    key = fold(name.text)
    number = table.numbers.get(key)
    if number is None:
        if (key not in ROWID_NAMES or table.without_rowid) and binder.trace is None:
            fail(f"no such column: {name.text}", name)
        return ROWID
    if table.columns[number].generated is not None:
        fail(f'cannot UPDATE generated column "{table.columns[number].name}"', name)
    return ROWID if number == table.rowid_alias else number


def _assigned_values(binder: Binder, assignment: ast.Assignment, scope: Scope) -> list[bound.Expr]:
    if not assignment.row or len(assignment.columns) == 1:
        return [binder.expr(assignment.value, scope)]
    n = len(assignment.columns)
    parts = row_parts(binder, assignment.value, replace(scope, row_width=n))
    if len(parts) != n and binder.trace is None:  # ALTER TABLE does not count
        message = f"{n} columns assigned {len(parts)} values"
        if type(assignment.value) is not ast.Subquery:
            fail(message, assignment)
        binder.later(message, assignment)
    return [*parts, *[bound.Constant(value=None)] * n][:n]


# --- RETURNING ----------------------------------------------------------------------------------------------------


def bind_returning(
    binder: Binder, node: ast.Insert | ast.Update | ast.Delete, item: Item
) -> tuple[list[bound.Expr], list[OutputColumn]]:
    """The result columns of RETURNING over the row source `item`. They may name the statement's common tables.

    Errors: those of expressions, RETURNING may not use "TABLE.*" wildcards.
    """
    with common_tables(binder, node.with_), binder.names_first():
        return _bind_returning(binder, node.returning, item)


def _bind_returning(
    binder: Binder, columns: tuple[ast.ResultColumn | ast.Star, ...], item: Item
) -> tuple[list[bound.Expr], list[OutputColumn]]:
    exprs: list[bound.Expr] = []
    described: list[OutputColumn] = []
    scope = Scope([replace(item, schema=None)], core=Core([], []), constants=frozenset({item.source}))
    is_full = binder.settings.full_column_names and not binder.settings.short_column_names
    for column in columns:
        if isinstance(column, ast.Star):
            if column.table is not None:
                fail('RETURNING may not use "TABLE.*" wildcards', column)
            for number, name in enumerate(item.columns):
                ref = column_of(item, number)
                exprs.append(ref)
                assert isinstance(ref, bound.ColumnRef | bound.Generated)
                label = f"{item.name}.{name}" if is_full else name
                described.append(OutputColumn(label, ref.decltype, ref.table, ref.origin))
        else:
            expr = binder.expr(column.expr, scope)
            exprs.append(_asked_for_each_row(strip_collation(expr), item))
            described.append(describe(binder, column, expr, [item]))
    check_columns(len(exprs), "in result set")
    return exprs, described


def _asked_for_each_row(expr: bound.Expr, item: Item) -> bound.Expr:
    """Subqueries of RETURNING that read the table see it as each row leaves it: they depend on the row."""
    stored = item.table.record_order[0] if item.table is not None and item.table.columns else 0
    row = column_ref(item, stored)

    def depend(found: bound.Expr) -> bound.Expr | None:
        if not isinstance(found, bound.SubqueryExpr) or not isinstance(found.plan, Query):
            return None
        if not any(source.table is item.table for source in query_items(found.plan)):
            return None
        operand = None if found.operand is None else transform(found.operand, depend)
        return replace(found, operand=operand, plan=transform_query(found.plan, depend), outer=found.outer or (row,))

    return transform(expr, depend)
