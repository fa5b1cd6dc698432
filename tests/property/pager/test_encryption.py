"""With a key every page is encrypted in every file, and transactions, crashes and recovery go on as without one."""

from __future__ import annotations

from random import Random

import pytest

from tests.harness.pager import Engine, Link, SqlFailure, page_bytes
from tests.property.pager import test_crash
from tests.property.pager.test_crash import EXTRA, MODES, CrashVfs, Run, content, same
from turso_wasm.kernel.abi import DB_CACHE_SIZE, JOURNAL_DELETE, JOURNAL_MEMORY, JOURNAL_WAL
from turso_wasm.vfs.faulty import memory_vfs

KEY = f"x'{bytes(range(32)).hex()}'"


@pytest.fixture(autouse=True)
def encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "key", KEY)


@pytest.mark.parametrize("mode", MODES)
def test_a_workload_leaves_nothing_readable(mode: str) -> None:
    journal_mode, capabilities, synchronous = MODES[mode]
    vfs = CrashVfs(capabilities=capabilities)
    run = Run(vfs, journal_mode, synchronous)
    run.workload(close=False)
    files = vfs.crash_image("all")
    assert run.failures == 0 and set(files) >= {"db"}
    marks = [data[200:264] for data in run.committed.values() if any(data[200:264])]
    assert len(marks) > 10
    assert not [name for name, stored in files.items() for mark in marks if mark in stored]
    assert same(content(files, capabilities), run.committed)


def test_without_the_key_the_file_is_not_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    vfs = CrashVfs()
    run = Run(vfs, JOURNAL_DELETE, EXTRA)
    run.workload()
    monkeypatch.setattr(Engine, "key", None)
    with pytest.raises(SqlFailure, match="26: file is encrypted: a key is needed"):
        content(vfs.crash_image("all"), 0)


@pytest.mark.parametrize("mode", MODES)
def test_power_cuts(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_crash, "CUT_STRIDE", 17)
    test_crash.test_after_a_power_cut_at_any_call_the_last_committed_state_is_there(mode)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_failing_calls(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_crash, "STRIDE", 17)
    test_crash.test_after_a_failing_call_the_transaction_is_undone_and_work_goes_on(mode, 10)


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_MEMORY, JOURNAL_WAL])
def test_images_of_savepoints_are_encrypted(mode: int) -> None:
    """More images than fit into memory: they go to a temporary file, and come back."""
    rng = Random(mode)
    vfs = memory_vfs({})
    link: Link = Engine(vfs).connect()
    link.journal_mode(mode)
    link.set(DB_CACHE_SIZE, 10)
    link.begin()
    with link.write() as t:
        for pgno in range(2, 60):
            t.put(pgno, page_bytes(pgno))
            t.age()
    link.savepoint("s")
    with link.write() as t:
        for pgno in rng.sample(range(2, 60), 50):
            t.put(pgno, page_bytes(1000 + pgno))
            t.age()
    link.rollback_to("s")
    link.commit()
    assert {pgno: data for pgno, data in link.pages().items() if pgno > 1} == {n: page_bytes(n) for n in range(2, 60)}
    assert ("open", "") in link.engine.calls
