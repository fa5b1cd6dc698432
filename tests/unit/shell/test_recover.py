"""`.recover`: whatever can still be read of a damaged file is read, and the SQL of it makes a sound database."""

import io
import random
from contextlib import closing

import apsw
import pytest

from turso_wasm.shell.recover.salvage import recover
from turso_wasm.shell.session import Shell

SCHEMA = """
PRAGMA page_size = 1024;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
  INSERT INTO t SELECT i, 'name ' || i || hex(randomblob(20)), i / 3.0 FROM n;
CREATE TABLE big(x);
INSERT INTO big VALUES (hex(zeroblob(5000))), (zeroblob(4000)), ('a' || char(0) || 'b'), (CAST(x'ff' AS TEXT)), (9e999);
CREATE TABLE w(k TEXT, v, p INT, PRIMARY KEY(p, k)) WITHOUT ROWID;
INSERT INTO w VALUES ('a', 1.5, 3), ('b', x'00', 2);
CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, g AS (id * 2), h AS (id * 3) STORED, z DEFAULT 'd');
INSERT INTO s(z) VALUES (NULL), ('q');
CREATE TABLE added(a);
INSERT INTO added VALUES (1);
ALTER TABLE added ADD COLUMN n DEFAULT 'new';
CREATE INDEX by_name ON t(b);
CREATE VIEW v AS SELECT a FROM t;
CREATE TRIGGER tr AFTER INSERT ON added BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE f USING fts5(body);
INSERT INTO f VALUES ('hello world');
PRAGMA user_version = 9;
"""
CONTENT = {
    "t": "SELECT * FROM t ORDER BY a",
    "big": "SELECT quote(CAST(x AS BLOB)), typeof(x) FROM big ORDER BY rowid",
    "w": "SELECT * FROM w",
    "s": "SELECT * FROM s",
    "added": "SELECT * FROM added",
    "f": "SELECT body FROM f WHERE f MATCH 'hello'",
    "version": "PRAGMA user_version",
    "objects": "SELECT type, name FROM sqlite_schema ORDER BY 1, 2",
}
PAGE = 1024


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("recover") / "whole.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(SCHEMA)
    return path.read_bytes()


def opened(image, folder):
    path = folder / "damaged.db"
    path.write_bytes(image)
    return apsw.Connection(str(path))


def content(connection):
    return {name: connection.execute(sql).fetchall() for name, sql in CONTENT.items()}


def recovered(image):
    """The database that SQLite makes of the SQL."""
    connection = apsw.Connection(":memory:")
    connection.execute("\n".join(recover(image)))
    connection.deserialize("main", connection.serialize("main"))  # the schema, written by hand, is read
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return connection


def root_of(image, name, tmp_path):
    with closing(opened(image, tmp_path)) as connection:
        return connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]


def overwritten(image, pgno, at, data):
    offset = (pgno - 1) * PAGE + at
    return image[:offset] + data + image[offset + len(data) :]


def test_of_a_sound_file_everything_is_recovered(image, tmp_path):
    with closing(opened(image, tmp_path)) as whole, closing(recovered(image)) as again:
        expected, found = content(whole), content(again)
        del expected["objects"], found["objects"]  # where shadow tables stand
        assert found == expected


@pytest.mark.parametrize("size", [100, PAGE])
def test_a_header_of_garbage_does_not_hide_the_rows(image, size):
    """The size of the pages is what makes most of them pages of b-trees, overflow pages among them."""
    overflowing = "CREATE TABLE o(x); INSERT INTO o SELECT zeroblob(9000) FROM t LIMIT 30"
    with closing(apsw.Connection(":memory:")) as connection:
        connection.deserialize("main", image)
        connection.execute(overflowing)
        whole = connection.serialize("main")
    with closing(apsw.Connection(":memory:")) as found:
        found.execute("\n".join(recover(random.Random(size).randbytes(size) + whole[size:])))
        found.deserialize("main", found.serialize("main"))  # the schema, written by hand, is read
        assert dict(found.execute("SELECT a, c FROM t")) == {i: i / 3.0 for i in range(1, 501)}
        assert found.execute("SELECT count(*) FROM o WHERE x = zeroblob(9000)").get == 30


def test_rows_of_an_interior_page_that_is_gone_are_lost_and_found(image, tmp_path):
    root = root_of(image, "t", tmp_path)
    with closing(recovered(overwritten(image, root, 0, b"\0" * PAGE))) as found:
        assert found.execute("SELECT count(*) FROM t").get == 0
        rows = found.execute("SELECT DISTINCT id, c1 FROM lost_and_found WHERE nfield = 3 AND id BETWEEN 1 AND 500")
        assert len([row for row in rows if row[1].startswith(f"name {row[0]}")]) == 500


def test_a_page_that_is_gone_costs_its_rows_and_no_others(image, tmp_path):
    root = root_of(image, "t", tmp_path)
    child = int.from_bytes(image[(root - 1) * PAGE + 8 : (root - 1) * PAGE + 12], "big")  # the last one
    with closing(recovered(overwritten(image, child, 0, random.Random(1).randbytes(PAGE)))) as found:
        count, most = found.execute("SELECT count(*), max(a) FROM t").fetchone()
        assert 480 <= count < 500 and most == count
        assert found.execute("SELECT count(*) FROM w").get == 2


def test_without_its_first_page_the_rest_of_the_schema_is_found(image, tmp_path):
    with closing(recovered(overwritten(image, 1, 0, b"\0" * PAGE)[: len(image)])) as found:
        assert found.execute("SELECT count(*) FROM t").get == 500


def test_without_a_schema_all_rows_are_lost_and_found(tmp_path):
    with closing(apsw.Connection(str(tmp_path / "small.db"))) as connection:
        connection.execute("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'one'), (2, x'00ff')")
    image = (tmp_path / "small.db").read_bytes()
    with closing(recovered(image[:100] + b"\0" * 3996 + image[4096:])) as found:
        rows = found.execute("SELECT pgno, nfield, id, c0, c1 FROM lost_and_found").fetchall()
        (table,) = [
            line for line in recover(image[:100] + b"\0" * 3996 + image[4096:], lost_and_found="x") if "pgno" in line
        ]
        assert table.startswith('CREATE TABLE "x"(rootpgno INTEGER, ')
        assert rows == [(2, 2, 1, 1, "one"), (2, 2, 2, 2, b"\x00\xff")]


def test_the_shell_recovers_what_the_engine_cannot_open(image, tmp_path):
    path = tmp_path / "damaged.db"
    path.write_bytes(overwritten(image, 1, 100, b"\xff" * 8))
    written = io.StringIO()
    shell = Shell(str(path), stdout=written)
    with closing(shell.connection):
        assert shell.run_command(".recover", None)
    assert "INSERT OR IGNORE INTO t(a, b, c) VALUES(1, 'name 1" in written.getvalue()
    assert "PRAGMA user_version = '9';" in written.getvalue()


@pytest.mark.parametrize("seed", range(12))
def test_no_damage_stops_it(image, seed, tmp_path):
    chance = random.Random(seed)
    damaged = bytearray(image)
    for _ in range(chance.choice((1, 10, 100, 1000))):
        at = chance.randrange(len(damaged))
        damaged[at : at + 4] = chance.randbytes(min(4, len(damaged) - at))
    damaged = damaged[: chance.choice((len(damaged), len(damaged) // 2, 300))]
    lines = list(recover(bytes(damaged)))
    assert lines[0] == "BEGIN;" and lines[-1] == "COMMIT;"
    assert all(apsw.complete(line) for line in lines if not line.upper().startswith("CREATE TRIGGER"))
