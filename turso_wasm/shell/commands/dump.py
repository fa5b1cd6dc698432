"""`.dump`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import command
from turso_wasm.shell.dump import dump
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

LINES: Final = 500  # written at once


@command(
    "dump",
    "?OBJECTS?",
    "Render database content as SQL\n"
    "--data-only            Output only INSERT statements\n"
    '--nosys                Omit system tables (ex: "sqlite_stat1")\n'
    "--preserve-rowids      Include ROWID values in the output\n"
    "OBJECTS are LIKE patterns of tables; all without any",
)
def _dump(shell: Shell, arguments: list[str]) -> None:
    options = {word.lstrip("-") for word in arguments if word.startswith("-")}
    if unknown := options - {"data-only", "nosys", "preserve-rowids"}:
        raise CommandError(f'Unknown option "--{min(unknown)}" on ".dump"')
    patterns = [word for word in arguments if not word.startswith("-")]
    lines = dump(
        shell,
        patterns,
        data_only="data-only" in options,
        keeps_rowids="preserve-rowids" in options,
        nosys="nosys" in options,
    )
    with shell.bar("dump", None) as bar:
        try:
            n = 0
            while some := list(islice(lines, LINES)):
                shell.output.line("\n".join(some))
                n += len(some)
                bar.update(n, None)
        except Error as error:
            shell.output.line(f"/****** ERROR: {error} ******/")
            shell.output.line("ROLLBACK; -- due to errors")
            raise CommandError(f"Error: {error}") from None
