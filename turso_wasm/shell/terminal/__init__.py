"""What a person at a terminal has: editing, history, completion, colours, progress bars.

Editing needs prompt_toolkit and pygments, the bars rich (the extra `shell`); without them lines are read plainly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from turso_wasm import __version__
from turso_wasm.dbapi import sqlite_version
from turso_wasm.shell.commands.display import screen_width
from turso_wasm.shell.formats.style import TERMINAL
from turso_wasm.shell.session import Shell
from turso_wasm.shell.source import Source
from turso_wasm.shell.terminal.readline import Read, Reader

Ask = Callable[[], str]

read_line: Read | None = None
"""What reads lines, where Python does not have the terminal."""


def prepare(shell: Shell) -> None:
    """Set what a terminal begins with."""
    shell.settings.style = replace(TERMINAL, screen=screen_width())
    try:
        from turso_wasm.shell.terminal.progress import progress_bar
    except ModuleNotFoundError:
        return
    if sys.stderr.isatty():
        shell.progress = progress_bar


def converse(shell: Shell) -> None:
    """Read and run until the end of input, or `.exit`."""
    where = "a transient in-memory database" if shell.path in ("", ":memory:") else shell.path
    print(f'turso_wasm {__version__} (SQLite {sqlite_version})\nEnter ".help" for usage hints.\nConnected to {where}.')
    source = Source(shell, is_script=False)
    source.run(_lines(shell, source, _asker(shell, source)))


def _asker(shell: Shell, source: Source) -> Ask:
    """What asks for lines: the editor, or without its packages or a terminal the plain `input`."""
    if read_line is not None:
        reader = Reader(shell, read_line)
        return lambda: reader.ask(is_pending=source.is_pending)
    if sys.stdin.isatty():
        try:
            from turso_wasm.shell.terminal.editor import Editor
        except ModuleNotFoundError as error:
            print(f"Plain input, for want of {error.name}: pip install 'turso-wasm[shell]' brings an editor.")
        else:
            return Editor(shell).ask
    return lambda: input(shell.settings.prompts[source.is_pending])


def _lines(shell: Shell, source: Source, ask: Ask) -> Iterator[str]:
    while shell.exit_code is None:
        try:
            text = ask()
        except EOFError:
            return
        except KeyboardInterrupt:  # drop what was typed
            source.forget()
            print()
            continue
        yield from text.split("\n")
