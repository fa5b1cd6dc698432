"""The APIs of other libraries, on what their documentation shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.modules import document, in_node, in_page


def test_the_document_in_a_page(page: Any) -> None:
    in_page(page, document("shims.md"))


def test_the_document_in_node() -> None:
    in_node(document("shims.md") + "process.exit();")


@pytest.mark.parametrize("name", ["sqljs", "oo1", "capi"])
def test_each_call(name: str) -> None:
    assert (
        in_node(f"import run from './tests/browser/shims/{name}.js'; console.log(await run()); process.exit()")
        == "all of it\n"
    )


def test_oo1_on_opfs(page: Any) -> None:
    said = page.evaluate(
        """() => new Promise((resolve) => {
            const worker = new Worker('/tests/browser/shims/opfs_worker.js', { type: 'module' });
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = (event) => resolve(event.message);
        })"""
    )
    assert said == "all of it"


def test_the_promiser(page: Any) -> None:
    assert page.evaluate("async () => (await import('/tests/browser/shims/promiser.js')).default()") == "all of it"


def test_oo1_in_the_storage_of_a_page(page: Any) -> None:
    assert page.evaluate("async () => (await import('/tests/browser/shims/storage.js')).default()") == "all of it"
