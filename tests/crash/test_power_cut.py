"""A power cut at any storage call of a workload of SQL transactions leaves exactly the last committed state.

Both engines recover the same files: what they find must be the state before the commit that was in flight, or after
it, and both must find the same; then the database must go on working. Normally a sample of the calls is tried, with
TURSO_HEAVY=1 all of them.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from tests.crash.disk import Disk, Image, RecordingVfs
from tests.crash.history import Content, History, Maker, Ours, Setting, Statement, content, run
from tests.harness.effort import HEAVY
from turso_wasm.vfs.base import CAP_OWNED, CAP_SHARED, CAP_STEPS

N_TRANSACTIONS = 300 if HEAVY else 50
N_CRASHES = 22  # a setting, when not heavy
N_SECOND_CRASHES = 3

SETTINGS = {
    "wal": Setting("WAL"),
    "wal, small pages, full auto-vacuum": Setting("WAL", page_size=512, auto_vacuum="full"),
    "wal, owned": Setting("WAL", capabilities=CAP_OWNED, page_size=4096),
    "wal, owned, in steps": Setting("WAL", capabilities=CAP_OWNED | CAP_STEPS),
    "wal, shared": Setting("WAL", capabilities=CAP_SHARED),
    "wal, shared, small pages": Setting("WAL", capabilities=CAP_SHARED | CAP_STEPS, page_size=512, cache_size=10),
    "wal, exclusive": Setting("WAL", locking="exclusive"),
    "wal, shared, exclusive": Setting("WAL", capabilities=CAP_SHARED, locking="exclusive"),
    "delete": Setting("DELETE"),
    "delete, small pages, full auto-vacuum": Setting("DELETE", page_size=512, auto_vacuum="full"),
    "delete, owned, incremental auto-vacuum": Setting("DELETE", capabilities=CAP_OWNED, auto_vacuum="incremental"),
    "delete, extra": Setting("DELETE", synchronous="extra"),
    "delete, extra, small pages, full auto-vacuum": Setting(
        "DELETE", page_size=512, auto_vacuum="full", synchronous="extra"
    ),
    "delete, exclusive": Setting("DELETE", locking="exclusive"),
    "truncate": Setting("TRUNCATE"),
    "truncate, exclusive": Setting("TRUNCATE", locking="exclusive"),
    "persist": Setting("PERSIST"),
    "persist, exclusive": Setting("PERSIST", locking="exclusive"),
}
# Without a journal on disk only the file between commits is promised; the cache is so large that nothing is spilled.
UNSAFE_SETTINGS = {
    "memory": Setting("MEMORY", cache_size=10_000),
    "memory, full auto-vacuum": Setting("MEMORY", cache_size=10_000, auto_vacuum="full"),
    "off": Setting("OFF", cache_size=10_000),
    "off, exclusive": Setting("OFF", cache_size=10_000, locking="exclusive"),
}
SUFFIXES = ("", "-journal", "-wal", "-shm")


def found_by_sqlite(image: Image, folder: Path) -> Content:
    """What SQLite recovers from the files of a crash, sound by its own judgement."""
    path = folder / "db"
    for suffix in SUFFIXES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    for name, data in image.items():
        (folder / name).write_bytes(data)
    connection = apsw.Connection(str(path))
    try:
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
        return content(lambda sql: list(connection.execute(sql)))
    finally:
        connection.close()


def found_by_us(vfs: RecordingVfs) -> Content:
    """What we recover; the connection must be able to go on, and what it does must last."""
    ours = Ours(vfs)
    try:
        found = content(ours.query)
        assert ours.query("PRAGMA integrity_check") == [("ok",)]
        ours.query("CREATE TABLE afterwards(a)")
        ours.query("INSERT INTO afterwards VALUES (1), (2), (zeroblob(5000))")
        ours.query("DROP TABLE afterwards")
        assert content(ours.query) == found
        return found
    finally:
        ours.close()


def sample(n: int, wanted: int) -> range:
    """Numbers up to `n`, evenly; all of them in a heavy run."""
    return range(0, n + 1, 1 if HEAVY else max(1, n // wanted))


def check_cuts(vfs: RecordingVfs, history: History, setting: Setting, folder: Path, wanted: int = N_CRASHES) -> int:
    """After a power cut at `wanted` of the events both engines find what they may; how many images were looked at.

    Amid a commit nothing is promised for the settings in UNSAFE_SETTINGS.
    """
    disk, done, seen = Disk(), 0, set()
    for at in sample(len(vfs.events), wanted):
        for event in vfs.events[done:at]:
            disk.repeat(event)
        done = at
        allowed = history.allowed(at)
        if not history.is_ended(at) and setting in UNSAFE_SETTINGS.values():
            continue
        for survivors in ("none", "all", Random(at)):
            image = disk.after_power_cut(survivors)
            key = hash((tuple(image.items()), len(allowed)))
            if key in seen:
                continue
            seen.add(key)
            expected = found_by_sqlite(image, folder)
            assert expected in allowed, (at, survivors)
            after = RecordingVfs(image, setting.capabilities)
            assert found_by_us(after) == expected, (at, survivors)
            files = {file: bytes(data.bytes) for file, data in after.files.items()}
            assert found_by_sqlite(files, folder) == expected, (at, survivors)
    return len(seen)


@pytest.mark.parametrize("name", UNSAFE_SETTINGS)
def test_without_a_journal_file_a_power_cut_between_commits_loses_nothing(name: str, tmp_path: Path) -> None:
    setting = UNSAFE_SETTINGS[name]
    vfs = RecordingVfs(capabilities=setting.capabilities)
    history = run(vfs, setting, list(Maker(4).statements(N_TRANSACTIONS)))
    assert check_cuts(vfs, history, setting, tmp_path, wanted=200) > 10


@pytest.mark.parametrize("name", SETTINGS)
def test_the_last_committed_state_is_found(name: str, tmp_path: Path) -> None:
    setting = SETTINGS[name]
    vfs = RecordingVfs(capabilities=setting.capabilities)
    statements = list(Maker(1).statements(N_TRANSACTIONS))
    history = run(vfs, setting, statements, reader=name == "wal")
    assert len(history.contents) > N_TRANSACTIONS // 2
    check_cuts(vfs, history, setting, tmp_path)


VACUUMS: tuple[Statement, ...] = (
    ("VACUUM", ()),
    ("PRAGMA page_size = 4096", ()),
    ("PRAGMA auto_vacuum = 1", ()),
    ("VACUUM", ()),
    ("UPDATE items SET name = name || 'x'", ()),
    ("PRAGMA page_size = 512", ()),
    ("PRAGMA auto_vacuum = 0", ()),
    ("VACUUM", ()),
    ("DELETE FROM items WHERE id % 2", ()),
    ("VACUUM", ()),
)


@pytest.mark.parametrize("name", SETTINGS)
def test_vacuum_is_done_wholly_or_not_at_all(name: str, tmp_path: Path) -> None:
    """With the page size and auto-vacuum changing meanwhile."""
    setting = SETTINGS[name]
    vfs = RecordingVfs(capabilities=setting.capabilities)
    history = run(vfs, setting, [*Maker(3).statements(8), *VACUUMS], reader=name == "wal")
    check_cuts(vfs, history, setting, tmp_path, wanted=60)


MODES = ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF", "WAL")


@pytest.mark.parametrize("capabilities", [0, CAP_OWNED], ids=["", "owned"])
@pytest.mark.parametrize("before", MODES)
def test_a_journal_or_log_of_another_mode_does_not_come_back(before: str, capabilities: int, tmp_path: Path) -> None:
    """Only the deletion of a journal, which commits, is undone by a power cut, and only for the last transaction."""
    for after in MODES:
        vfs = RecordingVfs(capabilities=capabilities)
        ours, disk, done = Ours(vfs), Disk(), 0
        allowed, mode = [content(ours.query)], before
        ours.query(f"PRAGMA journal_mode={before}")
        for sql in (
            "CREATE TABLE t(a)",
            "INSERT INTO t VALUES (1), (zeroblob(9000))",
            f"PRAGMA journal_mode={after}",
            "INSERT INTO t VALUES (3)",
            "UPDATE t SET a = 4 WHERE a = 1",
        ):
            ours.query(sql)
            found = content(ours.query)
            if "PRAGMA" not in sql:
                allowed = [allowed[-1], found] if mode == "DELETE" else [found]
            elif (mode := after) in ("MEMORY", "OFF", "WAL"):
                allowed = [found]
            for event in vfs.events[done:]:
                disk.repeat(event)
            done = len(vfs.events)
            for survivors in ("none", "all", *map(Random, range(5))):
                image = disk.after_power_cut(survivors)
                assert found_by_us(RecordingVfs(image)) in allowed, (after, sql, survivors)
                assert found_by_sqlite(image, tmp_path) in allowed, (after, sql, survivors)
        ours.close()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_power_cut_during_recovery_is_recovered_too(name: str, tmp_path: Path) -> None:
    setting = SETTINGS[name]
    vfs = RecordingVfs(capabilities=setting.capabilities)
    history = run(vfs, setting, list(Maker(2).statements(30)))
    disk, done = Disk(), 0
    for at in sample(len(vfs.events), N_SECOND_CRASHES):
        for event in vfs.events[done:at]:
            disk.repeat(event)
        done = at
        image = disk.after_power_cut("all")
        expected = found_by_sqlite(image, tmp_path)
        assert expected in history.allowed(at)
        first = RecordingVfs(image, setting.capabilities)
        ours = Ours(first)
        assert content(ours.query) == expected
        ours.close()
        again = Disk(image)
        for number, event in enumerate(first.events):
            for survivors in ("none", "all", Random(number)):
                left = again.after_power_cut(survivors)
                assert found_by_sqlite(left, tmp_path) == expected, (at, number, survivors)
                assert found_by_us(RecordingVfs(left)) == expected, (at, number, survivors)
            again.repeat(event)
