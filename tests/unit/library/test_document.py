"""docs/functions.md knows every function, and its examples give what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import turso_wasm
from turso_wasm.catalog.functions import STATISTICS
from turso_wasm.catalog.library import LIBRARY
from turso_wasm.catalog.modules.registry import MODULES

TEXT = (Path(__file__).parents[3] / "docs" / "functions.md").read_text("utf-8")
ROW = re.compile(r"^\| `(?P<head>\w+)\(.*?` \| .* \| `(?P<example>.*)` \| `(?P<result>.*)` \|$", re.MULTILINE)
ROWS = [tuple(part.replace(r"\|", "|") for part in row) for row in ROW.findall(TEXT)]


@pytest.mark.parametrize(("example", "result"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_examples(example: str, result: str) -> None:
    db = turso_wasm.connect(":memory:")
    assert db.execute(f"SELECT quote({example})").fetchone() == (result,)


def test_every_function_has_an_example() -> None:
    assert set(LIBRARY) <= {head for head, *_ in ROWS}
    assert not [name for name in STATISTICS if f"`{name}" not in TEXT]


def test_every_module_is_named() -> None:
    assert not [name for name in MODULES if name not in TEXT and name != "echo"]
