"""Two processes take turns on one file: whichever engine each of them is, they exclude each other as two SQLites do.

Scripts run with SQLite in both processes, and then with us in one of them, the other, and both; all must answer
alike. A line of a script is "process connection: statement". Logs: test_shared_log.py.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import apsw
import pytest

from tests.conformance.peer import Peer, Refused
from tests.harness.effort import HEAVY

PAIRS = (("sqlite", "ours"), ("ours", "sqlite"), ("ours", "ours"))
SETUP = ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
LOCKED = "database is locked"

SCRIPTS = {
    "readers do not mind each other": """
        A: BEGIN
        A: SELECT * FROM t
        B: BEGIN
        B: SELECT * FROM t
        A: COMMIT
        B: COMMIT
    """,
    "a reader keeps a commit out until it ends": """
        A: BEGIN
        A: SELECT count(*) FROM t
        B: BEGIN IMMEDIATE
        B: INSERT INTO t VALUES (3, 'three')
        A: SELECT count(*) FROM t
        B: COMMIT
        A: SELECT count(*) FROM t
        A: COMMIT
        A: SELECT count(*) FROM t
        B: COMMIT
        A: SELECT count(*) FROM t
    """,
    "a waiting writer keeps new readers out": """
        A: BEGIN
        A: SELECT count(*) FROM t
        B: BEGIN
        B: INSERT INTO t VALUES (3, 'three')
        B: COMMIT
        A x: SELECT count(*) FROM t
        A: COMMIT
        A: SELECT count(*) FROM t
        B: ROLLBACK
        A: SELECT count(*) FROM t
    """,
    "one writer at a time": """
        A: BEGIN IMMEDIATE
        B: BEGIN IMMEDIATE
        B: INSERT INTO t VALUES (3, 'three')
        B: SELECT count(*) FROM t
        B: BEGIN
        B: SELECT count(*) FROM t
        B: UPDATE t SET b = 'x'
        B: COMMIT
        A: INSERT INTO t VALUES (4, 'four')
        A: COMMIT
        B: SELECT * FROM t
        B: INSERT INTO t VALUES (3, 'three')
        A: SELECT * FROM t
    """,
    "exclusive is alone": """
        A: BEGIN EXCLUSIVE
        B: SELECT * FROM t
        B: BEGIN IMMEDIATE
        B: BEGIN
        B: SELECT * FROM t
        B: COMMIT
        A: UPDATE t SET b = b || '!'
        A: ROLLBACK
        B: SELECT * FROM t
    """,
    "not exclusive beside a reader": """
        A: BEGIN
        A: SELECT * FROM t
        B: BEGIN EXCLUSIVE
        B: BEGIN IMMEDIATE
        B: UPDATE t SET b = 'B'
        A: COMMIT
        B: COMMIT
        A: SELECT * FROM t
    """,
    "a stale reader cannot write": """
        A: BEGIN
        A: SELECT * FROM t
        B: BEGIN IMMEDIATE
        A: UPDATE t SET b = 'A'
        B: ROLLBACK
        A: UPDATE t SET b = 'A'
        A: COMMIT
        B: SELECT * FROM t
    """,
    "changes of the other are noticed": """
        A: SELECT * FROM t
        B: UPDATE t SET b = 'B' WHERE a = 1
        A: SELECT * FROM t
        A: UPDATE t SET b = b || 'A'
        B: SELECT * FROM t
        B: DELETE FROM t WHERE a = 2
        A: SELECT * FROM t
        A: PRAGMA user_version=7
        B: PRAGMA user_version
    """,
    "changes of the other's schema are noticed": """
        A: SELECT * FROM t
        B: SELECT * FROM t
        B: ALTER TABLE t ADD COLUMN c DEFAULT 5
        A: SELECT * FROM t
        A: CREATE INDEX i ON t(b)
        B: SELECT a FROM t WHERE b = 'two'
        B: INSERT INTO t VALUES (3, 'three', 3)
        A: SELECT a FROM t WHERE b = 'three'
        A: DROP TABLE t
        B: SELECT * FROM t
        B: CREATE TABLE t(z)
        A: INSERT INTO t VALUES ('z')
        B: SELECT * FROM t
        B: PRAGMA integrity_check
    """,
    "several connections in one process": """
        A x: BEGIN
        A x: SELECT count(*) FROM t
        A y: BEGIN IMMEDIATE
        B: BEGIN IMMEDIATE
        B: SELECT count(*) FROM t
        A y: INSERT INTO t VALUES (9, 'nine')
        A y: COMMIT
        A x: COMMIT
        A y: COMMIT
        B: SELECT count(*) FROM t
        B: BEGIN IMMEDIATE
        A x: DELETE FROM t
        A x: CLOSE
        A y: DELETE FROM t
        B: COMMIT
        A y: DELETE FROM t WHERE a = 9
        B: SELECT count(*) FROM t
    """,
    "exclusive locking mode": """
        A: PRAGMA locking_mode=EXCLUSIVE
        A: SELECT count(*) FROM t
        B: SELECT count(*) FROM t
        B: DELETE FROM t
        A: INSERT INTO t VALUES (3, 'three')
        B: SELECT count(*) FROM t
        A: CLOSE
        B: SELECT count(*) FROM t
    """,
}


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def transcript(script: list[str], engines: tuple[str, str], folder: Path, mode: str = "DELETE") -> list[str]:
    """Each line with its answer."""
    path = folder / f"{engines[0]}-{engines[1]}.db"
    path.unlink(missing_ok=True)
    first = apsw.Connection(str(path))
    for sql in (f"PRAGMA journal_mode={mode}", *SETUP):
        first.execute(sql).fetchall()
    first.close()
    answers = []
    with Peer(engines[0], path) as a, Peer(engines[1], path) as b:
        for line in script:
            who, _, sql = line.partition(": ")
            process, _, connection = who.partition(" ")
            try:
                rows = (a if process == "A" else b).run(sql, connection or "main")
                answers.append(f"{line} -> {rows}")
            except Refused as error:
                answers.append(f"{line} -> {error.code}: {error.message}")
    end = apsw.Connection(str(path))
    answers.append(
        f"end: {list(end.execute('PRAGMA integrity_check'))} {list(end.execute('SELECT * FROM sqlite_schema'))}"
    )
    end.close()
    return answers


@pytest.mark.parametrize("name", SCRIPTS)
def test_locks_are_as_between_two_sqlites(name: str, tmp_path: Path) -> None:
    script = lines_of(SCRIPTS[name])
    expected = transcript(script, ("sqlite", "sqlite"), tmp_path)
    for engines in PAIRS:
        assert transcript(script, engines, tmp_path) == expected, engines


def random_script(seed: int) -> list[str]:
    """Statements of two processes with two connections each, in any order."""
    random = Random(seed)
    statements = (
        "BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK",
        "SELECT a, b FROM t ORDER BY a", "SELECT count(*) FROM t", "SELECT b FROM t WHERE a = 2",
        "INSERT INTO t(b) VALUES ('{n}')", "UPDATE t SET b = '{n}' WHERE a % 2 = 0", "DELETE FROM t WHERE a > 6",
        "INSERT INTO t(b) VALUES (zeroblob(3000))", "UPDATE t SET b = length(b) WHERE a = 3", "PRAGMA user_version",
        "PRAGMA user_version={n}", "PRAGMA data_version - 0",
    )[:-1]  # fmt: skip
    lines = []
    for n in range(60):
        who = random.choice(("A", "A", "B", "B", "A x", "B x"))
        lines.append(f"{who}: {random.choice(statements).format(n=n)}")
    return [*lines, "A: SELECT hex(b) FROM t", "B: SELECT hex(b) FROM t"]


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST"])
def test_random_turns_are_as_between_two_sqlites(mode: str, tmp_path: Path) -> None:
    for seed in range(60 if HEAVY else 3):
        script = [line.replace("b FROM", "hex(b) FROM") for line in random_script(seed)]
        script = [*(f"{who}: PRAGMA journal_mode={mode}" for who in ("A", "B", "A x", "B x")), *script]
        expected = transcript(script, ("sqlite", "sqlite"), tmp_path)
        for engines in PAIRS:
            assert transcript(script, engines, tmp_path) == expected, (seed, engines)


# --- waiting -----------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.db"
    connection = apsw.Connection(str(found))
    for sql in SETUP:
        connection.execute(sql)
    connection.close()
    return found


@pytest.mark.parametrize("engines", PAIRS)
def test_a_statement_waits_for_a_lock_as_long_as_it_may(engines: tuple[str, str], path: Path) -> None:
    with Peer(engines[0], path) as holder, Peer(engines[1], path, timeout_ms=400) as waiter:
        waiter.run("SELECT 1 FROM t")
        holder.run("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with pytest.raises(Refused, match=LOCKED):
            waiter.run("INSERT INTO t VALUES (5, 'five')")
        assert 0.3 < time.monotonic() - begun < 5


@pytest.mark.parametrize("engines", PAIRS)
def test_a_statement_that_waits_gets_the_lock_when_it_is_free(engines: tuple[str, str], path: Path) -> None:
    with Peer(engines[0], path) as holder, Peer(engines[1], path, timeout_ms=30_000) as waiter:
        for sql in ("INSERT INTO t VALUES (5, 'five')", "SELECT count(*) FROM t", "BEGIN IMMEDIATE"):
            holder.run("BEGIN EXCLUSIVE")
            waiter.start(sql)
            time.sleep(0.2)
            holder.run("COMMIT")
            waiter.finish()
        waiter.run("COMMIT")
        assert holder.run("SELECT count(*) FROM t") == [[3]]


@pytest.mark.parametrize("engines", (("sqlite", "sqlite"), *PAIRS))
def test_a_waiting_commit_keeps_new_readers_out(engines: tuple[str, str], path: Path) -> None:
    """So it comes to its end however many readers follow each other; outside BEGIN … COMMIT too."""
    first, second, third = Peer(engines[0], path), Peer(engines[1], path, timeout_ms=20_000), Peer(engines[0], path)
    with first as reader, second as writer, third as another:
        reader.run("BEGIN")
        reader.run("SELECT count(*) FROM t")
        writer.start("INSERT INTO t VALUES (3, 'three')")
        time.sleep(1)  # by now it has the lock that keeps others out, and keeps it while it waits
        for _ in range(30):
            with pytest.raises(Refused, match=LOCKED):
                another.run("SELECT count(*) FROM t")
            time.sleep(0.01)
        reader.run("COMMIT")
        assert writer.finish() == []
        assert reader.run("SELECT count(*) FROM t") == [[3]]


@pytest.mark.parametrize("engines", PAIRS)
def test_a_commit_waits_for_readers(engines: tuple[str, str], path: Path) -> None:
    with Peer(engines[0], path) as reader, Peer(engines[1], path, timeout_ms=30_000) as writer:
        reader.run("BEGIN")
        reader.run("SELECT * FROM t")
        writer.start("DELETE FROM t WHERE a = 1")
        time.sleep(0.2)
        reader.run("COMMIT")
        writer.finish()
        assert reader.run("SELECT a FROM t") == [[2]]


# --- killed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engines", [*PAIRS, ("sqlite", "sqlite")])
@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST"])
def test_a_killed_writer_leaves_a_hot_journal_that_the_other_rolls_back(
    engines: tuple[str, str], mode: str, path: Path
) -> None:
    with Peer(engines[0], path) as victim, Peer(engines[1], path) as other:
        assert other.run("SELECT count(*) FROM t") == [[2]]
        for sql in (f"PRAGMA journal_mode={mode}", "PRAGMA cache_size=5", "BEGIN"):
            victim.run(sql)
        for i in range(60):  # spills
            victim.run(f"INSERT INTO t VALUES ({i + 10}, zeroblob(3000))")
        victim.run("UPDATE t SET b = 'lost' WHERE a = 1")
        victim.kill()
        assert other.run("SELECT a, b FROM t") == [[1, "one"], [2, "two"]]
        other.run("INSERT INTO t VALUES (3, 'three')")
        assert other.run("PRAGMA integrity_check") == [["ok"]]


@pytest.mark.parametrize("engines", PAIRS)
def test_who_uses_the_file_keeps_the_other_from_turning_to_a_log(engines: tuple[str, str], path: Path) -> None:
    with Peer(engines[0], path) as reader, Peer(engines[1], path) as other:
        reader.run("BEGIN")
        reader.run("SELECT * FROM t")
        with pytest.raises(Refused, match=LOCKED):
            other.run("PRAGMA journal_mode=WAL")
        reader.run("COMMIT")
        assert other.run("PRAGMA journal_mode=WAL") == [["wal"]]
