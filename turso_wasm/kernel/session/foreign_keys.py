"""Counting rows that violate foreign keys: those of immediate ones until the statement ends, others until the commit.

Invariants:
  F1  A counter is never asked while rows are missing from it: whoever may lift a violation counts down only what
      somebody counted up, or nothing is pending at all.
  F2  The counters of the connection are part of the transaction: what is undone takes its violations along.

Source: https://sqlite.org/foreignkeys.html
"""

from turso_wasm.kernel.abi import ON_ERROR_ABORT, SETTING_DEFER_FOREIGN_KEYS, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_CONSTRAINT_FOREIGNKEY, raise_constraint
from turso_wasm.wasm.lang import export, i32, i64, lit

__subset__ = True


@export
def foreign_key_count(s: Run, deferred: i32, n: i64) -> None:
    """There are n more violations (fewer, if negative) of a foreign key. deferred: 1 if it is DEFERRED."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.settings & SETTING_DEFER_FOREIGN_KEYS:
        c.deferred_immediate += n
    elif deferred:
        c.deferred += n
    else:
        s.violations += n


@export
def foreign_key_pending(s: Run, deferred: i32) -> i32:
    """1 if there are violations that a change of rows might lift."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.deferred_immediate != 0:
        return 1
    return i32(c.deferred != 0) if deferred else i32(s.violations != 0)


@export
def foreign_key_failed(s: Run) -> None:
    """Raise SQLITE_CONSTRAINT_FOREIGNKEY."""
    raise_constraint(s, ON_ERROR_ABORT, SQLITE_CONSTRAINT_FOREIGNKEY, *lit(b"FOREIGN KEY constraint failed"))


@export
def foreign_keys_check(s: Run) -> None:
    """The statement ends, or will do what must not be undone.

    Errors: SQLITE_CONSTRAINT_FOREIGNKEY if it leaves violations.
    """
    if s.violations != 0:
        foreign_key_failed(s)


def check_deferred(s: Run) -> None:
    """The transaction is about to be committed. Errors: SQLITE_CONSTRAINT_FOREIGNKEY if it leaves violations."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.deferred + c.deferred_immediate != 0:
        foreign_key_failed(s)


def deferred_keep(s: Run) -> None:
    """The statement's savepoint is opened."""
    c: KernelConnection = KernelConnection(s.connection)
    s.deferred_before = c.deferred
    s.deferred_immediate_before = c.deferred_immediate


def deferred_restore(s: Run) -> None:
    """What the statement did is undone."""
    c: KernelConnection = KernelConnection(s.connection)
    c.deferred = s.deferred_before
    c.deferred_immediate = s.deferred_immediate_before
