"""FROM clauses: tables, views, common tables, subqueries and joins.

Owns opening of names (common table before table, view before use), USING and NATURAL, and the shape of the join: a
list of steps in the order of the text (bind.query.Step). Conditions are bound later, when all names are known
(`bind_conditions`).

A RIGHT JOIN is turned round: `l RIGHT JOIN r` becomes r with the group l as a left-joined step.

Source: https://sqlite.org/lang_select.html, https://sqlite.org/lang_with.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from turso_wasm.bind import nodes as b
from turso_wasm.bind.binder import Binder, CommonTables, fail, unsupported
from turso_wasm.bind.comparison import compare
from turso_wasm.bind.query import Core, Item, OutputColumn, Query, Step
from turso_wasm.bind.scope import Scope, column_ref, table_item
from turso_wasm.bind.walk import conjuncts, sources_used
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast

MAX_JOIN: int = 64

_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "jsonb_each", "jsonb_tree"})


@dataclass(slots=True)
class Pending:
    """An ON condition not yet bound. step: the left-joined step it belongs to, None for an inner join."""

    on: ast.Expr
    step: Step | None
    visible: set[int]  # sources that it may use: those up to its own join
    into: list[b.Expr]


@dataclass(slots=True)
class FromClause:
    """What is built while a FROM clause is walked."""

    binder: Binder
    scope: Scope
    core: Core
    pending: list[Pending] = field(default_factory=list)


def bind_from(binder: Binder, source: ast.Source | None, core: Core, scope: Scope) -> FromClause:
    """Fill `core.steps` and `scope.items`; USING conditions go to their place at once, ON conditions stay pending."""
    clause = FromClause(binder, scope, core)
    if source is not None:
        core.steps = _bind_source(clause, source, core.where)
        if len(scope.items) > MAX_JOIN:
            fail(f"at most {MAX_JOIN} tables in a join", source)
    return clause


def bind_conditions(clause: FromClause) -> None:
    """Bind the ON conditions: all names of the FROM clause are in scope, but an outer join's must not look to its
    right.
    """
    for pending in clause.pending:
        parts = conjuncts(clause.binder.expr(pending.on, clause.scope))
        if pending.step is not None:
            own = {item.source for item in clause.scope.items}
            for part in parts:
                if (sources_used(part) & own) - pending.visible:
                    fail("ON clause references tables to its right", pending.on)
        pending.into.extend(parts)


# --- joins --------------------------------------------------------------------------------------------------------


def _bind_source(clause: FromClause, source: ast.Source, where: list[b.Expr]) -> list[Step]:
    """The steps of a source; its inner conditions go to `where`."""
    chain: list[ast.Join] = []
    while isinstance(source, ast.Join):
        chain.append(source)
        source = source.left
    steps = _bind_operand(clause, source, where)
    for join in reversed(chain):
        steps = _bind_join(clause, steps, join, where)
    return steps


def _bind_join(clause: FromClause, steps: list[Step], join: ast.Join, where: list[b.Expr]) -> list[Step]:
    n_left = len(clause.scope.items)
    left_items = [item for step in steps for item in step.items()]
    if join.kind in ("COMMA", "INNER", "CROSS"):
        right = _bind_operand(clause, join.right, where)
        if join.kind == "CROSS":
            right[0].kind = "cross"
        new_items = clause.scope.items[n_left:]
        where.extend(_using(clause, join, left_items, new_items))
        if join.on is not None:
            clause.pending.append(Pending(join.on, None, set(), where))
        return steps + right
    if join.kind == "FULL":
        unsupported("FULL JOIN", join)
    inner: list[b.Expr] = []
    right = _bind_operand(clause, join.right, inner)
    right_items = clause.scope.items[n_left:]
    if join.kind == "RIGHT":
        if join.using is not None or join.natural:
            unsupported("RIGHT JOIN with USING or NATURAL", join)
        step = _turn_round(clause, steps, where, inner)
        nullable, result = left_items, [*right, step]
    else:
        step = _as_one_step(right, inner)
        nullable, result = right_items, [*steps, step]
    step.kind = "left"
    for item in nullable:
        item.nullable = True
        item.refs.clear()
    step.on.extend(_using(clause, join, left_items, right_items))
    if join.on is not None:
        visible = {item.source for item in clause.scope.items}
        clause.pending.append(Pending(join.on, step, visible, step.on))
    return result


def _turn_round(clause: FromClause, steps: list[Step], where: list[b.Expr], inner: list[b.Expr]) -> Step:
    """The left operand of a RIGHT JOIN as a step; `where` becomes the right operand's conditions `inner`."""
    left_where = list(where)
    where[:] = inner
    for pending in clause.pending:
        if pending.into is where:
            pending.into = left_where
        elif pending.into is inner:
            pending.into = where
    if len(steps) == 1 and not left_where:
        return steps[0]
    return Step(None, group=steps, group_where=left_where)


def _as_one_step(steps: list[Step], where: list[b.Expr]) -> Step:
    """The steps of a join's operand as one: a single item stays as it is, a join becomes a group."""
    if len(steps) == 1 and steps[0].kind == "inner" and not where:
        return steps[0]
    return Step(None, group=steps, group_where=where)


def _using(clause: FromClause, join: ast.Join, left: list[Item], right: list[Item]) -> list[b.Expr]:
    """The conditions of USING or NATURAL; the right side's columns of that name are hidden."""
    if join.natural:
        names = [name for item in right for name in item.columns if _find_using(left, fold(name)) is not None]
    elif join.using is not None:
        names = [name.text for name in join.using]
    else:
        return []
    found: list[b.Expr] = []
    for name in names:
        key = fold(name)
        left_item = _find_using(left, key)
        right_item = _find_using(right, key)
        if left_item is None or right_item is None:
            fail(f"cannot join using column {name} - column not present in both tables", join)
        right_item.hidden.add(key)
        found.append(
            compare(
                "=",
                column_ref(left_item, left_item.numbers[key]),
                column_ref(right_item, right_item.numbers[key]),
            )
        )
    return found


def _find_using(items: list[Item], key: str) -> Item | None:
    return next((item for item in items if key in item.numbers), None)


# --- operands -----------------------------------------------------------------------------------------------------


def _bind_operand(clause: FromClause, source: ast.Source, where: list[b.Expr]) -> list[Step]:
    match source:
        case ast.TableSource():
            return [_add(clause, bind_table(clause.binder, source, clause.scope.parent))]
        case ast.SubquerySource():
            return [_add(clause, _bind_subquery(clause, source))]
        case ast.ParenthesizedSource():
            return _bind_parenthesized(clause, source, where)
        case ast.TableFunctionSource():
            _refuse_function(clause.binder, source)
        case ast.Join():
            return _bind_source(clause, source, where)
    raise TypeError(f"unknown source {type(source).__name__}")


def _add(clause: FromClause, item: Item) -> Step:
    clause.scope.items.append(item)
    return Step(item)


def _bind_parenthesized(clause: FromClause, source: ast.ParenthesizedSource, where: list[b.Expr]) -> list[Step]:
    inner = source.source
    if source.alias is None:
        return _bind_source(clause, inner, where)
    if isinstance(inner, ast.TableSource | ast.SubquerySource) and inner.alias is None:
        named: ast.Source
        if isinstance(inner, ast.TableSource):
            named = ast.TableSource(
                inner.name, inner.schema, source.alias, inner.indexed_by, inner.not_indexed, span=inner.span
            )
        else:
            named = ast.SubquerySource(inner.select, source.alias, span=inner.span)
        return _bind_operand(clause, named, where)
    select = ast.Select(ast.SelectCore((ast.Star(),), inner, span=source.span), span=source.span)
    return _bind_operand(clause, ast.SubquerySource(select, source.alias, span=source.span), where)


def _bind_subquery(clause: FromClause, source: ast.SubquerySource) -> Item:
    query = clause.binder.nested_select(source.select, clause.scope.parent)
    return query_item(clause.binder, query, source.alias or "", source.alias)


def query_item(binder: Binder, query: Query, name: str, alias: str | None, columns: tuple[str, ...] = ()) -> Item:
    """A FROM element that is a query; its columns get unique names ("a", "a:1", …) unless `columns` gives them."""
    names = columns or unique_names(query.columns)
    numbers: dict[str, int] = {}
    for number, column in enumerate(names):
        numbers.setdefault(fold(column), number)
    source = binder.new_source()
    if not name:
        binder.n_subqueries += 1
    binder.names[source] = name or f"(subquery-{binder.n_subqueries})"
    return Item(source, name, query=query, columns=names, numbers=numbers, alias=alias)


def unique_names(columns: list[OutputColumn]) -> tuple[str, ...]:
    """The names that a subquery's, view's or new table's columns get."""
    taken: set[str] = set()
    names = []
    for number, column in enumerate(columns):
        name = column.name or f"column{number + 1}"
        base, count = name, 0
        while fold(name) in taken:
            head, colon, tail = base.rpartition(":")
            if colon and head and tail.isascii() and (tail.isdigit() or not tail):
                base = head
            count += 1
            name = f"{base}:{count}"
        taken.add(fold(name))
        names.append(name)
    return tuple(names)


def _refuse_function(binder: Binder, source: ast.TableFunctionSource) -> None:
    name = fold(source.name)
    if binder.catalogs.find_table(source.name, source.schema) is not None:
        fail(f"'{source.name}' is not a function", source)
    if name in _TABLE_FUNCTIONS or name.startswith("pragma_"):
        unsupported(f"table-valued function {source.name}", source)
    fail(f"no such table: {source.name}", source)


# --- names --------------------------------------------------------------------------------------------------------


def bind_table(binder: Binder, source: ast.TableSource, parent: Scope | None) -> Item:
    """A FROM element by name: a common table, a table or a view."""
    if source.schema is None and binder.common is not None:
        found = binder.common.find(source.name)
        if found is not None:
            return _bind_common_table(binder, source, *found, parent)
    table = must_find_table(binder, source.name, source.schema, source)
    if table.kind == "view":
        return _bind_view(binder, source, table)
    check_readable(table, source)
    if source.indexed_by is not None:
        key = fold(source.indexed_by)
        if not any(fold(index.name) == key for index in table.indexes):
            fail(f"no such index: {source.indexed_by}", source)
    binder.tables.append(table)
    item = table_item(binder.new_source(), table, source.alias)
    prefix = f"{source.schema}." if source.schema is not None and source.alias is None else ""
    binder.names[item.source] = prefix + (source.alias or source.name)
    item.indexed_by, item.not_indexed = source.indexed_by, source.not_indexed
    return item


def must_find_table(binder: Binder, name: str, schema: str | None, node: ast.Node) -> Table:
    """The table or view of that name. Errors: "no such table: x"."""
    schema = schema if schema is not None else binder.default_schema
    table = binder.catalogs.find_table(name, schema)
    if table is None:
        fail(f"no such table: {name}" if schema is None else f"no such table: {schema}.{name}", node)
    binder.slots.add(table.slot)
    return table


def check_readable(table: Table, node: ast.Node) -> None:
    """Refuse what we know by name only."""
    if table.kind == "virtual":
        fail(f"no such module: {table.module}", node)
    if any(column.generated is not None for column in table.columns):
        unsupported(f"generated columns (table {table.name})", node)


def _bind_view(binder: Binder, source: ast.TableSource, table: Table) -> Item:
    if source.indexed_by is not None:
        fail(f"no such index: {source.indexed_by}", source)
    key = f"{table.slot}.{fold(table.name)}"
    if key in binder.open_views:
        fail(f"view {table.name} is circularly defined", source)
    assert table.select is not None
    saved = binder.sql, binder.common, binder.default_schema, binder.lift
    binder.sql, binder.common, binder.lift = table.sql or "", None, False
    binder.default_schema = None if table.slot == 1 else table.schema
    binder.open_views.append(key)
    try:
        query = binder.nested_select(table.select, None)
    finally:
        binder.open_views.pop()
        binder.sql, binder.common, binder.default_schema, binder.lift = saved
    if table.view_columns and len(table.view_columns) != len(query.columns):
        fail(f"expected {len(table.view_columns)} columns for '{table.name}' but got {len(query.columns)}", source)
    item = query_item(binder, query, source.alias or table.name, source.alias, table.view_columns)
    item.schema = table.schema
    query.label = table.name
    return item


def _bind_common_table(
    binder: Binder, source: ast.TableSource, level: CommonTables, common: ast.CommonTable, parent: Scope | None
) -> Item:
    key = fold(common.name)
    if key in level.open:
        if common.select.compounds:
            unsupported("recursive common table expressions", source)
        fail(f"circular reference: {common.name}", source)
    saved, binder.common = binder.common, level
    level.open.add(key)
    try:
        query = binder.nested_select(common.select, parent)
    finally:
        level.open.discard(key)
        binder.common = saved
    columns = tuple(name.text for name in common.columns)
    if columns and len(columns) != len(query.columns):
        fail(f"table {common.name} has {len(query.columns)} values for {len(columns)} columns", source)
    if source.indexed_by is not None:
        fail(f"no such index: {source.indexed_by}", source)
    item = query_item(binder, query, source.alias or common.name, source.alias, columns)
    item.materialized = common.materialized is True
    query.label = common.name
    return item


def add_common_tables(binder: Binder, clause: ast.With | None) -> CommonTables | None:
    """Make the tables of a WITH clause visible; the level to restore afterwards."""
    saved = binder.common
    if clause is not None:
        level = CommonTables(parent=saved)
        for table in clause.tables:
            key = fold(table.name)
            if key in level.tables:
                fail(f"duplicate WITH table name: {table.name}", table)
            level.tables[key] = table
        binder.common = level
    return saved
