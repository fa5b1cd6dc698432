"""Triggers: each program is a routine whose arguments are the columns of OLD and NEW that it reads.

To what it runs a trigger is a statement of its own: uncorrelated subqueries are computed once an activation. RAISE
ends it from wherever it stands. Its frame hangs on that of whoever fired it, so it may fire itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from turso_wasm.base import tree
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.constraints import ON_ERROR
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.expressions import EMITTERS, emit_value, ensure, with_affinity
from turso_wasm.codegen.lengths import program_loops
from turso_wasm.codegen.loops import emit_source
from turso_wasm.codegen.output import emit_count, emit_row
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.sources import LocalSource, Source
from turso_wasm.codegen.unit import Routine
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.codegen.writes import begin_write, change_rows
from turso_wasm.kernel.abi import NULL, SETTING_DEFER_FOREIGN_KEYS, SETTING_RECURSIVE_TRIGGERS
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, i64

TRIGGER_FAILED = 1811


@dataclass(slots=True)
class _Compiled:
    """A program's routine, and what its arguments, which begin at `at` in its frame, are: (source, column)."""

    routine: Routine
    at: int
    reads: list[tuple[int, int]]


class TriggerRow(LocalSource):
    """OLD or NEW in a routine of a trigger: the arguments of the trigger, wherever they are needed."""

    def __init__(self, places: dict[int, int]) -> None:
        super().__init__([])
        self.places = places

    def value(self, column: int, ctx: Context) -> SqlValue:
        """See Source."""
        found = self.decoded.get(column)
        if found is None:
            found = ctx.prologue_value(ctx.statement_frame + self.places[column], 0, None, "row")
            self.decoded[column] = found
        return found

    def ensure(self, columns: object, ctx: Context) -> None:
        """Nothing: arguments are at hand."""


def fire(fires: Sequence[nodes.Fire], old: Source | None, new: Source | None, ctx: Context, ignored: Label) -> None:
    """Run triggers for a row, whose values must outlive changes of any table; RAISE(IGNORE) jumps to `ignored`."""
    for item in fires:
        if item.program.unless_deferred:
            with ctx.f.if_(ctx.setting(SETTING_DEFER_FOREIGN_KEYS).eqz()):
                _fire(item.program, old, new, ctx, ignored)
        else:
            _fire(item.program, old, new, ctx, ignored)


def _fire(program: nodes.TriggerProgram, old: Source | None, new: Source | None, ctx: Context, ignored: Label) -> None:
    f = ctx.f
    compiled = ctx.unit.routines.get(program) or _compile(program, ctx)
    frame = ctx.callee_frame(compiled.routine)
    recursive: Expr | int = 1 if program.recursive else ctx.setting(SETTING_RECURSIVE_TRIGGERS)
    entered = f.local(I32, "entered", f.call("trigger_enter", ctx.stmt, frame, program.token, recursive))
    with f.if_(entered):
        for number, (source, column) in enumerate(compiled.reads):
            row = old if source == program.old else new
            assert row is not None
            ctx.store_value(frame + compiled.at, row.value(column, ctx), number)
        ctx.run(compiled.routine, frame, deepens=True)
        ctx.leave(frame)
        f.br(ignored, if_=f.call("trigger_leave", ctx.stmt))


def emit_commit_row(ctx: Context) -> None:
    """Where a statement may commit captured changes: fire what belongs to that."""
    if ctx.unit.commit is None:
        return
    with ctx.f.if_(ctx.f.call("capture_ends", ctx.stmt)), ctx.f.block() as done:
        fire((ctx.unit.commit,), None, None, ctx, done)


def _compile(program: nodes.TriggerProgram, caller: Context) -> _Compiled:
    ctx = caller.routine("trigger", program_loops(program), is_trigger=True)
    parts = tree.walk((*program.steps, *([] if program.when is None else [program.when])))  # in subqueries, too
    used = {(part.source, part.column) for part in parts if isinstance(part, bound.ColumnRef)}
    reads = sorted(ref for ref in used if ref[0] in (program.old, program.new))
    at = ctx.frame_alloc(len(reads) * VALUE_SIZE)
    for source in (program.old, program.new):
        places = {column: at + n * VALUE_SIZE for n, (row, column) in enumerate(reads) if row == source}
        ctx.trigger_rows[source] = partial(TriggerRow, places)
        ctx.sources[source] = TriggerRow(places)
    routine = Routine(ctx.f, 0, ctx.resumable, size_at=ctx.unit.reserve())
    compiled = ctx.unit.routines[program] = _Compiled(routine, at, reads)
    with ctx.f.block() as over:
        if program.when is not None:
            jump(program.when, over, ctx, when=False, on_null=True)
        for step in program.steps:
            _step(step, program.counts, ctx)
    finished = ctx.finish()
    routine.frame_size = finished.frame_size
    assert routine.size_at is not None
    ctx.unit.fill(routine.size_at, finished.frame_size)
    return compiled


def _step(step: nodes.Plan, counts: bool, ctx: Context) -> None:
    if isinstance(step, nodes.Output):
        emit_source(step.child, ctx, lambda: _evaluate(step.exprs, ctx))
        return
    emit_root(step, ctx)
    if counts:
        ctx.do("trigger_step", ctx.stmt)


def _evaluate(exprs: Sequence[bound.Expr], ctx: Context) -> None:
    """For what the expressions do: raise."""
    ensure(exprs, ctx)
    for expr in exprs:
        emit_value(expr, ctx)


# --- RAISE ----------------------------------------------------------------------------------------------------------


def _raise(node: bound.Raise, ctx: Context) -> SqlValue:
    f = ctx.f
    if node.message is None:
        ctx.ignore()
        return NULL_VALUE
    text = with_affinity(emit_value(node.message, ctx), "B", ctx)
    payload = text.payload
    if node.action == "FAIL":
        emit_commit_row(ctx)
    with f.if_(text.has_tag(NULL).eqz()) as otherwise:
        ctx.do(
            "raise_constraint",
            ctx.stmt,
            ON_ERROR[node.action],
            TRIGGER_FAILED,
            payload.wrap(),
            payload.shr_u(32).wrap(),
        )
        otherwise.else_()
        ctx.do("raise_constraint", ctx.stmt, ON_ERROR[node.action], TRIGGER_FAILED, 0, 0)
    f.unreachable()
    return NULL_VALUE


EMITTERS[bound.Raise] = _raise


# --- functions that write ------------------------------------------------------------------------------------------


def _perform(node: bound.Perform, ctx: Context) -> SqlValue:
    args = LocalSource([emit_value(arg, ctx) for arg in node.args])
    assert isinstance(node.fire, nodes.Fire)
    with ctx.f.block() as done:
        fire((node.fire,), None, args, ctx, done)
    return emit_value(node.value, ctx)


EMITTERS[bound.Perform] = _perform


# --- INSTEAD OF -----------------------------------------------------------------------------------------------------


def emit_instead_of(node: nodes.InsteadOf, ctx: Context) -> None:
    """The rows of the view are read to the end before the first trigger is fired."""
    begin_write(ctx, savepoint=True)
    child = nodes.Sort(source=node.source, child=node.child, keys=(), outputs=node.row)
    count = ctx.f.local(I64, "count", i64(0)) if node.counted else None

    def each() -> None:
        with ctx.f.block() as ignored:
            _instead(node, ctx, ignored)
            if count is not None:
                ctx.f.set(count, count + 1)

    change_rows(child, ctx, each)
    if count is not None:
        emit_count(count, ctx)


def _instead(node: nodes.InsteadOf, ctx: Context, ignored: Label) -> None:
    row = ctx.sources[node.source]
    row.ensure(range(len(node.row)), ctx)
    new = LocalSource([emit_value(expr, ctx) for expr in node.new])
    fire(node.effects.before, row if node.has_old else None, new, ctx, ignored)
    if node.returning:
        ctx.sources[node.shown] = new if node.new else row
        emit_row(node.returning, ctx)


ROOTS[nodes.InsteadOf] = emit_instead_of
