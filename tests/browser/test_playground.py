# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The playground, used as a person would: a file in, queries, edits, a reload, the file out again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

READY = "#run:not([disabled])"


@pytest.fixture(scope="module")
def playground(context: Any, server: str) -> Iterator[Any]:
    """The playground, started; its tests follow one another as a visitor's doings do."""
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server)
    page.wait_for_selector(READY)
    yield page
    page.close()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file made by SQLite."""
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript("""
        CREATE TABLE authors(id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE books(id INTEGER PRIMARY KEY, author INTEGER, title TEXT, pages INT, cover BLOB);
        CREATE INDEX by_author ON books(author);
        INSERT INTO authors VALUES (1, 'Lem'), (2, 'Čapek'), (3, 'Nobody');
        INSERT INTO books VALUES (1, 1, 'Solaris', 204, x'00ff10'), (2, 1, 'Fiasco', 322, NULL), (3, 2, 'R.U.R.', 90, NULL);
    """)
    connection.close()
    return path


def start(page: Any, sql: str) -> None:
    """Type SQL into the editor and start it."""
    page.focus("#editor .cm-content")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(sql)
    page.keyboard.press("Control+Enter")


def run(page: Any, sql: str) -> None:
    """Type SQL into the editor and run it."""
    start(page, sql)
    page.wait_for_function(
        "document.querySelector('#stop').hidden && document.querySelector('#state').textContent === ''"
    )


def table(page: Any, n: int = 0) -> list[list[str]]:
    """The cells of a result, without row numbers."""
    rows = page.locator(".result").nth(n).locator("tbody tr")
    return [row.locator("td:not(.row)").all_inner_texts() for row in rows.all()]


def test_from_upload_to_download(playground: Any, library: Path, tmp_path: Path) -> None:
    page = playground
    with page.expect_file_chooser() as chooser:
        page.click("#open")
    chooser.value.set_files(library)
    page.wait_for_function("document.querySelector('#state').textContent.startsWith('library.db: ')")
    schema = page.inner_text("#schema")
    assert all(word in schema for word in ("authors", "books", "cover", "by_author"))
    assert page.locator("#schema .count").all_inner_texts() == ["3", "3"]

    run(
        page,
        "SELECT a.name, count(b.id) AS n, sum(b.pages) FROM authors a LEFT JOIN books b ON b.author = a.id GROUP BY a.id ORDER BY n DESC;",
    )
    assert table(page) == [["Lem", "2", "526"], ["Čapek", "1", "90"], ["Nobody", "0", "NULL"]]
    run(page, "SELECT title, cover FROM books ORDER BY title; SELECT 1 AS one")
    assert table(page)[-1] == ["Solaris", "blob, 3 bytes: 00 ff 10"]
    assert table(page, 1) == [["1"]]
    run(page, "UPDATE books SET pages = pages + 1 WHERE author = 1; INSERT INTO authors VALUES (4, 'New')")
    assert "2 rows changed" in page.inner_text("#results")
    assert page.locator("#schema .count").all_inner_texts() == ["4", "3"]

    page.reload()
    page.wait_for_selector(READY)
    assert page.input_value("#databases") == "library.db"
    assert "INSERT INTO authors" in page.inner_text("#editor .cm-content")
    run(page, "SELECT pages FROM books ORDER BY id")
    assert table(page) == [["205"], ["323"], ["90"]]

    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "library.db"
    target = tmp_path / "out.db"
    download.value.save_as(target)
    connection = sqlite3.connect(target)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT name FROM authors ORDER BY id").fetchall()[-1] == ("New",)
    connection.close()


def test_an_error_is_shown_where_it_is(playground: Any) -> None:
    run(playground, "SELECT 1;\nSELECT 2,\n       nope;")
    assert table(playground) == [["1"]]
    assert "no such column: nope" in playground.inner_text(".error")
    assert playground.locator(".error pre").text_content() == "       nope;\n       ^"
    assert playground.locator(".cm-lintRange-error").inner_text() == "nope"


def test_the_sample_and_its_pages(playground: Any) -> None:
    page = playground
    page.click("#sample")
    page.wait_for_selector(".result >> text=c.name, c.country")
    page.wait_for_selector(READY)
    assert len(table(page)) == 10
    run(page, "SELECT id FROM sales ORDER BY id")
    assert table(page)[0] == ["1"]
    page.click("text=Next ›")
    assert table(page)[0] == ["101"]
    assert "Rows 101–200 of 3,000" in page.inner_text(".pages")


def test_completion_knows_the_schema(playground: Any) -> None:
    page = playground
    run(page, "CREATE TABLE IF NOT EXISTS completed_table(some_column)")
    page.focus("#editor .cm-content")
    page.keyboard.press("Control+A")
    page.keyboard.type("SELECT * FROM compl")
    page.wait_for_selector(".cm-tooltip-autocomplete")
    assert "completed_table" in page.inner_text(".cm-tooltip-autocomplete")


def test_a_long_change_can_be_stopped(playground: Any) -> None:
    page = playground
    run(page, "DROP TABLE IF EXISTS long; CREATE TABLE long(i); INSERT INTO long VALUES (1), (2), (3), (4), (5)")
    start(page, "INSERT INTO long SELECT a.i FROM " + ", ".join(f"long {name}" for name in "abcdefghijklmno"))
    page.wait_for_selector("#stop:not([hidden])")
    page.click("#stop")
    page.wait_for_selector("text=Stopped. What the statement had changed is undone.")
    page.wait_for_selector(READY)
    run(page, "SELECT count(*) FROM long")
    assert table(page) == [["5"]]


def test_a_file_that_is_no_database(playground: Any, tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("just text")
    with playground.expect_file_chooser() as chooser:
        playground.click("#open")
    chooser.value.set_files(path)
    playground.wait_for_selector("#state.bad")
    assert playground.inner_text("#state") == "file is not a database"
    assert "text.db" not in playground.locator("#databases option").all_inner_texts()
