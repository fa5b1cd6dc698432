"""Make dist/, the folder that pages load the engine from (kernel.wasm, compiler.pack, Pyodide), and what is published.

`python web/make_assets.py` makes what is missing or older than its sources. Pyodide comes from node_modules/pyodide,
where `npm install` puts it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from compiler_modules import command_modules, compiler_modules

from turso_wasm.runtime.compiler import compile_statement
from turso_wasm.runtime.engine import digest_of
from turso_wasm.runtime.schema import BOOTSTRAP, SCHEMA_QUERY, SHARED_BY_SHAPE
from turso_wasm.sql.lexer import tokenize

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")


def make() -> Path:
    """Bring dist/ up to date; its path. Errors: SystemExit with a message when Pyodide is not installed."""
    DIST.mkdir(exist_ok=True)
    source = ROOT / "node_modules" / "pyodide"
    if not (source / "pyodide.mjs").exists():
        sys.exit("Pyodide is missing: run `npm install` (or `make setup`) first")
    (DIST / "pyodide").mkdir(exist_ok=True)
    for name in PYODIDE:
        _copy(source / name, DIST / "pyodide" / name)
    pack, command = DIST / "compiler.pack", DIST / "command.pack"
    if not all(each.exists() and each.stat().st_mtime >= _newest() for each in (pack, command)):
        _build_wheel()
        _pack(pack, [*compiler_modules(ROOT), Path("turso_wasm", "kernel", "symbols.json")])
        _pack(command, command_modules(ROOT))
    _write(DIST / "kernel.wasm", kernel_with_programs())
    _build_package()
    _build_playground()
    return DIST


def _build_package() -> None:
    """dist/package/, what npm publishes (build_package.mjs)."""
    if subprocess.run([_node(), ROOT / "web" / "build_package.mjs"], stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit("the npm package could not be built")


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        sys.exit("node is missing: run `make setup` first")
    return node


def _build_playground() -> None:
    """dist/samples/ and dist/playground/, a site of its own (demo/build.mjs)."""
    samples = [sys.executable, ROOT / "demo" / "samples" / "make_samples.py", DIST / "samples"]
    for command in (samples, [_node(), ROOT / "demo" / "build.mjs"]):
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
            sys.exit("the playground could not be built")


def _newest() -> float:
    sources = [ROOT / "pyproject.toml", ROOT / ".ci" / "build_hook.py", *(ROOT / "turso_wasm").rglob("*.py")]
    scripts: Iterable[Path] = (path for folder in ("base", "vfs", "web") for path in (ROOT / folder).rglob("*.?js"))
    return max(path.stat().st_mtime for path in (*sources, *scripts))


def _build_wheel() -> None:
    """The wheel, under the name that pip and micropip want."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the wheel could not be built:\n{done.stdout}{done.stderr}")
        (built,) = Path(folder).glob("*.whl")
        for old in DIST.glob("*.whl"):
            old.unlink()
        shutil.copyfile(built, DIST / built.name)


def _pack(target: Path, files: Iterable[Path]) -> None:
    """The compiler, or the command, as Pyodide loads it (pack_compiler.mjs)."""
    command = [_node(), ROOT / "web" / "pack_compiler.mjs", ROOT, target]
    paths = "\n".join(path.as_posix() for path in files)
    done = subprocess.run(command, cwd=ROOT, input=paths, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{target.name} could not be packed:\n{done.stderr[-2000:]}")


# --- the kernel as pages load it ----------------------------------------------------------------------------------

# What every visit needs before any other statement, and what web/ itself runs.
FIRST_STATEMENTS = (
    f'{SCHEMA_QUERY} "main".sqlite_master', f'{SCHEMA_QUERY} "temp".sqlite_master', "BEGIN", "BEGIN IMMEDIATE",
    "BEGIN EXCLUSIVE", "COMMIT", "ROLLBACK", "SAVEPOINT _transaction",
    "RELEASE _transaction", "ROLLBACK TO _transaction", "SELECT data FROM sqlite_dbpage",
)  # fmt: skip


def kernel_with_programs() -> bytes:
    """kernel.wasm with two custom sections (read by web/kernel.js).

    build: names the kernel and the compiler, in hexadecimal, a dash between them. programs: u32 size of a JSON header
    [[text, whether other texts of its shape may share it, size]], the header, the Programs of FIRST_STATEMENTS.
    """
    kernel = (ROOT / "turso_wasm" / "kernel" / "kernel.wasm").read_bytes()
    digest = hashlib.sha256()
    for path in sorted((ROOT / "turso_wasm").rglob("*.py")):
        digest.update(path.read_bytes())
    head, codes = [], []
    for text in FIRST_STATEMENTS:
        program = compile_statement(tokenize(text), BOOTSTRAP.catalogs())
        codes.append(program.to_bytes())
        head.append([text, program.kind in SHARED_BY_SHAPE, len(codes[-1])])
    raw = json.dumps(head, separators=(",", ":")).encode()
    programs = len(raw).to_bytes(4, "little") + raw + b"".join(codes)
    build = f"{digest_of(kernel)}-{digest.hexdigest()[:32]}".encode()
    return kernel + _custom_section("build", build) + _custom_section("programs", programs)


def _custom_section(name: str, content: bytes) -> bytes:
    body = _unsigned(len(name)) + name.encode() + content
    return b"\0" + _unsigned(len(body)) + body


def _unsigned(number: int) -> bytes:
    """LEB128."""
    raw = bytearray()
    while number > 127:
        raw.append(number & 127 | 128)
        number >>= 7
    return bytes(raw + bytes([number]))


def _write(target: Path, content: bytes) -> None:
    if not target.exists() or target.read_bytes() != content:
        target.write_bytes(content)


def _copy(source: Path, target: Path) -> None:
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    print(make())
