"""Files with collations, functions and columns that we do not know: only the statement that needs one fails."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.oracle.engines import Answer, Engine, Failure, Oracle, Ours

SCHEMA = """
CREATE TABLE notes(id INTEGER PRIMARY KEY, name TEXT COLLATE unicase, n INT);
INSERT INTO notes VALUES (1, 'b', 5), (2, 'A', 6);
CREATE TABLE decks(id INTEGER PRIMARY KEY, name TEXT COLLATE unicase, k);
CREATE UNIQUE INDEX deck_names ON decks(name);
INSERT INTO decks VALUES (1, 'x', 1), (2, 'Y', 2);
CREATE TABLE other(a, b);
CREATE INDEX other_b ON other(b COLLATE unicase);
INSERT INTO other VALUES (1, 'q'), (2, 'Q');
CREATE TABLE f(id INTEGER PRIMARY KEY, a, b);
CREATE INDEX fa ON f(mystery(a));
CREATE INDEX fb ON f(b);
INSERT INTO f VALUES (1, 2, 3), (4, 5, 6);
CREATE TABLE partial(a, b);
CREATE INDEX pb ON partial(b) WHERE mystery(a) > 1;
INSERT INTO partial VALUES (1, 2), (3, 4);
CREATE TABLE checked(a, b CHECK (mystery(b) > 0));
INSERT INTO checked VALUES (1, 2);
CREATE TABLE filled(a, b DEFAULT (mystery(1)));
INSERT INTO filled(a) VALUES (1);
CREATE TABLE watched(a, b);
CREATE TRIGGER watch AFTER INSERT ON watched BEGIN SELECT mystery(1); END;
INSERT INTO watched VALUES (1, 2);
CREATE VIEW mysteries AS SELECT mystery(a) AS m, a FROM f;
CREATE VIEW names AS SELECT name FROM notes ORDER BY name;
CREATE TABLE j(a, b);
CREATE INDEX jx ON j(json_extract(b, '$.x'));
INSERT INTO j VALUES (1, '{"x": 5}');
CREATE TABLE g(a, b AS (a + 1), c AS (a * 2) STORED, d);
INSERT INTO g(a, d) VALUES (1, 9), (2, 8);
CREATE TABLE gw(a, b AS (a + 1), k PRIMARY KEY, d) WITHOUT ROWID;
INSERT INTO gw(a, k, d) VALUES (1, 9, 5), (2, 8, 6);
"""

SAME_AS_SQLITE = """
SELECT * FROM notes
SELECT name FROM notes WHERE id = 1
SELECT name FROM notes WHERE name = 'a'
SELECT name FROM notes WHERE name IN ('a', 'b')
SELECT name FROM notes WHERE name LIKE 'a'
SELECT name FROM notes WHERE name COLLATE NOCASE = 'a'
SELECT name FROM notes WHERE n = 5
SELECT name FROM notes WHERE name IS NULL
SELECT name FROM notes ORDER BY name
SELECT name FROM notes ORDER BY name COLLATE BINARY
SELECT name FROM notes ORDER BY id DESC
SELECT DISTINCT name FROM notes
SELECT DISTINCT n FROM notes
SELECT name, count(*) FROM notes GROUP BY name
SELECT max(name) FROM notes
SELECT count(name), max(n) FROM notes
SELECT max(name, 'a') FROM notes
SELECT nullif(name, 'b') FROM notes
SELECT name || 'x', upper(name) FROM notes
SELECT CASE name WHEN 'b' THEN 1 END FROM notes
SELECT name FROM notes UNION ALL SELECT 'a'
SELECT name FROM notes UNION SELECT 'a'
SELECT x.id FROM notes x JOIN notes y ON x.name = y.name
SELECT x.id FROM notes x JOIN notes y USING (id)
INSERT INTO notes VALUES (3, 'c', 7)
UPDATE notes SET name = 'd' WHERE id = 3
DELETE FROM notes WHERE id = 3
CREATE INDEX notes_name ON notes(name)
CREATE INDEX notes_n ON notes(n)
SELECT id, name FROM decks
SELECT k FROM decks WHERE id = 1
SELECT id FROM decks WHERE name = 'x'
INSERT INTO decks VALUES (5, 'new', 1)
UPDATE decks SET k = 5 WHERE id = 1
UPDATE decks SET name = 'q' WHERE id = 1
DELETE FROM decks WHERE id = 1
DROP INDEX deck_names
DELETE FROM decks WHERE id = 1
SELECT b FROM other
SELECT a FROM other WHERE b = 'q'
INSERT INTO other VALUES (3, 'z')
UPDATE other SET a = 1
SELECT * FROM f WHERE b = 6
SELECT a FROM f ORDER BY b
SELECT mystery(a) FROM f
INSERT INTO f VALUES (7, 8, 9)
UPDATE f SET b = 1 WHERE id = 1
UPDATE f SET a = 1 WHERE id = 1
DELETE FROM f WHERE id = 1
DELETE FROM f
CREATE INDEX f_again ON f(mystery(b))
DROP INDEX fa
INSERT INTO f VALUES (7, 8, 9)
SELECT * FROM partial WHERE b = 4
INSERT INTO partial VALUES (5, 6)
UPDATE partial SET b = 6
SELECT * FROM checked
INSERT INTO checked VALUES (1, 5)
UPDATE checked SET a = 2
UPDATE checked SET b = 2
DELETE FROM checked
SELECT * FROM filled
INSERT INTO filled(a) VALUES (2)
INSERT INTO filled VALUES (2, 3)
SELECT * FROM watched
UPDATE watched SET a = 5
INSERT INTO watched VALUES (5, 6)
SELECT b FROM g
SELECT * FROM g
INSERT INTO g(a) VALUES (1)
DELETE FROM g
SELECT a FROM mysteries
SELECT * FROM names
SELECT count(*) FROM names
SELECT * FROM j WHERE a = 1
SELECT a, d, c FROM g
SELECT rowid, d FROM g WHERE a = 2
SELECT count(*) FROM g
SELECT d, a FROM gw WHERE k = 8
SELECT k FROM gw
DROP VIEW mysteries
DROP TRIGGER watch
DROP TABLE f
DROP TABLE g
SELECT count(*) FROM sqlite_master
""".strip().split("\n")

OUR_GAPS = {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "made.db"
    connection = apsw.Connection(str(made))
    connection.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    connection.create_scalar_function("mystery", lambda *values: len(values), deterministic=True)
    connection.execute(SCHEMA)
    connection.close()
    return made


def answer(engine: Engine, sql: str) -> Answer | str:
    try:
        return engine.run("main", sql)
    except Failure as failure:
        return str(failure)


def test_only_the_statement_that_needs_the_unknown_fails(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    oracle, ours = Oracle(path), Ours(copy)
    for sql in SAME_AS_SQLITE:
        assert answer(ours, sql) == answer(oracle, sql), sql
    oracle.close()
    ours.close()


def test_what_we_lack_is_named(path: Path) -> None:
    ours = Ours(path)
    for sql, what in OUR_GAPS.items():
        assert answer(ours, sql) == f"SQLITE_ERROR: not supported yet: {what}", sql
    ours.close()
