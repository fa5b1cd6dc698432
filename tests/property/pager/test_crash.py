"""A power cut, or a failing call, at every storage operation of a workload leaves the last committed state.

The workload writes pages in several transactions: overwriting, growing, shrinking, spilling, rolling back. It is run
once for every storage call it makes, with the machine stopping there (or that call failing). What a power cut does to
writes that were not synced: all lost, all kept, or some of them, torn at sectors.

With TURSO_HEAVY=1 every single call fails or is the last one, with several random survivals of each power cut; normally
every fifth and every seventh, other ones in each mode.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from tests.harness.effort import HEAVY
from tests.harness.pager import Engine, Link, SqlFailure, page_bytes
from turso_wasm.kernel.abi import (
    CAP_OWNED,
    DB_CACHE_SIZE,
    DB_SYNCHRONOUS,
    JOURNAL_DELETE,
    JOURNAL_MEMORY,
    JOURNAL_PERSIST,
    JOURNAL_TRUNCATE,
    JOURNAL_WAL,
)
from turso_wasm.kernel.pager import storage
from turso_wasm.vfs.base import FULL, IOERR, File
from turso_wasm.vfs.faulty import FaultyVfs, memory_vfs

SEEDS = 3 if HEAVY else 1
STRIDE = 1 if HEAVY else 7
CUT_STRIDE = 1 if HEAVY else 5
FULL_SYNC, EXTRA = 2, 3  # PRAGMA synchronous
Pages = dict[int, bytes]


class PowerCut(Exception):
    """The machine stopped."""


class CrashVfs(FaultyVfs):
    """Stops the machine at the n-th storage call, if asked to; reports `capabilities` for every file."""

    def __init__(self, files: dict[str, bytes] | None = None, capabilities: int = 0) -> None:
        super().__init__(files)
        self.capabilities = capabilities
        self.stop_at = 0
        self.steps = 0
        self.changes = 0

    def open(self, name: str, flags: int) -> File:
        file = super().open(name, flags)
        file.capabilities |= self.capabilities
        return file

    def step(self, operation: str, name: str) -> None:
        self.steps += 1
        if operation not in ("read", "size"):
            # Stopping before a call that changes nothing leaves what stopping before the next change leaves.
            self.changes += 1
            if self.changes == self.stop_at:
                raise PowerCut
        super().step(operation, name)


class Run:
    """One run of the workload; `committed` is what must be there, `maybe` what a commit in progress would make.

    before: what a power cut may bring back that undoes the deletion of the journal.
    """

    def __init__(self, vfs: CrashVfs, mode: int, synchronous: int) -> None:
        self.vfs = vfs
        self.engine = Engine(vfs)
        self.mode = mode
        self.synchronous = synchronous
        self.last_may_be_lost = True
        self.before: Pages = {}
        self.committed: Pages = {}
        self.maybe: Pages = {}
        self.failures = 0
        self.doubtful: Pages = {}  # what the first failing transaction would have made

    def workload(self, close: bool = True) -> None:
        """All transactions; a failing one is rolled back and the next one goes on."""
        try:
            link = self.engine.connect()
        except SqlFailure:
            return
        self.attempt(lambda: self.use(link))
        self.attempt(lambda: link.set(DB_CACHE_SIZE, 10))
        for seed, step in enumerate(
            (self.create, self.overwrite, self.grow, self.shrink, self.undone, self.overwrite, self.spill)
        ):
            self.attempt(lambda step=step, seed=seed: step(link, seed))
        self.attempt(lambda: link.checkpoint(3))
        self.attempt(lambda: self.overwrite(link, 9))
        if close:
            link.close()

    def attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except SqlFailure as error:
            assert error.code & 255 in (FULL, IOERR, 14), error
            self.failures += 1
            if self.failures == 1:
                self.doubtful = self.maybe
            self.maybe = self.committed

    def use(self, link: Link) -> None:
        """Set how the journal is kept; until then it is as by default."""
        link.set(DB_SYNCHRONOUS, self.synchronous)
        link.journal_mode(self.mode)
        self.last_may_be_lost = self.mode == JOURNAL_DELETE and self.synchronous < EXTRA

    def transaction(self, link: Link, changes: dict[int, int], count: int, commit: bool = True) -> None:
        """Write page_bytes(value) to the pages in `changes`, then cut off what is behind `count`."""
        pages = dict(self.committed)
        with link.write() as t:
            for pgno, value in changes.items():
                t.put(pgno, patterned(t.get(1) if pgno == 1 else b"", value))
            for pgno in range(1, t.count() + 1):
                if pgno in changes or pgno not in pages:
                    pages[pgno] = t.get(pgno)
            if count < t.count():
                t.truncate(count)
            pages = {pgno: data for pgno, data in pages.items() if pgno <= t.count()}
            if not commit:
                t.fail()
                return
            self.maybe = pages
        self.before, self.committed = self.committed, pages

    def may_be_found(self, pages: Pages) -> bool:
        """Whether a power cut may leave them."""
        is_lost = self.last_may_be_lost and same(pages, self.before)
        return is_lost or same(pages, self.committed) or same(pages, self.maybe)

    def create(self, link: Link, seed: int) -> None:
        self.transaction(link, {pgno: seed * 100 + pgno for pgno in (2, 3, 4, 5)}, 99)

    def overwrite(self, link: Link, seed: int) -> None:
        self.transaction(link, {2: seed * 100 + 2, 4: seed * 100 + 4}, 99)

    def grow(self, link: Link, seed: int) -> None:
        self.transaction(link, {3: seed * 100 + 3, 8: seed * 100 + 8, 9: seed * 100 + 9}, 99)

    def shrink(self, link: Link, seed: int) -> None:
        self.transaction(link, {2: seed * 100 + 2}, 6)

    def undone(self, link: Link, seed: int) -> None:
        self.transaction(link, {pgno: seed * 100 + pgno for pgno in (2, 5, 12)}, 99, commit=False)

    def spill(self, link: Link, seed: int) -> None:
        """More private pages than fit into memory; every page is changed twice."""
        pages = dict(self.committed)
        with link.write() as t:
            for turn in range(2):
                for pgno in range(2, 22):
                    t.put(pgno, page_bytes(seed * 1000 + turn * 100 + pgno))
                    if pgno % 10 == 0:
                        t.age()
            pages |= {pgno: page_bytes(seed * 1000 + 100 + pgno) for pgno in range(2, 22)}
            assert self.engine.field(storage.Pager, link.pager, "spilled")
            self.maybe = pages
        self.before, self.committed = self.committed, pages


def patterned(first: bytes, value: int) -> bytes:
    """A page of the value; page 1 keeps its header."""
    return first[:100] + page_bytes(value)[100:] if first else page_bytes(value)


def positions(mode: str, first: int, last: int) -> range:
    """The calls that fail in turn."""
    return range(first + list(FAILING).index(mode) % STRIDE, last + 1, STRIDE)


def content(image: dict[str, bytes], capabilities: int) -> Pages:
    """What a new process reads from these files."""
    vfs = memory_vfs(image)
    vfs.capabilities = capabilities
    engine = Engine(vfs)
    link = engine.connect()
    pages = link.pages()
    link.close()
    if vfs.files.get("db-wal"):  # a log that another process might have written since is left alone: it changes nothing
        assert Engine(vfs).connect().pages() == pages
    return pages


def same(pages: Pages, expected: Pages) -> bool:
    """Whether the pages are the expected ones but for the header's counters."""

    def strip(pages: Pages) -> Pages:
        return {pgno: data[:24] + data[100:] if pgno == 1 else data for pgno, data in pages.items()}

    if not expected and list(pages) == [1]:
        return not any(pages[1][108:])  # created, but still empty
    return strip(pages) == strip(expected)


MODES = {
    "delete": (JOURNAL_DELETE, 0, FULL_SYNC),
    "truncate": (JOURNAL_TRUNCATE, 0, FULL_SYNC),
    "persist": (JOURNAL_PERSIST, 0, FULL_SYNC),
    "wal": (JOURNAL_WAL, 0, FULL_SYNC),
    "owned wal": (JOURNAL_WAL, CAP_OWNED, FULL_SYNC),
    "owned delete": (JOURNAL_DELETE, CAP_OWNED, FULL_SYNC),
    "delete, extra": (JOURNAL_DELETE, 0, EXTRA),
}


def total_changes(mode: str) -> int:
    """How many storage calls that change something the workload makes."""
    vfs = CrashVfs(capabilities=MODES[mode][1])
    run = Run(vfs, MODES[mode][0], MODES[mode][2])
    run.workload()
    assert run.failures == 0
    assert run.may_be_found(content(vfs.crash_image("none"), MODES[mode][1]))
    return vfs.changes


@pytest.mark.parametrize("mode", MODES)
def test_after_a_power_cut_at_any_call_the_last_committed_state_is_there(mode: str) -> None:
    journal_mode, capabilities, synchronous = MODES[mode]
    for stop_at in range(1 + list(MODES).index(mode) % CUT_STRIDE, total_changes(mode) + 1, CUT_STRIDE):
        vfs = CrashVfs(capabilities=capabilities)
        vfs.stop_at = stop_at
        run = Run(vfs, journal_mode, synchronous)
        with pytest.raises(PowerCut):
            run.workload()
        for survivors in ("none", "all", *(Random(stop_at * 1000 + seed) for seed in range(SEEDS))):
            pages = content(vfs.crash_image(survivors), capabilities)
            assert run.may_be_found(pages), (stop_at, survivors)


@pytest.mark.parametrize("mode", ["delete", "persist", "wal"])
def test_a_power_cut_during_recovery_does_no_harm(mode: str) -> None:
    journal_mode, capabilities, synchronous = MODES[mode]
    for stop_at in range(3, total_changes(mode), 7 if HEAVY else 17):
        vfs = CrashVfs(capabilities=capabilities)
        vfs.stop_at = stop_at
        run = Run(vfs, journal_mode, synchronous)
        with pytest.raises(PowerCut):
            run.workload()
        image = vfs.crash_image("all")
        expected = content(image, capabilities)
        again = 1
        while recovery_stopped(image, capabilities, again, expected):
            again += 1


def recovery_stopped(image: dict[str, bytes], capabilities: int, stop_at: int, expected: Pages) -> bool:
    """Recover the image, stopping at a change; what is left must still recover. False when recovery finished before."""
    vfs = CrashVfs(image, capabilities)
    vfs.stop_at = stop_at
    try:
        link = Engine(vfs).connect()
        assert link.pages() == expected
        link.close()
    except PowerCut:
        for survivors in ("none", "all", Random(stop_at)):
            assert content(vfs.crash_image(survivors), capabilities) == expected
        return True
    return False


FAILING = MODES | {"memory journal": (JOURNAL_MEMORY, 0, FULL_SYNC)}


@pytest.mark.parametrize(("mode", "code"), [*((mode, IOERR) for mode in FAILING), ("delete", FULL), ("wal", FULL)])
def test_after_a_failing_call_the_transaction_is_undone_and_work_goes_on(mode: str, code: int) -> None:
    journal_mode, capabilities, synchronous = FAILING[mode]
    probe = CrashVfs(capabilities=capabilities)
    Run(probe, journal_mode, synchronous).workload()
    for at in positions(mode, 1, probe.steps):
        vfs = CrashVfs(capabilities=capabilities)
        run = Run(vfs, journal_mode, synchronous)
        vfs.fail_at(at, code, short=True)
        run.workload()
        assert vfs.fired == 1
        vfs.fail_at(0)
        assert run.may_be_found(content(vfs.crash_image("none"), capabilities)), at


@pytest.mark.parametrize("mode", FAILING)
def test_a_disk_that_fails_for_a_while_loses_nothing(mode: str) -> None:
    """Rolling back fails too; once the disk works again, the same process finds its way back."""
    journal_mode, capabilities, synchronous = FAILING[mode]
    probe = CrashVfs(capabilities=capabilities)
    Run(probe, journal_mode, synchronous).workload()
    for at in positions(mode, 2, probe.steps):
        vfs = CrashVfs(capabilities=capabilities)
        run = Run(vfs, journal_mode, synchronous)
        vfs.fail_at(at, IOERR, sticky=True)
        run.workload(close=False)
        if not vfs.fired:
            break  # the calls that are left belong to closing
        vfs.fail_at(0)
        link = run.engine.connect()
        pages = link.pages()
        assert same(pages, run.committed) or same(pages, run.doubtful), at
        run.committed = pages
        run.attempt(lambda run=run, link=link: run.overwrite(link, 30))
        assert same(link.pages(), run.committed)
        if mode != "memory journal":
            assert same(content(vfs.crash_image("all"), capabilities), run.committed), at


@pytest.mark.parametrize("mode", ["delete", "wal", "owned wal"])
def test_when_the_disk_is_full_nothing_is_lost(mode: str) -> None:
    journal_mode, capabilities, synchronous = MODES[mode]
    probe = CrashVfs(capabilities=capabilities)
    Run(probe, journal_mode, synchronous).workload()
    for at in positions(mode, 1, probe.steps):
        vfs = CrashVfs(capabilities=capabilities)
        run = Run(vfs, journal_mode, synchronous)
        vfs.disk_full_at(at)
        run.workload(close=False)
        vfs.fail_at(0)
        pages = content(vfs.crash_image("all"), capabilities)
        assert same(pages, run.committed) or same(pages, run.doubtful), at
