"""Pages for the tests of the browser side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run `make setup`")

ROOT = Path(__file__).resolve().parents[2]
Js = Callable[..., Any]


@pytest.fixture(scope="session")
def context(launch: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Chromium for all tests of a run."""
    started = launch(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def visitor(launch: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium in which nobody has been here before."""
    started = launch(tmp_path_factory.mktemp("visitor"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def page(context: Any, server: str) -> Iterator[Any]:
    """A page with the engine, shared by the tests of a module: each test uses databases of its own."""
    opened = open_page(context, server)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def tab(page: Any) -> Js:
    """`js` for fixtures of a module."""
    return runner(page)


def for_python(paths: Iterable[str]) -> list[str]:
    """Those of the paths asked for that are Python, or the compiler."""
    return [path for path in paths if "/dist/pyodide/" in path or path.endswith(".pack")]


def open_page(context: Any, server: str) -> Any:
    """A page on which `turso` is the module under test."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.goto(f"{server}tests/browser/blank.html")
    opened.wait_for_function("globalThis.turso !== undefined")
    return opened


def visits(context: Any, server: str) -> Callable[..., Any]:
    """Opens the page anew in one browser profile and runs a function body on it; the page is closed after it."""

    def run(body: str, **values: Any) -> Any:
        page = open_page(context, server)
        try:
            return runner(page)(body, **values)
        finally:
            page.close()

    return run


@pytest.fixture(scope="module")
def lab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    """Run the body of an async function in a worker that has `lab` (lab.js)."""
    page = context.new_page()
    page.goto(f"{server}tests/browser/blank.html")
    page.evaluate("globalThis.lab = new Worker('/tests/browser/lab.js', { type: 'module' })")

    def run(code: str, **values: Any) -> Any:
        answer = page.evaluate(
            """(message) => new Promise((resolve, reject) => {
                lab.onmessage = ({ data }) => resolve(data);
                lab.onerror = (event) => reject(new Error(event.message));
                lab.postMessage(message);
            })""",
            {"code": code, "values": values},
        )
        assert "error" not in answer, answer["error"]
        return answer["value"]

    yield run
    page.close()


@pytest.fixture
def js(page: Any) -> Js:
    """Run the body of an async function on the page: `js("return 1 + x", x=1)`; errors come back as {error: …}."""
    return runner(page)


def runner(page: Any) -> Js:
    def run(body: str, **values: Any) -> Any:
        names = ", ".join(values)
        wrapped = f"""async ({{{names}}}) => {{
            const failure = async (act) => {{
                try {{ await act(); }} catch (error) {{
                    const {{ name, message, code, errcode, offset }} = error;
                    return {{ name, message, code, errcode, offset }};
                }}
                return null;
            }};
            {body}
        }}"""
        return page.evaluate(wrapped, values)

    return run
