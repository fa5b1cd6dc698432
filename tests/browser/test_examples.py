# ruff: noqa: E501 (lines of JavaScript)
"""The examples of docs/live.md, and the pages in examples/: one list that follows the database, in each framework."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner
from tests.browser.modules import ROOT, document, in_page, load

EXAMPLES = ROOT / "examples"


def test_the_document(page: Any) -> None:
    in_page(page, document("live.md"))


@pytest.fixture(params=["react", "vue", "svelte", "tanstack-db"])
def code(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if not (EXAMPLES / "node_modules").is_dir():
        pytest.fail("the examples' packages are not installed: run `make test` once")
    out = tmp_path / "out.js"
    command = ["node", EXAMPLES / "build.mjs", request.param, out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out.read_text()


def test_a_list_follows_the_database(context: Any, server: str, code: str) -> None:
    page, other = (open_page(context, server) for _ in range(2))
    try:
        run = runner(other)
        run(
            "globalThis.db = await turso.connect('todo.db'); await db.exec(`DROP TABLE IF EXISTS todo; CREATE TABLE todo(id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0); INSERT INTO todo(title) VALUES ('one'), ('two')`)"
        )
        load(page, code)
        shown = page.locator("li")
        titles = lambda: shown.all_text_contents()  # noqa: E731
        page.wait_for_function("document.querySelectorAll('li').length === 2")
        assert titles() == ["one", "two"]
        run("await db.run(\"INSERT INTO todo(title) VALUES ('three')\")")  # in another tab
        page.wait_for_function("document.querySelectorAll('li').length === 3")
        page.get_by_text("one").click()  # in this one
        page.wait_for_function("document.querySelectorAll('li').length === 2")
        page.locator("input").fill("four")
        page.locator("input").press("Enter")
        page.wait_for_function("document.querySelectorAll('li').length === 3")
        assert titles() == ["two", "three", "four"]
        assert run("return db.all('SELECT id, done FROM todo ORDER BY id')") == [
            {"id": 1, "done": 1},
            *({"id": n, "done": 0} for n in (2, 3, 4)),
        ]
    finally:
        page.close()
        runner(other)("await db.close()")
        other.close()
