"""Stores of pages whose power is cut: in Node, over an origin private file system that drops what was not flushed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "dist"


@pytest.mark.parametrize(("mode", "every"), [("wal", 1), ("delete", 3)])
def test_what_was_committed_and_every_snapshot_survive(mode: str, every: int) -> None:
    """At every call that changes storage, and once more during recovery."""
    node = shutil.which("node")
    if node is None or not (DIST / "kernel.wasm").exists():
        pytest.skip("needs Node and dist/")
    script = [node, str(HERE / "snapshots.mjs"), mode, "0", str(every)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200 / every
