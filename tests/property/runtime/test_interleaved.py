"""Statements that are being read while the same connection writes: they show rows that were there, never stale bytes.

Each row says of itself which version of which row it is, in every byte. A row that is shown has been there at some
moment since its statement began; rows that nobody touches are shown once; what SQLite refuses meanwhile is refused.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

SEEDS = range(400 if HEAVY else 8)
N_ROWS = 600
STEPS = 60
SIZES = (3, 40, 40, 400, 1300, 4050, 9000)  # bytes of text: a cell, a page, several overflow pages

SCHEMA = (
    "CREATE TABLE t(a INTEGER PRIMARY KEY, k, p TEXT, q TEXT)",
    "CREATE INDEX tk ON t(k)",
    "CREATE INDEX tp ON t(p, k)",
    "CREATE TABLE w(a, k, p TEXT, PRIMARY KEY (a, k)) WITHOUT ROWID",
    "CREATE INDEX wp ON w(p)",
)
READS = {
    "table": "SELECT a, p, q FROM t",
    "backwards": "SELECT a, p, q FROM t ORDER BY a DESC",
    "index": "SELECT a, p, q FROM t WHERE k >= 0 ORDER BY k",
    "covering index": "SELECT a, p FROM t WHERE p > '' ORDER BY p",
    "without rowid": "SELECT a, p FROM w",
    "its index": "SELECT a, p FROM w ORDER BY p DESC",
    "join": "SELECT t.a, t.p, t.q, w.p FROM t LEFT JOIN w ON w.a = t.a",
    "subquery": "SELECT a, p, q, (SELECT max(p) FROM w WHERE w.a = t.a) FROM t",
    "sorter": "SELECT a, p, q FROM t ORDER BY q || ''",
    "two indexes": "SELECT a, p, q FROM t WHERE k < 400 OR p > '3'",
    "compound": "SELECT a, p FROM t UNION ALL SELECT a, p FROM w",
    "distinct": "SELECT DISTINCT a, p FROM t",
}
PARTIAL = ("two indexes",)
DEFINITIONS = (
    "CREATE INDEX IF NOT EXISTS tq ON t(q)", "DROP INDEX IF EXISTS tq", "DROP TABLE t", "DROP TABLE w", "VACUUM",
    "REINDEX",
    "DROP INDEX tk", "CREATE INDEX tk ON t(k)", "ANALYZE", "PRAGMA user_version = 5", "CREATE TABLE IF NOT EXISTS u(x)",
    "DROP TABLE IF EXISTS u", "BEGIN", "COMMIT", "PRAGMA journal_mode = memory"
)  # fmt: skip
MANY = 350  # more than the buffer of a statement holds, which may have ended behind it


def text(key: int, version: int, size: int) -> str:
    """A value whose every byte tells what it is."""
    unit = f"{key}:{version};"
    return (unit * (size // len(unit) + 1))[: max(size, len(unit))]


class Reader:
    """A statement that is read bit by bit."""

    def __init__(self, name: str, cursor: Any, other: Any, known: dict[int, set[str]]) -> None:
        self.name = name
        self.rows = cursor
        self.other = other  # the same on SQLite, read as far
        self.values: dict[int, set[str]] = defaultdict(set)
        for key, texts in known.items():
            self.values[key] |= texts
        self.shown: list[int] = []
        self.touched: set[int] = set()

    def saw(self, row: tuple[Any, ...]) -> None:
        key = row[0]
        self.shown.append(key)
        for value in row[1:]:
            assert value is None or value in self.values[key], (self.name, key, value[:60])


class World:
    """The same statements on SQLite and on our engine; what texts every row has had."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.sqlite = apsw.Connection(":memory:")
        self.ours = turso_wasm.connect(":memory:", isolation_level=None)
        self.version = 0
        self.now: dict[int, set[str]] = {}
        self.readers: list[Reader] = []
        for sql in SCHEMA:
            self.both(sql)
        for key in range(N_ROWS):
            self.put(key)

    def both(self, sql: str, *values: object) -> str | None:
        """Run a statement on both; the error of both."""
        errors = []
        for execute in (self.sqlite.execute, self.ours.execute):
            try:
                execute(sql, values).fetchall()
                errors.append(None)
            except (apsw.Error, turso_wasm.Error) as error:
                errors.append(str(error))
        assert errors[0] == errors[1], (sql, [(reader.name, len(reader.shown)) for reader in self.readers])
        return errors[0]

    def new_text(self, key: int) -> str:
        self.version += 1
        return text(key, self.version, self.random.choice(SIZES))

    def touch(self, key: int, texts: set[str]) -> None:
        self.now[key] = texts
        for reader in self.readers:
            reader.touched.add(key)
            reader.values[key] |= texts

    def put(self, key: int) -> None:
        p, q, w = (self.new_text(key) for _ in range(3))
        self.touch(key, {p, q, w})
        self.both("INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)", key, self.random.randrange(1000), p, q)
        self.both("DELETE FROM w WHERE a = ?", key)
        self.both("INSERT INTO w VALUES (?, ?, ?)", key, self.random.randrange(1000), w)

    # --- steps -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        name = self.random.choice(list(READS))
        sql = READS[name]
        self.readers.append(Reader(name, self.ours.execute(sql), self.sqlite.execute(sql), self.now))

    def read(self) -> None:
        if not self.readers:
            return
        reader = self.random.choice(self.readers)
        for row in self.fetched(reader, self.random.choice((1, 7, 50, 200))):
            reader.saw(row)

    def fetched(self, reader: Reader, n: int) -> list[tuple[Any, ...]]:
        """The next rows; none of a statement that a rollback of the schema has ended, as it has SQLite's."""
        try:
            rows = reader.rows.fetchmany(n)
            for _ in rows:
                next(reader.other, None)
        except turso_wasm.OperationalError as error:
            assert str(error) == "abort due to ROLLBACK"
            with pytest.raises(apsw.AbortError, match="abort due to ROLLBACK"):
                next(reader.other)
            self.readers.remove(reader)
            return []
        except apsw.AbortError:
            self.readers.remove(reader)
            try:
                assert len(rows) + len(reader.rows.fetchall()) < MANY  # it had ended
            except turso_wasm.OperationalError as error:
                assert str(error) == "abort due to ROLLBACK"
        return rows

    def change(self) -> None:
        keys = self.random.sample(range(N_ROWS + 100), self.random.choice((1, 5, 60)))
        kind = self.random.choice(("put", "same size", "grow", "key", "delete"))
        for key in keys:
            if kind == "put":
                self.put(key)
            elif kind == "delete":
                self.touch(key, set())
                self.both("DELETE FROM t WHERE a = ?", key)
                self.both("DELETE FROM w WHERE a = ?", key)
            elif self.now.get(key):
                if kind == "key":
                    self.touch(key, self.now[key])
                    self.both("UPDATE t SET k = ? WHERE a = ?", self.random.randrange(1000), key)
                    self.both("UPDATE w SET k = k + 1 WHERE a = ?", key)
                else:
                    size = 40 if kind == "same size" else self.random.choice(SIZES)
                    self.version += 1
                    p, q, w = (text(key, self.version * 3 + i, size) for i in range(3))
                    self.touch(key, self.now[key] | {p, q, w})
                    self.both("UPDATE t SET p = ?, q = ? WHERE a = ?", p, q, key)
                    self.both("UPDATE w SET p = ? WHERE a = ?", w, key)

    def bulk(self) -> None:
        """Change everything by one statement."""
        self.version += 1
        unit = f":{self.version};"
        sql = self.random.choice(
            ("UPDATE t SET q = substr(a || ?1 || q, 1, 900)", "UPDATE t SET k = k + 1", "DELETE FROM t WHERE k % 3 = 0")
        )
        self.both(sql, *((unit,) if "?1" in sql else ()))
        self.both("DELETE FROM w WHERE a NOT IN (SELECT a FROM t)")
        for key in range(N_ROWS + 100):
            self.touch(key, self.contents(key))

    def contents(self, key: int) -> set[str]:
        rows = self.sqlite.execute("SELECT p, q FROM t WHERE a = ?1 UNION ALL SELECT p, p FROM w WHERE a = ?1", (key,))
        return {value for row in rows for value in row}

    def undone(self) -> None:
        """A transaction, or a savepoint, that is rolled back."""
        savepoint = self.random.random() < 0.5
        self.both("SAVEPOINT s" if savepoint else "BEGIN")
        for _ in range(self.random.randint(1, 3)):
            self.random.choice((self.change, self.bulk, self.read))()
        if self.random.random() < 0.7:
            self.both("ROLLBACK TO s" if savepoint else "ROLLBACK")
            for key in range(N_ROWS + 100):
                self.touch(key, self.contents(key))
        if savepoint:
            self.both("RELEASE s")
        elif self.ours.in_transaction:
            self.both("COMMIT")

    def forget(self) -> None:
        if self.readers:
            self.end(self.random.choice(self.readers))

    def end(self, reader: Reader) -> None:
        self.readers.remove(reader)
        reader.other = None
        if self.random.random() < 0.5:
            reader.rows.close()

    def define(self) -> None:
        """Change the schema, or try to: with statements on the table that both engines are amid of, or without any."""
        for reader in list(self.readers):
            left = self.sqlite.execute(f"SELECT count(*) FROM ({READS[reader.name]})").fetchall()[0][0] - len(
                reader.shown
            )
            if left < MANY:
                self.end(reader)
        gc.collect()
        sql = self.random.choice(DEFINITIONS)
        if (self.readers or not sql.startswith("DROP TABLE")) and self.both(sql):
            for reader in list(self.readers):
                reader.other = iter(())  # SQLite's may be aborted by the rollback of the statement that failed
                self.finish(reader)

    def finish(self, reader: Reader) -> None:
        """Read a statement to its end."""
        for row in self.fetched(reader, 10**6):
            reader.saw(row)
        if reader not in self.readers:
            return
        self.readers.remove(reader)
        if reader.name in ("table", "backwards"):
            step = -1 if reader.name == "backwards" else 1
            assert reader.shown == sorted(set(reader.shown))[::step], reader.name
        untouched = [key for key, texts in self.now.items() if texts and key not in reader.touched]
        shown = sorted(key for key in reader.shown if key not in reader.touched)
        if reader.name in PARTIAL:
            assert set(shown) <= set(untouched), reader.name
        else:
            assert shown == sorted(untouched * (2 if reader.name == "compound" else 1)), reader.name

    def check(self) -> None:
        """Both contain the same, and ours is sound."""
        for reader in list(self.readers):
            self.finish(reader)
        for sql in ("SELECT * FROM t", "SELECT * FROM w", "PRAGMA integrity_check"):
            assert self.ours.execute(sql).fetchall() == self.sqlite.execute(sql).fetchall()


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_that_are_shown_have_been_there(seed: int) -> None:
    world = World(seed)
    for _ in range(STEPS):
        step = world.random.choices(
            (world.open, world.read, world.change, world.bulk, world.undone, world.forget, world.define),
            (3, 8, 6, 1, 1, 1, 2),
        )[0]
        step()
    world.check()
    world.ours.close()
    world.sqlite.close()


MANY_ROWS = "WITH RECURSIVE r(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM r WHERE x < 5000) "


@pytest.mark.parametrize("begin", ["BEGIN", "SAVEPOINT s"])
@pytest.mark.parametrize("undo", ["ROLLBACK", "ROLLBACK TO s", "INSERT OR ROLLBACK INTO old VALUES (1)"])
@pytest.mark.parametrize(
    ("change", "read"),
    [
        (("CREATE TABLE z(a)", MANY_ROWS + "INSERT INTO z SELECT x FROM r"), "SELECT a FROM z"),
        (("CREATE INDEX i ON old(a, a)",), "SELECT a FROM old INDEXED BY i WHERE a > 3"),
        (("CREATE TABLE z(a)",), "SELECT a FROM old"),
        (("DELETE FROM old WHERE a > 4000",), "SELECT a FROM old"),
    ],
)
def test_rows_of_a_schema_that_is_rolled_back(begin: str, undo: str, change: tuple[str, ...], read: str) -> None:
    """Statements on it end with SQLITE_ABORT_ROLLBACK; without such a change they go on."""
    if begin == "BEGIN" and undo == "ROLLBACK TO s":
        begin = "BEGIN; SAVEPOINT s"
    answers = []
    for connect in (apsw.Connection, lambda name: turso_wasm.connect(name, isolation_level=None)):
        connection: Any = connect(":memory:")
        setup = (
            "CREATE TABLE old(a UNIQUE)",
            MANY_ROWS + "INSERT INTO old SELECT x FROM r",
            *begin.split("; "),
            *change,
        )
        for sql in setup:
            connection.execute(sql).fetchall()
        rows = connection.execute(read)
        next(rows)
        found: list[object] = []
        for sql in (undo, None, "SELECT count(*) FROM old", "INSERT INTO old VALUES (0)", "PRAGMA integrity_check"):
            try:
                found.append(len(list(rows)) if sql is None else connection.execute(sql).fetchall())
            except (apsw.Error, turso_wasm.Error) as error:
                code = error.extendedresult if isinstance(error, apsw.Error) else error.sqlite_errorcode
                found.append((code, str(error)))
        answers.append(found)
    assert answers[1] == answers[0]
