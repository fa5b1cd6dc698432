"""The notebooks of examples/, run in Chromium as their readers would."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from demo.serve import serving
from tests.browser import jupyterlite

RAN = r"""n => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length >= n && prompts.every((prompt) => /\[\d+\]/.test(prompt.textContent));
}"""
FAILED = "document.querySelector('.jp-OutputArea-output[data-mime-type*=error]') !== null"
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]') !== null"


@pytest.fixture(scope="module")
def lab(launch: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """A function that opens the notebook of JupyterLite in a new tab."""
    folder = tmp_path_factory.mktemp("jupyterlite")
    context = launch(folder / "profile")
    asked: list[str] = []
    with serving(handler=jupyterlite.handler_of(jupyterlite.build(folder))) as url:

        def open_notebook() -> Any:
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{url}lab/index.html?path=films.ipynb")
            page.wait_for_function(IDLE)
            return page

        yield open_notebook
        context.close()
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []


def outputs(page: Any) -> list[str]:
    """Run all cells; what each shows."""
    page.click("text=Run >> nth=0")
    page.click("text=Run All Cells >> nth=0")
    page.wait_for_function(f"(n) => ({RAN})(n) || {FAILED}", arg=4)
    page.wait_for_function(IDLE)
    cells: list[str] = page.eval_on_selector_all(
        ".jp-Notebook .jp-CodeCell", "all => all.map((cell) => cell.querySelector('.jp-OutputArea')?.innerText ?? '')"
    )
    return cells


def test_a_database_beside_a_notebook_of_jupyterlite(lab: Callable[[], Any], tmp_path: Path) -> None:
    """It is kept when the tab is killed, and is a file to download."""
    page = lab()
    found = outputs(page)
    assert found[1].strip() == "(2,)"
    assert "M\t1931" in found[3] and "TEXT" in found[3]
    page.close()

    page = lab()
    assert outputs(page)[1].strip() == "(4,)"
    page.click(".jp-DirListing-item[title*='work.db']", button="right")
    with page.expect_download() as download:
        page.click(".lm-Menu-item[data-command='filebrowser:download']")
    download.value.save_as(tmp_path / "work.db")
    page.close()
    connection = sqlite3.connect(tmp_path / "work.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT title FROM visit").fetchall() == [("Metropolis",), ("M",)] * 2
    connection.close()


@pytest.fixture
def marimo(tmp_path: Path) -> Iterator[str]:
    """The notebook of examples/marimo as an application, in a folder of its own: its URL."""
    notebook = Path(__file__).parents[2] / "examples" / "marimo" / "films.py"
    options = ["--headless", "--no-token"]
    process = subprocess.Popen(
        [sys.executable, "-m", "marimo", "--yes", "run", notebook, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = (re.search(r"http://\S+:[1-9]\d*", line) for line in process.stdout)
        found = next(filter(None, lines), None)
        assert found is not None, "marimo did not start"
        yield found[0]
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)


def test_a_database_in_a_notebook_of_marimo(marimo: str, context: Any, tmp_path: Path) -> None:
    """Rows of `mo.sql` follow the slider; the file is there when the notebook is gone."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(marimo)
    page.wait_for_selector("table")
    assert page.locator("tbody tr").all_inner_texts()[0].split() == ["M", "1,931"]
    slider = page.get_by_role("slider")
    for _ in range(60):  # the page may not listen yet
        slider.press("End")
        slider.press("Home")
        with contextlib.suppress(TimeoutError):
            page.locator("tbody tr").nth(1).wait_for(timeout=2000)  # in a shadow root
            break
    assert page.locator("tbody tr").count() == 2
    page.close()
    connection = sqlite3.connect(tmp_path / "work.db")
    assert connection.execute("SELECT title FROM visit").fetchall() == [("Metropolis",), ("M",)]
    connection.close()
