"""Wheel build: compile the kernel, and lay the JavaScript of web/ into the package.

The wheel stays pure Python: kernel.wasm and symbols.json are made here from turso_wasm/kernel, with nothing but Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run `python -m turso_wasm.kernel.build`; ship web/ as turso_wasm/web_assets."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected."""
        root = Path(self.root)
        subprocess.run([sys.executable, "-m", "turso_wasm.kernel.build"], cwd=root, check=True)
        for folder, target in (("web", "turso_wasm/web_assets"), ("vfs", "turso_wasm/web_assets/vfs")):
            for path in sorted((root / folder).rglob("*")):
                if path.suffix in (".js", ".mjs", ".css", ".html", ".json") and "node_modules" not in path.parts:
                    build_data["force_include"][str(path)] = f"{target}/{path.relative_to(root / folder).as_posix()}"
