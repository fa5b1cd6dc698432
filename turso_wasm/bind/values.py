"""VALUES: one row is a SELECT without FROM; several are a source of their own.

To SQLite several rows are SELECTs joined by UNION ALL, but rows of constants join one of constants before them that
has no affinity. What their columns are to comparisons follows from that (Core.parts).

Source: https://sqlite.org/lang_select.html section 2.6, and what SQLite does
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import affinity_of, collation_of, column_affinity
from turso_wasm.bind.query import AggregateRef, Core, OutputColumn, Query
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.limits import check_columns
from turso_wasm.sql.walk import walk as walk_syntax

BindCore: TypeAlias = Callable[[Binder, ast.SelectCore, Scope | None], tuple[Core, Scope]]


def _rows_as_selects(node: ast.Values) -> ast.SelectCore:
    """A window function sees its own row of VALUES only: SELECT * FROM (VALUES (…) UNION ALL VALUES (…))."""
    first, *others = (ast.Values((row,), span=node.span) for row in node.rows)
    compounds = tuple(ast.CompoundPart("UNION ALL", core) for core in others)
    source = ast.SubquerySource(ast.Select(first, compounds, span=node.span), span=node.span)
    return ast.SelectCore((ast.Star(),), source, span=node.span)


def bind_values(
    binder: Binder, node: ast.Values | ast.LiteralValues, parent: Scope | None, bind_core: BindCore
) -> tuple[Core, Scope]:
    """VALUES, with its scope. bind_core: bind.select's. Errors: of its expressions, "misuse of aggregate: f()"."""
    scope = Scope(parent=parent, depth=parent.depth + 1 if parent is not None else 0)
    scope.is_tested = id(node) in binder.tested
    n_columns = len(node.rows[0])
    check_columns(n_columns, "in result set")
    columns = [OutputColumn(f"column{number + 1}") for number in range(n_columns)]
    core = Core([], columns, number=binder.number_select(node))
    if isinstance(node, ast.LiteralValues):
        core.values_source = binder.new_source()
        core.literal_rows, core.literal_index = node.rows, node.index if binder.lift else -1
        core.outputs = [*_columns(core, ())]
        return core, scope
    scope.core, core.aggregate_source = core, binder.new_source()
    scope.aggregates, scope.allows_windows = "yes", True
    if len(node.rows) == 1:
        core.outputs = list(binder.exprs(node.rows[0], scope))
        return core, scope
    core.values_source = binder.new_source()
    rows = _bind_rows(binder, node, scope)
    if core.windows:
        core, scope = bind_core(binder, _rows_as_selects(node), parent)
        core.parts = rows
        return core, scope
    core.rows = _asked_rows(binder, node, core, rows)
    core.outputs = [*_columns(core, ())]
    core.parts = _parts(binder, node, core, rows)
    return core, scope


def _bind_rows(binder: Binder, node: ast.Values, scope: Scope) -> tuple[tuple[bound.Expr, ...], ...]:
    """The rows; SQLite resolves the last one first."""
    is_tested, is_asked_once = scope.is_tested, id(node) in binder.asked_once
    rows = []
    for row in reversed(node.rows):
        scope.is_tested = is_tested or (is_asked_once and row is not node.rows[0])
        rows.append(binder.exprs(row, scope))
    return tuple(reversed(rows))


def _columns(core: Core, row: tuple[bound.Expr, ...]) -> list[bound.ColumnRef]:
    """The columns of several rows, of which `row` is the first."""
    collations = map(collation_of, row) if row else ["BINARY"] * len(core.columns)
    return [
        bound.ColumnRef(source=core.values_source, column=number, name=column.name, collation=collation)
        for number, (column, collation) in enumerate(zip(core.columns, collations, strict=True))
    ]


def _parts(
    binder: Binder, node: ast.Values, core: Core, rows: tuple[tuple[bound.Expr, ...], ...]
) -> tuple[tuple[bound.Expr, ...], ...]:
    """Core.parts: of each SELECT that SQLite makes, its expressions, or the columns of the rows that are one."""
    apart = node.listed or _are_apart(binder, node)
    constant = [all(_is_constant(binder, expr) for expr in row) for row in node.rows]
    parts = [rows[0]]
    is_joined = False
    for at, row in enumerate(rows[1:], 1):
        joins = is_joined or (constant[at - 1] and not any(map(affinity_of, parts[-1])))
        if apart or not constant[at] or not joins:
            parts.append(row)
            is_joined = False
        elif not is_joined:
            parts[-1] = tuple(_columns(core, parts[-1]))
            is_joined = True
    return tuple(parts)


def _are_apart(binder: Binder, node: ast.Values | ast.LiteralValues) -> bool:
    """Each row is a SELECT: in a schema's texts, and behind a WITH, wherever that stands."""
    return not binder.lift or binder.common is not None or _follows_with(binder, node.span[0])


def _follows_with(binder: Binder, at: int) -> bool:
    """A WITH begins before a place in the statement."""
    if binder.statement is None or "with" not in binder.sql[:at].lower():
        return False
    return any(isinstance(part, ast.With) and part.span[0] < at for part in walk_syntax(binder.statement))


def place_values(binder: Binder, cores: list[Core], node: ast.SelectCore | ast.Values | ast.LiteralValues) -> None:
    """Core.parts of several rows of VALUES in a compound. Behind another SELECT they are a subquery of their own.

    In front, literals are SELECTs of which the storage classes matter where another one has an affinity. node: the
    first SELECT.
    """
    for core in cores[1:]:
        if core.values_source >= 0:
            row = _columns(core, core.parts[0] if core.parts else ())
            alone = Query([core], core.columns)
            core.parts = (tuple(replace(column, affinity=column_affinity(alone, at)) for at, column in enumerate(row)),)
    first = cores[0]
    if first.literal_rows is None or not isinstance(node, ast.LiteralValues) or not _are_apart(binder, node):
        return
    if any(affinity_of(output) for core in cores[1:] for output in core.outputs):
        first.parts = _examples(first.literal_rows)
        if first.literal_index >= 0:
            binder.pinned[first.literal_index] = first.literal_rows


def _examples(rows: tuple[tuple[object, ...], ...]) -> tuple[tuple[bound.Expr, ...], ...]:
    """Rows that have in each column the storage classes that it has."""
    columns = [list({type(value): value for value in column}.values()) for column in zip(*rows, strict=True)]
    n_rows = max(map(len, columns))
    return tuple(
        tuple(bound.Constant(value=values[min(at, len(values) - 1)]) for values in columns) for at in range(n_rows)
    )


def _is_constant(binder: Binder, expr: ast.Expr) -> bool:
    """SQLite's parser sees that it is one: without names, subqueries and functions of which each call is another."""
    return not any(_varies(binder, part) for part in walk_syntax(expr))


def _varies(binder: Binder, part: ast.Node) -> bool:
    if isinstance(part, ast.FunctionCall):
        found = binder.registry.find_scalar(fold(part.name), len(part.arguments))
        return found is None or not found.deterministic
    return isinstance(part, ast.Select | ast.Raise) or (isinstance(part, ast.ColumnRef) and part.truth is None)


def _asked_rows(
    binder: Binder, node: ast.Values, core: Core, rows: tuple[tuple[bound.Expr, ...], ...]
) -> tuple[tuple[bound.Expr, ...], ...]:
    """The rows that make code: where a row is tested or only the first is asked, other rows' aggregates do no harm."""
    if not core.aggregates or binder.trace is not None:
        return rows
    if id(node) in binder.tested:
        return (tuple([bound.Constant(value=None)] * len(core.columns)),)
    asked = rows[:1] if id(node) in binder.asked_once else rows
    _refuse_aggregates(binder, node, core, asked)
    return asked


def _refuse_aggregates(binder: Binder, node: ast.Values, core: Core, rows: tuple[tuple[bound.Expr, ...], ...]) -> None:
    """Rows of VALUES, the last one first, whose aggregates have no rows to see: SQLite names the last one."""
    for row in reversed(rows):
        own = (part for part in walk(*row) if isinstance(part, AggregateRef) and part.source == core.aggregate_source)
        for part in list(own)[-1:]:
            binder.later(f"misuse of aggregate: {core.aggregate_texts[part.index]}()", node)
