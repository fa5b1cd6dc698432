"""How our Programs run in a script, and how long they may."""

from __future__ import annotations

import contextlib
import signal
import struct
import threading
import time
from collections.abc import Iterator
from types import FrameType

from tests.harness.planning import without
from tests.harness.steps import before_each_step
from tests.oracle.engines import Ours
from turso_wasm.kernel import abi
from turso_wasm.kernel.base.limits import WORK_MAX
from turso_wasm.plan.build import OPTIMIZATIONS
from turso_wasm.runtime import engine as process

SECONDS = 10
"""What one statement may take of the processor before it counts as hanging: on a busy machine a second is long."""
MODES = ("plain", "plain", "ticks", "rows", "unoptimized", "no memory")
LITTLE = 256  # bytes that an operator may hold
"""How Programs run: as they are, with a time slice of no tick, with one row in a buffer, without any optimization."""

_U32 = struct.Struct("<I")


class Hang(Exception):
    """A statement took too long."""


@contextlib.contextmanager
def running(mode: str) -> Iterator[None]:
    """Run our Programs in this mode."""
    if mode == "plain":
        yield
        return
    if mode == "unoptimized":
        with without(OPTIMIZATIONS):
            yield
        return
    host = process.host()
    if mode == "no memory":
        process.host().function("work_memory_set")(LITTLE)
        try:
            yield
        finally:
            process.host().function("work_memory_set")(WORK_MAX)
        return
    name, limit = ("budget", 0) if mode == "ticks" else ("row_limit", 1)
    at = abi.Run.offset(name)
    with before_each_step(lambda statement: host.pack(_U32, statement + at, limit)):
        yield


@contextlib.contextmanager
def limited_time(ours: Ours) -> Iterator[None]:
    """Interrupt our engine when a statement takes too long. Raises Hang."""
    expired, done = threading.Event(), threading.Event()
    end = time.process_time() + SECONDS

    def watch() -> None:
        while not done.wait(1):
            if time.process_time() > end:
                expired.set()
                for connection in ours.connections.values():
                    connection.interrupt()
                return

    def alarm(_signal: int, _frame: FrameType | None) -> None:
        raise Hang("not even interrupt() was heard")

    previous = signal.signal(signal.SIGPROF, alarm)
    signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    if expired.is_set():
        raise Hang("interrupted")
