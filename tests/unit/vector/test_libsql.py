"""Indexes of vectors in libSQL's words: libsql_vector_idx() and vector_top_k(), by its documented examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import turso_wasm

MOVIES = """
CREATE TABLE movies (title TEXT, year INT, embedding F32_BLOB(4));
INSERT INTO movies (title, year, embedding) VALUES
  ('Napoleon', 2023, vector32('[0.800, 0.579, 0.481, 0.229]')),
  ('Black Hawk Down', 2001, vector32('[0.406, 0.027, 0.378, 0.056]')),
  ('Gladiator', 2000, vector32('[0.698, 0.140, 0.073, 0.125]')),
  ('Blade Runner', 1982, vector32('[0.379, 0.637, 0.011, 0.647]'));
CREATE INDEX movies_idx ON movies (libsql_vector_idx(embedding));
CREATE INDEX years ON movies (year);
CREATE TABLE points (place F32_BLOB(2));
INSERT INTO points VALUES (NULL), (vector('[9, 9]')), (vector('[1, 2]')), (vector('[0, 0]'));
"""
NEAREST = (
    "FROM vector_top_k('movies_idx', vector32('[0.064, 0.777, 0.661, 0.687]'), 3) JOIN movies ON movies.rowid = id"
)


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(":memory:")
    connection.executescript(MOVIES)
    yield connection
    connection.close()


def test_the_nearest_rows_of_a_table(db: turso_wasm.Connection) -> None:
    assert db.execute(f"SELECT title, year {NEAREST}").fetchall() == [
        ("Blade Runner", 1982),
        ("Napoleon", 2023),
        ("Black Hawk Down", 2001),
    ]
    assert db.execute(f"SELECT title {NEAREST} WHERE year >= 2020").fetchall() == [("Napoleon",)]
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN SELECT title {NEAREST}")]
    assert "SEARCH main.movies USING VECTOR INDEX movies_idx (nearest)" in plan


def test_settings(db: turso_wasm.Connection) -> None:
    db.execute(
        "CREATE INDEX i ON points (libsql_vector_idx(place, 'type=diskann', 'metric=L2', 'compress_neighbors=float8', "
        "'max_neighbors=20', 'alpha=1.2', 'search_l=70', 'insert_l=120'))"
    )
    db.execute("CREATE INDEX j ON points (libsql_vector_idx(place))")
    found = [db.execute(f"SELECT i.id FROM vector_top_k('{name}', '[1, 1]', 9) i").fetchall() for name in "ij"]
    assert found == [[(3,), (4,), (2,)], [(2,), (3,)]]  # rows without a distance are none
    assert db.execute("SELECT json_extract(options, '$.metric') FROM __turso_index_i").fetchone() == ("l2",)


def test_an_index_of_either_spelling_in_any_place(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON points USING ivf (place) WITH (metric = 'dot')")
    assert db.execute("SELECT vector_top_k.id FROM vector_top_k('i', ?, ?)", ("[1, 1]", 1)).fetchall() == [(2,)]
    like = "(SELECT embedding FROM movies WHERE title = 'Napoleon')"
    sql = f"SELECT title FROM movies WHERE rowid IN vector_top_k('movies_idx', {like}, 2) ORDER BY title"
    assert db.execute(sql).fetchall() == [("Gladiator",), ("Napoleon",)]
    db.execute("CREATE VIEW v AS SELECT id FROM vector_top_k('movies_idx', '[1, 1, 1, 1]', 2)")
    assert db.execute("SELECT * FROM v").fetchall() == [(1,), (4,)]
    db.execute("DELETE FROM movies WHERE rowid IN (SELECT id FROM v)")
    assert db.execute("SELECT title FROM movies").fetchall() == [("Black Hawk Down",), ("Gladiator",)]


def test_tables_and_columns_that_are_renamed(db: turso_wasm.Connection) -> None:
    view = "CREATE VIEW v AS SELECT id FROM vector_top_k('movies_idx', (SELECT max({}) FROM {}), 1)"
    db.execute(view.format("embedding", "movies"))
    found = db.execute("SELECT * FROM v").fetchall()
    db.execute("ALTER TABLE movies RENAME TO films")
    db.execute("ALTER TABLE films RENAME COLUMN embedding TO e")
    assert db.execute("SELECT * FROM v").fetchall() == found
    stored = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'v'").fetchone()
    assert stored == (view.format("e", '"films"'),)


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ("'nope', '[1]', 1", (), "no such index: nope"),
        ("'years', '[1]', 1", (), "index years is not of vectors"),
        ("?, '[1]', 1", ("movies_idx",), "is the name of an index, as a text"),
        ("'movies_idx', '[1]'", (), "vector_top_k\\(\\) has 3 arguments"),
        ("'movies_idx', '[1, 1, 1, 1]', -1", (), "is how many rows, from 0 on"),
        ("'movies_idx', '[1, 1, 1, 1]', ?", (None,), "is how many rows, from 0 on"),
        ("'movies_idx', '[1]', 1", (), "Vectors must have the same dimensions"),
        ("'movies_idx', embedding, 1", (), "no such column: embedding"),
    ],
)
def test_questions_that_are_none(db: turso_wasm.Connection, arguments: str, given: Any, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        db.execute(f"SELECT id FROM vector_top_k({arguments})", given).fetchall()


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("libsql_vector_idx()", "is on one column"),
        ("libsql_vector_idx(place), place", "is on one column"),
        ("libsql_vector_idx(place || 1)", "an index with a method is on columns"),
        ("libsql_vector_idx(nope)", "no such column: nope"),
        ("libsql_vector_idx(place)) WHERE (true", "neither UNIQUE nor of a part of the rows"),
        ("libsql_vector_idx(place, 'metric=dot')", "metric is one of cosine, l2, not dot"),
        ("libsql_vector_idx(place, 'compress_neighbors=int4')", "compress_neighbors is one of float1bit, .*, not int4"),
        ("libsql_vector_idx(place, 'alpha=much')", "alpha is a number above 0, not much"),
        ("libsql_vector_idx(place, 'lists=3')", "unknown setting of libsql_vector_idx\\(\\): lists=3"),
        ("libsql_vector_idx(place, 3)", "is a text, 'name=value'"),
    ],
)
def test_indexes_that_are_none(db: turso_wasm.Connection, terms: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        db.execute(f"CREATE INDEX i ON points ({terms})")
