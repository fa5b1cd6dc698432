"""What cannot be compiled, with its place in the source."""

from __future__ import annotations

import ast


class NotTyped(Exception):
    """A function is no typed Python. `str` shows why, and the line with a caret below."""

    def __init__(self, message: str, node: ast.AST | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.path = ""
        self.first_line = 1
        self.lines: list[str] = []

    def at(self, path: str, first_line: int, text: str) -> NotTyped:
        """The same, told where its nodes' lines are: `text` begins at `first_line` of `path`."""
        if not self.path:
            self.path, self.first_line, self.lines = path, first_line, text.splitlines()
        return self

    def __str__(self) -> str:
        line = getattr(self.node, "lineno", 0)
        if not self.path or not 0 < line <= len(self.lines):
            return self.message
        column = getattr(self.node, "col_offset", 0)
        shown = self.lines[line - 1]
        before = len(shown.encode()[:column].decode(errors="ignore"))
        width = max(1, (getattr(self.node, "end_col_offset", column + 1) or column + 1) - column)
        carets = "^" * min(width, max(1, len(shown) - before))
        return (
            f"{self.message}\n  {self.path}, line {self.first_line + line - 1}\n    {shown}\n    {' ' * before}{carets}"
        )
