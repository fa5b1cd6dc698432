"""Concurrent transactions that are written onto what others have committed, on storage that fails.

After a power cut at any call of such a commit it is there wholly or not at all; so it is after a call that failed, when
the connection says which.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import turso_wasm
from tests.crash.disk import RecordingVfs
from tests.crash.history import History, Model, Ours, Setting, content
from tests.crash.test_io_errors import StorageVfs
from tests.crash.test_power_cut import check_cuts
from tests.harness.effort import HEAVY
from turso_wasm.vfs.base import CAP_OWNED, CAP_SHARED

ROUNDS = 12 if HEAVY else 4
SETTINGS = {
    "wal": Setting("WAL"),
    "owned, small pages, auto-vacuum": Setting("WAL", capabilities=CAP_OWNED, page_size=512, auto_vacuum="full"),
    "shared": Setting("WAL", capabilities=CAP_SHARED),
}
SCHEMA = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v, name TEXT UNIQUE)",
    "CREATE TABLE w(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO t SELECT i, i, 'n' || i FROM n",
)


def race(one: turso_wasm.Connection, other: turso_wasm.Connection, number: int) -> None:
    """Both write, and only COMMIT is left: that of `one` is an ordinary one, that of `other` is written onto it."""
    for connection, rest in ((one, 0), (other, 1)):
        connection.execute("BEGIN CONCURRENT")
        connection.execute("UPDATE t SET v = hex(zeroblob(?)) WHERE id = ?", (40 * number, 2 * number + rest))
        connection.execute("INSERT INTO t(v, name) VALUES (zeroblob(?), ?)", (900 * number, f"new {number} {rest}"))
        connection.execute("DELETE FROM t WHERE name = ?", (f"n{20 + 2 * number + rest}",))
        connection.execute("INSERT INTO w VALUES (?, ?)", (rest, number))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_power_cut_leaves_whole_transactions(name: str, tmp_path: Path) -> None:
    setting = SETTINGS[name]
    vfs = RecordingVfs(capabilities=setting.capabilities)
    ours = Ours(vfs)
    other, reader = ours.again(), ours.again()
    history = History([content(Model().query)], [0], [0])

    def commit(connection: turso_wasm.Connection, sql: str) -> None:
        history.begun.append(len(vfs.events))
        connection.execute(sql).fetchall()
        history.contents.append(content(lambda sql: reader.execute(sql).fetchall()))
        history.ended.append(len(vfs.events))

    for sql in (*setting.statements(), *SCHEMA):
        commit(ours.connection, sql)
    for number in range(1, ROUNDS):
        race(ours.connection, other, number)
        commit(ours.connection, "COMMIT")
        commit(other, "COMMIT")
    assert len({repr(each) for each in history.contents}) == len(SCHEMA) + 2 * ROUNDS - 1
    for connection in (other, reader):
        connection.close()
    ours.close()
    check_cuts(vfs, history, setting, tmp_path)


@pytest.mark.parametrize("kind", ["error", "short write", "full disk"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_commit_that_fails_leaves_what_was_before(name: str, kind: str) -> None:
    setting, failures = SETTINGS[name], 0
    for at in range(1, 200, 1 if HEAVY else 2):
        vfs = StorageVfs(setting.capabilities)
        ours = Ours(vfs)
        other = ours.again()
        for sql in (*setting.statements(), *SCHEMA):
            ours.query(sql)
        race(ours.connection, other, 3)
        ours.query("COMMIT")
        before = content(ours.query)
        vfs.break_at(at, kind)
        failed = False
        try:
            other.execute("COMMIT")
        except turso_wasm.OperationalError:
            failed = True
        vfs.fail_at(0)
        assert not other.in_transaction
        assert (content(ours.query) == before) == failed, at
        assert ours.query("PRAGMA integrity_check") == [("ok",)]
        race(ours.connection, other, 7 if failed else 5)
        other.execute("COMMIT")
        ours.query("COMMIT")
        other.close()
        ours.close()
        failures += failed
        if not failed:
            break
    assert failures
