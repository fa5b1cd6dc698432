"""A site of JupyterLite, built without the network: with the Pyodide of node_modules, IPython from PyPI, our wheel."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from demo.serve import ROOT, Handler

FETCHED = ROOT / ".venv"
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"


def build(folder: Path) -> Path:
    """Build the site of examples/jupyterlite; its folder."""
    sources, site = folder / "sources", folder / "site"
    (sources / "pypi").mkdir(parents=True)
    for wheel in (*(FETCHED / "jupyterlite").glob("*.whl"), *(ROOT / "dist").glob("*.whl")):
        shutil.copy(wheel, sources / "pypi")
    _bring_pyodide(sources / "static" / "pyodide")
    settings = {"litePluginSettings": {KERNEL: {"disablePyPIFallback": True}}}
    lite = {"jupyter-lite-schema-version": 0, "jupyter-config-data": settings}
    (sources / "jupyter-lite.json").write_text(json.dumps(lite))
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", sources, "--output-dir", site]
    options = ["--contents", ROOT / "examples" / "jupyterlite", "--apps", "lab", "--no-sourcemaps"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, *options], cwd=sources, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return site


def _bring_pyodide(folder: Path) -> None:
    """Pyodide, of whose packages only the installer is there: all others come from the site's own index."""
    shutil.copytree(ROOT / "dist" / "pyodide", folder)
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    known, lock["packages"] = lock["packages"], {}
    for wheel in (FETCHED / "pyodide").glob("*.whl"):
        shutil.copy(wheel, folder)
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lock["packages"][name] = {**known[name], "file_name": wheel.name, "version": version, "sha256": digest}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))


def handler_of(site: Path) -> type[Handler]:
    """Serves the site and nothing else."""

    class SiteHandler(Handler):
        def translate_path(self, path: str) -> str:
            file = (site / unquote(urlsplit(path).path).lstrip("/")).resolve()
            return str(file if file.is_relative_to(site) else site / "no such file")

    return SiteHandler
