"""ALTER TABLE … DROP COLUMN."""

from __future__ import annotations

from itertools import chain

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.generated import check_generated, row_of
from turso_wasm.bind.schema import bind_checks, bind_index_terms, bind_schema_expr
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.indexes import build_index
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.alter.rows import SQL, change, reaching, rebuilt, refuse_rowid, refuse_system, target, unreached
from turso_wasm.plan.alter.soundness import check_sound, concerned
from turso_wasm.plan.alter.strings import quoted_strings, string_changes
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one


def plan_drop_column(binder: Binder, node: ast.DropColumn) -> Changed:
    """ALTER TABLE t DROP COLUMN a: the text loses the column, every record its field.

    Errors: no such column: "a", names of the rowid,
    cannot drop … column: "a", what the schema says without it.
    """
    catalog, table = target(binder, node.table)
    refuse_system(table, node.table)
    if table.kind == "view":
        fail(f'cannot drop column from view "{table.name}"', node.table)
    if table.kind == "virtual":
        fail(f'cannot drop column from virtual table "{table.name}"', node.table)
    number = table.numbers.get(fold(node.column))
    if number is None:
        fail(f'no such column: "{node.written.text}"', node.written)
    refuse_rowid(table, node.column, "drop", node)
    _refuse_drop(table, number, node)
    check_sound(binder, concerned(table))
    entry = catalog.entries[fold(table.name)]
    source, strings, _ = quoted_strings(binder, catalog, entry)
    fixed = source.replaced((), "", False, strings)
    statement, _ = parse_one(fixed)
    assert statement is not None
    sql = edit.without_column(edit.StoredText(fixed, statement), number)
    changed = rebuilt(table, sql, "drop column")
    _check_dropped(binder, catalog, table, changed, fold(node.column))
    keep = tuple(at for at in range(len(table.columns)) if at != number)
    others = (place for place in chain(reaching(binder, table), unreached(binder, table)) if place[1] is not entry)
    changes = [(catalog, entry, {SQL: sql}), *string_changes(binder, others)]
    steps: list[nodes.Step] = [change(binder, *each) for each in changes]
    if not table.columns[number].is_virtual:
        steps.insert(0, nodes.RewriteRows(table=table, keep=keep))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _refuse_drop(table: Table, number: int, node: ast.DropColumn) -> None:
    column = table.columns[number]
    if column.primary_key:
        fail(f'cannot drop PRIMARY KEY column: "{node.column}"', node)
    if column.unique:
        fail(f'cannot drop UNIQUE column: "{node.column}"', node)
    if len(table.columns) == 1:
        fail(f'cannot drop column "{node.column}": no other columns exist', node)


def _check_dropped(binder: Binder, catalog: Catalog, table: Table, changed: Table, name: str) -> None:
    """Nothing else of the schema may need the column. Errors: "error in index i after drop column: no such column:
    a".
    """
    where = f"table {table.name}"
    try:
        item = row_of(binder, changed)
        check_generated(binder, changed, item, loops=True)
        bind_checks(binder, changed, item)
        for expr in (*(check.expr for check in changed.checks), *(column.generated for column in changed.columns)):
            if expr is not None:
                _refuse_quoted(expr, name)
        for index in table.indexes:
            if index.sql is not None:
                where = f"index {index.name}"
                statement, _ = parse_one(index.sql)
                assert isinstance(statement, ast.CreateIndex)
                _refuse_quoted(statement, name)
                if (term := edit.string_term(statement, changed)) is not None:
                    raise SqlError(SQLITE_ERROR, f"no such column: {term}")
                item = row_of(binder, changed)
                if statement.where is not None:
                    bind_schema_expr(binder, statement.where, [item], index.sql)
                bind_index_terms(binder, build_index(statement, changed), item)
    except SqlError as error:
        raise SqlError(error.code, f"error in {where} after drop column: {error.message}") from None
    if not binder.settings.legacy_alter_table:
        with catalog.replaced(table.name, changed):
            check_sound(binder, concerned(table), " after drop column")


def _refuse_quoted(root: ast.Node, name: str) -> None:
    """The (folded) name of the dropped column in double quotes must not become a string."""
    for node in syntax_nodes(root):
        if isinstance(node, ast.ColumnRef) and node.double_quoted and fold(node.column) == name:
            hint = "should this be a string literal in single-quotes?"
            raise SqlError(SQLITE_ERROR, f'no such column: "{node.column}" - {hint}')
