"""The table of dot-commands, and how their lines are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

Action: TypeAlias = "Callable[[Shell, list[str]], None]"

_ARGUMENT = re.compile(r"""'([^']*)'?|"((?:[^"\\]|\\.)*)"?|(\S+)""")
_ESCAPE = re.compile(r"\\([abtnvfr\"'\\]|x[0-9a-fA-F]{1,2}|[0-7]{1,3})")
_ESCAPED = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}


@dataclass(frozen=True)
class Command:
    """A dot-command. usage: its arguments; about: a line of help, and more lines for `.help NAME`."""

    name: str
    usage: str
    about: str
    action: Action
    aliases: tuple[str, ...] = ()

    @property
    def synopsis(self) -> str:
        """Name and arguments."""
        return f".{self.name} {self.usage}".rstrip()


COMMANDS: Final[dict[str, Command]] = {}


def command(name: str, usage: str, about: str, *, aliases: tuple[str, ...] = ()) -> Callable[[Action], Action]:
    """Enter a dot-command into the table."""

    def enter(action: Action) -> Action:
        COMMANDS[name] = Command(name, usage, about, action, aliases)
        return action

    return enter


class UsageError(CommandError):
    """The arguments are not those of the command."""


def find(word: str) -> Command | None:
    """The command of a name, an alias, or the beginning of only one name."""
    for each in COMMANDS.values():
        if word == each.name or word in each.aliases:
            return each
    begun = [each for each in COMMANDS.values() if each.name.startswith(word)]
    return begun[0] if len(begun) == 1 else None


def run(shell: Shell, line: str) -> None:
    """Run the command of a line. Errors: CommandError; those of the engine and of files."""
    arguments = split_line(line[1:].rstrip().removesuffix(";"))
    found = find(arguments[0].lower()) if arguments else None
    if found is None:
        word = arguments[0] if arguments else ""
        raise CommandError(f'Error: unknown command or invalid arguments:  "{word}". Enter ".help" for help')
    try:
        found.action(shell, arguments[1:])
    except UsageError as error:
        raise CommandError(str(error) or f"Usage: {found.synopsis}") from None


def split_line(line: str) -> list[str]:
    """The words of a line: bare, in single quotes, or in double quotes with the escapes of C."""
    words: list[str] = []
    for single, double, bare in _ARGUMENT.findall(line):
        words.append(bare or single or _ESCAPE.sub(lambda found: _unescaped(found[1]), double))
    return words


def unescaped(text: str) -> str:
    """A bare word with the escapes of C taken for what they mean."""
    return _ESCAPE.sub(lambda found: _unescaped(found[1]), text)


def _unescaped(code: str) -> str:
    if code[0] == "x":
        return chr(int(code[1:], 16))
    return chr(int(code, 8) & 0xFF) if code[0].isdigit() else _ESCAPED.get(code, code)


def switch(word: str) -> bool:
    """On or off, yes or no, a number. Errors: CommandError."""
    lowered = word.lower()
    if lowered in ("on", "yes", "true"):
        return True
    if lowered in ("off", "no", "false"):
        return False
    if lowered.lstrip("+-").isdigit():
        return int(lowered) != 0
    raise CommandError(f'ERROR: Not a boolean value: "{word}". Assuming "no".')


def one_of(arguments: Sequence[str]) -> str:
    """The only argument. Errors: UsageError."""
    if len(arguments) != 1:
        raise UsageError
    return arguments[0]
