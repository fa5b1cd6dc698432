"""The lock of a host with threads: re-entrant, handed over fairly between time slices, and swept when it is left.

Invariants:
  L1  Whoever waits holds the gate. A thread that gives way waits at the gate, so it does not get the lock back before
      who waited then has had it. Threads that come and go in between need not queue: statements are short, and waking
      a thread for each of them would cost more than the statement.
  L2  `later` never waits and never runs anything inside the kernel: finalizers call it, and they run anywhere, in
      callbacks from the kernel too.
  L3  A signal handler must not raise in these functions, between taking a lock and saying so (`is_atomic`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import CodeType

from turso_wasm.base.errors import InternalError, SqlError

Action = Callable[[], object]


class KernelLock:
    """See the module docstring. A context manager."""

    __slots__ = ("_acquire", "_gate", "_later", "_lock", "_release")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._acquire, self._release = self._lock.acquire, self._lock.release
        self._gate = threading.Lock()
        self._later: deque[Action] = deque()

    def __enter__(self) -> None:
        if not self._acquire(False):
            self._wait()

    def __exit__(self, *_: object) -> None:
        self._release()
        if self._later:
            self._sweep()

    def _wait(self) -> None:
        with self._gate:
            self._acquire()

    def give_way(self) -> None:
        """Let in who waits, if anybody does. The caller holds the lock, however often, and holds it again then."""
        if self._later:
            self._run_all()
        if self._gate.locked():
            self._reacquire(self._lock._release_save())  # type: ignore[attr-defined]

    def pause(self, wait: Callable[[], object]) -> None:
        """Call `wait` without the lock, which the caller holds, however often, and holds again then."""
        state = self._lock._release_save()  # type: ignore[attr-defined]
        try:
            if self._later:
                self._sweep()
            wait()
        finally:
            self._reacquire(state)

    def _reacquire(self, state: object) -> None:
        with self._gate:
            self._lock._acquire_restore(state)  # type: ignore[attr-defined]

    def later(self, action: Action) -> None:
        """Run `action` with the lock held as soon as nobody is in the kernel: now, or when it is left (L2).

        Failures of the database in it have nobody left to tell.
        """
        self._later.append(action)
        self._sweep()

    def _sweep(self) -> None:
        """Run what was left for later, unless somebody has the lock, who comes here when it is given up."""
        if not self._lock._is_owned() and self._acquire(False):  # type: ignore[attr-defined]
            try:
                self._run_all()
            finally:
                self._release()

    def _run_all(self) -> None:
        while self._later:
            action = self._later.popleft()
            with suppress(SqlError, InternalError):
                action()


_ATOMIC = frozenset(
    function.__code__
    for function in (
        KernelLock.__enter__,
        KernelLock.__exit__,
        KernelLock._wait,
        KernelLock.give_way,
        KernelLock._reacquire,
    )
)


def is_atomic(code: CodeType) -> bool:
    """Whether a function must not be left by an exception of a signal handler (L3)."""
    return code in _ATOMIC
