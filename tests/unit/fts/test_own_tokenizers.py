"""The tokenizers of FTS5 tables that SQLite does not have: cjk and snowball."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm

TEXTS = (
    "我在北京大学学习",
    "北方的京城",
    "東京タワーとABC株式会社",
    "한국어를 공부한다",
    "ＡＢＣ full１２ Ünïcode",
    "北京 beijing",
)


@pytest.fixture
def connection() -> Iterator[turso_wasm.Connection]:
    made = turso_wasm.connect(":memory:", isolation_level=None)
    yield made
    made.close()


def fill(connection: turso_wasm.Connection, tokenize: str, texts: tuple[str, ...] = TEXTS) -> None:
    connection.execute(f'CREATE VIRTUAL TABLE t USING fts5(a, tokenize = "{tokenize}")')
    connection.executemany("INSERT INTO t VALUES (?)", [(text,) for text in texts])
    connection.execute("INSERT INTO t(t) VALUES ('integrity-check')")


def found(connection: turso_wasm.Connection, query: str) -> list[int]:
    return [rowid for (rowid,) in connection.execute("SELECT rowid FROM t(?) ORDER BY rowid", (query,))]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("北京", [1, 6]),
        ("北", [1, 2, 6]),
        ("北京*", [1, 6]),
        ("北*", [1, 2, 6]),
        ("北 京", [1, 2, 6]),
        ("NEAR(北 京, 1)", [1, 6]),
        ("京大", [1]),
        ("大京", []),
        ("東京 AND abc", [3]),
        ("タワー", [3]),
        ("국어", [4]),
        ("abc", [3, 5]),
        ("full12", [5]),
        ("unicode", [5]),
        ("北京 NOT beijing", [1]),
    ],
)
def test_words_of_two_characters(connection: turso_wasm.Connection, query: str, rows: list[int]) -> None:
    fill(connection, "cjk")
    assert found(connection, query) == rows


def test_marks_are_exact(connection: turso_wasm.Connection) -> None:
    fill(connection, "cjk")
    marked = "SELECT highlight(t, 0, '[', ']'), snippet(t, 0, '<', '>', '', 4) FROM t('大学')"
    assert connection.execute(marked).fetchall() == [("我在北京[大学]学习", "京<大学>学")]


def test_settings_of_unicode61(connection: turso_wasm.Connection) -> None:
    fill(connection, "cjk remove_diacritics 0 tokenchars '-'", ("Ünïcode-x 北-京",))
    assert [found(connection, query) for query in ("unicode", '"ünïcode-x"', "北", '"-"')] == [[], [1], [1], [1]]


@pytest.mark.parametrize(
    ("tokenize", "text", "queries"),
    [
        ("snowball german", "Die Häuser der Lehrerinnen", "haus HAEUSERN lehrer"),
        ("snowball english", "connections are generously skies'", "connecting generous sky"),
        ("snowball french", "continuellement l'amitié", "continuel amitiés"),
        ("snowball russian", "красивых книгами", "красивые книга"),
        ("snowball english cjk", "connections 北京", "connect 北京"),
        ("porter snowball english", "connections", "connect"),
    ],
)
def test_stems(connection: turso_wasm.Connection, tokenize: str, text: str, queries: str) -> None:
    fill(connection, tokenize, (text,))
    assert [query for query in queries.split() if not found(connection, query)] == []


def test_stemmers_see_diacritics(connection: turso_wasm.Connection) -> None:
    """Which are dropped behind them, or stay."""
    fill(connection, "snowball french", ("éléphants",))
    assert found(connection, "elephant") == [1]
    connection.execute("DROP TABLE t")
    fill(connection, "snowball french unicode61 remove_diacritics 0", ("éléphants",))
    assert (found(connection, "elephant"), found(connection, "éléphant")) == ([], [1])


@pytest.mark.parametrize(
    "tokenize",
    [
        "snowball",
        "snowball klingon",
        "snowball english porter",
        "snowball english snowball german",
        "snowball english trigram",
        "snowball english unicode61 x",
        "cjk x 1",
        "cjk remove_diacritics",
    ],
)
def test_refused(connection: turso_wasm.Connection, tokenize: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match="error in tokenizer constructor"):
        fill(connection, tokenize)


def test_tokenizer_of_the_users_goes_first(tmp_path: Path) -> None:
    """Files that were made with one go on with it."""
    file = str(tmp_path / "a.db")
    given: list[tuple[str, ...]] = []

    def own(text: str, *settings: str) -> Iterator[tuple[int, int, str]]:
        given.append(settings)
        yield 0, len(text), text[::-1]

    with turso_wasm.connect(file, isolation_level=None) as connection:
        connection.create_tokenizer("snowball", own)
        fill(connection, "snowball english", ("connections",))
        assert (found(connection, "connections"), found(connection, "connect")) == ([1], [])
        assert ("english",) in given
    with turso_wasm.connect(file, isolation_level=None) as connection:
        assert found(connection, "connect") == []
        assert found(connection, "snoitcennoc") == [1]
