"""The roots of plans that are neither queries nor writes of rows: transactions and calls of kernel routines."""

from __future__ import annotations

from typing import Any, Callable

from turso_wasm.bind import nodes as b
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.ddl import emit_ddl
from turso_wasm.codegen.expressions import emit_value
from turso_wasm.codegen.output import emit_output
from turso_wasm.codegen.sources import SOURCES, LocalSource
from turso_wasm.codegen.values import SqlValue
from turso_wasm.codegen.writes import emit_delete, emit_insert, emit_update
from turso_wasm.kernel.abi import BEGIN_DEFERRED, BEGIN_EXCLUSIVE, BEGIN_IMMEDIATE, INTEGER, TEXT
from turso_wasm.plan import nodes as p
from turso_wasm.wasm.dsl import I64

MODES = {"deferred": BEGIN_DEFERRED, "immediate": BEGIN_IMMEDIATE, "exclusive": BEGIN_EXCLUSIVE}
NAMED = {"savepoint": "savepoint_open", "release": "savepoint_release", "rollback_to": "savepoint_rollback"}


def emit_transaction(node: p.Transaction, ctx: Context) -> None:
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO."""
    if node.op == "begin":
        ctx.do("transaction_begin", ctx.stmt, MODES[node.mode])
    elif node.op in NAMED:
        raw = node.name.encode()
        ctx.do(NAMED[node.op], ctx.stmt, ctx.data_address(raw), len(raw))
    else:
        ctx.do("transaction_commit" if node.op == "commit" else "transaction_rollback", ctx.stmt)


def _kernel_call(node: p.KernelCall, ctx: Context, then: Then) -> None:
    """One row of what a kernel routine returns."""
    f = ctx.f
    params = ctx.module.symbols.function(node.function).params
    args: list[Any] = [ctx.stmt]
    for at, arg in enumerate(node.args):
        wanted = params[at + 1]
        if isinstance(arg, b.Expr):
            number = f.call("to_integer", *emit_value(arg, ctx).pair)
            args.append(number if wanted == I64 else number.wrap())
        else:
            args.append(arg)
    with ctx.guard():
        results = f.call_multi(node.function, *args)
        if node.text:
            values = [SqlValue(TEXT, results[0])]
        else:
            values = [SqlValue(INTEGER, r if r.type == I64 else f.local(I64, "", r.extend_s())) for r in results]
    ctx.sources[node.source] = LocalSource(values)
    if not node.silent:
        then()


def emit_kernel_call(node: p.KernelCall, ctx: Context) -> None:
    """A kernel routine run for its effect (a silent PRAGMA)."""
    _kernel_call(node, ctx, lambda: None)


ROOTS: dict[type, Callable[[Any, Context], None]] = {
    p.Output: emit_output,
    p.Insert: emit_insert,
    p.Update: emit_update,
    p.Delete: emit_delete,
    p.Ddl: emit_ddl,
    p.Transaction: emit_transaction,
    p.KernelCall: emit_kernel_call,
}
SOURCES[p.KernelCall] = _kernel_call
