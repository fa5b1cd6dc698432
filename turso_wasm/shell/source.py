"""Cutting what is read into statements and dot-commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from turso_wasm.sql.complete import is_complete, split_statements

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell


class Source:
    """Reads lines and has the shell run what they are. is_pending: amid a statement. n_errors: so far."""

    def __init__(self, shell: Shell, *, is_script: bool = True) -> None:
        self._shell = shell
        self._is_script = is_script
        self._text = ""
        self.n_errors = 0

    @property
    def is_pending(self) -> bool:
        """Whether a statement has begun and not ended."""
        return bool(self._text)

    def forget(self) -> None:
        """Drop what was read of a statement."""
        self._text = ""

    def run(self, lines: Iterable[str]) -> int:
        """Run all that the lines say; how many errors there were. Ends with `.exit`, or an error after `.bail on`."""
        first = 0
        for number, line in enumerate(lines, 1):
            line = line.removesuffix("\n").removesuffix("\r")
            if not self._text:
                if not line.strip():
                    continue
                if line[0] in ".#":
                    if line[0] == ".":
                        self._shell.echo(line)
                        self._count(self._shell.run_command(line, number if self._is_script else None))
                        if self._is_over():
                            return self.n_errors
                    continue
                first = number
            elif line.strip().lower() in ("/", "go") and is_complete(self._text + ";"):
                line = ";"
            self._text += line + "\n"
            if ";" in line and is_complete(self._text[:-1]):
                self._flush(first)
                if self._is_over():
                    return self.n_errors
            elif not self._text.strip() or not has_token(self._text):
                self._text = ""
        if self._text:
            self._flush(first)
        return self.n_errors

    def _flush(self, first: int) -> None:
        text, self._text = self._text.strip("\n"), ""
        if has_token(text):
            self._shell.echo(text)
            self._count(self._shell.run_sql(text, first if self._is_script else None))

    def _count(self, is_good: bool) -> None:
        self.n_errors += not is_good

    def _is_over(self) -> bool:
        shell = self._shell
        return shell.exit_code is not None or (self.n_errors > 0 and shell.settings.bail) or shell.was_interrupted


def has_token(text: str) -> bool:
    """Whether there is more than blanks and whole comments."""
    if "/*" not in text and "--" not in text:
        return True
    return bool(split_statements(text)) or not is_complete(text + "\n;")
