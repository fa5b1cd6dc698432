"""Savepoints against a model: a stack of copies of the database.

Random programs of page writes, appends, truncations, savepoints, releases and rollbacks; memory is scarce, so pages and
images spill in between. After each step the pages are the model's; after commit or rollback a new process agrees.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.effort import HEAVY
from tests.harness.pager import Engine, Link, Work, page_bytes
from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    DB_CACHE_SIZE,
    DB_PAGE_SIZE,
    JOURNAL_DELETE,
    JOURNAL_MEMORY,
    JOURNAL_PERSIST,
    JOURNAL_WAL,
)
from turso_wasm.vfs.memory import MemoryVfs

EXAMPLES = 300 if HEAVY else 12
SIZE = 512
MODES = {
    "delete": (JOURNAL_DELETE, 0),
    "persist": (JOURNAL_PERSIST, 0),
    "memory journal": (JOURNAL_MEMORY, 0),
    "wal": (JOURNAL_WAL, CAP_OWNED),
    "memory": (JOURNAL_MEMORY, CAP_MEMORY | CAP_OWNED),
}

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(2, 40), st.integers(1, 30)),
        st.tuples(st.just("write"), st.integers(2, 40), st.integers(1, 30)),
        st.tuples(st.just("blank"), st.integers(2, 40)),
        st.tuples(st.just("truncate"), st.integers(1, 40)),
        st.tuples(st.just("savepoint")),
        st.tuples(st.just("savepoint")),
        st.tuples(st.just("release"), st.integers(0, 3)),
        st.tuples(st.just("undo"), st.integers(0, 3)),
        st.tuples(st.just("statement"), st.integers(2, 40), st.integers(1, 30), st.booleans()),
        st.tuples(st.just("age")),
        st.tuples(st.just("age")),
        st.tuples(st.just("commit")),
        st.tuples(st.just("rollback")),
    ),
    min_size=5,
    max_size=40,
)


class Model:
    """The database, the state at BEGIN, and the states at the open savepoints."""

    def __init__(self) -> None:
        self.pages: dict[int, int] = {}
        self.saved: list[tuple[str, dict[int, int]]] = []
        self.begun: dict[int, int] = {}


class Machine:
    """Runs one program on the engine and the model."""

    def __init__(self, mode: str) -> None:
        self.journal_mode, capabilities = MODES[mode]
        self.vfs = MemoryVfs(capabilities)
        self.link: Link = Engine(self.vfs).connect()
        self.model = Model()
        self.value = 0
        self.names = 0
        self.link.set(DB_PAGE_SIZE, SIZE)
        self.link.journal_mode(self.journal_mode)
        with self.link.write() as work:
            for pgno in range(2, 8):
                self.fill(work, pgno)
        self.link.set(DB_CACHE_SIZE, 4)
        self.start()

    def start(self) -> None:
        self.link.begin()
        self.model.begun = dict(self.model.pages)

    def fill(self, work: Work, pgno: int) -> None:
        """Write a new value to a page; pages that are appended on the way are zero."""
        for fresh in range(work.count() + 1, pgno):
            self.model.pages[fresh] = 0
        self.value += 1
        if self.value % 9 == 0:
            work.age()
        work.put(pgno, page_bytes(self.value, SIZE))
        self.model.pages[pgno] = self.value

    def write(self, first: int, count: int) -> None:
        with self.link.write() as work:
            for pgno in range(first, first + count):
                self.fill(work, pgno)

    def blank(self, pgno: int) -> None:
        with self.link.write() as work:
            if 2 <= pgno <= work.count():
                work.blank(pgno)
                self.model.pages[pgno] = 0

    def truncate(self, count: int) -> None:
        with self.link.write() as work:
            work.truncate(count)
            self.model.pages = {pgno: v for pgno, v in self.model.pages.items() if pgno <= count}

    def savepoint(self) -> None:
        self.names += 1
        name = f"s{self.names}"
        self.link.savepoint(name)
        self.model.saved.append((name, dict(self.model.pages)))

    def release(self, depth: int) -> None:
        if depth < len(self.model.saved):
            self.link.release(self.model.saved[depth][0])
            del self.model.saved[depth:]

    def undo(self, depth: int) -> None:
        if depth < len(self.model.saved):
            name, pages = self.model.saved[depth]
            self.link.rollback_to(name.upper())
            self.model.pages = dict(pages)
            del self.model.saved[depth + 1 :]

    def statement(self, first: int, count: int, fails: bool) -> None:
        """A statement with its own savepoint that may fail half-way."""
        before = dict(self.model.pages)
        with self.link.write(savepoint=True) as work:
            for pgno in range(first, first + count):
                self.fill(work, pgno)
            if fails:
                work.fail()
                self.model.pages = before

    def age(self) -> None:
        with self.link.read() as work:
            work.age()

    def commit(self) -> None:
        self.link.commit()
        self.model.saved.clear()
        self.start()

    def rollback(self) -> None:
        self.link.rollback()
        self.model.pages = dict(self.model.begun)
        self.model.saved.clear()
        self.start()

    def check(self, link: Link) -> None:
        pages = link.pages()
        assert len(pages) == max(self.model.pages, default=1)
        for pgno, value in self.model.pages.items():
            assert pages[pgno] == page_bytes(value, SIZE), pgno


def run_program(mode: str, program: list[tuple[object, ...]]) -> None:
    machine = Machine(mode)
    for name, *args in program:
        getattr(machine, str(name))(*args)
        machine.check(machine.link)
    machine.commit()
    machine.link.rollback()
    machine.check(machine.link)
    machine.link.close()
    if mode != "memory":
        machine.check(Engine(machine.vfs).connect())


def make(mode: str) -> object:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def test(program: list[tuple[object, ...]]) -> None:
        run_program(mode, program)

    return test


test_savepoints_with_a_deleted_journal = make("delete")
test_savepoints_with_a_persistent_journal = make("persist")
test_savepoints_with_a_journal_in_memory = make("memory journal")
test_savepoints_with_a_log = make("wal")
test_savepoints_in_memory = make("memory")
