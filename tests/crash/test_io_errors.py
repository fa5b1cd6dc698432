"""A storage call that fails fails its statement, and nothing else: the transaction is undone, the connection goes on,
nothing leaks.

The workload runs on our engine and, in step, on SQLite in memory. One call of the storage fails: with an I/O error,
after half of a write, because the disk is full from then on for a while, or with all later ones for a while. The
model undoes what the connection says it has undone; at the end both must contain the same, and SQLite must find the
file sound. Only a commit that failed, and could not be undone because the storage went on failing, may have happened:
wholly or not at all. Normally a sample of the calls is tried, with TURSO_HEAVY=1 all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

import turso_wasm
from tests.crash.history import Content, Maker, Model, Ours, Setting, Statement, content
from tests.harness.effort import HEAVY
from tests.harness.sharing import Sharing
from turso_wasm.runtime import engine
from turso_wasm.vfs.base import CAP_OWNED, CAP_SHARED, CAP_STEPS, FULL, File
from turso_wasm.vfs.faulty import FaultyFile, FaultyVfs

N_TRANSACTIONS = 60 if HEAVY else 15
N_FAULTS = 10  # a setting and kind of fault, when not heavy
N_FAILURES = 1000  # of the test for leaks

SETTINGS = {
    "wal": Setting("WAL"),
    "wal, owned": Setting("WAL", capabilities=CAP_OWNED),
    "wal, shared": Setting("WAL", capabilities=CAP_SHARED | CAP_STEPS),
    "delete": Setting("DELETE", synchronous="extra"),  # a power cut undoes no commit
    "truncate, full auto-vacuum": Setting("TRUNCATE", page_size=512, auto_vacuum="full"),
    "persist": Setting("PERSIST"),
}
MESSAGES = {10: "disk I/O error", 13: "database or disk is full", 14: "unable to open database file"}
KINDS = ("error", "short write", "full disk", "errors for a while")


class SharingFile(Sharing, FaultyFile):
    """A file whose log can be shared."""


class StorageVfs(FaultyVfs):
    """Counts from where it is told; reports `capabilities` for every file."""

    file_type = SharingFile

    def __init__(self, capabilities: int = 0) -> None:
        super().__init__()
        self.capabilities = capabilities

    def open(self, name: str, flags: int) -> File:
        file = super().open(name, flags)
        file.capabilities |= self.capabilities
        return file

    def break_at(self, at: int, kind: str) -> None:
        """Make call number `at` from now on fail."""
        if kind == "full disk":
            self.disk_full_at(at)
        else:
            self.fail_at(at, sticky=kind == "errors for a while", short=kind == "short write")


class Run:
    """One run of the statements, in step with a model; `failures` are the codes of the statements that failed."""

    def __init__(self, setting: Setting) -> None:
        self.vfs = StorageVfs(setting.capabilities)
        self.ours = Ours(self.vfs)
        self.model = Model()
        self.failures: list[int] = []
        self.lasting = False  # the fault lasts: the fate of a failed commit is open
        for sql in setting.statements():
            self.ours.query(sql)

    def execute(self, statements: Sequence[Statement], patience: int = 2) -> None:
        """Run them; the storage works again after `patience` failed statements."""
        for sql, parameters in statements:
            if sql == "COMMIT" and not self.model.connection.in_transaction:
                continue  # what was to be committed has been undone
            if sql.startswith(("ROLLBACK", "RELEASE")) and not self.model.connection.in_transaction:
                continue
            try:
                self.ours.query(sql, parameters)
            except turso_wasm.Error as error:
                self.failed(sql, parameters, error)
                if len(self.failures) >= patience:
                    self.vfs.fail_at(0)
                continue
            self.follow(sql, parameters)

    def follow(self, sql: str, parameters: tuple[object, ...]) -> None:
        if not sql.startswith(("PRAGMA wal", "PRAGMA inc")):
            self.model.query(sql, parameters)
        assert self.ours.connection.in_transaction == self.model.connection.in_transaction, sql

    def failed(self, sql: str, parameters: tuple[object, ...], error: turso_wasm.Error) -> None:
        """Make the model do what the connection says it has done."""
        code = error.sqlite_errorcode
        in_doubt = self.lasting and (sql == "COMMIT" or not self.model.connection.in_transaction)
        if code == 1:  # a table or an index that an earlier failure left out
            with pytest.raises(apsw.SQLError):
                self.model.query(sql, parameters)
            return
        assert code is not None and str(error) == MESSAGES[code & 0xFF], (sql, error)
        self.failures.append(code)
        if in_doubt and not self.ours.connection.in_transaction:
            self.settle(sql, parameters)
        if self.model.connection.in_transaction and not self.ours.connection.in_transaction:
            self.model.query("ROLLBACK")
        assert self.ours.connection.in_transaction == self.model.connection.in_transaction, sql

    def settle(self, sql: str, parameters: tuple[object, ...]) -> None:
        """A commit failed, and so did what followed: once the storage works again we see whether it happened."""
        with suppress(turso_wasm.OperationalError):
            self.ours.query("SELECT count(*) FROM sqlite_schema")
        self.vfs.fail_at(0)
        found = content(self.ours.query)
        if sql == "COMMIT":
            self.model.query("COMMIT" if found == self.model.content() else "ROLLBACK")
        elif found != self.model.content():
            self.model.query(sql, parameters)
        assert found == self.model.content()

    def check(self, folder: Path) -> None:
        """With working storage everything is as the model says, for us and for SQLite."""
        self.vfs.fail_at(0)
        if self.ours.connection.in_transaction:
            self.ours.query("COMMIT")
            self.model.query("COMMIT")
        if self.lasting:  # the next commit settles for good what became of one in doubt
            for query in (self.ours.query, self.model.query):
                query("PRAGMA user_version = 12345")
        expected = self.model.content()
        assert content(self.ours.query) == expected
        assert self.ours.query("PRAGMA integrity_check") == [("ok",)]
        self.ours.close()
        assert found_by_sqlite(self.vfs, folder) == expected


def found_by_sqlite(vfs: FaultyVfs, folder: Path) -> Content:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{folder / 'db'}{suffix}").unlink(missing_ok=True)
    for name, data in vfs.crash_image("none").items():
        (folder / name).write_bytes(data)
    connection = apsw.Connection(str(folder / "db"))
    try:
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
        return content(lambda sql: list(connection.execute(sql)))
    finally:
        connection.close()


def statements_of(seed: int) -> list[Statement]:
    """A workload whose statements do not depend on each other's success."""
    return list(Maker(seed, largest=3000).statements(N_TRANSACTIONS))


def n_calls(setting: Setting, statements: Sequence[Statement]) -> int:
    run = Run(setting)
    run.vfs.fail_at(0)
    run.execute(statements)
    run.ours.close()
    assert not run.failures
    return run.vfs.operations


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_failing_call_fails_one_statement(name: str, kind: str, tmp_path: Path) -> None:
    setting, statements = SETTINGS[name], statements_of(5)
    total = n_calls(setting, statements)
    n_fired = 0
    for at in range(1, total + 1, 1 if HEAVY else max(1, total // N_FAULTS)):
        run = Run(setting)
        run.vfs.break_at(at, kind)
        run.lasting = kind == "errors for a while"
        run.execute(statements)
        n_fired += bool(run.failures)
        if kind == "full disk":
            assert all(code & 0xFF == FULL for code in run.failures), (at, run.failures)
        run.check(tmp_path)
    assert n_fired


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_failures_do_not_leak(mode: str, tmp_path: Path) -> None:
    used = engine.host().function("memory_used")
    run = Run(Setting(mode, cache_size=30))
    run.execute(statements_of(6))
    tick = 0

    def fail(times: int) -> None:
        nonlocal tick
        n = 0
        while n < times:
            tick += 1
            run.vfs.fail_at(1 + tick % 7, short=tick % 2 == 0)
            before = len(run.failures)
            run.execute(
                (
                    ("BEGIN", ()),
                    ("INSERT INTO items(name, data) VALUES (?, ?)", ("leak", b"x" * 3000)),
                    ("UPDATE items SET name = name WHERE id % 5 = ?", (tick % 5,)),
                    ("DELETE FROM items WHERE name = 'leak'", ()),
                    ("COMMIT", ()),
                ),
                patience=before + 1,
            )
            n += len(run.failures) - before
            run.vfs.fail_at(0)
            if run.ours.connection.in_transaction:
                run.ours.query("ROLLBACK")
                run.model.query("ROLLBACK")

    fail(50)
    before = used()
    fail(N_FAILURES // 2)
    assert used() - before < 20_000
    run.check(tmp_path)
