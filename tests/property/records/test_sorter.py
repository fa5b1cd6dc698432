"""kernel/base/sort.py, spill.py and sorter.py: stable order, top-N, spilling, and nothing left behind."""

from __future__ import annotations

import random
from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.records import RecordsKernel
from tests.harness.records_samples import EXAMPLES, VALUES
from turso_wasm.base.errors import SqlError
from turso_wasm.kernel.abi import KEY_DESC, NOCASE

UNLIMITED = -1
DEFAULT_LIMIT = 64 << 20


@pytest.fixture(scope="module")
def kernel() -> Iterator[RecordsKernel]:
    kernel = RecordsKernel(["turso_wasm.kernel.values.sorter", "turso_wasm.kernel.base.resources"])
    yield kernel
    assert not kernel.temporary.files


class Sorter:
    """A sorter whose rows and keys are given as bytes."""

    def __init__(self, kernel: RecordsKernel, limit: int = UNLIMITED, memory: int = DEFAULT_LIMIT) -> None:
        self.kernel = kernel
        kernel.call("work_memory_set", memory)
        self.at = kernel.checked("sorter_new", kernel.statement, limit)

    def set_key(self, key: bytes) -> None:
        self.kernel.set_key(key)

    def add(self, key: bytes, row: bytes) -> None:
        self.kernel.set_key(key)
        self.kernel.checked("sorter_add", self.at, self.kernel.blob_in_place(row))

    def rows(self) -> list[bytes]:
        """Sort and read everything."""
        self.kernel.checked("sorter_sort", self.at)
        out = []
        while self.kernel.checked("sorter_next", self.at):
            out.append(self.kernel.at(self.kernel.call("sorter_row", self.at)))
        assert self.kernel.checked("sorter_next", self.at) == 0, "the end is the end"
        return out


def expected(keys: list[bytes], rows: list[bytes], limit: int = UNLIMITED) -> list[bytes]:
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [rows[i] for i in (order if limit < 0 else order[:limit])]


def terminated(raw: bytes) -> bytes:
    """A prefix-free key (key K2) in the order of `raw`, which has no zero bytes."""
    return raw + b"\0"


def make_keys(kind: str, n: int, rng: random.Random) -> list[bytes]:
    """Keys that lead the sort down different paths."""
    match kind:
        case "sorted":
            return [i.to_bytes(8, "big") for i in range(n)]
        case "reversed":
            return [(n - i).to_bytes(8, "big") for i in range(n)]
        case "random words":
            return [rng.randbytes(8) for _ in range(n)]
        case "short":
            return [rng.choice([b"\1\0", b"\2ab", b"\3", b"\4xyz123"]) for _ in range(n)]
        case "equal":
            return [b"the same key for all of them"] * n
        case "common prefix":
            return [terminated(b"customer number " + str(rng.randrange(n)).encode()) for _ in range(n)]
        case "deep":
            return [terminated(b"a" * rng.randrange(1, 200)) for _ in range(n)]
        case "few groups":
            return [b"%08d" % rng.randrange(3) + b"%012d" % rng.randrange(n) for _ in range(n)]
        case "one large group":
            return [b"12345678" + rng.randbytes(8) if rng.random() < 0.9 else rng.randbytes(16) for _ in range(n)]
        case _:
            raise AssertionError(kind)


KINDS = [
    "sorted",
    "reversed",
    "random words",
    "short",
    "equal",
    "common prefix",
    "deep",
    "few groups",
    "one large group",
]


@pytest.mark.parametrize("n", [0, 1, 2, 16, 17, 40, 255, 256, 700])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_come_in_key_order_and_equal_keys_in_insertion_order(kernel: RecordsKernel, kind: str, n: int) -> None:
    keys = make_keys(kind, n, random.Random(n))
    rows = [b"row %d" % i for i in range(n)]
    sorter = Sorter(kernel)
    for key, row in zip(keys, rows, strict=True):
        sorter.add(key, row)
    assert sorter.rows() == expected(keys, rows)
    assert sorter.rows() == expected(keys, rows), "sorter_sort goes back to the beginning"
    kernel.end_statement()


@pytest.mark.parametrize("limit", [0, 1, 7, 127, 128, 129, 400, 10_000])
@pytest.mark.parametrize("kind", ["sorted", "reversed", "random words", "short", "common prefix"])
def test_a_limit_gives_the_first_rows(kernel: RecordsKernel, kind: str, limit: int) -> None:
    n = 800
    keys = make_keys(kind, n, random.Random(limit))
    rows = [b"%d" % i * (i % 9) for i in range(n)]
    sorter = Sorter(kernel, limit)
    wanted = 0
    for key, row in zip(keys, rows, strict=True):
        sorter.set_key(key)
        wanted += kernel.checked("sorter_wants", sorter.at)
        sorter.add(key, row)
    assert sorter.rows() == expected(keys, rows, limit)
    assert wanted >= min(limit, n), "a row that belongs to the result is wanted"
    if kind == "sorted":
        held = max(256, 2 * limit)
        assert wanted == (min(n, held + 1) if limit else 0), "sorter T2: what cannot come in any more is dropped"
    kernel.end_statement()


@pytest.mark.parametrize(
    ("memory", "limit"), [(1, UNLIMITED), (3000, UNLIMITED), (20_000, UNLIMITED), (20_000, 50), (3000, 50), (3000, 300)]
)
@pytest.mark.parametrize("kind", ["random words", "short", "common prefix", "equal"])
def test_spilling_gives_the_same_rows(kernel: RecordsKernel, kind: str, memory: int, limit: int) -> None:
    n = 400
    rng = random.Random(memory)
    keys = make_keys(kind, n, rng)
    rows = [b"%d:" % i + rng.randbytes(rng.randrange(60)) for i in range(n)]
    before = kernel.call("memory_used")
    sorter = Sorter(kernel, limit, memory)
    kernel.temporary.calls.clear()
    for key, row in zip(keys, rows, strict=True):
        sorter.add(key, row)
    assert sorter.rows() == expected(keys, rows, limit)
    assert sorter.rows() == expected(keys, rows, limit)
    # A limit of one byte makes 400 runs, more than are merged at once (spill P2).
    files = 2 if memory == 1 else 0 if (memory, limit) == (20_000, 50) else 1
    assert kernel.temporary.calls.count("open") == files
    kernel.end_statement()
    assert not kernel.temporary.files
    assert kernel.call("memory_used") <= before


@pytest.mark.parametrize("memory", [10_000, DEFAULT_LIMIT])
def test_large_rows_and_keys(kernel: RecordsKernel, memory: int) -> None:
    rng = random.Random(1)
    keys = [terminated(b"k" * rng.randrange(30_000) + b"%d" % i) for i in range(20)]
    rows = [rng.randbytes(rng.choice([0, 10, 100_000, 700_000])) for _ in range(20)]
    sorter = Sorter(kernel, UNLIMITED, memory)
    for key, row in zip(keys, rows, strict=True):
        sorter.add(key, row)
    assert sorter.rows() == expected(keys, rows)
    kernel.end_statement()


@EXAMPLES
@given(st.lists(st.tuples(VALUES, VALUES), max_size=30), st.sampled_from([1, DEFAULT_LIMIT]), st.integers(-1, 40))
def test_order_by_as_in_sqlite(
    kernel: RecordsKernel, pairs: list[tuple[object, object]], memory: int, limit: int
) -> None:
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)")
    db.executemany("INSERT INTO t(a, b) VALUES (?, ?)", pairs)
    # Equal rows in the order of their rowids, as a stable sort of a scan gives them.
    query = "SELECT id FROM t ORDER BY a COLLATE NOCASE, b DESC, id LIMIT ?"
    sorter = Sorter(kernel, limit, memory)
    for i, pair in enumerate(pairs, 1):
        sorter.add(kernel.key(pair, [NOCASE, KEY_DESC]), b"%d" % i)
    assert [int(row) for row in sorter.rows()] == [row[0] for row in db.execute(query, (limit,))]
    kernel.end_statement()


def test_a_cleared_sorter_starts_again(kernel: RecordsKernel) -> None:
    sorter = Sorter(kernel, 3, 200)
    for round_ in range(3):
        for i in range(40):
            sorter.add(b"%02d" % (i * 7 % 40), b"%d/%d" % (round_, i * 7 % 40))
        assert sorter.rows() == [b"%d/%d" % (round_, i) for i in range(3)]
        kernel.call("sorter_clear", sorter.at)
    assert sorter.rows() == []
    kernel.end_statement()


def test_freeing_one_sorter_keeps_the_others(kernel: RecordsKernel) -> None:
    kernel.end_statement()
    before = kernel.call("memory_used")
    sorters = [Sorter(kernel, UNLIMITED, 100) for _ in range(3)]
    for sorter in sorters:
        for i in range(9):
            sorter.add(b"%d" % (9 - i), b"%d" % i)
    kernel.call("resource_free", kernel.statement, sorters[1].at)
    assert len(kernel.temporary.files) == 2
    assert sorters[0].rows() == sorters[2].rows() == [b"%d" % i for i in reversed(range(9))]
    kernel.end_statement()
    assert kernel.call("memory_used") == before


# --- failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "message"), [(10, "disk I/O error"), (13, "database or disk is full")])
def test_any_failing_io_is_an_error_and_leaves_nothing_behind(kernel: RecordsKernel, code: int, message: str) -> None:
    kernel.end_statement()
    before = kernel.call("memory_used")
    temporary = kernel.temporary
    temporary.fail_code = code
    failures = 0
    n, finished = 0, False
    while not finished:
        # Opening the file, a write for each run, then the merge: a sample of all calls.
        n += 1 if n < 4 or n == 71 else 9
        temporary.fail_at = n
        try:
            sorter = Sorter(kernel, UNLIMITED, 1)
            for i in range(70):
                sorter.add(b"%04d" % (i * 31 % 70), b"%d" % i)
            sorter.rows()
        except SqlError as error:
            assert (error.code, error.message) == (code, message)
            failures += 1
        finally:
            finished = temporary.fail_at > 0
            temporary.fail_at = -1
            kernel.end_statement()
        assert not temporary.files
        assert kernel.call("memory_used") == before
    assert failures > 15


def test_a_row_beyond_memory_is_an_error(kernel: RecordsKernel) -> None:
    sorter = Sorter(kernel)
    sorter.set_key(b"key")
    with pytest.raises(SqlError, match="string or blob too big"):
        kernel.checked("sorter_add", sorter.at, 8 | 0x7FFDFFFF << 32)
    kernel.end_statement()


def test_what_is_spilled_is_encrypted_in_the_file() -> None:
    kernel = RecordsKernel(
        [f"turso_wasm.kernel.{name}" for name in ("values.sorter", "base.resources", "base.tempfile")]
    )
    kernel.call("temp_encrypt")
    word = b"a word that can be told from noise"
    keys = [i.to_bytes(4, "big") for i in range(3000)]
    rows = [word + bytes([i % 251]) * (i % 7) + b"x" * (200_000 if i % 1000 == 7 else 0) for i in range(3000)]
    order = random.Random(1).sample(range(3000), 3000)
    sorter = Sorter(kernel, memory=1 << 16)
    for i in order:
        sorter.add(keys[i], rows[i])
    kernel.checked("sorter_sort", sorter.at)
    (stored,) = kernel.temporary.files.values()
    assert len(stored) > 100_000 and word not in stored
    assert sorter.rows() == rows
    kernel.call("resources_free", kernel.statement)
