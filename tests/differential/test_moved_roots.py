"""Trees that are dropped and made amid changes of other tables: nothing remembers a root page that is another's now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm

KINDS = (
    "VIRTUAL TABLE {} USING fts3(a, b)",
    "VIRTUAL TABLE {} USING fts4(a, b)",
    "VIRTUAL TABLE {} USING fts4(a, b, content=texts)",
    "VIRTUAL TABLE {} USING fts5(a, b)",
    "VIRTUAL TABLE {} USING fts5(a, b, content='')",
    "VIRTUAL TABLE {} USING fts5(a, b, content=texts)",
    "VIRTUAL TABLE {} USING rtree(id, a, b)",
    "TABLE {}(a, b)",
    "TABLE {}(a UNIQUE, b, PRIMARY KEY (b, a)) WITHOUT ROWID",
)
WORDS = ("7", "one two", "two three", "x")
NAMES = ("t0", "t1", "t2", "t3")


def script(random: Random) -> Iterator[str]:
    """Statements; some fail, in both engines alike."""
    yield f"PRAGMA auto_vacuum = {random.choice([0, 1, 2, 2])}"
    yield f"PRAGMA page_size = {random.choice([512, 4096])}"
    yield "PRAGMA foreign_keys = ON"
    yield "CREATE TABLE texts(a, b)"
    yield "INSERT INTO texts VALUES ('one', 'two'), ('three', 4)"
    for name in NAMES:
        yield "CREATE " + random.choice(KINDS).format(name)
    yield "CREATE TABLE p(k PRIMARY KEY)"
    yield "CREATE TABLE c(k REFERENCES p ON DELETE CASCADE)"
    # What DROP TABLE p deletes changes a full-text table, in the same statement.
    yield "CREATE TRIGGER d AFTER DELETE ON c BEGIN INSERT INTO t0(a, b) VALUES (old.k, 'gone'); END"
    for _ in range(40):
        # Rows that are only gathered when a tree goes: no statement between them makes a module write them.
        yield "BEGIN"
        for name in random.choices(NAMES, k=3):
            yield f"INSERT INTO {name}(a, b) VALUES (NULL, 'two')"
        dropped, name = random.choices(NAMES, k=2)
        yield f"DROP TABLE {dropped}"
        for name in random.choices(NAMES, k=random.randrange(3)):
            yield f"INSERT INTO {name}(a, b) VALUES (NULL, 'one')"
        if random.random() < 0.5:
            yield "COMMIT"
        yield "CREATE " + random.choice(KINDS).format(dropped)
        name = random.choice(NAMES)
        yield random.choice((
            f"INSERT INTO {name}(a, b) VALUES ({random.randrange(9)}, {random.randrange(9, 20)})",
            f"INSERT INTO {name}(a, b) VALUES ('{random.choice(WORDS)}', '{random.choice(WORDS)}')",
            f"INSERT INTO {name}(rowid, a, b) VALUES ({random.randrange(5)}, 1, 2)",
            f"UPDATE {name} SET b = 'two'",
            f"DELETE FROM {name} WHERE rowid = {random.randrange(5)}",
            f"DROP TABLE {name}",
            "CREATE " + random.choice(KINDS).format(name),
            f"CREATE INDEX i{name} ON {name}(b)",
            f"DROP INDEX i{name}",
            f"CREATE TABLE IF NOT EXISTS big{name} AS SELECT randomblob(900) AS x, 1 AS y",
            f"DROP TABLE big{name}",
            "CREATE TABLE IF NOT EXISTS p(k PRIMARY KEY)",
            f"INSERT INTO p VALUES ({random.randrange(9)})",
            f"INSERT INTO c VALUES ({random.randrange(9)})",
            "DROP TABLE p",
            "BEGIN", "BEGIN", "COMMIT", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s",
            *(["ROLLBACK"] if random.random() < 0.3 else []),
        ))  # fmt: skip
    yield "COMMIT"
    for name in NAMES:
        yield f"SELECT a, b FROM {name} ORDER BY 1, 2"
        yield f"SELECT rowid FROM {name} WHERE {name} MATCH 'two' ORDER BY 1"
        yield f"INSERT INTO {name}({name}) VALUES ('integrity-check')"
    yield "SELECT type, name, tbl_name FROM sqlite_schema WHERE sql NOT NULL ORDER BY 1, 2"
    yield "PRAGMA integrity_check"


def answers(connection: Any, statements: list[str]) -> list[Any]:
    """Rows, or that there was an error: its wording is compared elsewhere."""
    found: list[Any] = []
    for statement in statements:
        try:
            found.append([tuple(row) for row in connection.execute(statement).fetchall()])
        except (apsw.Error, turso_wasm.Error) as error:
            damage = "malformed" in str(error)
            found.append("damage" if damage else "error")
    return found


def complaints(path: Path) -> list[Any]:
    """What SQLite finds in a file: an index of external content need not fit it."""
    return sorted(apsw.Connection(str(path)).execute("PRAGMA integrity_check").fetchall())


@pytest.mark.parametrize("seed", range(20))
def test_nothing_remembers_where_a_tree_was(seed: int, tmp_path: Path) -> None:
    """Rows, errors, and what SQLite says of our file."""
    statements = list(script(Random(seed)))
    theirs = apsw.Connection(str(tmp_path / "theirs.db"))
    ours = turso_wasm.connect(str(tmp_path / "ours.db"), isolation_level=None)
    expected, given = answers(theirs, statements), answers(ours, statements)
    theirs.close()
    ours.close()
    for at, statement in enumerate(statements[:-1]):
        assert given[at] == expected[at], (statement, statements[: at + 1])
    assert sorted(given[-1]) == sorted(expected[-1])
    assert complaints(tmp_path / "ours.db") == complaints(tmp_path / "theirs.db")
