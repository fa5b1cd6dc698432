"""Plans of ALTER TABLE: the stored texts are edited, and where the rows change shape they are rewritten.

Every object whose text names what is renamed is edited: the table, its indexes, foreign keys of other tables, views.
Under PRAGMA legacy_alter_table RENAME TO leaves what views and triggers do as it is, and foreign keys unless they are
enforced; and no change asks whether views and triggers are still sound after it.

Source: https://sqlite.org/lang_altertable.html, https://sqlite.org/pragma.html#pragma_legacy_alter_table
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail, unsupported
from turso_wasm.bind.generated import check_generated, row_of
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_index_terms, bind_schema_expr, check_table_expressions
from turso_wasm.bind.scope import column_of, column_ref, table_item
from turso_wasm.bind.triggers import temp_triggers
from turso_wasm.catalog import ddl, edit
from turso_wasm.catalog.catalog import Catalog, Catalogs, Entry, Row
from turso_wasm.catalog.constants import constant_value, is_constant
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.functions import MISSING_COLLATION
from turso_wasm.catalog.indexes import build_index
from turso_wasm.catalog.names import TEMP_SLOT, fold, is_reserved
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.catalog.tables import build_table, check_default
from turso_wasm.plan import nodes
from turso_wasm.plan.alter_triggers import assigned_tokens, check_triggers, trace_trigger, unsound
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

TYPE, NAME, TBL_NAME, ROOTPAGE, SQL = range(5)

Spans: TypeAlias = list[tuple[int, int]]
Changes: TypeAlias = tuple[Entry, dict[int, str]]
"""A row of sqlite_schema, and its new values by column."""


def _target(binder: Binder, name: ast.QualifiedName) -> tuple[Catalog, Table]:
    """The table to alter. Errors: "no such table: x", "table x may not be altered"."""
    table = binder.catalogs.find_table(name.name, name.schema)
    if table is None:
        shown = name.name if name.schema is None else f"{name.schema}.{name.name}"
        fail(f"no such table: {shown}", name)
    if table.failure:
        fail(table.failure, name)
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    return catalog, table


def _refuse_system(table: Table, node: ast.Node) -> None:
    if table.root == 1 or fold(table.name).startswith("sqlite_"):
        fail(f"table {table.name} may not be altered", node)


def _refuse_triggers(binder: Binder, changed: Catalog, names: tuple[str, ...], node: ast.Node) -> None:
    """Texts of triggers of another database (of temp) are not edited yet, so none may mention what changes its name."""
    for catalog in binder.catalogs.search_order:
        for entry in catalog.trigger_entries.values() if catalog is not changed else ():
            source = _source(entry)
            if any(edit.mentions(source, name) for name in names):
                unsupported(f"ALTER TABLE of what trigger {entry.name} mentions", node)


def _source(entry: Entry) -> edit.StoredText:
    assert entry.sql is not None
    statement, _ = parse_one(entry.sql)
    assert statement is not None
    return edit.StoredText(entry.sql, statement)


def _change(binder: Binder, catalog: Catalog, entry: Entry, values: dict[int, str]) -> nodes.RunStatement:
    """UPDATE sqlite_schema SET … of one row."""
    table = catalog.find_table("sqlite_master")
    assert table is not None
    old = table_item(binder.new_source(), table, None)
    new = binder.new_source()
    scan = nodes.TableScan(source=old.source, table=table, columns=frozenset({TYPE, NAME}))
    same_type = bound.Compare(op="=", left=column_ref(old, TYPE), right=bound.Constant(value=entry.type))
    same_name = bound.Compare(op="=", left=column_ref(old, NAME), right=bound.Constant(value=entry.name))
    row = tuple(bound.Constant(value=values[at]) if at in values else column_ref(old, at) for at in range(5))
    child = nodes.Filter(child=scan, predicate=bound.Binary(op="and", left=same_type, right=same_name))
    return nodes.RunStatement(
        plan=nodes.Update(
            table=table, child=child, old_source=old.source, source=new, values=row, changed=frozenset(values)
        )
    )


# --- RENAME TO ----------------------------------------------------------------------------------------------------


def plan_rename_table(binder: Binder, node: ast.RenameTable) -> Changed:
    """ALTER TABLE t RENAME TO u.

    Errors: "no such table: t", "there is already another table or index with this name: u", a reserved name, a view.
    """
    catalog, table = _target(binder, node.table)
    if catalog.find_table(node.to) is not None or catalog.find_index(node.to) is not None:
        fail(f"there is already another table or index with this name: {node.to}", node)
    _refuse_system(table, node.table)
    if is_reserved(node.to):
        fail(f"object name reserved for internal use: {node.to}", node)
    if table.kind == "view":
        fail(f"view {table.name} may not be altered", node.table)
    legacy = binder.settings.legacy_alter_table
    if not legacy:
        _refuse_triggers(binder, catalog, (table.name,), node)
        _check_sound(binder, catalog, table.name)
    elif temp_triggers(binder, table):
        unsupported("ALTER TABLE of what a trigger of temp is on", node)
    changes = _renamed_rows(binder, catalog, table, node.to)
    for suffix, shadow in catalog.shadows_of(table).items():
        changes += _renamed_rows(binder, catalog, shadow, f"{node.to}_{suffix}")
    after = _after(catalog, changes)
    if legacy:
        _check_own(binder, after, node.to)
    else:
        _check_renamed(binder, after)
    steps = [_change(binder, catalog, entry, values) for entry, values in changes]
    sequence = catalog.find_table("sqlite_sequence")
    if table.autoincrement and sequence is not None:
        steps.append(_rename_sequence(binder, sequence, table.name, node.to))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _check_sound(binder: Binder, catalog: Catalog, name: str) -> None:
    """Views and triggers must be sound before the change. name: of the table. Errors: as `_trace_view`."""
    for entry in catalog.entries.values():
        if entry.type == "view":
            _trace_view(binder, catalog, entry, name)
    check_triggers(binder, catalog)


def _renamed_rows(binder: Binder, catalog: Catalog, table: Table, to: str) -> list[Changes]:
    key = fold(table.name)
    settings = binder.settings
    found = []
    for entry in _entries(catalog):
        own = fold(entry.table) == key and entry.type in ("table", "index")
        values: dict[int, str] = {}
        if own or (entry.type == "trigger" and fold(entry.table) == key):
            values[TBL_NAME] = to
            if entry.type == "trigger":
                pass
            elif entry.type == "table":
                values[NAME] = to
            elif entry.sql is None:
                values[NAME] = f"sqlite_autoindex_{to}_{entry.name.rpartition('_')[2]}"
        if entry.sql is not None:
            source = _source(entry)
            if settings.legacy_alter_table:
                spans = list(edit.owner_tokens(source, table.name, own, settings.foreign_keys))
            else:
                spans = list(edit.table_tokens(source, table.name, own))
            if spans:
                values[SQL] = source.replaced(spans, to, always_quoted=True)
        if values:
            found.append((entry, values))
    return found


def _after(catalog: Catalog, changes: list[Changes]) -> Catalog:
    """The changed schema."""
    changed = {id(entry): values for entry, values in changes}
    rows: list[Row] = []
    for entry in _entries(catalog):
        row = (entry.type, entry.name, entry.table, entry.root, entry.sql)
        values = changed.get(id(entry), {})
        rows.append(tuple(values.get(at, old) for at, old in enumerate(row)))  # type: ignore[arg-type]
    return Catalog(catalog.slot, catalog.name, rows, descending=catalog.descending)


def _check_own(binder: Binder, after: Catalog, name: str) -> None:
    """What the renamed table and its indexes compute must not name it as it was called. Errors: "error in table t after
    rename: …".
    """
    table = after.find_table(name)
    assert table is not None
    where = f"table {table.name}"
    try:
        item = row_of(binder, table)
        check_table_expressions(binder, table, item)
        for index in table.indexes:
            where = f"index {index.name}"
            bind_index_terms(binder, index, item)
    except SqlError as error:
        raise SqlError(error.code, f"error in {where} after rename: {error.message}") from None


def _check_renamed(binder: Binder, after: Catalog) -> None:
    """Every view and trigger must be sound in the changed schema. Errors: "error in view v after rename: …"."""
    if binder.settings.legacy_alter_table:
        return
    catalogs = list(binder.catalogs.slots)
    catalogs[after.slot] = after
    saved = binder.catalogs
    binder.catalogs = Catalogs(catalogs, saved.order, saved.settings)
    try:
        for entry in after.entries.values():
            if entry.type == "view":
                _trace_view(binder, after, entry, None, " after rename")
        check_triggers(binder, after, " after rename")
    finally:
        binder.catalogs = saved


def _entries(catalog: Catalog) -> list[Entry]:
    return [*catalog.entries.values(), *catalog.index_entries.values(), *catalog.trigger_entries.values()]


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


# --- RENAME COLUMN ------------------------------------------------------------------------------------------------


def plan_rename_column(binder: Binder, node: ast.RenameColumn) -> Changed:
    """ALTER TABLE t RENAME COLUMN a TO b.

    Errors: no such column: "a", "error in table t after rename: duplicate column name: b", a view; what the schema says
    with the new name.
    """
    catalog, table = _target(binder, node.table)
    _refuse_system(table, node.table)
    if table.kind == "view":
        fail(f'cannot rename columns of view "{table.name}"', node.table)
    if table.kind == "virtual":
        fail(f'cannot rename columns of virtual table "{table.name}"', node.table)
    if fold(node.column) not in table.numbers:
        fail(f'no such column: "{node.column}"', node)
    _refuse_triggers(binder, catalog, (table.name, node.column), node)
    changes: list[Changes] = []
    for entry, source, spans, strings in _column_places(binder, catalog, table, node.column):
        if spans or strings:
            changes.append((entry, {SQL: source.replaced(spans, node.to, node.to_quoted, strings)}))
    other = table.numbers.get(fold(node.to))
    if other is not None and other != table.numbers[fold(node.column)]:
        fail(f"error in table {table.name} after rename: duplicate column name: {node.to}", node)
    _check_renamed(binder, _after(catalog, changes))
    return nodes.Ddl(slot=catalog.slot, steps=tuple(_change(binder, catalog, *change) for change in changes)), catalog


def _column_places(
    binder: Binder, catalog: Catalog, table: Table, column: str
) -> Iterator[tuple[Entry, edit.StoredText, Spans, Spans]]:
    """(entry, its text, where that names the column, where it has strings in double quotes)."""
    key = fold(table.name)
    for entry in _entries(catalog):
        if entry.sql is None:
            continue
        source = _source(entry)
        strings: Spans = []
        if entry.type == "view":
            trace = _trace_view(binder, catalog, entry, column)
            spans = [source.last_token(node.span) for node, ref in trace if _is_column(binder, ref, table, column)]
            strings = [source.token(node.span[0]) for node, ref in trace if isinstance(ref, bound.Constant)]
            yield entry, source, spans, strings
            continue
        if entry.type == "trigger":
            trigger = catalog.find_trigger(entry.name)
            assert trigger is not None
            trace = trace_trigger(binder, catalog, trigger)
            source = edit.StoredText(trigger.sql, trigger.node)  # the trace is about this tree
            spans = [source.last_token(node.span) for node, ref in trace if _is_column(binder, ref, table, column)]
            spans += assigned_tokens(source, catalog, table, column)
            strings = [source.token(node.span[0]) for node, ref in trace if isinstance(ref, bound.Constant)]
            yield entry, source, spans, strings
            continue
        owner = catalog.find_table(entry.table)
        if owner is not None and not isinstance(source.statement, ast.CreateVirtualTable):
            strings = list(edit.string_tokens(source, owner))
            _refuse_string_term(source, owner, entry, "" if owner is table else " after rename")
        if fold(entry.table) == key:
            spans = list(edit.own_column_tokens(source, table.name, column))
        else:
            spans = list(edit.referenced_column_tokens(source, table.name, column))
        yield entry, source, spans, strings


def _refuse_string_term(source: edit.StoredText, owner: Table, entry: Entry, when: str) -> None:
    if (
        isinstance(source.statement, ast.CreateIndex)
        and (term := edit.string_term(source.statement, owner)) is not None
    ):
        raise SqlError(SQLITE_ERROR, f"error in index {entry.name}{when}: no such column: {term}")


def _trace_view(
    binder: Binder, catalog: Catalog, entry: Entry, name: str | None, when: str = ""
) -> list[tuple[ast.ColumnRef, bound.Expr]]:
    """What each name in a view's text means. Errors: "error in view v: …"; if we cannot read the view, only where it
    mentions `name`.
    """
    source = _source(entry)
    assert isinstance(source.statement, ast.CreateView)
    saved = binder.sql, binder.default_schema, binder.lift
    binder.sql, binder.lift, binder.trace = source.sql, False, []
    binder.default_schema = None if catalog.slot == TEMP_SLOT else catalog.name
    try:
        binder.nested_select(source.statement.select, None)
        return binder.trace
    except SqlError as error:
        if error.message.startswith("not supported yet") and (name is None or not edit.mentions(source, name)):
            return []
        raise unsound(binder, f"view {entry.name}{when}", error) from None
    finally:
        binder.sql, binder.default_schema, binder.lift = saved
        binder.trace = None


def _is_column(binder: Binder, expr: bound.Expr, table: Table, column: str) -> bool:
    """It is the column of the table itself, not one that a subquery or view made of it."""
    if isinstance(expr, bound.Generated):
        return expr.table == table.name and fold(expr.name) == fold(column)
    if not isinstance(expr, bound.ColumnRef) or binder.scanned.get(expr.source) is not table:
        return False
    number = table.numbers[fold(column)]
    return expr.column == number or (expr.column == -1 and number == table.rowid_alias)


# --- ADD COLUMN ---------------------------------------------------------------------------------------------------


def plan_add_column(binder: Binder, node: ast.AddColumn) -> Changed:
    """ALTER TABLE t ADD COLUMN …: only the text changes; old records give the column its default.

    Errors: "duplicate column name: c", "Cannot add a … column"; "not supported yet" for generated ones.
    """
    catalog, table = _target(binder, node.table)
    _refuse_system(table, node.table)
    if table.kind == "view":
        fail("Cannot add a column to a view", node.table)
    if table.kind == "virtual":
        fail("virtual tables may not be altered", node.table)
    entry = catalog.entries[fold(table.name)]
    source = _source(entry)
    if fold(node.column.name) in table.numbers:
        fail(f"duplicate column name: {node.column.name}", node.column)
    start = node.column.span[0]
    text = binder.sql[start : ddl.statement_end(binder.sql, node.column.span[1])].rstrip(" \t\n\f\r;")
    at = edit.columns_end(source)
    sql = f"{source.sql[:at]}, {text}{source.sql[at:]}"
    _check_definition(node.column)
    changed = _rebuild(table, sql, "add column")
    column = changed.columns[-1]
    if column.generated is not None and not column.is_virtual:
        fail("cannot add a STORED column", node.column)
    item = row_of(binder, changed)
    try:
        check_generated(binder, changed, item, loops=True)
    except SqlError as error:
        raise SqlError(error.code, f"error in table {table.name} after add column: {error.message}") from None
    check_table_expressions(binder, changed, item)
    steps = [*_existing_rows(binder, node.column, changed, column, item), _change(binder, catalog, entry, {SQL: sql})]
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps)), catalog


def _check_definition(definition: ast.ColumnDef) -> None:
    generated = False
    for constraint in definition.constraints:
        if isinstance(constraint, ast.Default):
            check_default(constraint, definition.name)
            if generated:
                fail("cannot use DEFAULT on a generated column", constraint)
        generated |= isinstance(constraint, ast.Generated)
    for constraint in definition.constraints:
        if isinstance(constraint, ast.PrimaryKey):
            fail("Cannot add a PRIMARY KEY column", constraint)
        if isinstance(constraint, ast.Unique):
            fail("Cannot add a UNIQUE column", constraint)


def _rebuild(table: Table, sql: str, what: str) -> Table:
    """The table that the edited text makes. Errors: "error in table t after add column: …"."""
    try:
        statement, _ = parse_one(sql)
        assert isinstance(statement, ast.CreateTable)
        return build_table(statement, sql, root=table.root, slot=table.slot, schema=table.schema)
    except SqlError as error:
        if error.code == MISSING_COLLATION:
            raise
        raise SqlError(error.code, f"error in table {table.name} after {what}: {error.message}") from None


def _existing_rows(
    binder: Binder, definition: ast.ColumnDef, table: Table, column: Column, item: Item
) -> Iterator[nodes.Step]:
    """What must not be if the table has rows: they get the default, and it must suit every constraint."""
    columns = frozenset(number for number in table.record_order if number < len(table.columns) - 1)
    scan = nodes.TableScan(source=item.source, table=table, columns=columns)
    default = constant_value(column.default) if is_constant(column.default) else None
    references = any(isinstance(constraint, ast.ForeignKey) for constraint in definition.constraints)
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


_CLASSES = {"D": int, "E": float, "B": str, "A": bytes}


def _fits(column: Column) -> bool:
    """Whether a STRICT column may hold its default."""
    if fold(column.decltype or "") == "any":
        return True
    return isinstance(column.absent_value, _CLASSES[column.affinity])


# --- DROP COLUMN --------------------------------------------------------------------------------------------------


def plan_drop_column(binder: Binder, node: ast.DropColumn) -> Changed:
    """ALTER TABLE t DROP COLUMN a: the text loses the column, every record its field.

    Errors: no such column: "a", cannot drop … column: "a", what the schema says without it; "not supported yet" for
    tables with generated columns.
    """
    catalog, table = _target(binder, node.table)
    _refuse_system(table, node.table)
    if table.kind == "view":
        fail(f'cannot drop column from view "{table.name}"', node.table)
    if table.kind == "virtual":
        fail(f'cannot drop column from virtual table "{table.name}"', node.table)
    number = table.numbers.get(fold(node.column))
    if number is None:
        fail(f'no such column: "{node.column}"', node)
    _refuse_drop(table, number, node)
    _refuse_triggers(binder, catalog, (table.name,), node)
    _check_sound(binder, catalog, table.name)
    entry = catalog.entries[fold(table.name)]
    sql = edit.without_column(_source(entry), number)
    changed = _rebuild(table, sql, "drop column")
    _check_dropped(binder, catalog, table, changed, fold(node.column))
    keep = tuple(at for at in range(len(table.columns)) if at != number)
    steps: list[nodes.Step] = [_change(binder, catalog, entry, {SQL: sql})]
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
        check_table_expressions(binder, changed, item)
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
    _check_views(binder, catalog, table, changed)


def _refuse_quoted(root: ast.Node, name: str) -> None:
    """The (folded) name of the dropped column in double quotes must not become a string."""
    for node in syntax_nodes(root):
        if isinstance(node, ast.ColumnRef) and node.double_quoted and fold(node.column) == name:
            hint = "should this be a string literal in single-quotes?"
            raise SqlError(SQLITE_ERROR, f'no such column: "{node.column}" - {hint}')


def _check_views(binder: Binder, catalog: Catalog, table: Table, changed: Table) -> None:
    """Views that name the table must still be valid without the column."""
    if binder.settings.legacy_alter_table:
        return
    key = fold(table.name)
    with catalog.replaced(table.name, changed):
        check_triggers(binder, catalog, " after drop column")
        for entry in catalog.entries.values():
            if entry.type != "view":
                continue
            source = _source(entry)
            assert isinstance(source.statement, ast.CreateView)
            if not any(isinstance(n, ast.TableSource) and fold(n.name) == key for n in source.nodes):
                continue
            try:
                binder.nested_select(source.statement.select, None)
            except SqlError as error:
                text = f"error in view {entry.name} after drop column: {error.message}"
                raise SqlError(error.code, text) from None
