"""A log that several processes use at the same time, SQLite's and ours in every mix: all answer as two SQLites do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from tests.conformance.peer import Peer, Refused
from tests.harness.effort import HEAVY

PAIRS = (("sqlite", "ours"), ("ours", "sqlite"), ("ours", "ours"))
SETUP = ("PRAGMA journal_mode=WAL", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
         "INSERT INTO t VALUES (1, 'one'), (2, 'two')")  # fmt: skip

# Those of the file that belong to a transaction, and some that do not.
FIELDS = ("application_id", "data_version", "freelist_count", "max_page_count", "page_count", "schema_version",
          "user_version", "auto_vacuum", "encoding", "page_size", "synchronous")  # fmt: skip

SCRIPTS = {
    "readers beside a writer, each in its snapshot": """
        A: BEGIN
        A: SELECT * FROM t
        B: BEGIN IMMEDIATE
        B: INSERT INTO t VALUES (3, 'three')
        A x: SELECT * FROM t
        A: SELECT * FROM t
        B: COMMIT
        A: SELECT * FROM t
        A x: SELECT * FROM t
        A: COMMIT
        A: SELECT * FROM t
    """,
    **{
        f"whether PRAGMA {field} begins a snapshot": f"""
        A: SELECT count(*) FROM t
        A: BEGIN
        A: PRAGMA {field}
        B: INSERT INTO t VALUES (3, 'three')
        B: PRAGMA user_version = 7
        A: PRAGMA user_version
        A: SELECT count(*) FROM t
        B: PRAGMA {field}
        A: COMMIT
        A: PRAGMA user_version
    """
        for field in FIELDS
    },
    "one writer of all processes": """
        A: BEGIN IMMEDIATE
        B: BEGIN IMMEDIATE
        B: INSERT INTO t VALUES (9, 'nine')
        B: SELECT count(*) FROM t
        A x: INSERT INTO t VALUES (9, 'nine')
        A: INSERT INTO t VALUES (4, 'four')
        A: ROLLBACK
        B: INSERT INTO t VALUES (9, 'nine')
        A: SELECT * FROM t
    """,
    "who has read an older state cannot write": """
        A: BEGIN
        A: SELECT count(*) FROM t
        B: INSERT INTO t VALUES (3, 'three')
        A: INSERT INTO t VALUES (4, 'four')
        A: SELECT count(*) FROM t
        A: ROLLBACK
        A: INSERT INTO t VALUES (4, 'four')
        B: SELECT * FROM t
    """,
    "checkpoints beside readers and writers": """
        A: BEGIN
        A: SELECT count(*) FROM t
        B: INSERT INTO t VALUES (3, zeroblob(9000))
        B: PRAGMA wal_checkpoint
        B: PRAGMA wal_checkpoint(FULL)
        B: PRAGMA wal_checkpoint(TRUNCATE)
        A: SELECT count(*) FROM t
        A: COMMIT
        B: PRAGMA wal_checkpoint(FULL)
        B: PRAGMA wal_checkpoint(RESTART)
        A: SELECT count(*) FROM t
        A: INSERT INTO t VALUES (4, zeroblob(9000))
        B: BEGIN IMMEDIATE
        A: PRAGMA wal_checkpoint
        A: PRAGMA wal_checkpoint(FULL)
        A: PRAGMA wal_checkpoint(TRUNCATE)
        B: COMMIT
        B: PRAGMA wal_checkpoint(TRUNCATE)
        A: SELECT a, length(b) FROM t
    """,
    "a log that begins anew under a reader of the file": """
        A: INSERT INTO t VALUES (3, 'three')
        A: PRAGMA wal_checkpoint
        B: BEGIN
        B: SELECT count(*) FROM t
        A: INSERT INTO t VALUES (4, 'four')
        A: UPDATE t SET b = b || '!'
        A: PRAGMA wal_checkpoint
        B: SELECT * FROM t
        B x: SELECT * FROM t
        B: COMMIT
        B: PRAGMA wal_checkpoint
        B: INSERT INTO t VALUES (5, 'five')
        A: SELECT * FROM t
    """,
    "schemas change": """
        A: SELECT * FROM t
        B: ALTER TABLE t ADD COLUMN c DEFAULT 7
        A: SELECT * FROM t
        A: CREATE TABLE u(x)
        B: INSERT INTO u VALUES (1)
        A: DROP TABLE t
        B: SELECT * FROM t
        B: SELECT name FROM sqlite_schema
        A: VACUUM
        B: SELECT * FROM u
    """,
    "the mode changes only for who is alone": """
        A: SELECT count(*) FROM t
        B: PRAGMA journal_mode=DELETE
        A: CLOSE
        B: PRAGMA journal_mode=DELETE
        B: PRAGMA journal_mode
        A: SELECT count(*) FROM t
        A: INSERT INTO t VALUES (3, 'three')
        B: SELECT count(*) FROM t
        B: PRAGMA journal_mode=WAL
        A: INSERT INTO t VALUES (4, 'four')
        B: SELECT count(*) FROM t
        A: PRAGMA journal_mode
    """,
    "exclusive locking": """
        A: SELECT count(*) FROM t
        B: SELECT count(*) FROM t
        B: PRAGMA locking_mode=EXCLUSIVE
        B: SELECT count(*) FROM t
        A: INSERT INTO t VALUES (3, 'three')
        B: SELECT count(*) FROM t
        B: INSERT INTO t VALUES (4, 'four')
        A: CLOSE
        B: INSERT INTO t VALUES (4, 'four')
        A: SELECT count(*) FROM t
        B: PRAGMA locking_mode=NORMAL
        B: SELECT count(*) FROM t
        A: SELECT count(*) FROM t
    """,
    "exclusive locking from the start": """
        B: PRAGMA locking_mode=EXCLUSIVE
        B: SELECT count(*) FROM t
        A: SELECT count(*) FROM t
        B: INSERT INTO t VALUES (3, 'three')
        A: INSERT INTO t VALUES (4, 'four')
        B: CLOSE
        A: INSERT INTO t VALUES (4, 'four')
        B: PRAGMA locking_mode=EXCLUSIVE
        B: SELECT count(*) FROM t
    """,
    "exclusive locking from the start, beside a connection of the process": """
        A: SELECT count(*) FROM t
        A x: PRAGMA locking_mode=EXCLUSIVE
        A x: SELECT count(*) FROM t
        A x: PRAGMA wal_checkpoint
        A: CLOSE
        A x: SELECT count(*) FROM t
        A: SELECT count(*) FROM t
        B: SELECT count(*) FROM t
        A x: INSERT INTO t VALUES (3, 'three')
        A x: CLOSE
        A: SELECT count(*) FROM t
    """,
    "exclusive locking, beside a connection of the process": """
        A: SELECT count(*) FROM t
        A x: SELECT count(*) FROM t
        A: BEGIN IMMEDIATE
        A: PRAGMA locking_mode=EXCLUSIVE
        A: COMMIT
        A x: INSERT INTO t VALUES (3, 'three')
        A: INSERT INTO t VALUES (4, 'four')
        A x: CLOSE
        A: INSERT INTO t VALUES (4, 'four')
        A x: SELECT count(*) FROM t
        B: SELECT count(*) FROM t
        A: PRAGMA locking_mode=NORMAL
        A: SELECT count(*) FROM t
        A x: SELECT count(*) FROM t
    """,
    "connections come and go": """
        A: INSERT INTO t VALUES (3, 'three')
        B: INSERT INTO t VALUES (4, 'four')
        A: CLOSE
        B: INSERT INTO t VALUES (5, 'five')
        A: SELECT count(*) FROM t
        B: CLOSE
        A: INSERT INTO t VALUES (6, 'six')
        A: CLOSE
        B: SELECT count(*) FROM t
    """,
}


def lines_of(script: str) -> list[str]:
    return [line.strip() for line in script.strip().splitlines()]


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, tuple[Peer, Peer]]]:
    """Two processes of each kind."""
    nowhere = Path(":memory:")
    made = {engine: (Peer(engine, nowhere), Peer(engine, nowhere)) for engine in ("sqlite", "ours")}
    yield made
    for pair in made.values():
        for peer in pair:
            peer.close()


def outcome(peer: Peer, connection: str, sql: str) -> object:
    """Rows, or what went wrong; of a checkpoint whether it was busy: engines differ in what they write."""
    try:
        rows = peer.run(sql, connection)
    except Refused as error:
        return error.code, error.message
    return [row[:1] for row in rows] if "wal_checkpoint" in sql else rows


def transcript(
    script: list[str],
    engines: tuple[str, str],
    peers: dict[str, tuple[Peer, Peer]],
    path: Path,
    prepare: tuple[str, ...] = SETUP,
) -> list[Any]:
    """What two processes answer, line by line, and what is in the file in the end."""
    setup = apsw.Connection(str(path))
    for sql in prepare:
        setup.execute(sql).fetchall()
    setup.close()
    sides = {"A": peers[engines[0]][0], "B": peers[engines[1]][1]}
    for peer in sides.values():
        peer.run(f"OPEN {path}")
    answers = []
    for line in script:
        who, _, sql = line.partition(": ")
        process, _, connection = who.partition(" ")
        answers.append(f"{line} -> {outcome(sides[process], connection or 'main', sql)}")
    for peer in sides.values():
        for connection in ("main", "x", "y"):
            peer.run("CLOSE", connection)
    left = sorted(found.name.removeprefix(path.name) for found in path.parent.glob(f"{path.name}*"))
    end = apsw.Connection(str(path))
    ended = [end.execute(sql).fetchall() for sql in ("PRAGMA integrity_check", "SELECT * FROM sqlite_schema")]
    answers.append(f"{left} {ended}")
    end.close()
    return answers


@pytest.mark.parametrize("name", SCRIPTS)
def test_locks_are_as_between_two_sqlites(name: str, peers: dict[str, tuple[Peer, Peer]], tmp_path: Path) -> None:
    script = lines_of(SCRIPTS[name])
    expected = transcript(script, ("sqlite", "sqlite"), peers, tmp_path / "expected.db")
    for n, engines in enumerate(PAIRS):
        assert transcript(script, engines, peers, tmp_path / f"{n}.db") == expected, engines


LOCKING = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA locking_mode=NORMAL",
    "CLOSE",
    "CLOSE",
)


def random_script(seed: int, more: tuple[str, ...] = ()) -> list[str]:
    """Statements of two processes with two connections each, in any order."""
    random = Random(seed)
    statements = (
        "BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK",
        "SELECT a, hex(b) FROM t ORDER BY a", "SELECT count(*) FROM t", "SELECT hex(b) FROM t WHERE a = 2",
        "INSERT INTO t(b) VALUES ('{n}')", "UPDATE t SET b = '{n}' WHERE a % 2 = 0", "DELETE FROM t WHERE a > 6",
        "INSERT INTO t(b) VALUES (zeroblob(3000))", "UPDATE t SET b = length(b) WHERE a = 3",
        "PRAGMA user_version={n}", "PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint(FULL)",
        "PRAGMA wal_checkpoint(RESTART)", "PRAGMA wal_checkpoint(TRUNCATE)", "CLOSE", *more,
    )  # fmt: skip
    lines = []
    for n in range(60):
        who = random.choice(("A", "A", "B", "B", "A x", "B x"))
        lines.append(f"{who}: {random.choice(statements).format(n=n)}")
    return [*lines, "A: SELECT hex(b) FROM t", "B: SELECT hex(b) FROM t"]


def test_random_turns_are_as_between_two_sqlites(peers: dict[str, tuple[Peer, Peer]], tmp_path: Path) -> None:
    for seed in range(200 if HEAVY else 8):
        script = random_script(seed)
        expected = transcript(script, ("sqlite", "sqlite"), peers, tmp_path / f"{seed}.db")
        for n, engines in enumerate(PAIRS):
            assert transcript(script, engines, peers, tmp_path / f"{seed}-{n}.db") == expected, (seed, engines)


def test_random_turns_with_exclusive_locking(peers: dict[str, tuple[Peer, Peer]], tmp_path: Path) -> None:
    """Which files are left in the end is not compared."""
    for seed in range(200 if HEAVY else 3):
        script = random_script(seed, LOCKING)
        expected = transcript(script, ("sqlite", "sqlite"), peers, tmp_path / f"{seed}.db")
        for n, engines in enumerate(PAIRS):
            assert transcript(script, engines, peers, tmp_path / f"{seed}-{n}.db")[:-1] == expected[:-1], (
                seed,
                engines,
            )


# --- killed -----------------------------------------------------------------------------------------------


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    connection = apsw.Connection(str(tmp_path / "a.db"))
    for sql in (
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
        "INSERT INTO t VALUES (1, 'one')",
        "PRAGMA journal_mode=WAL",
    ):
        connection.execute(sql).fetchall()
    connection.close()
    return tmp_path / "a.db"


@pytest.mark.parametrize("engines", PAIRS)
@pytest.mark.parametrize("beside", [False, True])
def test_what_a_killed_process_has_committed_stays(engines: tuple[str, str], beside: bool, logged: Path) -> None:
    """Whether the other one was there, or comes and makes the index from the log."""
    with Peer(engines[0], logged) as victim, Peer(engines[1], logged) as other:
        if beside:
            assert other.run("SELECT count(*) FROM t") == [[1]]
        victim.run("INSERT INTO t VALUES (3, 'three')")
        victim.run("BEGIN")
        victim.run("INSERT INTO t VALUES (4, 'lost')")
        victim.kill()
        assert other.run("SELECT a FROM t") == [[1], [3]]
        other.run("INSERT INTO t VALUES (5, 'five')")
        assert other.run("PRAGMA integrity_check") == [["ok"]]


@pytest.mark.parametrize("engines", [*PAIRS, ("sqlite", "sqlite")])
def test_a_damaged_index_is_made_anew(engines: tuple[str, str], logged: Path) -> None:
    with Peer(engines[0], logged) as us, Peer(engines[1], logged) as them:
        us.run("INSERT INTO t VALUES (3, 'three')")
        assert them.run("SELECT count(*) FROM t") == [[2]]
        with open(f"{logged}-shm", "r+b") as index:
            index.seek(20)
            index.write(b"\xff\x00\xff")
        assert them.run("SELECT count(*) FROM t") == [[2]]
        us.run("INSERT INTO t VALUES (5, 'five')")
        assert them.run("SELECT count(*) FROM t") == [[3]]
        assert us.run("PRAGMA integrity_check") == [["ok"]]
