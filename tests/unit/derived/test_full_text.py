"""Full-text search USING fts: the index finds what the texts say, whoever has written them."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm

ROWS = [
    (1, "hello world", "the quick brown fox"),
    (2, "second", "lazy dog world, Fox and dog"),
    (3, "Database systems", "transactional data"),
    (4, None, "database of foxes"),
    (5, "", None),
]
QUERIES = {
    "world": [1, 2],
    "quick lazy": [1, 2],
    "quick OR lazy": [1, 2],
    "quick AND fox": [1],
    "+world lazy": [1, 2],
    "+world +lazy": [2],
    "world -lazy": [1],
    "world NOT lazy": [1],
    "world AND NOT lazy": [1],
    "NOT world": [3, 4, 5],
    "-world": [3, 4, 5],
    "NOT NOT world": [1, 2],
    "fox AND (lazy OR hello)": [1, 2],
    "dog OR NOT world": [2, 3, 4, 5],
    "data*": [3, 4],
    "trans* dog": [2, 3],
    '"quick brown"': [1],
    '"brown quick"': [],
    '"quick bro"*': [1],
    '"fo"*': [1, 2, 4],
    '"quick fox"~1': [1],
    '"quick fox"~0': [],
    '"the fox"~1': [],
    "databse~1": [3, 4],
    "dtaabase~": [3, 4],
    "dtabse~1": [],
    "dtabse~2": [3, 4],
    "title:world": [1],
    "TITLE:world": [1],
    "title:(world second)": [1, 2],
    "title:world body:lazy": [1, 2],
    "body:IN [lazy data]": [2, 3],
    "body:[a TO c]": [1, 2],
    "title:>=systems": [1, 3],
    "title:>systems": [1],
    "title:{hello TO world}": [2, 3],
    "title:[* TO hello]": [1, 3],
    "title:<hello": [3],
    "world^3 fox": [1, 2],
    "*": [1, 2, 3, 4, 5],
    "* -fox": [3, 4, 5],
    "WORLD": [1, 2],
    "world, fox!": [1, 2],
    "transactional-data": [3],
    r"\-world": [1, 2],
    "": [],
    "   ": [],
    "--": None,
    "nothing": [],
}
WRONG = {
    "(": "fts: unbalanced ( at character 1",
    "fox AND (dog": "fts: unbalanced ( at character 9",
    "fox)": "fts: unbalanced ) at character 4",
    '"fox': 'fts: unbalanced " at character 1',
    "é [fox": "fts: TO is missing in a range at character 7",
    "title:IN [fox": "fts: unbalanced [ at character 10",
    "heading:fox": "fts: unknown field: heading",
    "fox AND": "fts: nothing to search for at character 8",
    "AND fox": "fts: nothing to search for at character 1",
    "()": "fts: nothing to search for at character 2",
    "fox^": "fts: a number is missing behind ^ at character 5",
    "--": "fts: nothing to search for at character 3",
    "fox~3": "fts: two letters at most may be others at character 5",
    "(" * 80 + "a": "fts: a query is nested 64 deep at most",
    "a " * 9000: "fts: a query has 16384 bytes at most",
}
MATCHING = "SELECT id FROM t WHERE fts_match(title, body, ?) ORDER BY id"
SCORED = "SELECT id, fts_score(title, body, ?1) AS s FROM t WHERE fts_match(title, body, ?1) ORDER BY s DESC, id"


def database(
    path: str = ":memory:", index: str = "CREATE INDEX i ON t USING fts (title, body)"
) -> turso_wasm.Connection:
    connection = turso_wasm.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, title TEXT, body TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
    connection.executescript(index)
    return connection


def ids(connection: turso_wasm.Connection, query: str, sql: str = MATCHING) -> list[int]:
    return [row[0] for row in connection.execute(sql, (query,))]


def test_every_query_finds_the_same_with_and_without_an_index() -> None:
    indexed, plain = database(), database(index="")
    for query, found in QUERIES.items():
        if found is not None:
            assert ids(plain, query) == found, query
            assert ids(indexed, query) == found, query
            assert ids(indexed, query, "SELECT id FROM t WHERE (title, body) MATCH ?") == found, query


def test_every_query_scores_the_same_with_and_without_an_index() -> None:
    indexed, plain = database(), database(index="")
    for query, found in QUERIES.items():
        if found:
            pairs = list(zip(indexed.execute(SCORED, (query,)), plain.execute(SCORED, (query,)), strict=True))
            assert len(pairs) == len(found)
            for one, other in pairs:
                assert one == pytest.approx(other, rel=1e-12), query


@pytest.mark.parametrize(("query", "message"), WRONG.items(), ids=[query[:9] for query in WRONG])
def test_what_is_wrong_is_said(query: str, message: str) -> None:
    for connection in (database(), database(index="")):
        with pytest.raises(turso_wasm.OperationalError) as caught:
            ids(connection, query)
        assert str(caught.value) == message


@pytest.mark.parametrize("index", ["CREATE INDEX i ON t USING fts (title, body)", ""], ids=["indexed", "plain"])
def test_a_query_that_is_null_finds_nothing(index: str) -> None:
    connection = database(index=index)
    assert connection.execute(MATCHING, (None,)).fetchall() == []
    assert connection.execute(SCORED, (None,)).fetchall() == []


def test_the_index_is_used() -> None:
    connection = database()
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {SCORED}", ("fox",))]
    assert "SCAN __turso_index_i_terms VIRTUAL TABLE INDEX 0:M2" in plan
    assert "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)" in plan


def test_what_sqlite_has_written_is_found_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "texts.db")
    ours = database(path)
    theirs = apsw.Connection(path)
    theirs.execute("""
        INSERT INTO t VALUES (6, 'sixth', 'fox');
        UPDATE t SET body = 'no animal' WHERE id = 1;
        DELETE FROM t WHERE id = 3;
        REPLACE INTO t VALUES (4, 'fox', 'fox fox');
    """)
    assert ids(ours, "fox") == [2, 4, 6]
    behind = ours.execute(SCORED, ("fox data*",)).fetchall()
    ours.execute("OPTIMIZE INDEX i")
    assert ours.execute(SCORED, ("fox data*",)).fetchall() == [pytest.approx(row) for row in behind]
    theirs.execute("ALTER TABLE t RENAME COLUMN body TO content; ALTER TABLE t RENAME TO texts")
    assert ids(ours, "content:fox", "SELECT id FROM texts WHERE fts_match(title, content, ?) ORDER BY id") == [2, 4, 6]
    theirs.execute("INSERT INTO texts VALUES (7, '', 'fox')")
    assert ids(ours, "fox", "SELECT id FROM texts WHERE content MATCH ? ORDER BY id") == [2, 4, 6, 7]
    assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_changes_of_the_transaction_are_seen_and_undone() -> None:
    connection = database()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (6, 'fox', NULL)")
    connection.execute("UPDATE t SET body = 'no animal' WHERE fts_match(title, body, 'quick')")
    assert ids(connection, "fox") == [2, 6]
    connection.execute("DELETE FROM t WHERE body MATCH 'lazy'")
    assert ids(connection, "fox") == [6]
    connection.execute("ROLLBACK")
    assert ids(connection, "fox") == [1, 2]


TOKENIZERS = {
    "default": {"fox": [1], "Fox": [1], "fóx": [], "fo": []},
    "simple": {"fox": [], "Fox": [1]},
    "whitespace": {"fox": [], "Fox,": [1], "e-mail": [2]},
    "raw": {'"The Fox, again"': [1], "Fox": []},
    "ngram": {"ox": [1], "OX": [1], "mai": [2], "o": [], '"e-mail se"': [2]},
    "porter": {"sends": [2], "sending": [2]},
    "cjk": {"京都": [3], "都京": []},
    "snowball german": {"sent": [2]},
    "trigram": {"mail": [2], "京都": []},
}


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_tokenizers(tokenizer: str) -> None:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, text)")
    connection.execute("INSERT INTO t VALUES (1, 'The Fox, again'), (2, 'e-mail send'), (3, '東京都の天気')")
    connection.execute(f"CREATE INDEX i ON t USING fts (text) WITH (tokenizer = '{tokenizer}')")
    for query, found in TOKENIZERS[tokenizer].items():
        if query == "sent":
            continue
        assert ids(connection, query, "SELECT id FROM t WHERE text MATCH ?") == found, query
        assert ids(connection, query, "SELECT id FROM t WHERE +fts_match(text, ?)") == found, query


def test_weights_and_boosts_order_the_rows() -> None:
    order = "SELECT id FROM t WHERE fts_match(a, b, 'fox') ORDER BY fts_score(a, b, 'fox') DESC"
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript("""
        CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);
        INSERT INTO t VALUES (1, 'fox', 'dog'), (2, 'dog', 'fox'), (3, 'cat', 'cat'), (4, '', ''), (5, '', '');
        CREATE INDEX i ON t USING fts (a, b) WITH (weights = 'b=5');
    """)
    assert connection.execute(order).fetchall() == [(2,), (1,)]
    connection.executescript("DROP INDEX i; CREATE INDEX i ON t USING fts (a, b) WITH (weights = 'a=5.5, b=.5')")
    assert connection.execute(order).fetchall() == [(1,), (2,)]
    boosted = order.replace("'fox'", "'fox cat^9'")
    assert connection.execute(boosted).fetchone() == (3,)


def test_highlight() -> None:
    connection = database()
    shown = "SELECT fts_highlight(title, body, '<', '>', ?) FROM t WHERE id = 1"
    assert connection.execute(shown, ("world quick",)).fetchone() == ("hello <world> the <quick> brown fox",)
    assert connection.execute(shown, ("title:quick fox -brown",)).fetchone() == ("hello world the quick brown <fox>",)
    assert connection.execute(shown, ('"quick brown" qick~1',)).fetchone() == ("hello world the <quick> <brown> fox",)
    assert connection.execute("SELECT fts_highlight(NULL, '<', '>', 'x')").fetchone() == (None,)
    assert connection.execute("SELECT fts_highlight('Ein Text', '<', '>', 'te*')").fetchone() == ("Ein <Text>",)


def test_without_a_table() -> None:
    connection = turso_wasm.connect(":memory:")
    assert connection.execute("SELECT fts_match('a b', 'B'), fts_match('a', 'b'), fts_match('a', NULL)").fetchone() == (
        1,
        0,
        None,
    )
    assert connection.execute("SELECT fts_score('a b', 'b'), fts_score('a', 'c')").fetchone() == (1.0, 0.0)


def test_joins_and_subqueries() -> None:
    connection = database()
    connection.executescript("CREATE TABLE tag(id, name); INSERT INTO tag VALUES (1, 'x'), (2, 'y'), (2, 'z')")
    joined = "SELECT t.id, name FROM tag JOIN t USING (id) WHERE fts_match(t.title, t.body, 'fox') ORDER BY name"
    assert connection.execute(joined).fetchall() == [(1, "x"), (2, "y"), (2, "z")]
    assert connection.execute(
        "SELECT count(*) FROM t WHERE id IN (SELECT id FROM t WHERE body MATCH 'fox') OR title MATCH 'data*'"
    ).fetchone() == (3,)
    assert connection.execute(
        "SELECT name, (SELECT count(*) FROM t WHERE t.id = tag.id AND body MATCH 'lazy') FROM tag ORDER BY name"
    ).fetchall() == [("x", 0), ("y", 1), ("z", 1)]
    left = "SELECT name, t.id FROM tag LEFT JOIN t ON t.id = tag.id AND fts_match(title, body, 'lazy') ORDER BY name"
    assert connection.execute(left).fetchall() == [("x", None), ("y", 2), ("z", 2)]
    names = "SELECT name FROM tag, t WHERE t.id = tag.id AND fts_match(title, body, iif(name = 'x', 'quick', 'nix'))"
    assert connection.execute(names).fetchall() == [("x",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("tokenizer = 'nix'", "no such tokenizer: nix"),
        ("tokenizer = 5", "wrong value of option tokenizer: 5"),
        ("min_gram = 2", "min_gram and max_gram are options of the tokenizer ngram"),
        ("tokenizer = 'ngram', min_gram = 4, max_gram = 3", "min_gram 4 is more than max_gram 3"),
        ("tokenizer = 'ngram', min_gram = 0", "wrong value of option min_gram: 0"),
        ("weights = 'nix=2'", "weights name a column that is not indexed: nix"),
        ("weights = 'title'", "wrong value of option weights: title"),
    ],
)
def test_options_that_are_wrong(options: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        database(index=f"CREATE INDEX i ON t USING fts (title) WITH ({options})")


@pytest.mark.parametrize("other", ["i_terms", "i_terms_data", "i_pending"])
def test_two_indexes_whose_tables_would_have_the_same_name(other: str) -> None:
    names = ["i", other]
    for first, second in (names, names[::-1]):
        connection = database(index=f"CREATE INDEX {first} ON t USING fts (title)")
        with pytest.raises(
            turso_wasm.OperationalError, match=f"__turso_index_{other}.* already|already .*__turso_index_{other}"
        ):
            connection.execute(f"CREATE INDEX {second} ON t USING fts (title)")
        assert connection.execute("SELECT id FROM t WHERE title MATCH 'world'").fetchall() == [(1,)]


def test_a_dump_has_the_index() -> None:
    connection, again = database(), turso_wasm.connect(":memory:", isolation_level=None)
    again.executescript("\n".join(connection.iterdump()))
    again.execute("INSERT INTO t VALUES (9, 'a new world', '')")
    assert ids(again, "world") == [1, 2, 9]
    assert "SCAN __turso_index_i_terms" in str(again.execute(f"EXPLAIN QUERY PLAN {MATCHING}", ("fox",)).fetchall())


def test_what_may_stand_in_a_schema() -> None:
    connection = database()
    with pytest.raises(turso_wasm.OperationalError, match="fts_match\\(\\) prohibited in"):
        connection.execute("CREATE TABLE u(a, CHECK (fts_match(a, 'x')))")
    connection.execute("CREATE VIEW found AS SELECT id FROM t WHERE fts_match(title, body, 'fox')")
    assert connection.execute("SELECT id FROM found ORDER BY id").fetchall() == [(1,), (2,)]
