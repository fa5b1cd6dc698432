"""The SQL of docs/full-text.md gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import turso_wasm

TEXT = (Path(__file__).parents[3] / "docs" / "full-text.md").read_text("utf-8")


def test_examples_in_sql() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    statements = re.findall(
        r"((?:^(?!-- ).*\n)+)((?:^-- .*\n)*)", "".join(re.findall(r"```sql\n(.*?)```", TEXT, re.S)), re.M
    )
    assert len(statements) > 10
    for text, shown in statements:
        *before, last = [one for one in text.split(";\n") if one.strip()]
        for one in before:
            db.execute(one)
        rows = ["-- " + "|".join(map(str, row)) + "\n" for row in db.execute(last)]
        assert "".join(rows) == shown
