# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The playground: files of rows and of SQL come in and go out, links carry a database, a page of lessons has it inside."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.playground import READY, command, finished, opened, run, table, until


@pytest.fixture(scope="module")
def page(visitor: Any, server: str) -> Iterator[Any]:
    """The playground with a download in the place of the picker, which nobody could answer here."""
    page = opened(visitor, server)
    page.evaluate("delete globalThis.showSaveFilePicker")
    yield page
    page.close()


def offer(page: Any, path: Path) -> None:
    """Choose a file; wait for the question about it."""
    with page.expect_file_chooser() as chooser:
        page.click("[data-command=open-file] >> visible=true")
    chooser.value.set_files(path)
    page.wait_for_selector("dialog")


def agree(page: Any) -> None:
    """Say yes to the question, and wait until it is done."""
    page.click("dialog button[type=submit]:not([disabled])")
    page.wait_for_selector("dialog", state="detached")


def saved(page: Any, what: str, format: str) -> bytes:
    """What an export gives."""
    command(page, "Export")
    page.wait_for_selector("dialog select")
    page.locator("dialog select").nth(0).select_option(label=what)
    page.locator("dialog select").nth(1).select_option(format)
    with page.expect_download() as download:
        page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog", state="detached")
    return Path(download.value.path()).read_bytes()


def test_a_csv_file_becomes_a_table_with_types_of_all_its_rows(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "Old films.csv"
    rows = [f'{i},"Film, {i}",{1950 + i % 70},{i / 8}' for i in range(5000)] + ["x1,last,,"]
    file.write_text("\n".join(["id,title,year,score", *rows]) + "\n")
    offer(page, file)
    page.wait_for_selector("dialog .import-preview td")
    assert page.input_value("dialog .import-choices input[type=text]") == "Old_films"
    agree(page)
    assert "1,000" in finished(page)
    assert table(page)[1][1:] == ["Film, 1", "1951", "0.125"]
    run(page, "SELECT typeof(id), count(*), min(score), sum(year IS NULL) FROM Old_films")
    assert table(page) == [["text", "5001", "0.0", "1"]]
    run(page, "SELECT group_concat(type) FROM pragma_table_info('Old_films')")
    assert table(page) == [["TEXT,TEXT,INTEGER,REAL"]]


def test_what_hinders_an_import_is_said_before(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("a,b\n1,2\n")
    offer(page, file)
    page.wait_for_selector("dialog .import-preview td")
    name = page.locator("dialog .import-choices input[type=text]")
    name.fill("albums")
    assert "There is a table albums already" in page.inner_text("dialog .problem")
    assert page.is_disabled("dialog button[type=submit]")
    name.fill("")
    assert page.inner_text("dialog .problem") == "The table needs a name."
    page.locator("dialog thead input").nth(1).fill("a")
    name.fill("more")
    assert page.inner_text("dialog .problem") == "Each column of more needs a name of its own."
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    run(page, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'")
    assert table(page) == [["0"]]


def test_rows_are_added_to_a_table_that_is_there(page: Any, tmp_path: Path) -> None:
    run(page, "CREATE TABLE pets(kind TEXT, legs INTEGER); INSERT INTO pets VALUES ('bird', 2)")
    file = tmp_path / "pets.ndjson"
    file.write_text("\n".join(json.dumps(one) for one in ({"kind": "dog", "legs": 4}, {"kind": "snake", "legs": 0})))
    offer(page, file)
    page.wait_for_selector("dialog .import-preview td")
    page.locator("dialog .import-choices input[type=text]").fill("pets")
    page.locator("dialog .import-choices select").first.select_option("append")
    agree(page)
    finished(page)
    assert table(page) == [["bird", "2"], ["dog", "4"], ["snake", "0"]]


def test_a_file_that_is_not_what_it_says_is_refused_in_words(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('[{"a": 1},')
    offer(page, file)
    page.wait_for_selector("dialog .problem:not(:empty)")
    assert page.inner_text("dialog .problem") == "broken.json is not JSON: it ends too early"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_results_tables_and_databases_are_saved(page: Any, tmp_path: Path) -> None:
    run(page, "SELECT kind, legs FROM pets WHERE legs > 0 ORDER BY legs")
    assert saved(page, "This result", "csv") == b"kind,legs\r\nbird,2\r\ndog,4\r\n"
    assert saved(page, "pets", "json").decode() == (
        '[\n  {"kind": "bird", "legs": 2},\n  {"kind": "dog", "legs": 4},\n  {"kind": "snake", "legs": 0}\n]\n'
    )
    assert saved(page, "pets", "parquet")[:4] == b"PAR1"
    assert saved(page, "pets", "xlsx")[:2] == b"PK"
    copy = sqlite3.connect(":memory:")
    copy.executescript(saved(page, "The whole database", "sql").decode())
    assert copy.execute("SELECT count(*) FROM Old_films").fetchall() == [(5001,)]
    assert copy.execute("SELECT count(*) FROM sales").fetchone()[0] > 0
    file = tmp_path / "copy.db"
    file.write_bytes(saved(page, "The whole database", "db"))
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_script_runs_in_a_new_database_and_says_which_line_fails(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "shop.sql"
    file.write_text("CREATE TABLE s(a);\nINSERT INTO s VALUES (1), (2);\n\nINSERT INTO nosuch VALUES (1);\n")
    offer(page, file)
    agree(page)
    page.wait_for_selector("#notice.bad")
    assert page.inner_text("#notice span") == "Line 4: no such table: nosuch. What stands before it is done."
    assert page.input_value("#databases") == "shop.db"
    run(page, "SELECT sum(a) FROM s")
    assert table(page) == [["3"]]


def test_a_link_carries_queries_and_the_database(visitor: Any, page: Any) -> None:
    run(page, "SELECT a * 10 AS ten FROM s")
    command(page, "Share")
    until(page, "() => document.querySelector('#share-link')?.value")
    link = page.input_value("#share-link")
    page.keyboard.press("Escape")
    other = visitor.new_page()
    other.goto(link)
    other.wait_for_selector(".grid-row")
    assert table(other) == [["10"], ["20"]]
    assert "#share" not in other.url
    other.click("#notice button:not(.quiet)")
    other.wait_for_selector("dialog input")
    assert other.input_value("dialog input") == "shop-2.db"
    agree(other)
    until(other, "() => document.querySelector('#databases').value === 'shop-2.db'")
    run(other, "SELECT count(*) FROM s")
    assert table(other) == [["2"]]
    other.close()


def test_a_damaged_link_says_so_and_opens_what_was_there(visitor: Any, server: str) -> None:
    page = visitor.new_page()
    page.goto(f"{server}/dist/playground/#share=abcdef")
    page.wait_for_selector("#notice.bad")
    assert page.inner_text("#notice span") == "The link is damaged: it was cut, or changed, on its way."
    page.wait_for_selector(READY)
    page.close()


def test_lessons_have_playgrounds_inside(visitor: Any, server: str) -> None:
    page = visitor.new_page()
    page.goto(f"{server}/dist/playground/lessons/joins.html")
    frame = page.frame_locator("turso-playground >> nth=0 >> iframe")
    frame.locator(".grid-row").first.wait_for()
    assert frame.locator(".grid-row").count() == 10
    assert not frame.locator("header.top").is_visible()
    page.close()


def menu(page: Any, name: str, entry: str) -> None:
    """Choose what is done to a database in the panel of files."""
    page.click(f".databases li:has-text('{name}') [aria-haspopup=menu]")
    page.click(f"[role=menu] button:has-text('{entry}')")


def test_databases_are_duplicated_renamed_and_deleted(page: Any) -> None:
    page.click("#rail-databases")
    until(page, "() => document.querySelector('.databases li.chosen .soft')?.textContent === '8.2 kB'")
    menu(page, "shop.db", "Duplicate")
    page.fill("dialog input", "copy.db")
    agree(page)
    until(page, "() => document.querySelectorAll('.databases li').length === 4")
    assert page.input_value("#databases") == "shop.db"
    menu(page, "shop.db", "Rename")
    page.fill("dialog input", "copy.db")
    assert page.inner_text("#ask-problem") == "There is a database of that name"
    page.fill("dialog input", "market.db")
    agree(page)
    until(page, "() => document.querySelector('#databases').value === 'market.db'")
    run(page, "SELECT sum(a) FROM s")
    assert table(page) == [["3"]]
    menu(page, "copy.db", "Delete")
    agree(page)
    until(page, "() => document.querySelectorAll('.databases li').length === 3")
    names = page.locator(".databases li .text").all_inner_texts()
    assert names == ["market.db", "music.db", "shop-2.db"]
    assert "used by this site" in page.inner_text(".room")


def test_a_database_of_a_web_server_is_read_where_it_is(page: Any, server: str) -> None:
    command(page, "Open a database by its address")
    page.fill("dialog input", f"{server}dist/playground/samples/countries.db")
    agree(page)
    until(page, "() => document.querySelector('#databases').value === 'countries.db (read only)'")
    run(page, "SELECT count(*) > 10 FROM countries")
    assert table(page) == [["1"]]
    assert "readonly" in run(page, "DELETE FROM countries")


def test_a_large_file_is_read_where_it_is_if_one_wants(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "large.db"
    connection = sqlite3.connect(file)
    connection.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(30000000)); INSERT INTO t VALUES (7)")
    connection.close()
    offer(page, file)
    page.click("dialog button:has-text('Read it where it is')")
    until(page, "() => document.querySelector('#databases').value === 'large.db (read only)'")
    run(page, "SELECT count(*), max(length(a)) FROM t")
    assert table(page) == [["2", "30000000"]]
