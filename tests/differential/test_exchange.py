"""Random work on every kind of file: what we write SQLite finds sound and equal to its own, and each goes on with the
files of the other.

Normally a few combinations of page size, journal mode and auto-vacuum, 1500 operations each; with TURSO_HEAVY=1 all
of them, 100,000 operations each (TURSO_EXCHANGE_OPERATIONS chooses another number). pytest -k "4096-WAL-full" runs
one.
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import apsw
import pytest

from tests.differential.exchange import SCHEMA, Workload, content, copy_files, ours, run, settings, verdict
from tests.harness.effort import HEAVY

N_OPERATIONS = int(os.environ.get("TURSO_EXCHANGE_OPERATIONS", "100000" if HEAVY else "1500"))
N_CHECKS = 10
SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
ALL = list(product(SIZES, ("WAL", "DELETE"), ("none", "full", "incremental")))
# One of every page size; every pair of mode and auto-vacuum.
SAMPLE = [
    (size, ("WAL", "DELETE")[i % 2], ("none", "full", "incremental")[(i + i // 6) % 3]) for i, size in enumerate(SIZES)
]
COMBINATIONS = ALL if HEAVY else SAMPLE
CASES = [pytest.param(*c, id="-".join(map(str, c))) for c in COMBINATIONS]
OK = [("ok",)]


@pytest.mark.parametrize(("page_size", "mode", "vacuum"), CASES)
def test_both_files_stay_equal(page_size: int, mode: str, vacuum: str, tmp_path: Path) -> None:
    """The same statements on a file of ours and one of SQLite's."""
    path = tmp_path / "ours.db"
    us, them = ours(path), apsw.Connection(str(tmp_path / "theirs.db"))
    for sql in (*settings(page_size, mode, vacuum), "PRAGMA cache_size=60", *SCHEMA):
        us.execute(sql).fetchall()
        them.execute(sql).fetchall()
    them.execute("PRAGMA synchronous=OFF")
    workload = Workload(page_size + len(mode) + len(vacuum), page_size)
    for check in range(N_CHECKS):
        for number, statement in enumerate(workload.operations(N_OPERATIONS // N_CHECKS)):
            assert run(us, statement) == run(them, statement), (check, number, statement)
        expected = content(them)
        assert content(us) == expected, check
        assert us.execute("PRAGMA integrity_check").fetchall() == OK
        assert verdict(path) == (OK, expected), check
    us.close()
    assert verdict(path) == (OK, expected)
    for pragma in ("page_size", "auto_vacuum"):
        assert verdict_of(path, pragma) == them.execute(f"PRAGMA {pragma}").fetchall()
    them.close()


def verdict_of(path: Path, pragma: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    found = connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize(("page_size", "mode", "vacuum"), CASES)
def test_one_file_changes_hands(page_size: int, mode: str, vacuum: str, tmp_path: Path) -> None:
    """SQLite and we work on one file in turn, each leaving it as a killed process would: with its log, or with a hot
    journal.
    """
    path = tmp_path / "shared.db"
    model = apsw.Connection(":memory:")
    them = apsw.Connection(str(path))
    for sql in (*settings(page_size, mode, vacuum), *SCHEMA):
        them.execute(sql).fetchall()
    for sql in (settings(page_size, mode, vacuum)[0], *SCHEMA):
        model.execute(sql)
    them.close()
    workload = Workload(page_size + 1, page_size, budget=1500)
    turns = 2 * N_CHECKS
    for turn in range(turns):
        user = ours(path) if turn % 2 else apsw.Connection(str(path))
        user.execute("PRAGMA cache_size=15").fetchall()
        user.execute("PRAGMA synchronous=OFF").fetchall()
        for number, statement in enumerate(workload.operations(N_OPERATIONS // turns)):
            assert run(user, statement) == run(model, statement), (turn, number, statement)
        expected = content(model)
        assert content(user) == expected, turn
        user.execute("BEGIN IMMEDIATE").fetchall()  # what is open when the process dies, and large enough to spill
        user.execute("INSERT INTO heap SELECT id + 1e6, data FROM rows").fetchall()
        user.execute("DELETE FROM keys").fetchall()
        user.execute("UPDATE rows SET data = zeroblob(900)").fetchall()
        left = tmp_path / f"left{turn}.db"
        copy_files(path, left)
        user.execute("ROLLBACK").fetchall()
        user.close()
        assert verdict(left) == (OK, expected), turn
        path = left
    last = ours(path)
    assert content(last) == content(model)
    last.close()


def test_what_dies_with_a_transaction_open_leaves_something_to_recover(tmp_path: Path) -> None:
    """The test above would prove little if no log and no journal were ever left behind."""
    found = {}
    for kind, mode in (("sqlite", "WAL"), ("sqlite", "DELETE"), ("ours", "WAL"), ("ours", "DELETE")):
        path = tmp_path / f"{kind}-{mode}.db"
        user = ours(path) if kind == "ours" else apsw.Connection(str(path))
        for sql in (*settings(1024, mode, "none"), "PRAGMA cache_size=15", *SCHEMA):
            user.execute(sql).fetchall()
        user.execute("BEGIN").fetchall()
        for i in range(
            6000
        ):  # more than is ever in memory: the cache's 15 pages and 4 MiB (kernel/pager/storage.py S3)
            user.execute("INSERT INTO rows VALUES (?, 'x', 1, zeroblob(700))", (i,)).fetchall()
        user.execute("COMMIT").fetchall()
        user.execute("BEGIN IMMEDIATE").fetchall()
        user.execute("UPDATE rows SET data = zeroblob(900)").fetchall()
        copy_files(path, tmp_path / "left.db")
        suffix = "wal" if mode == "WAL" else "journal"
        found[kind, mode] = (tmp_path / f"left.db-{suffix}").stat().st_size > 512
        user.execute("ROLLBACK").fetchall()
        user.close()
    assert all(found.values()), found
