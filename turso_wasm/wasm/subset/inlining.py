"""Expanding @inline functions where they are called.

A parameter the callee never assigns is bound directly when the argument is a constant, a local, or a local plus a
constant; any other argument is evaluated once, into a fresh local. A body that is one `return` needs nothing else; an
early return becomes a branch to the end of a block around the body.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from turso_wasm.wasm import dsl
from turso_wasm.wasm.opcodes import CODE, uleb
from turso_wasm.wasm.subset.context import Body, Variable
from turso_wasm.wasm.subset.expressions import expression
from turso_wasm.wasm.subset.memory import is_local_get
from turso_wasm.wasm.subset.source import FunctionDecl
from turso_wasm.wasm.subset.statements import LEAVES, check_ends, is_docstring, statements
from turso_wasm.wasm.subset.values import EFFECTS, NEVER, Value, wasm_type


def inline_call(body: Body, decl: FunctionDecl, args: Sequence[Value], node: ast.AST) -> Value:
    """The call's value with the callee's body in place. Errors: SubsetError when inlining would never end."""
    caller: Body | None = body
    while caller is not None:
        if caller.decl is decl:
            raise body.error(f"{decl.name} is @inline and calls itself", node)
        caller = caller.caller
    callee = Body(body.frame, decl, caller=body)
    code = _bind(callee, decl, args)
    flags = 0
    for arg in args:
        flags |= arg.flags
    content = [item for item in decl.node.body if not is_docstring(item)]
    if len(content) == 1 and isinstance(content[0], ast.Return) and content[0].value and len(decl.results) == 1:
        value = expression(callee, content[0].value, decl.results[0])
        value = callee.coerce(value, decl.results[0], content[0].value, f"result of {decl.name}")
        body.frame.release(callee.own_locals)
        if not code:
            return Value(value.expr, value.type, value.flags | flags)
        return Value(dsl.Expr(code + value.expr.code, value.expr.type), value.type, value.flags | flags)
    return _expand(body, callee, code, content)


def _bind(callee: Body, decl: FunctionDecl, args: Sequence[Value]) -> bytes:
    """Bind parameters; the code that evaluates the arguments which need a local."""
    pushes, sets = b"", b""
    for (name, type_), arg in zip(decl.params, args, strict=True):
        expr = arg.expr
        direct = expr.const is not None or isinstance(expr, dsl.Local)
        direct = direct or (expr.plus is not None and is_local_get(expr.plus[0]))
        if direct and name not in callee.assigned:
            callee.variables[name] = Variable(type_, None, Value(expr, type_, arg.flags))
            callee.set_known(name)
            continue
        local = callee.new_local(type_, name)
        callee.variables[name] = Variable(type_, local)
        callee.set_known(name)
        pushes += expr.code
        sets = CODE["local.set"] + uleb(local.index) + sets
    return pushes + sets


def _expand(body: Body, callee: Body, code: bytes, content: list[ast.stmt]) -> Value:
    """The general case: statements, results on the stack, early returns by branch."""
    f, results = body.f, tuple(map(wasm_type, callee.decl.results))
    label = dsl.Label(f, f.block_type(CODE["block"], results))
    label.depth = f.depth
    callee.return_label = label
    with f.capture(extra_depth=1) as captured:
        flow = statements(callee, content, tail=True)
        check_ends(callee, flow)
    inner = captured.code()
    if callee.return_label_used:
        inner = label.opener + inner + CODE["end"]
    body.frame.release(callee.own_locals)
    types = callee.decl.results
    type_ = types[0] if len(types) == 1 else types or None
    wasm = results[0] if len(results) == 1 else results or None
    flags = EFFECTS
    if flow is LEAVES and not callee.return_label_used and not types:
        flags |= NEVER
    return Value(dsl.Expr(code + inner, wasm), type_, flags)
