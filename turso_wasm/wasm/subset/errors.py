"""SubsetError: what is wrong, where, with the source line and a caret."""

from __future__ import annotations

import ast
import os


class SubsetError(Exception):
    """A kernel source the compiler refuses. `message` says what was expected; `line` is 1-based."""

    def __init__(self, message: str, path: str = "", node: ast.AST | None = None, text: str = "") -> None:
        self.message = message
        self.path = path
        self.line: int = getattr(node, "lineno", 0)
        self.column: int = getattr(node, "col_offset", 0)
        super().__init__(_format(message, path, node, text))

    @classmethod
    def all(cls, errors: list[SubsetError]) -> SubsetError:
        """The first of several errors, with the texts of all (each once)."""
        first = errors[0]
        first.args = ("\n".join(dict.fromkeys(str(error) for error in errors)),)
        return first


def _format(message: str, path: str, node: ast.AST | None, text: str) -> str:
    line = getattr(node, "lineno", 0)
    if not line:
        return f"{_relative(path)}: {message}" if path else message
    source = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    start = len(source.encode()[: getattr(node, "col_offset", 0)].decode(errors="replace"))
    same_line = getattr(node, "end_lineno", line) == line
    end = (
        len(source.encode()[: getattr(node, "end_col_offset", 0)].decode(errors="replace"))
        if same_line
        else len(source)
    )
    indent = len(source) - len(source.lstrip())
    caret = " " * (start - indent) + "^" * max(1, end - start)
    return f"{_relative(path)}:{line}: {message}\n    {source.strip()}\n    {caret}"


def _relative(path: str) -> str:
    """The path from the working directory when it lies below it."""
    here = os.getcwd() + os.sep
    return path[len(here) :] if path.startswith(here) else path
