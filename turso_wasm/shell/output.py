"""Where results go: standard output, a file of `.output`, or one of `.once` for the next statement."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

from turso_wasm.shell.formats.values import ENCODING_ERRORS


class Bar:
    """A progress bar; this one shows nothing."""

    def update(self, done: int, total: int | None) -> None:
        """So much of `total` is done; None: the total stays as it was, or is not known."""


NO_BAR: Final = Bar()


class Output:
    """Where results are written. name: as `.show` tells it."""

    def __init__(self, standard: TextIO) -> None:
        self._standard = self._file = standard
        self._is_once = False
        self.name = "stdout"

    @property
    def is_redirected(self) -> bool:
        """Whether results go to a file."""
        return self._file is not self._standard

    def write(self, text: str) -> None:
        """Write text as it is."""
        self._file.write(text)

    def line(self, text: str = "") -> None:
        """Write a line."""
        self._file.write(text + "\n")

    def redirect(self, name: str | None, *, once: bool = False, bom: bool = False) -> None:
        """Write to a file from now on, or with `once` until the next statement has ended; None: standard output.

        Errors: OSError.
        """
        self._close()
        self._is_once = once and name is not None
        if name in (None, "stdout"):
            return
        if name == "off":
            self._file, self.name = open(os.devnull, "w", encoding="utf-8"), "off"  # noqa: SIM115
            return
        if name == "stderr":
            self._file, self.name = sys.stderr, "stderr"
            return
        assert name is not None
        self._file = open(name, "w", encoding="utf-8", errors=ENCODING_ERRORS, newline="")  # noqa: SIM115
        self.name = name
        if bom:
            self._file.write("\ufeff")

    def end_of_statement(self) -> None:
        """`.once` is over."""
        if self._is_once:
            self.redirect(None)

    def flush(self) -> None:
        """Let others see it."""
        self._file.flush()

    def _close(self) -> None:
        if self._file not in (self._standard, sys.stderr):
            self._file.close()
        self._file, self.name, self._is_once = self._standard, "stdout", False
