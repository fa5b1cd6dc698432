"""Sets, join tables and kept rows beyond the memory limit: what they hold, stray errors, and nothing left behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import groupby

import pytest

from tests.harness.records import RecordsKernel
from turso_wasm.base.errors import SqlError
from turso_wasm.kernel.abi_states import IN_FILE, KeptRow, ListedRow
from turso_wasm.kernel.base.limits import WORK_MAX
from turso_wasm.kernel.values.hashtable import Hash

LIMITS = [0, 300, 5000, WORK_MAX]


@pytest.fixture(scope="module")
def kernel() -> Iterator[RecordsKernel]:
    kernel = RecordsKernel(["turso_wasm.kernel.values.join_table", "turso_wasm.kernel.base.resources"])
    yield kernel
    kernel.call("work_memory_set", WORK_MAX)
    assert not kernel.temporary.files


def make_key(kernel: RecordsKernel, number: int) -> None:
    """The key of a number: an integer, a short text or a long one."""
    text = f"{number} is the number" * (1 + number % 50)
    kernel.key([number if number % 3 == 0 else text if number % 3 == 1 else f"{number}"])


class Set:
    """A set of numbers."""

    def __init__(self, kernel: RecordsKernel) -> None:
        self.kernel = kernel
        self.at = kernel.checked("hash_new", kernel.statement, 0)

    def add(self, number: int) -> bool:
        """Whether it was there."""
        make_key(self.kernel, number)
        self.kernel.checked("hash_add", self.at)
        return bool(int.from_bytes(self.kernel.read(self.at + Hash.offset("found"), 4), "little"))

    def has(self, number: int) -> bool:
        if number % 6 == 0:
            return bool(self.kernel.checked("hash_find_int", self.at, number))
        make_key(self.kernel, number)
        return bool(self.kernel.checked("hash_find", self.at))


@pytest.mark.parametrize("limit", LIMITS)
def test_a_set_knows_its_members(kernel: RecordsKernel, limit: int) -> None:
    kernel.call("work_memory_set", limit)
    rng = random.Random(limit)
    members: set[int] = set()
    found = Set(kernel)
    for _ in range(1500):
        number = rng.randrange(2000)
        assert found.add(number) == (number in members)
        members.add(number)
    for number in range(2000):
        assert found.has(number) == (number in members)
    assert bool(kernel.temporary.files) == (limit < WORK_MAX)
    kernel.checked("hash_clear", found.at)
    assert not kernel.temporary.files
    assert not any(found.has(number) for number in range(50))
    kernel.end_statement()


class Table:
    """A join table whose rows are numbers, keyed by what `key` makes of them; None: by nothing."""

    def __init__(self, kernel: RecordsKernel, rows: list[int], key: Callable[[int], int | None], listed: bool) -> None:
        self.kernel = kernel
        self.head = ListedRow.size if listed else KeptRow.size
        self.at = kernel.checked("join_new", kernel.statement, int(listed))
        for row in rows:
            number = key(row)
            if number is not None:
                make_key(kernel, number)
            record = kernel.blob_in_place(b"%d" % row * (1 + row % 40))
            kernel.checked("join_add", self.at, record, int(number is not None))
        kernel.checked("join_end", self.at)

    def _row(self, at: int) -> int:
        head = self.kernel.read(at, self.head)
        size = int.from_bytes(head[4:8], "little")
        text = self.kernel.read(at + self.head, size)
        return next(int(text[:n]) for n in range(1, len(text) + 1) if text[:n] * (1 + int(text[:n]) % 40) == text)

    def find(self, number: int) -> list[tuple[int, int]]:
        """(row, address) of those with a key; the address is valid only until the next."""
        make_key(self.kernel, number)
        use_int = number % 6 == 0
        at = self.kernel.checked(*(("join_find_int", self.at, number) if use_int else ("join_find", self.at)))
        found = []
        while at:
            found.append((self._row(at), at))
            after = int.from_bytes(self.kernel.read(at, 4), "little")
            if self.head == ListedRow.size and self._row(at) % 2:
                self.match(at, after == IN_FILE)
            at = self.kernel.checked("join_next", self.at) if after == IN_FILE else after
        return found

    def match(self, at: int, in_file: bool) -> None:
        if in_file:
            self.kernel.checked("join_match", self.at, at)
        else:
            self.kernel.write(at + ListedRow.offset("matched"), self.visit.to_bytes(4, "little"))

    def begin(self) -> None:
        self.visit = self.kernel.checked("join_begin", self.at)

    def rest(self) -> list[int]:
        rows = []
        while at := self.kernel.checked("join_rest", self.at):
            rows.append(self._row(at))
        return rows


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("listed", [False, True])
def test_rows_are_found_in_the_order_in_which_they_came(kernel: RecordsKernel, limit: int, listed: bool) -> None:
    kernel.call("work_memory_set", limit)
    rows = random.Random(limit).sample(range(2000), 1200)
    table = Table(kernel, rows, lambda row: row % 211 if row % 10 else None, listed)
    keyed = sorted((row for row in rows if row % 10), key=lambda row: row % 211)
    groups = {key: list(group) for key, group in groupby(keyed, lambda row: row % 211)}
    for _ in range(2):
        if listed:
            table.begin()
        for number in range(0, 250, 2):
            assert [row for row, _ in table.find(number)] == groups.get(number, [])
        if listed:
            odd = {row for number in range(0, 250, 2) for row in groups.get(number, []) if row % 2}
            assert table.rest() == [row for row in rows if row not in odd]
    kernel.checked("join_free", kernel.statement, table.at)
    assert not kernel.temporary.files
    kernel.end_statement()


@pytest.mark.parametrize(("code", "message"), [(10, "disk I/O error"), (13, "database or disk is full")])
def test_any_failing_call_raises_and_leaves_nothing(kernel: RecordsKernel, code: int, message: str) -> None:
    kernel.call("work_memory_set", 200)
    kernel.temporary.fail_code = code
    kernel.end_statement()
    before = kernel.call("memory_used")
    finished, failures, n = False, 0, 0
    while not finished:
        n += 1 if n < 30 else 11
        kernel.temporary.fail_at = n
        try:
            numbers = Set(kernel)
            for number in range(150):
                numbers.add(number * 7 % 150)
            table = Table(kernel, list(range(90)), lambda row: row % 13, True)
            table.begin()
            for number in range(13):
                table.find(number)
            table.rest()
        except SqlError as error:
            assert (error.code, error.message) == (code, message)
            failures += 1
        finally:
            finished = kernel.temporary.fail_at > 0
            kernel.temporary.fail_at = -1
            kernel.end_statement()
        assert not kernel.temporary.files
        assert kernel.call("memory_used") == before
    assert failures > 40
