"""Tables of FTS3 and FTS4 that SQLite and we write in turn: both find them sound, and both find the same."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.differential.test_fts import PLAIN, WORDS, Both

TOKENIZERS = (
    "",
    "",
    "tokenize=porter",
    "tokenize=unicode61",
    "tokenize=unicode61 'remove_diacritics=0' 'tokenchars=-'",
)
MERGES = ("optimize", "rebuild", "merge=200,2", "merge=3,2", "merge=10,3")
Row = tuple[Any, ...]


class Workload:
    """Random rows and queries of a table t(a, b); equal seeds make equal ones."""

    def __init__(self, seed: int, kind: str, both: Both) -> None:
        self.random, self.kind, self.both = Random(seed), kind, both
        self.rows: dict[int, Row] = {}
        r = self.random
        both.run(f"PRAGMA encoding = '{r.choice(['UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'])}'")
        both.run(f"PRAGMA page_size = {r.choice([512, 4096])}")
        both.run("CREATE TABLE texts(a, b)")
        self.options = ["a", "b", *(option for option in [r.choice(TOKENIZERS)] if option)]
        if kind != "fts3":
            self.options += [o for o in ("order=desc", "matchinfo=fts3", "notindexed=b") if r.random() < 0.3]
            self.options += [f'prefix="{r.choice(["1", "2,3", "1,4"])}"'] if r.random() < 0.3 else []
            self.options += {"language": ["languageid=lid"], "texts": ["content=texts"]}.get(kind, [])
        both.open(r.choice(["ours", "sqlite"]))
        both.run(f"CREATE VIRTUAL TABLE t USING {'fts3' if kind == 'fts3' else 'fts4'}({', '.join(self.options)})")
        if kind != "fts3":
            both.run(f"INSERT INTO t(t) VALUES ('automerge={r.choice([0, 2, 4, 8])}')")

    def text(self, n: int) -> str:
        r = self.random
        return "".join(r.choice(WORDS) + r.choice([" ", " ", ". ", ", ", "\n"]) for _ in range(r.randrange(n)))

    def write(self, sql: str, *args: Any) -> None:
        self.both.run(sql, *args)

    def insert(self) -> None:
        """Insert a row whose docid is new."""
        docid = self.random.choice([self.random.randrange(-50, 300), self.random.randrange(10**12)])
        if docid in self.rows or docid == 0:  # which SQLite's functions of a row take for none
            return
        row = (self.text(25) if self.random.random() < 0.9 else None, self.text(8), self.random.randrange(3))
        if self.kind == "texts":
            self.write("INSERT INTO texts(rowid, a, b) VALUES (?, ?, ?)", docid, *row[:2])
        if self.kind == "language":
            self.write("INSERT INTO t(docid, a, b, lid) VALUES (?, ?, ?, ?)", docid, *row)
        else:
            self.write("INSERT INTO t(docid, a, b) VALUES (?, ?, ?)", docid, *row[:2])
        self.rows[docid] = row

    def delete(self) -> None:
        """Delete a row."""
        docid = self.random.choice(list(self.rows))
        del self.rows[docid]
        self.write("DELETE FROM t WHERE docid = ?", docid)
        if self.kind == "texts":
            self.write("DELETE FROM texts WHERE rowid = ?", docid)

    def update(self) -> None:
        """Change a row."""
        docid = self.random.choice(list(self.rows))
        row = self.rows[docid] = (self.text(20), self.text(5), self.random.randrange(3))
        if self.kind == "language":
            self.write("UPDATE t SET a = ?, b = ?, lid = ? WHERE docid = ?", *row, docid)
        else:
            self.write("UPDATE t SET a = ?, b = ? WHERE docid = ?", *row[:2], docid)

    def change(self, n: int) -> None:
        """A transaction of n changes, now and then rolled back."""
        before = dict(self.rows)
        self.write("BEGIN")
        for _ in range(n):
            action = self.random.random()
            if action < 0.65 or not self.rows:
                self.insert()
            elif action < 0.85 or self.kind == "texts":
                self.delete()
            else:
                self.update()
            if self.random.random() < 0.02:
                self.write("INSERT INTO t(t) VALUES (?)", self.random.choice(["optimize", "merge=20,4"]))
        if self.random.random() < 0.15:
            self.write("ROLLBACK")
            self.rows = before
        else:
            self.write("COMMIT")

    def phrase(self) -> str:
        words = self.random.choices(PLAIN, k=self.random.choice([1, 1, 2, 3]))
        kind = self.random.randrange(4)
        if kind == 0:
            return f'"{" ".join(words)}"'
        if kind == 1:
            return self.random.choice(["a:", "b:", "^"]) + words[0]
        return words[0][: self.random.randrange(1, 4)] + "*" if kind == 2 else words[0]

    def query(self) -> str:
        query = self.phrase()
        for _ in range(self.random.randrange(3)):
            operator = self.random.choice(
                [" ", " AND ", " OR ", " NOT ", f" NEAR/{self.random.randrange(4)} ", " NEAR "]
            )
            query += operator + self.phrase()
            if self.random.random() < 0.2 and "NEAR" not in query:
                query = f"({query})"
        return query

    def function(self, query: str) -> str:
        """A function of a row; not one whose answer depends on how far SQLite's walk is ahead."""
        r = self.random
        if "NEAR" in query and ("OR" in query or "NOT" in query):
            return "rowid"
        kind = r.randrange(3)
        if kind == 0:
            return "offsets(t)"
        if kind == 1:
            return f"snippet(t, '<', '>', '..', {r.randrange(-1, 2)}, {r.choice([-5, -20, 5, 1, 64, -64, 10])})"
        letters = "pcxs" + ("nal" if self.kind != "fts3" and "matchinfo=fts3" not in self.options else "")
        letters += "" if "NOT" in query else "yb"
        return f"quote(matchinfo(t, '{''.join(r.choices(letters, k=r.randrange(1, 6)))}'))"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["fts3", "fts4", "language", "texts"])
def test_written_in_turn(tmp_path: Path, kind: str, seed: int) -> None:
    both = Both(tmp_path / "shared.db")
    workload = Workload(seed, kind, both)
    for _ in range(8):
        workload.change(workload.random.choice([1, 3, 30, 80]))
        if workload.random.random() < 0.3:
            both.run("INSERT INTO t(t) VALUES (?)", workload.random.choice(MERGES))
        assert both.answers("INSERT INTO t(t) VALUES ('integrity-check')") == [[], []]
        assert both.answers("PRAGMA integrity_check") == [[("ok",)], [("ok",)]]
        for _ in range(5):
            query = workload.query()
            language = f"AND lid = {workload.random.randrange(3)}" if kind == "language" else ""
            shown = workload.function(query)
            theirs, ours = both.answers(f"SELECT docid, a, b, {shown} FROM t WHERE t MATCH ? {language}", query)
            assert theirs == ours, (query, shown, language, workload.options)
        both.connection.close()
        both.open(workload.random.choice(["ours", "sqlite"]))
    if kind in ("fts4", "language"):
        # The sums that we kept are those that SQLite makes anew.
        sums = both.answers("SELECT quote(value) FROM t_stat WHERE id = 0")
        both.run("INSERT INTO t(t) VALUES ('rebuild')")
        assert both.answers("SELECT quote(value) FROM t_stat WHERE id = 0") == sums
    both.connection.close()


def damaged(image: bytes, random: Random) -> bytes:
    """An index some of whose blobs and numbers are not what they were."""
    connection = apsw.Connection(":memory:")
    connection.deserialize("main", image)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    blobs = (("t_segments", "block"), ("t_segdir", "root"), ("t_stat", "value"), ("t_docsize", "size"))
    for table, column in [each for each in blobs if each[0] in tables]:
        rows = list(connection.execute(f"SELECT rowid, {column} FROM {table}"))
        for row, block in random.sample(rows, min(len(rows), random.randrange(3))):
            changed = bytearray(block) if isinstance(block, bytes) else bytearray()
            for _ in range(random.randrange(1, 4)):
                if changed:
                    changed[random.randrange(len(changed))] = random.choice(
                        [0, 1, 127, 128, 255, random.randrange(256)]
                    )
            if random.random() < 0.2:
                del changed[random.randrange(len(changed) + 1) :]
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(changed), row))
    if random.random() < 0.3:
        column = random.choice(["level", "idx", "start_block", "leaves_end_block", "end_block"])
        value = random.choice([-1, 0, 1, 5, 10**6, 2**31, 2**62, "x", None])
        connection.execute(f"UPDATE OR IGNORE t_segdir SET {column} = ? WHERE random() % 3 = 0", (value,))
    return bytes(connection.serialize("main"))


@pytest.mark.parametrize("seed", range(3))
def test_damaged(tmp_path: Path, seed: int) -> None:
    """Whatever an index contains, there is an answer or an error of SQL."""
    random = Random(seed)
    both = Both(tmp_path / "whole.db")
    workload = Workload(seed, "fts4", both)
    for _ in range(4):
        workload.change(40)
    both.connection.close()
    image = (tmp_path / "whole.db").read_bytes()
    statements = ["SELECT docid, snippet(t), offsets(t), matchinfo(t, 'pcxsyb') FROM t WHERE t MATCH ?"]
    statements += ["INSERT INTO t(t) VALUES ('integrity-check')"]
    statements += [
        "PRAGMA integrity_check",
        "INSERT INTO t(a) VALUES ('w1 w2')",
        "INSERT INTO t(t) VALUES ('optimize')",
    ]
    statements += ["DELETE FROM t"]
    for _ in range(25):
        connection = turso_wasm.connect(":memory:", isolation_level=None)
        connection.deserialize(damaged(image, random))
        for statement in statements:
            try:
                connection.execute(statement, (random.choice([*PLAIN, "w*"]),) * statement.count("?")).fetchall()
            except turso_wasm.Error as error:
                assert not isinstance(error, turso_wasm.InternalError), error
        connection.close()
