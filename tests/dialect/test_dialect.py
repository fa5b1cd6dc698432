"""SQLAlchemy's own tests of dialects pass with ours as with that of `sqlite3` (run.py)."""

from __future__ import annotations

import re
import sys

import pytest

from tests.dialect import run

pytest.importorskip("sqlalchemy")
pytest.importorskip("greenlet")


@pytest.mark.skipif(sys.platform == "emscripten", reason="there are no processes")
@pytest.mark.parametrize("url", ["turso+wasm://"])
def test_what_sqlite_passes_passes(url: str) -> None:
    done = run.run(url, leave=run.NOT_SQLITE + run.LONG)
    failed = re.findall("^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE)
    assert not [line for line in failed if not line.startswith(run.DROPPED_TWICE)]
    found = re.search(r"(\d+) passed", done.stdout)
    assert found and int(found[1]) > 600, done.stdout[-3000:] + done.stderr[-3000:]
