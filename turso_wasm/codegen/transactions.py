"""Transactions, and calls of kernel routines (PRAGMAs)."""

from __future__ import annotations

from typing import Any

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, emit_source
from turso_wasm.codegen.roots import ROOTS
from turso_wasm.codegen.sources import LocalSource
from turso_wasm.codegen.triggers import fire
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import BEGIN_CONCURRENT, BEGIN_DEFERRED, BEGIN_EXCLUSIVE, BEGIN_IMMEDIATE, INTEGER, NULL, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I64, Expr, i32, i64

MODES = {
    "deferred": BEGIN_DEFERRED,
    "immediate": BEGIN_IMMEDIATE,
    "exclusive": BEGIN_EXCLUSIVE,
    "concurrent": BEGIN_CONCURRENT,
}
NAMED = {"savepoint": "savepoint_open", "release": "savepoint_release", "rollback_to": "savepoint_rollback"}


def emit_transaction(node: nodes.Transaction, ctx: Context) -> None:
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO."""
    if node.commit is not None:
        _close_changes(node, node.commit, ctx)
    if node.op == "begin":
        ctx.do("transaction_begin", ctx.stmt, MODES[node.mode])
    elif node.op in NAMED:
        raw = node.name.encode()
        ctx.do(NAMED[node.op], ctx.stmt, ctx.data_address(raw), len(raw))
    else:
        ctx.do("transaction_commit" if node.op == "commit" else "transaction_rollback", ctx.stmt)


def _close_changes(node: nodes.Transaction, commit: nodes.Fire, ctx: Context) -> None:
    """What belongs to a commit of captured changes. The statement begins to write for that only."""
    f, name = ctx.f, node.name.encode()
    with f.if_(f.call("capture_commits", ctx.stmt, ctx.data_address(name or b"\0"), len(name))), f.block() as done:
        cookie = f.load("i32", ctx.stmt, Run.offset("cookies"))
        ctx.do("statement_begin", ctx.stmt, 0, 1, cookie)
        ctx.do("statement_savepoint", ctx.stmt)
        fire((commit,), None, None, ctx, done)
    ctx.do("capture_closes", ctx.stmt)


def key_words(key: bound.Expr | None, ctx: Context) -> tuple[Expr | int, ...]:
    """What the kernel is told of a key: whether there is one, and the value."""
    if key is None:
        return 0, i32(NULL), i64(0)
    return 1, *emit_value(key, ctx).pair


def emit_attach(node: nodes.Attach, ctx: Context) -> None:
    """ATTACH and DETACH."""

    def then() -> None:
        ensure(node.exprs, ctx)
        values = [word for expr in node.exprs[:2] for word in emit_value(expr, ctx).pair]
        if len(node.exprs) == 1:
            ctx.do("database_detach", ctx.stmt, *values)
        else:
            key = node.exprs[2] if len(node.exprs) > 2 else None
            ctx.do("database_attach", ctx.stmt, *values, *key_words(key, ctx))

    emit_source(node.child, ctx, then)


def _kernel_call(node: nodes.KernelCall, ctx: Context, then: Then) -> None:
    """A row of what a kernel routine returns."""
    f = ctx.f
    results = f.call_multi(node.function, *_arguments(node, ctx))
    values = [SqlValue(INTEGER, r if r.type == I64 else f.local(I64, "", r.extend_s())) for r in results]
    ctx.sources[node.source] = LocalSource(values)
    if not node.silent:
        then()


TAKES_CONNECTION = {"database_get"}


def _arguments(node: nodes.KernelCall, ctx: Context) -> list[Any]:
    f = ctx.f
    params = ctx.module.symbols.function(node.function).params
    first = f.load("i32", ctx.stmt, Run.offset("connection")) if node.function in TAKES_CONNECTION else ctx.stmt
    args: list[Any] = [first]
    for at, arg in enumerate(node.args):
        if isinstance(arg, bound.Expr):
            number = f.call("to_integer", *emit_value(arg, ctx).pair)
            args.append(number if params[at + 1] == I64 else number.wrap())
        elif isinstance(arg, bytes):
            args.append(ctx.data_address(arg, align=8))
        else:
            args.append(arg)
    return args


def emit_kernel_call(node: nodes.KernelCall, ctx: Context) -> None:
    """A kernel routine run for its effect (a silent PRAGMA)."""
    _kernel_call(node, ctx, lambda: None)


ROOTS.update(
    {
        nodes.Transaction: emit_transaction,
        nodes.Attach: emit_attach,
        nodes.KernelCall: emit_kernel_call,
    }
)
SOURCES[nodes.KernelCall] = _kernel_call
