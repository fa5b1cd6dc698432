"""Chromium with a real profile (private ones make OPFS a hundred times slower): a plugin, for whoever tests in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.serve import ROOT, serving

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
    """Playwright itself: one for a process, which is all that its event loop allows."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run `make setup`")
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
