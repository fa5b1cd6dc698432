"""Lines of a terminal that is read elsewhere: by Node, where the shell runs in Pyodide (web/command/)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from turso_wasm.shell.terminal.completion import Candidates

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

INTERRUPTED: Final = "\x03"
"""What is read when Ctrl-C was typed."""

Read = Callable[[str, Callable[[str], str]], str | None]
"""Shows a prompt and reads a line; None: there are no more. It is given what completes the text before the cursor: the
word that the text ends with and what it can become, a line each.
"""


class Reader:
    """Asks for one line at a time."""

    def __init__(self, shell: Shell, read: Read) -> None:
        self._shell, self._read = shell, read
        self._candidates = Candidates(shell)

    def ask(self, *, is_pending: bool) -> str:
        """What was typed. is_pending: amid a statement. Errors: EOFError, KeyboardInterrupt."""
        line = self._read(self._shell.settings.prompts[is_pending], self._complete)
        if line is None:
            raise EOFError
        if line == INTERRUPTED:
            raise KeyboardInterrupt
        return line

    def _complete(self, text: str) -> str:
        word, found = self._candidates.of(text.lstrip())
        return "\n".join([word, *(candidate for candidate, _ in found)])
