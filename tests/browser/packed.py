"""The npm package as a release would publish it."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).with_name("packaging") / "node_modules"


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints, which must succeed. Bundlers find their plugins."""
    environment = {**os.environ, "NODE_PATH": str(MODULES), "PARCEL_WORKERS": "0"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def pack(folder: Path) -> Path:
    """The tarball."""
    options = ("--silent", "--ignore-scripts", "--pack-destination", folder)  # its script makes dist/, which is there
    return folder / run("npm", "pack", *options, folder=ROOT).strip()


def install(tarball: Path, folder: Path) -> Path:
    """Unpack it among the modules of the project in `folder`; where it lies."""
    with tarfile.open(tarball) as packed:
        packed.extractall(folder / "node_modules", filter="data")
    return (folder / "node_modules" / "package").rename(folder / "node_modules" / "turso-wasm")
