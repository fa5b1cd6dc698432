"""The code generator's entry: a plan becomes a Program."""

from __future__ import annotations

from collections.abc import Mapping

from turso_wasm.codegen import (  # noqa: F401  (they register their emitters)
    deletes,
    grouping,
    inserts,
    joins,
    output,
    rowsets,
    scans,
    sorting,
    subqueries,
    transactions,
    updates,
)
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.ddl import LONG_STEPS
from turso_wasm.codegen.expressions import parts
from turso_wasm.codegen.program import Program
from turso_wasm.codegen.roots import emit_root
from turso_wasm.kernel.abi import Statement
from turso_wasm.plan import nodes as p
from turso_wasm.wasm.symbols import Symbols

READ, WRITE = 0, 1
ROWS = (p.TableScan, p.RowidRange, p.IndexScan, p.Values, p.LiteralRows, p.Aggregate, p.Sort, p.HashJoin, p.Append)


def compile_plan(
    plan: p.Plan,
    program: Program,
    slots: Mapping[int, tuple[bool, int]],
    symbols: Symbols | None = None,
) -> Program:
    """Fill in `program` (metadata given by the caller) with the code of `plan`.

    slots: database slot → (write, schema cookie the plan was made for, -1: do not check); the statement begins a
    transaction on each. Errors: what cannot be compiled was refused by the planner; TypeError and KeyError are bugs.
    """
    ctx = Context(program.n_user_params, symbols)
    with ctx.f.into(ctx.opens):
        for slot, (write, _) in slots.items():
            # Not a constant: after a schema change the other Programs are the same bytes again.
            cookie = ctx.f.load("i32", ctx.stmt, Statement.offset("cookies") + 4 * slot)
            ctx.do("statement_begin", ctx.stmt, slot, WRITE if write else READ, cookie)
    ctx.resumable = ctx.guards = has_loop(plan)
    emit_root(plan, ctx)
    ctx.do("statement_done", ctx.stmt)
    program.wasm = ctx.finish()
    program.data = bytes(ctx.data)
    program.frame_size = ctx.frame_size
    program.counts_changes = ctx.counts_changes
    program.pinned.update(ctx.pinned)
    program.cookies = {slot: cookie for slot, (_, cookie) in slots.items()}
    return program


def has_loop(plan: p.Plan) -> bool:
    """Rows can come in any number, so the statement must be able to suspend."""
    if isinstance(plan, p.Ddl):
        return any(isinstance(step, LONG_STEPS) for step in plan.steps)
    stack: list[object] = [plan]
    while stack:
        item = stack.pop()
        if isinstance(item, ROWS) and not _is_lookup(item):
            return True
        if isinstance(item, p.Plan):
            stack.extend(parts(item))
        elif isinstance(item, tuple) and item and isinstance(item[0], p.Plan):
            stack.extend(item)
    return False


def _is_lookup(plan: object) -> bool:
    """At most one entry of a unique index."""
    return isinstance(plan, p.IndexScan) and plan.unique and not (plan.lower or plan.upper)
