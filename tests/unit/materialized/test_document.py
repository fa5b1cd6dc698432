"""The examples of docs/materialized-views.md give what stands beside them."""

from __future__ import annotations

import re
from ast import literal_eval
from pathlib import Path

import turso_wasm

TEXT = (Path(__file__).parents[3] / "docs" / "materialized-views.md").read_text("utf-8")


def test_sql() -> None:
    found = re.findall(r"^```sql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    with turso_wasm.connect(":memory:", isolation_level=None) as db:
        for line in "".join(found).replace(",\n", ", ").replace("AS\n", "AS ").splitlines():
            sql, _, expected = line.partition(" -- → ")
            rows = db.execute(sql).fetchall() if sql else []
            assert not expected or sorted(rows, key=repr) == list(literal_eval(f"[{expected}]"))
    db.close()
