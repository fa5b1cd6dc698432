"""The examples of docs/vectors.md give what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import turso_wasm

TEXT = (Path(__file__).parents[3] / "docs" / "vectors.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_sql() -> None:
    with turso_wasm.connect(":memory:", isolation_level=None) as db:
        for block in blocks("sql"):
            expected = [line.removeprefix("-- ") for line in block.splitlines() if line.startswith("-- ")]
            *before, last = [statement for statement in block.split(";\n") if statement.strip("\n")][:-1]
            db.executescript(";".join(before))
            assert ["|".join(map(str, row)) for row in db.execute(last)] == expected
    db.close()


def test_python() -> None:
    for block in blocks("python"):
        *before, last = block.strip().splitlines()
        call, _, expected = last.partition("  # ")
        names: dict[str, object] = {}
        exec("\n".join(before), names)
        assert repr(eval(call, names)) == expected
        names["db"].close()  # type: ignore[attr-defined]
