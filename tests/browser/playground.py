"""The playground as tests use it: what a person does with it, in a word each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

AXE = Path(__file__).parent / "accessibility" / "node_modules" / "axe-core" / "axe.min.js"

READY = "#run[data-ready=true]"


def opened(context: Any, server: str) -> Any:
    """The playground in a page of its own, ready to run."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(server)
    page.wait_for_selector(READY)
    page.wait_for_selector("#editor .cm-content")
    return page


def write(page: Any, sql: str) -> None:
    """Paste SQL into the editor, in the place of what is there."""
    page.focus("#editor .cm-content")
    page.keyboard.press("Control+A")
    page.evaluate(
        """(text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', text);
        const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
        document.querySelector('#editor .cm-content').dispatchEvent(paste);
    }""",
        sql,
    )


def start(page: Any, sql: str) -> None:
    """Write SQL and start it."""
    write(page, sql)
    page.keyboard.press("Control+Enter")


def run(page: Any, sql: str) -> str:
    """Write SQL, run it; what a screen reader hears of it."""
    start(page, sql)
    return finished(page)


def finished(page: Any) -> str:
    """Wait until a run has ended that was not waited for before; what a screen reader hears."""
    return until(
        page,
        """() => {
        const { dataset, textContent } = document.querySelector('#summary');
        if (!(Number(dataset.finished) > (globalThis.seenRun ?? 0)) || !document.querySelector('#run')) return null;
        globalThis.seenRun = Number(dataset.finished);
        return textContent || 'nothing';
    }""",
    )


def until(page: Any, function: str, seconds: float = 60) -> Any:
    """Wait until a function of the page gives something: `wait_for_function` needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := page.evaluate(function):
            return value
        page.wait_for_timeout(30)
    raise AssertionError(f"it never happened: {function}")


def table(page: Any) -> list[list[str]]:
    """The cells of the grid that is shown."""
    return page.evaluate("""() => [...document.querySelectorAll('.grid-row')].map(
        (row) => [...row.querySelectorAll('.cell')].map((cell) => cell.textContent))""")


def command(page: Any, name: str) -> None:
    """Choose a command by its name, from the palette."""
    page.keyboard.press("Control+k")
    page.fill("dialog input", name)
    page.keyboard.press("Enter")


def answer(page: Any, text: str) -> None:
    """Answer a question."""
    page.fill("dialog input", text)
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog", state="detached")


def violations(page: Any) -> list[Any]:
    """What axe finds on the page as it is."""
    page.evaluate(AXE.read_text("utf-8"))
    return page.evaluate(
        "async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 200)])"
    )
