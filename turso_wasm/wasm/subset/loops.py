"""`for i in range(…)` as a counted wasm loop."""

from __future__ import annotations

import ast
from collections.abc import Callable

from turso_wasm.wasm import dsl
from turso_wasm.wasm.subset.context import Body, LoopTargets, Names, Variable
from turso_wasm.wasm.subset.expressions import expression
from turso_wasm.wasm.subset.types import I32, AnyType
from turso_wasm.wasm.subset.values import INT_LITERAL, Value, describe, fits, is_int, unsigned, wasm_type


def contains(nodes: list[ast.stmt], kind: type) -> bool:
    """Whether a loop's body has a `break` or `continue` of its own (not of an inner loop)."""
    for node in nodes:
        if isinstance(node, kind):
            return True
        if isinstance(node, (ast.For, ast.While, ast.FunctionDef)):
            continue
        for field in ("body", "orelse"):
            if contains(getattr(node, field, []), kind):
                return True
    return False


def emit_range_loop(body: Body, node: ast.For, emit_body: Callable[[], bool]) -> None:
    """The counter is the loop variable itself unless the body assigns it or it is read after the loop.

    The end is evaluated once. The test is at the bottom, with one in front unless the first round is certain.
    emit_body: emits a round, says whether control falls through its end.
    """
    f = body.f
    start, end, step = _range_arguments(body, node)
    type_ = _counter_type(body, node, start, end)
    start, end = body.coerce(start, type_, node.iter), body.coerce(end, type_, node.iter)
    variable = _variable(body, node, type_)
    assert isinstance(node.target, ast.Name) and variable.local is not None
    temps: list[dsl.Local] = []

    def temp() -> dsl.Local:
        temps.append(body.frame.temp(wasm_type(type_)))
        return temps[-1]

    counter = variable.local
    if _is_assigned(node.body, node.target.id) or _is_read_outside(body.decl.node, node, node.target.id):
        counter = temp()
    limit: dsl.Expr = end.expr
    if end.expr.const is None and not _is_fixed_local(body, node, end.expr):
        limit = temp()
        f.out.append(start.expr.code + end.expr.code)
        f.set(limit, dsl.Expr(b"", wasm_type(type_)))
        f.set(counter, dsl.Expr(b"", wasm_type(type_)))
    else:
        f.set(counter, start.expr)
    suffix = "_u" if unsigned(type_) else "_s"
    done, more = ("ge", "lt") if step > 0 else ("le", "gt")
    certain, before = _certain(start, end, step, type_), body.known
    with f.block() as out:
        if not certain:
            f.br(out, if_=getattr(counter, done + suffix)(limit))
        with f.loop() as top:
            if counter is not variable.local:
                f.set(variable.local, counter)
            body.set_known(node.target.id)
            if contains(node.body, ast.Continue):
                with f.block() as next_:
                    after = _round(body, LoopTargets(out, next_), emit_body)
            else:
                after = _round(body, LoopTargets(out, top), emit_body)
            f.set(counter, counter + step)
            if _may_wrap(end, step, type_):
                before_step = (limit.sub(counter) if step > 0 else counter.sub(limit)) + abs(step)
                f.br(top, if_=before_step.gt_u(abs(step)))
            else:
                f.br(top, if_=getattr(counter, more + suffix)(limit))
    body.known = after if certain else before
    body.frame.release(temps)


def _round(body: Body, targets: LoopTargets, emit_body: Callable[[], bool]) -> Names:
    """Emit a round; the variables that have a value once a loop that runs at all has ended."""
    body.loops.append(targets)
    falls = emit_body()
    body.loops.pop()
    ends = targets.breaks + targets.continues + ([body.known] if falls else [])
    return frozenset.intersection(*ends) if ends else body.known


def _range_arguments(body: Body, node: ast.For) -> tuple[Value, Value, int]:
    if node.orelse:
        raise body.error("for … else is not part of the subset", node.orelse[0])
    call = node.iter
    is_range = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"
    if not isinstance(call, ast.Call) or not is_range or not 1 <= len(call.args) <= 3:
        raise body.error("for needs range(end), range(start, end) or range(start, end, step)", node.iter)
    if not isinstance(node.target, ast.Name):
        raise body.error("the loop variable must be a name", node.target)
    values = [expression(body, argument) for argument in call.args[:2]]
    if len(values) == 1:
        values.insert(0, expression(body, ast.copy_location(ast.Constant(0), call)))
    step = 1
    if len(call.args) == 3:
        value = expression(body, call.args[2])
        if value.type is not INT_LITERAL or value.const == 0:
            raise body.error("the step must be a constant other than 0", call.args[2])
        step = value.const
    return values[0], values[1], step


def _counter_type(body: Body, node: ast.For, start: Value, end: Value) -> AnyType:
    assert isinstance(node.target, ast.Name)
    existing = body.variables.get(node.target.id)
    if existing is not None:
        return existing.type
    for value in (end, start):
        if is_int(value.type):
            return I32 if describe(value.type) == "bool" else value.type
        if value.type is not INT_LITERAL:
            raise body.error(f"range needs integers, not {describe(value.type)}", node.iter)
    return I32


def _variable(body: Body, node: ast.For, type_: AnyType) -> Variable:
    assert isinstance(node.target, ast.Name)
    return body.variables.get(node.target.id) or body.declare(node.target.id, type_, node.target)


def _is_assigned(nodes: list[ast.stmt], name: str) -> bool:
    return any(
        isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store)
        for node in nodes
        for item in ast.walk(node)
    )


def _is_read_outside(function: ast.FunctionDef, loop: ast.For, name: str) -> bool:
    """Whether `name` is read anywhere but in a `for` loop over it."""
    inside: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and node.target.id == name:
            for statement in node.body:
                inside.update(map(id, ast.walk(statement)))
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and id(node) not in inside
        for node in ast.walk(function)
    )


def _is_fixed_local(body: Body, node: ast.For, expr: dsl.Expr) -> bool:
    """Whether `expr` is a source variable which the loop does not assign."""
    if not isinstance(expr, dsl.Local):
        return False
    for name, variable in body.variables.items():
        if variable.local is expr:
            return not _is_assigned(node.body, name)
    return True  # an inlined parameter bound to the caller's local: nothing here can assign it


def _may_wrap(end: Value, step: int, type_: AnyType) -> bool:
    """Whether a step may lead past the end of the type; one of 1 leads to the end of the range at most."""
    if abs(step) == 1:
        return False
    if end.expr.const is None:
        return True
    value = _number(end.expr.const, type_)
    return not fits(value + step - (1 if step > 0 else -1), type_)


def _certain(start: Value, end: Value, step: int, type_: AnyType) -> bool:
    """Whether the first round surely runs."""
    if start.expr.const is None or end.expr.const is None:
        return False
    first, limit = _number(start.expr.const, type_), _number(end.expr.const, type_)
    return first < limit if step > 0 else first > limit


def _number(constant: float, type_: AnyType) -> int:
    """A wasm constant, which is signed, in the range of its type."""
    value = int(constant)
    if unsigned(type_):
        value &= 0xFFFFFFFF if wasm_type(type_) == dsl.I32 else 0xFFFFFFFFFFFFFFFF
    return value
