"""The synchronous JavaScript API in Node (a page's: tests/browser/test_face.py)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "dist"


def test_the_synchronous_api() -> None:
    node = shutil.which("node")
    if node is None or not (DIST / "kernel.wasm").exists():
        pytest.skip("needs Node and dist/")
    done = subprocess.run([node, str(HERE / "face.mjs")], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"
