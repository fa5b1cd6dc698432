"""FROM clauses: tables, views, common tables, subqueries and joins.

Owns opening of names (common table before table, view before use), USING and NATURAL, and the shape of the join: a
list of steps in the order of the text (bind.query.Step). Conditions are bound later, when all names are known
(`bind_conditions`).

A RIGHT JOIN is turned round: `l RIGHT JOIN r` becomes r with the group l as a left-joined step.

Source: https://sqlite.org/lang_select.html, https://sqlite.org/lang_with.html
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail, unsupported
from turso_wasm.bind.comparison import compare
from turso_wasm.bind.query import Core, Item, OutputColumn, Query, Step
from turso_wasm.bind.scope import Scope, column_ref
from turso_wasm.bind.tables import bind_table, query_item
from turso_wasm.bind.walk import columns_used, conjuncts, sources_used, transform
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast

MAX_JOIN: int = 64
OUTER_STEPS = False
"""RIGHT and FULL joins are steps of their kind; else RIGHT is turned round and FULL a union of two joins."""

_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "jsonb_each", "jsonb_tree"})


@dataclass(slots=True)
class Pending:
    """An ON condition not yet bound. step: the left-joined step it belongs to, None for an inner join."""

    on: ast.Expr
    step: Step | None
    visible: set[int]  # sources that it may use: those up to its own join
    into: list[bound.Expr]


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


def _bind_source(clause: FromClause, source: ast.Source, where: list[bound.Expr]) -> list[Step]:
    """The steps of a source; its inner conditions go to `where`."""
    chain: list[ast.Join] = []
    while isinstance(source, ast.Join):
        chain.append(source)
        source = source.left
    last_full = next((at for at, join in enumerate(chain) if join.kind == "FULL" and not OUTER_STEPS), -1)
    if last_full >= 0:
        steps = _bind_full_join(clause, chain[last_full])
        del chain[last_full:]
    else:
        steps = _bind_operand(clause, source, where)
    for join in reversed(chain):
        steps = _bind_join(clause, steps, join, where)
    return steps


def _bind_join(clause: FromClause, steps: list[Step], join: ast.Join, where: list[bound.Expr]) -> list[Step]:
    n_left = len(clause.scope.items)
    left_items = [item for step in steps for item in step.items()]
    if join.kind in ("COMMA", "INNER", "CROSS"):
        right = _bind_operand(clause, join.right, where)
        if join.kind == "CROSS":
            right[0].kind = "cross"
        new_items = clause.scope.items[n_left:]
        where.extend(using_conditions(clause, join, left_items, new_items))
        if join.on is not None:
            clause.pending.append(Pending(join.on, None, set(), where))
        return steps + right
    inner: list[bound.Expr] = []
    right = _bind_operand(clause, join.right, inner)
    right_items = clause.scope.items[n_left:]
    if OUTER_STEPS and (join.kind == "RIGHT" or join.kind == "FULL"):
        step = _as_one_step(right, inner)
        step.kind = "right" if join.kind == "RIGHT" else "full"
        step.left, step.left_where = steps, _taken(clause, where)
        nullable, result = left_items if join.kind == "RIGHT" else step.items(), [step]
    elif join.kind == "RIGHT":
        step = _turn_round(clause, steps, where, inner)
        step.kind = "left"
        nullable, result = left_items, [*right, step]
    else:
        step = _as_one_step(right, inner)
        step.kind = "left"
        nullable, result = right_items, [*steps, step]
    for item in nullable:
        item.nullable = True
        item.refs.clear()
    _forget_not_null(clause.scope, nullable)
    step.on.extend(using_conditions(clause, join, left_items, right_items))
    if join.on is not None:
        visible = {item.source for item in clause.scope.items}
        clause.pending.append(Pending(join.on, step, visible, step.on))
    return result


def _forget_not_null(scope: Scope, nullable: list[Item]) -> None:
    """Columns that USING merged earlier may be NULL from here on."""
    sources = {item.source for item in nullable}

    def forget(expr: bound.Expr) -> bound.Expr | None:
        if isinstance(expr, bound.ColumnRef) and expr.source in sources:
            return replace(expr, not_null=False)
        return None

    for key, expr in scope.merged.items():
        scope.merged[key] = transform(expr, forget)


def _taken(clause: FromClause, where: list[bound.Expr]) -> list[bound.Expr]:
    """The conditions in `where`, which is empty then; those not yet bound go where they went."""
    taken = list(where)
    where.clear()
    for pending in clause.pending:
        if pending.into is where:
            pending.into = taken
    return taken


def _turn_round(clause: FromClause, steps: list[Step], where: list[bound.Expr], inner: list[bound.Expr]) -> Step:
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


def _as_one_step(steps: list[Step], where: list[bound.Expr]) -> Step:
    """The steps of a join's operand as one: a single item stays as it is, a join becomes a group."""
    if len(steps) == 1 and steps[0].kind == "inner" and not where:
        return steps[0]
    return Step(None, group=steps, group_where=where)


def using_conditions(
    clause: FromClause, join: ast.Join, left: list[Item], right: list[Item], merge: bool = True
) -> list[bound.Expr]:
    """The conditions of USING or NATURAL.

    merge: the right side's columns of that name are hidden; in a right or full join the name then means
    coalesce(left, right).
    """
    found: list[bound.Expr] = []
    outer = join.kind in ("RIGHT", "FULL")
    for name in _using_names(join, left, right):
        key = fold(name)
        left_item, right_item = _find_using(left, key), _find_using(right, key)
        if left_item is None or right_item is None:
            fail(f"cannot join using column {name} - column not present in both tables", join)
        if outer and sum(key in item.numbers and key not in item.hidden for item in left) > 1:
            fail(f"ambiguous reference to {name} in USING()", join)
        left_ref: bound.Expr = clause.scope.merged.get(key) or column_ref(left_item, left_item.numbers[key])
        right_ref = column_ref(right_item, right_item.numbers[key])
        found.append(compare("=", left_ref, right_ref))
        if merge:
            right_item.hidden.add(key)
            if outer:
                clause.scope.merged[key] = bound.Call(name="coalesce", args=(left_ref, right_ref), style="special")
    return found


def _using_names(join: ast.Join, left: list[Item], right: list[Item]) -> list[str]:
    if join.natural:
        return [name for item in right for name in item.columns if _find_using(left, fold(name)) is not None]
    return [name.text for name in join.using or ()]


def _find_using(items: list[Item], key: str) -> Item | None:
    return next((item for item in items if key in item.numbers), None)


# --- full joins ---------------------------------------------------------------------------------------------------


def _bind_full_join(clause: FromClause, join: ast.Join) -> list[Step]:
    """`l FULL JOIN r ON c` is one source: the rows of l LEFT JOIN r ON c, then those of r that no row of l matches.

    The elements of l and r stay visible under their names; their columns are columns of that source.
    """
    binder, scope = clause.binder, clause.scope
    captured: dict[tuple[int, int], bound.Expr] = {}
    binder.finder.captures.append((scope.depth, captured))
    left_core, left_scope = _left_part(clause, join)
    right_core = _unmatched_part(clause, join, left_scope.items)
    binder.finder.captures.pop()
    columns = [OutputColumn(f"column{at + 1}") for at in range(len(left_core.outputs))]
    query = Query([left_core, right_core], columns, ["UNION ALL"], source=binder.new_source())
    query.outer = tuple(captured.values())  # type: ignore[arg-type]
    whole = Item(binder.new_source(), "", query=query)
    binder.names[whole.source] = "full join"
    moved: dict[tuple[int, int], bound.ColumnRef] = {}
    for item in left_scope.items:
        visible = replace(item, source=whole.source, refs={}, nullable=True)
        for number in _nameable(item):
            old = column_ref(item, number)
            ref = replace(old, source=whole.source, column=len(moved), not_null=False, exact=False)
            visible.refs[number] = moved[old.source, old.column] = ref
        if item.table is not None and item.table.rowid_alias >= 0:
            visible.refs[item.table.rowid_alias] = visible.refs[-1]
        scope.items.append(visible)

    def move(part: bound.Expr) -> bound.Expr | None:
        return moved.get((part.source, part.column)) if isinstance(part, bound.ColumnRef) else None

    for key, expr in left_scope.merged.items():
        scope.merged[key] = transform(expr, move)
    return [Step(whole)]


def _nameable(item: Item) -> list[int]:
    """The numbers of the columns of an element that can be named, the rowid among them."""
    numbers = list(range(len(item.columns)))
    if item.table is not None and item.table.kind == "table" and not item.table.without_rowid:
        return [-1, *(at for at in numbers if at != item.table.rowid_alias)]
    return numbers


def _all_refs(items: list[Item]) -> list[bound.Expr]:
    return [column_ref(item, number) for item in items for number in _nameable(item)]


def _left_part(clause: FromClause, join: ast.Join) -> tuple[Core, Scope]:
    """SELECT * FROM l LEFT JOIN r ON c."""
    scope = Scope(parent=clause.scope.parent, depth=clause.scope.depth)
    core = Core([], [])
    part = FromClause(clause.binder, scope, core)
    core.steps = _bind_source(part, join.left, core.where)
    left = list(scope.items)
    inner: list[bound.Expr] = []
    step = _as_one_step(_bind_operand(part, join.right, inner), inner)
    step.kind = "left"
    right = scope.items[len(left) :]
    for item in right:
        item.nullable = True
        item.refs.clear()
    step.on.extend(using_conditions(part, join, left, right))
    core.steps.append(step)
    if join.on is not None:
        part.pending.append(Pending(join.on, step, {item.source for item in scope.items}, step.on))
    bind_conditions(part)
    core.outputs = _all_refs(scope.items)
    return core, scope


def _unmatched_part(clause: FromClause, join: ast.Join, items: list[Item]) -> Core:
    """SELECT NULL …, r.* FROM r WHERE NOT EXISTS (SELECT 1 FROM l WHERE c)."""
    binder = clause.binder
    scope = Scope(parent=clause.scope.parent, depth=clause.scope.depth)
    core = Core([], [])
    part = FromClause(binder, scope, core)
    core.steps = _bind_operand(part, join.right, core.where)
    bind_conditions(part)
    right = list(scope.items)
    nulls: list[bound.Expr] = [bound.Constant(value=None)] * len(_all_refs(items[: len(items) - len(right)]))
    core.outputs = [*nulls, *_all_refs(right)]
    inner = Core([bound.Constant(value=1)], [OutputColumn("1")])
    inner_scope = Scope(parent=scope, depth=scope.depth + 1)
    captured: dict[tuple[int, int], bound.Expr] = {}
    binder.finder.captures.append((inner_scope.depth, captured))
    match = FromClause(binder, inner_scope, inner)
    inner.steps = _bind_source(match, join.left, inner.where)
    for condition in using_conditions(match, join, inner_scope.items, right, merge=False):
        inner.where.append(condition)
        for ref in columns_used(condition):
            binder.finder.capture(ref, scope.depth if any(ref.source == item.source for item in right) else 1 << 30)
    if join.on is not None:
        match.pending.append(Pending(join.on, None, set(), inner.where))
    bind_conditions(match)
    binder.finder.captures.pop()
    query = Query([inner], inner.columns)
    query.outer = tuple(captured.values())  # type: ignore[arg-type]
    core.where.append(bound.Unary(op="not", operand=bound.SubqueryExpr(kind="exists", plan=query, outer=query.outer)))
    return core


# --- operands -----------------------------------------------------------------------------------------------------


def _bind_operand(clause: FromClause, source: ast.Source, where: list[bound.Expr]) -> list[Step]:
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


def _bind_parenthesized(clause: FromClause, source: ast.ParenthesizedSource, where: list[bound.Expr]) -> list[Step]:
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


def _refuse_function(binder: Binder, source: ast.TableFunctionSource) -> None:
    name = fold(source.name)
    if binder.catalogs.find_table(source.name, source.schema) is not None:
        fail(f"'{source.name}' is not a function", source)
    if name in _TABLE_FUNCTIONS or name.startswith("pragma_"):
        unsupported(f"table-valued function {source.name}", source)
    fail(f"no such table: {source.name}", source)
