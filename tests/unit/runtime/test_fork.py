"""A child process that was forked has its parent's connections, and must not harm what the parent does with them."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import turso_wasm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def in_a_child(act: Callable[[], object]) -> int:
    """The exit status of a child that does this: 0, or 1 when it fails."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("within", [False, True])
def test_a_child_leaves_the_parents_connection_alone(mode: str, within: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = turso_wasm.connect(path, isolation_level=None)
    for sql in (f"PRAGMA journal_mode = {mode}", "PRAGMA cache_size = 5", "CREATE TABLE t(a, b)"):
        connection.execute(sql).fetchall()
    if within:
        connection.execute("BEGIN")
        for number in range(100):  # some of it is in the files already
            connection.execute("INSERT INTO t VALUES (?, zeroblob(2000))", (number,))
    files = sorted(os.listdir(tmp_path))

    def child() -> None:
        with pytest.raises(turso_wasm.OperationalError, match="disk I/O error"):
            connection.execute("COMMIT" if within else "INSERT INTO t VALUES (-1, 2)")
        connection.close()
        if mode == "wal":
            with turso_wasm.connect(path, timeout=0) as fresh:
                assert fresh.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
            fresh.close()

    assert in_a_child(child) == 0
    assert sorted(os.listdir(tmp_path)) == files
    connection.execute("INSERT INTO t VALUES (1000, 'parent')")
    if within:
        connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(101 if within else 1,)]
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_child_goes_on_with_a_database_in_memory() -> None:
    connection = turso_wasm.connect(":memory:")
    connection.execute("CREATE TABLE t(a)")
    assert in_a_child(lambda: connection.execute("INSERT INTO t VALUES (1)")) == 0
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
