# ruff: noqa: E501 (lines of JavaScript)
"""The adapters for query builders, on what these document, in Node on the host's database and in Chromium on the page's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.modules import document, in_node, in_page

RUN = "import run from './tests/browser/adapters/{name}.js'; import {{ connect }} from '{package}';"


@pytest.mark.parametrize("name", ["kysely", "drizzle"])
class TestAdapters:
    def test_in_node(self, name: str) -> None:
        source = RUN.format(name=name, package="turso-wasm/host")
        assert in_node(f"{source} console.log(await run(connect)); process.exit()") == "all of them\n"

    def test_in_a_page(self, page: Any, name: str) -> None:
        source = RUN.format(name=name, package="turso-wasm")
        assert in_page(page, f"{source} export default await run(connect);") == "all of them"

    def test_of_the_host_in_a_page(self, page: Any, name: str) -> None:
        source = RUN.format(name=name, package="turso-wasm/host")
        assert in_page(page, f"{source} export default await run(connect);") == "all of them"


def test_the_document_in_a_page(page: Any) -> None:
    in_page(page, document("adapters.md"))


def test_the_document_in_node() -> None:
    in_node(document("adapters.md").replace("'turso-wasm'", "'turso-wasm/host'") + "process.exit();")
