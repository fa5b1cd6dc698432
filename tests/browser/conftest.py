"""Chromium for the tests of the browser side, with a real profile.

Private contexts make OPFS a hundred times slower.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.serve import serving

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run `make setup`")

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP insecure.test 127.0.0.1"]


def find_chromium() -> str | None:
    """CHROMIUM, or a Chromium or Chrome on the path."""
    named = os.environ.get("CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return named or next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        pytest.fail("no Chromium found: run `make setup`, or set CHROMIUM to its path")
    if not (ROOT / "dist" / "compiler.pack").exists():
        pytest.fail("dist/ is not built: run `make assets`")
    return found


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """Playwright itself."""
    with playwright.sync_playwright() as started:
        yield started.chromium


@pytest.fixture(scope="session")
def launch(browser: Any, chromium: str) -> Callable[[Path], Any]:
    """A function that starts Chromium on a profile folder: a persistent context."""

    def start(profile: Path) -> Any:
        flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
        return browser.launch_persistent_context(
            str(profile), executable_path=chromium, headless=True, args=flags, chromium_sandbox=os.geteuid() != 0
        )

    return start


@pytest.fixture(scope="session")
def context(launch: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Chromium for all tests of a run."""
    started = launch(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def page(context: Any, server: str) -> Iterator[Any]:
    """A page with the engine, shared by the tests of a module: each test uses databases of its own."""
    opened = open_page(context, server)
    yield opened
    opened.close()


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


Js = Callable[..., Any]


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
