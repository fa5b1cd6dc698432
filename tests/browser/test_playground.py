# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The playground, used as a person would: a file in, queries, edits, a reload, the file out again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.playground import READY, answer, command, finished, opened, run, start, table, until, write


@pytest.fixture(scope="module")
def page(visitor: Any, server: str) -> Iterator[Any]:
    """The playground, started; its tests follow one another as a visitor's doings do."""
    page = opened(visitor, server)
    yield page
    page.close()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file made by SQLite."""
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript("""
        CREATE TABLE authors(id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE books(id INTEGER PRIMARY KEY, author INTEGER REFERENCES authors(id), title TEXT UNIQUE, pages REAL, cover BLOB);
        CREATE INDEX by_author ON books(author);
        CREATE TABLE "order"("group" TEXT);
        INSERT INTO authors VALUES (1, 'Lem'), (2, 'Čapek'), (3, 'Nobody');
        INSERT INTO "order" VALUES ('of a keyword');
        INSERT INTO books VALUES (1, 1, 'Solaris', 204, x'00ff10'), (2, 1, 'Fiasco', 322.5, NULL), (3, 2, 'R.U.R.', 90, NULL);
    """)
    connection.close()
    return path


def open_file(page: Any, path: Path) -> None:
    """Choose a file."""
    with page.expect_file_chooser() as chooser:
        page.click("[data-command=open-file]")
    chooser.value.set_files(path)


def test_it_opens_on_a_sample_with_three_queries(page: Any) -> None:
    assert page.locator(".query-tabs [role=tab]").all_inner_texts() == [
        "Best-selling albums",
        "Sales by month",
        "Customers of a country",
    ]
    page.wait_for_selector(".count")
    assert page.locator(".table-item .text").first.inner_text() == "albums"
    page.click("#run")
    assert "15 rows" in finished(page)
    assert table(page)[0][1] == "Radiohead"


def test_parameters_are_asked_for(page: Any) -> None:
    page.click("text=Customers of a country")
    page.click("#run")
    page.wait_for_selector("dialog code >> text=:country")
    answer(page, "Japan")
    assert "1 result sets" in finished(page)
    assert all("@example.com" in row[1] for row in table(page))


def test_from_a_file_to_a_file(page: Any, library: Path, tmp_path: Path) -> None:
    open_file(page, library)
    page.wait_for_selector("#notice >> text=library.db is open")
    until(page, "() => document.querySelectorAll('.count').length === 3")
    assert page.locator(".table-item .text").all_inner_texts() == ["authors", "books", "order"]
    page.click(".table-item .name >> text=books")
    assert page.locator(".column .text").all_inner_texts() == ["id", "author", "title", "pages", "cover"]
    assert page.locator(".parts .text").all_inner_texts() == ["by_author", "sqlite_autoindex_books_1"]

    run(
        page,
        "SELECT a.name, count(b.id) AS n, sum(b.pages) FROM authors a LEFT JOIN books b ON b.author = a.id GROUP BY a.id ORDER BY n DESC;",
    )
    assert table(page) == [["Lem", "2", "526.5"], ["Čapek", "1", "90.0"], ["Nobody", "0", "NULL"]]
    assert "2 result sets" in run(page, "SELECT title, cover FROM books ORDER BY title; SELECT 1.0, 1")
    assert table(page) == [["1.0", "1"]]
    page.click(".outcomes button >> nth=0")
    assert table(page)[-1] == ["Solaris", "blob, 3 bytes: 00 ff 10"]
    run(page, "UPDATE books SET pages = pages + 1 WHERE author = 1; INSERT INTO authors VALUES (4, 'New')")
    assert "3 rows changed" in page.inner_text("#results")
    until(page, "() => document.querySelector('.count').textContent === '4'")

    # what is written stays, and opening the file again does not take its place
    page.reload()
    page.wait_for_selector(READY)
    assert page.input_value("#databases") == "library.db"
    assert "INSERT INTO authors" in page.inner_text("#editor .cm-content")
    open_file(page, library)
    page.wait_for_selector("#notice >> text=library.db is open as library-2.db")
    page.select_option("#databases", "library.db")
    until(page, "() => document.querySelector('.count')?.textContent === '4'")
    with page.expect_download() as download:
        command(page, "Download the database")
    assert download.value.suggested_filename == "library.db"
    target = tmp_path / "out.db"
    download.value.save_as(target)
    connection = sqlite3.connect(target)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT name FROM authors ORDER BY id").fetchall()[-1] == ("New",)
    connection.close()


def test_a_table_named_by_a_keyword_shows_its_rows(page: Any) -> None:
    command(page, "Show rows of order")
    finished(page)
    assert table(page) == [["of a keyword"]]


def test_an_error_is_shown_where_it_is_with_a_hint(page: Any) -> None:
    run(page, "SELECT 1;\nSELECT 2,\n       pagse FROM books;")
    assert "no such column: pagse" in page.inner_text(".failure")
    assert page.locator(".excerpt").text_content() == "       pagse FROM books;\n       ^"
    assert "Did you mean pages?" in page.inner_text(".failure .hint")
    assert page.locator(".cm-lintRange-error").inner_text() == "pagse"
    page.click(".outcomes button >> nth=0")
    assert table(page) == [["1"]]


def test_the_error_of_a_constraint_marks_its_statement(page: Any) -> None:
    run(page, "SELECT 1; INSERT INTO authors VALUES (9, 'a');\nINSERT INTO authors VALUES (1, 'b');\nSELECT 2;")
    assert "UNIQUE constraint failed: authors.id" in page.inner_text(".failure")
    assert page.locator(".cm-lintRange-error").inner_text() == "INSERT INTO authors VALUES (1, 'b');"


def test_the_selection_or_the_statement_at_the_cursor_is_run(page: Any) -> None:
    write(page, "SELECT 'one';\nSELECT 'two';")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Alt+Enter")
    finished(page)
    assert table(page) == [["one"]]
    page.keyboard.press("Control+End")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("F5")
    finished(page)
    assert table(page) == [["two"]]


def test_completion_knows_aliases_functions_and_pragmas(page: Any) -> None:
    def proposed(text: str) -> str:
        write(page, " ")
        page.keyboard.type(text)
        page.wait_for_selector(".cm-tooltip-autocomplete")
        shown = page.inner_text(".cm-tooltip-autocomplete")
        page.keyboard.press("Escape")
        return shown

    assert "title" in proposed("SELECT * FROM books AS b WHERE b.ti")
    assert "text, start, length" in proposed("SELECT subst")
    assert "table_info" in proposed("PRAGMA table_in")


def test_an_open_transaction_is_shown(page: Any) -> None:
    run(page, "BEGIN; INSERT INTO authors VALUES (50, 'unsure')")
    page.wait_for_selector(".transaction >> text=Transaction open")
    page.select_option("#databases", "music.db")
    page.wait_for_selector("dialog >> text=changes are lost")
    page.click("dialog >> text=Cancel")
    assert page.input_value("#databases") == "library.db"
    page.click(".transaction >> text=Roll back")
    finished(page)
    page.wait_for_selector(".transaction", state="detached")
    run(page, "SELECT count(*) FROM authors WHERE id = 50")
    assert table(page) == [["0"]]


def test_a_long_change_can_be_stopped(page: Any) -> None:
    run(page, "DROP TABLE IF EXISTS long; CREATE TABLE long(i); INSERT INTO long VALUES (1), (2), (3), (4), (5)")
    start(page, "INSERT INTO long SELECT a.i FROM " + ", ".join(f"long {name}" for name in "abcdefghijklmno"))
    page.wait_for_selector("#stop:not([disabled])")
    page.keyboard.press("Escape")
    assert finished(page) == "Stopped. What the statement had changed is undone."
    run(page, "SELECT count(*) FROM long")
    assert table(page) == [["5"]]


def test_twenty_thousand_statements_are_one_note(page: Any) -> None:
    script = "".join(f"INSERT INTO long VALUES ({n});\n" for n in range(20_000))
    run(page, f"BEGIN;\n{script}COMMIT;\nDROP TABLE long;")
    assert page.locator("#results .change").count() == 1
    assert "20,003 statements" in page.inner_text("#results .change")
    assert "20,000 rows changed" in page.inner_text("#results .change")


def test_a_million_rows_are_scrolled_sorted_and_filtered(page: Any) -> None:
    run(
        page,
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i, i % 7 AS r, 'row ' || i AS name FROM n",
    )
    assert "1,000+ rows" in page.inner_text(".facts")
    page.click("text=Load all")
    until(page, "() => document.querySelector('.facts').textContent.startsWith('1,000,000 rows')")
    assert page.locator(".grid-row").count() < 100
    page.focus(".grid")
    page.keyboard.press("Control+End")
    page.wait_for_selector(".cell >> text=row 1000000")
    page.keyboard.press("PageUp")
    page.click(".head >> text=r >> nth=0")
    page.fill(".filter input", "r=3 name:99999")
    until(page, "() => document.querySelector('.facts').textContent.startsWith('2 of')")
    assert [row[1] for row in table(page)] == ["3", "3"]


def test_files_that_are_no_databases_leave_everything_as_it_was(page: Any, tmp_path: Path) -> None:
    names = page.locator("#databases option").all_inner_texts()
    for name, content in (("text.db", b"just text"), ("broken.db", b"SQLite format 3\0" + bytes(4000))):
        path = tmp_path / name
        path.write_bytes(content)
        open_file(page, path)
        page.wait_for_selector("#notice.bad")
        page.click("#notice [aria-label=Close]")
        page.wait_for_selector(READY)
        assert page.locator("#databases option").all_inner_texts() == names
    run(page, "SELECT name FROM authors WHERE id = 1")
    assert table(page) == [["Lem"]]


def test_names_of_new_databases(page: Any) -> None:
    command(page, "New database")
    for name, problem in (("..", "Dots alone"), ("a/b.db", "no slash"), ("library.db", "of that name")):
        page.fill("dialog input", name)
        page.wait_for_selector(f".problem >> text={problem}")
        assert page.is_disabled("dialog [type=submit]")
    answer(page, "mine.db")
    until(page, "() => document.querySelector('#databases').value === 'mine.db'")
    page.wait_for_selector("text=No tables yet")
    # what is undone here was written here
    page.focus("#editor .cm-content")
    page.keyboard.press("Control+z")
    assert page.inner_text("#editor .cm-content").strip() == ""
    command(page, "Delete the database")
    page.click("dialog .danger")
    page.wait_for_selector("#notice >> text=mine.db is deleted")
    assert "mine.db" not in page.locator("#databases option").all_inner_texts()
