"""`.recover`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import UsageError, command
from turso_wasm.shell.messages import CommandError
from turso_wasm.shell.recover.salvage import recover

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell


@command(
    "recover",
    "",
    "Recover as much data as possible from corrupt db.\n"
    "--ignore-freelist        Ignore pages that are on the freelist\n"
    "--lost-and-found TABLE   Alternative name for the table of rows that belong to none",
)
def _recover(shell: Shell, arguments: list[str]) -> None:
    table, freelist = "lost_and_found", True
    words = iter(arguments)
    for word in words:
        option = word.lstrip("-")
        if option == "ignore-freelist":
            freelist = False
        elif option == "lost-and-found":
            table = next(words, table)
        else:
            raise UsageError
    with shell.bar("recover", None) as bar:
        for nth, line in enumerate(recover(_image(shell), lost_and_found=table, freelist=freelist)):
            shell.output.line(line)
            if not nth & 0x3FF:
                bar.update(nth, None)


def _image(shell: Shell) -> bytes:
    """The database as the engine sees it, with its log; or the bare file, when the engine cannot read it."""
    try:
        return shell.connection.serialize()
    except Error:
        try:
            return Path(shell.path).read_bytes()
        except OSError as error:
            raise CommandError(f"Error: cannot read {shell.path}: {error.strerror}") from None
