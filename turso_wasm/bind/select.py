"""SELECT statements to bound queries.

Owns the order in which the clauses of a SELECT are resolved (SQLite's, so that the same error comes first),
ORDER BY and GROUP BY terms (ordinals, aliases), compounds and LIMIT. FROM is in sources.py, result columns in
result_columns.py.

Source: https://sqlite.org/lang_select.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound, calls
from turso_wasm.bind.binder import Binder, Opened, fail
from turso_wasm.bind.comparison import collation_of, explicit_collation, implicit_collation, shown, type_operators
from turso_wasm.bind.expressions import bind_condition, refuse_dropped
from turso_wasm.bind.query import AggregateRef, Core, Item, OrderKey, OutputColumn, Query, WindowRef
from turso_wasm.bind.recursion import bind_recursive, find_recursion
from turso_wasm.bind.result_columns import describe, label_of, shown_name
from turso_wasm.bind.scope import Scope, column_of, item_matches
from turso_wasm.bind.sources import bind_conditions, bind_from
from turso_wasm.bind.tables import add_common_tables
from turso_wasm.bind.tracing import trace_windows
from turso_wasm.bind.using import starred
from turso_wasm.bind.values import bind_values, place_values
from turso_wasm.bind.walk import core_expressions, same_expression, strip_collation, walk
from turso_wasm.bind.windows import define_windows, order_windows
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.limits import check_columns, check_terms
from turso_wasm.sql.walk import children as syntax_children


class SelectBinder(Binder):
    """A Binder that can bind SELECTs, nested and at the top."""

    def nested_select(self, node: ast.Select, parent: Scope | None, opened: Opened | None = None) -> Query:
        """A subquery, or the common table `opened`; `outer` of the result lists the columns it takes from outside."""
        depth = parent.depth + 1 if parent is not None else 0
        captured: dict[tuple[int, int], bound.Expr] = {}
        captures = self.finder.captures
        captures.append((depth, captured))
        try:
            query = bind_select(self, node, parent, opened)
        finally:
            captures.pop()
        query.outer = tuple(captured.values())  # type: ignore[arg-type]  # AggregateRefs among them are replaced later
        return query


def bind_select(binder: Binder, node: ast.Select, parent: Scope | None = None, opened: Opened | None = None) -> Query:
    """A whole SELECT (that of the common table `opened`, if any), with compounds, ORDER BY and LIMIT.

    Errors: SqlError with SQLite's message.
    """
    saved = add_common_tables(binder, node.with_)
    try:
        if node.compounds:
            return _bind_compound(binder, node, parent, opened)
        if binder.from_right:
            _bind_limit(binder, node, Query([], []))
        core, scope = bind_core(binder, node.core, parent)
        query = Query([core], core.columns)
        if node.order_by:
            is_dropped = _has_one_row(node.core, core)
            with binder.without_code() if is_dropped else nullcontext():
                query.order_by = _order_by(binder, node.order_by, core, scope)
            for key in query.order_by if is_dropped else ():
                binder.registry.known_collation(key.collation)
        _bind_grouping(binder, node.core, core, scope)
        _bind_limit(binder, node, query)
        return query
    finally:
        binder.common = saved


def _has_one_row(node: ast.SelectCore | ast.Values | ast.LiteralValues, core: Core) -> bool:
    """It aggregates without GROUP BY: SQLite makes no code of its ORDER BY."""
    return isinstance(node, ast.SelectCore) and not node.group_by and core.is_aggregate and not core.windows


def _bind_limit(binder: Binder, node: ast.Select, query: Query) -> None:
    """LIMIT and OFFSET see no names."""
    if node.limit is not None:
        query.limit = binder.expr(node.limit, None)
    if node.offset is not None:
        query.offset = binder.expr(node.offset, None)


# --- one SELECT ---------------------------------------------------------------------------------------------------


def bind_core(
    binder: Binder, node: ast.SelectCore | ast.Values | ast.LiteralValues, parent: Scope | None
) -> tuple[Core, Scope]:
    """One SELECT or VALUES without ORDER BY; GROUP BY is left to `_bind_grouping`, which SQLite resolves after ORDER
    BY.
    """
    if not isinstance(node, ast.SelectCore):
        return bind_values(binder, node, parent, bind_core)
    if binder.authority is not None:
        binder.authority.select(binder)
    number = binder.number_select(node)
    core = Core([], [], distinct=node.distinct, aggregate_source=binder.new_source(), number=number)
    scope = Scope(parent=parent, depth=parent.depth + 1 if parent is not None else 0, core=core)
    scope.is_tested = id(node) in binder.tested
    clause = bind_from(binder, node.source, core, scope)
    if binder.from_right:  # to SQLite a join in parentheses is a subquery
        for pending in clause.pending:
            if pending.scope is not None:
                binder.expr(pending.on, pending.scope)
    scope.aggregates, scope.allows_windows = "yes", True
    define_windows(binder, node.windows, scope)
    check_stars(node.columns, scope)
    with binder.without_code() if scope.is_tested else nullcontext():
        for column in node.columns:
            if isinstance(column, ast.Star):
                expand_star(binder, column, core, scope)
            else:
                _bind_result(binder, column, core, scope)
    check_columns(len(core.outputs), "in result set")
    if core.windows and not scope.is_tested:
        _refuse_inner_aggregates(binder, core)
    if node.group_by:
        core.is_aggregate = True
    scope.use_aliases, scope.allows_windows = True, False
    if binder.trace is not None:
        trace_windows(binder, node.windows, scope)
    tested, scope.is_tested = scope.is_tested, False
    if node.having is not None:
        if not core.is_aggregate:
            fail("HAVING clause on a non-aggregate query", node.having)
        core.having = binder.expr(node.having, scope)
    scope.aggregates = "where" if core.is_aggregate else "no"
    if not binder.from_right:
        bind_conditions(clause)
    if node.where is not None:
        core.where += bind_condition(binder, node.where, scope)
    if binder.from_right:
        bind_conditions(clause)
    scope.is_tested = tested
    if binder.authority is not None:
        binder.authority.rows(binder, scope.items)
    return core, scope


def _refuse_inner_aggregates(binder: Binder, core: Core) -> None:
    """SQLite cannot compute an aggregate of a SELECT for a subquery beside window functions. Errors: "misuse of
    aggregate: f()".
    """
    for part in walk(*core.outputs):
        for ref in walk(*_asked(part)) if isinstance(part, bound.SubqueryExpr) else ():
            if isinstance(ref, AggregateRef) and ref.source == core.aggregate_source:
                binder.later(f"misuse of aggregate: {core.aggregate_texts[ref.index]}()")


def _is_sought(item: Item) -> bool:
    """A row value is sought among its rows, or those of them that have a NULL."""
    inner = [step.item for core in item.query.cores for step in core.steps] if item.query is not None else []
    return item.sought or any(each is not None and each.sought for each in inner)


def _asked(subquery: bound.SubqueryExpr) -> list[bound.Expr]:
    """What a subquery computes, or takes from outside: all but what EXISTS shows."""
    if subquery.kind != "exists" or not isinstance(subquery.plan, Query):
        return [*subquery.outer]
    cores = subquery.plan.cores
    rows = cores[0].steps[0].item if len(cores) == 1 and cores[0].steps else None
    if rows is not None and rows.query is not None and _is_sought(rows):  # the rest of it is the row, not the SELECT
        return [*rows.query.outer]
    return [expr for core in cores for expr in core_expressions(core) if all(expr is not out for out in core.outputs)]


def _bind_result(binder: Binder, column: ast.ResultColumn, core: Core, scope: Scope) -> None:
    expr = binder.expr(column.expr, scope)
    core.outputs.append(expr)
    core.columns.append(describe(binder, column, expr, scope.items))
    if column.alias is not None:
        scope.aliases.setdefault(fold(column.alias), expr)


def check_stars(columns: Sequence[ast.ResultColumn | ast.Star], scope: Scope) -> None:
    """Errors: those of the last star that means nothing."""
    wrong: tuple[str, ast.Star] | None = None
    for column in columns:
        if isinstance(column, ast.Star):
            if column.table is not None and not any(
                item_matches(item, fold(column.table), None) for item in scope.items
            ):
                wrong = f"no such table: {column.table}", column
            elif not scope.items:
                wrong = "no tables specified", column
    if wrong is not None:
        fail(*wrong)


def expand_star(binder: Binder, star: ast.Star, core: Core, scope: Scope) -> None:
    """Add what a star means to the outputs. Errors: "ambiguous column name: x"."""
    is_full = binder.settings.full_column_names and not binder.settings.short_column_names
    items = scope.items
    if star.table is not None:
        key = fold(star.table)
        items = [item for item in items if item_matches(item, key, None)]
        if binder.trace is not None and not binder.open_views:
            binder.trace += [(star, item) for item in items]
    twice = _names_twice(scope.items)
    plain = star.table is not None
    nested = [*scope.nested, {item.source for item in items}] if star.nested else scope.nested
    columns = starred(items, nested) if not plain else [(i, at) for i in items for at in range(len(i.columns))]
    for item, number in columns:
        name = item.columns[number]
        key = fold(name)
        alike = _alike(item, key, scope.items) if twice and item.name else [item]
        if any(key not in other.hidden for other in alike[1:]):
            fail(f"ambiguous column name: {item.schema or '*'}.{item.name}.{name}", star)
        meant = alike[0]
        shown = meant.shown.get(key) if meant.shown and (not plain or len(alike) > 1) else None
        ref = shown or column_of(meant, number if meant is item else meant.numbers[key])
        if binder.authority is not None and type(ref) is bound.ColumnRef:
            core.outputs.append(binder.authority.read(binder, ref))
        else:
            core.outputs.append(ref)
        if isinstance(ref, bound.ColumnRef | bound.Generated):
            label = f"{shown_name(item, scope.items)}.{name}" if is_full else label_of(item, number)
            plain_name = None if label == name else name
            core.columns.append(
                OutputColumn(label, ref.decltype, ref.table, ref.origin, inner=plain_name, stored=plain_name)
            )
        else:
            core.columns.append(OutputColumn(label_of(item, number), inner=name, stored=name))


def _names_twice(items: list[Item]) -> bool:
    return len(items) > 1 and len({fold(item.name) for item in items}) < len(items)


def _alike(item: Item, key: str, items: list[Item]) -> list[Item]:
    """The elements of FROM with the name of `item` that have the column `key`. `name.key` means that of the first, as
    long as USING has hidden those of the others.
    """
    name = fold(item.name)
    same = (other for other in items if fold(other.name) == name and other.schema == item.schema)
    return [other for other in same if key in other.numbers]


# --- GROUP BY and ORDER BY -----------------------------------------------------------------------------------------


def _bind_grouping(
    binder: Binder, node: ast.SelectCore | ast.Values | ast.LiteralValues, core: Core, scope: Scope
) -> None:
    if not isinstance(node, ast.SelectCore) or not node.group_by:
        return
    check_terms(len(node.group_by), "GROUP BY")
    scope.aggregates, scope.is_tested = "yes", False
    if binder.from_right:
        _resolve_terms(binder, node.group_by, scope)
    places = [_ordinal(binder, term, core.outputs, number, "GROUP") for number, term in enumerate(node.group_by)]
    for term, expr in zip(node.group_by, places, strict=True):
        if expr is None:
            expr = binder.expr(term, scope)
        else:
            refuse_dropped(binder, expr, scope, term)
        is_folded = isinstance(expr, bound.Constant) and not isinstance(term, ast.FunctionCall)
        if is_folded and binder.trace is None and _calls_aggregate(binder, term):
            fail(AGGREGATE_IN_GROUP_BY, term)
        for part in walk(expr):
            if isinstance(part, AggregateRef) and part.source == core.aggregate_source:
                if isinstance(expr, bound.Collated):
                    fail(f"misuse of aggregate: {core.aggregate_texts[part.index]}()", term)
                fail(AGGREGATE_IN_GROUP_BY, term)
            if isinstance(part, WindowRef) and binder.trace is None:
                fail(f"misuse of window function {core.window_texts[part.index]}()", term)
        core.group_by.append(expr)


AGGREGATE_IN_GROUP_BY = "aggregate functions are not allowed in the GROUP BY clause"


def _calls_aggregate(binder: Binder, node: ast.Node) -> bool:
    """An aggregate is called in a term of which nothing but a constant is left, as of max(a) IN ()."""
    if isinstance(node, ast.FunctionCall) and node.over is None:
        found = binder.registry.find_aggregate(fold(node.name), len(node.arguments))
        if found is not None and not found.window:
            return True
    return any(_calls_aggregate(binder, part) for part in syntax_children(node) if not isinstance(part, ast.Select))


def _ordinal(
    binder: Binder, term: ast.Expr, outputs: list[bound.Expr], number: int, clause: str, is_compound: bool = False
) -> bound.Expr | None:
    """The result column that a term like `2` (also `- -2`, `2 COLLATE x`) names, or None. The literal is pinned.

    ALTER TABLE only asks the terms of compounds whether they are in range.
    """
    collation = None
    while isinstance(term, ast.Collate):
        collation = collation or binder.registry.collation(term.collation)
        term = term.operand
    sign = 1
    while isinstance(term, ast.Unary) and term.op in ("-", "+"):
        sign = -sign if term.op == "-" else sign
        term = term.operand
    if not isinstance(term, ast.IntegerLiteral):
        return None
    if term.index >= 0 and binder.lift:
        binder.pinned[term.index] = term.value
    if not 0 <= term.value < 1 << 31:
        return None
    at = sign * term.value
    if not 1 <= at <= len(outputs):
        if binder.trace is not None and not is_compound:
            return outputs[0]
        text = f"{ordinal(number + 1)} {clause} BY term out of range - should be between 1 and {len(outputs)}"
        fail(text, term)
    expr = outputs[at - 1]
    return expr if collation is None else bound.Collated(operand=expr, collation=collation)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, … 11th, …"""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _resolve_terms(binder: Binder, terms: Sequence[ast.Expr], scope: Scope) -> None:
    """Only names: SQLite asks what a term is when all are resolved."""
    for term in terms:
        if not isinstance(term, ast.IntegerLiteral) and _alias(binder, term, scope) is None:
            binder.expr(term, scope)


def _order_by(binder: Binder, terms: tuple[ast.OrderTerm, ...], core: Core, scope: Scope) -> list[OrderKey]:
    """The terms of a simple SELECT: an ordinal, an alias (before columns), or any expression."""
    check_terms(len(terms), "ORDER BY")
    scope.aggregates, scope.allows_windows = "yes" if core.is_aggregate else "where", True
    scope.is_tested = scope.is_tested or not core.steps  # nobody asks how one row is sorted
    if binder.from_right:
        _resolve_terms(binder, [term.expr for term in terms], scope)
    keys = []
    shown = len(core.windows)
    for number, term in enumerate(terms):
        known = len(core.windows)
        expr = _ordinal(binder, term.expr, core.outputs, number, "ORDER")
        if expr is None:
            expr = _alias(binder, term.expr, scope)
        if expr is None:
            expr = binder.expr(term.expr, scope)
        if core.windows:
            expr = order_windows(binder, core, expr, shown, known)
        keys.append(order_key(term, expr))
    scope.allows_windows = False
    return keys


def _alias(binder: Binder, term: ast.Expr, scope: Scope) -> bound.Expr | None:
    collation = None
    while isinstance(term, ast.Collate):
        collation = collation or binder.registry.collation(term.collation)
        term = term.operand
    if not isinstance(term, ast.ColumnRef) or term.table is not None:
        return None
    expr = scope.aliases.get(fold(term.column))
    return expr if expr is None or collation is None else bound.Collated(operand=expr, collation=collation)


def order_key(term: ast.OrderTerm, expr: bound.Expr, collation: str | None = None) -> OrderKey:
    """A sort key; its collation is that of the expression unless given."""
    typed = type_operators(expr)
    if typed is not None and typed.is_ordered and isinstance(expr, bound.Generated) and expr.stored is not None:
        expr = expr.stored
    nulls = bound.NULLS[term.nulls]
    return OrderKey(
        expr=strip_collation(expr), desc=term.descending, nulls=nulls, collation=collation or collation_of(expr)
    )


# --- compounds ----------------------------------------------------------------------------------------------------


def _bind_compound(binder: Binder, node: ast.Select, parent: Scope | None, opened: Opened | None) -> Query:
    recursive = find_recursion(opened) if opened is not None else None
    parts: list[Part] = [("", node.core), *((compound.op, compound.core) for compound in node.compounds)]
    first = len(parts) if recursive is None else recursive.first
    if binder.from_right:
        _bind_limit(binder, node, Query([], []))
    if recursive is not None:
        binder.see_recursion(node, parent, recursive)
    found = _bind_parts(binder, parts[:first], parent)
    cores, scopes = [core for core, _ in found], [scope for _, scope in found]
    query = Query(cores, cores[0].columns, [op for op, _ in parts[1:]], source=binder.new_source())
    if recursive is not None:
        width = len(query.columns)
        scopes += bind_recursive(binder, query, recursive, lambda: _bind_parts(binder, parts[first:], parent, width))
    check_terms(len(node.order_by), "ORDER BY")
    columns: list[bound.Expr] = [compound_column(query, at) for at in range(len(query.columns))]
    exprs = [term.expr for term in node.order_by]
    places = [_ordinal(binder, term, columns, at, "ORDER", is_compound=True) for at, term in enumerate(exprs)]
    for number, (term, place) in enumerate(zip(node.order_by, places, strict=True)):
        query.order_by.append(_compound_order_key(binder, term, number, query, scopes, place))
    _bind_limit(binder, node, query)
    return query


Part = tuple[str, ast.SelectCore | ast.Values | ast.LiteralValues]


def _bind_parts(binder: Binder, parts: list[Part], parent: Scope | None, width: int = 0) -> list[tuple[Core, Scope]]:
    """SELECTs of a compound, each with the operator before it; all have as many columns as the first, or `width`."""
    found: list[tuple[Core, Scope]] = []
    for number, (_, node) in reversed([*enumerate(parts)]) if binder.from_right else enumerate(parts):
        core, scope = bind_core(binder, node, parent)
        _bind_grouping(binder, node, core, scope)
        if binder.from_right:
            found.insert(0, (core, scope))
            if number + 1 < len(parts):
                _check_width(parts[number + 1], len(found[1][0].outputs), len(core.outputs))
        else:
            found.append((core, scope))
    place_values(binder, [core for core, _ in found], parts[0][1])
    for part, (core, _) in zip(parts, found, strict=True):
        _check_width(part, len(core.outputs), width or len(found[0][0].outputs))
    return found


def _check_width(part: Part, n_columns: int, wanted: int) -> None:
    op, node = part
    if n_columns != wanted:
        if isinstance(node, ast.Values) and len(node.rows) == 1:
            fail("all VALUES must have the same number of terms", node)
        fail(f"SELECTs to the left and right of {op} do not have the same number of result columns", node)


def compound_collations(query: Query) -> list[str]:
    """The collation of each result column of a compound: the leftmost SELECT's that has one."""
    found = []
    for number in range(len(query.columns)):
        own = (explicit_collation(expr) or implicit_collation(expr) for expr in shown(query, number))
        found.append(next((collation for collation in own if collation is not None), "BINARY"))
    return found


def compound_column(query: Query, number: int) -> bound.ColumnRef:
    """Result column `number` of a compound."""
    return bound.ColumnRef(source=query.source, column=number, name=query.columns[number].name)


def _compound_order_key(
    binder: Binder, term: ast.OrderTerm, number: int, query: Query, scopes: list[Scope], found: bound.Expr | None
) -> OrderKey:
    """A term of a compound must be a result column: its number (`found`), its name in any of the SELECTs, or its
    expression.
    """
    expr = term.expr
    collation = None
    while isinstance(expr, ast.Collate):
        collation = collation or binder.registry.collation(expr.collation)
        expr = expr.operand
    if found is None:
        at = _matching_column(binder, expr, query, scopes)
        if at < 0:
            fail(f"{ordinal(number + 1)} ORDER BY term does not match any column in the result set", term)
        found = compound_column(query, at)
    found = strip_collation(found)
    assert isinstance(found, bound.ColumnRef)
    return order_key(term, found, collation or compound_collations(query)[found.column])


def _aliased(core: Core, name: str) -> int:
    """The first result column with that (folded) alias, -1 if there is none. Equal columns may be one node."""
    return next((at for at, column in enumerate(core.columns) if column.is_alias and fold(column.name) == name), -1)


def _matching_column(binder: Binder, term: ast.Expr, query: Query, scopes: list[Scope]) -> int:
    for core, scope in zip(query.cores, scopes, strict=True):
        if isinstance(term, ast.ColumnRef) and term.table is None:
            at = _aliased(core, fold(term.column))
            if at >= 0:
                return at
        scope.use_aliases = False
        scope.aggregates = "yes" if core.is_aggregate else "no"
        late = binder.late
        try:
            expr = binder.expr(term, scope)
        except SqlError:
            continue
        if binder.late is not late:
            binder.late = late
            continue
        for at, output in enumerate(core.outputs):
            if same_expression(output, expr, binder.pin):
                return at
    return -1


__all__ = [
    "SelectBinder",
    "bind_core",
    "bind_select",
    "calls",
    "check_stars",
    "compound_collations",
    "compound_column",
    "expand_star",
    "order_key",
]
