"""Which modules of the package the query compiler and the command need: what they import, in functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "turso_wasm"
START = "turso_wasm.bridge"
COMMAND = ("turso_wasm.cli", "turso_wasm.shell.terminal")  # imported by name: the terminal
NOT_IN_PYODIDE = ("turso_wasm.runtime.hosts.wasmtime", "turso_wasm.mcp", "turso_wasm.server", "turso_wasm.sync")
BY_NAME = "library"  # the folder whose modules are imported by a name that is computed (catalog/library.py)


def compiler_modules(root: Path) -> list[Path]:
    """The files, relative to `root`, the folder that holds the package; sorted."""
    return _reached(
        root, [START, *(f"{PACKAGE}.{BY_NAME}.{path.stem}" for path in (root / PACKAGE / BY_NAME).glob("*.py"))]
    )


def command_modules(root: Path) -> list[Path]:
    """The files that the command `turso-wasm` needs in Pyodide beside the compiler's, likewise."""
    return sorted(set(_reached(root, COMMAND)) - set(compiler_modules(root)))


def _reached(root: Path, names: Iterable[str]) -> list[Path]:
    waiting = list(names)
    found: set[Path] = set()
    while waiting:
        name = waiting.pop()
        file = None if name.startswith(NOT_IN_PYODIDE) else _file(root, name)
        if file is None or file in found:
            continue
        found.add(file)
        waiting += _parents(name)
        waiting += _imports(ast.parse(file.read_text()))
    return sorted(file.relative_to(root) for file in found)


def _file(root: Path, name: str) -> Path | None:
    """The file of a module; None if the name is not one (`from module import function`)."""
    path = root.joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.exists()), None)


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for n in range(1, len(parts)):
        yield ".".join(parts[:n])


def _imports(node: ast.AST) -> Iterator[str]:
    """Names that are or may be modules of the package, but those for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _imports(ast.Module(child.orelse, []))
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names if alias.name.startswith(PACKAGE))
        elif isinstance(child, ast.ImportFrom) and (child.module or "").startswith(PACKAGE):
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from _imports(child)
