"""CPython's tests of `sqlite3` against us, where the interpreter has them (run.py)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.cpython import run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("test") is None or importlib.util.find_spec(run.PACKAGE) is None,
    reason="this interpreter was installed without its tests",
)


def test_all_that_applies_passes() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.cpython.run"], capture_output=True, text=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED test_")]
    assert not failed
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_what_is_not_ours_is_few() -> None:
    assert len(run.NOT_OURS) <= 9  # of 436 and more
