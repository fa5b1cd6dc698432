"""The examples of docs/types.md give what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import turso_wasm

TEXT = (Path(__file__).parents[3] / "docs" / "types.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_example(block: str) -> None:
    with turso_wasm.connect(":memory:", isolation_level=None) as db:
        expected = [line.removeprefix("-- ") for line in block.splitlines() if line.startswith("-- ")]
        *before, last = [statement for statement in block.split(";\n") if statement.strip("\n")][:-1]
        db.executescript(";".join(before))
        assert ["|".join(map(str, row)) for row in db.execute(last)] == expected
    db.close()
