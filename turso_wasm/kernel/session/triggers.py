"""Triggers of a run: how deep they are, which ones run, and the counters that they leave as they found them.

The engine's stack does not hold MAX_DEPTH of them. Every SEGMENT levels a routine suspends with DEEPER, as do its
callers, and the Program's driver (codegen/deep.py) begins the trigger on an empty stack; when that has ended, it
enters the suspended routines again.

Source: https://sqlite.org/c3ref/changes.html, https://sqlite.org/c3ref/last_insert_rowid.html
"""

from turso_wasm.kernel.abi import Activation, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, error_clear, error_note, raise_error
from turso_wasm.wasm.lang import export, i32, i64, inline, lit

__subset__ = True

MAX_DEPTH = 1000  # SQLITE_MAX_TRIGGER_DEPTH
SEGMENT = 16  # levels that share a stretch of the engine's stack
SHALLOW = 32  # so deep it is certain to last in one piece
PROBE = 1000  # calls that must fit on it before a trigger runs that is deeper


@export
def trigger_enter(s: Run, a: Activation, token: i32, recursive: i32) -> i32:
    """A trigger is about to run; 0: it must not, since it runs already.

    token: which trigger it is. recursive: 1 if it may run while it runs. Errors: SQLITE_ERROR when too deep.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if not recursive and is_running(s, token):
        return 0
    if s.trigger_depth >= MAX_DEPTH:
        raise_error(SQLITE_ERROR, *lit(b"triggers nested too deep"))
    if s.in_one_piece and s.trigger_depth >= SHALLOW:
        error_note(SQLITE_ERROR, *lit(b"triggers nested too deep"))
        _ = stack_probe(PROBE)  # if the engine's stack must overflow, then here, where nothing is half done
        error_clear()
    s.trigger_depth += 1
    a.outer = s.trigger
    a.token = token
    a.ignored = 0
    a.ended = 0
    a.changes = s.changes
    a.connection_changes = c.changes
    a.last_insert_rowid = c.last_insert_rowid
    s.trigger = i32(a)
    s.changes = i64(0)
    return 1


def stack_probe(n: i32) -> i32:
    """Use the engine's stack for n calls."""
    return stack_probe(n - 1) + 1 if n > 0 else 0


def is_running(s: Run, token: i32) -> i32:
    """1 if this trigger is one of those that run."""
    a: Activation = Activation(s.trigger)
    while a:
        if a.token == token:
            return 1
        a = Activation(a.outer)
    return 0


@export
def trigger_step(s: Run) -> None:
    """A statement of a trigger that changes rows has ended: its changes are those that changes() tells."""
    c: KernelConnection = KernelConnection(s.connection)
    c.changes = s.changes
    c.total_changes += s.changes
    s.changes = i64(0)


def triggers_abandon(s: Run) -> None:
    """The run has failed inside triggers: what they inserted is not what last_insert_rowid() tells."""
    while s.trigger:
        _ = trigger_leave(s)


@export
def trigger_leave(s: Run) -> i32:
    """The innermost trigger has ended; 1 if by RAISE(IGNORE)."""
    c: KernelConnection = KernelConnection(s.connection)
    a: Activation = Activation(s.trigger)
    s.trigger_depth -= 1
    s.trigger = a.outer
    s.changes = a.changes
    c.changes = a.connection_changes
    c.last_insert_rowid = a.last_insert_rowid
    return a.ignored


@export
@inline
def segment_due(s: Run) -> i32:
    """1 if the trigger that was entered last begins a segment."""
    return i32((s.trigger_depth & (SEGMENT - 1)) == 0) & i32(s.in_one_piece == 0)


@export
def segment_push(s: Run) -> None:
    """The trigger that asked for it becomes the base of the innermost segment."""
    Activation(s.deeper).below = s.segment
    s.segment = s.deeper


@export
def segment_pop(s: Run) -> None:
    """The innermost segment has ended."""
    a: Activation = Activation(s.segment)
    a.ended = 1
    s.segment = a.below
