"""The examples of docs/javascript.md: in a page, and in Node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.modules import SAID, SHOW, checked, in_node, in_page

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "javascript.md").read_text("utf-8")
BLOCK = re.compile(r"^```js ?(page|host)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(where: str) -> str:
    blocks = [code for place, code in BLOCK.findall(TEXT) if place in ("", where)]
    return SHOW + SAID.sub(checked, "\n".join(blocks))


def test_in_a_page(page: Any) -> None:
    in_page(page, examples("page"))


def test_in_node(tmp_path: Path) -> None:
    source = examples("host").replace("from 'turso-wasm'", "from 'turso-wasm/host'")
    in_node(f"process.chdir({str(tmp_path)!r});\n{source}\nprocess.exit();")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["index.d.ts", "host.d.ts"])
def test_every_method_has_a_place_in_it(kind: str) -> None:
    declared = re.findall(r"^  (?:readonly )?([a-z]\w+)[<(:?]", (ROOT / "web" / kind).read_text("utf-8"), re.MULTILINE)
    missing = {name for name in declared if not re.search(rf"\b{name}\b", TEXT)}
    assert missing <= INNER, missing - INNER


INNER = {
    "added",
    "removed",
    "compileMilliseconds",
    "fromSnapshot",
    "kind",
    "next",
    "notused",
    "owner",
    "parent",
    "rowCount",
    "tables",
    "truncated",
}
"""Parts of what methods give: of live queries, of scripts, of `status`, of plans."""
