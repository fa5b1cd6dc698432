"""Full-text tables that SQLite and we write in turn: both find them sound, and both find the same."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm

WORDS = [*(f"w{n}" for n in range(12)), "alpha", "alphabet", "beta", "be", "Ünï", "naïve", "don't", "x.y", "foo-bar"]
PLAIN = [word for word in WORDS if word.isalnum()]
TOKENIZERS = ("", "tokenize=porter", "tokenize='unicode61 remove_diacritics 2'", "tokenize=trigram", "tokenize=ascii")
DETAILS = ("full", "full", "none", "column")

Row = tuple[Any, ...]


class Both:
    """A file that one of two engines has open at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open("ours")

    def open(self, engine: str) -> None:
        """Give the file to that engine."""
        self.engine = engine
        if engine == "ours":
            self.connection: Any = turso_wasm.connect(str(self.path), isolation_level=None)
        else:
            self.connection = apsw.Connection(str(self.path))

    def run(self, sql: str, *args: Any) -> list[Row]:
        return [tuple(row) for row in self.connection.execute(sql, args)]

    def answers(self, sql: str, *args: Any) -> list[list[Row] | str]:
        """The rows, or what is wrong with the query, of both; the file stays with the one that asks last."""
        found: list[list[Row] | str] = []
        for engine in ("sqlite", "ours"):
            self.connection.close()
            self.open(engine)
            try:
                found.append(self.run(sql, *args))
            except (apsw.Error, turso_wasm.Error) as error:
                found.append(str(error))
        return found


class Workload:
    """Random rows and queries of a table t(a, b, c UNINDEXED); equal seeds make equal ones."""

    def __init__(self, seed: int, kind: str, both: Both) -> None:
        self.random, self.kind, self.both = Random(seed), kind, both
        self.rows: dict[int, Row] = {}
        r = self.random
        both.run(f"PRAGMA encoding = '{r.choice(['UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'])}'")
        options = ["a", "b", "c UNINDEXED", f"detail={r.choice(DETAILS)}"]
        options += [option for option in (r.choice(TOKENIZERS), r.choice(["", "prefix='1 2'", "prefix=3"])) if option]
        both.run("CREATE TABLE texts(a, b, c)")
        options += {
            "own": [],
            "texts": ["content=texts"],
            "none": ["content=''"],
            "delete": ["content=''", "contentless_delete=1"],
        }[kind]
        both.open(r.choice(["ours", "sqlite"]))
        both.run(f"CREATE VIRTUAL TABLE t USING fts5({', '.join(options)})")
        both.run("INSERT INTO t(t, rank) VALUES ('pgsz', ?)", r.choice([32, 64, 200, 4050]))
        both.run("INSERT INTO t(t, rank) VALUES ('automerge', ?)", r.choice([0, 2, 4]))

    def text(self, n: int) -> str:
        r = self.random
        return "".join(r.choice(WORDS) + r.choice([" ", " ", ". ", ", ", "\n"]) for _ in range(r.randrange(n)))

    def insert(self) -> None:
        """Insert a row whose rowid is new."""
        rowid = self.random.choice([self.random.randrange(-50, 300), self.random.randrange(10**12)])
        if rowid not in self.rows:
            row = (self.text(25) if self.random.random() < 0.9 else None, self.text(8), self.text(4))
            if self.kind == "texts":
                self.both.run("INSERT INTO texts(rowid, a, b, c) VALUES (?, ?, ?, ?)", rowid, *row)
            self.both.run("INSERT INTO t(rowid, a, b, c) VALUES (?, ?, ?, ?)", rowid, *row)
            self.rows[rowid] = row

    def delete(self) -> None:
        """Delete a row."""
        rowid = self.random.choice(list(self.rows))
        row = self.rows.pop(rowid)
        if self.kind in ("own", "delete"):
            self.both.run("DELETE FROM t WHERE rowid = ?", rowid)
        else:
            self.both.run("INSERT INTO t(t, rowid, a, b, c) VALUES ('delete', ?, ?, ?, ?)", rowid, *row)
        if self.kind == "texts":
            self.both.run("DELETE FROM texts WHERE rowid = ?", rowid)

    def update(self) -> None:
        """Change a row."""
        rowid = self.random.choice(list(self.rows))
        self.rows[rowid] = (self.text(20), self.text(5), self.rows[rowid][2])
        self.both.run("UPDATE t SET a = ?, b = ?, c = ? WHERE rowid = ?", *self.rows[rowid], rowid)

    def change(self, n: int) -> None:
        """A transaction of n changes, now and then rolled back."""
        before = dict(self.rows)
        self.both.run("BEGIN")
        for _ in range(n):
            action = self.random.random()
            if action < 0.65 or not self.rows:
                self.insert()
            elif action < 0.85 or self.kind in ("texts", "none"):
                self.delete()
            else:
                self.update()
        if self.random.random() < 0.15:
            self.both.run("ROLLBACK")
            self.rows = before
        else:
            self.both.run("COMMIT")

    def phrase(self) -> str:
        words = self.random.choices(PLAIN, k=self.random.choice([1, 1, 2, 3]))
        return f'"{" ".join(words)}"' + self.random.choice(["", "", "*"])

    def query(self) -> str:
        """A query; not one whose answer's rank depends on phrases that do not count."""
        kind = self.random.randrange(6)
        if kind == 0:
            return f"NEAR({self.phrase()} {self.phrase()}, {self.random.randrange(4)})"
        if kind == 1:
            return self.random.choice(["a", "b", "-b", "{a b}"]) + " : " + self.phrase()
        if kind == 2:
            return f"{self.phrase()} {self.random.choice(['AND', 'OR', 'NOT'])} {self.random.choice(PLAIN)}"
        return self.random.choice(["", "^"]) + self.phrase()


def close(a: Any, b: Any) -> bool:
    """Equal, but for the last digits of a rank: logarithms of C libraries differ there."""
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-14))


def same(a: list[Row] | str, b: list[Row] | str) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return len(a) == len(b) and all(close(x, y) for r, s in zip(a, b, strict=True) for x, y in zip(r, s, strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["own", "texts", "none", "delete"])
def test_written_in_turn(tmp_path: Path, kind: str, seed: int) -> None:
    both = Both(tmp_path / "shared.db")
    workload = Workload(seed, kind, both)
    shown = "rowid, rank" + (", highlight(t, 0, '[', ']'), snippet(t, 0, '<', '>', '…', 3), a, c" * (kind[0] in "ot"))
    for _ in range(6):
        workload.change(workload.random.randrange(1, 40))
        if workload.random.random() < 0.3:
            both.run("INSERT INTO t(t, rank) VALUES ('merge', ?)", workload.random.choice([5, 50, -10]))
        if workload.random.random() < 0.1:
            both.run("INSERT INTO t(t) VALUES ('optimize')")
        assert both.answers("INSERT INTO t(t, rank) VALUES ('integrity-check', 1)") == [[], []]
        assert both.run("PRAGMA integrity_check") == [("ok",)]
        for _ in range(4):
            query = workload.query()
            theirs, ours = both.answers(f"SELECT {shown} FROM t(?)", query)
            assert same(theirs, ours), (query, theirs, ours)
        both.connection.close()
        both.open(workload.random.choice(["ours", "sqlite"]))
    both.connection.close()


def damaged(image: bytes, random: Random) -> bytes:
    """An index some of whose blobs are not what they were."""
    connection = apsw.Connection(":memory:")
    connection.deserialize("main", image)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    rows = list(connection.execute("SELECT id, block FROM t_data"))
    for row, block in random.sample(rows, min(len(rows), random.randrange(1, 4))):
        changed = bytearray(block)
        for _ in range(random.randrange(1, 4)):
            if changed:
                changed[random.randrange(len(changed))] = random.choice([0, 1, 127, 128, 255, random.randrange(256)])
        cut = bytes(changed[: random.randrange(len(changed) + 1)]) if random.random() < 0.2 else bytes(changed)
        connection.execute("UPDATE t_data SET block = ? WHERE id = ?", (cut, row))
    return bytes(connection.serialize("main"))


@pytest.mark.parametrize("seed", range(3))
def test_damaged(tmp_path: Path, seed: int) -> None:
    """Whatever an index contains, there is an answer or an error of SQL."""
    random = Random(seed)
    both = Both(tmp_path / "whole.db")
    workload = Workload(seed, random.choice(["own", "delete"]), both)
    for _ in range(4):
        workload.change(40)
    both.connection.close()
    image = (tmp_path / "whole.db").read_bytes()
    statements = ["SELECT rowid, rank FROM t(?)", "INSERT INTO t(t) VALUES ('integrity-check')", "DELETE FROM t"]
    statements += ["INSERT INTO t(t) VALUES ('optimize')", "INSERT INTO t(a) VALUES ('w1 w2')"]
    for _ in range(25):
        connection = turso_wasm.connect(":memory:", isolation_level=None)
        connection.deserialize(damaged(image, random))
        for statement in statements:
            try:
                connection.execute(statement, (random.choice([*PLAIN, "w*"]),) * statement.count("?")).fetchall()
            except turso_wasm.Error as error:
                assert not isinstance(error, turso_wasm.InternalError), error
        connection.close()


def test_rows_are_read_while_their_table_changes() -> None:
    """A search goes on where it is when segments are merged under it."""
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a)")
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, row)")
    numbers = "WITH s(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM s WHERE x < 20000) "
    connection.execute(numbers + "INSERT INTO t(rowid, a) SELECT x, 'word common ' || x FROM s")
    found = []
    for rowid, shown in connection.execute("SELECT rowid, highlight(t, 0, '[', ']') FROM t('common OR word')"):
        found.append(rowid)
        assert shown.startswith("[word] [common]") or rowid > 20000
        if len(found) % 3000 == 0:
            connection.execute("INSERT INTO t(a) VALUES ('common too')")
            connection.execute("INSERT INTO t(t) VALUES ('optimize')")
    assert found[:20000] == list(range(1, 20001))
    terms = []
    for (term,) in connection.execute("SELECT term FROM v"):
        terms.append(term)
        if len(terms) % 5000 == 0:
            connection.execute("INSERT INTO t(a) VALUES ('common too')")
            connection.execute("INSERT INTO t(t) VALUES ('optimize')")
    assert terms == sorted({*map(str, range(1, 20001)), "common", "too", "word"})


BY_RANK = [
    "SELECT rowid, rank FROM t(?) ORDER BY rank",
    "SELECT rowid, a, rank FROM t WHERE t MATCH ? ORDER BY rank, rowid DESC",
    "SELECT t.rowid, kind, rank FROM t(?) JOIN kinds ON kind < t.rowid % 4 ORDER BY rank, kind",
    "SELECT rowid, rank FROM t(?) WHERE rowid % 3 AND rank < -1e-9 ORDER BY rank",
    "SELECT rowid, rank FROM t(?) WHERE rank MATCH 'bm25(3.0, 0.5)' ORDER BY rank",
    "SELECT rowid, rank FROM t(?) WHERE rank MATCH 'bm25(-1.0, 2.0)' ORDER BY rank",
    "SELECT rowid, rank FROM t(?) ORDER BY rank DESC",
    "SELECT kind, t.rowid, rank FROM kinds LEFT JOIN t ON t MATCH ? AND kind = t.rowid % 5 ORDER BY rank, kind",
    "SELECT DISTINCT rank FROM t(?) ORDER BY rank",
    "SELECT rowid, count(*) OVER (), rank FROM t(?) ORDER BY rank",
    "SELECT max(rowid), rank FROM t(?) GROUP BY rowid % 7 ORDER BY rank",
]


@pytest.mark.parametrize("seed", range(2))
def test_the_best_by_rank(seed: int) -> None:
    """ORDER BY rank LIMIT n passes over rows that cannot be among the best; the answer is that without LIMIT, cut."""
    random = Random(seed)
    ours, theirs = turso_wasm.connect(":memory:", isolation_level=None), apsw.Connection(":memory:")
    for part in range(3):
        rows = [
            (i, *(" ".join(random.choices(PLAIN, k=random.choice([1, 3, 9, 40]))) for _ in range(2)))
            for i in range(part * 400, part * 400 + 400)
        ]
        for db in (ours, theirs):
            if part == 0:
                db.execute("CREATE VIRTUAL TABLE t USING fts5(a, b)")
                db.execute("CREATE TABLE kinds(kind)")
                db.execute("INSERT INTO kinds VALUES (0), (1), (2)")
            db.execute("BEGIN")
            (db if db is theirs else db.cursor()).executemany("INSERT INTO t(rowid, a, b) VALUES (?, ?, ?)", rows)
            db.execute("DELETE FROM t WHERE rowid % 11 = ?", (part,))
            db.execute("COMMIT")
    for sql in BY_RANK:
        for _ in range(2):
            words = random.sample(PLAIN, 3)
            query = random.choice(
                ["{0}", "{0} OR {1}", "{0} AND {1}", '"{0} {1}" OR {2}', "{0} NOT {1}", "{0} OR b : {1}"]
            )
            query = query.format(*words)
            found = ours.execute(sql, (query,)).fetchall()
            assert same(
                sorted(((row[-1],) for row in theirs.execute(sql, (query,))), key=str),
                sorted(((row[-1],) for row in found), key=str),
            )
            for limit, offset in ((1, 0), (10, 0), (7, 5), (0, 0), (-1, 2), (5000, 0)):
                some = ours.execute(f"{sql} LIMIT ? OFFSET ?", (query, limit, offset)).fetchall()
                assert some == found[offset:][: limit if limit >= 0 else None], (sql, query, limit, offset)
