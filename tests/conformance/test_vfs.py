"""What every VFS promises (turso_wasm/vfs/base.py): one suite, all implementations."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.whole_drive import ModelDrive
from turso_wasm.vfs.base import (
    CANTOPEN,
    CAP_MEMORY,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_RESERVED,
    LOCK_SHARED,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
    File,
    Vfs,
    VfsError,
)
from turso_wasm.vfs.counting import CountingVfs
from turso_wasm.vfs.faulty import FaultyVfs
from turso_wasm.vfs.file import FileVfs
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.vfs.whole import WholeFileVfs


def whole_files(drive: ModelDrive) -> Vfs:
    return WholeFileVfs(MemoryVfs(), lambda path: drive)


IMPLEMENTATIONS: dict[str, Callable[[], Vfs]] = {
    "file": FileVfs,
    "memory": MemoryVfs,
    "counting": lambda: CountingVfs(FileVfs()),
    "faulty": FaultyVfs,
    "whole": lambda: whole_files(ModelDrive()),
}


@pytest.fixture(params=list(IMPLEMENTATIONS))
def vfs(request: pytest.FixtureRequest) -> Vfs:
    return IMPLEMENTATIONS[request.param]()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "data.db")


@contextlib.contextmanager
def opened(vfs: Vfs, name: str, flags: int = OPEN_CREATE) -> Iterator[File]:
    file = vfs.open(name, flags)
    try:
        yield file
    finally:
        file.close()


def read(file: File, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    n = file.read(memoryview(buffer), offset)
    return bytes(buffer[:n])


def write(file: File, data: bytes, offset: int) -> None:
    file.write(memoryview(data), offset)


def test_what_is_written_is_read(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as file:
        write(file, b"hello world", 0)
        write(file, b"W", 6)
        assert read(file, 0, 11) == b"hello World"
        assert read(file, 6, 3) == b"Wor"


def test_a_read_at_the_end_is_short(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as file:
        write(file, b"abc", 0)
        assert read(file, 1, 10) == b"bc"
        assert read(file, 3, 10) == b""
        assert read(file, 100, 10) == b""


def test_a_hole_reads_as_zeros(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as file:
        write(file, b"x", 1000)
        assert file.size() == 1001
        assert read(file, 0, 1001) == bytes(1000) + b"x"


def test_truncate_cuts_and_extends(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as file:
        write(file, b"abcdef", 0)
        file.truncate(2)
        assert (file.size(), read(file, 0, 9)) == (2, b"ab")
        file.truncate(4)
        assert (file.size(), read(file, 0, 9)) == (4, b"ab\0\0")


def test_two_handles_see_one_file(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two:
        write(one, b"shared", 0)
        assert read(two, 0, 6) == b"shared"


def test_content_outlives_the_handle(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as file:
        write(file, b"kept", 0)
        file.sync()
    with opened(vfs, path, 0) as file:
        assert read(file, 0, 4) == b"kept"


def test_a_missing_file_is_not_opened(vfs: Vfs, path: str) -> None:
    with pytest.raises(VfsError) as caught:
        vfs.open(path, 0)
    assert caught.value.code == CANTOPEN
    assert not vfs.exists(path)


@pytest.mark.parametrize("durable", [True, False])
def test_exists_and_delete(vfs: Vfs, path: str, durable: bool) -> None:
    with opened(vfs, path) as file:
        file.sync()
    assert vfs.exists(path)
    vfs.delete(path, durable=durable)
    assert not vfs.exists(path)
    vfs.delete(path, durable=durable)


def test_a_temporary_file_has_no_name(vfs: Vfs) -> None:
    with opened(vfs, "", OPEN_CREATE | OPEN_TEMP) as one, opened(vfs, "", OPEN_CREATE | OPEN_TEMP) as two:
        write(one, b"one", 0)
        write(two, b"two", 0)
        assert read(one, 0, 3) == b"one"


def test_a_memory_file_is_private_and_says_so(vfs: Vfs) -> None:
    with (
        opened(vfs, ":memory:", OPEN_CREATE | OPEN_MEMORY) as one,
        opened(vfs, ":memory:", OPEN_CREATE | OPEN_MEMORY) as two,
    ):
        write(one, b"x", 0)
        assert two.size() == 0
        assert one.capabilities & CAP_MEMORY
    assert not vfs.exists(":memory:")


def test_readers_share(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two:
        assert one.lock(LOCK_SHARED) and two.lock(LOCK_SHARED)


def test_one_writer_beside_readers(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two:
        assert one.lock(LOCK_SHARED) and two.lock(LOCK_SHARED)
        assert not two.check_reserved()
        assert one.lock(LOCK_RESERVED)
        assert two.check_reserved()
        assert not two.lock(LOCK_RESERVED)
        one.unlock(LOCK_SHARED)
        assert two.lock(LOCK_RESERVED)


def test_exclusive_at_once_or_nothing(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two, opened(vfs, path) as three:
        assert one.lock(LOCK_EXCLUSIVE)
        assert not two.lock(LOCK_SHARED) and not two.lock(LOCK_EXCLUSIVE) and two.check_reserved()
        one.unlock(LOCK_NONE)
        assert two.lock(LOCK_SHARED)
        assert not one.lock(LOCK_EXCLUSIVE)
        assert three.lock(LOCK_SHARED), "no writer is pending"
        two.unlock(LOCK_NONE)
        three.unlock(LOCK_NONE)
        assert two.lock(LOCK_EXCLUSIVE)
        two.unlock(LOCK_SHARED)
        assert one.lock(LOCK_SHARED)


def test_exclusive_waits_for_readers_and_keeps_new_ones_out(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two, opened(vfs, path) as three:
        assert one.lock(LOCK_SHARED) and two.lock(LOCK_SHARED)
        assert one.lock(LOCK_RESERVED)
        assert not one.lock(LOCK_EXCLUSIVE)
        assert not three.lock(LOCK_SHARED), "a writer is pending"
        two.unlock(LOCK_NONE)
        assert one.lock(LOCK_EXCLUSIVE)
        assert not three.lock(LOCK_SHARED)
        one.unlock(LOCK_SHARED)
        assert three.lock(LOCK_SHARED)


def test_exclusive_without_reserved_for_hot_journals(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two:
        assert one.lock(LOCK_SHARED)
        assert one.lock(LOCK_EXCLUSIVE)
        assert not two.lock(LOCK_SHARED)


def test_closing_a_handle_frees_its_locks_only(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one:
        with opened(vfs, path) as two:
            assert one.lock(LOCK_SHARED) and two.lock(LOCK_SHARED) and two.lock(LOCK_RESERVED)
        assert not one.check_reserved()
        with opened(vfs, path) as three:
            assert one.lock(LOCK_RESERVED)
            assert three.lock(LOCK_SHARED)
            assert not three.lock(LOCK_RESERVED), "one still holds RESERVED"


def test_a_lock_can_be_taken_again(vfs: Vfs, path: str) -> None:
    with opened(vfs, path) as one, opened(vfs, path) as two:
        for file in (one, two, one):
            assert file.lock(LOCK_SHARED) and file.lock(LOCK_RESERVED) and file.lock(LOCK_EXCLUSIVE)
            file.unlock(LOCK_NONE)


# --- the file system alone: other processes -----------------------------------------------------------------

OTHER_PROCESS = """
import sys
from turso_wasm.vfs.file import FileVfs
file = FileVfs().open(sys.argv[1], 1)
for line in sys.stdin:
    verb, level = line.split()
    print(file.lock(int(level)) if verb == "lock" else file.unlock(int(level)) if verb == "unlock" else
    file.check_reserved(), flush=True)
"""


@pytest.fixture
def other(path: str) -> Iterator[Callable[[str, int], str]]:
    """A second process with a handle on `path`: other("lock", level) gives what it answered."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    def ask(verb: str, level: int = 0) -> str:
        stdin.write(f"{verb} {level}\n")
        stdin.flush()
        return stdout.readline().strip()

    yield ask
    stdin.close()
    process.wait()
    stdout.close()


def test_locks_hold_between_processes(path: str, other: Callable[[str, int], str]) -> None:
    with opened(FileVfs(), path) as file:
        assert file.lock(LOCK_SHARED)
        assert other("lock", LOCK_SHARED) == "True"
        assert file.lock(LOCK_RESERVED)
        assert other("check", 0) == "True"
        assert other("lock", LOCK_RESERVED) == "False"
        assert not file.lock(LOCK_EXCLUSIVE)
        assert other("unlock", LOCK_NONE) == "None"
        assert file.lock(LOCK_EXCLUSIVE)
        assert other("lock", LOCK_SHARED) == "False"
        file.unlock(LOCK_NONE)
        assert other("lock", LOCK_SHARED) == "True"


def test_closing_another_handle_keeps_the_lock_against_other_processes(
    path: str, other: Callable[[str, int], str]
) -> None:
    with opened(FileVfs(), path) as file:
        assert file.lock(LOCK_SHARED) and file.lock(LOCK_RESERVED)
        with opened(FileVfs(), path, OPEN_READONLY):
            pass
        assert other("lock", LOCK_SHARED) == "True"
        assert other("lock", LOCK_RESERVED) == "False"


def test_sqlite_respects_our_locks_and_we_its(path: str) -> None:
    theirs = sqlite3.connect(path, timeout=0, isolation_level=None)
    theirs.execute("CREATE TABLE t(a)")
    with opened(FileVfs(), path) as file:
        assert file.lock(LOCK_SHARED)
        theirs.execute("BEGIN IMMEDIATE")
        assert file.check_reserved()
        assert not file.lock(LOCK_RESERVED)
        theirs.execute("ROLLBACK")
        assert file.lock(LOCK_RESERVED)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            theirs.execute("BEGIN IMMEDIATE")
        assert theirs.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert file.lock(LOCK_EXCLUSIVE)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            theirs.execute("SELECT count(*) FROM t").fetchone()
        file.unlock(LOCK_NONE)
        theirs.execute("INSERT INTO t VALUES (1)")
    theirs.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_file_without_write_permission_is_opened_readonly(path: str) -> None:
    Path(path).write_bytes(b"x")
    os.chmod(path, 0o400)
    with opened(FileVfs(), path) as file, pytest.raises(VfsError):
        write(file, b"y", 0)


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(VfsError):
        FileVfs().open(str(tmp_path), OPEN_CREATE)
