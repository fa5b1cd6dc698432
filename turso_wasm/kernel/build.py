"""Building kernel.wasm and symbols.json from the kernel's Python sources.

`python -m turso_wasm.kernel.build [--debug]` builds; `--check MODULE…` compiles only those modules and what they
import, with every function of theirs as a root, and writes nothing. `ensure_built()` rebuilds when the sources (of
kernel/ and of the compiler in wasm/) differ from those the files were made of. Two processes may build at once: files
are replaced atomically, and both make the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.subset.program import compile_program

HERE = Path(__file__).parent
WASM = HERE / "kernel.wasm"
SYMBOLS = HERE / "symbols.json"
_NOT_KERNEL = {HERE / "build.py"}


def kernel_modules() -> list[str]:
    """The dotted names of all kernel modules, sorted."""
    paths = sorted(path for path in HERE.rglob("*.py") if path.stem != "__init__" and path not in _NOT_KERNEL)
    return [".".join(("turso_wasm", "kernel", *path.relative_to(HERE).with_suffix("").parts)) for path in paths]


def source_hash(debug: bool = False) -> str:
    """A digest of every source that determines the build."""
    digest = hashlib.sha256(f"debug={debug}".encode())
    compiler = HERE.parent / "wasm"
    for folder in (HERE, compiler):
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(HERE.parent).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def build(debug: bool = False) -> tuple[bytes, dict[str, Any]]:
    """Compile the whole kernel and write kernel.wasm and symbols.json. Errors: SubsetError."""
    digest = source_hash(debug)
    wasm, symbols = compile_program(kernel_modules(), debug)
    symbols["source"] = digest
    symbols["debug"] = debug
    symbols["sha256"] = hashlib.sha256(wasm).hexdigest()
    _replace(WASM, wasm)
    _replace(SYMBOLS, json.dumps(symbols, separators=(",", ":"), sort_keys=True).encode() + b"\n")
    return wasm, symbols


def ensure_built(debug: bool = False) -> None:
    """Build unless kernel.wasm and symbols.json belong to the present sources. Errors: SubsetError."""
    if not is_current(debug):
        build(debug)


def is_current(debug: bool = False) -> bool:
    """Whether the built files belong together and to the present sources."""
    try:
        symbols = json.loads(SYMBOLS.read_bytes())
        wasm = WASM.read_bytes()
    except (OSError, ValueError):
        return False
    same = symbols.get("source") == source_hash(debug)
    return bool(same and symbols.get("sha256") == hashlib.sha256(wasm).hexdigest())


def check_build(modules: Iterable[str], debug: bool = True) -> tuple[bytes, dict[str, Any]]:
    """(wasm, symbols) of some modules and what they import, every function of theirs exported. Errors: SubsetError."""
    modules = list(modules)
    return compile_program(modules, debug, export_all=modules)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns 1 when the sources do not compile."""
    parser = argparse.ArgumentParser(prog="python -m turso_wasm.kernel.build", description="Build kernel.wasm.")
    parser.add_argument("--debug", action="store_true", help="with assertions")
    parser.add_argument("--check", nargs="+", metavar="MODULE", help="only compile these modules; write nothing")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            wasm, symbols = check_build(options.check, options.debug)
        else:
            wasm, symbols = build(options.debug)
    except SubsetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(wasm):,} bytes, {len(symbols['functions'])} functions exported")
    return 0


if __name__ == "__main__":
    sys.exit(main())
