"""compress= and uncompress= of FTS4 with functions of the user's: files that SQLite and we write in turns."""

from __future__ import annotations

import random
import zlib
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import turso_wasm

WORDS = [f"word{n}" for n in range(40)]
TABLE = "CREATE VIRTUAL TABLE p USING fts4(a, b, compress=zip, uncompress=unzip)"


def pack(text: str | bytes | None) -> bytes | None:
    return None if text is None else zlib.compress(text.encode() if isinstance(text, str) else text)


def unpack(data: bytes | None) -> str | None:
    return None if data is None else zlib.decompress(data).decode()


def ours(path: str) -> turso_wasm.Connection:
    db = turso_wasm.connect(path, isolation_level=None)
    db.create_function("zip", 1, pack)
    db.create_function("unzip", 1, unpack)
    return db


def theirs(path: str) -> apsw.Connection:
    db = apsw.Connection(path)
    db.createscalarfunction("zip", pack, 1)
    db.createscalarfunction("unzip", unpack, 1)
    return db


def change(db: turso_wasm.Connection | apsw.Connection, chance: random.Random) -> None:
    docid = chance.randrange(1, 60)
    text = " ".join(chance.choices(WORDS, k=chance.randrange(12)))
    sql = chance.choice(
        [
            "INSERT OR REPLACE INTO p(docid, a, b) VALUES (:docid, :text, NULL)",
            "UPDATE p SET b = :text WHERE docid = :docid",
            "DELETE FROM p WHERE docid = :docid",
        ]
    )
    db.execute(sql, {name: value for name, value in (("docid", docid), ("text", text)) if f":{name}" in sql})


@pytest.mark.parametrize("seed", range(3))
def test_a_file_written_in_turns(seed: int, tmp_path: Path) -> None:
    chance, path = random.Random(seed), str(tmp_path / "packed.db")
    with closing(theirs(path)) as db:
        db.execute(TABLE)
    for turn in range(6):
        with closing((ours, theirs)[turn % 2](path)) as db:
            for _ in range(25):
                change(db, chance)
        answers = []
        for connect in (ours, theirs):
            with closing(connect(path)) as db:
                asked = ["SELECT docid, a, b FROM p", "SELECT docid, hex(c0a), hex(c1b) FROM p_content"]
                asked += [f"SELECT docid, offsets(p), snippet(p) FROM p WHERE p MATCH '{word}'" for word in WORDS[:9]]
                answers.append([list(map(tuple, db.execute(sql).fetchall())) for sql in asked])
                assert list(db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
        assert answers[0] == answers[1]


def test_what_a_function_raises_undoes_the_statement() -> None:
    db = ours(":memory:")
    db.execute(TABLE)
    db.execute("INSERT INTO p VALUES ('one two', 'x')")

    def fail(value: object) -> object:
        raise ValueError(value)

    db.create_function("zip", 1, fail)
    for sql in (
        "INSERT INTO p VALUES ('three', 'y')",
        "REPLACE INTO p(docid, a) VALUES (1, 'three')",
        "UPDATE p SET a = 'three'",
    ):
        with pytest.raises(turso_wasm.OperationalError) as caught:
            db.execute(sql)
        assert isinstance(caught.value.__cause__, ValueError)
        assert db.execute("SELECT * FROM p WHERE p MATCH 'one'").fetchall() == [("one two", "x")]
        assert db.execute("SELECT * FROM p WHERE p MATCH 'three'").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.create_function("unzip", 1, fail)
    for sql in ("DELETE FROM p", "SELECT * FROM p", "INSERT INTO p(p) VALUES ('rebuild')"):
        with pytest.raises(turso_wasm.OperationalError):
            db.execute(sql)
    assert db.execute("SELECT docid FROM p WHERE p MATCH 'one'").fetchall() == [(1,)]


def test_a_function_cannot_write_amid_a_change() -> None:
    db = ours(":memory:")
    db.executescript(f"{TABLE}; CREATE TABLE t(a)")
    db.create_function("zip", 1, lambda value: db.execute("INSERT INTO t VALUES (1)") and value)
    with pytest.raises(turso_wasm.OperationalError) as caught:
        db.execute("INSERT INTO p VALUES ('a', 'b')")
    assert str(caught.value.__cause__) == "database table is locked"


def test_functions_of_sqlite_that_cannot_be_called_there() -> None:
    db = ours(":memory:")
    with pytest.raises(turso_wasm.OperationalError, match=r"not supported yet: json\(\)"):
        db.execute("CREATE VIRTUAL TABLE q USING fts4(a, compress=json, uncompress=json)")
