"""The playground's tools: the diagram of tables, their browser, compiled code, advice on indexes, snapshots, Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.playground import command, finished, opened, run, start, table, until, violations


@pytest.fixture(scope="module")
def page(visitor: Any, server: str) -> Iterator[Any]:
    """The playground with the music shop."""
    page = opened(visitor, server)
    page.wait_for_selector(".count")
    yield page
    page.close()


def test_the_tables_and_their_foreign_keys_are_a_diagram(page: Any) -> None:
    page.keyboard.press("Alt+d")
    page.wait_for_selector("svg.diagram")
    assert page.locator("svg.diagram .box").count() == 8
    keys = page.locator("dialog details li").all_text_contents()
    assert "tracks(album_id) → albums(id)" in keys
    assert "employees(boss_id) → employees(id)" in keys
    assert page.locator("svg.diagram path.edge").count() == len(keys)
    assert violations(page) == []
    with page.expect_download() as download:
        page.click("dialog footer button")
    assert download.value.suggested_filename == "music.db.svg"
    page.focus("svg.diagram .box:has(.name:text-is('genres'))")
    page.keyboard.press("Enter")
    assert "9 rows" in finished(page)


def test_rows_of_a_table_are_filtered_and_ordered_by_a_form(page: Any) -> None:
    command(page, "Show rows of tracks")
    finished(page)
    page.click("[data-browse=add]")
    page.locator(".browse-filter select").nth(0).select_option("title")
    page.fill(".browse-filter input", "love")
    finished(page)
    page.select_option("[data-browse=order]", "seconds")
    finished(page)
    text = page.inner_text("#editor .cm-content")
    assert text.split("\n") == ["SELECT * FROM tracks", "WHERE title LIKE '%love%'", "ORDER BY seconds;"]
    assert [row[1] for row in table(page)] == ["Computer Love", "All Is Full of Love", "Hounds of Love"]
    assert violations(page) == []
    page.click("[data-browse=add]")
    page.locator(".browse-filter").nth(1).locator("select").nth(0).select_option("seconds")
    page.locator(".browse-filter").nth(1).locator("select").nth(1).select_option(">")
    page.locator(".browse-filter").nth(1).locator("input").fill("310")
    finished(page)
    assert [row[1] for row in table(page)] == ["Hounds of Love"]
    # who writes another query has left the form
    run(page, "SELECT 1")
    page.wait_for_selector(".browse", state="detached")


def test_compiled_code_is_read_function_by_function(page: Any) -> None:
    run(page, "SELECT title FROM tracks WHERE seconds > (SELECT avg(seconds) FROM tracks)")
    page.keyboard.press("Alt+c")
    finished(page)
    assert page.locator(".code-view summary strong").all_inner_texts()[:2] == ["Plan", "Function step"]
    assert page.locator(".code-call >> text=cursor_open").count() > 0
    assert violations(page) == []


def test_an_index_is_advised_with_what_it_brings(page: Any) -> None:
    run(page, "SELECT title FROM tracks WHERE seconds > 500")
    page.keyboard.press("Alt+i")
    page.wait_for_selector("dialog table.advice")
    assert "CREATE INDEX tracks_by_seconds" in page.inner_text("dialog pre >> nth=0")
    visited = [int(text.split()[0]) for text in page.locator("table.advice td:nth-of-type(2)").all_inner_texts()]
    assert visited[0] >= 145 > visited[1]
    assert violations(page) == []
    page.click("dialog [type=submit]")
    finished(page)
    until(page, "() => document.querySelector('.change')")
    run(page, "SELECT title FROM tracks WHERE seconds > 500")
    page.keyboard.press("Alt+i")
    page.wait_for_selector("dialog >> text=No index that is not there yet")
    page.keyboard.press("Escape")


def test_a_database_goes_back_to_a_snapshot(page: Any) -> None:
    command(page, "Snapshots")
    page.fill("dialog .field input", "before")
    page.click("dialog [type=submit]:not([disabled])")
    page.wait_for_selector(".snapshots >> text=before")
    assert violations(page) == []
    page.keyboard.press("Escape")
    run(page, "DELETE FROM genres; SELECT count(*) FROM genres")
    assert table(page) == [["0"]]
    command(page, "Snapshots")
    page.click("[aria-label='Look: before']")
    until(page, "() => document.querySelector('#databases').value === 'music.db, before (read only)'")
    run(page, "SELECT count(*) FROM genres")
    assert table(page) == [["9"]]
    page.select_option("#databases", "music.db")
    until(page, "() => document.querySelector('#databases').value === 'music.db'")
    command(page, "Snapshots")
    page.click("[aria-label='Go back: before']")
    page.click("dialog .danger")
    page.wait_for_selector("#notice >> text=music.db is what it was: before")
    page.click("[aria-label='Forget: before']")
    page.wait_for_selector("dialog >> text=There are none yet")
    page.keyboard.press("Escape")
    run(page, "SELECT count(*) FROM genres")
    assert table(page) == [["9"]]


def test_python_has_the_connection_that_sql_has(page: Any) -> None:
    run(page, "CREATE TEMP TABLE mine AS SELECT 1 AS n, 1.0 AS r, NULL AS nil, 'ä' AS t, x'00ff' AS b")
    command(page, "New Python cell")
    page.wait_for_selector(".python-about")
    assert violations(page) == []
    run(page, "rows = db.execute('SELECT * FROM mine WHERE n = ?', [1])\nprint(rows[0])\nrows")
    assert table(page) == [["1", "1.0", "NULL", "ä", "blob, 2 bytes: 00 ff"]]
    page.click(".outcomes button >> nth=0")
    assert page.inner_text(".printed") == "(1, 1.0, None, 'ä', b'\\x00\\xff')"


def test_sql_calls_a_function_that_a_cell_defines(page: Any) -> None:
    code = "import math\nK = 2\n\n@db.function\ndef area(r: float) -> float:\n    return math.pi * r * r * K\n"
    run(page, f"{code}\ndb.execute('SELECT round(area(1), 3) AS a').dicts()")
    assert table(page) == [["6.283"]]
    page.click(".query-tabs [role=tab] >> nth=1")
    run(page, "SELECT round(area(2.0), 2)")
    assert table(page) == [["25.13"]]


def test_an_error_in_python_marks_its_line(page: Any) -> None:
    page.click(".query-tabs [role=tab]:has(.tag)")
    said = run(page, "x = 1\ndb.execute('SELECT nosuch')")
    assert said == "RuntimeError: no such column: nosuch"
    assert page.locator(".cm-lintRange-error").inner_text() == "db.execute('SELECT nosuch')"


def test_a_package_that_cannot_be_fetched(page: Any) -> None:
    page.context.route("https://cdn.jsdelivr.net/**", lambda route: route.abort())
    said = run(page, "import pandas\npandas.DataFrame()")
    page.context.unroute("https://cdn.jsdelivr.net/**")
    assert said.startswith("ModuleNotFoundError: No module named 'pandas'")
    assert "Packages are fetched from cdn.jsdelivr.net: " in said


def test_python_that_does_not_end_is_stopped(page: Any) -> None:
    start(page, "while True: pass")
    page.wait_for_selector("#stop:not([disabled])")
    page.keyboard.press("Escape")
    assert "Python starts anew" in finished(page)
    run(page, "[{'a': 1, 'b': 'x'}, {'a': 2.5}]")
    assert table(page) == [["1", "x"], ["2.5", "NULL"]]
