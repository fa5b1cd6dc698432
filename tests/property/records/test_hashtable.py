"""kernel/values/hashtable.py: a table behaves like a dict over SQL-equal keys, in insertion or in key order."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, INTEGERS, VALUES
from turso_wasm.kernel.values.hashtable import Hash
from turso_wasm.values.types import SqlValue


@pytest.fixture(scope="module")
def kernel() -> Iterator[RecordsKernel]:
    kernel = RecordsKernel(["turso_wasm.kernel.values.hashtable", "turso_wasm.kernel.base.resources"])
    yield kernel
    assert not kernel.temporary.files


class Table:
    """A hash table whose entries count how often their key was added."""

    def __init__(self, kernel: RecordsKernel, entry_size: int = 8) -> None:
        self.kernel = kernel
        self.at = kernel.checked("hash_new", kernel.statement, entry_size)
        self.entry_size = entry_size

    def _count(self, entry: int) -> bool:
        """Count; whether the entry was there."""
        found = struct.unpack("<i", self.kernel.read(self.at + Hash.offset("found"), 4))[0]
        before = self.kernel.read(entry, self.entry_size)
        if not found:
            assert before == bytes(self.entry_size), "a new entry is zeroed"
        count = int.from_bytes(before, "little") + 1
        self.kernel.write(entry, count.to_bytes(self.entry_size, "little"))
        return bool(found)

    def add(self, values: Sequence[SqlValue], flags: int = 0) -> bool:
        self.kernel.key(values, flags)
        return self._count(self.kernel.checked("hash_add", self.at))

    def add_key(self, key: bytes) -> bool:
        self.kernel.set_key(key)
        return self._count(self.kernel.checked("hash_add", self.at))

    def add_int(self, key: int) -> bool:
        return self._count(self.kernel.checked("hash_add_int", self.at, key))

    def count(self) -> int:
        return int(struct.unpack("<i", self.kernel.read(self.at + Hash.offset("count"), 4))[0])

    def entries(self) -> list[int]:
        out = []
        while entry := self.kernel.call("hash_next", self.at):
            out.append(entry)
        return out

    def counts(self) -> list[int]:
        return [int.from_bytes(self.kernel.read(entry, self.entry_size), "little") for entry in self.entries()]


@pytest.fixture
def table(kernel: RecordsKernel) -> Iterator[Table]:
    kernel.end_statement()
    before = kernel.call("memory_used")
    yield Table(kernel)
    kernel.end_statement()
    assert kernel.call("memory_used") == before


@EXAMPLES
@given(st.lists(st.tuples(VALUES), max_size=30) | st.lists(st.tuples(VALUES, VALUES), max_size=20))
def test_groups_are_those_of_sqlite(kernel: RecordsKernel, rows: list[tuple[SqlValue, ...]]) -> None:
    """GROUP BY: the same groups; hash_sort gives them in ORDER BY order."""
    table = Table(kernel)
    rows = rows + rows[:5]
    model: dict[bytes, int] = {}
    for row in rows:
        key = kernel.key(row)
        assert table.add(row) == (key in model)
        model[key] = model.get(key, 0) + 1
    assert table.counts() == list(model.values()), "insertion order"
    names = ["a", "b"][: len(rows[0]) if rows else 1]
    db = apsw.Connection(":memory:")
    db.execute(f"CREATE TABLE t({', '.join(names)})")
    db.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", rows)
    groups = db.execute(f"SELECT count(*) FROM t GROUP BY {', '.join(names)} ORDER BY {', '.join(names)}")
    kernel.call("hash_sort", table.at)
    assert table.counts() == [count for (count,) in groups]
    for row in rows:
        kernel.key(row)
        assert kernel.call("hash_find", table.at) in rewound(table)
    kernel.end_statement()


def rewound(table: Table) -> list[int]:
    table.kernel.call("hash_rewind", table.at)
    return table.entries()


@EXAMPLES
@given(st.lists(st.tuples(INTEGERS, st.booleans()), max_size=40))
def test_integers_added_either_way_are_the_same_keys(kernel: RecordsKernel, steps: list[tuple[int, bool]]) -> None:
    """hash H1, in any mixture, also with reals that are integers and with other keys between them."""
    table = Table(kernel)
    seen: dict[object, int] = {}
    for value, fast in steps:
        key: float | int = float(value) if not fast and int(float(value)) == value else value
        assert (table.add_int(value) if fast else table.add([key])) == (value in seen)
        seen[value] = seen.get(value, 0) + 1
        text = f"text {value % 5}"
        assert table.add([text]) == (text in seen)
        seen[text] = seen.get(text, 0) + 1
    assert table.counts() == list(seen.values())
    kernel.call("hash_sort", table.at)
    integers = sorted(key for key in seen if isinstance(key, int))
    assert table.counts() == [seen[key] for key in [*integers, *sorted(key for key in seen if isinstance(key, str))]]
    for value in integers:
        assert kernel.call("hash_find_int", table.at, value) in rewound(table)
    assert kernel.call("hash_find_int", table.at, 123456789) == 0 or 123456789 in seen
    kernel.end_statement()


@pytest.mark.parametrize("kind", ["sequence", "powers", "random", "strides", "texts"])
def test_large_tables_grow_and_keep_their_entries(table: Table, kind: str) -> None:
    rng = random.Random(kind)
    n = 4000
    numbers = {
        "sequence": list(range(-5, n)),
        "powers": [s << i for i in range(62) for s in (1, -1, 3)],
        "random": [rng.randrange(-(2**63), 2**63) for _ in range(n)],
        "strides": [i << 40 for i in range(-n // 2, n // 2)],
        "texts": [rng.randrange(n) for _ in range(n)],
    }[kind]
    first: dict[int, None] = dict.fromkeys(numbers)
    for value in numbers:
        if kind == "texts":
            table.add_key(b"some text %d\0" % value)
        else:
            table.add_int(value)
    assert table.count() == len(first)
    assert table.counts() == [numbers.count(value) for value in first] if kind == "texts" else [1] * len(first)
    longest = probe_lengths(table)
    assert longest < 64, "keys spread over the buckets"


def test_keys_crafted_against_multiplications_spread_too(table: Table) -> None:
    """A multiplication never moves a change of the highest bit; two words could undo each other's changes."""
    bits = [(1 << 63, 1 << 63 | 1 << shift) for shift in (29, 31, 32, 34)] * 3
    for subset in range(1 << len(bits)):
        words = [word if subset >> i & 1 else 0 for i, pair in enumerate(bits) for word in pair]
        table.add_key(struct.pack(f"<{len(words)}Q", *words))
    assert table.count() == 1 << len(bits)
    assert probe_lengths(table) < 64


def probe_lengths(table: Table) -> int:
    """How far the farthest entry is from the bucket where its hash belongs."""
    kernel = table.kernel
    buckets, shift, mask = struct.unpack("<3i", kernel.read(table.at + Hash.offset("buckets"), 12))
    n = (mask + 1) // 8
    longest = 0
    for i, (hash_, entry) in enumerate(struct.iter_unpack("<II", kernel.read(buckets, mask + 1))):
        if entry:
            longest = max(longest, (i - (hash_ >> shift)) % n)
    assert table.count() <= n * 3 // 4, "hash H2"
    return longest


@pytest.mark.parametrize("n", [2, 15, 300, 5000])
def test_sorting_orders_integers_of_every_size(table: Table, n: int) -> None:
    rng = random.Random(n)
    values = list({rng.randrange(-(1 << bits), 1 << bits) for bits in range(64) for _ in range(n // 64 + 1)})
    for value in values:
        entry = table.kernel.checked("hash_add_int", table.at, value)
        table.kernel.write(entry, value.to_bytes(8, "little", signed=True))
    table.kernel.call("hash_sort", table.at)
    got = [int.from_bytes(table.kernel.read(entry, 8), "little", signed=True) for entry in table.entries()]
    assert got == sorted(values)


def test_memory_of_the_table_lives_as_long(table: Table) -> None:
    kernel = table.kernel
    blocks = [kernel.call("hash_alloc", table.at, 100) for _ in range(50)]
    for i, block in enumerate(blocks):
        kernel.write(block, bytes([i]) * 100)
    for i in range(500):
        table.add_int(i)
    assert all(kernel.read(block, 100) == bytes([i]) * 100 for i, block in enumerate(blocks))


def test_a_cleared_table_is_empty(table: Table) -> None:
    for _ in range(3):
        for i in range(100):
            assert not table.add_int(i)
            assert not table.add_key(b"long key number %d\0" % i)
        assert table.count() == 200
        table.kernel.call("hash_clear", table.at)
        assert table.entries() == []
    assert table.kernel.call("hash_find_int", table.at, 5) == 0


@pytest.mark.parametrize("entry_size", [0, 1, 8, 24, 1000])
def test_entries_of_any_size(kernel: RecordsKernel, entry_size: int) -> None:
    at = kernel.checked("hash_new", kernel.statement, entry_size)
    marks = {}
    for i in range(200):
        kernel.set_key(b"key %d, and more\0" % i)
        by_key = kernel.checked("hash_add", at)
        by_int = kernel.checked("hash_add_int", at, i << 33)
        for entry in (by_key, by_int):
            assert entry % 8 == 0
            marks[entry] = bytes([i]) * entry_size
            kernel.write(entry, marks[entry])
    assert len(marks) == 400
    assert all(kernel.read(entry, entry_size) == mark for entry, mark in marks.items())
    kernel.end_statement()
