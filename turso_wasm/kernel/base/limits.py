"""Limits on memory: those of PRAGMA soft_heap_limit and hard_heap_limit, and what one operator may hold.

All are of the whole process, as in SQLite. What sorts, groups, keeps or looks up rows asks `work_memory` when it
begins, and goes to a temporary file beyond that: an eighth of the soft limit, so that several of them have room in it,
but no more than WORK_MAX. The hard limit makes malloc fail.
"""

from turso_wasm.kernel.abi import Run
from turso_wasm.wasm.lang import export, i32, i64

__subset__ = True

WORK_MAX = 64 << 20
WORK_MIN = 64 << 10

soft: i64 = 0  # 0: none
hard: i64 = 0
most: i32 = WORK_MAX


def work_memory() -> i32:
    """How many bytes of rows one operator holds before it spills."""
    share: i64 = soft >> 3
    if soft == 0 or share > i64(most):
        return most
    return i32(share) if share > WORK_MIN else WORK_MIN


@export
def work_memory_set(n: i32) -> None:
    """Let operators that begin from now on hold n bytes of rows each, or less under a soft limit."""
    global most
    most = n


def within_hard_limit(used: i64) -> bool:
    """Whether so many bytes may be in use."""
    return hard == 0 or used <= hard


def is_short(used: i64) -> bool:
    """Whether so many bytes are half of the soft limit: what is only kept for later use must not grow."""
    return soft > 0 and used > soft >> 1


@export
def soft_heap_limit(stmt: Run, n: i64) -> i64:
    """PRAGMA soft_heap_limit: n > 0 sets it, 0 lifts it (to the hard limit, if there is one), < 0 asks; the limit."""
    global soft
    if n >= 0:
        soft = n if n and (hard == 0 or n < hard) else hard
    return soft


@export
def hard_heap_limit(stmt: Run, n: i64) -> i64:
    """PRAGMA hard_heap_limit: n > 0 sets or lowers it, otherwise it is only asked for; the limit."""
    global hard, soft
    if n > 0 and (hard == 0 or n < hard):
        hard = n
        if soft == 0 or soft > n:
            soft = n
    return hard


@export
def hard_heap_limit_lift() -> None:
    """No hard limit any more: what a PRAGMA cannot do."""
    global hard
    hard = i64(0)
