"""Subqueries in expressions: scalar, EXISTS and x IN (SELECT …).

A subquery without outer columns runs once, at the start of the statement; others run where they stand. No
suspension inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import JUMPS, compare_values, jump_kleene, jump_value
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import EMITTERS, INTEGER_OR_NULL, emit_value, ensure, ensure_outer, for_comparison
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.sources import decoded_columns, forget_since
from turso_wasm.codegen.values import ANY, SqlValue, collation_code
from turso_wasm.kernel.abi import NULL, TEXT
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Label, Local, i32, select


def emit_subquery_value(node: bound.SubqueryExpr, ctx: Context) -> SqlValue:
    """The value of a subquery expression."""
    if node.kind == "scalar":
        return _once_or_here(node, ctx, _scalar)
    known = kleene(node, ctx)
    tag = ctx.f.local(I32, "", known != 1)
    return SqlValue(tag, ctx.f.local(I64, "", known.shr_u(1).extend_u()), INTEGER_OR_NULL)


def kleene(node: bound.SubqueryExpr, ctx: Context) -> Local:
    """EXISTS or IN as 0 false, 1 NULL, 2 true."""
    if node.kind == "exists":
        known = _once_or_here(node, ctx, _exists).payload.wrap()
        known = ctx.f.local(I32, "exists", known)
    else:
        known = _in(node, ctx)
    if node.negated:
        ctx.f.set(known, i32(2).sub(known))
    return known


def _once_or_here(
    node: bound.SubqueryExpr, ctx: Context, emit: Callable[[bound.SubqueryExpr, Context], SqlValue]
) -> SqlValue:
    if node.outer:
        return emit(node, ctx)
    return ctx.hoist(("subquery", id(node)), lambda: emit(node, ctx))


@contextmanager
def _here(node: bound.SubqueryExpr, ctx: Context) -> Iterator[None]:
    """The subquery's own code. What it decodes of the outer rows is not there for what comes behind: the subquery may
    be skipped (x OR EXISTS …), and so may its loops.
    """
    before = decoded_columns(ctx)
    if node.outer:
        ensure_outer(_output(node), ctx)
    with ctx.unsuspended():
        yield
    forget_since(before, ctx)


def _output(node: bound.SubqueryExpr) -> nodes.Output:
    assert isinstance(node.plan, nodes.Output)
    return node.plan


def _scalar(node: bound.SubqueryExpr, ctx: Context) -> SqlValue:
    f = ctx.f
    plan = _output(node)
    tag, payload = f.local(I32, "scalar_tag"), f.local(I64, "scalar")
    f.set(tag, NULL)
    f.set(payload, 0)
    with _here(node, ctx), f.block() as found:

        def first() -> None:
            ensure(plan.exprs, ctx)
            value = emit_value(plan.exprs[0], ctx)
            f.set(tag, value.tag_expr)
            f.set(payload, value.payload)
            with f.if_(tag >= TEXT):  # the cursor goes away under it
                size = f.local(I32, "", payload.shr_u(32).wrap())
                copy = f.local(I32, "", f.call("keep_alloc", ctx.stmt, size))
                f.memory_copy(copy, payload.wrap(), size)
                f.set(payload, copy.extend_u() | (size.extend_u() << 32))
            f.br(found)

        emit_source(plan.child, ctx, first)
    return SqlValue(tag, payload, ANY)


def _exists(node: bound.SubqueryExpr, ctx: Context) -> SqlValue:
    f = ctx.f
    found = f.local(I64, "exists")
    f.set(found, 0)
    with _here(node, ctx), f.block() as done:

        def first() -> None:
            f.set(found, 2)
            f.br(done)

        emit_source(_output(node).child, ctx, first)
    return SqlValue(1, found)


def _in(node: bound.SubqueryExpr, ctx: Context) -> Local:
    """Without outer columns the subquery's values are hashed once; otherwise they are compared one by one."""
    assert node.operand is not None
    f = ctx.f
    operand = for_comparison(node.operand, node.affinity, ctx)
    return _in_scan(node, operand, ctx) if node.outer else _in_hash(node, operand, f.local(I32, "in"), ctx)


def _in_scan(node: bound.SubqueryExpr, operand: SqlValue, ctx: Context) -> Local:
    f = ctx.f
    plan = _output(node)
    known = f.local(I32, "in")
    f.set(known, 0)
    with _here(node, ctx), f.block() as done:

        def each() -> None:
            ensure(plan.exprs, ctx)
            value = for_comparison(plan.exprs[0], node.affinity, ctx)
            with f.if_(value.has_tag(NULL) | operand.has_tag(NULL)) as otherwise:
                f.set(known, 1)
                otherwise.else_()
                with f.if_(compare_values("=", operand, value, node.collation, ctx)):
                    f.set(known, 2)
                    f.br(done)

        emit_source(plan.child, ctx, each)
    return known


def _in_hash(node: bound.SubqueryExpr, operand: SqlValue, known: Local, ctx: Context) -> Local:
    f = ctx.f
    plan = _output(node)
    flags = collation_code(node.collation)
    table, has_null = f.local(I32, "values"), f.local(I32, "values_null")
    with ctx.at_start(), ctx.unsuspended():
        f.set(table, f.call("hash_new", ctx.stmt, 0))

        def add() -> None:
            ensure(plan.exprs, ctx)
            value = for_comparison(plan.exprs[0], node.affinity, ctx)
            with f.if_(value.has_tag(NULL)) as otherwise:
                f.set(has_null, 1)
                otherwise.else_()
                ctx.do("key_reset", ctx.stmt)
                ctx.do("key_add", ctx.stmt, value, flags)
                ctx.do("hash_add", table)

        emit_source(plan.child, ctx, add)
    with f.if_(operand.has_tag(NULL)) as otherwise:
        f.set(known, f.call("hash_count", table) != 0)
        f.set(known, known | has_null)
        otherwise.else_()
        ctx.do("key_reset", ctx.stmt)
        ctx.do("key_add", ctx.stmt, operand, flags)
        f.set(known, select(f.call("hash_find", table), i32(2), has_null))
    return known


def _jump_subquery(node: bound.SubqueryExpr, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    if node.kind == "scalar":
        jump_value(node, label, ctx, when, on_null)
    else:
        jump_kleene(kleene(node, ctx), label, ctx, when, on_null)


JUMPS[bound.SubqueryExpr] = _jump_subquery
EMITTERS[bound.SubqueryExpr] = emit_subquery_value
