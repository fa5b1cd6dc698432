"""The code generator's entry: a plan becomes a Program."""

from __future__ import annotations

from collections.abc import Mapping

from turso_wasm.base import tree
from turso_wasm.base.tree import Node
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
from turso_wasm.codegen.program import Program
from turso_wasm.codegen.roots import emit_root
from turso_wasm.kernel.abi import Statement
from turso_wasm.plan import nodes
from turso_wasm.wasm.symbols import Symbols

READ, WRITE = 0, 1
ROWS = (
    nodes.TableScan,
    nodes.RowidRange,
    nodes.IndexScan,
    nodes.Values,
    nodes.LiteralRows,
    nodes.Aggregate,
    nodes.Sort,
    nodes.HashJoin,
    nodes.Append,
)


def compile_plan(
    plan: nodes.Plan,
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


def has_loop(plan: nodes.Plan) -> bool:
    """Rows can come in any number, so the statement must be able to suspend."""
    if isinstance(plan, nodes.Ddl):
        return any(isinstance(step, LONG_STEPS) for step in plan.steps)
    return any(isinstance(node, ROWS) and not _is_lookup(node) for node in tree.walk((plan,), _plans_below))


def _plans_below(node: Node) -> list[Node]:
    return [child for child in tree.children(node) if isinstance(child, nodes.Plan)]


def _is_lookup(plan: Node) -> bool:
    """At most one entry of a unique index."""
    return isinstance(plan, nodes.IndexScan) and plan.unique and not (plan.lower or plan.upper)
