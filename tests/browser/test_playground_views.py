# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The playground: what is seen of results, plans and tables; and that everybody can use it (axe, keyboard, a phone, other themes, Japanese)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.playground import READY, answer, finished, opened, run, table, until, violations

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page(visitor: Any, server: str) -> Iterator[Any]:
    """The playground with the music shop."""
    page = opened(visitor, server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.wait_for_selector(".count")
    yield page
    page.close()


def test_a_value_is_edited_where_it_stands_and_the_change_undone(page: Any) -> None:
    run(page, "SELECT id, title, price FROM tracks WHERE id < 4")
    page.focus(".grid")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("F2")
    page.fill("dialog textarea", "It's new")
    assert page.text_content("#edit-sql") == "UPDATE tracks SET title = 'It''s new' WHERE id IS 1"
    assert violations(page) == []
    page.click("dialog [type=submit]")
    page.wait_for_selector(".cell >> text=It's new")
    page.click("text=Undo the change")
    page.wait_for_selector("#notice >> text=Undone")
    run(page, "SELECT title FROM tracks WHERE id = 1")
    assert table(page) == [["So What"]]
    run(page, "SELECT upper(title) FROM tracks WHERE id = 1")
    page.focus(".grid")
    page.keyboard.press("F2")
    page.wait_for_selector("#notice >> text=computed")


def test_a_selection_is_copied(page: Any) -> None:
    run(
        page,
        "SELECT 1 AS a, 2.0 AS b, NULL AS c, 'x|y' AS d, x'0a' AS e UNION ALL SELECT 9007199254740993, 0.5, '', 'tab\tq\"', x''",
    )
    page.focus(".grid")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    page.wait_for_selector("#notice >> text=Copied 2 rows")
    clipboard = "navigator.clipboard.readText()"
    assert page.evaluate(clipboard) == 'a\tb\tc\td\te\n1\t2.0\t\tx|y\t0a\n9007199254740993\t0.5\t\t"tab\tq"""\t'
    expected = {
        "CSV": 'a,b,c,d,e\r\n1,2.0,,x|y,0a\r\n9007199254740993,0.5,"","tab\tq""",\r\n',
        "JSON": '[\n  {"a": 1, "b": 2.0, "c": null, "d": "x|y", "e": "0a"},\n  {"a": 9007199254740993, "b": 0.5, "c": "", "d": "tab\\tq\\"", "e": ""}\n]\n',
        "Markdown": '| a | b | c | d | e |\n| ---: | ---: | --- | --- | --- |\n| 1 | 2.0 |  | x\\|y | 0a |\n| 9007199254740993 | 0.5 |  | tab\tq" |  |\n',
        "INSERT": "INSERT INTO result(a, b, c, d, e) VALUES\n  (1, 2.0, NULL, 'x|y', x'0a'),\n  (9007199254740993, 0.5, '', 'tab\tq\"', x'');\n",
    }
    for name, text in expected.items():
        page.click("[aria-label=Copy]")
        page.click(f".menu >> text=Copy as {name}")
        page.wait_for_selector(f"#notice >> text=as {name}")
        assert page.evaluate(clipboard) == text


def test_a_value_is_seen_in_full(page: Any) -> None:
    run(page, """SELECT '{"a": [1, 2]}' AS json, x'000102ff41' AS bytes""")
    page.dblclick(".cell >> nth=0")
    assert page.inner_text("dialog pre") == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    page.keyboard.press("Escape")
    page.dblclick(".cell >> nth=1")
    assert page.inner_text("dialog pre").strip() == "000000  00 01 02 ff 41" + " " * 35 + "····A"
    page.keyboard.press("Escape")


def test_plans_are_trees_with_rows_and_time(page: Any) -> None:
    run(page, "SELECT * FROM albums JOIN artists ON artists.id = artist_id ORDER BY year")
    page.keyboard.press("Alt+p")
    finished(page)
    assert "SCAN albums" in page.inner_text(".plan-line.scan")
    assert "SEARCH artists" in page.inner_text(".plan-line.search")
    page.focus("#editor .cm-content")
    page.keyboard.press("Alt+Shift+P")
    finished(page)
    assert "25 rows" in page.locator(".plan-line", has_text="SCAN albums").inner_text()
    assert page.locator(".plan-line .flame").count() > 3
    assert violations(page) == []


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT strftime('%Y-%m', day) AS month, sum(amount) AS s FROM sales GROUP BY 1", "line"),
        ("SELECT country, count(*) AS n FROM customers GROUP BY 1", "bar"),
        ("SELECT seconds, price FROM tracks", "scatter"),
        ("SELECT seconds FROM tracks", "histogram"),
    ],
)
def test_a_chart_is_chosen_by_the_values(page: Any, query: str, kind: str) -> None:
    run(page, query)
    page.click("[data-view=chart]")
    page.wait_for_selector(".chart svg")
    assert page.input_value(".chart-bar select >> nth=0") == kind
    assert violations(page) == []


def test_a_chart_is_saved(page: Any) -> None:
    run(page, "SELECT country, count(*) AS n FROM customers GROUP BY 1 ORDER BY 2")
    page.click("[data-view=chart]")
    page.wait_for_selector(".chart svg")
    for name, beginning in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.expect_download(timeout=10_000) as download:
            page.click(f"[data-save={name}]")
        assert download.value.suggested_filename == f"n.{name}"
        assert Path(download.value.path()).read_bytes().startswith(beginning)


def test_statistics_of_columns(page: Any) -> None:
    page.click("[aria-label='What to do with tracks']")
    page.click(".menu >> text=Statistics of its columns")
    until(page, "() => document.querySelectorAll('.statistics tbody tr').length === 6")
    rows = page.locator(".statistics tbody tr")
    assert rows.nth(1).locator("td").all_inner_texts()[:4] == ["145", "0", "A Case of You", "Zombie"]
    assert violations(page) == []
    page.keyboard.press("Escape")


def test_queries_are_saved_and_found_in_the_history(page: Any) -> None:
    run(page, "SELECT 'found again'")
    page.keyboard.press("Control+s")
    answer(page, "My query")
    page.click("#rail-saved")
    page.wait_for_selector(".panel strong >> text=My query")
    page.click("#rail-history")
    page.fill(".panel [type=search]", "found AGAIN")
    assert page.locator(".past li").count() == 1
    assert violations(page) == []
    page.click("#rail-schema")


def test_all_keys_are_listed(page: Any) -> None:
    page.focus("#rail-schema")
    page.keyboard.press("?")
    page.wait_for_selector("dialog >> text=Run the statement at the cursor")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.id") == "rail-schema"


def test_themes_are_clean(page: Any) -> None:
    run(page, "SELECT *, NULL AS nil, x'00' AS bytes FROM customers")
    for theme in ("Dark", "High contrast", "Light"):
        page.click("[aria-label='Theme and language']")
        page.click(f".menu >> text={theme}")
        assert violations(page) == [], theme


def test_on_a_phone_results_are_in_sight(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    try:
        run(page, "SELECT title FROM albums ORDER BY id")
        box = page.locator(".cell").first.bounding_box()
        assert box["y"] + box["height"] < 780
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert violations(page) == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 720})


def test_it_speaks_japanese(page: Any) -> None:
    page.click("[aria-label='Theme and language']")
    page.click(".menu >> text=日本語")
    assert page.inner_text("#rail-schema") == "スキーマ"
    assert page.get_attribute("html", "lang") == "ja"
    page.click("[aria-label='テーマと言語']")
    page.click(".menu >> text=English")
    assert page.inner_text("#rail-schema") == "Schema"


def test_every_text_is_in_the_table() -> None:
    strings = "".join([path.read_text("utf-8") for path in (ROOT / "demo" / "texts").glob("*.js")])
    known = set(re.findall(r"^  '?([\w.-]+)'?: \[", strings, re.MULTILINE))
    sources = [*(ROOT / "demo").rglob("*.jsx"), *(ROOT / "demo").rglob("*.js")]
    sources.remove(ROOT / "demo" / "core" / "texts.js")
    used = {key for path in sources for key in re.findall(r"\bt\('([\w.-]+)'", path.read_text("utf-8"))}
    commands = {
        f"command.{name}"
        for path in sources
        for name in re.findall(r"addCommand\(\{\s*id: '([\w-]+)'", path.read_text("utf-8"))
    }
    assert (used | commands) - known == set()


def test_it_starts_without_a_network(page: Any) -> None:
    until(page, "async () => (await navigator.serviceWorker.ready) && navigator.serviceWorker.controller !== null")
    page.reload()
    page.wait_for_selector(READY)
    page.context.set_offline(True)
    try:
        page.reload()
        page.wait_for_selector(READY)
        run(page, "SELECT count(*) FROM tracks")
        assert table(page) == [["145"]]
    finally:
        page.context.set_offline(False)


def test_nothing_in_a_file_runs_in_the_page(page: Any) -> None:
    run(page, """SELECT '<img src=x onerror="window.hacked = 1">' AS "<b>column</b>" """)
    assert table(page)[0][0].startswith("<img")
    assert page.evaluate("window.hacked") is None
    assert "'unsafe-inline'" not in re.search(r"script-src[^;]*", page.content())[0]
