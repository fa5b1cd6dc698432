"""Subqueries in expressions: scalar, EXISTS and x IN (SELECT …). Each is a routine of its own.

One without outer columns runs once, when its value is first needed. Others run where they stand, with the outer values
as arguments in their frame. A routine leaves its result in the frame: a Value, the truth of EXISTS or IN (0 false,
1 NULL, 2 true), or the members of an uncorrelated IN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import JUMPS, compare_values, jump_kleene, jump_value, kleene_value
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import (
    EMITTERS,
    emit_value,
    ensure,
    for_comparison,
)
from turso_wasm.codegen.hashing import add_member, find_member, new_members
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.memo import MAX_ARGUMENTS, remembered
from turso_wasm.codegen.records import copied
from turso_wasm.codegen.routines import RESULT, Argument, arguments_of, open_routine, pass_arguments
from turso_wasm.codegen.unit import Routine
from turso_wasm.codegen.values import ANY, TEXTUAL, SqlValue, mask
from turso_wasm.kernel.abi import NULL
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, Label, Local, i32


@dataclass(slots=True)
class _Compiled:
    """A subquery's routine. `node` is kept because its id is the key; `types`: of the result."""

    node: bound.SubqueryExpr
    routine: Routine
    arguments_at: int
    types: int


OPERAND = -2  # the `column` of the argument that is IN's left side
Emit = Callable[[bound.SubqueryExpr, Context, "SqlValue | None"], int]


def emit_subquery_value(node: bound.SubqueryExpr, ctx: Context) -> SqlValue:
    """The value of a subquery expression."""
    if node.kind == "scalar":
        result, types = _run(node, ctx, _scalar)
        value = ctx.load_value(result, types=types)
        ctx.allocates = ctx.allocates or bool(types & TEXTUAL)
        return value
    return kleene_value(kleene(node, ctx), ctx)


def kleene(node: bound.SubqueryExpr, ctx: Context, exact: bool = True) -> Local:
    """EXISTS or IN as 0 false, 1 NULL, 2 true. Not exact: NULL may be taken for false."""
    f = ctx.f
    if node.kind == "exists":
        result, _ = _run(node, ctx, _exists)
        known = f.local(I32, "exists", f.load("i32", result))
    else:
        known = _in(node, ctx, exact or node.negated)
    if node.negated:
        f.set(known, i32(2).sub(known))
    return known


def _in(node: bound.SubqueryExpr, ctx: Context, exact: bool) -> Local:
    """Without outer columns the subquery's values are hashed once; otherwise they are compared one by one."""
    assert node.operand is not None
    f = ctx.f
    operand = for_comparison(node.operand, node.affinity, ctx)
    if node.outer:
        result, _ = _run(node, ctx, _in_scan, operand)
        return f.local(I32, "in", f.load("i32", result))
    if node.look_up is not None:
        return _looked_up(node, node.look_up, operand, exact, ctx)
    result, _ = _run(node, ctx, _in_hash)
    known = f.local(I32, "in")
    find_member(result, operand, node.collation, known, ctx)
    return known


def _looked_up(node: bound.SubqueryExpr, look_up: bound.LookUp, operand: SqlValue, exact: bool, ctx: Context) -> Local:
    """One look-up by the index for each value. What is not there is unknown for a NULL on either side."""
    f = ctx.f
    known, result = f.local(I32, "in"), f.local(I32, "result")
    arguments = [Argument(None, OPERAND, operand)]
    _call(_compiled(node, ctx, _in_index, arguments), arguments, result, ctx)
    f.set(known, f.load("i32", result))
    if exact:
        with f.if_(known.eqz()):
            if look_up.some is not None and operand.may_be(NULL):
                with f.if_(operand.has_tag(NULL)):
                    f.set(known, kleene(look_up.some, ctx).shr_u(1))
            if look_up.null is not None:
                with f.if_(known.eqz()):
                    f.set(known, kleene(look_up.null, ctx).shr_u(1))
    return known


# --- calling -----------------------------------------------------------------------------------------------


def _run(node: bound.SubqueryExpr, ctx: Context, emit: Emit, operand: SqlValue | None = None) -> tuple[Local, int]:
    """(the address of the result, the types of a scalar result)."""
    f = ctx.f
    if not node.outer and not node.volatile:
        compiled = _compiled(node, ctx, emit, [])
        at = ctx.once(node, 8, lambda at: _run_once(compiled.routine, at, ctx))
        return f.local(I32, "result", f.load("i32", at) + RESULT), compiled.types
    arguments = arguments_of([_output(node)], ctx)
    if operand is not None:
        arguments.append(Argument(None, OPERAND, operand))
    compiled = _compiled(node, ctx, emit, arguments)
    result = f.local(I32, "result")
    if node.remembered and len(arguments) <= MAX_ARGUMENTS:
        values = [argument.value for argument in arguments]
        with remembered(node, values, result, compiled.types if node.kind == "scalar" else 0, ctx):
            _call(compiled, arguments, result, ctx)
    else:
        _call(compiled, arguments, result, ctx)
    return result, compiled.types


def _call(compiled: _Compiled, arguments: list[Argument], result: Local, ctx: Context) -> None:
    frame = ctx.callee_frame(compiled.routine)
    pass_arguments(frame, compiled.arguments_at, arguments, ctx)
    ctx.activate(compiled.routine, frame)
    ctx.f.set(result, frame + RESULT)


def _run_once(routine: Routine, at: Any, ctx: Context) -> None:
    frame = ctx.frame_at(at, routine)
    ctx.leave(frame)  # of a trigger's earlier activation
    ctx.activate(routine, frame, keep=True)


# --- compiling ---------------------------------------------------------------------------------------------


def _compiled(node: bound.SubqueryExpr, ctx: Context, emit: Emit, arguments: list[Argument]) -> _Compiled:
    key = (id(node), *((a.source, a.column, a.value.types) for a in arguments))
    found = ctx.unit.routines.get(key)
    if found is None:
        found = ctx.unit.routines[key] = _compile(node, ctx, emit, arguments)
    assert isinstance(found, _Compiled)
    return found


def _compile(node: bound.SubqueryExpr, caller: Context, emit: Emit, arguments: list[Argument]) -> _Compiled:
    ctx, at, values = open_routine(
        node.kind, caller, arguments, 1, has_loop(_output(node) if node.look_up is None else node.look_up.equal)
    )
    operand = values[-1] if arguments and arguments[-1].column == OPERAND else None
    types = emit(node, ctx, operand)
    return _Compiled(node, ctx.finish(), at, types)


def _output(node: bound.SubqueryExpr) -> nodes.Output:
    assert isinstance(node.plan, nodes.Output)
    return node.plan


def _first_row(plan: nodes.Output, ctx: Context, use: Callable[[], None]) -> None:
    """Run `use` for the first row."""
    with ctx.f.block() as found:

        def first() -> None:
            use()
            ctx.f.br(found)

        emit_source(plan.child, ctx, first)


def _scalar(node: bound.SubqueryExpr, ctx: Context, _: SqlValue | None) -> int:
    f = ctx.f
    plan = _output(node)
    types = mask(NULL)
    f.store("i32", ctx.frame, NULL, RESULT)

    def use() -> None:
        nonlocal types
        ensure(plan.exprs, ctx)
        value = emit_value(plan.exprs[0], ctx)
        types |= value.types
        ctx.store_value(ctx.frame + RESULT, _outliving(value, node, ctx))

    _first_row(plan, ctx, use)
    return types


def _outliving(value: SqlValue, node: bound.SubqueryExpr, ctx: Context) -> SqlValue:
    """The value, its bytes copied to where they outlive the cursors: the caller's row, or the statement's memory."""
    routine = "arena_alloc" if node.outer or node.volatile else "keep_alloc"
    return copied(value, lambda size: ctx.f.call(routine, ctx.stmt, size), ctx)


def _exists(node: bound.SubqueryExpr, ctx: Context, _: SqlValue | None) -> int:
    f = ctx.f
    f.store("i32", ctx.frame, 0, RESULT)
    _first_row(_output(node), ctx, lambda: f.store("i32", ctx.frame, 2, RESULT))
    return ANY


def _in_scan(node: bound.SubqueryExpr, ctx: Context, operand: SqlValue | None) -> int:
    assert operand is not None
    f = ctx.f
    plan = _output(node)
    f.store("i32", ctx.frame, 0, RESULT)
    with f.block() as done:

        def each() -> None:
            ensure(plan.exprs, ctx)
            value = for_comparison(plan.exprs[0], node.affinity, ctx)
            with f.if_(value.has_tag(NULL) | operand.has_tag(NULL)) as otherwise:
                f.store("i32", ctx.frame, 1, RESULT)
                otherwise.else_()
                with f.if_(compare_values("=", operand, value, node.collation, ctx)):
                    f.store("i32", ctx.frame, 2, RESULT)
                    f.br(done)

        emit_source(plan.child, ctx, each)
    return ANY


def _in_hash(node: bound.SubqueryExpr, ctx: Context, _: SqlValue | None) -> int:
    plan = _output(node)
    members = ctx.frame + RESULT
    new_members(members, ctx)

    def add() -> None:
        ensure(plan.exprs, ctx)
        add_member(members, for_comparison(plan.exprs[0], node.affinity, ctx), node.collation, ctx)

    emit_source(plan.child, ctx, add)
    return ANY


def _in_index(node: bound.SubqueryExpr, ctx: Context, operand: SqlValue | None) -> int:
    assert operand is not None and node.look_up is not None
    ctx.lets[bound.OPERAND.number] = operand
    plan = node.look_up.equal
    assert isinstance(plan, nodes.Output)
    ctx.f.store("i32", ctx.frame, 0, RESULT)
    _first_row(plan, ctx, lambda: ctx.f.store("i32", ctx.frame, 2, RESULT))
    return ANY


def _jump_subquery(node: bound.SubqueryExpr, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    if node.kind == "scalar":
        jump_value(node, label, ctx, when, on_null)
    else:
        jump_kleene(kleene(node, ctx, exact=when == on_null), label, ctx, when, on_null)


JUMPS[bound.SubqueryExpr] = _jump_subquery
EMITTERS[bound.SubqueryExpr] = emit_subquery_value
