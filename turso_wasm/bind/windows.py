"""Window functions: where they may stand, which window they mean, and SQLite's errors about both.

A call with OVER is added to the windows of its SELECT and stands there as WindowRef, until the planner has placed it.

Source: https://sqlite.org/windowfunctions.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from turso_wasm.base import tree
from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.comparison import collation_in, collation_of
from turso_wasm.bind.query import Core, WindowRef
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import same_expression, strip_collation, transform, walk, window_expressions
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import AggregateFunction
from turso_wasm.sql import ast
from turso_wasm.sql.walk import walk as walk_syntax

_UNITS: Final[dict[str, bound.FrameUnit]] = {"ROWS": "rows", "RANGE": "range", "GROUPS": "groups"}
_EDGES: Final[dict[str, bound.FrameEdge]] = {
    "UNBOUNDED PRECEDING": "unbounded",
    "PRECEDING": "preceding",
    "CURRENT ROW": "current",
    "FOLLOWING": "following",
    "UNBOUNDED FOLLOWING": "unbounded",
}
_EXCLUSIONS: Final[dict[str | None, bound.Exclusion]] = {
    None: "",
    "NO OTHERS": "no others",
    "CURRENT ROW": "current row",
    "GROUP": "group",
    "TIES": "ties",
}

_ONE: Final = bound.Constant(value=1)
_RUNNING_ROWS: Final = bound.Frame(unit="rows")
_RUNNING_GROUPS: Final = bound.Frame()
_IMPLIED: Final[dict[str, bound.Frame]] = {
    "row_number": _RUNNING_ROWS,
    "rank": _RUNNING_GROUPS,
    "dense_rank": _RUNNING_GROUPS,
    "percent_rank": bound.Frame(unit="groups", start="current", end="unbounded"),
    "cume_dist": bound.Frame(unit="groups", start="following", start_offset=_ONE, end="unbounded"),
    "ntile": bound.Frame(unit="rows", start="current", end="unbounded"),
    "lag": _RUNNING_ROWS,
    "lead": bound.Frame(unit="rows", end="unbounded"),
}
"""The frames of functions that have one of their own, whatever the window says."""


# --- the WINDOW clause --------------------------------------------------------------------------------------------


def define_windows(binder: Binder, definitions: Sequence[ast.WindowDefinition], scope: Scope) -> None:
    """Enter a WINDOW clause. A definition builds upon those before it; names in it mean nothing until it is used."""
    for definition in definitions:
        spec = definition.spec
        base = None if spec.base is None else scope.windows.get(fold(spec.base))
        scope.windows[fold(definition.name)] = spec if base is None else _extended(spec, base)
        for part in walk_syntax(spec):
            if isinstance(part, ast.Parameter):
                binder.parameters[part.number] = part.name


def _extended(spec: ast.WindowSpec, base: ast.WindowSpec) -> ast.WindowSpec:
    """The window `(base …)`. Errors: "cannot override PARTITION clause of window: w" and the like."""
    clause = None
    if spec.partition_by:
        clause = "PARTITION clause"
    elif base.order_by and spec.order_by:
        clause = "ORDER BY clause"
    elif base.frame is not None:
        clause = "frame specification"
    if clause is not None:
        fail(f"cannot override {clause} of window: {spec.base}", spec)
    return replace(spec, partition_by=base.partition_by, order_by=spec.order_by or base.order_by)


def _find_window(over: ast.WindowSpec | str, scope: Scope, node: ast.Node) -> ast.WindowSpec:
    """The window that stands behind OVER. Errors: "no such window: w", and what SQLite finds out after that."""
    try:
        return _named_window(over, scope, node)
    except SqlError:
        if isinstance(over, ast.WindowSpec):
            _check_range(over)
        raise


def _named_window(over: ast.WindowSpec | str, scope: Scope, node: ast.Node) -> ast.WindowSpec:
    name = over if isinstance(over, str) else over.base
    if name is None:
        assert isinstance(over, ast.WindowSpec)
        return over
    known = scope.windows.get(fold(name))
    if known is None:
        fail(f"no such window: {name}", node)
    return known if isinstance(over, str) else _extended(over, known)


# --- calls --------------------------------------------------------------------------------------------------------


def bind_window_call(
    binder: Binder, node: ast.FunctionCall, function: AggregateFunction, scope: Scope | None
) -> bound.Expr:
    """A call with OVER."""
    if scope is None or scope.core is None or not scope.allows_windows:
        fail(f"misuse of window function {node.name}()", node)
    if node.order_by:
        fail(f"ORDER BY may not be used with non-aggregate {node.name}()", node)
    assert node.over is not None
    scope.allows_windows = False
    try:
        args = binder.exprs(node.arguments, scope)
        condition = binder.expr(node.filter, scope) if node.filter is not None else None
        binder.stop_if_failed()
        spec = _find_window(node.over, scope, node)
        order = tuple([_order_term(binder, term, scope) for term in spec.order_by])
        binder.stop_if_failed()
        partition = tuple([_term(binder.expr(expr, scope)) for expr in spec.partition_by])
        frame = _frame(binder, spec, scope)
    finally:
        scope.allows_windows = True
    if function.window:
        if condition is not None:
            fail("FILTER clause may only be used with aggregate window functions", node)
        frame = _IMPLIED.get(function.name, frame)
    call = bound.WindowCall(
        name=function.plan_name,
        args=tuple(map(strip_collation, args)),
        filter=condition,
        collation=collation_of(args[0]) if args else "BINARY",
        partition=partition,
        order=order,
        frame=frame,
        number=function.number,
    )
    return replace(_add(binder, scope.core, call, node.name), collation=collation_in(args))


def _add(binder: Binder, core: Core, call: bound.WindowCall, text: str) -> WindowRef:
    if core.window_source < 0:
        core.window_source = binder.new_source()
    core.windows.append(call)
    core.window_texts.append(text)
    return WindowRef(source=core.window_source, index=len(core.windows) - 1)


def order_windows(binder: Binder, core: Core, expr: bound.Expr, shown: int, known: int) -> bound.Expr:
    """An ORDER BY term. Window functions of result columns that it names are computed once more, before those of the
    result, which ties depend on. A result column that is the term is then shown as it was sorted, unless of equal rows
    only one is shown: as in SQLite.

    shown: how many windows the result has; known: how many there were before the term was bound.
    """
    columns = (at for at, output in enumerate(core.outputs) if _has_window(output))
    same = next((at for at in columns if _same(core.outputs[at], expr, core, binder)), None)
    if same is not None:
        expr = core.outputs[same]
        del core.windows[known:], core.window_texts[known:]

    copies: dict[int, WindowRef] = {}  # one of each, which a subquery and what says that it reads it share

    def copy(part: bound.Expr) -> bound.Expr | None:
        if not isinstance(part, WindowRef) or part.source != core.window_source or part.index >= shown:
            return None
        if part.index not in copies:
            core.windows.append(core.windows[part.index])
            core.window_texts.append(core.window_texts[part.index])
            core.window_copies[len(core.windows) - 1] = part.index
            copies[part.index] = replace(part, index=len(core.windows) - 1)
        return copies[part.index]

    copied = transform(expr, copy)
    if same is None:
        return copied
    if not core.distinct:
        core.outputs[same] = copied
    return core.outputs[same]


def _has_window(expr: bound.Expr) -> bool:
    return any(isinstance(part, WindowRef) for part in walk(expr))


def _same(a: bound.Expr, c: bound.Expr, core: Core, binder: Binder) -> bool:
    """The expressions are the same, window functions compared by what they compute."""

    def shown(part: bound.Expr) -> bound.Expr | None:
        if not isinstance(part, WindowRef) or part.source != core.window_source:
            return None
        alike = (at for at, call in enumerate(core.windows) if same_call(call, core.windows[part.index], binder))
        return replace(part, index=next(alike, part.index))

    return a is c or same_expression(transform(a, shown), transform(c, shown), binder.pin)


def same_call(a: bound.WindowCall, c: bound.WindowCall, binder: Binder) -> bool:
    """Two window functions compute the same."""
    if a is c:
        return True
    if tree.data(a) != tree.data(c) or len(a.args) != len(c.args) or (a.filter is None) != (c.filter is None):
        return False
    if (len(a.partition), len(a.order)) != (len(c.partition), len(c.order)):
        return False
    if not same_frame(a.frame, c.frame, binder):
        return False
    terms = zip((*a.partition, *a.order), (*c.partition, *c.order), strict=True)
    if any(tree.data(x) != tree.data(y) for x, y in terms):
        return False
    exprs = zip(window_expressions(a), window_expressions(c), strict=True)
    return all(same_expression(x, y, binder.pin) for x, y in exprs)


def same_frame(a: bound.Frame, c: bound.Frame, binder: Binder) -> bool:
    """Two frames are the same rows."""
    if a is c:
        return True
    offsets = ((a.start_offset, c.start_offset), (a.end_offset, c.end_offset))
    return tree.data(a) == tree.data(c) and all(
        x is y or (x is not None and y is not None and same_expression(x, y, binder.pin)) for x, y in offsets
    )


def _term(expr: bound.Expr) -> bound.OrderTerm:
    return bound.OrderTerm(expr=strip_collation(expr), collation=collation_of(expr))


def _order_term(binder: Binder, term: ast.OrderTerm, scope: Scope) -> bound.OrderTerm:
    return replace(_term(binder.expr(term.expr, scope)), desc=term.descending, nulls=bound.NULLS[term.nulls])


# --- frames -------------------------------------------------------------------------------------------------------


def _frame(binder: Binder, spec: ast.WindowSpec, scope: Scope) -> bound.Frame:
    written = spec.frame
    if written is None:
        return bound.Frame()
    start, end = written.start, written.end
    _check_range(spec)
    return bound.Frame(
        unit=_UNITS[written.unit],
        start=_EDGES[start.kind],
        end="current" if end is None else _EDGES[end.kind],
        start_offset=_offset(binder, start, scope),
        end_offset=None if end is None else _offset(binder, end, scope),
        exclude=_EXCLUSIONS[written.exclude],
    )


def _check_range(spec: ast.WindowSpec) -> None:
    frame = spec.frame
    if frame is None or frame.unit != "RANGE" or len(spec.order_by) == 1:
        return
    if frame.start.offset is not None or (frame.end is not None and frame.end.offset is not None):
        fail("RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression", frame)


_VARIABLE = (
    ast.ColumnRef,
    ast.FunctionCall,
    ast.Like,
    ast.CurrentTime,
    ast.Subquery,
    ast.Exists,
    ast.InSelect,
    ast.InTable,
)


def _offset(binder: Binder, edge: ast.FrameBound, scope: Scope) -> bound.Expr | None:
    """An offset is a constant expression; what reads a column or calls a function is NULL, which no frame accepts."""
    if edge.offset is None:
        return None
    variable = any(isinstance(part, _VARIABLE) and not _is_truth(part) for part in walk_syntax(edge.offset))
    return bound.Constant(value=None) if variable else binder.expr(edge.offset, scope)


def _is_truth(part: object) -> bool:
    """TRUE or FALSE, which may be the names of columns."""
    return isinstance(part, ast.ColumnRef) and part.truth is not None
