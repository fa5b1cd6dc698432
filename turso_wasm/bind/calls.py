"""Function calls: scalar functions, aggregates, LIKE and its sisters.

Owns overload resolution through the function registry, the rules of where aggregates may stand, and SQLite's errors
about both.

Source: https://sqlite.org/lang_corefunc.html, https://sqlite.org/lang_aggfunc.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from turso_wasm.base import tree
from turso_wasm.bind import bound
from turso_wasm.bind.arrays import bind_array_agg, bind_array_call
from turso_wasm.bind.binder import EXPRESSIONS, Binder, fail
from turso_wasm.bind.comparison import (
    collation_in,
    collation_of,
    comparison_collation,
    explicit_collation,
    implicit_collation,
    type_operators,
)
from turso_wasm.bind.expansions import EXPANSIONS
from turso_wasm.bind.full_text import bind_full_text, bind_match
from turso_wasm.bind.purity import MOMENTS, PURE, failing, pure_call
from turso_wasm.bind.query import AggregateRef
from turso_wasm.bind.row_functions import bind_rtreecheck, row_function
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.sequences import bind_sequence_call
from turso_wasm.bind.table_names import bind_columns_array
from turso_wasm.bind.walk import fingerprint, same_expression, strip_collation
from turso_wasm.bind.windows import bind_window_call
from turso_wasm.catalog.functions import BUILTIN, library_function
from turso_wasm.catalog.library import PROGRAM
from turso_wasm.catalog.modules.registry import ROW_FUNCTIONS
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import AggregateFunction, Function
from turso_wasm.sql import ast

NO_MATCH: Final = "unable to use function MATCH in the requested context"
VECTOR_GIVEN: Final = Function("vector_given", 1, 1, "fn_vector_given")
CASE_SENSITIVE_LIKE: Final = Function("like", 2, 3, "like_case", "special")


def bind_call(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """A function call by name: an aggregate, or a scalar function.

    Errors: "no such function: f", "wrong number of arguments to function f()", misuses of FILTER, OVER and ORDER BY,
    "unsafe use of f()"; "not supported yet" for functions that SQLite has and we have not.
    """
    name = fold(node.name)
    if node.star and name in ("json_object", "jsonb_object") and scope is not None and scope.items:
        node = _of_all_columns(node, scope)
    n_arguments = len(node.arguments)
    registry = binder.registry
    if binder.authority is not None and not binder.place and not binder.authority.function(binder, node.name):
        return bound.Constant(value=None)
    if name == "rtreecheck" and node.over is None and name not in registry.own_functions:
        return bind_rtreecheck(binder, node, scope)
    if name == "array_agg" and n_arguments == 1 and name not in registry.own_functions:
        return bind_array_agg(binder, node, scope)
    aggregate = registry.find_aggregate(name, n_arguments)
    if aggregate is not None:
        if aggregate.window and node.over is None:
            fail(f"misuse of window function {node.name}()", node)
        _check_safe(binder, aggregate, node)
        binder.calls_user = binder.calls_user or aggregate.number >= 0
        if node.over is not None:
            if not aggregate.inverts:
                fail(f"{node.name}() may not be used as a window function", node)
            return bind_window_call(binder, node, aggregate, scope)
        return bind_aggregate(binder, node, aggregate, scope)
    if node.over is not None:
        if registry.find_scalar(name, n_arguments) is None:
            raise registry.no_function(name, node.name, node.span)
        binder.exprs(node.arguments, scope)
        fail(f"{node.name}() may not be used as a window function", node)
    if name in ROW_FUNCTIONS and n_arguments:
        column = row_function(binder, node, scope)
        if column is not None:
            return column
    function = registry.find_scalar(name, n_arguments)
    if function is not None and function.style == "sequence":
        return bind_sequence_call(binder, node, scope)
    if function is not None and function.style == "array_of":
        return bind_array_call(binder, node, scope)
    if function is not None and function.style == "full_text" and node.filter is None:
        return bind_full_text(binder, node, scope)
    if function is None and binder.place and not binder.creating:
        return _unknown_call(node.name, binder.exprs(node.arguments, scope))
    if function is None and name in ROW_FUNCTIONS:
        binder.exprs(node.arguments, scope)
        return failing(f"unable to use function {node.name} in the requested context")
    if function is None:
        raise registry.no_function(name, node.name, node.span)
    if node.filter is not None:
        fail(f"FILTER may not be used with non-aggregate {node.name}()", node)
    if node.order_by:
        fail(f"ORDER BY may not be used with non-aggregate {node.name}()", node)
    _check_safe(binder, function, node)
    binder.calls_user = binder.calls_user or function.style == "user"
    if name == "table_columns_json_array" and function.number < 0:
        return bind_columns_array(binder, binder.exprs(node.arguments, scope)[0])
    if name == "likelihood" and function.number < 0:
        _check_probability(binder, node)
    if name == "match" and function.number < 0:
        return _match(binder, binder.exprs(node.arguments, scope))
    written = _with_vectors(function, binder.exprs(node.arguments, scope))
    arguments = (*map(_given, function.given), *_with_program(function, written))
    call = scalar_call(_as_set(binder, function), arguments, node)
    if function.numeric:
        call = bound.Cast(operand=call, affinity="C")
    is_moment = name in MOMENTS and function.number < 0
    return pure_call(call, binder.place, node.name) if is_moment and binder.place in PURE else call


def _of_all_columns(node: ast.FunctionCall, scope: Scope) -> ast.FunctionCall:
    """json_object(*): the names and values of all columns that a star shows."""
    arguments: list[ast.Expr] = []
    for item in scope.items:
        for name in item.columns:
            if fold(name) not in item.hidden:
                arguments += [ast.TextLiteral(name), ast.ColumnRef(name, item.name or None, span=node.span)]
    return replace(node, star=False, arguments=tuple(arguments))


def _given(what: str) -> bound.Expr:
    """What a function is given that SQL does not write: 16 random bytes, or the seconds since 1970 of now."""
    name, argument = ("randomblob", 16) if what == "random" else ("unixepoch", "subsec")
    function = BUILTIN.find_scalar(name, 1)
    assert function is not None, "it is built in"
    return scalar_call(function, (bound.Constant(value=argument),))


def _with_program(function: Function, args: tuple[bound.Expr, ...]) -> tuple[bound.Expr, ...]:
    """The arguments, a regular expression among them as a program."""
    at = function.pattern
    if at < 0:
        return args
    return (*args[:at], scalar_call(library_function("regexp", PROGRAM), (args[at],)), *args[at + 1 :])


def _with_vectors(function: Function, args: tuple[bound.Expr, ...]) -> tuple[bound.Expr, ...]:
    """The arguments of a distance: texts that stay the same in all rows are read once."""
    if not function.vectors:
        return args
    fixed = (bound.Constant, bound.Parameter)
    return tuple(scalar_call(VECTOR_GIVEN, (arg,)) if isinstance(arg, fixed) else arg for arg in args)


def _is_virtual(binder: Binder, column: bound.ColumnRef) -> bool:
    table = binder.scanned.get(column.source)
    return table is not None and table.kind == "virtual"


def _unknown_call(name: str, args: tuple[bound.Expr, ...]) -> bound.Expr:
    """A function of the schema that we lack: only a statement that needs its value fails (codegen)."""
    return bound.Call(
        name=fold(name), args=args, kernel=f"unknown function: {name}()", style="unknown", deterministic=False
    )


def _check_safe(binder: Binder, function: Function | AggregateFunction, node: ast.FunctionCall) -> None:
    """What is to be called directly stands in no text of a schema; nothing of the user's in one that is not trusted."""
    if (function.direct_only and not binder.lift) or (function.number >= 0 and binder.untrusted):
        fail(f"unsafe use of {node.name}()", node)


def _check_probability(binder: Binder, node: ast.FunctionCall) -> None:
    probability = node.arguments[1]
    if not isinstance(probability, ast.RealLiteral) or not 0.0 <= probability.value <= 1.0:
        fail("second argument to likelihood() must be a constant between 0.0 and 1.0", node)
    if probability.index >= 0 and binder.lift:
        binder.pinned[probability.index] = probability.value


def scalar_call(function: Function, args: tuple[bound.Expr, ...], node: ast.Node | None = None) -> bound.Expr:
    """A call of a scalar function with bound arguments."""
    name = function.plan_name
    assert function.style != "sequence" and function.style != "array_of" and function.style != "full_text", (
        "see bind_call"
    )
    if function.style == "expansion":
        return EXPANSIONS[name](args)
    collation = "BINARY"
    if function.style == "array_collation":
        collation = next((c for c in map(_own_collation, args) if c is not None), "BINARY")
    elif name == "nullif":
        collation = comparison_collation(args[0], args[1])
    return bound.Call(
        name=name,
        args=args,
        kernel=function.kernel,
        style=function.style,
        collation=collation,
        deterministic=function.deterministic,
        number=function.number,
        subtype=function.subtype,
        body=function.body,
    )


def _own_collation(expr: bound.Expr) -> str | None:
    return explicit_collation(expr) or implicit_collation(expr)


# --- aggregates ---------------------------------------------------------------------------------------------------


def bind_aggregate(
    binder: Binder, node: ast.FunctionCall, function: AggregateFunction, scope: Scope | None
) -> bound.Expr:
    """An aggregate: it is added to the query it belongs to, and stands there as AggregateRef.

    That query is the innermost one of whose columns the arguments use some; without any the current one.
    Errors: "misuse of aggregate function f()", "DISTINCT aggregates must have exactly one argument".
    """
    if scope is None:
        binder.exprs(node.arguments, None)  # a name is the first fault
    if scope is None or scope.inside_aggregate or scope.core is None:
        fail(f"misuse of aggregate function {node.name}()", node)
    if node.distinct and len(node.arguments) != 1:
        fail("DISTINCT aggregates must have exactly one argument", node)
    finder = binder.finder
    outer_deepest, finder.deepest = finder.deepest, -1
    allowed, scope.inside_aggregate = scope.inside_aggregate, True
    windows, scope.allows_windows = scope.allows_windows, False
    try:
        args = binder.exprs(node.arguments, scope)
        condition = binder.expr(node.filter, scope) if node.filter is not None else None
        order_by = tuple([_order_term(binder, term, scope) for term in node.order_by])
    finally:
        scope.inside_aggregate, scope.allows_windows = allowed, windows
    deepest, finder.deepest = finder.deepest, max(outer_deepest, finder.deepest)
    typed = type_operators(*args) if function.name in ("min", "max") and function.number < 0 else None
    if typed is not None and typed.is_ordered and isinstance(args[0], bound.Generated) and args[0].stored is not None:
        args = (args[0].stored,)
    else:
        typed = None
    owner = scope
    while 0 <= deepest < owner.depth and owner.parent is not None:
        owner = owner.parent
    tested = _tested_between(binder, owner, scope, node)
    if tested is not None:
        nothing = bound.Constant(value=None)
        tested.dropped[id(nothing)] = node.name
        return nothing
    call = _aggregate_call(function, args, node.distinct, condition, order_by)
    reference = replace(_add_aggregate(binder, owner, call, node.name), collation=collation_in(args))
    if owner is not scope:
        finder.capture(reference, owner.depth)
    return reference if typed is None else typed.read(reference)


def _tested_between(binder: Binder, owner: Scope, scope: Scope, node: ast.FunctionCall) -> Scope | None:
    """None if the aggregate may stand in `scope`; the query that is not asked for its value if it may only therefore.

    Errors: "misuse of aggregate: f()" where it is computed too early, else "misuse of aggregate function f()".
    """
    refused = owner.core is None or owner.aggregates == "no" or owner.inside_aggregate
    if refused if owner is scope else scope.aggregates == "no":
        fail(f"misuse of aggregate function {node.name}()", node)
    if not refused and owner.aggregates != "where":
        return None
    level: Scope | None = scope
    width = scope.row_width
    while level is not None and level is not owner and not level.is_tested:
        level = level.parent
        width = width or (level.row_width if level is not None else 0)  # then it is no subquery to SQLite any more
    if level is None or level is owner:
        wrong = f"{width} columns assigned 1 values" if width else f"misuse of aggregate: {node.name}()"
        binder.later(wrong, node)
    return level or owner


def _order_term(binder: Binder, term: ast.OrderTerm, scope: Scope) -> bound.OrderTerm:
    expr = binder.expr(term.expr, scope)
    nulls = bound.NULLS[term.nulls]
    return bound.OrderTerm(expr=strip_collation(expr), desc=term.descending, nulls=nulls, collation=collation_of(expr))


def _aggregate_call(
    function: AggregateFunction,
    args: tuple[bound.Expr, ...],
    distinct: bool,
    condition: bound.Expr | None,
    order_by: tuple[bound.OrderTerm, ...],
) -> bound.AggregateCall:
    name = function.plan_name
    if name in ("min", "max"):
        distinct = False  # it makes no difference
    collation = collation_of(args[0]) if args else "BINARY"
    if name in ("count", "min", "max"):
        order_by = ()  # nor does the order
    return bound.AggregateCall(
        name=name,
        args=tuple(map(strip_collation, args)),
        distinct=distinct,
        filter=condition,
        collation=collation,
        order_by=order_by,
        number=function.number,
    )


def _add_aggregate(binder: Binder, owner: Scope, call: bound.AggregateCall, text: str) -> AggregateRef:
    core = owner.core
    assert core is not None
    core.is_aggregate = True
    exprs = (*call.args, *(() if call.filter is None else (call.filter,)))
    alike = core.alike.setdefault(hash((tree.data(call), *map(fingerprint, exprs))), [])
    for index in alike:
        if _same_aggregate(core.aggregates[index], call, binder):
            return AggregateRef(source=core.aggregate_source, index=index)
    alike.append(len(core.aggregates))
    core.aggregates.append(call)
    core.aggregate_texts.append(text)
    return AggregateRef(source=core.aggregate_source, index=len(core.aggregates) - 1)


def _same_aggregate(a: bound.AggregateCall, c: bound.AggregateCall, binder: Binder) -> bool:
    """Whether two aggregates of one query always have the same value."""
    if tree.data(a) != tree.data(c) or a.order_by or c.order_by:
        return False
    if len(a.args) != len(c.args) or (a.filter is None) != (c.filter is None):
        return False
    if a.filter is not None and c.filter is not None and not same_expression(a.filter, c.filter, binder.pin):
        return False
    return all(same_expression(x, y, binder.pin) for x, y in zip(a.args, c.args, strict=True))


# --- LIKE ---------------------------------------------------------------------------------------------------------


def _match(binder: Binder, args: tuple[bound.Expr, ...]) -> bound.Expr:
    """match(pattern, column), which virtual tables give a meaning."""
    column = args[1]
    if isinstance(column, bound.ColumnRef) and _is_virtual(binder, column):
        return bound.Call(name="match", args=args, style="special")
    return failing(NO_MATCH)


def bind_like(binder: Binder, node: ast.Like, scope: Scope | None) -> bound.Expr:
    """X LIKE y ESCAPE z is like(y, x, z); the value is 1, 0 or NULL. Errors: "no such function"."""
    if node.op == "MATCH" and not binder.place and node.escape is None:
        found = bind_match(binder, node.operand, node.pattern, scope)
        if found is not None:
            return bound.Unary(op="not", operand=found) if node.negated else found
    args = [binder.expr(node.pattern, scope), binder.expr(node.operand, scope)]
    if node.escape is not None:
        args.append(binder.expr(node.escape, scope))
    name = node.op.lower()
    function = binder.registry.find_scalar(name, len(args))
    if node.op == "MATCH" and (function is None or function.number < 0):
        match = _match(binder, tuple(args))
        return bound.Unary(op="not", operand=match) if node.negated else match
    if function is None:
        if binder.place and not binder.creating:
            unknown = _unknown_call(node.op, tuple(args))
            return bound.Unary(op="not", operand=unknown) if node.negated else unknown
        word, at = _word(binder, node, node.op)
        raise binder.registry.no_function(name, word, (at, at + len(word)))
    binder.calls_user = binder.calls_user or function.style == "user"
    result = scalar_call(_as_set(binder, function), _with_program(function, tuple(args)))
    return bound.Unary(op="not", operand=result) if node.negated else result


def _as_set(binder: Binder, function: Function) -> Function:
    """The function; of LIKE the one that PRAGMA case_sensitive_like has chosen."""
    is_like = function.kernel == "like"
    return CASE_SENSITIVE_LIKE if is_like and binder.settings.case_sensitive_like else function


def _word(binder: Binder, node: ast.Like, word: str) -> tuple[str, int]:
    """The operator as it is written in the text, and where."""
    start = node.span[0]
    text = binder.text(node.span)
    at = text.upper().find(word)
    return (text[at : at + len(word)], start + at) if at >= 0 else (word, node.span[0])


EXPRESSIONS.update({ast.FunctionCall: bind_call, ast.Like: bind_like})
