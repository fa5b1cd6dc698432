"""`python -m benchmarks`: install the peers if they are missing, then measure (run.py)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from benchmarks import run

HERE = Path(__file__).resolve().parent


def install_peers() -> None:
    """The npm packages of package.json and the Python packages of requirements.txt."""
    if not all(
        (HERE / "node_modules" / name).exists() for name in ("@electric-sql", "@duckdb", "sqlocal", "wa-sqlite")
    ):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    if not all(map(importlib.util.find_spec, ("turso", "duckdb"))):
        subprocess.run([sys.executable, "-m", "pip", "install", "-r", str(HERE / "requirements.txt")], check=True)


if __name__ == "__main__":
    install_peers()
    run.main()
