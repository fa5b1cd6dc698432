# ruff: noqa: E501 (lines of JavaScript)
"""The playground at a first visit, and what newcomers stumbled over: each of it once, on as few visits as possible."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.browser.playground import READY, finished, opened, run, table, until, violations, write

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def page(visitor: Any, server: str) -> Iterator[Any]:
    """A first visit."""
    page = opened(visitor, server)
    yield page
    page.close()


def dropped(page: Any, name: str, content: str) -> None:
    """Drop a file on the page."""
    page.evaluate(
        """([name, content]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([content], name));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }""",
        [name, content],
    )


def test_one_can_write_before_the_engine_is_there(visitor: Any, server: str) -> None:
    page = visitor.new_page()
    held: list[Any] = []
    held_back = True

    def hold(route: Any) -> None:
        if held_back:
            held.append(route)
        else:
            route.continue_()

    page.context.route("**/engine/turso/*", hold)
    try:
        page.goto(server)
        page.wait_for_selector("text=You can write already")
        assert page.locator(".query-tabs [role=tab]").count() == 3
        assert page.inner_text(".progress span >> nth=0") in ("Starting", "Loading the engine")
        write(page, "SELECT 'waited'")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#stop >> text=Runs when the engine is ready")
        assert violations(page) == []
    finally:
        held_back = False
        for route in held:
            with suppress(playwright.Error):  # it was given up meanwhile
                route.continue_()
        page.context.unroute("**/engine/turso/*", hold)
    finished(page)
    assert table(page) == [["waited"]]
    page.close()


def test_a_file_of_rows_is_dropped_on_the_page(page: Any) -> None:
    dropped(page, "pets.csv", "kind;legs\ndog;4\nbird;2\n")
    page.wait_for_selector("dialog .import-preview td")
    page.click("dialog button[type=submit]:not([disabled])")
    finished(page)
    assert table(page) == [["dog", "4"], ["bird", "2"]]
    dropped(page, "what.bin", "\x01\x02")
    page.wait_for_selector("#notice >> text=what.bin is not a SQLite database, nor anything else")


def test_two_tabs_work_on_one_database(page: Any, visitor: Any, server: str) -> None:
    run(page, "SELECT count(*) FROM pets")
    other = opened(visitor, server)
    until(other, "() => document.querySelector('.count')")
    run(other, "INSERT INTO pets VALUES ('ant', 6); SELECT count(*) FROM pets")
    assert table(other) == [["3"]]
    # the first tab hears of it, and writes as well
    until(page, "() => [...document.querySelectorAll('.table-item')].some((item) => /pets.*3/s.test(item.textContent))")
    run(page, "UPDATE pets SET legs = legs + 1")
    run(other, "SELECT sum(legs) FROM pets")
    assert table(other) == [["15"]]
    run(page, "DROP TABLE pets")
    until(other, "() => ![...document.querySelectorAll('.table-item')].some((item) => /pets/.test(item.textContent))")
    other.close()


def test_large_tables_are_not_counted_after_each_change(page: Any) -> None:
    run(
        page,
        "CREATE TABLE many AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 30000) SELECT i FROM n",
    )
    until(page, "() => [...document.querySelectorAll('.count')].some((count) => count.textContent === '≈ 30K')")
    run(page, "DROP TABLE many")


def test_a_long_text_is_there_at_the_next_visit(page: Any) -> None:
    write(page, f"-- {'x' * 100}\n" * 60_000 + "SELECT 'the end'")
    page.wait_for_timeout(1_000)  # what was just written is kept a moment later
    page.reload()
    page.wait_for_selector(READY)
    page.wait_for_selector("#editor .cm-line >> text=-- xxx")
    page.focus("#editor .cm-content")
    page.keyboard.press("Control+End")
    page.wait_for_selector("#editor .cm-line >> text=the end")
    write(page, "SELECT 1")


def test_a_reload_amid_a_transaction_is_asked_about(page: Any) -> None:
    run(page, "CREATE TABLE IF NOT EXISTS t(a); BEGIN; INSERT INTO t VALUES (1)")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.evaluate("setTimeout(() => location.reload())")
    for _ in range(100):
        if asked:
            break
        page.wait_for_timeout(50)
    assert asked == ["beforeunload"]
    page.wait_for_selector(".transaction >> text=Transaction open")
    run(page, "ROLLBACK; DROP TABLE t")


def test_a_file_in_utf_16_is_a_database_like_others(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "wide.db"
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA encoding = 'UTF-16le'; CREATE TABLE w(t); INSERT INTO w VALUES ('größer')")
    connection.close()
    with page.expect_file_chooser() as chooser:
        page.click("[data-command=open-file]")
    chooser.value.set_files(path)
    page.wait_for_selector("#notice >> text=wide.db is open")
    run(page, "SELECT t FROM w")
    assert table(page) == [["größer"]]
    page.select_option("#databases", "music.db")
    until(page, "() => document.querySelector('#databases').value === 'music.db' && document.querySelector('.count')")


def test_it_says_where_data_lies_and_for_how_long(page: Any) -> None:
    page.click("#rail-databases")
    page.wait_for_selector(".room meter")
    said = page.inner_text(".room")
    assert "used by this site" in said
    assert "private file system (OPFS)" in said
    assert "The browser" in said
    assert violations(page) == []
    page.click("#rail-schema")


def test_at_twice_the_size_everything_is_reached(page: Any) -> None:
    # a window of 1280 by 800, zoomed to 200 %, is one of 640 by 400
    page.set_viewport_size({"width": 640, "height": 400})
    try:
        run(page, "SELECT title FROM albums ORDER BY id")
        assert page.evaluate("document.documentElement.scrollWidth") == 640
        cell, button = page.locator(".cell").first.bounding_box(), page.locator("#run").bounding_box()
        assert cell["y"] + cell["height"] < 400
        assert button["y"] + button["height"] < 400
        assert violations(page) == []
        page.click("#database-menu")
        for item in page.locator("[role=menu] button").all():
            item.scroll_into_view_if_needed()
            box = item.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 400
        page.keyboard.press("Escape")
    finally:
        page.set_viewport_size({"width": 1280, "height": 720})


def test_who_wants_no_motion_has_none(page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.click("[aria-label='What to do with tracks']")
    moving = page.evaluate("document.getAnimations().filter((one) => one.playState === 'running').length")
    assert moving == 0
    assert (
        page.evaluate("""() => {
        const busy = document.body.appendChild(Object.assign(document.createElement('p'), { className: 'busy' }));
        const { animationName } = getComputedStyle(busy, '::before');
        busy.remove();
        return animationName;
    }""")
        == "none"
    )
    page.keyboard.press("Escape")
    page.emulate_media(reduced_motion=None)


def test_it_can_be_installed(page: Any) -> None:
    until(page, "async () => (await navigator.serviceWorker.ready) && navigator.serviceWorker.controller !== null")
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert '"display": "standalone"' in manifest["data"]
