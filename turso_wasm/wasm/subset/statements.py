"""Statements of the subset.

`statements(body, nodes, tail)` emits a suite and says how control leaves it: FALLS through to what follows, LEAVES (the
code position after it is unreachable for the validator too), or, in tail position only, VALUE (the function's results
lie on the stack).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

from turso_wasm.wasm import dsl
from turso_wasm.wasm.opcodes import CODE
from turso_wasm.wasm.subset import operators
from turso_wasm.wasm.subset.assignment import assign, assign_annotated, assign_augmented
from turso_wasm.wasm.subset.context import Body, LoopTargets, Names
from turso_wasm.wasm.subset.expressions import expression
from turso_wasm.wasm.subset.loops import contains, emit_range_loop
from turso_wasm.wasm.subset.types import results_name
from turso_wasm.wasm.subset.values import NEVER, describe, wasm_type

FALLS, LEAVES, VALUE = "falls", "leaves", "value"
Flow = str


def statements(body: Body, nodes: list[ast.stmt], tail: bool = False) -> Flow:
    """Emit a suite; what follows a statement that never falls through is not compiled."""
    for at, node in enumerate(nodes):
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise body.error(f"{type(node).__name__} is not part of the subset", node)
        if isinstance(node, (ast.Return, ast.Break, ast.Continue)) and at + 1 < len(nodes):
            raise body.error("nothing reaches this statement", nodes[at + 1])
        flow = handler(body, node, tail and at == len(nodes) - 1)
        if flow is not FALLS:
            return flow
    return FALLS


def check_ends(body: Body, flow: Flow) -> None:
    """A function with results must not fall off its end; without results, falling off is its return."""
    if flow is not FALLS:
        return
    if body.decl.results:
        last = body.decl.node.body[-1]
        raise body.error(f"{body.decl.name}: not every path returns {results_name(body.decl.results)}", last)
    if not body.is_inlined:
        body.f.out.append(restore_stack(body))


def restore_stack(body: Body) -> bytes:
    """The code that frees the function's scratch memory."""
    saved = body.frame.saved
    if saved is None:
        return b""
    with body.f.capture() as code:
        body.f.set(body.program.stack_pointer, saved)
    return code.code()


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is a bare constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


# --- return --------------------------------------------------------------------------------------


def _return(body: Body, node: ast.Return, tail: bool) -> Flow:
    code = convert_results(body, node)
    out = body.f.out
    if body.is_inlined:
        out.append(code)
        if tail:
            return VALUE
        assert body.return_label is not None
        body.return_label_used = True
        body.f.br(body.return_label)
        return LEAVES
    code += restore_stack(body)
    if tail:
        out.append(code)
        return VALUE
    out.append(code + CODE["return"])
    return LEAVES


def convert_results(body: Body, node: ast.Return) -> bytes:
    """The code that leaves the returned values on the stack. Errors: count or types differ."""
    results, name = body.decl.results, body.decl.name
    if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None and not results):
        if results:
            raise body.error(f"{name} must return {results_name(results)}", node)
        return b""
    if body.decl.never_returns:
        raise body.error(f"{name} never returns", node)
    if isinstance(node.value, ast.Tuple):
        items = node.value.elts
        if len(items) != len(results):
            raise body.error(f"{name} returns {len(results)} values, not {len(items)}", node)
        code = b""
        for item, type_ in zip(items, results, strict=True):
            code += body.coerce(expression(body, item, type_), type_, item, f"result of {name}").expr.code
        return code
    value = expression(body, node.value, results[0] if len(results) == 1 else None)
    if len(results) == 1:
        return body.coerce(value, results[0], node.value, f"result of {name}").expr.code
    if not results:
        if value.type is None:
            return value.expr.code
        raise body.error(f"{name} has no result, got {describe(value.type)}", node)
    if value.type != results:
        raise body.error(f"result of {name}: expected {results_name(results)}, got {describe(value.type)}", node)
    return value.expr.code


# --- if ------------------------------------------------------------------------------------------


def _if(body: Body, node: ast.If, tail: bool) -> Flow:
    if _is_compound(node.test):
        return _if_compound(body, node)
    value = expression(body, node.test)
    cond = operators.condition(body, value, node.test)
    if cond.const is not None:
        return statements(body, node.body if cond.const else node.orelse, tail)
    if tail and node.orelse and body.decl.results and _leaves(node.body) and _leaves(node.orelse):
        return _if_with_value(body, node, cond)
    with body.f.if_(cond):
        first = _branch_of(body, node.body)
        second = Branch(FALLS, body.known)
        if node.orelse:
            body.f.else_()
            second = _branch_of(body, node.orelse)
    return _joined(body, first, second)


class Branch(NamedTuple):
    """How control leaves a branch, and which variables have a value then."""

    flow: Flow
    known: Names


def _branch_of(body: Body, nodes: list[ast.stmt], tail: bool = False) -> Branch:
    """Emit one of several suites that begin with the same variables known."""
    before = body.known
    flow = statements(body, nodes, tail)
    known, body.known = body.known, before
    return Branch(flow, known)


def _joined(body: Body, *branches: Branch) -> Flow:
    """How control leaves an if, after its branches; dead code is made so for the validator."""
    ends = [branch.known for branch in branches if branch.flow is FALLS]
    if not ends:
        body.f.unreachable()
        return LEAVES
    body.known = frozenset.intersection(*ends)
    return FALLS


def _if_with_value(body: Body, node: ast.If, cond: dsl.Expr) -> Flow:
    """In tail position both branches leave the function's results on the stack."""
    f = body.f
    results = tuple(map(wasm_type, body.decl.results))
    f.out.append(cond.code)
    with dsl.Label(f, f.block_type(CODE["if"], results)):
        flows = [_branch_of(body, node.body, tail=True).flow]
        f.out.append(CODE["else"])
        flows.append(_branch_of(body, node.orelse, tail=True).flow)
    for flow in flows:
        check_ends(body, flow)
    if VALUE in flows:
        return VALUE
    f.unreachable()
    return LEAVES


def _leaves(nodes: list[ast.stmt]) -> bool:
    """Whether a suite surely ends in return (a cheap look at its last statement)."""
    last = nodes[-1] if nodes else None
    if isinstance(last, ast.Return):
        return True
    return isinstance(last, ast.If) and bool(last.orelse) and _leaves(last.body) and _leaves(last.orelse)


def _is_compound(test: ast.expr) -> bool:
    """Whether a condition is better compiled to jumps than to a value."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_compound(test.operand)
    return isinstance(test, ast.BoolOp) and not all(_is_cheap(item) for item in test.values[1:])


def _is_cheap(node: ast.expr) -> bool:
    """Only names and constants, compared at most once."""
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and all(
            isinstance(x, (ast.Name, ast.Constant)) for x in (node.left, *node.comparators)
        )
    return isinstance(node, (ast.Name, ast.Constant))


def _if_compound(body: Body, node: ast.If) -> Flow:
    """`if a and b: …` as conditional jumps."""
    f = body.f
    if not node.orelse:
        with f.block() as skip:
            branch_unless(body, node.test, skip)
            _branch_of(body, node.body)
        return FALLS
    with f.block() as end:
        with f.block() as otherwise:
            branch_unless(body, node.test, otherwise)
            first = _branch_of(body, node.body)
            if first.flow is FALLS:
                f.br(end)
        second = _branch_of(body, node.orelse)
    return _joined(body, first, second)


def branch_unless(body: Body, test: ast.expr, label: dsl.Label) -> None:
    """Jump to label when test is false."""
    _branch(body, test, label, when=False)


def _branch(body: Body, test: ast.expr, label: dsl.Label, when: bool) -> None:
    """Jump to label when the truth of `test` is `when`, evaluating no more of it than needed."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        _branch(body, test.operand, label, not when)
        return
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.Or) == when:  # any operand decides
            for item in test.values:
                _branch(body, item, label, when)
            return
        with body.f.block() as inner:
            for item in test.values[:-1]:
                _branch(body, item, inner, not when)
            _branch(body, test.values[-1], label, when)
        return
    cond = operators.condition(body, expression(body, test), test)
    if cond.const is None:
        body.f.br(label, if_=cond if when else cond.eqz())
    elif bool(cond.const) == when:
        body.f.br(label)


# --- loops ---------------------------------------------------------------------------------------


def _while(body: Body, node: ast.While, tail: bool) -> Flow:
    if node.orelse:
        raise body.error("while … else is not part of the subset", node.orelse[0])
    f = body.f
    forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
    if forever and not contains(node.body, ast.Break):
        with f.loop() as top:
            _loop_body(body, node, top, top)
        f.unreachable()
        return LEAVES
    with f.block() as out, f.loop() as top:
        if not forever:
            branch_unless(body, node.test, out)
        breaks = _loop_body(body, node, out, top)
    if forever and breaks:
        body.known = frozenset.intersection(*breaks)
    return FALLS


def _loop_body(body: Body, node: ast.While, out: dsl.Label, top: dsl.Label) -> list[Names]:
    """Emit the body and the way back; the variables known at each `break`."""
    body.loops.append(LoopTargets(out, top))
    if _branch_of(body, node.body).flow is FALLS:
        body.f.br(top)
    return body.loops.pop().breaks


def _for(body: Body, node: ast.For, tail: bool) -> Flow:
    emit_range_loop(body, node, lambda: statements(body, node.body) is FALLS)
    return FALLS


def _break(body: Body, node: ast.Break, tail: bool) -> Flow:
    body.loops[-1].breaks.append(body.known)
    body.f.br(body.loops[-1].break_label)
    return LEAVES


def _continue(body: Body, node: ast.Continue, tail: bool) -> Flow:
    body.loops[-1].continues.append(body.known)
    body.f.br(body.loops[-1].continue_label)
    return LEAVES


# --- simple statements ---------------------------------------------------------------------------


def _expression(body: Body, node: ast.Expr, tail: bool) -> Flow:
    if isinstance(node.value, ast.Constant):
        return FALLS
    if not isinstance(node.value, ast.Call):
        raise body.error("this expression has no effect", node)
    value = expression(body, node.value)
    if value.type is not None:
        raise body.error(f"the result, {describe(value.type)}, is dropped; if that is meant: _ = …", node)
    body.f.do(value.expr)
    return LEAVES if value.flags & NEVER else FALLS


def _assign(body: Body, node: ast.Assign, tail: bool) -> Flow:
    if len(node.targets) != 1:
        raise body.error("a = b = … is not part of the subset", node)
    assign(body, node.targets[0], node.value, node)
    return FALLS


def _ann_assign(body: Body, node: ast.AnnAssign, tail: bool) -> Flow:
    assign_annotated(body, node)
    return FALLS


def _aug_assign(body: Body, node: ast.AugAssign, tail: bool) -> Flow:
    assign_augmented(body, node)
    return FALLS


def _assert(body: Body, node: ast.Assert, tail: bool) -> Flow:
    """Only in debug builds: record the text, then trap."""
    if not body.program.debug:
        return FALLS
    cond = operators.condition(body, expression(body, node.test), node.test)
    with body.f.if_(cond.eqz()):
        where = f"{body.module.name}:{node.lineno}: {body.decl.name}"
        text = str(node.msg.value) if isinstance(node.msg, ast.Constant) else ast.unparse(node.test)
        body.program.note_assertion(body.f, f"{where}: {text}")
        body.f.unreachable()
    return FALLS


def _nothing(body: Body, node: ast.stmt, tail: bool) -> Flow:
    return FALLS


_HANDLERS: dict[type, Callable[[Body, Any, bool], Flow]] = {
    ast.Return: _return,
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _ann_assign,
    ast.AugAssign: _aug_assign,
    ast.Assert: _assert,
    ast.Pass: _nothing,
    ast.Global: _nothing,
}
