"""Wheel build: compile the kernel, and lay the JavaScript host into the package.

The wheel stays pure Python: kernel.wasm and symbols.json are made here from turso_wasm/kernel, with nothing but Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run `python -m turso_wasm.kernel.build`; ship base/, vfs/ and web/ as turso_wasm/web_assets/{base,vfs,web}."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected."""
        root = Path(self.root)
        command = "from turso_wasm.kernel import build; build.ensure_built()"
        subprocess.run([sys.executable, "-c", command], cwd=root, check=True)
        for folder in ("base", "vfs", "web"):
            for path in sorted((root / folder).rglob("*.js")):
                build_data["force_include"][str(path)] = f"turso_wasm/web_assets/{path.relative_to(root).as_posix()}"
