"""Pages load the compiler without its assertions: nothing may depend on one being evaluated."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "turso_wasm"
HARMLESS = frozenset("isinstance hasattr len type all any int set get values items find offset join".split())  # noqa: SIM905


def calls(node: ast.AST) -> list[str]:
    """The names of what is called in an assertion."""
    functions = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return [f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "?") for f in functions]


def test_assertions_only_look() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}()"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "kernel"  # there an assertion is code, or none
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert)
        for name in calls(node.test)
        if name not in HARMLESS
    ]
    assert found == []
