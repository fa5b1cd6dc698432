"""A power cut at any storage call of transactions over three files leaves all of them as before, or all as after.

With rollback journals, whatever their mode; logs commit each file by itself. Both engines recover the same files and
must find the same, whichever file is opened first; then no super-journal may be left that a journal named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import combinations_with_replacement
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.crash.disk import Disk, Image, RecordingVfs
from tests.crash.history import Content
from tests.harness.effort import HEAVY
from turso_wasm.runtime import engine
from turso_wasm.vfs.base import CAP_OWNED, Vfs
from turso_wasm.vfs.faulty import FaultyVfs

NAMES = ("zero", "one", "two")
MODES = ("DELETE", "TRUNCATE", "PERSIST")
N_TRANSACTIONS = 40 if HEAVY else 10
N_CRASHES = 2000 if HEAVY else 60
SUFFIXES = ("", "-journal", "-wal", "-shm")

Query = Callable[[str], list[tuple[Any, ...]]]


@contextmanager
def ours(vfs: Vfs, folder: Path, names: Sequence[str] = NAMES) -> Iterator[Query]:
    """A connection of ours to the first of these files, to which the others are attached."""
    files: Any = engine.host()
    files = files.files
    saved, files.default = files.default, vfs
    try:
        connection = turso_wasm.connect(folder / names[0], isolation_level=None, timeout=0)
        try:
            for name in names[1:]:
                connection.execute("ATTACH ? AS ?", (str(folder / name), name))
            yield lambda sql: connection.execute(sql).fetchall()
        finally:
            connection.close()
    finally:
        files.default = saved


def schema_of(name: str, names: Sequence[str] = NAMES) -> str:
    """What the file is called where it was opened with the others."""
    return "main" if name == names[0] else name


def contents(query: Query, names: Sequence[str]) -> dict[str, Content]:
    """What each file contains."""
    found = {}
    for name in names:
        schema = schema_of(name, names)
        assert query(f"PRAGMA {schema}.integrity_check") == [("ok",)]
        tables = [row[0] for row in query(f"SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' ORDER BY 1")]
        rows = [(table, query(f"SELECT * FROM {schema}.{table} ORDER BY 1, 2")) for table in tables]
        found[name] = (rows, query(f"PRAGMA {schema}.user_version"))
    return found


def schema_statements(name: str) -> Iterator[str]:
    """The tables of a file: what is inserted into `t` is noted by a trigger, and gone from there with its row."""
    schema = schema_of(name)
    yield f"CREATE TABLE {schema}.t(a INTEGER PRIMARY KEY, b)"
    yield f"CREATE TABLE {schema}.notes(t REFERENCES t ON DELETE CASCADE, size INT)"
    yield f"CREATE INDEX {schema}.notes_t ON notes(t)"
    yield (
        f"CREATE TRIGGER {schema}.noted AFTER INSERT ON t BEGIN"
        " INSERT INTO notes VALUES (new.a, length(new.b)), (NULL, new.a); END"
    )


ACROSS = (
    "CREATE TABLE one.gone(a, b)",
    "CREATE TEMP TRIGGER across AFTER DELETE ON main.t BEGIN INSERT INTO gone VALUES (old.a, length(old.b)); END",
)


def sqlite_finds(image: Image, folder: Path, names: Sequence[str]) -> dict[str, Content]:
    """What SQLite recovers."""
    for path in folder.iterdir():
        path.unlink()
    for path_name, data in image.items():
        Path(path_name).write_bytes(data)
    connection = apsw.Connection(str(folder / names[0]))
    try:
        for name in names[1:]:
            connection.execute("ATTACH ? AS ?", (str(folder / name), name))
        return contents(lambda sql: list(connection.execute(sql)), names)
    finally:
        connection.close()


def transaction(random: Random, number: int) -> Iterator[str]:
    """A transaction that changes two or three of the files."""
    yield "BEGIN"
    for name in map(schema_of, random.sample(NAMES, random.choice((2, 3, 3)))):
        yield f"INSERT INTO {name}.t VALUES ({number}, zeroblob({random.choice((10, 300, 5000))}))"
        if random.random() < 0.3:
            yield "SAVEPOINT s"
            yield f"UPDATE {name}.t SET b = randomblob({random.randint(1, 2000)})"
            yield random.choice(("RELEASE s", "ROLLBACK TO s"))
        if random.random() < 0.3:
            yield f"DELETE FROM {name}.t WHERE a < {number - 4}"
        if random.random() < 0.2:
            yield f"DELETE FROM {name}.t WHERE a % 3 = {random.randrange(3)}"
            yield f"DELETE FROM {name}.notes WHERE t IS NULL"
        if random.random() < 0.2:
            yield f"PRAGMA {name}.user_version = {number}"
    yield "COMMIT" if random.random() < 0.9 else "ROLLBACK"


def upkeep(random: Random) -> list[str]:
    """What is done to one file between transactions."""
    name = random.choice([schema_of(name) for name in NAMES])
    return [random.choice((f"VACUUM {name}", f"PRAGMA {name}.incremental_vacuum(3)", f"REINDEX {name}.notes_t"))]


class Run:
    """What a workload did: `states[i]` was committed between the events `begun[i]` and `ended[i]`.

    modes: journal modes, which the files take in turn. together: a transaction of several files is one of all of them.
    """

    def __init__(
        self, vfs: RecordingVfs, folder: Path, modes: Sequence[str], pragmas: Sequence[str], seed: int
    ) -> None:
        self.together = "WAL" not in modes
        self.deleting = {name for at, name in enumerate(NAMES) if modes[at % len(modes)] == "DELETE"}
        self.states: list[dict[str, Content]] = [{}]
        self.begun, self.ended = [0], [0]
        self.vfs = vfs
        random = Random(seed)
        with ours(vfs, folder) as query:
            for at, name in enumerate(NAMES):
                query(f"PRAGMA {schema_of(name)}.journal_mode = {modes[at % len(modes)]}")
            for pragma in pragmas:
                query(pragma)
            query("PRAGMA foreign_keys = on")
            for name in NAMES:
                for sql in schema_statements(name):
                    self.do(query, [sql])
            for sql in ACROSS:
                self.do(query, [sql])
            self.first = self.ended[-1]
            for number in range(N_TRANSACTIONS):
                self.do(query, list(transaction(random, number)))
                if random.random() < 0.3:
                    self.do(query, upkeep(random))

    def do(self, query: Query, statements: Sequence[str]) -> None:
        begun = len(self.vfs.events)
        for sql in statements:
            query(sql)
        self.states.append(contents(query, NAMES))
        self.begun.append(begun)
        self.ended.append(len(self.vfs.events))

    def allowed(self, at: int) -> list[int]:
        """The transactions that may be the last one after a crash before event `at`."""
        last = max(i for i, end in enumerate(self.ended) if end <= at)
        return [last, *(i for i in range(last + 1, len(self.states)) if self.begun[i] < at)]

    def is_allowed(self, found: dict[str, Content], at: int) -> bool:
        """Whether a power cut before event `at` may leave this."""
        allowed = self.allowed(at)
        if self.together:
            return any(all(found[name] in self.left(i, name) for name in NAMES) for i in allowed)
        return all(any(found[name] in self.left(i, name) for i in allowed) for name in NAMES)

    def left(self, i: int, name: str) -> list[Content | None]:
        """What may be left of a file when transaction `i` was the last one: also what its last change has found, if
        the deletion of its journal may be undone. That of a super-journal may not.
        """
        now = self.states[i].get(name)
        before = next((j for j in range(i, -1, -1) if self.states[j].get(name) != now), None)
        if before is None or name not in self.deleting:
            return [now]
        others = [other for other in NAMES if other != name]
        alone = all(self.states[before].get(other) == self.states[before + 1].get(other) for other in others)
        return [now, self.states[before].get(name)] if alone or not self.together else [now]


def check(run: Run, folder: Path, capabilities: int) -> None:
    events, disk, done, seen = run.vfs.events, Disk(), 0, set()
    step = max(1, (len(events) - run.first) // N_CRASHES)
    for at in range(run.first, len(events) + 1, step):
        for event in events[done:at]:
            disk.repeat(event)
        done = at
        for survivors in ("none", "all", Random(at)):
            image = disk.after_power_cut(survivors)
            if (key := hash(tuple(sorted(image.items())))) in seen:
                continue
            seen.add(key)
            order = NAMES if at % 2 else NAMES[::-1]
            expected = sqlite_finds(image, folder, order)
            assert run.is_allowed(expected, at), (at, survivors)
            after = RecordingVfs(image, capabilities)
            with ours(after, folder, order) as query:
                assert contents(query, order) == expected, (at, survivors)
                for name in (schema_of(name, order) for name in order):
                    query(f"INSERT INTO {name}.t VALUES (1000, 'afterwards')")
            left = {name: bytes(data.bytes) for name, data in after.files.items()}
            if survivors in ("none", "all"):
                assert not [name for name in left if "-mj" in name and is_named(name, image)], (at, survivors)
            assert all(
                (1000, "afterwards") in dict(rows)["t"] for rows, _ in sqlite_finds(left, folder, order).values()
            )


def is_named(super_journal: str, image: Image) -> bool:
    """Whether a journal names it; one that was made just before the crash is left behind, by SQLite too."""
    return any(super_journal.encode() in data for name, data in image.items() if name.endswith("-journal"))


@pytest.mark.parametrize("capabilities", [0, CAP_OWNED], ids=["", "owned"])
@pytest.mark.parametrize("modes", [*combinations_with_replacement(MODES, 2)], ids="-".join)
def test_all_or_nothing(modes: tuple[str, str], capabilities: int, tmp_path: Path) -> None:
    vfs = RecordingVfs(capabilities=capabilities)
    pragmas = [f"PRAGMA {schema_of(name)}.cache_size = 10" for name in NAMES]
    pragmas += ["PRAGMA auto_vacuum = full", "PRAGMA two.auto_vacuum = incremental", "PRAGMA one.page_size = 1024"]
    run = Run(vfs, tmp_path, modes, pragmas, seed=len(modes[0]) + len(modes[1]))
    assert any("-mj" in event.name for event in vfs.events)
    check(run, tmp_path, capabilities)


@pytest.mark.parametrize("modes", [("DELETE", "DELETE"), ("PERSIST", "TRUNCATE")], ids="-".join)
def test_a_power_cut_during_recovery_is_recovered_too(modes: tuple[str, str], tmp_path: Path) -> None:
    """Of all files alike, whichever engine comes next."""
    vfs = RecordingVfs()
    run = Run(vfs, tmp_path, modes, ["PRAGMA one.auto_vacuum = full"], seed=4)
    disk, done, cuts = Disk(), 0, 0
    steps = 60 if HEAVY else 12
    for at in range(run.first, len(vfs.events) + 1, max(1, (len(vfs.events) - run.first) // steps)):
        for event in vfs.events[done:at]:
            disk.repeat(event)
        done = at
        image = disk.after_power_cut("all")
        expected = sqlite_finds(image, tmp_path, NAMES)
        assert expected in [run.states[i] for i in run.allowed(at)]
        first = RecordingVfs(image)
        with ours(first, tmp_path) as query:
            assert contents(query, NAMES) == expected
        again = Disk(image)
        for number, event in enumerate(first.events):
            for survivors in ("none", "all", Random(number)):
                left = again.after_power_cut(survivors)
                cuts += 1
                assert sqlite_finds(left, tmp_path, NAMES) == expected, (at, number, survivors)
                with ours(RecordingVfs(left), tmp_path) as query:
                    assert contents(query, NAMES) == expected, (at, number, survivors)
            again.repeat(event)
    assert cuts


@pytest.mark.parametrize("modes", [("WAL", "WAL"), ("WAL", "DELETE"), ("DELETE", "WAL")], ids="-".join)
def test_logs_commit_each_file(modes: tuple[str, str], tmp_path: Path) -> None:
    vfs = RecordingVfs()
    run = Run(vfs, tmp_path, modes, [], seed=3)
    check(run, tmp_path, 0)


def numbers(query: Query) -> list[tuple[Any, ...]]:
    """The keys in each file."""
    return [tuple(row[0] for row in query(f"SELECT a FROM {schema_of(name)}.t ORDER BY 1")) for name in NAMES]


@pytest.mark.parametrize("kind", ["error", "short write", "errors for a while"])
@pytest.mark.parametrize("modes", [("DELETE", "DELETE"), ("PERSIST", "TRUNCATE")], ids="-".join)
def test_a_call_that_fails_fails_in_all_files(modes: tuple[str, str], kind: str, tmp_path: Path) -> None:
    """And what a power cut leaves then is the same in all of them."""
    reached = 0
    for at in range(1, 200, 1 if HEAVY else 3):
        vfs = FaultyVfs()
        with ours(vfs, tmp_path) as query:
            for number, name in enumerate(NAMES):
                query(f"PRAGMA {schema_of(name)}.journal_mode = {modes[number % 2]}")
                query(f"PRAGMA {schema_of(name)}.synchronous = extra")  # the file's own transactions, too, stay
                query(f"CREATE TABLE {schema_of(name)}.t(a INTEGER PRIMARY KEY, b)")
                query(f"INSERT INTO {schema_of(name)}.t VALUES (1, zeroblob(9000))")
            vfs.fail_at(at, short=kind == "short write", sticky=kind == "errors for a while")
            failed = False
            try:
                query("BEGIN")
                for name in NAMES:
                    query(f"INSERT INTO {schema_of(name)}.t VALUES (2, zeroblob(9000))")
                query("COMMIT")
            except turso_wasm.OperationalError:
                failed = True
            left = vfs.crash_image(Random(at))
            reached, fired = max(reached, vfs.operations), vfs.fired
            vfs.fail_at(0)
            with suppress(turso_wasm.OperationalError):
                query("ROLLBACK")
            found = numbers(query)
            assert found == [(1,) if failed and kind != "errors for a while" else found[0]] * 3, at
            query("BEGIN")
            for name in NAMES:
                query(f"INSERT INTO {schema_of(name)}.t VALUES (3, 'afterwards')")
            query("COMMIT")
            assert numbers(query) == [(*found[0], 3)] * 3, at
        assert not [name for name in vfs.files if "-mj" in name] or kind == "errors for a while", at
        with ours(RecordingVfs(left), tmp_path) as query:
            assert len({*numbers(query)}) == 1, at
        if not fired:
            break
    assert reached > 30
