"""SQLAlchemy's tests of dialects against ours.

    python -m tests.dialect.run [URL] [pytest's arguments …]

NOT_SQLITE names what SQLAlchemy's dialect for the standard library's `sqlite3` fails as well (run it: `sqlite://`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
URL = "turso+wasm://"

NOT_SQLITE = [
    "test_dialect_autocommit_is_restored",
    "test_get_foreign_keys",
    "test_get_multi_foreign_keys",
    "test_get_multi_unique_constraints",
    "test_get_table_options",
    "test_multi_get_table_options",
    "test_unreflectable",
    "test_has_multi_table",
    "test_has_table",
    "test_has_table_cache",
    "test_tuples",
]
DROPPED_TWICE = "ERROR ::ComponentReflectionTest"  # what its last test leaves is dropped before; with `sqlite3`, too
LONG = ["test_get_multi"]  # hundreds of combinations of one query

SETTINGS = """
[sqla_testing]
requirement_cls = tests.dialect.requirements:Requirements
profile_file = profiles.txt
"""


def run(url: str = URL, *more: str, leave: list[str] = NOT_SQLITE) -> subprocess.CompletedProcess[str]:
    """Run them in a directory of their own. leave: parts of names of tests that are left out."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "setup.cfg").write_text(SETTINGS)
        plugins = [
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.dialect.plugin",
            "-p",
            "sqlalchemy.testing.plugin.pytestplugin",
        ]
        options = [
            "-c",
            "setup.cfg",
            "--rootdir",
            folder,
            *plugins,
            "--dburi",
            url,
            "-k",
            f"not ({' or '.join(leave)})",
        ]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--maxfail=1000",
            *options,
            *more,
            ROOT / "tests/dialect/suite.py",
        ]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    done = run(*sys.argv[1:])
    print(done.stdout[-20_000:], done.stderr[-2000:])
    sys.exit(done.returncode)
