"""The synchronous JavaScript API in Node, and functions, aggregates and collations of the user's there (a page's:
tests/browser; Python's: tests/unit/dbapi).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "dist"


@pytest.mark.parametrize("script", ["face.mjs", "user_code.mjs", "web_storage_laws.mjs"])
def test_script(script: str) -> None:
    node = shutil.which("node")
    if node is None or not (DIST / "kernel.wasm").exists():
        pytest.skip("needs Node and dist/")
    done = subprocess.run([node, str(HERE / script)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"
