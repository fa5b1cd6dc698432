"""Queries larger than the memory limit: the rows of those that have it, and of storage that fails the error, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import turso_wasm
from tests.crash.history import Ours
from turso_wasm.kernel.base.limits import WORK_MAX
from turso_wasm.runtime import engine
from turso_wasm.vfs import file as vfs_file
from turso_wasm.vfs.base import FULL, IOERR, File, VfsError
from turso_wasm.vfs.memory import MemoryData, MemoryFile, MemoryVfs

ROWS = 6000  # some 300 KB
QUERIES = {
    "sort": "SELECT c FROM t ORDER BY c",
    "distinct": "SELECT DISTINCT c FROM t",
    "count(DISTINCT)": "SELECT count(DISTINCT c), sum(DISTINCT b) FROM t",
    "group": "SELECT c, count(*), group_concat(a) FROM t GROUP BY c",
    "count(DISTINCT) in groups": "SELECT b, count(DISTINCT c) FROM t GROUP BY b",
    "union": "SELECT c FROM t UNION SELECT c || 'x' FROM t WHERE a > 1000",
    "except": "SELECT c FROM t EXCEPT SELECT c FROM t WHERE a > 1000",
    "in": "SELECT a FROM t WHERE c NOT IN (SELECT c FROM t WHERE a % 3 = 0)",
    "join": "SELECT x.a, y.b FROM t x JOIN t y ON x.c = y.c",
    "left join": "SELECT x.a, y.b FROM t x LEFT JOIN t y ON x.c = y.c || '' AND y.a % 2",
    "full join": "SELECT x.a, y.a FROM t x FULL JOIN t y ON x.b = y.b + 1 AND x.a = y.a - 3",
    "semi-join": "SELECT a FROM t x WHERE EXISTS (SELECT 1 FROM t y WHERE y.b = x.b + 1 AND y.c <> x.c)",
    "common table": "WITH r AS MATERIALIZED (SELECT * FROM t) SELECT sum(x.a), count(*) FROM r x JOIN r y ON y.c = x.c",
    "recursive": "WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT (n * 5 + 1) % 8192 FROM r) SELECT * FROM r",
    "window": "SELECT a, sum(b) OVER (PARTITION BY b % 3 ORDER BY c) FROM t",
}


class TempFile(MemoryFile):
    """A temporary file; its calls count, and may fail."""

    def __init__(self, owner: TempFiles) -> None:
        super().__init__(MemoryData(), 0)
        self.owner = owner

    def read(self, buffer: memoryview, offset: int) -> int:
        self.owner.call()
        return super().read(buffer, offset)

    def write(self, data: memoryview, offset: int) -> None:
        self.owner.call()
        super().write(data, offset)

    def close(self) -> None:
        self.owner.n_open -= 1
        super().close()


class TempFiles:
    """Temporary files, of whose calls number `fail_at` fails with `code`."""

    def __init__(self) -> None:
        self.calls = self.fail_at = self.n_open = 0
        self.code = IOERR

    def call(self) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise VfsError(self.code)

    def open(self) -> File:
        self.call()
        self.n_open += 1
        return TempFile(self)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[TempFiles]:
    files = TempFiles()
    monkeypatch.setattr(vfs_file, "_open_temporary", files.open)
    yield files
    engine.host().function("work_memory_set")(WORK_MAX)
    assert files.n_open == 0


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    ours = Ours(MemoryVfs())
    ours.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT)")
    text = f"printf('%d is the name %d', value * 31 % {ROWS - 500}, value % 7)"
    ours.query(f"INSERT INTO t SELECT value, value * 7919 % 101, {text} FROM generate_series(1, {ROWS})")
    yield ours
    ours.close()


@pytest.mark.parametrize("name", QUERIES)
def test_five_and_fifty_times_as_large_as_memory(ours: Ours, files: TempFiles, name: str) -> None:
    expected = ours.query(QUERIES[name])
    assert files.calls == 0
    for part in (5, 50):
        engine.host().function("work_memory_set")(300_000 // part)
        assert ours.query(QUERIES[name]) == expected
        assert files.calls or part == 5, "it fitted"
        assert files.n_open == 0


@pytest.mark.parametrize("code", [IOERR, FULL])
@pytest.mark.parametrize("name", QUERIES)
def test_a_call_that_fails_is_the_error_and_nothing_stays(ours: Ours, files: TempFiles, name: str, code: int) -> None:
    engine.host().function("work_memory_set")(6000)
    files.code = code
    message = "disk I/O error" if code == IOERR else "database or disk is full"
    ours.query("BEGIN")
    ours.query("UPDATE t SET b = b + 1000 WHERE a = 1")
    failures, at = 0, 1
    while True:
        files.calls, files.fail_at = 0, at
        try:
            ours.query(QUERIES[name])
            break
        except turso_wasm.OperationalError as error:
            assert str(error) == message
            failures += 1
            assert files.n_open == 0
        at = at * 3 // 2 + 1
    files.fail_at = 0
    assert failures > 3
    assert ours.connection.in_transaction, "a query that fails takes nothing with it"
    assert ours.query("SELECT b FROM t WHERE a = 1") == [(1000 + 7919 % 101,)]
    ours.query("ROLLBACK")


@pytest.mark.parametrize("name", ["sort", "distinct", "group", "join", "full join"])
def test_closed_in_the_middle(ours: Ours, files: TempFiles, name: str) -> None:
    engine.host().function("work_memory_set")(6000)
    cursor = ours.connection.execute(QUERIES[name])
    assert cursor.fetchone() is not None
    cursor.close()
    assert files.n_open == 0
