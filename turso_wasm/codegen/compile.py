"""The code generator's entry: a plan becomes a Program."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from turso_wasm.base.tree import walk
from turso_wasm.bind import bound
from turso_wasm.codegen import (  # noqa: F401  (they register their emitters)
    analyze,
    batches,
    ddl,
    deletes,
    grouping,
    in_lists,
    inserts,
    integrity,
    joins,
    json_rows,
    key_filters,
    lookup_tables,
    lookups,
    near_rows,
    output,
    profile,
    recursion,
    rowsets,
    scans,
    shared,
    sorting,
    subqueries,
    table_functions,
    transactions,
    updates,
    vacuum,
    virtual,
    windows,
)
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.driver import emit_driver
from turso_wasm.codegen.labels import Labels
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.program import Program
from turso_wasm.codegen.reads import tables_read
from turso_wasm.codegen.roots import emit_root
from turso_wasm.codegen.unit import NO_USER_CODE, Unit, UserCode
from turso_wasm.codegen.writes import change_nothing
from turso_wasm.kernel.abi import UTF8, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.symbols import Symbols

READ, WRITE = 0, 1
UNCHECKED = UNKNOWN = -1


def compile_plan(
    plan: nodes.Plan,
    program: Program,
    slots: Mapping[int, tuple[bool, bool]],
    symbols: Symbols | None = None,
    user: UserCode = NO_USER_CODE,
    attached: int | None = None,
    encoding: int = UTF8,
    readable: bool = False,
    labels: Labels | None = None,
    tells_of_change: bool = False,
) -> Program:
    """Fill in `program` (metadata given by the caller) with the code of `plan`.

    user: what code of the user's the plan may ask for.
    slots: database slot → (write, whether the schema cookie must be that of Run.cookies); the statement begins a
    transaction on each. attached: a slot that it uses without one, and that may be another database's one day.
    encoding: of the databases. readable: for printers, with the names of locals. labels: for a listing only, with
    comments, and not made to be left and entered again. tells_of_change: EXPLAIN of a statement that counts changes.
    Errors: what cannot be compiled was refused by the planner; TypeError and KeyError are bugs.
    """
    unit = Unit(program.n_user_params, symbols, user, encoding)
    unit.labels = labels
    ctx = Context(unit, resumable=has_loop(plan))
    with ctx.f.into(ctx.opens):
        if attached is not None:
            ctx.do("schema_check", ctx.stmt)
        for slot, (write, checked) in slots.items():
            # Not a constant: after a schema change the other Programs are the same bytes again.
            cookie = ctx.f.load("i32", ctx.stmt, Run.offset("cookies") + 4 * slot) if checked else UNCHECKED
            ctx.do("statement_begin", ctx.stmt, slot, WRITE if write else READ, cookie)
        if program.table_sizes:
            sizes = b"".join(struct.pack("<5i", *size, UNKNOWN) for size in program.table_sizes)
            ctx.do("sizes_check", ctx.stmt, ctx.data_address(sizes, align=4), len(program.table_sizes))
    if tells_of_change:
        change_nothing(ctx)
    if any(type(node) is bound.Perform for node in walk([plan])):  # what is performed is undone with the statement
        with ctx.f.into(ctx.opens):
            ctx.do("statement_savepoint", ctx.stmt)
    emit_root(plan, ctx)
    ctx.do("statement_done", ctx.stmt)
    ctx.finish()
    emit_driver(ctx)
    program.wasm = unit.module.encode(comments=labels is not None, local_names=readable)
    program.data = bytes(unit.data)
    program.frame_size = ctx.frame_size
    program.counts_changes = unit.counts_changes
    program.changes = tuple(sorted(unit.changed))
    program.reads = tables_read(plan) if program.readonly else ()
    program.pinned.update(unit.pinned)
    commits = isinstance(plan, nodes.Transaction) and plan.commit is not None  # it may begin to write by itself
    program.checks = tuple(slot for slot, (_, checked) in slots.items() if checked) or (
        (0,) if commits else () if attached is None else (attached,)
    )
    return program
