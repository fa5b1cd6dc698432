"""The SQL and the Python of docs/change-capture.md give what it says (its JavaScript: tests/browser)."""

from __future__ import annotations

import re
from pathlib import Path

import turso_wasm

TEXT = (Path(__file__).parents[3] / "docs" / "change-capture.md").read_text("utf-8")


def test_examples_in_sql() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    shown: list[str] = []
    blocks = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) > 1
    for block in blocks:
        text = ""
        for line in block.splitlines():
            if line.startswith("-- "):
                assert shown.pop(0) == line[3:]
                continue
            text += f"{line}\n"
            if line.endswith(";"):
                assert not shown
                rows = db.execute(text).fetchall()
                shown = ["|".join("" if value is None else str(value) for value in row) for row in rows]
                text = ""
        assert not shown


def test_example_in_python() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "change-capture.md", "exec"), {})
