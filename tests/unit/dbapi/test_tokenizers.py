"""Full-text tables whose texts are cut by code of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import turso_wasm

FIRST = "\u3040"  # of the characters of Chinese, Japanese and Korean, as far as this goes


def pairs(text: str, *settings: str) -> Iterator[tuple[Any, ...]]:
    """Words, and of Chinese, Japanese and Korean text each two characters that follow each other."""
    for found in re.finditer(f"[{FIRST}-\ud7a3]+|\\w+", text):
        start, end = found.span()
        if found[0][0] < FIRST:
            yield start, end, found[0].lower(), *settings
        for at in range(start, max(end - 1, start + 1)) if found[0][0] >= FIRST else ():
            yield at, min(at + 2, end)


@pytest.fixture
def connection() -> Iterator[turso_wasm.Connection]:
    made = turso_wasm.connect(":memory:", isolation_level=None)
    made.create_tokenizer("pairs", pairs)
    yield made
    made.close()


def rows(connection: turso_wasm.Connection, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(sql, args)]


@pytest.mark.parametrize("detail", ["full", "column", "none"])
def test_a_table(connection: turso_wasm.Connection, detail: str) -> None:
    connection.execute(f"CREATE VIRTUAL TABLE t USING fts5(a, tokenize='pairs', detail={detail})")
    texts = ["東京大学の学生", "京都と東京", "東京", "naïve Tokyo 東"]
    connection.executemany("INSERT INTO t(a) VALUES (?)", [(text,) for text in texts])
    assert rows(connection, "SELECT rowid FROM t('東京')") == [(1,), (2,), (3,)]
    assert rows(connection, "SELECT rowid FROM t('tokyo')") == [(4,)]
    shown = rows(connection, "SELECT highlight(t, 0, '[', ']') FROM t('東京')")
    assert shown == [("[東京]大学の学生",), ("京都と[東京]",), ("[東京]",)]
    if detail == "full":
        assert rows(connection, "SELECT rowid FROM t('東京大学')") == [(1,)]
    connection.execute("UPDATE t SET a = '大阪' WHERE rowid = 2")
    connection.execute("DELETE FROM t WHERE rowid = 3")
    assert rows(connection, "SELECT rowid FROM t('東京')") == [(1,)]
    connection.execute("INSERT INTO t(t) VALUES ('integrity-check')")
    connection.execute("INSERT INTO t(t) VALUES ('rebuild')")
    assert rows(connection, "PRAGMA integrity_check") == [("ok",)]


def test_settings_and_synonyms(connection: turso_wasm.Connection) -> None:
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize='pairs both ''and more''')")
    connection.execute("INSERT INTO t VALUES ('one two')")
    assert rows(connection, "SELECT rowid, highlight(t, 0, '<', '>') FROM t('one + two')") == [(1, "<one two>")]
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
    found = rows(connection, "SELECT term, offset FROM v ORDER BY offset, term")
    assert found == [("and more", 0), ("both", 0), ("one", 0), ("and more", 1), ("both", 1), ("two", 1)]
    connection.execute("INSERT INTO t(t) VALUES ('integrity-check')")
    assert rows(connection, "SELECT sz FROM t_docsize") == [(b"\x02",)]


def test_porter_of_it(connection: turso_wasm.Connection) -> None:
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize='porter pairs')")
    connection.execute("INSERT INTO t VALUES ('running 東京')")
    assert rows(connection, "SELECT rowid FROM t('runs 東京')") == [(1,)]


def test_tokendata(connection: turso_wasm.Connection) -> None:
    def spelled(text: str) -> Iterator[tuple[Any, ...]]:
        for found in re.finditer(r"\w+", text):
            yield *found.span(), f"{found[0].lower()}\0{found[0]}"

    connection.create_tokenizer("spelled", spelled)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize=spelled, tokendata=1)")
    connection.execute("INSERT INTO t VALUES ('One two'), ('ONE'), ('ones')")
    assert rows(connection, "SELECT rowid, highlight(t, 0, '<', '>') FROM t('one')") == [(1, "<One> two"), (2, "<ONE>")]
    assert rows(connection, "SELECT rowid FROM t('one*')") == [(1,), (2,), (3,)]


def test_of_fts4(connection: turso_wasm.Connection) -> None:
    connection.execute("CREATE VIRTUAL TABLE t USING fts4(a, tokenize=pairs)")
    connection.execute("INSERT INTO t VALUES ('東京大学'), ('京都')")
    assert rows(connection, "SELECT docid, offsets(t), snippet(t, '[', ']') FROM t WHERE t MATCH '大学'") == [
        (1, "0 0 6 6", "東京[大学]")
    ]


def test_one_that_is_not_there(connection: turso_wasm.Connection) -> None:
    for module, said in (("fts5", "no such tokenizer: nosuch"), ("fts4", "unknown tokenizer: nosuch")):
        with pytest.raises(turso_wasm.OperationalError, match=said):
            connection.execute(f"CREATE VIRTUAL TABLE x USING {module}(a, tokenize=nosuch)")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize=PAIRS)")
    connection.execute("INSERT INTO t VALUES ('東京')")
    connection.create_tokenizer("pairs", None)
    for sql in ("SELECT * FROM t", "INSERT INTO t VALUES ('x')", "DELETE FROM t"):
        with pytest.raises(turso_wasm.OperationalError, match="no such tokenizer: PAIRS"):
            connection.execute(sql)
    assert rows(connection, "PRAGMA integrity_check") == [("ok",)]


def test_what_goes_wrong(connection: turso_wasm.Connection) -> None:
    answers: list[Any] = [[(0, 99)], [("a", 1)], [(0, 1, 5)], [(1, 0)], 7, ZeroDivisionError()]

    def bad(text: str) -> Any:
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    connection.create_tokenizer("bad", bad)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize=bad)")
    while answers:
        with pytest.raises(turso_wasm.OperationalError, match="user-defined tokenizer raised exception") as caught:
            connection.execute("INSERT INTO t VALUES ('東京 x')")
        assert isinstance(caught.value.__cause__, ValueError | TypeError | ZeroDivisionError)
        answers.pop(0)
    assert rows(connection, "SELECT count(*) FROM t") == [(0,)]
    connection.create_tokenizer("bad", pairs)
    connection.execute("INSERT INTO t VALUES ('東京 x')")
    connection.execute("INSERT INTO t(t) VALUES ('integrity-check')")


def test_nothing_is_written_meanwhile(connection: turso_wasm.Connection) -> None:
    connection.execute("CREATE TABLE log(a)")

    def writing(text: str) -> Iterator[tuple[int, int]]:
        connection.execute("INSERT INTO log VALUES (?)", (text,))
        yield 0, len(text)

    connection.create_tokenizer("writing", writing)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize=writing)")
    with pytest.raises(turso_wasm.OperationalError):
        connection.execute("INSERT INTO t VALUES ('x')")
    assert rows(connection, "SELECT count(*) FROM log") == [(0,)]


def test_the_tokens_of_a_text(connection: turso_wasm.Connection) -> None:
    connection.execute("CREATE VIRTUAL TABLE tokens USING fts3tokenize(pairs)")
    found = rows(connection, "SELECT token, start, end, position FROM tokens WHERE input = 'A 東京都'")
    assert found == [("a", 0, 1, 0), ("東京", 2, 8, 1), ("京都", 5, 11, 2)]
